/*
 * Open circuits that replicas share through Redis (proto/redis.md, Circuits). One exchange tells what this replica has
 * found and hears what all know; a half-open circuit's probe is given to one replica alone.
 */
#ifndef VR_WEBHOOK_CIRCUITS_H
#define VR_WEBHOOK_CIRCUITS_H

#include "common/io/cache.h"
#include "services/webhook/lanes.h"

#define CIRCUITS_MAX 10000 /* heard of at once; the script knows it too */

struct circuits_heard {
        const struct circuit *open; /* in the arena */
        size_t open_count;
        const char **granted; /* editors whose probe is ours */
        size_t granted_count;
};

/* `probe_ms`: how long a probe may take; then another replica may try. Errors as cache_run. */
MUST_CHECK enum err circuits_exchange(struct cache *cache, struct arena *arena, const struct circuit_note *notes,
                                      size_t count, int64_t probe_ms, struct circuits_heard *ret_heard);

#endif
