#include "services/market/app.h"

#include "common/base/json_write.h"
#include "common/base/log.h"
#include "services/market/consumer.h"
#include "services/market/handlers.h"
#include "services/market/market_store.h"

#define SERVICE_NAME "vr-market"

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
        return err ? part_failed(err, "the field catalogue is broken", detail) : ERR_OK;
}

enum err market_app_prepare(struct market_app *app)
{
        register_metrics(app);
        return open_catalogue(app);
}

/* ---- database, Redis, Kafka ---- */

/* Markets can be created while Kafka is away: their events wait in the outbox. */
static enum err open_outbox(struct market_app *app)
{
        static const char *const topics[] = {TOPIC_MARKET, NULL};
        enum err err = part_producer(&app->service, topics, &app->producer);

        return err ? err : part_outbox(&app->service, app->db, app->producer, &app->outbox);
}

static enum err open_consumer(struct market_app *app)
{
        const struct subscriber_config config = {
                .producer = app->producer,
                .db = app->db,
                .table = market_subscriptions,
                .app = app,
                .outbox = app->outbox,
        };
        enum err err = part_subscriber(&app->service, config, &app->subscriber);

        if (err)
                return err;
        err = reconciler_start(app, &app->reconciler);
        return err ? part_failed(err, "the reconciliation sweep can't be started", NULL) : ERR_OK;
}

static struct rate_limiter limiter(const struct market_app *app, const char *name, int64_t limit)
{
        return (struct rate_limiter){
                .cache = app->cache,
                .name = name,
                .limit = limit,
                .window_ms = RATE_LIMIT_HOUR_MS,
                .limited = rate_limit_series(app->service.metrics, name),
        };
}

static enum err open_http(struct market_app *app)
{
        const struct router_config config = {
                .routes = market_routes, .app = app, .guard = app->guard, .limiter = &app->requests};

        app->requests = limiter(app, "api", app->settings->rate_limit_api);
        app->retries = limiter(app, "retry", app->settings->retry_sync_limit);
        return part_http(&app->service, config, &app->router, &app->http);
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
                err = part_database(&app->service, settings->database_url, market_migrations, &app->db);
        if (!err)
                err = part_cache(&app->service, &app->cache);
        if (!err)
                err = guard_new(app->cache, &app->guard);
        if (!err)
                err = open_outbox(app);
        if (!err)
                err = open_consumer(app);
        if (!err)
                err = open_http(app);
        if (err)
                return err;
        app->kafka = (struct part_kafka){.service = &app->service, .subscriber = app->subscriber};
        service_add_check(&app->service, "database", part_check_database, app->db, false);
        service_add_check(&app->service, "redis", part_check_cache, app->cache, false);
        service_add_check(&app->service, "kafka", part_check_kafka, &app->kafka, false);
        service_add_check(&app->service, "consumer", part_check_consumer, app->subscriber, true);
        return ERR_OK;
}

void market_app_close(struct market_app *app)
{
        http_server_stop(app->http);
        router_free(app->router);
        rounds_stop(app->reconciler);
        subscriber_stop(app->subscriber);
        outbox_stop(app->outbox);
        bus_producer_close(app->producer, PARTS_CLOSE_BUS_MS);
        guard_free(app->guard);
        cache_close(app->cache);
        db_close(app->db);
        buf_done(&app->catalogue_json);
        catalogue_free(app->catalogue);
        if (app->service.name)
                service_close(&app->service);
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
