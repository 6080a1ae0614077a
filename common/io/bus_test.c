/* Against the embedded broker, in this process. */
#include "common/io/bus_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/str.h"
#include "tests/support/unit.h"

#define TOPIC "test.v1"

static const struct bus_topic topics[] = {{.name = TOPIC, .partitions = 3}};
static const char *const topic_names[] = {TOPIC, NULL};

struct bench {
        struct bus_embedded *broker;
        struct bus_config config;
        struct bus_producer *producer;
};

static void bench_make(struct bench *bench)
{
        *bench = (struct bench){0};
        CHECK_INT(bus_embedded_start(0, topics, ARRAY_LEN(topics), &bench->broker), ERR_OK);
        bench->config = (struct bus_config){
                .brokers = bus_embedded_address(bench->broker), .client_id = "test", .group = "test-group"};
        CHECK_INT(bus_producer_open(&bench->config, topic_names, &bench->producer), ERR_OK);
}

static void bench_done(struct bench *bench)
{
        bus_producer_close(bench->producer, 1000);
        bus_embedded_stop(bench->broker);
}

static int port_of(const char *address)
{
        int64_t port = 0;

        CHECK_INT(str_to_i64(strrchr(address, ':') + 1, 1, 65535, &port), ERR_OK);
        return (int)port;
}

static struct bus_message message_of(const char *key, const char *value)
{
        return (struct bus_message){.topic = TOPIC, .key = key, .value = value, .length = strlen(value)};
}

static void say(struct bench *bench, const char *key, const char *value)
{
        struct bus_message message = message_of(key, value);

        CHECK_INT(bus_produce_wait(bench->producer, &message, 10000), ERR_OK);
}

/* Consumes until `wanted` messages are there or 15 s are over; returns how many came. */
static size_t listen_for(struct bus_consumer *consumer, struct arena *arena, size_t wanted, size_t at_a_time,
                         struct bus_message *all)
{
        int64_t until_ms = clock_mono_ms() + 15000;
        size_t have = 0;

        while (have < wanted && clock_mono_ms() < until_ms) {
                struct bus_message *some = NULL;
                size_t count = 0;

                CHECK_INT(bus_consume(consumer, arena, 200, at_a_time, &some, &count), ERR_OK);
                for (size_t i = 0; i < count && have < wanted; i++)
                        all[have++] = some[i];
        }
        return have;
}

static void messages_arrive_as_they_left(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();
        AUTO(buf_done) struct buf text = {0};
        struct bus_consumer *consumer = NULL;
        struct bus_message sent = message_of("clé", "a\0b"), got[2] = {0};
        struct bench bench;

        bench_make(&bench);
        bench.config.metrics = metrics;
        sent.length = 3;
        sent.headers[0] = (struct bus_header){.name = "ce_id", .value = "42"};
        sent.headers[1] = (struct bus_header){.name = "odd", .value = "x\0y", .length = 3};
        sent.headers[2] = (struct bus_header){.name = "null"};
        sent.header_count = 3;
        CHECK_INT(bus_produce_wait(bench.producer, &sent, 10000), ERR_OK);
        CHECK_INT(bus_consumer_open(&bench.config, topic_names, &consumer), ERR_OK);
        CHECK(!bus_consumer_joined(consumer));
        CHECK_INT(listen_for(consumer, arena, 1, 10, got), 1);
        CHECK(bus_consumer_joined(consumer));
        CHECK_TEXT(got[0].topic, TOPIC);
        CHECK_TEXT(got[0].key, "clé");
        CHECK_INT(got[0].length, 3);
        CHECK(memcmp(got[0].value, "a\0b", 4) == 0);
        CHECK_INT(got[0].header_count, 3);
        CHECK_TEXT(got[0].headers[0].name, "ce_id");
        CHECK_TEXT(got[0].headers[0].value, "42");
        CHECK(got[0].headers[1].length == 3 && memcmp(got[0].headers[1].value, "x\0y", 3) == 0);
        CHECK(got[0].headers[2].value == NULL);
        CHECK_INT(got[0].offset, 0);
        metrics_write(metrics, &text);
        CHECK(strstr(buf_text(&text), "vr_kafka_messages_total{topic=\"test.v1\",direction=\"in\",result=\"ok\"} 1"));
        CHECK(strstr(buf_text(&text), "vr_kafka_rebalances_total 1"));
        bus_consumer_close(consumer);
        bench_done(&bench);
}

/* Java's default partitioner puts these keys there, of 3 (murmur2 & 0x7fffffff % 3). */
static int java_partition(const char *key)
{
        size_t length = strlen(key), words = length / 4;
        uint32_t m = 0x5bd1e995, h = 0x9747b28cu ^ (uint32_t)length;
        const unsigned char *bytes = (const unsigned char *)key, *tail = bytes + words * 4;

        for (size_t i = 0; i < words; i++) {
                uint32_t k = bytes[i * 4] | (uint32_t)bytes[i * 4 + 1] << 8 | (uint32_t)bytes[i * 4 + 2] << 16 |
                             (uint32_t)bytes[i * 4 + 3] << 24;

                k *= m;
                k ^= k >> 24;
                k *= m;
                h = (h * m) ^ k;
        }
        for (size_t i = length % 4; i > 0; i--)
                h ^= (uint32_t)tail[i - 1] << (8 * (i - 1));
        if (length % 4)
                h *= m;
        h ^= h >> 13;
        h *= m;
        h ^= h >> 15;
        return (int)((h & 0x7fffffff) % 3);
}

static void a_restart_goes_on_after_what_was_stored(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct bus_consumer *consumer = NULL;
        struct bus_message got[20] = {0}, *some = NULL;
        struct bench bench;
        char key[16];
        size_t count = 0;

        bench_make(&bench);
        for (int i = 0; i < 10; i++) {
                (void)snprintf(key, sizeof(key), "VR-2024-%d", i);
                say(&bench, key, "x");
        }
        CHECK_INT(bus_consumer_open(&bench.config, topic_names, &consumer), ERR_OK);
        CHECK_INT(listen_for(consumer, arena, 10, 10, got), 10);
        for (int i = 0; i < 10; i++)
                CHECK_INT(got[i].partition, java_partition(got[i].key));
        CHECK_INT(bus_consumer_store(consumer, got, 10), ERR_OK);
        say(&bench, "late", "never stored");
        CHECK_INT(listen_for(consumer, arena, 1, 10, got), 1);
        bus_consumer_close(consumer);

        CHECK_INT(bus_consumer_open(&bench.config, topic_names, &consumer), ERR_OK);
        CHECK_INT(listen_for(consumer, arena, 1, 10, got), 1);
        CHECK_TEXT(got[0].key, "late");
        CHECK_INT(bus_consumer_store(consumer, got, 1), ERR_OK);
        CHECK_INT(bus_consume(consumer, arena, 300, 10, &some, &count), ERR_OK);
        CHECK_INT(count, 0);
        for (int64_t until_ms = clock_mono_ms() + 10000; bus_consumer_lag(consumer) != 0;) {
                CHECK_INT(bus_consume(consumer, arena, 100, 10, &some, &count), ERR_OK);
                if (clock_mono_ms() > until_ms)
                        break;
        }
        CHECK_INT(bus_consumer_lag(consumer), 0);
        bus_consumer_close(consumer);
        bench_done(&bench);
}

static void held_it_keeps_its_place(void)
{
        enum { MANY = 500 };
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct bus_consumer *consumer = NULL;
        struct bus_message got[MANY] = {0};
        bool seen[MANY] = {0};
        struct bench bench;
        size_t have = 0;

        bench_make(&bench);
        for (int i = 0; i < MANY; i++) {
                char number[16];
                struct bus_message message;

                (void)snprintf(number, sizeof(number), "%d", i);
                message = message_of(number, number);
                CHECK_INT(bus_produce(bench.producer, &message, NULL, NULL), ERR_OK);
        }
        CHECK_INT(bus_producer_flush(bench.producer, 10000), ERR_OK);
        CHECK_INT(bus_consumer_open(&bench.config, topic_names, &consumer), ERR_OK);
        while (have < MANY) {
                size_t more = listen_for(consumer, arena, MANY - have < 50 ? MANY - have : 50, 50, got);

                for (size_t i = 0; i < more; i++)
                        seen[strtol(got[i].value, NULL, 10)] = true;
                have += more;
                if (more == 0)
                        break;
                bus_consumer_hold(consumer);
                usleep(20000); /* so that something may arrive meanwhile */
                bus_consumer_hold(consumer);
        }
        CHECK_INT(have, MANY);
        for (int i = 0; i < MANY; i++)
                CHECK(seen[i]);
        bus_consumer_close(consumer);
        bench_done(&bench);
}

struct tally {
        atomic_int ok, failed;
};

static void tally_up(void *arg, enum err err)
{
        struct tally *tally = arg;

        atomic_fetch_add(err ? &tally->failed : &tally->ok, 1);
}

static void a_dead_producer_is_replaced_and_nothing_stays_unreported(void)
{
        struct bus_message message = message_of("k", "v");
        struct tally tally = {0};
        struct bench bench;
        int sent = 0;
        enum err err = ERR_UNAVAILABLE;

        bench_make(&bench);
        say(&bench, "k", "before");
        for (int i = 0; i < 200; i++) {
                if (i == 100)
                        bus_producer_kill(bench.producer);
                if (!bus_produce(bench.producer, &message, tally_up, &tally))
                        sent++;
        }
        for (int64_t until_ms = clock_mono_ms() + 10000; err && clock_mono_ms() < until_ms;) {
                err = bus_produce_wait(bench.producer, &message, 5000);
                usleep(10000);
        }
        CHECK_INT(err, ERR_OK);
        CHECK_INT(bus_producer_flush(bench.producer, 5000), ERR_OK);
        CHECK_INT(atomic_load(&tally.ok) + atomic_load(&tally.failed), sent);
        CHECK(sent >= 100);
        CHECK_INT(bus_producer_ping(bench.producer, 2000), ERR_OK);
        bench_done(&bench);
}

static void without_a_broker_it_says_so_in_time(void)
{
        const struct bus_config config = {.brokers = "127.0.0.1:1", .client_id = "test", .group = "g"};
        struct bus_message message = message_of("k", "v");
        struct bus_producer *producer = NULL;
        struct bus_consumer *consumer = NULL;
        struct tally tally = {0};
        int64_t started_ms = clock_mono_ms();

        CHECK_INT(bus_ping(&config, 300), ERR_UNAVAILABLE);
        CHECK_INT(bus_ensure_topics(&config, topics, 1, 300), ERR_UNAVAILABLE);
        CHECK_INT(bus_producer_open(&config, topic_names, &producer), ERR_OK);
        CHECK_INT(bus_producer_ping(producer, 300), ERR_UNAVAILABLE);
        CHECK_INT(bus_produce(producer, &message, tally_up, &tally), ERR_OK);
        CHECK_INT(bus_produce_wait(producer, &message, 300), ERR_TIMEOUT);
        bus_producer_close(producer, 100);
        CHECK_INT(atomic_load(&tally.failed), 1);
        CHECK_INT(bus_consumer_open(&config, topic_names, &consumer), ERR_OK);
        CHECK_INT(bus_consumer_lag(consumer), -1);
        bus_consumer_close(consumer);
        CHECK(clock_mono_ms() - started_ms < 8000);
}

static void what_no_broker_has_is_known_by_the_time_asked_for(void)
{
        const struct bus_config config = {.brokers = "127.0.0.1:1", .client_id = "test", .message_timeout_ms = 300};
        struct bus_message message = message_of("k", "v");
        struct bus_producer *producer = NULL;

        CHECK_INT(bus_producer_open(&config, topic_names, &producer), ERR_OK);
        CHECK_INT(bus_produce_wait(producer, &message, 5000), ERR_UNAVAILABLE);
        bus_producer_close(producer, 100);
}

static void topics_are_made_and_checked(void)
{
        static const struct bus_topic more[] = {{.name = "more.v1", .partitions = 2}};
        static const struct bus_topic wide[] = {{.name = TOPIC, .partitions = 12}};
        struct bench bench;

        bench_make(&bench);
        CHECK_INT(bus_ping(&bench.config, 3000), ERR_OK);
        CHECK_INT(bus_ensure_topics(&bench.config, topics, 1, 5000), ERR_OK);
        CHECK_INT(bus_ensure_topics(&bench.config, more, 1, 5000), ERR_OK);
        CHECK_INT(bus_ensure_topics(&bench.config, wide, 1, 5000), ERR_INVALID);
        bench_done(&bench);
}

static void the_broker_comes_back_on_its_port(void)
{
        struct bench bench;
        char address[64];
        int port;

        bench_make(&bench);
        (void)snprintf(address, sizeof(address), "%s", bus_embedded_address(bench.broker));
        bench.config.brokers = address;
        port = port_of(address);
        say(&bench, "k", "before");
        bus_embedded_stop(bench.broker);
        bench.broker = NULL;
        CHECK_INT(bus_ping(&bench.config, 300), ERR_UNAVAILABLE);
        CHECK_INT(bus_embedded_start(port, topics, 1, &bench.broker), ERR_OK);
        CHECK_TEXT(bus_embedded_address(bench.broker), address);
        say(&bench, "k", "after");
        {
                struct bus_embedded *second = NULL;

                CHECK_INT(bus_embedded_start(port, topics, 1, &second), ERR_UNAVAILABLE);
                CHECK(second == NULL);
        }
        bench_done(&bench);
}

static void a_consumer_outlives_a_broker_that_comes_back_empty(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct bus_consumer *consumer = NULL;
        struct bus_message got[4] = {0};
        struct bench bench;
        char address[64];
        int64_t started_ms;
        int port;

        bench_make(&bench);
        (void)snprintf(address, sizeof(address), "%s", bus_embedded_address(bench.broker));
        bench.config.brokers = address;
        port = port_of(address);
        for (int i = 0; i < 3; i++)
                say(&bench, "k", "before");
        CHECK_INT(bus_consumer_open(&bench.config, topic_names, &consumer), ERR_OK);
        CHECK_INT(listen_for(consumer, arena, 3, 10, got), 3);
        CHECK_INT(bus_consumer_store(consumer, got, 3), ERR_OK);
        bus_embedded_stop(TAKE(bench.broker));
        CHECK_INT(listen_for(consumer, arena, 0, 10, got), 0);
        CHECK_INT(bus_embedded_start(port, topics, 1, &bench.broker), ERR_OK);
        say(&bench, "k", "after");
        CHECK_INT(listen_for(consumer, arena, 1, 10, got), 1);
        CHECK_TEXT(got[0].value, "after");
        CHECK_INT(got[0].offset, 0);

        bus_embedded_stop(TAKE(bench.broker));
        started_ms = clock_mono_ms();
        bus_consumer_close(consumer);
        CHECK(clock_mono_ms() - started_ms < 15000); /* about a session timeout */
        bench_done(&bench);
}

static void properties_come_from_the_environment(void)
{
        const struct bus_config config = {.brokers = "127.0.0.1:1", .client_id = "test"};
        static const struct bus_property none[] = {{0}};
        rd_kafka_conf_t *conf = NULL;
        char value[64], path[] = "/tmp/vr-bus-test-XXXXXX";
        size_t size = sizeof(value);
        int fd = mkstemp(path);

        CHECK_INT(write(fd, "s3cret\n", 7), 7);
        close(fd);
        (void)setenv("VR_KAFKA_BROKERS", "not.a.property:1", 1);
        (void)setenv("VR_KAFKA_SASL_USERNAME", "Ann", 1);
        (void)setenv("VR_KAFKA_SASL_PASSWORD_FILE", path, 1);
        CHECK_INT(bus_conf(&config, none, none, &conf), ERR_OK);
        CHECK_INT(rd_kafka_conf_get(conf, "sasl.username", value, &size), RD_KAFKA_CONF_OK);
        CHECK_TEXT(value, "Ann");
        size = sizeof(value);
        CHECK_INT(rd_kafka_conf_get(conf, "sasl.password", value, &size), RD_KAFKA_CONF_OK);
        CHECK_TEXT(value, "s3cret");
        size = sizeof(value);
        CHECK_INT(rd_kafka_conf_get(conf, "bootstrap.servers", value, &size), RD_KAFKA_CONF_OK);
        CHECK_TEXT(value, "127.0.0.1:1");
        rd_kafka_conf_destroy(conf);

        (void)setenv("VR_KAFKA_NO_SUCH_THING", "1", 1);
        CHECK_INT(bus_conf(&config, none, none, &conf), ERR_INVALID);
        (void)unsetenv("VR_KAFKA_NO_SUCH_THING");
        (void)unsetenv("VR_KAFKA_BROKERS");
        (void)unsetenv("VR_KAFKA_SASL_USERNAME");
        (void)unsetenv("VR_KAFKA_SASL_PASSWORD_FILE");
        (void)unlink(path);
}

static void limits_are_kept(void)
{
        struct bench bench;
        struct bus_message message = message_of("k", "v");

        bench_make(&bench);
        message.length = LIMIT_BUS_MESSAGE_BYTES + 1;
        CHECK_INT(bus_produce(bench.producer, &message, NULL, NULL), ERR_TOO_LARGE);
        bench_done(&bench);
}

UNIT_TESTS(UNIT(messages_arrive_as_they_left), UNIT(a_restart_goes_on_after_what_was_stored),
           UNIT(held_it_keeps_its_place), UNIT(a_dead_producer_is_replaced_and_nothing_stays_unreported),
           UNIT(without_a_broker_it_says_so_in_time), UNIT(what_no_broker_has_is_known_by_the_time_asked_for),
           UNIT(topics_are_made_and_checked), UNIT(the_broker_comes_back_on_its_port),
           UNIT(a_consumer_outlives_a_broker_that_comes_back_empty), UNIT(properties_come_from_the_environment),
           UNIT(limits_are_kept))
