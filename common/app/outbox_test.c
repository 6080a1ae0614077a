/* With a real database file and the embedded broker. */
#include "common/app/outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/str.h"
#include "tests/support/unit.h"

#define TOPIC    "test.v1"
#define LONG_MS  20000
#define MANY     200
#define KEYS     5
#define TEXT_MAX 32

extern const struct file outbox_files[]; /* common/app/outbox.sql */

static const struct bus_topic topics[] = {{.name = TOPIC, .partitions = 3}};
static const char *const topic_names[] = {TOPIC, NULL};

struct bench {
        char folder[64], url[96], address[64];
        struct bus_embedded *broker;
        struct bus_config bus;
        struct bus_producer *producer;
        struct db *db;
        struct metrics *metrics;
        struct outbox *outbox;
};

static int port_of(const char *address)
{
        int64_t port = 0;

        CHECK_INT(str_to_i64(strrchr(address, ':') + 1, 1, 65535, &port), ERR_OK);
        return (int)port;
}

static void bench_make(struct bench *bench)
{
        struct file migrations[2] = {{"0001_outbox.sql", outbox_files[0].data, outbox_files[0].size}};

        *bench = (struct bench){.metrics = metrics_new()};
        (void)snprintf(bench->folder, sizeof(bench->folder), "/tmp/vr-outbox-test-XXXXXX");
        if (!mkdtemp(bench->folder))
                abort();
        (void)snprintf(bench->url, sizeof(bench->url), "sqlite:%s/x.db", bench->folder);
        CHECK_INT(bus_embedded_start(0, topics, ARRAY_LEN(topics), &bench->broker), ERR_OK);
        (void)snprintf(bench->address, sizeof(bench->address), "%s", bus_embedded_address(bench->broker));
        bench->bus = (struct bus_config){.brokers = bench->address, .client_id = "test", .group = "test"};
        CHECK_INT(bus_producer_open(&bench->bus, topic_names, &bench->producer), ERR_OK);
        CHECK_INT(db_open(&(struct db_config){.url = bench->url, .readers = 2, .timeout_ms = 2000}, &bench->db),
                  ERR_OK);
        CHECK_INT(db_migrate(bench->db, migrations), ERR_OK);
}

static void bench_start(struct bench *bench)
{
        CHECK_INT(outbox_start(&(struct outbox_config){.db = bench->db,
                                                       .producer = bench->producer,
                                                       .metrics = bench->metrics,
                                                       .keep_sent_ms = 3600000},
                               &bench->outbox),
                  ERR_OK);
}

static void bench_done(struct bench *bench)
{
        static const char *const names[] = {"x.db", "x.db.lock"};
        char file[128];

        outbox_stop(bench->outbox);
        bus_producer_close(bench->producer, 1000);
        bus_embedded_stop(bench->broker);
        db_close(bench->db);
        metrics_free(bench->metrics);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                (void)snprintf(file, sizeof(file), "%s/%s", bench->folder, names[i]);
                (void)unlink(file);
        }
        CHECK_INT(rmdir(bench->folder), 0);
}

struct note {
        const char *key;
        char data[TEXT_MAX];
        bool fails;
};

static enum err add_note(struct db_tx *tx, void *arg)
{
        const struct note *note = arg;
        const struct event event = {.source = "/test",
                                    .type = "test.noted",
                                    .subject = note->key,
                                    .topic = TOPIC,
                                    .data = note->data,
                                    .data_length = strlen(note->data)};
        enum err err = outbox_add(tx, &event);

        return err ? err : note->fails ? ERR_INVALID : ERR_OK;
}

static void note_down(struct bench *bench, const char *key, int number)
{
        struct note note = {.key = key};

        (void)snprintf(note.data, sizeof(note.data), "%d", number);
        CHECK_INT(db_write(bench->db, add_note, &note), ERR_OK);
        outbox_wake(bench->outbox);
}

static bool sent_in_time(struct bench *bench, int64_t wanted)
{
        int64_t until_ms = clock_mono_ms() + LONG_MS;

        while (outbox_sent(bench->outbox) < wanted && clock_mono_ms() < until_ms)
                usleep(5000);
        return outbox_sent(bench->outbox) == wanted;
}

static bool shows(struct bench *bench, const char *line)
{
        AUTO(buf_done) struct buf text = {0};

        metrics_write(bench->metrics, &text);
        return strstr(buf_text(&text), line) != NULL;
}

/* All there is, until `wanted` have come; those beyond arrive within the next look. */
static size_t read_topic(struct bench *bench, struct arena *arena, size_t wanted, struct event *events, size_t max)
{
        struct bus_consumer *consumer = NULL;
        int64_t until_ms = clock_mono_ms() + LONG_MS;
        size_t have = 0, count = 1;
        const char *reason = NULL;

        CHECK_INT(bus_consumer_open(&bench->bus, topic_names, &consumer), ERR_OK);
        while ((have < wanted || count > 0) && clock_mono_ms() < until_ms) {
                struct bus_message *some = NULL;

                CHECK_INT(bus_consume(consumer, arena, 300, 100, &some, &count), ERR_OK);
                for (size_t i = 0; i < count && have < max; i++)
                        CHECK_INT(event_from_message(arena, &some[i], &events[have++], &reason), ERR_OK);
        }
        bus_consumer_close(consumer);
        return have;
}

static void events_leave_with_their_state(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct event events[8] = {0};
        struct note undone = {.key = "a", .data = "undone", .fails = true};
        struct bench bench;

        bench_make(&bench);
        CHECK_INT(db_write(bench.db, add_note, &undone), ERR_INVALID);
        for (int i = 0; i < 3; i++)
                note_down(&bench, "a", i);
        bench_start(&bench);
        CHECK(sent_in_time(&bench, 3));
        note_down(&bench, "a", 3);
        CHECK(sent_in_time(&bench, 4));
        CHECK(shows(&bench, "vr_outbox_pending 0"));
        CHECK(shows(&bench, "vr_outbox_oldest_age_seconds 0"));
        CHECK_INT(read_topic(&bench, arena, 4, events, ARRAY_LEN(events)), 4);
        for (int i = 0; i < 4; i++) {
                char number[TEXT_MAX];

                (void)snprintf(number, sizeof(number), "%d", i);
                CHECK_TEXT(events[i].data, number);
                CHECK_TEXT(events[i].type, "test.noted");
                CHECK_INT(strlen(events[i].id), 36);
                CHECK(llabs(events[i].time_ms - clock_wall_ms()) < 60000);
        }
        bench_done(&bench);
}

static void rows_wait_for_a_broker_that_is_away(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct event events[8] = {0};
        struct bench bench;
        int port;

        bench_make(&bench);
        port = port_of(bench.address);
        bus_embedded_stop(TAKE(bench.broker));
        bench_start(&bench);
        note_down(&bench, "a", 0);
        note_down(&bench, "b", 1);
        CHECK(shows(&bench, "vr_outbox_pending 2"));
        CHECK_INT(outbox_sent(bench.outbox), 0);
        CHECK_INT(bus_embedded_start(port, topics, ARRAY_LEN(topics), &bench.broker), ERR_OK);
        CHECK(sent_in_time(&bench, 2));
        CHECK_INT(read_topic(&bench, arena, 2, events, ARRAY_LEN(events)), 2);
        bench_done(&bench);
}

static void a_dying_producer_loses_and_reorders_nothing(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        static struct event events[4 * MANY];
        int64_t last[KEYS];
        bool seen[MANY] = {0};
        struct bench bench;
        size_t have;

        bench_make(&bench);
        bench_start(&bench);
        for (int i = 0; i < MANY; i++) {
                char key[2] = {(char)('a' + i % KEYS), '\0'};

                note_down(&bench, key, i);
                if (i % 50 == 25)
                        bus_producer_kill(bench.producer);
        }
        CHECK(sent_in_time(&bench, MANY));
        have = read_topic(&bench, arena, MANY, events, ARRAY_LEN(events));
        CHECK(have >= MANY);
        for (int i = 0; i < KEYS; i++)
                last[i] = -1;
        for (size_t i = 0; i < have; i++) {
                int64_t number = strtoll(events[i].data, NULL, 10);

                seen[number] = true;
                CHECK(last[number % KEYS] <= number);
                last[number % KEYS] = number;
        }
        for (int i = 0; i < MANY; i++)
                CHECK(seen[i]);
        bench_done(&bench);
}

static enum err age_rows(struct db_tx *tx, void *arg)
{
        static const struct db_query query = {"age", "UPDATE outbox SET sent_at = $1 WHERE payload <> '2'"};

        (void)arg;
        return db_exec(tx, &query, DB_PARAMS(DB_INT(clock_wall_ms() - 7200000)), NULL);
}

static enum err count_rows(struct db_tx *tx, void *arg)
{
        static const struct db_query query = {"count", "SELECT COUNT(*) FROM outbox"};
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &query, DB_NO_PARAMS, &rows);

        while (!err && db_next(&rows, &err))
                *(int64_t *)arg = db_int(&rows, 0);
        return err;
}

static void rows_sent_long_ago_are_pruned(void)
{
        int64_t until_ms = clock_mono_ms() + LONG_MS, left = -1;
        struct bench bench;

        bench_make(&bench);
        for (int i = 0; i < 3; i++)
                note_down(&bench, "a", i);
        CHECK_INT(db_write(bench.db, age_rows, NULL), ERR_OK);
        bench_start(&bench);
        CHECK(sent_in_time(&bench, 1));
        do {
                usleep(5000);
                CHECK_INT(db_read(bench.db, count_rows, &left), ERR_OK);
        } while (left != 1 && clock_mono_ms() < until_ms);
        CHECK_INT(left, 1);
        bench_done(&bench);
}

static enum err add_odd(struct db_tx *tx, void *arg)
{
        return outbox_add(tx, arg);
}

static void what_could_never_leave_is_not_taken(void)
{
        struct event event = {.source = "/test", .type = "t", .subject = "s", .topic = TOPIC, .data = "{}"};
        struct bench bench;

        bench_make(&bench);
        CHECK_INT(db_write(bench.db, add_odd, &event), ERR_INVALID); /* no length */
        event.data_length = LIMIT_EVENT_BYTES + 1;
        CHECK(db_write(bench.db, add_odd, &event) != ERR_OK);
        event.data_length = 2;
        event.subject = NULL;
        CHECK_INT(db_write(bench.db, add_odd, &event), ERR_INVALID);
        outbox_wake(NULL);
        bench_done(&bench);
}

static void stopping_does_not_wait_for_a_broker_for_ever(void)
{
        int64_t started_ms;
        struct bench bench;

        bench_make(&bench);
        bus_embedded_stop(TAKE(bench.broker));
        bench_start(&bench);
        note_down(&bench, "a", 0);
        usleep(300000); /* so that it is in flight */
        started_ms = clock_mono_ms();
        outbox_stop(TAKE(bench.outbox));
        CHECK(clock_mono_ms() - started_ms < 7000);
        bench_done(&bench); /* the late report finds its place */
}

UNIT_TESTS(UNIT(events_leave_with_their_state), UNIT(rows_wait_for_a_broker_that_is_away),
           UNIT(a_dying_producer_loses_and_reorders_nothing), UNIT(rows_sent_long_ago_are_pruned),
           UNIT(what_could_never_leave_is_not_taken), UNIT(stopping_does_not_wait_for_a_broker_for_ever))
