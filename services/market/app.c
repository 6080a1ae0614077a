#include "services/market/app.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/json_write.h"
#include "common/base/log.h"
#include "services/market/consumer.h"
#include "services/market/handlers.h"
#include "services/market/market_store.h"
#include "version.h"

#define SERVICE_NAME     "vr-market"
#define DB_READERS       4
#define DB_TIMEOUT_MS    2000
#define CACHE_POOL       32
#define CACHE_TIMEOUT_MS 200
#define TOPICS_WAIT_MS   5000
#define KEEP_ALIVE_MS    5000
#define KEEP_SENT_MS     (24 * 3600 * INT64_C(1000))
#define STUCK_AFTER_MS   120000 /* a consumer that has not gone round for so long makes no progress any more */
#define CLOSE_BUS_MS     5000

static enum err fail(enum err err, const char *what, const char *detail)
{
        log_error(NULL, "service.start", what, LOG_ERR(err), LOG_DETAIL(detail));
        return err;
}

/* ---- what is measured ---- */

void market_count_types(struct metric *metric, unsigned types)
{
        for (unsigned type = 1; type < 1u << MARKET_TYPE_COUNT; type <<= 1)
                if (types & type)
                        metric_inc(metric, market_type_code(type));
}

static void register_metrics(struct market_app *app)
{
        /* A buyer takes minutes, sometimes days. */
        static const double bounds_s[] = {10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 14400, 43200, 86400, 259200};
        struct metrics *metrics = app->service.metrics;

        app->metrics.created = metrics_counter(metrics, "vr_markets_created_total", "market_type",
                                               "Markets created, once per type of the market.");
        app->metrics.completed = metrics_counter(metrics, "vr_markets_completed_total", "market_type",
                                                 "Markets completed, once per type of the market.");
        app->metrics.configuration =
                metrics_histogram(metrics, "vr_market_configuration_duration_seconds", "",
                                  "From a buyer's first look to the confirmation.", bounds_s, ARRAY_LEN(bounds_s));
        for (unsigned type = 1; type < 1u << MARKET_TYPE_COUNT; type <<= 1) {
                metric_series(app->metrics.created, (const char *const[]){market_type_code(type)});
                metric_series(app->metrics.completed, (const char *const[]){market_type_code(type)});
        }
}

/* ---- the catalogue ---- */

static void write_field(struct json_write *w, struct arena *arena, const struct catalogue_field *field)
{
        size_t count = 0;
        const char *const *codes = market_type_codes(arena, field->types, &count);

        json_object(w, NULL);
        json_string(w, "key", field->key);
        json_string(w, "category", field->category->key);
        json_string(w, "subcategory", field->subcategory->key);
        json_string(w, "label_fr", field->label_fr);
        json_string(w, "label_en", field->label_en);
        json_string(w, "description_fr", field->description_fr);
        json_string(w, "description_en", field->description_en);
        json_string(w, "input_type", field->input_type);
        json_bool(w, "required", field->required);
        json_strings(w, "market_type_codes", codes, count);
        json_string(w, "source", field->source);
        json_string(w, "legal_basis", field->legal_basis);
        json_end(w);
}

static void write_category(struct json_write *w, const struct catalogue_category *category)
{
        json_object(w, NULL);
        json_string(w, "key", category->key);
        json_string(w, "parent", category->parent ? category->parent->key : NULL);
        json_string(w, "label_fr", category->label_fr);
        json_string(w, "label_en", category->label_en);
        json_int(w, "position", category->position);
        json_end(w);
}

static enum err write_catalogue(const struct catalogue *catalogue, struct buf *out)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct json_write w = json_write_to(out);

        json_object(&w, NULL);
        json_array(&w, "categories");
        for (size_t i = 0; i < catalogue->category_count; i++)
                write_category(&w, &catalogue->categories[i]);
        json_end(&w);
        json_array(&w, "fields");
        for (size_t i = 0; i < catalogue->field_count; i++)
                write_field(&w, arena, &catalogue->fields[i]);
        json_end(&w);
        json_end(&w);
        return buf_err(out);
}

static enum err open_catalogue(struct market_app *app)
{
        const char *detail = NULL;
        enum err err = catalogue_load(&app->catalogue, &detail);

        if (!err)
                err = write_catalogue(app->catalogue, &app->catalogue_json);
        return err ? fail(err, "the field catalogue is broken", detail) : ERR_OK;
}

enum err market_app_prepare(struct market_app *app)
{
        register_metrics(app);
        return open_catalogue(app);
}

/* ---- database, Redis, Kafka ---- */

static enum err open_database(struct market_app *app)
{
        const struct db_config config = {
                .url = app->settings->database_url,
                .readers = DB_READERS,
                .timeout_ms = DB_TIMEOUT_MS,
                .metrics = app->service.metrics,
        };
        enum err err = db_open(&config, &app->db);

        if (err)
                return fail(err, "the database can't be opened", NULL);
        err = db_migrate(app->db, market_migrations);
        return err ? fail(err, "the database's schema can't be brought up to date", NULL) : ERR_OK;
}

static enum err open_cache(struct market_app *app)
{
        const struct cache_config config = {
                .url = app->settings->service.redis_url,
                .pool = CACHE_POOL,
                .timeout_ms = CACHE_TIMEOUT_MS,
                .metrics = app->service.metrics,
        };
        enum err err = cache_open(&config, &app->cache);

        if (!err)
                err = guard_new(app->cache, &app->guard);
        return err ? fail(err, "VR_REDIS_URL can't be used", NULL) : ERR_OK;
}

static struct bus_config bus_config(const struct market_app *app)
{
        return (struct bus_config){
                .brokers = app->settings->service.kafka_brokers,
                .client_id = SERVICE_NAME,
                .group = SERVICE_NAME,
                .metrics = app->service.metrics,
        };
}

void market_ensure_topics(struct market_app *app)
{
        const struct bus_config bus = bus_config(app);
        enum err err;

        if (app->topics_ready)
                return;
        err = bus_ensure_topics(&bus, event_topics, event_topic_count, TOPICS_WAIT_MS);
        app->topics_ready = !err;
        if (err)
                log_warn(NULL, "kafka.topics", "topics could not be made or checked, will try again", LOG_ERR(err));
}

static enum err open_bus(struct market_app *app)
{
        static const char *const topics[] = {TOPIC_MARKET, NULL};
        const struct bus_config bus = bus_config(app);
        enum err err = bus_producer_open(&bus, topics, &app->producer);

        return err ? fail(err, "the Kafka producer can't be made", NULL) : ERR_OK;
}

static enum err start_relay(struct market_app *app)
{
        const struct outbox_config config = {
                .db = app->db,
                .producer = app->producer,
                .metrics = app->service.metrics,
                .keep_sent_ms = KEEP_SENT_MS,
        };
        enum err err = outbox_start(&config, &app->outbox);

        return err ? fail(err, "the outbox relay can't be started", NULL) : ERR_OK;
}

/* An operator has to look at it: what it said is lost for us. */
static void log_dead_letter(void *app, const struct bus_message *message, const char *reason)
{
        (void)app;
        log_error(&(struct log_ctx){.market = message->key}, "event.dead_letter", "an event could not be used",
                  LOG_STR("vr.topic", message->topic), LOG_INT("vr.partition", message->partition),
                  LOG_INT("vr.offset", message->offset), LOG_DETAIL(reason));
}

static enum err start_consumer(struct market_app *app)
{
        const struct subscriber_config config = {
                .bus = bus_config(app),
                .producer = app->producer,
                .db = app->db,
                .metrics = app->service.metrics,
                .table = market_subscriptions,
                .app = app,
                .outbox = app->outbox,
                .dead = log_dead_letter,
        };
        enum err err = subscriber_start(&config, &app->subscriber);

        if (err)
                return fail(err, "the Kafka consumer can't be started", NULL);
        err = reconciler_start(app, &app->reconciler);
        return err ? fail(err, "the reconciliation sweep can't be started", NULL) : ERR_OK;
}

/* ---- HTTP ---- */

static enum err open_http(struct market_app *app)
{
        const struct service_settings *settings = &app->settings->service;
        const struct router_config routes = {
                .routes = market_routes, .app = app, .guard = app->guard, .metrics = app->service.metrics};
        struct http_server_config http = {
                .address = settings->http_address,
                .port = (int)settings->http_port,
                .threads = (int)settings->http_threads,
                .keep_alive_ms = KEEP_ALIVE_MS,
                .handle = router_handle,
                .refuse = router_refuse,
        };
        enum err err = router_new(&routes, &app->router);

        if (err)
                return fail(err, "the route table is broken", NULL);
        http.arg = app->router;
        err = http_server_start(&http, &app->http);
        return err ? fail(err, "VR_HTTP_PORT can't be listened on", NULL) : ERR_OK;
}

static enum err check_database(void *arg)
{
        return db_ping(((struct market_app *)arg)->db);
}

static enum err check_redis(void *arg)
{
        return cache_ping(((struct market_app *)arg)->cache);
}

static enum err check_kafka(void *arg)
{
        return subscriber_ready(((struct market_app *)arg)->subscriber) ? ERR_OK : ERR_UNAVAILABLE;
}

static enum err check_progress(void *arg)
{
        return subscriber_idle_ms(((struct market_app *)arg)->subscriber) < STUCK_AFTER_MS ? ERR_OK : ERR_TIMEOUT;
}

enum err market_app_open(struct market_app *app, const struct market_settings *settings)
{
        enum err err;

        app->settings = settings;
        err = service_open(&app->service, SERVICE_NAME, &settings->service);
        if (err)
                return err;
        err = market_app_prepare(app);
        if (!err)
                err = open_database(app);
        if (!err)
                err = open_cache(app);
        if (err)
                return err;
        market_ensure_topics(app);
        err = open_bus(app);
        if (!err)
                err = start_relay(app);
        if (!err)
                err = start_consumer(app);
        if (!err)
                err = open_http(app);
        if (err)
                return err;
        service_add_check(&app->service, "database", check_database, app, false);
        service_add_check(&app->service, "redis", check_redis, app, false);
        service_add_check(&app->service, "kafka", check_kafka, app, false);
        service_add_check(&app->service, "consumer", check_progress, app, true);
        return ERR_OK;
}

void market_app_close(struct market_app *app)
{
        http_server_stop(app->http);
        router_free(app->router);
        reconciler_stop(app->reconciler);
        subscriber_stop(app->subscriber);
        outbox_stop(app->outbox);
        bus_producer_close(app->producer, CLOSE_BUS_MS);
        guard_free(app->guard);
        cache_close(app->cache);
        db_close(app->db);
        buf_done(&app->catalogue_json);
        catalogue_free(app->catalogue);
        if (app->service.name)
                service_close(&app->service);
}

enum err market_migrate(const struct market_settings *settings)
{
        const struct db_config config = {.url = settings->database_url, .readers = 1, .timeout_ms = DB_TIMEOUT_MS};
        struct db *db = NULL;
        enum err err = db_open(&config, &db);

        if (!err)
                err = db_migrate(db, market_migrations);
        db_close(db);
        if (err)
                fprintf(stderr, "vr-market: migration failed: %s\n", err_name(err));
        return err;
}

void market_refresh_snapshot(struct market_app *app, struct arena *arena, const struct log_ctx *log,
                             const char *identifier)
{
        struct market market;
        enum err err = market_store_load(app->db, arena, identifier, &market);

        if (!err)
                err = market_snapshot_put(app->cache, arena, &market);
        if (err)
                log_warn(log, "market.snapshot", "snapshot not cached", LOG_ERR(err));
}
