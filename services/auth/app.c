#include "services/auth/app.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "services/auth/auth_store.h"
#include "services/auth/handlers.h"

#define SERVICE_NAME    "vr-auth"
#define KAFKA_EVERY_MS  15000
#define PRUNE_EVERY_MS  60000
#define PRUNE_MAX       1000
#define KEEP_TALLIES_MS (90 * 24 * 3600 * INT64_C(1000)) /* counted lines of the audit log; all others stay */

static void register_metrics(struct auth_app *app)
{
        static const char *const results[] = {
                "ok",           "invalid_client",         "invalid_request", "invalid_scope",
                "rate_limited", "unsupported_grant_type", "unavailable"};

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

static void open_limiter(struct auth_app *app)
{
        app->token_limiter = (struct rate_limiter){
                .cache = app->cache,
                .name = "token",
                .limit = app->settings->rate_limit_token,
                .window_ms = RATE_LIMIT_HOUR_MS,
                .limited = rate_limit_series(app->service.metrics, "token"),
        };
}

/* ---- upkeep: what the sweep's thread does besides ---- */

/* Says once that it fails, and once that it works again. */
static void write_tally(struct auth_app *app)
{
        enum err err = audit_tally_flush(app->tally, app->db, clock_wall_ms());

        if (err && !app->upkeep.tally_failing)
                log_warn(NULL, "audit.write", "refused credentials can't be written to the audit log", LOG_ERR(err));
        if (!err && app->upkeep.tally_failing)
                log_info(NULL, "audit.write", "refused credentials are written to the audit log again");
        app->upkeep.tally_failing = err != ERR_OK;
}

static enum err prune(struct db_tx *tx, void *arg)
{
        (void)arg;
        return auth_store_prune_audit(tx, AUDIT_TALLY_WHO, clock_wall_ms() - KEEP_TALLIES_MS, PRUNE_MAX);
}

static void upkeep(void *arg)
{
        struct auth_app *app = arg;
        int64_t now_ms = clock_mono_ms();

        write_tally(app);
        if (now_ms - app->upkeep.pruned_ms >= PRUNE_EVERY_MS) {
                app->upkeep.pruned_ms = now_ms;
                if (db_write(app->db, prune, NULL))
                        log_debug(NULL, "audit.prune", "old lines of the audit log stay for now");
        }
        if (!app->upkeep.kafka.topics_ready && now_ms - app->upkeep.kafka_tried_ms >= KAFKA_EVERY_MS) {
                app->upkeep.kafka_tried_ms = now_ms;
                if (part_check_kafka(&app->upkeep.kafka))
                        log_debug(NULL, "kafka.topics", "topics can't be made or checked yet");
        }
}

static enum err open_sweep(struct auth_app *app)
{
        const struct state_sweep_config config = {.db = app->db, .cache = app->cache, .also = upkeep, .arg = app};
        enum err err = audit_tally_new(&app->tally);

        app->upkeep.kafka = (struct part_kafka){.service = &app->service, .producer = app->producer};
        if (!err)
                err = state_sweep_start(&config, &app->sweep);
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
                open_limiter(app);
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
        if (app->tally)
                write_tally(app);
        audit_tally_free(app->tally);
        outbox_stop(app->outbox);
        bus_producer_close(app->producer, PARTS_CLOSE_BUS_MS);
        cache_close(app->cache);
        db_close(app->db);
        if (app->service.name)
                service_close(&app->service);
}
