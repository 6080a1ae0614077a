/*
 * What the wizard keeps in Redis, and nothing more durable: progress (24 h after its last change), events that wait for
 * Kafka, confirmations until market has them, limits. Layouts: proto/redis.md. All errors are cache.h's. Any thread.
 */
#ifndef VR_WIZARD_PROGRESS_STORE_H
#define VR_WIZARD_PROGRESS_STORE_H

#include "common/app/event.h"
#include "common/io/cache.h"
#include "services/wizard/step_rules.h"

struct progress_store {
        struct cache *cache;
        int64_t ttl_ms;
};

/* All that Redis knows of a market, in one round trip: each page begins with it. */
struct visit {
        const char *snapshot; /* as market wrote it; NULL: none there */
        const char *progress; /* for progress_of(); NULL: none */
        bool submitted;       /* was it confirmed? */
};
MUST_CHECK enum err visit_load(const struct progress_store *store, struct arena *arena, const char *identifier,
                               struct visit *ret_visit);
/* ERR_NOT_FOUND when there is none, or when it lapsed before now_ms. */
MUST_CHECK enum err progress_of(const struct progress_store *store, struct arena *arena, const struct visit *visit,
                                int64_t now_ms, struct progress *ret_progress);
/* Had somebody started before (and let it lapse)? */
MUST_CHECK enum err progress_was_started(const struct progress_store *store, struct arena *arena,
                                         const char *identifier, bool *ret_started);
/* With the events that tell of it, atomically. ERR_CONFLICT: somebody else saved since it was read. Moves `version` on. */
MUST_CHECK enum err progress_save(const struct progress_store *store, struct arena *arena, const char *identifier,
                                  struct progress *progress, const struct event *events, size_t count);

/* The first confirmation stays: `ret_id` is the id of the one that counts. */
MUST_CHECK enum err submission_keep(const struct progress_store *store, struct arena *arena, const struct event *event,
                                    const char **ret_id);
/* It did not get through: as if it had not been confirmed. */
MUST_CHECK enum err submission_forget(const struct progress_store *store, struct arena *arena, const char *identifier,
                                      const char *id);
/* Was it confirmed? */
MUST_CHECK enum err submission_exists(const struct progress_store *store, struct arena *arena, const char *identifier,
                                      bool *ret_exists);

/* ---- the outbox: events that wait for the broker's report ---- */
MUST_CHECK enum err waiting_add(const struct progress_store *store, struct arena *arena, const struct event *event);
MUST_CHECK enum err waiting_get(const struct progress_store *store, struct arena *arena, const char *id,
                                struct event *ret_event);
MUST_CHECK enum err waiting_remove(const struct progress_store *store, struct arena *arena, const char *id);
/* One page of a scan; `cursor` starts as "0" and is "0" again after the last page. */
MUST_CHECK enum err waiting_scan(const struct progress_store *store, struct arena *arena, const char **cursor,
                                 struct event **ret_events, size_t *ret_count);

/* ---- lapses ---- */
/* Up to 100 markets whose progress lapsed before now_ms. */
MUST_CHECK enum err lapsed_list(const struct progress_store *store, struct arena *arena, int64_t now_ms,
                                const char *const **ret_identifiers, size_t *ret_count);
/* Ends it. `event` (may be NULL) waits for Kafka from now on. True for the one caller who ended it. */
MUST_CHECK enum err lapsed_end(const struct progress_store *store, struct arena *arena, const char *identifier,
                               const struct event *event, bool *ret_ended);
/* Its progress whatever its age. ERR_NOT_FOUND. */
MUST_CHECK enum err lapsed_load(const struct progress_store *store, struct arena *arena, const char *identifier,
                                struct progress *ret_progress);

/* One replica sweeps at a time: true for whoever holds the turn for `ms`. */
MUST_CHECK enum err sweep_turn(const struct progress_store *store, struct arena *arena, int64_t ms, bool *ret_mine);

#endif
