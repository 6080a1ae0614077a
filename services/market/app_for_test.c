#include "services/market/app_for_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/str.h"
#include "services/market/consumer.h"
#include "services/market/market_events.h"
#include "services/market/market_store.h"
#include "tests/support/unit.h"

static void must(enum err err, const char *what)
{
        if (!err)
                return;
        fprintf(stderr, "test set-up: %s: %s\n", what, err_name(err));
        abort();
}

void test_app_open(struct test_app *t)
{
        struct market_app *app = &t->app;

        memset(t, 0, sizeof(*t));
        snprintf(t->folder, sizeof(t->folder), "/tmp/vr-market-test-XXXXXX");
        if (!mkdtemp(t->folder))
                abort();
        snprintf(t->url, sizeof(t->url), "sqlite:%s/market.db", t->folder);
        t->arena = arena_new();
        t->settings = (struct market_settings){.database_url = t->url, .reconcile_after_s = 900};
        t->settings.service.public_url = "https://voie-rapide.example";
        log_init("vr-market", "test", LOG_LEVEL_ERROR, LOG_FORMAT_JSON);
        app->settings = &t->settings;
        app->service.metrics = metrics_new();
        must(market_app_prepare(app), "metrics and catalogue");
        must(db_open(&(struct db_config){.url = t->url, .readers = 1, .timeout_ms = 2000}, &app->db), "database");
        must(db_migrate(app->db, market_migrations), "migrations");
        must(cache_open(&(struct cache_config){.url = "redis://127.0.0.1:1/0", .pool = 1, .timeout_ms = 50},
                        &app->cache),
             "cache");
}

void test_app_close(struct test_app *t)
{
        struct metrics *metrics = t->app.service.metrics;
        static const char *const files[] = {"market.db", "market.db-wal", "market.db-shm", "market.db.lock"};

        market_app_close(&t->app);
        metrics_free(metrics);
        for (size_t i = 0; i < ARRAY_LEN(files); i++)
                (void)unlink(arena_printf(t->arena, "%s/%s", t->folder, files[i]));
        (void)rmdir(t->folder);
        arena_free(t->arena);
}

static void create(struct test_app *t, const struct market *market)
{
        struct event event;
        enum creation_outcome outcome;
        struct market stored;

        must(market_event_created(t->arena, market, &event), "event");
        must(market_store_create(t->app.db, t->arena, &(struct market_creation){.market = market, .event = &event},
                                 &outcome, &stored),
             "create");
}

static struct market example(const char *identifier)
{
        return (struct market){
                .identifier = identifier,
                .editor_id = TEST_EDITOR,
                .name = "Fournitures",
                .deadline_ms = INT64_C(1718495999000),
                .types = MARKET_TYPE_SUPPLIES,
                .version = 1,
                .created_ms = INT64_C(1718000000000),
        };
}

void test_app_create(struct test_app *t, const char *identifier, unsigned types)
{
        struct market market = example(identifier);

        market.types = types;
        create(t, &market);
}

void test_app_create_at(struct test_app *t, const char *identifier, const char *editor_id, int64_t created_ms)
{
        struct market market = example(identifier);

        market.editor_id = editor_id;
        market.created_ms = created_ms;
        create(t, &market);
}

enum err test_call(struct test_app *t, struct test_call *call, route_handler handler, const char *identifier,
                   const char *query)
{
        memset(call, 0, sizeof(*call));
        call->request = (struct http_request){
                .arena = t->arena, .method = "GET", .path = "/", .query = query ? query : "", .body = ""};
        call->x = (struct exchange){.request = &call->request, .response = &call->response, .arena = t->arena};
        call->x.principal.editor_id = TEST_EDITOR;
        if (identifier) {
                call->x.params[0].name = "identifier";
                call->x.params[0].value = identifier;
                call->x.param_count = 1;
        }
        return handler(&t->app, &call->x);
}

const char *test_call_body(const struct test_call *call)
{
        return buf_text(&call->response.body);
}

const char *test_call_header(const struct test_call *call, const char *name)
{
        for (size_t i = 0; i < call->response.header_count; i++)
                if (str_equal_nocase(call->response.headers[i].name, name))
                        return call->response.headers[i].value;
        return NULL;
}

void test_call_done(struct test_call *call)
{
        buf_done(&call->response.body);
}

struct consumption {
        struct test_app *t;
        const struct subscription *subscription;
        struct event event;
};

static enum err apply(struct db_tx *tx, void *arg)
{
        struct consumption *c = arg;

        return c->subscription->apply(&c->t->app, tx, c->t->arena, &c->event);
}

enum err test_app_consume(struct test_app *t, const char *type, const char *id, const char *subject, const char *data)
{
        struct consumption c = {.t = t, .subscription = market_subscriptions};
        enum err err;

        while (c.subscription->type && !str_equal(c.subscription->type, type))
                c.subscription++;
        if (!c.subscription->type)
                return ERR_NOT_FOUND;
        c.event = (struct event){.id = id, .type = type, .subject = subject, .data = data, .data_length = strlen(data)};
        err = db_write(t->app.db, apply, &c);
        if (!err && c.subscription->after)
                c.subscription->after(&t->app, t->arena, &c.event);
        return err;
}

struct market test_app_market(struct test_app *t, const char *identifier)
{
        struct market market = {0};

        CHECK_INT(market_store_load(t->app.db, t->arena, identifier, &market), ERR_OK);
        return market;
}

static const struct db_query select_outbox = {"test_outbox",
                                              "SELECT id, payload FROM outbox WHERE type = $1 ORDER BY created_at, id"};
static const struct db_query mark_sent = {"test_sent", "UPDATE outbox SET sent_at = 1"};
static const struct db_query prune_sent = {"test_prune", "DELETE FROM outbox"};
static const struct db_query count_pending = {"test_pending", "SELECT COUNT(*) FROM outbox WHERE sent_at IS NULL"};

struct look {
        struct test_app *t;
        const char *type, *id, *payload;
        int count;
};

static enum err look_at_outbox(struct db_tx *tx, void *arg)
{
        struct look *look = arg;
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_outbox, DB_PARAMS(DB_TEXT(look->type)), &rows);

        look->count = 0;
        while (!err && db_next(&rows, &err)) {
                look->count++;
                look->id = arena_strdup(look->t->arena, db_text(&rows, 0));
                look->payload = arena_strdup(look->t->arena, db_text(&rows, 1));
        }
        return err;
}

int test_app_outbox(struct test_app *t, const char *type, const char **ret_payload, const char **ret_id)
{
        struct look look = {.t = t, .type = type};

        must(db_read(t->app.db, look_at_outbox, &look), "outbox");
        if (ret_payload)
                *ret_payload = look.payload;
        if (ret_id)
                *ret_id = look.id;
        return look.count;
}

static enum err relay(struct db_tx *tx, void *arg)
{
        return db_exec(tx, *(bool *)arg ? &prune_sent : &mark_sent, DB_NO_PARAMS, NULL);
}

void test_app_relay(struct test_app *t, bool prune)
{
        must(db_write(t->app.db, relay, &prune), "relay");
}

static enum err count(struct db_tx *tx, void *arg)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &count_pending, DB_NO_PARAMS, &rows);

        if (!err && db_next(&rows, &err))
                *(int *)arg = (int)db_int(&rows, 0);
        return err;
}

int test_app_pending(struct test_app *t)
{
        int pending = -1;

        must(db_read(t->app.db, count, &pending), "pending");
        return pending;
}
