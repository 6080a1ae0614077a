/*
 * What was heard of the deliveries: the attempts that editors read. At most LIMIT_MARKET_ATTEMPTS a delivery, kept for
 * ATTEMPT_KEEP_MS. Where a delivery stands is not here: the market's sync status says so.
 */
#ifndef VR_MARKET_DELIVERY_STORE_H
#define VR_MARKET_DELIVERY_STORE_H

#include "common/base/arena.h"
#include "common/io/db.h"
#include "services/market/market.h"

#define ATTEMPT_KEEP_MS (90 * 24 * 3600 * INT64_C(1000))

struct delivery_news {
        const char *delivery_id;
        const char *identifier;
        int64_t heard_ms;
        struct attempt attempt; /* number 0: of no attempt */
        bool counts;            /* neither late nor repeated */
        const char *error;      /* why nothing follows by itself; NULL: something may */
};
/* Late and repeated news completes what is missing and takes nothing back. */
MUST_CHECK enum err delivery_store_note(struct db_tx *tx, const struct delivery_news *news);

struct delivery {
        const char *id;
        const char *error;
        const struct attempt *attempts; /* in their order */
        size_t attempt_count;
};
/* The newest first, at most LIMIT_MARKET_DELIVERIES (a second one means that webhook had lost its database). */
MUST_CHECK enum err delivery_store_list(struct db_tx *tx, struct arena *arena, const char *identifier,
                                        struct delivery **ret_deliveries, size_t *ret_count);

/* Forgets attempts that began before `before_ms`. */
MUST_CHECK enum err delivery_store_prune(struct db_tx *tx, int64_t before_ms);

#endif
