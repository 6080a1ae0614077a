/* All SQL of the webhook service. Everything here runs inside a unit of work (io/db.h) and fails as that says. */
#ifndef VR_WEBHOOK_STORE_H
#define VR_WEBHOOK_STORE_H

#include "common/base/arena.h"
#include "common/io/db.h"
#include "services/webhook/delivery_rules.h"
#include "services/webhook/endpoint_rules.h"

extern const struct file webhook_migrations[];

struct delivery {
        const char *id; /* the webhook-id header */
        const char *event_id, *market, *editor_id;
        const char *traceparent; /* may be NULL */
        const void *body;
        size_t body_length;
        int64_t field_count;
        int64_t completed_at_ms, created_at_ms;
        const char *reason, *error; /* of a failed one; may be NULL */
        struct delivery_progress progress;
};

struct attempt {
        int64_t number;
        int64_t started_at_ms, duration_ms;
        const char *outcome;
        int64_t status_code;                  /* 0: no answer */
        const char *error, *response_excerpt; /* may be NULL */
};

/* Not an error when there is none: then `known` is false. */
MUST_CHECK enum err store_endpoint(struct db_tx *tx, struct arena *arena, const char *editor_id,
                                   struct endpoint *ret_endpoint);
MUST_CHECK enum err store_endpoint_by_client(struct db_tx *tx, struct arena *arena, const char *client_id,
                                             struct endpoint *ret_endpoint);
MUST_CHECK enum err store_endpoints(struct db_tx *tx, struct arena *arena, struct endpoint **ret_endpoints,
                                    size_t *ret_count);
/* Up to `limit` of them after that id, in the order of ids. */
MUST_CHECK enum err store_endpoints_after(struct db_tx *tx, struct arena *arena, const char *after_id, int64_t limit,
                                          struct endpoint *ret_endpoints, size_t *ret_count);
/* The same secrets, sealed anew; nothing when an update came in between (the version). */
MUST_CHECK enum err store_save_secrets(struct db_tx *tx, const struct endpoint *endpoint);
MUST_CHECK enum err store_save_endpoint(struct db_tx *tx, struct arena *arena, const struct endpoint *endpoint,
                                        int64_t now_ms);
/* After a 410, unless the URL has changed meanwhile. */
MUST_CHECK enum err store_disable_endpoint(struct db_tx *tx, const char *editor_id, const char *url, int64_t now_ms);
MUST_CHECK enum err store_enable_endpoint(struct db_tx *tx, const char *editor_id, int64_t now_ms);
/* Deliveries that waited for an endpoint to become known are due now. */
MUST_CHECK enum err store_wake_postponed(struct db_tx *tx, const char *editor_id, int64_t due_ms);

/* `ret_inserted` is false when the event has its delivery already. */
MUST_CHECK enum err store_insert_delivery(struct db_tx *tx, const struct delivery *delivery, bool *ret_inserted);
MUST_CHECK enum err store_delivery(struct db_tx *tx, struct arena *arena, const char *id,
                                   struct delivery *ret_delivery);
MUST_CHECK enum err store_delivery_of_event(struct db_tx *tx, struct arena *arena, const char *event_id,
                                            struct delivery *ret_delivery);
/*
 * Writes `delivery`'s progress, reason and error, if the row still stands as `before` had it (state and fence).
 * `ret_saved` false: somebody else has moved it.
 */
MUST_CHECK enum err store_save_progress(struct db_tx *tx, const struct delivery *delivery,
                                        const struct delivery_progress *before, bool *ret_saved);
MUST_CHECK enum err store_renew_lease(struct db_tx *tx, const struct delivery *delivery, int64_t due_ms);

/* Editors with anything due, in the order of their ids. */
MUST_CHECK enum err store_due_editors(struct db_tx *tx, struct arena *arena, int64_t due_ms,
                                      const char ***ret_editor_ids, size_t *ret_count);
/* Ids of the editor's due deliveries, longest due first; locked until the end of the transaction. */
MUST_CHECK enum err store_due_deliveries(struct db_tx *tx, struct arena *arena, const char *editor_id, int64_t due_ms,
                                         int64_t limit, const char ***ret_ids, size_t *ret_count);

MUST_CHECK enum err store_add_attempt(struct db_tx *tx, const char *delivery_id, const struct attempt *attempt);
/* ERR_NOT_FOUND when there was none. */
MUST_CHECK enum err store_last_attempt(struct db_tx *tx, struct arena *arena, const char *delivery_id,
                                       struct attempt *ret_attempt);
MUST_CHECK enum err store_attempts(struct db_tx *tx, struct arena *arena, const char *delivery_id,
                                   struct attempt **ret_attempts, size_t *ret_count);
/* The newest 100, of one market and one state or (NULL) of all; without their bodies. */
MUST_CHECK enum err store_deliveries(struct db_tx *tx, struct arena *arena, const char *market, const char *state,
                                     struct delivery **ret_deliveries, size_t *ret_count);
/* Ids of those that failed for good within [from, to], longest ago first. */
MUST_CHECK enum err store_failed_deliveries(struct db_tx *tx, struct arena *arena, int64_t from_ms, int64_t to_ms,
                                            int64_t limit, const char ***ret_ids, size_t *ret_count);

struct queue_figures {
        int64_t due, leased, scheduled;
        int64_t oldest_due_at_ms; /* 0: none is due */
};
MUST_CHECK enum err store_queue(struct db_tx *tx, int64_t due_ms, struct queue_figures *ret_figures);

struct tally {
        int64_t count;
        int64_t oldest_ms; /* 0: none */
};
struct doctor_figures {
        struct tally overdue;   /* waiting, due before `overdue_ms` */
        struct tally expired;   /* leased, the lease ended before `lease_ms` */
        struct tally lost;      /* open without a due time, or ended with one */
        struct tally outbox;    /* events not published since before `outbox_ms` */
        struct tally postponed; /* waiting for an endpoint to become known */
        struct tally disabled;  /* endpoints switched off by a 410 */
};
/* Reads every delivery: for an operator's command. */
MUST_CHECK enum err store_doctor(struct db_tx *tx, int64_t overdue_ms, int64_t lease_ms, int64_t outbox_ms,
                                 struct doctor_figures *ret_figures);

#endif
