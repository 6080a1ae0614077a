/* The events this service publishes: proto/events/market.*.schema.json. Each is built in the arena, from the row alone. */
#ifndef VR_MARKET_MARKET_EVENTS_H
#define VR_MARKET_MARKET_EVENTS_H

#include "common/app/event.h"
#include "services/market/market.h"

MUST_CHECK enum err market_event_created(struct arena *arena, const struct market *market, struct event *ret_event);
/* Under market->completed_event_id, the same bytes however often it is built. */
MUST_CHECK enum err market_event_completed(struct arena *arena, const struct market *market, struct event *ret_event);
/* Under market->retry_event_id. */
MUST_CHECK enum err market_event_retry(struct arena *arena, const struct market *market, struct event *ret_event);
MUST_CHECK enum err market_event_sync_changed(struct arena *arena, const struct market *market,
                                              enum sync_status previous, int64_t now_ms, struct event *ret_event);

#endif
