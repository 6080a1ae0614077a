/*
 * Keeps Redis in step with the database on who may be served. The command line tells Redis itself, at once; what it could
 * not tell, and what a Redis that lost its last second forgot, is repaired here within a second or so. On a thread of its own.
 */
#ifndef VR_AUTH_STATE_SWEEP_H
#define VR_AUTH_STATE_SWEEP_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/io/cache.h"
#include "common/io/db.h"

struct state_sweep;

struct state_sweep_config {
        struct db *db;
        struct cache *cache;
        /* What else is to be done each round, about a second apart, on the same thread; may be NULL. */
        void (*also)(void *arg);
        void *arg;
};
MUST_CHECK enum err state_sweep_start(const struct state_sweep_config *config, struct state_sweep **ret_sweep);
bool state_sweep_is_stuck(const struct state_sweep *sweep);
void state_sweep_stop(struct state_sweep *sweep); /* NULL is fine */

/* One round: editors not yet told of, and those changed after `since_ms`. `ret_told`: how many. */
MUST_CHECK enum err state_sweep_once(struct db *db, struct cache *cache, int64_t since_ms, size_t *ret_told);

#endif
