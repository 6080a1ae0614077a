#include "services/webhook/app.h"

#include "common/base/log.h"
#include "common/io/http_client.h"
#include "services/webhook/webhook_consumer.h"
#include "services/webhook/webhook_store.h"

#define SERVICE_NAME   "vr-webhook"
#define STUCK_AFTER_MS 120000 /* a thread that has not gone round for so long makes no progress any more */
#define DRAIN_MS       10000  /* running attempts may take so long at the end; then they are given back */

static enum err open_policies(struct webhook_app *app)
{
        const struct webhook_settings *s = app->settings;
        const char *detail = NULL;
        enum err err = keyring_new(s->secret_keys, &app->keyring, &detail);

        if (err)
                return part_failed(err, "VR_SECRET_KEYS can't be used", detail);
        err = egress_new(s->allow_cidrs, s->allow_http, s->allow_ports, &app->egress, &detail);
        if (err)
                return part_failed(err, "VR_WEBHOOK_ALLOW_CIDRS or VR_WEBHOOK_ALLOW_PORTS can't be used", detail);
        if (s->lease_s <= s->timeout_s)
                log_warn(NULL, "service.start",
                         "VR_WEBHOOK_LEASE_S is not longer than VR_WEBHOOK_TIMEOUT_S: replicas may send twice");
        return ERR_OK;
}

/* Deliveries go on while Kafka is away: what there is to tell waits in the outbox. */
static enum err open_outbox(struct webhook_app *app)
{
        static const char *const topics[] = {TOPIC_DELIVERY, NULL};
        enum err err = part_producer(&app->service, topics, &app->producer);

        return err ? err : part_outbox(&app->service, app->db, app->producer, &app->outbox);
}

static enum err open_sender(struct webhook_app *app)
{
        const struct webhook_settings *s = app->settings;
        const struct sender_config config = {
                .db = app->db,
                .outbox = app->outbox,
                .cache = app->cache,
                .metrics = app->service.metrics,
                .keyring = app->keyring,
                .egress = app->egress,
                .clock = &app->clock,
                .retry = {s->retry_schedule.ms, s->retry_schedule.count, s->retry_jitter},
                .breaker = {s->breaker_failures, s->breaker_open_s * 1000},
                .max_inflight = s->max_inflight,
                .endpoint_inflight = s->endpoint_inflight,
                .timeout_ms = s->timeout_s * 1000,
                .connect_timeout_ms = s->connect_timeout_s * 1000,
                .lease_ms = s->lease_s * 1000,
                .ca_file = s->ca_file,
        };
        enum err err = http_client_global_init();

        if (err)
                return part_failed(err, "libcurl can't be initialised", NULL);
        app->curl_ready = true;
        err = sender_start(&config, &app->sender);
        return err ? part_failed(err, "the sender can't be started", NULL) : ERR_OK;
}

static enum err open_subscriber(struct webhook_app *app)
{
        const struct subscriber_config config = {
                .producer = app->producer,
                .db = app->db,
                .table = webhook_subscriptions,
                .app = app,
                .outbox = app->outbox,
        };

        return part_subscriber(&app->service, config, &app->subscriber);
}

static enum err check_sender(void *arg)
{
        return sender_idle_ms(((struct webhook_app *)arg)->sender) < STUCK_AFTER_MS ? ERR_OK : ERR_TIMEOUT;
}

enum err webhook_app_open(struct webhook_app *app, const struct webhook_settings *settings)
{
        enum err err;

        app->settings = settings;
        err = service_open(&app->service, SERVICE_NAME, &settings->service);
        if (err)
                return err;
        app->clock = due_clock_start();
        err = open_policies(app);
        if (!err)
                err = part_database(&app->service, settings->database_url, webhook_migrations, &app->db);
        if (!err)
                err = part_cache(&app->service, &app->cache);
        if (!err)
                err = open_outbox(app);
        if (!err)
                err = open_sender(app);
        if (!err)
                err = open_subscriber(app);
        if (err)
                return err;
        app->kafka = (struct part_kafka){.service = &app->service, .subscriber = app->subscriber};
        service_add_check(&app->service, "database", part_check_database, app->db, false);
        service_add_check(&app->service, "kafka", part_check_kafka, &app->kafka, false);
        service_add_check(&app->service, "consumer", part_check_consumer, app->subscriber, true);
        service_add_check(&app->service, "sender", check_sender, app, true);
        return ERR_OK;
}

void webhook_app_close(struct webhook_app *app)
{
        /* Its checks and figures look into what is closed below. */
        http_server_stop(TAKE(app->service.management));
        subscriber_stop(app->subscriber);
        sender_stop(app->sender, DRAIN_MS);
        if (app->curl_ready)
                http_client_global_done();
        outbox_stop(app->outbox);
        bus_producer_close(app->producer, PARTS_CLOSE_BUS_MS);
        cache_close(app->cache);
        db_close(app->db);
        egress_free(app->egress);
        keyring_free(app->keyring);
        if (app->service.name)
                service_close(&app->service);
}
