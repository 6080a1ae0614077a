/*
 * Consuming events: a thread that takes a batch, applies it in one database transaction (each event in a savepoint),
 * and commits the offsets after it. At-least-once: `apply` is idempotent. What can't be read or is refused for good
 * goes to <topic>.<group>.dlq with the reason in its headers, and the consumer goes on; a passing failure is retried
 * with back-off until it passes.
 */
#ifndef VR_APP_SUBSCRIBER_H
#define VR_APP_SUBSCRIBER_H

#include <stdbool.h>

#include "common/app/event.h"
#include "common/io/db.h"

struct subscription {
        const char *type; /* "configuration.submitted"; a NULL type ends the table. Other types are skipped. */
        const char *topic;
        /* Inside the transaction; may run again. Retryable errors hold the partition; others dead-letter the event. */
        enum err (*apply)(void *app, struct db_tx *tx, struct arena *arena, const struct event *event);
        /* After the commit (refresh a cache, wake a sender); may be NULL. */
        void (*after)(void *app, struct arena *arena, const struct event *event);
};

struct outbox;
struct subscriber;
/* The texts and the table outlive the subscriber. */
struct subscriber_config {
        struct bus_config bus;         /* with the group */
        struct bus_producer *producer; /* for dead letters */
        struct db *db;
        struct metrics *metrics;
        const struct subscription *table;
        void *app;
        /* After each batch with new outbox rows; NULL is fine. */
        struct outbox *outbox;
        /* An event went to the dead letters: for the service's log. On the subscriber's thread; may be NULL. */
        void (*dead)(void *app, const struct bus_message *message, const char *reason);
};
MUST_CHECK enum err subscriber_start(const struct subscriber_config *config, struct subscriber **ret_subscriber);
bool subscriber_ready(const struct subscriber *subscriber);
/* Milliseconds since its loop last went round: for liveness. A dead letter may keep it for 40 s. */
int64_t subscriber_idle_ms(const struct subscriber *subscriber);
void subscriber_stop(struct subscriber *subscriber); /* finishes its batch; NULL is fine */

#endif
