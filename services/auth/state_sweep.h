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

MUST_CHECK enum err state_sweep_start(struct db *db, struct cache *cache, struct state_sweep **ret_sweep);
bool state_sweep_is_stuck(const struct state_sweep *sweep);
void state_sweep_stop(struct state_sweep *sweep); /* NULL is fine */

/* One round: editors not yet told of, and those changed after `since_ms`. `ret_told`: how many. */
MUST_CHECK enum err state_sweep_once(struct db *db, struct cache *cache, int64_t since_ms, size_t *ret_told);

#endif
