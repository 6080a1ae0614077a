#include "services/auth/app.h"

#include "services/auth/auth_store.h"
#include "services/auth/handlers.h"

#define SERVICE_NAME "vr-auth"

static void register_metrics(struct auth_app *app)
{
        static const char *const results[] = {
                "ok", "invalid_client", "invalid_request", "invalid_scope", "unsupported_grant_type", "unavailable"};

        app->issued = metrics_counter(app->service.metrics, "vr_tokens_issued_total", "result",
                                      "Token requests by their result.");
        for (size_t i = 0; i < ARRAY_LEN(results); i++)
                (void)METRIC_SERIES(app->issued, results[i]);
}

/* Tokens can be had while Kafka is away: changes of editors wait in the outbox. */
static enum err open_bus(struct auth_app *app)
{
        static const char *const topics[] = {TOPIC_EDITOR, NULL};
        enum err err = part_producer(&app->service, topics, &app->producer);

        return err ? err : part_outbox(&app->service, app->db, app->producer, &app->outbox);
}

static enum err open_sweep(struct auth_app *app)
{
        enum err err = state_sweep_start(app->db, app->cache, &app->sweep);

        return err ? part_failed(err, "the sweep over editors' states can't be started", NULL) : ERR_OK;
}

static enum err open_http(struct auth_app *app)
{
        const struct router_config config = {
                .routes = auth_routes,
                .app = app,
                .render_error = auth_render_error,
                .finish = auth_finish,
        };

        return part_http(&app->service, config, &app->router, &app->http);
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
        err = part_database(&app->service, settings->database_url, auth_migrations, &app->db);
        app->checker.db = app->db;
        if (!err)
                err = part_cache(&app->service, &app->cache);
        if (!err)
                err = open_bus(app);
        if (!err)
                err = open_sweep(app);
        if (!err)
                err = open_http(app);
        if (err)
                return err;
        /* Kafka is no part of being ready: without it every token is still issued, and changes wait in the outbox. */
        service_add_check(&app->service, "database", part_check_database, app->db, false);
        service_add_check(&app->service, "redis", part_check_cache, app->cache, false);
        service_add_check(&app->service, "sweep", check_progress, app, true);
        return ERR_OK;
}

void auth_app_close(struct auth_app *app)
{
        http_server_stop(app->http);
        router_free(app->router);
        state_sweep_stop(app->sweep);
        outbox_stop(app->outbox);
        bus_producer_close(app->producer, PARTS_CLOSE_BUS_MS);
        cache_close(app->cache);
        db_close(app->db);
        if (app->service.name)
                service_close(&app->service);
}
