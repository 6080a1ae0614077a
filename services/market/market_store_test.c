#include "services/market/market_store.h"

#include "common/base/str.h"
#include "services/market/app_for_test.h"
#include "services/market/market_events.h"
#include "tests/support/unit.h"

#define MARKET "VR-2024-A1B2C3D4E5F6"
#define DAY_MS (24 * 3600 * INT64_C(1000))

static void what_went_in_comes_out(void)
{
        struct test_app t;

        test_app_open(&t);
        test_app_create(&t, MARKET, MARKET_TYPE_WORKS | MARKET_TYPE_DEFENSE);
        struct market market = test_app_market(&t, MARKET);
        CHECK_TEXT(market.identifier, MARKET);
        CHECK_TEXT(market.editor_id, TEST_EDITOR);
        CHECK_TEXT(market.name, "Fournitures");
        CHECK_TEXT(market.lot_name, NULL);
        CHECK_INT(market.deadline_ms, INT64_C(1718495999000));
        CHECK_INT(market.types, MARKET_TYPE_WORKS | MARKET_TYPE_DEFENSE);
        CHECK_INT(market.version, 1);
        CHECK(!market.completed);
        CHECK_INT(market.sync.status, SYNC_NONE);
        CHECK_INT(market.field_count, 0);
        test_app_close(&t);
}

static enum creation_outcome create(struct test_app *t, const char *identifier, const char *hash, int64_t now_ms,
                                    const char **ret_identifier)
{
        const struct market market = {.identifier = identifier,
                                      .editor_id = TEST_EDITOR,
                                      .name = "n",
                                      .types = MARKET_TYPE_WORKS,
                                      .created_ms = now_ms};
        struct event event = {0};
        const struct market_creation creation = {
                .market = &market, .event = &event, .idempotency_key = "key", .body_sha256 = hash};
        enum creation_outcome outcome = CREATION_DONE;
        struct market made = {0};

        CHECK_INT(market_event_created(t->arena, &market, &event), ERR_OK);
        CHECK_INT(market_store_create(t->app.db, t->arena, &creation, &outcome, &made), ERR_OK);
        *ret_identifier = made.identifier;
        return outcome;
}

static void a_key_is_free_again_after_a_day(void)
{
        struct test_app t;
        const char *identifier = NULL;

        test_app_open(&t);
        CHECK_INT(create(&t, "VR-2024-AAAAAAAAAAAA", "h", DAY_MS, &identifier), CREATION_DONE);
        CHECK_INT(create(&t, "VR-2024-BBBBBBBBBBBB", "h", 2 * DAY_MS - 1, &identifier), CREATION_REPLAYED);
        CHECK_TEXT(identifier, "VR-2024-AAAAAAAAAAAA");
        CHECK_INT(create(&t, "VR-2024-BBBBBBBBBBBB", "i", 2 * DAY_MS - 1, &identifier), CREATION_KEY_REUSED);
        CHECK_INT(create(&t, "VR-2024-BBBBBBBBBBBB", "i", 2 * DAY_MS, &identifier), CREATION_DONE);
        CHECK_TEXT(identifier, "VR-2024-BBBBBBBBBBBB");
        CHECK_INT(create(&t, "VR-2024-CCCCCCCCCCCC", "i", 2 * DAY_MS + 1, &identifier), CREATION_REPLAYED);
        CHECK_INT(test_app_outbox(&t, "market.created", NULL, NULL), 2);
        test_app_close(&t);
}

static void an_identifier_taken_undoes_everything(void)
{
        struct test_app t;
        const struct market market = {.identifier = MARKET, .editor_id = TEST_OTHER, .name = "n", .types = 1};
        struct event event = {0};
        enum creation_outcome outcome;
        struct market made;

        test_app_open(&t);
        test_app_create(&t, MARKET, MARKET_TYPE_WORKS);
        CHECK_INT(market_event_created(t.arena, &market, &event), ERR_OK);
        CHECK_INT(market_store_create(
                          t.app.db, t.arena,
                          &(struct market_creation){
                                  .market = &market, .event = &event, .idempotency_key = "k", .body_sha256 = "h"},
                          &outcome, &made),
                  ERR_CONFLICT);
        CHECK_INT(test_app_outbox(&t, "market.created", NULL, NULL), 1);
        CHECK_TEXT(test_app_market(&t, MARKET).editor_id, TEST_EDITOR);
        test_app_close(&t);
}

static enum err store_stale(struct db_tx *tx, void *arg)
{
        return market_store_sync(tx, arg);
}

static void a_decision_on_old_news_is_refused(void)
{
        struct test_app t;

        test_app_open(&t);
        test_app_create(&t, MARKET, MARKET_TYPE_WORKS);
        struct market market = test_app_market(&t, MARKET);
        CHECK_INT(db_write(t.app.db, store_stale, &market), ERR_OK);
        CHECK_INT(test_app_market(&t, MARKET).version, 2);
        CHECK_INT(db_write(t.app.db, store_stale, &market), ERR_UNAVAILABLE);
        CHECK_INT(test_app_market(&t, MARKET).version, 2);
        test_app_close(&t);
}

UNIT_TESTS(UNIT(what_went_in_comes_out), UNIT(a_key_is_free_again_after_a_day),
           UNIT(an_identifier_taken_undoes_everything), UNIT(a_decision_on_old_news_is_refused))
