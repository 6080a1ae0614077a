/*
 * From the wizard's outbox in Redis to Kafka. A step's event is published at once without making the buyer wait; what
 * got no report stays in Redis, and the sweep publishes it again under the same id. A confirmation stays until market
 * has completed the market, so that a broker that comes back empty loses none. The sweep also ends lapsed progress.
 */
#ifndef VR_WIZARD_PUBLISHER_H
#define VR_WIZARD_PUBLISHER_H

#include "common/app/event.h"
#include "common/base/metrics.h"
#include "common/io/bus.h"
#include "services/wizard/market_reader.h"
#include "services/wizard/progress_store.h"

struct publisher;
struct publisher_config {
        const struct progress_store *store;
        const struct market_reader *markets;
        struct bus_producer *producer; /* taken: closed by publisher_stop */
        struct metric *abandoned;      /* by step */
};
MUST_CHECK enum err publisher_start(const struct publisher_config *config, struct publisher **ret_publisher);
/* Events that are in the outbox already. Never waits, never fails: the sweep is behind it. Any thread. */
void publisher_send(struct publisher *publisher, struct arena *arena, const struct event *events, size_t count);
/* Waits for the broker's report; ERR_UNAVAILABLE: no broker has it; ERR_IN_DOUBT, ERR_TIMEOUT: one may have it, now or later. */
MUST_CHECK enum err publisher_send_wait(struct publisher *publisher, struct arena *arena, const struct event *event,
                                        int timeout_ms);
void publisher_stop(struct publisher *publisher); /* NULL is fine */

#endif
