/* With a real database file and the embedded broker. */
#include "common/app/subscriber.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/str.h"
#include "tests/support/unit.h"

#define TOPIC      "test.v1"
#define DEAD_TOPIC TOPIC ".test-group.dlq"
#define LONG_MS    20000

static const struct bus_topic topics[] = {{.name = TOPIC, .partitions = 3}};
static const char *const topic_names[] = {TOPIC, NULL};

struct bench {
        char folder[64], url[96];
        struct bus_embedded *broker;
        struct bus_config bus;
        struct bus_producer *producer;
        struct db *db;
        struct subscriber *subscriber;
        atomic_int failures_left; /* of "flaky" events */
        atomic_int after, dead;
};

static enum err keep(struct db_tx *tx, const struct event *event)
{
        static const struct db_query query = {"keep", "INSERT INTO seen (id, data) VALUES ($1, $2)"};

        return db_exec(tx, &query, DB_PARAMS(DB_TEXT(event->id), DB_TEXT(event->data)), NULL);
}

static enum err apply_noted(void *app, struct db_tx *tx, struct arena *arena, const struct event *event)
{
        struct bench *bench = app;
        enum err err = keep(tx, event);

        (void)arena_alloc(arena, 1024 * 1024); /* scratch is one event's: a batch of these would be too much */
        if (err)
                return err;
        if (str_equal(event->data, "refused"))
                return ERR_INVALID;
        if (str_equal(event->data, "flaky") && atomic_fetch_sub(&bench->failures_left, 1) > 0)
                return ERR_UNAVAILABLE;
        return ERR_OK;
}

static void after_noted(void *app, struct arena *arena, const struct event *event)
{
        struct bench *bench = app;

        (void)arena;
        (void)event;
        atomic_fetch_add(&bench->after, 1);
}

static void count_dead(void *app, const struct bus_message *message, const char *reason)
{
        struct bench *bench = app;

        CHECK_TEXT(message->topic, TOPIC);
        CHECK(reason != NULL);
        atomic_fetch_add(&bench->dead, 1);
}

static const struct subscription table[] = {{"test.noted", TOPIC, apply_noted, after_noted}, {0}};

static enum err make_table(struct db_tx *tx, void *arg)
{
        static const struct db_query query = {"make", "CREATE TABLE seen (id TEXT PRIMARY KEY, data TEXT)"};

        (void)arg;
        return db_exec(tx, &query, DB_NO_PARAMS, NULL);
}

static void bench_start(struct bench *bench)
{
        CHECK_INT(subscriber_start(&(struct subscriber_config){.bus = bench->bus,
                                                               .producer = bench->producer,
                                                               .db = bench->db,
                                                               .table = table,
                                                               .app = bench,
                                                               .dead = count_dead},
                                   &bench->subscriber),
                  ERR_OK);
}

static void bench_make(struct bench *bench)
{
        *bench = (struct bench){0};
        (void)snprintf(bench->folder, sizeof(bench->folder), "/tmp/vr-subscriber-test-XXXXXX");
        if (!mkdtemp(bench->folder))
                abort();
        (void)snprintf(bench->url, sizeof(bench->url), "sqlite:%s/x.db", bench->folder);
        CHECK_INT(bus_embedded_start(0, topics, ARRAY_LEN(topics), &bench->broker), ERR_OK);
        bench->bus = (struct bus_config){
                .brokers = bus_embedded_address(bench->broker), .client_id = "test", .group = "test-group"};
        CHECK_INT(bus_producer_open(&bench->bus, topic_names, &bench->producer), ERR_OK);
        CHECK_INT(db_open(&(struct db_config){.url = bench->url, .readers = 1, .timeout_ms = 1000}, &bench->db),
                  ERR_OK);
        CHECK_INT(db_write(bench->db, make_table, NULL), ERR_OK);
}

static void bench_done(struct bench *bench)
{
        static const char *const names[] = {"x.db", "x.db.lock"};
        char file[128];

        subscriber_stop(bench->subscriber);
        bus_producer_close(bench->producer, 1000);
        bus_embedded_stop(bench->broker);
        db_close(bench->db);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                (void)snprintf(file, sizeof(file), "%s/%s", bench->folder, names[i]);
                (void)unlink(file);
        }
        CHECK_INT(rmdir(bench->folder), 0);
}

static void publish(struct bench *bench, const char *id, const char *type, const char *data)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const struct event event = {.id = id,
                                    .source = "/test",
                                    .type = type,
                                    .subject = id,
                                    .topic = TOPIC,
                                    .time_ms = 1,
                                    .data = data,
                                    .data_length = strlen(data)};
        struct bus_message message = {0};

        CHECK_INT(event_to_message(arena, &event, &message), ERR_OK);
        CHECK_INT(bus_produce_wait(bench->producer, &message, LONG_MS), ERR_OK);
}

static enum err count_seen(struct db_tx *tx, void *arg)
{
        static const struct db_query query = {"count", "SELECT COUNT(*) FROM seen"};
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &query, DB_NO_PARAMS, &rows);

        while (!err && db_next(&rows, &err))
                *(int64_t *)arg = db_int(&rows, 0);
        return err;
}

static int64_t seen(struct bench *bench)
{
        int64_t found = -1;

        CHECK_INT(db_read(bench->db, count_seen, &found), ERR_OK);
        return found;
}

static bool in_time(struct bench *bench, int64_t wanted_seen, int wanted_dead)
{
        int64_t until_ms = clock_mono_ms() + LONG_MS;

        while ((seen(bench) < wanted_seen || atomic_load(&bench->dead) < wanted_dead) && clock_mono_ms() < until_ms)
                usleep(5000);
        return seen(bench) == wanted_seen && atomic_load(&bench->dead) == wanted_dead;
}

static const char *header(const struct bus_message *message, const char *name)
{
        for (size_t i = 0; i < message->header_count; i++)
                if (str_equal(message->headers[i].name, name))
                        return message->headers[i].value;
        return NULL;
}

static void check_dead_letters(struct bench *bench)
{
        static const char *const dead_names[] = {DEAD_TOPIC, NULL};
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct bus_config config = bench->bus;
        struct bus_consumer *consumer = NULL;
        struct bus_message *some = NULL;
        int64_t until_ms = clock_mono_ms() + LONG_MS;
        size_t count = 0, have = 0;

        config.group = "mourners";
        CHECK_INT(bus_consumer_open(&config, dead_names, &consumer), ERR_OK);
        while (have < 2 && clock_mono_ms() < until_ms) {
                CHECK_INT(bus_consume(consumer, arena, 200, 10, &some, &count), ERR_OK);
                for (size_t i = 0; i < count; i++, have++) {
                        CHECK_TEXT(header(&some[i], "vr-dlq-original-topic"), TOPIC);
                        CHECK(header(&some[i], "vr-dlq-original-partition") != NULL);
                        CHECK(header(&some[i], "vr-dlq-original-offset") != NULL);
                        CHECK(header(&some[i], "vr-dlq-failed-at") != NULL);
                        if (some[i].length == 3) {
                                CHECK(memcmp(some[i].value, "\xff\0\xfe", 3) == 0);
                                CHECK(some[i].key_length == 3 && memcmp(some[i].key, "k\0y", 3) == 0);
                                CHECK_TEXT(header(&some[i], "mine"), "kept");
                                CHECK_TEXT(header(&some[i], "vr-dlq-reason"), "ce_specversion is not 1.0");
                        } else {
                                CHECK_TEXT(some[i].value, "refused");
                                CHECK_TEXT(header(&some[i], "ce_id"), "id-refused");
                                CHECK_TEXT(header(&some[i], "vr-dlq-reason"), "refused: ERR_INVALID");
                        }
                }
        }
        CHECK_INT(have, 2);
        bus_consumer_close(consumer);
}

static void good_ones_are_applied_bad_ones_buried_others_skipped(void)
{
        struct bus_message garbage = {
                .topic = TOPIC, .key = "k\0y", .key_length = 3, .value = "\xff\0\xfe", .length = 3};
        struct bench bench;
        char id[16];

        bench_make(&bench);
        garbage.headers[garbage.header_count++] = (struct bus_header){.name = "mine", .value = "kept"};
        publish(&bench, "first", "test.noted", "{}");
        CHECK_INT(bus_produce_wait(bench.producer, &garbage, LONG_MS), ERR_OK);
        publish(&bench, "id-refused", "test.noted", "refused");
        publish(&bench, "other", "test.unheard_of", "{}");
        for (int i = 0; i < 20; i++) {
                (void)snprintf(id, sizeof(id), "id-%d", i);
                publish(&bench, id, "test.noted", "{}");
        }
        bench_start(&bench);
        CHECK(!subscriber_ready(bench.subscriber));
        CHECK(in_time(&bench, 21, 2));
        CHECK(subscriber_ready(bench.subscriber));
        CHECK(subscriber_idle_ms(bench.subscriber) < 5000);
        CHECK_INT(atomic_load(&bench.after), 21);
        check_dead_letters(&bench);

        /* where one stops, the next goes on */
        subscriber_stop(TAKE(bench.subscriber));
        bench_start(&bench);
        publish(&bench, "last", "test.noted", "{}");
        CHECK(in_time(&bench, 22, 2));
        CHECK_INT(atomic_load(&bench.after), 22);
        bench_done(&bench);
}

static void a_passing_failure_is_waited_out(void)
{
        struct bench bench;

        bench_make(&bench);
        atomic_store(&bench.failures_left, 3);
        publish(&bench, "before", "test.noted", "{}");
        publish(&bench, "flaky", "test.noted", "flaky");
        publish(&bench, "behind", "test.noted", "{}");
        bench_start(&bench);
        CHECK(in_time(&bench, 3, 0));
        CHECK(atomic_load(&bench.failures_left) < 0);
        bench_done(&bench);
}

static void stopping_in_trouble_loses_nothing(void)
{
        int64_t until_ms = clock_mono_ms() + LONG_MS, started_ms;
        struct bench bench;

        bench_make(&bench);
        atomic_store(&bench.failures_left, 1000000);
        publish(&bench, "flaky", "test.noted", "flaky");
        bench_start(&bench);
        while (atomic_load(&bench.failures_left) == 1000000 && clock_mono_ms() < until_ms)
                usleep(5000);
        started_ms = clock_mono_ms();
        subscriber_stop(TAKE(bench.subscriber));
        CHECK(clock_mono_ms() - started_ms < 3000);
        CHECK_INT(seen(&bench), 0);
        atomic_store(&bench.failures_left, 0);
        bench_start(&bench);
        CHECK(in_time(&bench, 1, 0));
        bench_done(&bench);
}

UNIT_TESTS(UNIT(good_ones_are_applied_bad_ones_buried_others_skipped), UNIT(a_passing_failure_is_waited_out),
           UNIT(stopping_in_trouble_loses_nothing))
