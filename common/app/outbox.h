/*
 * Events that leave with the state they tell of: a row in the same transaction, then the relay publishes it and marks it
 * once the broker's report is there. Each service with events has the table (common/app/outbox.sql is the reference for
 * its migration; Debezium's default column names).
 */
#ifndef VR_APP_OUTBOX_H
#define VR_APP_OUTBOX_H

#include <stdint.h>

#include "common/app/event.h"
#include "common/io/db.h"

/* Inside a unit of work. The id is taken from the event, or made when that is NULL. */
MUST_CHECK enum err outbox_add(struct db_tx *tx, const struct event *event);

struct outbox;
struct outbox_config {
        struct db *db;
        struct bus_producer *producer;
        struct metrics *metrics; /* vr_outbox_pending, vr_outbox_oldest_age_seconds */
        int64_t keep_sent_ms;    /* sent rows are pruned after this */
};
/* The relay, on a thread of its own. */
MUST_CHECK enum err outbox_start(const struct outbox_config *config, struct outbox **ret_outbox);
/* There may be new rows (call after a db_write that added some); else it looks every 200 ms. Any thread; NULL is fine. */
void outbox_wake(struct outbox *outbox);
/* Rows it has sent since start: for tests. */
int64_t outbox_sent(const struct outbox *outbox);
/* Stops taking rows, waits for the reports of those in flight (up to 5 s), frees. NULL is fine. */
void outbox_stop(struct outbox *outbox);

#endif
