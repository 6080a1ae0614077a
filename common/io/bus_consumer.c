#include "common/io/bus_internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"

/* While held it has to poll, to stay a member, and polling takes messages: few, then slowly. Past these bounds it no
 * longer polls, and after max.poll.interval.ms another member gets the partitions. */
#define KEPT_MAX         1024
#define KEPT_BEFORE_SLOW 16
#define SLOW_POLL_MS     5000

static const struct bus_property defaults[] = {
        {"partition.assignment.strategy", "range"}, /* cooperative-sticky has bugs until 2.10 */
        {"session.timeout.ms", "6000"},
        {"heartbeat.interval.ms", "2000"},
        {"max.poll.interval.ms", "300000"},
        {"fetch.wait.max.ms", "10"},
        {"queued.max.messages.kbytes", "16384"},
        {"check.crcs", "true"},
        {"statistics.interval.ms", "1000"},
        {"allow.auto.create.topics", "false"},
        {"topic.metadata.refresh.interval.ms", "10000"},
        {0},
};
/* Offsets are stored by hand, after the work is durable; what is stored goes out every 200 ms, before partitions are
 * given back, and at the end. */
static const struct bus_property fixed[] = {
        {"enable.auto.offset.store", "false"},
        {"enable.auto.commit", "true"},
        {"auto.commit.interval.ms", "200"},
        {"auto.offset.reset", "earliest"},
        {0},
};

struct bus_consumer {
        rd_kafka_t *client;
        struct metric *messages, *lag_gauge;
        struct series *rebalances;
        _Atomic int64_t lag;
        atomic_bool joined;
        rd_kafka_message_t *kept[KEPT_MAX];
        size_t kept_count, kept_next, kept_bytes;
        int64_t kept_at_ms; /* when the last one was taken */
};

/* ---- membership ---- */

static void drop_kept(struct bus_consumer *consumer)
{
        while (consumer->kept_next < consumer->kept_count)
                rd_kafka_message_destroy(consumer->kept[consumer->kept_next++]);
        consumer->kept_count = consumer->kept_next = consumer->kept_bytes = 0;
}

static void set_lag(struct bus_consumer *consumer, const char *topic, int partition, int64_t lag)
{
        char text[16];

        if (!consumer->lag_gauge)
                return;
        (void)snprintf(text, sizeof(text), "%d", partition);
        metric_set(consumer->lag_gauge, (double)lag, topic, text);
}

static void rebalance(rd_kafka_t *client, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *partitions,
                      void *opaque)
{
        struct bus_consumer *consumer = opaque;

        if (consumer->rebalances)
                series_add(consumer->rebalances, 1);
        log_debug(NULL, "bus.rebalance", "partitions change hands", LOG_STR("vr.code", rd_kafka_err2name(code)),
                  LOG_INT("vr.count", partitions->cnt));
        if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
                (void)rd_kafka_assign(client, partitions);
                atomic_store(&consumer->joined, true);
                return;
        }
        drop_kept(consumer);                      /* whoever gets them starts after what was stored */
        for (int i = 0; i < partitions->cnt; i++) /* theirs to tell from now on */
                set_lag(consumer, partitions->elems[i].topic, partitions->elems[i].partition, 0);
        (void)rd_kafka_assign(client, NULL);
        atomic_store(&consumer->joined, false);
        atomic_store(&consumer->lag, -1);
}

/* ---- lag, from librdkafka's statistics ---- */

/* The number after `"key":` between `text` and `end`, else `fallback`. */
static int64_t number_in(const char *text, const char *end, const char *key, int64_t fallback)
{
        const char *at = strstr(text, key);

        return at && at < end ? strtoll(at + strlen(key), NULL, 10) : fallback;
}

/* -1: not known yet. Until something was committed, everything there is lags. */
static int64_t partition_lag(const char *text, const char *end)
{
        int64_t low = number_in(text, end, "\"lo_offset\":", 0), high = number_in(text, end, "\"hi_offset\":", -1);
        int64_t lag = number_in(text, end, "\"consumer_lag\":", -1);

        if (lag >= 0 || high < 0)
                return lag;
        return high - (low > 0 ? low : 0);
}

/* One topic's part: the lag of the partitions we fetch; `ret_known` turns false when one of them can't tell. */
static int64_t topic_lag(struct bus_consumer *consumer, const char *topic, const char *text, const char *end,
                         bool *ret_known)
{
        static const char start[] = "\"partition\":";
        int64_t sum = 0;

        for (const char *at = strstr(text, start), *next; at && at < end; at = next) {
                const char *state = strstr(at, "\"fetch_state\":\"active\""), *stop;
                int64_t partition = number_in(at, end, start, -1), lag;

                next = strstr(at + sizeof(start), start);
                stop = next && next < end ? next : end;
                if (partition < 0 || !state || state > stop)
                        continue;
                lag = partition_lag(at, stop);
                set_lag(consumer, topic, (int)partition, lag > 0 ? lag : 0);
                sum += lag > 0 ? lag : 0;
                *ret_known = *ret_known && lag >= 0;
        }
        return sum;
}

/*
 * Scanned rather than parsed: the text outgrows the gate for JSON of strangers, it is librdkafka's own, and no name in it
 * can hold a quote (topics are [a-zA-Z0-9._-]).
 */
static int read_statistics(rd_kafka_t *client, char *json, size_t length, void *opaque)
{
        static const char start[] = "\"topic\":\"";
        struct bus_consumer *consumer = opaque;
        const char *end = json + length, *topics = strstr(json, "\"topics\":");
        bool known = atomic_load(&consumer->joined);
        int64_t sum = 0;

        (void)client;
        for (const char *at = topics ? strstr(topics, start) : NULL, *next; at; at = next) {
                size_t name_length;
                char name[256];

                at += sizeof(start) - 1;
                name_length = strcspn(at, "\"");
                next = strstr(at, start);
                if (name_length >= sizeof(name))
                        continue;
                memcpy(name, at, name_length);
                name[name_length] = '\0';
                sum += topic_lag(consumer, name, at, next ? next : end, &known);
        }
        atomic_store(&consumer->lag, known ? sum : -1);
        return 0; /* librdkafka frees the text */
}

int64_t bus_consumer_lag(const struct bus_consumer *consumer)
{
        return atomic_load(&consumer->lag);
}

bool bus_consumer_joined(const struct bus_consumer *consumer)
{
        return atomic_load(&consumer->joined);
}

/* ---- consuming ---- */

static void copy_headers(struct arena *arena, const rd_kafka_message_t *from, struct bus_message *to)
{
        rd_kafka_headers_t *headers = NULL;
        const char *name;
        const void *value;
        size_t length;

        if (rd_kafka_message_headers(from, &headers))
                return;
        for (size_t i = 0; i < LIMIT_EVENT_HEADERS - BUS_ADDED_HEADERS; i++) {
                if (rd_kafka_header_get_all(headers, i, &name, &value, &length))
                        return;
                to->headers[to->header_count++] =
                        (struct bus_header){.name = arena_strdup(arena, name),
                                            .value = value ? arena_strndup(arena, value, length) : NULL,
                                            .length = length};
        }
}

static void copy_message(struct arena *arena, const rd_kafka_message_t *from, struct bus_message *to)
{
        /* still too large for an event when cut, so it is refused all the same */
        to->length = from->len <= LIMIT_BUS_MESSAGE_BYTES ? from->len : LIMIT_EVENT_BYTES + 1;
        to->topic = arena_strdup(arena, rd_kafka_topic_name(from->rkt));
        to->value = from->payload ? arena_strndup(arena, from->payload, to->length) : NULL;
        to->key = from->key ? arena_strndup(arena, from->key, from->key_len) : NULL;
        to->key_length = from->key_len;
        to->partition = from->partition;
        to->offset = from->offset;
        copy_headers(arena, from, to);
}

static rd_kafka_message_t *next_message(struct bus_consumer *consumer, int timeout_ms)
{
        if (consumer->kept_next < consumer->kept_count)
                return consumer->kept[consumer->kept_next++];
        consumer->kept_count = consumer->kept_next = consumer->kept_bytes = 0;
        return rd_kafka_consumer_poll(consumer->client, timeout_ms);
}

static void count_message(struct bus_consumer *consumer, const rd_kafka_message_t *message)
{
        if (message->err)
                log_debug(NULL, "bus.consume", rd_kafka_message_errstr(message),
                          LOG_STR("vr.code", rd_kafka_err2name(message->err)));
        if (consumer->messages && message->rkt)
                metric_inc(consumer->messages, rd_kafka_topic_name(message->rkt), "in", message->err ? "failed" : "ok");
}

/* Not by pausing the partitions: librdkafka 2.0.2 then loses or repeats what it had fetched. */
void bus_consumer_hold(struct bus_consumer *consumer)
{
        int64_t now_ms = clock_mono_ms();
        rd_kafka_message_t *message;

        if (consumer->kept_count == KEPT_MAX || consumer->kept_bytes >= LIMIT_BUS_BATCH_BYTES ||
            (consumer->kept_count >= KEPT_BEFORE_SLOW && now_ms < consumer->kept_at_ms + SLOW_POLL_MS))
                return;
        message = rd_kafka_consumer_poll(consumer->client, 0);
        if (!message)
                return;
        if (message->err) {
                rd_kafka_message_destroy(message);
                return;
        }
        consumer->kept[consumer->kept_count++] = message;
        consumer->kept_bytes += message->len;
        consumer->kept_at_ms = now_ms;
}

enum err bus_consume(struct bus_consumer *consumer, struct arena *arena, int timeout_ms, size_t max,
                     struct bus_message **ret_messages, size_t *ret_count)
{
        struct bus_message *messages = NULL;
        int64_t until_ms = clock_mono_ms() + timeout_ms;
        size_t count = 0, bytes = 0;

        while (count < max && bytes < LIMIT_BUS_BATCH_BYTES - LIMIT_BUS_MESSAGE_BYTES) {
                int64_t left_ms = count > 0 ? 0 : until_ms - clock_mono_ms();
                rd_kafka_message_t *message = next_message(consumer, left_ms > 0 ? (int)left_ms : 0);

                if (!message && (count > 0 || left_ms <= 0))
                        break;
                if (!message)
                        continue;
                count_message(consumer, message);
                if (!message->err) {
                        if (!messages)
                                messages = ARENA_ARRAY(arena, struct bus_message, max);
                        copy_message(arena, message, &messages[count]);
                        bytes += messages[count++].length;
                }
                rd_kafka_message_destroy(message);
        }
        *ret_messages = messages;
        *ret_count = count;
        return ERR_OK;
}

enum err bus_consumer_store(struct bus_consumer *consumer, const struct bus_message *messages, size_t count)
{
        rd_kafka_topic_partition_list_t *offsets;
        enum err err = ERR_OK;

        if (count == 0)
                return ERR_OK;
        offsets = rd_kafka_topic_partition_list_new((int)count);
        for (size_t i = 0; i < count; i++) {
                rd_kafka_topic_partition_t *one =
                        rd_kafka_topic_partition_list_find(offsets, messages[i].topic, messages[i].partition);

                if (!one) {
                        one = rd_kafka_topic_partition_list_add(offsets, messages[i].topic, messages[i].partition);
                        one->offset = 0;
                }
                if (one->offset < messages[i].offset + 1)
                        one->offset = messages[i].offset + 1;
        }
        (void)rd_kafka_offsets_store(consumer->client, offsets);
        for (int i = 0; i < offsets->cnt; i++)
                /* ERR__STATE: taken away meanwhile; the new owner does the work again */
                if (offsets->elems[i].err && offsets->elems[i].err != RD_KAFKA_RESP_ERR__STATE)
                        err = ERR_UNAVAILABLE;
        rd_kafka_topic_partition_list_destroy(offsets);
        return err;
}

/* ---- opening and closing ---- */

static void init_metrics(struct bus_consumer *consumer, const struct bus_config *config, const char *const *topics)
{
        struct metrics *metrics = config->metrics;

        if (!metrics)
                return;
        consumer->messages = bus_messages_metric(config);
        consumer->lag_gauge = metrics_gauge(metrics, "vr_kafka_consumer_lag", "topic,partition",
                                            "Messages behind the end of the partition, over those this process has.");
        consumer->rebalances =
                METRIC_SERIES(metrics_counter(metrics, "vr_kafka_rebalances_total", "",
                                              "Times partitions were given to or taken from this process."));
        for (; *topics; topics++) { /* at 0 from the start */
                (void)METRIC_SERIES(consumer->messages, *topics, "in", "ok");
                (void)METRIC_SERIES(consumer->messages, *topics, "in", "failed");
        }
}

static enum err subscribe(struct bus_consumer *consumer, const char *const *topics)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(LIMIT_BUS_TOPICS);
        rd_kafka_resp_err_t code;

        for (; *topics; topics++)
                (void)rd_kafka_topic_partition_list_add(list, *topics, RD_KAFKA_PARTITION_UA);
        code = rd_kafka_subscribe(consumer->client, list);
        rd_kafka_topic_partition_list_destroy(list);
        return code ? ERR_INVALID : ERR_OK;
}

enum err bus_consumer_open(const struct bus_config *config, const char *const *topics,
                           struct bus_consumer **ret_consumer)
{
        struct bus_consumer *consumer = calloc(1, sizeof(*consumer));
        rd_kafka_conf_t *conf = NULL;
        enum err err = consumer ? bus_conf(config, defaults, fixed, &conf) : ERR_NO_MEMORY;

        if (err) {
                free(consumer);
                return err;
        }
        atomic_store(&consumer->lag, -1);
        init_metrics(consumer, config, topics);
        rd_kafka_conf_set_opaque(conf, consumer);
        rd_kafka_conf_set_rebalance_cb(conf, rebalance);
        rd_kafka_conf_set_stats_cb(conf, read_statistics);
        if (rd_kafka_conf_set(conf, "group.id", config->group, NULL, 0) != RD_KAFKA_CONF_OK) {
                rd_kafka_conf_destroy(conf);
                free(consumer);
                return ERR_INVALID;
        }
        err = bus_client(RD_KAFKA_CONSUMER, &conf, &consumer->client);
        if (!err) {
                (void)rd_kafka_poll_set_consumer(consumer->client);
                err = subscribe(consumer, topics);
        }
        if (err) {
                bus_consumer_close(consumer);
                return err;
        }
        *ret_consumer = consumer;
        return ERR_OK;
}

void bus_consumer_close(struct bus_consumer *consumer)
{
        if (!consumer)
                return;
        drop_kept(consumer);
        if (consumer->client) {
                (void)rd_kafka_consumer_close(consumer->client);
                rd_kafka_destroy(consumer->client);
        }
        free(consumer);
}
