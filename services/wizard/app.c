#include "services/wizard/app.h"

#include "common/base/str.h"
#include "services/wizard/page.h"
#include "services/wizard/pages.h"
#include "services/wizard/publisher.h"

#define SERVICE_NAME   "vr-wizard"
#define MARKET_READ_MS 2000

/* What a buyer can get wrong, by step (page templates: `error`). */
static const struct {
        enum step step;
        const char *field;
} mistakes[] = {
        {STEP_SETUP, "defense"},
        {STEP_ADDITIONAL, "answer"},
        {STEP_ADDITIONAL, "choices"},
        {STEP_SUMMARY, "confirmation"},
};

static void register_metrics(struct wizard_app *app)
{
        static const double bounds_s[] = {5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400};
        struct metrics *metrics = app->service.metrics;
        struct wizard_metrics *m = &app->metrics;

        m->entered =
                metrics_counter(metrics, "vr_wizard_step_entered_total", "step", "Steps shown for the first time.");
        m->completed = metrics_counter(metrics, "vr_wizard_step_completed_total", "step", "Steps completed.");
        m->abandoned = metrics_counter(metrics, "vr_wizard_step_abandoned_total", "step",
                                       "Steps that were open when the progress lapsed.");
        m->duration =
                metrics_histogram(metrics, "vr_wizard_step_duration_seconds", "step",
                                  "First display of a step to its accepted answer.", bounds_s, ARRAY_LEN(bounds_s));
        m->errors = metrics_counter(metrics, "vr_wizard_validation_errors_total", "step,field",
                                    "Answers that were sent back for correction.");
        for (int step = 0; step < STEP_COUNT; step++) {
                const char *const name[] = {step_name((enum step)step)};
                metric_series(m->entered, name);
                metric_series(m->completed, name);
                metric_series(m->abandoned, name);
                metric_series(m->duration, name);
        }
        for (size_t i = 0; i < ARRAY_LEN(mistakes); i++)
                METRIC_SERIES(m->errors, step_name(mistakes[i].step), mistakes[i].field);
}

static enum err open_pages(struct wizard_app *app)
{
        const char *detail = NULL;
        enum err err = catalogue_load(&app->catalogue, &detail);

        if (err)
                return part_failed(err, "the field catalogue is broken", detail);
        err = templates_load(wizard_templates, &app->templates, &detail);
        if (err)
                return part_failed(err, "a page template is broken", detail);
        app->words_arena = arena_new();
        app->fallback = str_equal(app->settings->default_language, "en") ? LANGUAGE_EN : LANGUAGE_FR;
        err = page_load_words(app);
        if (err)
                return part_failed(err, "the translations are broken", NULL);
        err = deployer_pages_load(app->words_arena, app->settings->templates_dir, &app->deployer, &detail);
        return err ? part_failed(err, "VR_TEMPLATES_DIR can't be used", detail) : ERR_OK;
}

static enum err open_state(struct wizard_app *app)
{
        const struct wizard_settings *settings = app->settings;
        enum err err = part_cache(&app->service, &app->cache);

        if (err)
                return err;
        err = http_client_global_init();
        if (!err)
                err = http_client_new(MARKET_READ_MS, &app->http_client);
        if (err)
                return part_failed(err, "the HTTP client can't be made", NULL);
        app->markets = (struct market_reader){
                .cache = app->cache, .http = app->http_client, .market_url = settings->market_url};
        app->store = (struct progress_store){.cache = app->cache, .ttl_ms = settings->progress_ttl_s * 1000};
        app->retries = (struct rate_limiter){
                .cache = app->cache,
                .name = "retry",
                .limit = settings->retry_sync_limit,
                .window_ms = RATE_LIMIT_HOUR_MS,
                .limited = rate_limit_series(app->service.metrics, "retry"),
        };
        app->origins =
                (struct origins){.public_url = settings->service.public_url, .allowed = settings->allowed_origins};
        app->secure = str_starts_with(settings->service.public_url, "https://");
        return ERR_OK;
}

/* Buyers can work while Kafka is away: events wait in Redis, and the confirmation says so. */
static enum err open_bus(struct wizard_app *app)
{
        static const char *const topics[] = {TOPIC_CONFIGURATION, NULL};
        struct bus_config bus = part_bus(&app->service);
        struct publisher_config publisher = {
                .store = &app->store, .markets = &app->markets, .abandoned = app->metrics.abandoned};
        enum err err;

        /* before the buyer's patience ends it is known whether a confirmation may still arrive */
        bus.message_timeout_ms = (int)app->settings->confirm_timeout_ms * 2 / 3;
        err = part_producer_of(&bus, topics, &app->producer);
        if (err)
                return err;
        publisher.producer = app->producer;
        err = publisher_start(&publisher, &app->publisher);
        return err ? part_failed(err, "the publisher can't be started", NULL) : ERR_OK;
}

static enum err open_http(struct wizard_app *app)
{
        const struct router_config config = {
                .routes = wizard_routes,
                .app = app,
                .render_error = page_render_error,
                .finish = page_finish,
        };

        return part_http(&app->service, config, &app->router, &app->http);
}

enum err wizard_app_open(struct wizard_app *app, const struct wizard_settings *settings)
{
        enum err err;

        app->settings = settings;
        err = service_open(&app->service, SERVICE_NAME, &settings->service);
        if (err)
                return err;
        register_metrics(app);
        err = open_pages(app);
        if (!err)
                err = open_state(app);
        if (!err)
                err = open_bus(app);
        if (!err)
                err = open_http(app);
        if (err)
                return err;
        app->kafka = (struct part_kafka){.service = &app->service, .producer = app->producer};
        service_add_check(&app->service, "redis", part_check_cache, app->cache, false);
        service_add_check(&app->service, "kafka", part_check_kafka, &app->kafka, false);
        return ERR_OK;
}

void wizard_app_close(struct wizard_app *app)
{
        http_server_stop(app->http);
        router_free(app->router);
        publisher_stop(app->publisher); /* closes the producer */
        http_client_free(app->http_client);
        http_client_global_done();
        cache_close(app->cache);
        arena_free(app->words_arena);
        templates_free(app->templates);
        catalogue_free(app->catalogue);
        if (app->service.name)
                service_close(&app->service);
}
