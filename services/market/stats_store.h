/* The seed's key figures of one editor, counted exactly over the markets created within a period. */
#ifndef VR_MARKET_STATS_STORE_H
#define VR_MARKET_STATS_STORE_H

#include "common/io/db.h"

struct stats {
        int64_t created, completed;
        /* From a buyer's first look to the confirmation; 0 without a completed market. */
        int64_t average_ms, median_ms, p90_ms;
        /* The completed markets by what is known of the telling: the rest is on its way. */
        int64_t notified, failed;
        int64_t attempts, notified_at_first_attempt;
};

/* Markets of `editor_id` created in [from_ms, to_ms). */
MUST_CHECK enum err stats_store_load(struct db *db, const char *editor_id, int64_t from_ms, int64_t to_ms,
                                     struct stats *ret_stats);

#endif
