/*
 * Sends due deliveries. Three threads (and one that shares open circuits, sender_circuits.c):
 * - the claimer takes due deliveries with a lease and a fence, and writes delivery.started, in one transaction; then
 *   hands them to io/http_multi;
 * - http_multi's loop runs the exchanges;
 * - the recorder writes what came of them, in batches: attempt, delivery (if the fence is still ours), outbox event.
 * An attempt that can't be recorded stops the claiming of more. Editors take turns; what one endpoint does never delays another.
 */
#ifndef VR_WEBHOOK_SENDER_H
#define VR_WEBHOOK_SENDER_H

#include "common/app/egress.h"
#include "common/app/outbox.h"
#include "common/app/sealed.h"
#include "common/base/metrics.h"
#include "common/io/cache.h"
#include "common/io/db.h"
#include "services/webhook/breaker_rules.h"
#include "services/webhook/due_clock.h"
#include "services/webhook/outcome_rules.h"

struct sender;

struct sender_config {
        struct db *db;
        struct outbox *outbox; /* NULL is fine */
        struct cache *cache;   /* shares open circuits with other replicas; NULL: each by itself */
        struct metrics *metrics;
        const struct keyring *keyring;
        const struct egress *egress;
        const struct due_clock *clock;
        struct retry_policy retry; /* of editors without their own schedule */
        struct breaker_policy breaker;
        int64_t max_inflight, endpoint_inflight; /* 0: no limit */
        int64_t timeout_ms, connect_timeout_ms;
        int64_t lease_ms;
        const char *ca_file;
};

/* Everything in the configuration outlives the sender. */
MUST_CHECK enum err sender_start(const struct sender_config *config, struct sender **ret_sender);
/* There may be something due. Any thread; NULL is fine. */
void sender_wake(struct sender *sender);
/* An open circuit to this editor lets one attempt through now. Any thread; NULL is fine. */
void sender_probe(struct sender *sender, const char *editor_id);
/* Milliseconds since the slower of its two threads last went round: for liveness. */
int64_t sender_idle_ms(const struct sender *sender);
/*
 * Takes no more, waits up to `drain_ms` for running attempts, gives the rest back (due at once, under the same id),
 * records, frees. NULL is fine.
 */
void sender_stop(struct sender *sender, int64_t drain_ms);

#endif
