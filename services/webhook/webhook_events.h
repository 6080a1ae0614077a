/* Builds the delivery.* events (proto/events/) and puts them into the outbox, inside the unit of work they tell of. */
#ifndef VR_WEBHOOK_EVENTS_H
#define VR_WEBHOOK_EVENTS_H

#include "services/webhook/webhook_store.h"

MUST_CHECK enum err webhook_tell_started(struct db_tx *tx, const struct delivery *delivery, int64_t started_at_ms);
/*
 * After an attempt, or an end without one: the event is told by the delivery's state (waiting: failed, next attempt
 * planned). `last` is the last attempt, NULL when there was none; `delivery->error` goes before its words.
 */
MUST_CHECK enum err webhook_tell_outcome(struct db_tx *tx, const struct delivery *delivery, const struct attempt *last,
                                         int64_t now_ms);
/* Says again how things stand, for a market service that has not heard of it; quiet while there is nothing to say. */
MUST_CHECK enum err webhook_tell_again(struct db_tx *tx, struct arena *arena, const struct delivery *delivery,
                                       int64_t now_ms);

#endif
