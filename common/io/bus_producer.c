#include "common/io/bus_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"

#define POLL_MS          100
#define MESSAGE_MS       30000 /* a report comes, whatever happens */
#define RENEW_PAUSE_MS   200
#define KEPT_BROKERS_MAX 1024

static const struct bus_property fixed[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"partitioner", "murmur2_random"},
        {"message.max.bytes", "2200000"}, /* LIMIT_BUS_MESSAGE_BYTES and its headers */
        {0},
};

struct bus_producer {
        struct bus_config config; /* its texts are ours */
        struct metric *messages;
        char *topics[LIMIT_BUS_TOPICS];
        size_t topic_count;
        pthread_t thread;
        atomic_bool stopping, quit;
        atomic_int inflight;

        pthread_rwlock_t lock; /* written when the client is replaced */
        rd_kafka_t *client;
        rd_kafka_topic_t *handles[LIMIT_BUS_TOPICS];
        bool dead; /* to be replaced: takes nothing */

        pthread_mutex_t idle_lock;
        pthread_cond_t idle; /* nothing is in flight */
};

/* One message on its way. */
struct flight {
        bus_done done;
        void *arg;
        char topic[];
};

/* ---- reports ---- */

static void count(struct bus_producer *producer, const char *topic, enum err err)
{
        if (producer->messages)
                metric_inc(producer->messages, topic, "out", err ? "failed" : "ok");
}

static void report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
        struct bus_producer *producer = opaque;
        struct flight *flight = message->_private;
        enum err err = bus_err(message->err);

        (void)client;
        if (err && rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED)
                err = ERR_IN_DOUBT;
        else if (err && err != ERR_TOO_LARGE)
                err = ERR_UNAVAILABLE;
        count(producer, flight->topic, err);
        if (flight->done)
                flight->done(flight->arg, err);
        free(flight);
        if (atomic_fetch_sub(&producer->inflight, 1) > 1)
                return;
        pthread_mutex_lock(&producer->idle_lock);
        pthread_cond_broadcast(&producer->idle);
        pthread_mutex_unlock(&producer->idle_lock);
}

/* ---- the client, and the next one when it dies ---- */

static enum err open_client(struct bus_producer *producer)
{
        int message_ms = producer->config.message_timeout_ms;
        char message_timeout[16];
        const struct bus_property defaults[] = {
                {"linger.ms", "2"},
                {"message.timeout.ms", message_timeout},
                {"request.timeout.ms", "10000"},
                {"compression.codec", "lz4"},
                {0},
        };
        rd_kafka_conf_t *conf = NULL;
        enum err err;

        (void)snprintf(message_timeout, sizeof(message_timeout), "%d", message_ms > 0 ? message_ms : MESSAGE_MS);
        err = bus_conf(&producer->config, defaults, fixed, &conf);

        if (err)
                return err;
        rd_kafka_conf_set_opaque(conf, producer);
        rd_kafka_conf_set_dr_msg_cb(conf, report);
        err = bus_client(RD_KAFKA_PRODUCER, &conf, &producer->client);
        if (err)
                return err;
        /* asks for their leaders now: the first report would come a second late else */
        for (size_t i = 0; i < producer->topic_count; i++)
                producer->handles[i] = rd_kafka_topic_new(producer->client, producer->topics[i], NULL);
        return ERR_OK;
}

/* Everything it holds is reported failed. */
static void close_client(struct bus_producer *producer)
{
        (void)rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        while (rd_kafka_outq_len(producer->client) > 0)
                rd_kafka_poll(producer->client, POLL_MS);
        for (size_t i = 0; i < producer->topic_count; i++)
                if (producer->handles[i])
                        rd_kafka_topic_destroy(TAKE(producer->handles[i]));
        rd_kafka_destroy(TAKE(producer->client));
}

static void renew(struct bus_producer *producer)
{
        struct timespec pause = {.tv_nsec = RENEW_PAUSE_MS * 1000000L};

        log_debug(NULL, "bus.producer_dead", "librdkafka gave its producer up, another takes its place");
        pthread_rwlock_wrlock(&producer->lock);
        producer->dead = true; /* reports run callbacks that may produce: not under the lock */
        pthread_rwlock_unlock(&producer->lock);
        close_client(producer);

        while (!atomic_load(&producer->quit)) {
                enum err err;

                pthread_rwlock_wrlock(&producer->lock);
                err = open_client(producer);
                producer->dead = err != ERR_OK;
                pthread_rwlock_unlock(&producer->lock);
                if (!err)
                        return;
                nanosleep(&pause, NULL);
        }
}

static void *poll_loop(void *arg)
{
        struct bus_producer *producer = arg;

        while (!atomic_load(&producer->quit)) {
                rd_kafka_poll(producer->client, POLL_MS);
                if (rd_kafka_fatal_error(producer->client, NULL, 0))
                        renew(producer);
        }
        return NULL;
}

void bus_producer_kill(struct bus_producer *producer)
{
        pthread_rwlock_rdlock(&producer->lock);
        if (!producer->dead)
                (void)rd_kafka_test_fatal_error(producer->client, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                                "test");
        pthread_rwlock_unlock(&producer->lock);
}

/* ---- producing ---- */

static rd_kafka_headers_t *headers_of(const struct bus_message *message)
{
        rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count);

        for (size_t i = 0; i < message->header_count; i++) {
                const struct bus_header *one = &message->headers[i];
                ssize_t length = one->length ? (ssize_t)one->length : (one->value ? -1 : 0);

                (void)rd_kafka_header_add(headers, one->name, -1, one->value, length);
        }
        return headers;
}

static rd_kafka_resp_err_t hand_over(rd_kafka_t *client, const struct bus_message *message, struct flight *flight)
{
        rd_kafka_headers_t *headers = headers_of(message);
        size_t key_length = message->key_length ? message->key_length : message->key ? strlen(message->key) : 0;
        rd_kafka_resp_err_t code = rd_kafka_producev(
                client, RD_KAFKA_V_TOPIC(message->topic), RD_KAFKA_V_KEY(message->key, key_length),
                RD_KAFKA_V_VALUE((void *)(uintptr_t)message->value, message->length), /* copied, not changed */
                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(flight),
                RD_KAFKA_V_END);

        if (code)
                rd_kafka_headers_destroy(headers);
        return code;
}

enum err bus_produce(struct bus_producer *producer, const struct bus_message *message, bus_done done, void *arg)
{
        struct flight *flight;
        enum err err = ERR_OK;

        if (atomic_load(&producer->stopping))
                return ERR_STOPPING;
        if (message->length > LIMIT_BUS_MESSAGE_BYTES || message->header_count > LIMIT_EVENT_HEADERS)
                return ERR_TOO_LARGE;
        flight = malloc(sizeof(*flight) + strlen(message->topic) + 1);
        if (!flight)
                return ERR_NO_MEMORY;
        flight->done = done;
        flight->arg = arg;
        memcpy(flight->topic, message->topic, strlen(message->topic) + 1);

        if (atomic_fetch_add(&producer->inflight, 1) >= LIMIT_BUS_INFLIGHT)
                err = ERR_FULL;
        pthread_rwlock_rdlock(&producer->lock);
        if (!err)
                err = producer->dead ? ERR_UNAVAILABLE : bus_err(hand_over(producer->client, message, flight));
        pthread_rwlock_unlock(&producer->lock);
        if (err) {
                count(producer, message->topic, err);
                atomic_fetch_sub(&producer->inflight, 1);
                free(flight);
        }
        return err;
}

/* Shared by who waits and who reports; the last one frees it. */
struct waiter {
        pthread_mutex_t lock;
        pthread_cond_t told;
        bool reported, left;
        enum err err;
};

static void waiter_init(struct waiter *waiter)
{
        pthread_condattr_t attr;

        pthread_mutex_init(&waiter->lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&waiter->told, &attr);
        pthread_condattr_destroy(&attr);
}

static void waiter_free(struct waiter *waiter)
{
        pthread_cond_destroy(&waiter->told);
        pthread_mutex_destroy(&waiter->lock);
        free(waiter);
}

static void tell_waiter(void *arg, enum err err)
{
        struct waiter *waiter = arg;
        bool left;

        pthread_mutex_lock(&waiter->lock);
        waiter->err = err;
        waiter->reported = true;
        left = waiter->left;
        pthread_cond_signal(&waiter->told);
        pthread_mutex_unlock(&waiter->lock);
        if (left)
                waiter_free(waiter);
}

enum err bus_produce_wait(struct bus_producer *producer, const struct bus_message *message, int timeout_ms)
{
        struct timespec until = clock_mono_in(timeout_ms);
        struct waiter *waiter = calloc(1, sizeof(*waiter));
        bool reported;
        enum err err;

        if (!waiter)
                return ERR_NO_MEMORY;
        waiter_init(waiter);
        err = bus_produce(producer, message, tell_waiter, waiter);
        if (err) {
                waiter_free(waiter);
                return err;
        }
        pthread_mutex_lock(&waiter->lock);
        while (!waiter->reported && pthread_cond_timedwait(&waiter->told, &waiter->lock, &until) != ETIMEDOUT)
                ;
        reported = waiter->reported;
        err = reported ? waiter->err : ERR_TIMEOUT;
        waiter->left = true;
        pthread_mutex_unlock(&waiter->lock);
        if (reported)
                waiter_free(waiter);
        return err;
}

enum err bus_producer_ping(struct bus_producer *producer, int timeout_ms)
{
        enum err err;

        pthread_rwlock_rdlock(&producer->lock);
        err = producer->dead ? ERR_UNAVAILABLE : bus_ask(producer->client, timeout_ms);
        pthread_rwlock_unlock(&producer->lock);
        return err;
}

enum err bus_producer_flush(struct bus_producer *producer, int timeout_ms)
{
        struct timespec until = clock_mono_in(timeout_ms);
        int left;

        pthread_mutex_lock(&producer->idle_lock);
        while ((left = atomic_load(&producer->inflight)) > 0)
                if (pthread_cond_timedwait(&producer->idle, &producer->idle_lock, &until) == ETIMEDOUT)
                        break;
        pthread_mutex_unlock(&producer->idle_lock);
        return left > 0 ? ERR_TIMEOUT : ERR_OK;
}

/* ---- opening and closing ---- */

static void producer_free(struct bus_producer *producer)
{
        for (size_t i = 0; i < producer->topic_count; i++)
                free(producer->topics[i]);
        free((void *)(uintptr_t)producer->config.brokers);
        free((void *)(uintptr_t)producer->config.client_id);
        pthread_cond_destroy(&producer->idle);
        pthread_mutex_destroy(&producer->idle_lock);
        pthread_rwlock_destroy(&producer->lock);
        free(producer);
}

static void init_locks(struct bus_producer *producer)
{
        pthread_condattr_t attr;

        pthread_rwlock_init(&producer->lock, NULL);
        pthread_mutex_init(&producer->idle_lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(&producer->idle, &attr);
        pthread_condattr_destroy(&attr);
}

static enum err keep_config(struct bus_producer *producer, const struct bus_config *config, const char *const *topics)
{
        producer->messages = bus_messages_metric(config);
        producer->config.brokers = strndup(config->brokers, KEPT_BROKERS_MAX);
        producer->config.client_id = strdup(config->client_id ? config->client_id : "voie-rapide");
        producer->config.message_timeout_ms = config->message_timeout_ms;
        if (!producer->config.brokers || !producer->config.client_id)
                return ERR_NO_MEMORY;
        for (; *topics; topics++) {
                if (producer->topic_count == LIMIT_BUS_TOPICS)
                        return ERR_FULL;
                producer->topics[producer->topic_count] = strdup(*topics);
                if (!producer->topics[producer->topic_count++])
                        return ERR_NO_MEMORY;
                if (producer->messages) { /* at 0 from the start */
                        (void)METRIC_SERIES(producer->messages, *topics, "out", "ok");
                        (void)METRIC_SERIES(producer->messages, *topics, "out", "failed");
                }
        }
        return ERR_OK;
}

enum err bus_producer_open(const struct bus_config *config, const char *const *topics,
                           struct bus_producer **ret_producer)
{
        struct bus_producer *producer = calloc(1, sizeof(*producer));
        enum err err;

        if (!producer)
                return ERR_NO_MEMORY;
        init_locks(producer);
        err = keep_config(producer, config, topics);
        if (!err)
                err = open_client(producer);
        if (!err && pthread_create(&producer->thread, NULL, poll_loop, producer)) {
                close_client(producer);
                err = ERR_NO_MEMORY;
        }
        if (err) {
                producer_free(producer);
                return err;
        }
        *ret_producer = producer;
        return ERR_OK;
}

void bus_producer_close(struct bus_producer *producer, int timeout_ms)
{
        if (!producer)
                return;
        atomic_store(&producer->stopping, true);
        if (bus_producer_flush(producer, timeout_ms))
                log_debug(NULL, "bus.unreported", "closing with messages nobody reported on",
                          LOG_INT("vr.count", atomic_load(&producer->inflight)));
        atomic_store(&producer->quit, true);
        pthread_join(producer->thread, NULL);
        if (producer->client)
                close_client(producer);
        producer_free(producer);
}
