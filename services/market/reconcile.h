/*
 * The sweep: completed markets whose delivery has not been heard of for too long are announced again under the same
 * event id, so that a broker that came back empty heals (design §2). Also prunes what has had its time.
 */
#ifndef VR_MARKET_RECONCILE_H
#define VR_MARKET_RECONCILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/rounds.h"

struct market_app;

/* One round at `now_ms`: how many markets were announced again. ERR_OK with 0 is normal. */
MUST_CHECK enum err reconcile_once(struct market_app *app, int64_t now_ms, size_t *ret_announced);

/* Rounds often enough to be late by a tenth at most; rounds_stop() ends them. */
MUST_CHECK enum err reconciler_start(struct market_app *app, struct rounds **ret_rounds);

#endif
