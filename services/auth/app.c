#include "services/auth/app.h"

#include "common/base/log.h"
#include "services/auth/auth_store.h"
#include "services/auth/handlers.h"

#define SERVICE_NAME     "vr-auth"
#define DB_READERS       8
#define DB_TIMEOUT_MS    1000 /* refusing to answer for longer helps nobody: callers get a 503 within 2 s */
#define CACHE_POOL       32
#define CACHE_TIMEOUT_MS 200
#define TOPICS_WAIT_MS   5000
#define KEEP_ALIVE_MS    5000
#define KEEP_SENT_MS     (24 * 3600 * INT64_C(1000))
#define CLOSE_BUS_MS     5000

static enum err fail(enum err err, const char *what)
{
        log_error(NULL, "service.start", what, LOG_ERR(err));
        return err;
}

static void register_metrics(struct auth_app *app)
{
        static const char *const results[] = {
                "ok", "invalid_client", "invalid_request", "invalid_scope", "unsupported_grant_type", "unavailable"};

        app->issued = metrics_counter(app->service.metrics, "vr_tokens_issued_total", "result",
                                      "Token requests by their result.");
        for (size_t i = 0; i < ARRAY_LEN(results); i++)
                (void)METRIC_SERIES(app->issued, results[i]);
}

static enum err open_database(struct auth_app *app)
{
        const struct db_config config = {
                .url = app->settings->database_url,
                .readers = DB_READERS,
                .timeout_ms = DB_TIMEOUT_MS,
                .metrics = app->service.metrics,
        };
        enum err err = db_open(&config, &app->db);

        if (err)
                return fail(err, "the database can't be opened");
        app->checker.db = app->db;
        err = db_migrate(app->db, auth_migrations);
        return err ? fail(err, "the database's schema can't be brought up to date") : ERR_OK;
}

static enum err open_cache(struct auth_app *app)
{
        const struct cache_config config = {
                .url = app->settings->service.redis_url,
                .pool = CACHE_POOL,
                .timeout_ms = CACHE_TIMEOUT_MS,
                .metrics = app->service.metrics,
        };
        enum err err = cache_open(&config, &app->cache);

        return err ? fail(err, "VR_REDIS_URL can't be used") : ERR_OK;
}

static enum err open_bus(struct auth_app *app)
{
        static const char *const topics[] = {TOPIC_EDITOR, NULL};
        const struct bus_config bus = {
                .brokers = app->settings->service.kafka_brokers,
                .client_id = SERVICE_NAME,
                .metrics = app->service.metrics,
        };
        struct outbox_config relay = {.db = app->db, .metrics = app->service.metrics, .keep_sent_ms = KEEP_SENT_MS};
        /* Tokens can be had while Kafka is away: changes of editors wait in the outbox. */
        enum err err = bus_ensure_topics(&bus, event_topics, event_topic_count, TOPICS_WAIT_MS);

        if (err)
                log_warn(NULL, "kafka.topics", "topics could not be checked", LOG_ERR(err));
        err = bus_producer_open(&bus, topics, &app->producer);
        if (err)
                return fail(err, "the Kafka producer can't be made");
        relay.producer = app->producer;
        err = outbox_start(&relay, &app->outbox);
        return err ? fail(err, "the outbox relay can't be started") : ERR_OK;
}

static enum err open_sweep(struct auth_app *app)
{
        enum err err = state_sweep_start(app->db, app->cache, &app->sweep);

        return err ? fail(err, "the sweep over editors' states can't be started") : ERR_OK;
}

static enum err open_http(struct auth_app *app)
{
        const struct service_settings *settings = &app->settings->service;
        const struct router_config routes = {
                .routes = auth_routes,
                .app = app,
                .metrics = app->service.metrics,
                .render_error = auth_render_error,
                .finish = auth_finish,
        };
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
                return fail(err, "the route table is broken");
        http.arg = app->router;
        err = http_server_start(&http, &app->http);
        return err ? fail(err, "VR_HTTP_PORT can't be listened on") : ERR_OK;
}

static enum err check_database(void *arg)
{
        return db_ping(((struct auth_app *)arg)->db);
}

static enum err check_redis(void *arg)
{
        return cache_ping(((struct auth_app *)arg)->cache);
}

static enum err check_progress(void *arg)
{
        return state_sweep_is_stuck(((struct auth_app *)arg)->sweep) ? ERR_TIMEOUT : ERR_OK;
}

enum err auth_app_open(struct auth_app *app, const struct auth_settings *settings)
{
        enum err err;

        app->settings = settings;
        err = service_open(&app->service, SERVICE_NAME, &settings->service);
        if (err)
                return err;
        register_metrics(app);
        err = open_database(app);
        if (!err)
                err = open_cache(app);
        if (!err)
                err = open_bus(app);
        if (!err)
                err = open_sweep(app);
        if (!err)
                err = open_http(app);
        if (err)
                return err;
        /* Kafka is no part of being ready: without it every token is still issued, and changes wait in the outbox. */
        service_add_check(&app->service, "database", check_database, app, false);
        service_add_check(&app->service, "redis", check_redis, app, false);
        service_add_check(&app->service, "sweep", check_progress, app, true);
        return ERR_OK;
}

void auth_app_close(struct auth_app *app)
{
        http_server_stop(app->http);
        router_free(app->router);
        state_sweep_stop(app->sweep);
        outbox_stop(app->outbox);
        bus_producer_close(app->producer, CLOSE_BUS_MS);
        cache_close(app->cache);
        db_close(app->db);
        if (app->service.name)
                service_close(&app->service);
}
