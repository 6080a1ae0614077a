/* What the wizard sees of a market: proto/market_snapshot.schema.json, kept in Redis for a while (proto/redis.md). */
#ifndef VR_MARKET_MARKET_SNAPSHOT_H
#define VR_MARKET_MARKET_SNAPSHOT_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/io/cache.h"
#include "services/market/market.h"

#define SNAPSHOT_TTL_MS (300 * INT64_C(1000))

/* Appends the JSON. */
void market_snapshot_write(struct arena *arena, const struct market *market, struct buf *out);
/* Puts it under `vr:market:<identifier>`; one of a higher version stays. */
MUST_CHECK enum err market_snapshot_put(struct cache *cache, struct arena *arena, const struct market *market);

#endif
