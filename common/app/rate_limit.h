/*
 * How often, at most: a fixed window per key, counted in Redis by one script, so all replicas share it (proto/redis.md).
 * A Redis that comes back empty starts all windows anew. Any thread.
 */
#ifndef VR_APP_RATE_LIMIT_H
#define VR_APP_RATE_LIMIT_H

#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/metrics.h"
#include "common/io/cache.h"

#define RATE_LIMIT_HOUR_MS (3600 * INT64_C(1000))

struct rate_limiter {
        struct cache *cache;
        const char *name; /* "api": in the key, and the label of the metric */
        int64_t limit;    /* per window; 0: off */
        int64_t window_ms;
        struct series *limited; /* rate_limit_series(), or NULL */
};

/* vr_rate_limited_total {scope=name}, at 0 from now on. */
struct series *rate_limit_series(struct metrics *metrics, const char *name);

struct rate_limit {
        int64_t limit; /* 0: nothing is limited, the rest says nothing */
        int64_t remaining;
        int64_t reset_s; /* when the window ends, epoch seconds, rounded up */
        int64_t wait_s;  /* until then, at least 1 */
};

/*
 * Counts one more for `key`. ERR_RATE_LIMITED when it would be one too many: `ret_state` is filled then too. Off: ERR_OK
 * without asking Redis. Else what cache.h says.
 */
MUST_CHECK enum err rate_limit_count(const struct rate_limiter *limiter, struct arena *arena, const char *key,
                                     struct rate_limit *ret_state);
/* What the next count would be told, without counting: ERR_RATE_LIMITED when it would be refused. */
MUST_CHECK enum err rate_limit_peek(const struct rate_limiter *limiter, struct arena *arena, const char *key,
                                    struct rate_limit *ret_state);

#endif
