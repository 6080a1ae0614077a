#include "common/app/parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"

#define DB_READERS       8
#define DB_TIMEOUT_MS    1000 /* refusing to answer for longer helps nobody: callers get a 503 within 2 s */
#define CACHE_POOL       64
#define CACHE_TIMEOUT_MS 200
#define TOPICS_WAIT_MS   5000
#define TOPICS_LOOK_MS   1000
#define PING_MS          1000
#define KEEP_ALIVE_MS    5000
#define KEEP_SENT_MS     (24 * 3600 * INT64_C(1000))
#define STUCK_AFTER_MS   120000 /* a consumer that has not gone round for so long makes no progress any more */

enum err part_failed(enum err err, const char *what, const char *detail)
{
        log_error(NULL, "service.start", what, LOG_ERR(err), LOG_DETAIL(detail));
        return err;
}

/* ---- database ---- */

enum err part_database(struct service *service, const char *url, const struct file *migrations, struct db **ret_db)
{
        const struct db_config config = {
                .url = url,
                .readers = DB_READERS,
                .timeout_ms = DB_TIMEOUT_MS,
                .metrics = service->metrics,
        };
        enum err err = db_open(&config, ret_db);

        if (err)
                return part_failed(err, "the database can't be opened", NULL);
        err = db_migrate(*ret_db, migrations);
        return err ? part_failed(err, "the database's schema can't be brought up to date", NULL) : ERR_OK;
}

int part_migrate(const char *program, const char *url, const struct file *migrations)
{
        const struct db_config config = {.url = url, .readers = 1, .timeout_ms = DB_TIMEOUT_MS};
        struct db *db = NULL;
        enum err err = db_open(&config, &db);

        if (!err)
                err = db_migrate(db, migrations);
        db_close(db);
        if (err)
                fprintf(stderr, "%s: migration failed: %s\n", program, err_name(err));
        return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- Redis ---- */

enum err part_cache(struct service *service, struct cache **ret_cache)
{
        const struct cache_config config = {
                .url = service->settings->redis_url,
                .pool = CACHE_POOL,
                .timeout_ms = CACHE_TIMEOUT_MS,
                .metrics = service->metrics,
        };
        enum err err = cache_open(&config, ret_cache);

        return err ? part_failed(err, "VR_REDIS_URL can't be used", NULL) : ERR_OK;
}

/* ---- Kafka ---- */

struct bus_config part_bus(const struct service *service)
{
        return (struct bus_config){
                .brokers = service->settings->kafka_brokers,
                .client_id = service->name,
                .group = service->name,
                .metrics = service->metrics,
        };
}

enum err part_producer_of(const struct bus_config *bus, const char *const *topics, struct bus_producer **ret_producer)
{
        enum err err = bus_ensure_topics(bus, event_topics, event_topic_count, TOPICS_WAIT_MS);

        if (err)
                log_warn(NULL, "kafka.topics", "topics could not be made or checked, will try again", LOG_ERR(err));
        err = bus_producer_open(bus, topics, ret_producer);
        return err ? part_failed(err, "the Kafka producer can't be made", NULL) : ERR_OK;
}

enum err part_producer(struct service *service, const char *const *topics, struct bus_producer **ret_producer)
{
        const struct bus_config bus = part_bus(service);

        return part_producer_of(&bus, topics, ret_producer);
}

enum err part_outbox(struct service *service, struct db *db, struct bus_producer *producer, struct outbox **ret_outbox)
{
        const struct outbox_config config = {
                .db = db, .producer = producer, .metrics = service->metrics, .keep_sent_ms = KEEP_SENT_MS};
        enum err err = outbox_start(&config, ret_outbox);

        return err ? part_failed(err, "the outbox relay can't be started", NULL) : ERR_OK;
}

/* An operator has to look at it: what it said is lost for us. */
static void log_dead_letter(void *app, const struct bus_message *message, const char *reason)
{
        (void)app;
        log_error(NULL, "event.dead_letter", "an event could not be used", LOG_STR("vr.key", message->key),
                  LOG_STR("vr.topic", message->topic), LOG_INT("vr.partition", message->partition),
                  LOG_INT("vr.offset", message->offset), LOG_DETAIL(reason));
}

enum err part_subscriber(struct service *service, struct subscriber_config config, struct subscriber **ret_subscriber)
{
        enum err err;

        config.bus = part_bus(service);
        config.metrics = service->metrics;
        config.dead = log_dead_letter;
        err = subscriber_start(&config, ret_subscriber);
        return err ? part_failed(err, "the Kafka consumer can't be started", NULL) : ERR_OK;
}

/* ---- HTTP ---- */

enum err part_http(struct service *service, struct router_config config, struct router **ret_router,
                   struct http_server **ret_http)
{
        const struct service_settings *settings = service->settings;
        struct http_server_config http = {
                .address = settings->http_address,
                .port = (int)settings->http_port,
                .threads = (int)settings->http_threads,
                .keep_alive_ms = KEEP_ALIVE_MS,
                .handle = router_handle,
                .refuse = router_refuse,
        };
        enum err err;

        config.metrics = service->metrics;
        err = router_new(&config, ret_router);
        if (err)
                return part_failed(err, "the route table is broken", NULL);
        http.arg = *ret_router;
        err = http_server_start(&http, ret_http);
        return err ? part_failed(err, "VR_HTTP_PORT can't be listened on", NULL) : ERR_OK;
}

/* ---- checks ---- */

enum err part_check_database(void *db)
{
        return db_ping(db);
}

enum err part_check_cache(void *cache)
{
        return cache_ping(cache);
}

enum err part_check_consumer(void *subscriber)
{
        return subscriber_idle_ms(subscriber) < STUCK_AFTER_MS ? ERR_OK : ERR_TIMEOUT;
}

enum err part_check_kafka(void *arg)
{
        struct part_kafka *kafka = arg;
        const struct bus_config bus = part_bus(kafka->service);
        enum err err;

        if (!kafka->topics_ready) {
                err = bus_ensure_topics(&bus, event_topics, event_topic_count, TOPICS_LOOK_MS);
                if (err)
                        return err;
                kafka->topics_ready = true;
        }
        if (kafka->subscriber)
                return subscriber_ready(kafka->subscriber) ? ERR_OK : ERR_UNAVAILABLE;
        return bus_producer_ping(kafka->producer, PING_MS);
}
