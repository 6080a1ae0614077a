#include "services/webhook/webhook_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/id.h"
#include "tests/support/unit.h"

/* Each test has its own database file. */
struct store {
        char folder[64];
        struct db *db;
        struct arena *arena;
};

static struct store store_open(void)
{
        struct store s = {.folder = "/tmp/vr-webhook-store-XXXXXX", .arena = arena_new()};
        char url[128];

        CHECK(mkdtemp(s.folder) != NULL);
        snprintf(url, sizeof(url), "sqlite:%s/webhook.db", s.folder);
        CHECK_INT(db_open(&(struct db_config){.url = url, .readers = 1, .timeout_ms = 2000}, &s.db), ERR_OK);
        CHECK_INT(db_migrate(s.db, webhook_migrations), ERR_OK);
        return s;
}

static void store_close(struct store *s)
{
        static const char *const files[] = {"webhook.db", "webhook.db-wal", "webhook.db-shm", "webhook.db.lock"};
        char path[160];

        db_close(s->db);
        arena_free(s->arena);
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                snprintf(path, sizeof(path), "%s/%s", s->folder, files[i]);
                (void)unlink(path);
        }
        (void)rmdir(s->folder);
}

/* The body of each test's unit of work, with what it needs. */
#define IN_UNIT(name)                                                    \
        static enum err name##_work(struct db_tx *tx, void *arg);        \
        static void name(void)                                           \
        {                                                                \
                struct store s = store_open();                           \
                CHECK_INT(db_write(s.db, name##_work, s.arena), ERR_OK); \
                store_close(&s);                                         \
        }                                                                \
        static enum err name##_work(struct db_tx *tx, void *arg)

static struct delivery sample(struct arena *arena, const char *event_id, const char *editor_id, int64_t due_ms)
{
        char id[ID_UUID_MAX];

        return (struct delivery){
                .id = arena_strdup(arena, id_uuid7(id)),
                .event_id = event_id,
                .market = "VR-2024-A1B2C3D4E5F6",
                .editor_id = editor_id,
                .body = "{\"é\":\0 1}",
                .body_length = 10,
                .field_count = 3,
                .completed_at_ms = 5,
                .created_at_ms = 6,
                .progress = {.due_at_ms = due_ms},
        };
}

static enum err put(struct db_tx *tx, const struct delivery *delivery)
{
        bool inserted = false;
        enum err err = store_insert_delivery(tx, delivery, &inserted);

        CHECK(inserted);
        return err;
}

IN_UNIT(an_event_has_one_delivery)
{
        struct delivery first = sample(arg, "e1", "a", 10), second = sample(arg, "e1", "a", 10), read = {0};
        bool inserted = true;
        enum err err = put(tx, &first);

        if (!err)
                err = store_insert_delivery(tx, &second, &inserted);
        CHECK(!inserted);
        if (!err)
                err = store_delivery_of_event(tx, arg, "e1", &read);
        if (err)
                return err;
        CHECK_TEXT(read.id, first.id);
        CHECK_INT(read.body_length, 10);
        CHECK(read.body && memcmp(read.body, first.body, 10) == 0);
        CHECK_INT(read.field_count, 3);
        CHECK_INT(store_delivery(tx, arg, second.id, &read), ERR_NOT_FOUND);
        return ERR_OK;
}

IN_UNIT(who_lost_the_fence_writes_nothing)
{
        struct delivery mine = sample(arg, "e1", "a", 10), others, read = {0};
        struct delivery_progress before = mine.progress;
        bool saved = false;
        enum err err = put(tx, &mine);

        CHECK(delivery_step(&mine.progress, DELIVERY_CLAIM, 10, 20));
        if (!err)
                err = store_save_progress(tx, &mine, &before, &saved);
        CHECK(saved);
        others = mine;
        CHECK(delivery_step(&others.progress, DELIVERY_CLAIM, 20, 30));
        if (!err)
                err = store_save_progress(tx, &others, &mine.progress, &saved);
        CHECK(saved);
        before = mine.progress;
        CHECK(delivery_step(&mine.progress, DELIVERY_FAIL, 21, 99));
        if (!err)
                err = store_save_progress(tx, &mine, &before, &saved);
        CHECK(!saved);
        if (!err)
                err = store_delivery(tx, arg, mine.id, &read);
        if (err)
                return err;
        CHECK_INT(read.progress.state, DELIVERY_LEASED);
        CHECK_INT(read.progress.fence, 2);
        CHECK_INT(read.progress.due_at_ms, 30);
        CHECK_INT(read.progress.attempts, 0);
        return ERR_OK;
}

IN_UNIT(due_work_is_found_editor_by_editor)
{
        const struct delivery rows[] = {sample(arg, "e1", "a", 30), sample(arg, "e2", "a", 10),
                                        sample(arg, "e3", "b", 90), sample(arg, "e4", "c", 20)};
        const char **ids = NULL;
        size_t count = 0;
        enum err err = ERR_OK;

        for (size_t i = 0; !err && i < ARRAY_LEN(rows); i++)
                err = put(tx, &rows[i]);
        if (!err)
                err = store_due_editors(tx, arg, 50, &ids, &count);
        CHECK_INT(count, 2);
        CHECK_TEXT(count == 2 ? ids[0] : NULL, "a");
        CHECK_TEXT(count == 2 ? ids[1] : NULL, "c");
        if (!err)
                err = store_due_deliveries(tx, arg, "a", 50, 10, &ids, &count);
        CHECK_INT(count, 2);
        CHECK_TEXT(count == 2 ? ids[0] : NULL, rows[1].id);
        if (!err)
                err = store_due_deliveries(tx, arg, "a", 50, 1, &ids, &count);
        CHECK_INT(count, 1);
        return err;
}

IN_UNIT(ended_deliveries_are_never_due)
{
        struct delivery d = sample(arg, "e1", "a", 10);
        struct delivery_progress before = d.progress;
        struct queue_figures figures = {9, 9, 9, 9};
        const char **ids = NULL;
        size_t count = 9;
        bool saved;
        enum err err = put(tx, &d);

        CHECK(delivery_step(&d.progress, DELIVERY_CLOSE, 10, 0));
        d.reason = "no_endpoint";
        if (!err)
                err = store_save_progress(tx, &d, &before, &saved);
        if (!err)
                err = store_due_editors(tx, arg, INT64_MAX, &ids, &count);
        CHECK_INT(count, 0);
        if (!err)
                err = store_queue(tx, INT64_MAX, &figures);
        CHECK_INT(figures.due + figures.leased + figures.scheduled + figures.oldest_due_at_ms, 0);
        return err;
}

static struct endpoint sample_endpoint(void)
{
        return (struct endpoint){.known = true,
                                 .editor_id = "a",
                                 .version = 7,
                                 .client_id = "demo",
                                 .name = "Éditeur",
                                 .active = true,
                                 .authorized = true,
                                 .url = "https://editeur.example.fr/w",
                                 .secret = "k1.AAAA",
                                 .own_schedule = true,
                                 .delays_ms = {5000, 30000},
                                 .delay_count = 2};
}

IN_UNIT(an_endpoint_is_read_as_it_was_saved)
{
        struct endpoint saved = sample_endpoint(), read = {.known = true};
        enum err err = store_endpoint(tx, arg, "a", &read);

        CHECK(!read.known);
        if (!err)
                err = store_save_endpoint(tx, arg, &saved, 1);
        if (!err)
                err = store_endpoint_by_client(tx, arg, "demo", &read);
        if (err)
                return err;
        CHECK(read.known && read.active && read.authorized && !read.removed && read.own_schedule);
        CHECK_INT(read.version, 7);
        CHECK_TEXT(read.url, saved.url);
        CHECK_TEXT(read.secret, "k1.AAAA");
        CHECK_TEXT(read.old_secret, NULL);
        CHECK_INT(read.delay_count, 2);
        CHECK_INT(read.delays_ms[1], 30000);
        saved.delay_count = 0; /* its own schedule: no retries */
        err = store_save_endpoint(tx, arg, &saved, 2);
        if (!err)
                err = store_endpoint(tx, arg, "a", &read);
        CHECK(read.own_schedule && read.delay_count == 0);
        return err;
}

IN_UNIT(a_410_switches_off_the_url_it_came_from)
{
        struct endpoint e = sample_endpoint(), read = {0};
        enum err err = store_save_endpoint(tx, arg, &e, 1);

        if (!err)
                err = store_disable_endpoint(tx, "a", "https://other.example.fr/", 50);
        if (!err)
                err = store_endpoint(tx, arg, "a", &read);
        CHECK_INT(read.disabled_at_ms, 0);
        if (!err)
                err = store_disable_endpoint(tx, "a", e.url, 50);
        if (!err)
                err = store_endpoint(tx, arg, "a", &read);
        CHECK_INT(read.disabled_at_ms, 50);
        if (!err)
                err = store_enable_endpoint(tx, "a", 60);
        if (!err)
                err = store_endpoint(tx, arg, "a", &read);
        CHECK_INT(read.disabled_at_ms, 0);
        return err;
}

IN_UNIT(attempts_are_kept_in_order)
{
        const struct attempt first = {1, 100, 12, "http_5xx", 503, "the endpoint answered 503", ""},
                             second = {2, 200, 3, "connect", 0, "no connection", NULL};
        struct attempt last = {0}, *list = NULL;
        size_t count = 0;
        enum err err = store_last_attempt(tx, arg, "d", &last);

        CHECK_INT(err, ERR_NOT_FOUND);
        err = store_add_attempt(tx, "d", &first);
        if (!err)
                err = store_add_attempt(tx, "d", &second);
        if (!err)
                err = store_last_attempt(tx, arg, "d", &last);
        CHECK_INT(last.number, 2);
        CHECK_INT(last.status_code, 0);
        CHECK_TEXT(last.outcome, "connect");
        if (!err)
                err = store_attempts(tx, arg, "d", &list, &count);
        CHECK_INT(count, 2);
        CHECK_INT(count == 2 ? list[0].status_code : 0, 503);
        return err;
}

IN_UNIT(postponed_ones_wake_with_their_endpoint)
{
        struct delivery waits = sample(arg, "e1", "a", 5000), retried = sample(arg, "e2", "a", 5000);
        const char **ids = NULL;
        size_t count = 0;
        enum err err;

        waits.progress.postponed = 3;
        err = put(tx, &waits);
        if (!err)
                err = put(tx, &retried);
        if (!err)
                err = store_wake_postponed(tx, "a", 100);
        if (!err)
                err = store_due_deliveries(tx, arg, "a", 100, 10, &ids, &count);
        CHECK_INT(count, 1);
        CHECK_TEXT(count ? ids[0] : NULL, waits.id);
        return err;
}

UNIT_TESTS(UNIT(an_event_has_one_delivery), UNIT(who_lost_the_fence_writes_nothing),
           UNIT(due_work_is_found_editor_by_editor), UNIT(ended_deliveries_are_never_due),
           UNIT(an_endpoint_is_read_as_it_was_saved), UNIT(a_410_switches_off_the_url_it_came_from),
           UNIT(attempts_are_kept_in_order), UNIT(postponed_ones_wake_with_their_endpoint))
