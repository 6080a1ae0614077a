/*
 * Opening the parts that services have in common: database, Redis, Kafka, HTTP. Each says in one log line (service.start)
 * what could not be opened and why; the caller passes the error on and closes what is open, in reverse order.
 * A Kafka that is away is no reason not to start: what there is to tell waits in an outbox.
 */
#ifndef VR_APP_PARTS_H
#define VR_APP_PARTS_H

#include "common/app/outbox.h"
#include "common/app/router.h"
#include "common/app/service.h"
#include "common/app/subscriber.h"
#include "common/io/bus.h"
#include "common/io/cache.h"
#include "common/io/db.h"
#include "common/io/http_server.h"

#define PARTS_CLOSE_BUS_MS 5000 /* for bus_producer_close */

/* Logs, returns `err`. `detail` may be NULL. */
MUST_CHECK enum err part_failed(enum err err, const char *what, const char *detail);

/* Opened, and its schema brought up to date. */
MUST_CHECK enum err part_database(struct service *service, const char *url, const struct file *migrations,
                                  struct db **ret_db);
/* For `vr-x migrate`: only that, with what goes wrong on stderr. The process's exit status. */
int part_migrate(const char *program, const char *url, const struct file *migrations);

/* VR_REDIS_URL; Redis need not be there yet. */
MUST_CHECK enum err part_cache(struct service *service, struct cache **ret_cache);

/* With the service's name as client id and group. */
struct bus_config part_bus(const struct service *service);
/* Makes or checks the topics (event_topics), waits up to 5 s, warns; opens the producer. `topics` end with NULL. */
MUST_CHECK enum err part_producer(struct service *service, const char *const *topics,
                                  struct bus_producer **ret_producer);
/* The same with a configuration of the caller's own, made from part_bus(). */
MUST_CHECK enum err part_producer_of(const struct bus_config *bus, const char *const *topics,
                                     struct bus_producer **ret_producer);
MUST_CHECK enum err part_outbox(struct service *service, struct db *db, struct bus_producer *producer,
                                struct outbox **ret_outbox);
/* Fills bus, metrics and the log of dead letters; the caller sets the rest of `config`. */
MUST_CHECK enum err part_subscriber(struct service *service, struct subscriber_config config,
                                    struct subscriber **ret_subscriber);
/* Fills the metrics; VR_HTTP_ADDRESS, VR_HTTP_PORT, VR_HTTP_THREADS. */
MUST_CHECK enum err part_http(struct service *service, struct router_config config, struct router **ret_router,
                              struct http_server **ret_http);

/* Checks for service_add_check; `arg` is the part. */
enum err part_check_database(void *db);
enum err part_check_cache(void *cache);
enum err part_check_consumer(void *subscriber); /* liveness: its loop goes round */

/* Readiness: the topics are as declared (tried again until they are), and the subscriber has joined or a broker answers. */
struct part_kafka {
        struct service *service;
        struct subscriber *subscriber; /* NULL: */
        struct bus_producer *producer; /* is asked instead */
        bool topics_ready;
};
enum err part_check_kafka(void *kafka);

#endif
