#include "services/webhook/webhook_consumer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/str.h"
#include "services/webhook/app.h"
#include "services/webhook/webhook_store.h"
#include "tests/support/unit.h"

#define EDITOR    "0197a1b2-0000-7000-8000-000000000001"
#define COMPLETED "0197a1b2-0000-7000-8000-0000000000c1"
#define MARKET_DATA                                                                                      \
        "\"identifier\":\"VR-2024-A1B2C3D4E5F6\",\"editor_id\":\"" EDITOR "\",\"name\":\"Fournitures\"," \
        "\"lot_name\":null,\"deadline\":\"2024-06-15T23:59:59Z\",\"market_type_codes\":[\"supplies\"],"  \
        "\"completed_at\":\"2024-06-15T14:30:45Z\",\"field_keys\":[\"siret\"]"
#define BODY                                                                                                         \
        "{\"event\":\"market.completed\",\"timestamp\":\"2024-06-15T14:30:45Z\",\"market\":{\"identifier\":"         \
        "\"VR-2024-A1B2C3D4E5F6\",\"name\":\"Fournitures\",\"lot_name\":null,\"deadline\":\"2024-06-15T23:59:59Z\"," \
        "\"market_type_codes\":[\"supplies\"],\"completed_at\":\"2024-06-15T14:30:45Z\",\"field_keys\":[\"siret\"]}}"

struct world {
        char folder[64];
        struct arena *arena;
        struct webhook_app app;
};

static struct world *world_open(void)
{
        struct world *w = calloc(1, sizeof(*w));
        char url[128];

        log_init("test", "0", LOG_LEVEL_ERROR, LOG_FORMAT_JSON);
        (void)snprintf(w->folder, sizeof(w->folder), "/tmp/vr-webhook-consumer-XXXXXX");
        CHECK(mkdtemp(w->folder) != NULL);
        snprintf(url, sizeof(url), "sqlite:%s/webhook.db", w->folder);
        w->arena = arena_new();
        w->app.clock = due_clock_start();
        CHECK_INT(db_open(&(struct db_config){.url = url, .readers = 1, .timeout_ms = 2000}, &w->app.db), ERR_OK);
        CHECK_INT(db_migrate(w->app.db, webhook_migrations), ERR_OK);
        return w;
}

static void world_close(struct world *w)
{
        static const char *const files[] = {"webhook.db", "webhook.db-wal", "webhook.db-shm", "webhook.db.lock"};
        char path[160];

        db_close(w->app.db);
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                snprintf(path, sizeof(path), "%s/%s", w->folder, files[i]);
                (void)unlink(path);
        }
        (void)rmdir(w->folder);
        arena_free(w->arena);
        free(w);
}

/* ---- events in ---- */

struct hearing {
        struct world *world;
        struct event event;
};

static const struct subscription *subscription_of(const char *type)
{
        for (const struct subscription *s = webhook_subscriptions; s->type; s++)
                if (str_equal(s->type, type))
                        return s;
        return NULL;
}

static enum err apply(struct db_tx *tx, void *arg)
{
        struct hearing *h = arg;

        return subscription_of(h->event.type)->apply(&h->world->app, tx, h->world->arena, &h->event);
}

static enum err hear(struct world *w, const char *type, const char *id, const char *data)
{
        struct hearing h = {w, {.id = id, .type = type, .subject = "key", .time_ms = 1, .data = data}};
        enum err err;

        h.event.data_length = strlen(data);
        err = db_write(w->app.db, apply, &h);
        if (!err)
                subscription_of(type)->after(&w->app, w->arena, &h.event);
        return err;
}

static const char *retry_data(const char *completed_event_id, struct world *w)
{
        return arena_printf(w->arena,
                            "{" MARKET_DATA ",\"completed_event_id\":\"%s\",\"requested_by\":\"buyer\","
                            "\"requested_at\":\"2024-06-15T15:00:00Z\"}",
                            completed_event_id);
}

static const char *editor_data(struct world *w, int version, const char *url)
{
        return arena_printf(w->arena,
                            "{\"editor_id\":\"" EDITOR "\",\"version\":%d,\"client_id\":\"demo\",\"name\":\"É\","
                            "\"active\":true,\"authorized\":true,\"webhook_url\":%s,\"webhook_secrets\":["
                            "{\"sealed\":\"k1.NEW\",\"expires_at\":null},"
                            "{\"sealed\":\"k1.OLD\",\"expires_at\":\"2024-06-15T15:00:00Z\"}],"
                            "\"retry_schedule\":[1,60],\"return_url\":null}",
                            version, url);
}

/* ---- what it made of them ---- */

struct sight {
        struct world *world;
        struct delivery delivery;
        struct endpoint endpoint;
        const char *types;
        int64_t deliveries;
        enum err found;
};

static enum err read_sight(struct db_tx *tx, void *arg)
{
        static const struct db_query count = {"count", "SELECT COUNT(*) FROM deliveries"};
        static const struct db_query types = {"types", "SELECT type FROM outbox ORDER BY id"};
        struct sight *sight = arg;
        struct arena *arena = sight->world->arena;
        AUTO(db_rows_done) struct db_rows counted = {0};
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err;

        sight->found = store_delivery_of_event(tx, arena, COMPLETED, &sight->delivery);
        err = store_endpoint(tx, arena, EDITOR, &sight->endpoint);
        if (!err)
                err = db_select(tx, &count, DB_NO_PARAMS, &counted);
        if (!err && db_next(&counted, &err))
                sight->deliveries = db_int(&counted, 0);
        if (!err)
                err = db_select(tx, &types, DB_NO_PARAMS, &rows);
        sight->types = "";
        while (!err && db_next(&rows, &err))
                sight->types = arena_printf(arena, "%s%s ", sight->types, db_text(&rows, 0));
        return err;
}

static struct sight see(struct world *w)
{
        struct sight sight = {.world = w};

        CHECK_INT(db_read(w->app.db, read_sight, &sight), ERR_OK);
        return sight;
}

/* Takes the delivery to a state as the sender would. */
struct move {
        struct world *world;
        const enum delivery_event *events;
        size_t count;
};

static enum err move_on(struct db_tx *tx, void *arg)
{
        const struct move *move = arg;
        struct delivery d;
        struct delivery_progress before;
        bool saved = false;
        enum err err = store_delivery_of_event(tx, move->world->arena, COMPLETED, &d);

        if (err)
                return err;
        before = d.progress;
        for (size_t i = 0; i < move->count; i++)
                CHECK(delivery_step(&d.progress, move->events[i], 100, INT64_MAX / 2));
        if (d.progress.state == DELIVERY_FAILED)
                d.reason = "final_outcome";
        err = store_save_progress(tx, &d, &before, &saved);
        CHECK(saved);
        if (!err && d.progress.attempts)
                err = store_add_attempt(tx, d.id,
                                        &(struct attempt){d.progress.attempts, 100, 5, "http_4xx", 404, "no", ""});
        return err;
}

#define MOVE(w, ...)                                                        \
        do {                                                                \
                static const enum delivery_event events_[] = {__VA_ARGS__}; \
                struct move move_ = {(w), events_, ARRAY_LEN(events_)};     \
                CHECK_INT(db_write((w)->app.db, move_on, &move_), ERR_OK);  \
        } while (0)

/* ---- the tests ---- */

static void a_completion_is_one_delivery_due_at_once(void)
{
        struct world *w = world_open();
        struct sight sight;

        CHECK_INT(hear(w, "market.completed", COMPLETED, "{" MARKET_DATA "}"), ERR_OK);
        CHECK_INT(hear(w, "market.completed", COMPLETED, "{" MARKET_DATA "}"), ERR_OK);
        sight = see(w);
        CHECK_INT(sight.deliveries, 1);
        CHECK_INT(sight.delivery.progress.state, DELIVERY_WAITING);
        CHECK(sight.delivery.progress.due_at_ms <= due_clock_ms(&w->app.clock));
        CHECK_INT(sight.delivery.body_length, strlen(BODY));
        CHECK(sight.delivery.body && memcmp(sight.delivery.body, BODY, strlen(BODY)) == 0);
        CHECK_INT(sight.delivery.field_count, 1);
        CHECK_TEXT(sight.types, "");
        world_close(w);
}

static void a_repetition_tells_market_again_how_it_went(void)
{
        struct world *w = world_open();

        CHECK_INT(hear(w, "market.completed", COMPLETED, "{" MARKET_DATA "}"), ERR_OK);
        MOVE(w, DELIVERY_CLAIM, DELIVERY_SUCCEED);
        CHECK_INT(hear(w, "market.completed", COMPLETED, "{" MARKET_DATA "}"), ERR_OK);
        CHECK_TEXT(see(w).types, "delivery.succeeded ");
        world_close(w);
}

static void a_retry_makes_it_due_and_counts_on(void)
{
        struct world *w = world_open();
        struct delivery_progress p;

        CHECK_INT(hear(w, "market.completed", COMPLETED, "{" MARKET_DATA "}"), ERR_OK);
        MOVE(w, DELIVERY_CLAIM, DELIVERY_GIVE_UP);
        CHECK_INT(hear(w, "market.sync_retry_requested", "r1", retry_data(COMPLETED, w)), ERR_OK);
        p = see(w).delivery.progress;
        CHECK_INT(p.state, DELIVERY_WAITING);
        CHECK_INT(p.attempts, 1);
        CHECK_INT(p.schedule_pos, 0);
        CHECK(p.due_at_ms > 0 && p.due_at_ms <= due_clock_ms(&w->app.clock));
        CHECK_TEXT(see(w).delivery.reason, NULL);
        world_close(w);
}

static void a_retry_of_a_planned_one_does_not_wait(void)
{
        struct world *w = world_open();

        CHECK_INT(hear(w, "market.completed", COMPLETED, "{" MARKET_DATA "}"), ERR_OK);
        MOVE(w, DELIVERY_CLAIM, DELIVERY_FAIL);
        CHECK(see(w).delivery.progress.due_at_ms > due_clock_ms(&w->app.clock));
        CHECK_INT(hear(w, "market.sync_retry_requested", "r1", retry_data(COMPLETED, w)), ERR_OK);
        CHECK(see(w).delivery.progress.due_at_ms <= due_clock_ms(&w->app.clock));
        world_close(w);
}

static void a_retry_leaves_alone_what_is_in_flight_or_delivered(void)
{
        struct world *w = world_open();

        CHECK_INT(hear(w, "market.completed", COMPLETED, "{" MARKET_DATA "}"), ERR_OK);
        MOVE(w, DELIVERY_CLAIM);
        CHECK_INT(hear(w, "market.sync_retry_requested", "r1", retry_data(COMPLETED, w)), ERR_OK);
        CHECK_INT(see(w).delivery.progress.state, DELIVERY_LEASED);
        MOVE(w, DELIVERY_SUCCEED);
        CHECK_INT(hear(w, "market.sync_retry_requested", "r2", retry_data(COMPLETED, w)), ERR_OK);
        CHECK_INT(see(w).delivery.progress.state, DELIVERY_SUCCEEDED);
        CHECK_TEXT(see(w).types, "delivery.succeeded ");
        world_close(w);
}

static void a_retry_of_an_unknown_one_creates_it(void)
{
        struct world *w = world_open();

        CHECK_INT(hear(w, "market.sync_retry_requested", "r1", retry_data(COMPLETED, w)), ERR_OK);
        CHECK_INT(see(w).found, ERR_OK);
        CHECK_INT(hear(w, "market.completed", COMPLETED, "{" MARKET_DATA "}"), ERR_OK);
        CHECK_INT(see(w).deliveries, 1);
        world_close(w);
}

static void broken_events_are_for_the_dead_letters(void)
{
        struct world *w = world_open();

        CHECK_INT(hear(w, "market.completed", COMPLETED, "{}"), ERR_CORRUPT);
        CHECK_INT(hear(w, "market.sync_retry_requested", "r", "{" MARKET_DATA "}"), ERR_CORRUPT);
        CHECK_INT(hear(w, "editor.updated", "u", "{\"editor_id\":\"x\"}"), ERR_CORRUPT);
        CHECK_INT(hear(w, "editor.removed", "u", "[]"), ERR_CORRUPT);
        CHECK(!err_is_retryable(ERR_CORRUPT));
        world_close(w);
}

static void an_editor_is_kept_as_the_newest_version_has_it(void)
{
        struct world *w = world_open();
        struct endpoint e;

        CHECK_INT(hear(w, "editor.updated", "u1", editor_data(w, 2, "\"https://two.example.fr/\"")), ERR_OK);
        CHECK_INT(hear(w, "editor.updated", "u2", editor_data(w, 1, "\"https://one.example.fr/\"")), ERR_OK);
        e = see(w).endpoint;
        CHECK_TEXT(e.url, "https://two.example.fr/");
        CHECK_TEXT(e.secret, "k1.NEW");
        CHECK_TEXT(e.old_secret, "k1.OLD");
        CHECK_INT(e.old_secret_expires_ms, 1718463600000);
        CHECK(e.own_schedule && e.delay_count == 2 && e.delays_ms[1] == 60000);
        CHECK_INT(hear(w, "editor.updated", "u3", editor_data(w, 3, "null")), ERR_OK);
        CHECK_TEXT(see(w).endpoint.url, NULL);
        world_close(w);
}

static void a_removed_editor_does_not_come_back(void)
{
        struct world *w = world_open();
        struct endpoint e;

        CHECK_INT(hear(w, "editor.updated", "u1", editor_data(w, 2, "\"https://two.example.fr/\"")), ERR_OK);
        CHECK_INT(hear(w, "editor.removed", "u2",
                       "{\"editor_id\":\"" EDITOR "\",\"removed_at\":\"2024-06-15T15:00:00Z\"}"),
                  ERR_OK);
        CHECK_INT(hear(w, "editor.updated", "u3", editor_data(w, 9, "\"https://two.example.fr/\"")), ERR_OK);
        e = see(w).endpoint;
        CHECK(e.removed);
        CHECK_TEXT(e.url, NULL);
        CHECK_TEXT(e.secret, NULL);
        world_close(w);
}

UNIT_TESTS(UNIT(a_completion_is_one_delivery_due_at_once), UNIT(a_repetition_tells_market_again_how_it_went),
           UNIT(a_retry_makes_it_due_and_counts_on), UNIT(a_retry_of_a_planned_one_does_not_wait),
           UNIT(a_retry_leaves_alone_what_is_in_flight_or_delivered), UNIT(a_retry_of_an_unknown_one_creates_it),
           UNIT(broken_events_are_for_the_dead_letters), UNIT(an_editor_is_kept_as_the_newest_version_has_it),
           UNIT(a_removed_editor_does_not_come_back))
