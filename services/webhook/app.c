#include "services/webhook/app.h"

#include "common/base/log.h"
#include "common/io/http_client.h"
#include "services/webhook/webhook_consumer.h"
#include "services/webhook/webhook_store.h"

#define SERVICE_NAME   "vr-webhook"
#define DB_READERS     4
#define DB_TIMEOUT_MS  2000
#define TOPICS_WAIT_MS 5000 /* at start */
#define TOPICS_LOOK_MS 1000 /* of a readiness check */
#define KEEP_SENT_MS   (24 * 3600 * INT64_C(1000))
#define STUCK_AFTER_MS 120000 /* a thread that has not gone round for so long makes no progress any more */
#define DRAIN_MS       10000  /* running attempts may take so long at the end; then they are given back */
#define CLOSE_BUS_MS   5000

static enum err fail(enum err err, const char *what, const char *detail)
{
        log_error(NULL, "service.start", what, LOG_ERR(err), LOG_DETAIL(detail));
        return err;
}

static enum err open_policies(struct webhook_app *app)
{
        const struct webhook_settings *s = app->settings;
        const char *detail = NULL;
        enum err err = keyring_new(s->secret_keys, &app->keyring, &detail);

        if (err)
                return fail(err, "VR_SECRET_KEYS can't be used", detail);
        err = egress_new(s->allow_cidrs, s->allow_http, s->allow_ports, &app->egress, &detail);
        if (err)
                return fail(err, "VR_WEBHOOK_ALLOW_CIDRS or VR_WEBHOOK_ALLOW_PORTS can't be used", detail);
        if (s->lease_s <= s->timeout_s)
                log_warn(NULL, "service.start",
                         "VR_WEBHOOK_LEASE_S is not longer than VR_WEBHOOK_TIMEOUT_S: replicas may send twice");
        return ERR_OK;
}

static enum err open_database(struct webhook_app *app)
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
        err = db_migrate(app->db, webhook_migrations);
        return err ? fail(err, "the database's schema can't be brought up to date", NULL) : ERR_OK;
}

static struct bus_config bus_of(const struct webhook_app *app)
{
        return (struct bus_config){
                .brokers = app->settings->service.kafka_brokers,
                .client_id = SERVICE_NAME,
                .group = SERVICE_NAME,
                .metrics = app->service.metrics,
        };
}

/* Made, or found as they should be; tried again by the readiness check when Kafka was away at our start. */
static enum err ensure_topics(struct webhook_app *app, int timeout_ms)
{
        const struct bus_config bus = bus_of(app);
        enum err err;

        if (app->topics_ready)
                return ERR_OK;
        err = bus_ensure_topics(&bus, event_topics, event_topic_count, timeout_ms);
        app->topics_ready = !err;
        return err;
}

/* Deliveries go on while Kafka is away: what there is to tell waits in the outbox. */
static enum err open_outbox(struct webhook_app *app)
{
        static const char *const topics[] = {TOPIC_DELIVERY, NULL};
        const struct bus_config bus = bus_of(app);
        struct outbox_config relay = {.db = app->db, .metrics = app->service.metrics, .keep_sent_ms = KEEP_SENT_MS};
        enum err err = ensure_topics(app, TOPICS_WAIT_MS);

        if (err)
                log_warn(NULL, "kafka.topics", "topics could not be made or checked, will try again", LOG_ERR(err));
        err = bus_producer_open(&bus, topics, &app->producer);
        if (err)
                return fail(err, "the Kafka producer can't be made", NULL);
        relay.producer = app->producer;
        err = outbox_start(&relay, &app->outbox);
        return err ? fail(err, "the outbox relay can't be started", NULL) : ERR_OK;
}

static enum err open_sender(struct webhook_app *app)
{
        const struct webhook_settings *s = app->settings;
        const struct sender_config config = {
                .db = app->db,
                .outbox = app->outbox,
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
                return fail(err, "libcurl can't be initialised", NULL);
        app->curl_ready = true;
        err = sender_start(&config, &app->sender);
        return err ? fail(err, "the sender can't be started", NULL) : ERR_OK;
}

/* An operator has to look at it: what it said is lost for us. */
static void log_dead_letter(void *app, const struct bus_message *message, const char *reason)
{
        (void)app;
        log_error(NULL, "event.dead_letter", "an event could not be used", LOG_STR("vr.key", message->key),
                  LOG_STR("vr.topic", message->topic), LOG_INT("vr.partition", message->partition),
                  LOG_INT("vr.offset", message->offset), LOG_DETAIL(reason));
}

static enum err open_subscriber(struct webhook_app *app)
{
        const struct subscriber_config config = {
                .bus = bus_of(app),
                .producer = app->producer,
                .db = app->db,
                .metrics = app->service.metrics,
                .table = webhook_subscriptions,
                .app = app,
                .outbox = app->outbox,
                .dead = log_dead_letter,
        };
        enum err err = subscriber_start(&config, &app->subscriber);

        return err ? fail(err, "the Kafka consumer can't be started", NULL) : ERR_OK;
}

/* ---- /readyz, /livez ---- */

static enum err check_database(void *arg)
{
        return db_ping(((struct webhook_app *)arg)->db);
}

static enum err check_kafka(void *arg)
{
        struct webhook_app *app = arg;
        enum err err = ensure_topics(app, TOPICS_LOOK_MS);

        if (err)
                return err;
        return subscriber_ready(app->subscriber) ? ERR_OK : ERR_UNAVAILABLE;
}

static enum err check_consumer(void *arg)
{
        return subscriber_idle_ms(((struct webhook_app *)arg)->subscriber) < STUCK_AFTER_MS ? ERR_OK : ERR_TIMEOUT;
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
                err = open_database(app);
        if (!err)
                err = open_outbox(app);
        if (!err)
                err = open_sender(app);
        if (!err)
                err = open_subscriber(app);
        if (err)
                return err;
        service_add_check(&app->service, "database", check_database, app, false);
        service_add_check(&app->service, "kafka", check_kafka, app, false);
        service_add_check(&app->service, "consumer", check_consumer, app, true);
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
        bus_producer_close(app->producer, CLOSE_BUS_MS);
        db_close(app->db);
        egress_free(app->egress);
        keyring_free(app->keyring);
        if (app->service.name)
                service_close(&app->service);
}
