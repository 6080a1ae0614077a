/* Events applied to a real database: completion, delivery news, retries, editors, and the sweep. */
#include "services/market/consumer.h"

#include "common/base/str.h"
#include "services/market/app_for_test.h"
#include "services/market/reconcile.h"
#include "tests/support/unit.h"

#include <string.h>

#define MARKET "VR-2024-A1B2C3D4E5F6"
#define ID(n)  "0197a1b2-0000-7000-8000-00000000000" #n
#define SUBMIT(keys)                                                                            \
        "{\"identifier\":\"" MARKET "\",\"add_defense\":false,\"additional_field_keys\":[" keys \
        "],\"started_at\":\"2024-06-15T14:20:00Z\",\"submitted_at\":\"2024-06-15T14:30:45Z\"}"
#define DELIVERY(attempt, rest) "{\"delivery_id\":\"d-1\",\"identifier\":\"" MARKET "\",\"attempt\":" #attempt rest "}"
#define FAILED                                                                                                      \
        ",\"started_at\":\"2024-06-15T14:31:00Z\",\"outcome\":\"http_5xx\",\"status_code\":503,\"duration_ms\":12," \
        "\"error\":\"the endpoint answered "                                                                        \
        "503\",\"response_excerpt\":\"\",\"next_attempt_at\":\"2024-06-15T14:31:05Z\""

static void complete(struct test_app *t)
{
        test_app_create(t, MARKET, MARKET_TYPE_SUPPLIES);
        CHECK_INT(test_app_consume(t, "configuration.submitted", ID(1), MARKET, SUBMIT("")), ERR_OK);
}

static void a_submission_completes_the_market(void)
{
        struct test_app t;
        const char *payload = NULL, *id = NULL;

        test_app_open(&t);
        complete(&t);
        struct market market = test_app_market(&t, MARKET);
        CHECK(market.completed);
        CHECK_INT(market.completed_ms, INT64_C(1718461845000));
        CHECK_INT(market.sync.status, SYNC_PENDING);
        CHECK_INT(market.field_count, 32);
        CHECK_TEXT(market.field_keys[0], "company_name");
        CHECK_INT(test_app_outbox(&t, "market.completed", &payload, &id), 1);
        CHECK_TEXT(id, market.completed_event_id);
        CHECK(payload && strstr(payload, "\"completed_at\":\"2024-06-15T14:30:45Z\""));
        test_app_close(&t);
}

static void the_first_submission_wins(void)
{
        struct test_app t;

        test_app_open(&t);
        complete(&t);
        CHECK_INT(test_app_consume(&t, "configuration.submitted", ID(1), MARKET, SUBMIT("")), ERR_OK);
        CHECK_INT(test_app_consume(&t, "configuration.submitted", ID(2), MARKET, SUBMIT("\"turnover_three_years\"")),
                  ERR_OK);
        CHECK_INT(test_app_market(&t, MARKET).field_count, 32);
        CHECK_INT(test_app_outbox(&t, "market.completed", NULL, NULL), 1);
        AUTO(buf_done) struct buf metrics = {0};
        metrics_write(t.app.service.metrics, &metrics);
        CHECK(strstr(buf_text(&metrics), "vr_markets_completed_total{market_type=\"supplies\"} 1\n"));
        CHECK(strstr(buf_text(&metrics), "vr_markets_completed_total{market_type=\"works\"} 0\n"));
        CHECK(strstr(buf_text(&metrics), "vr_market_configuration_duration_seconds_sum 645\n"));
        test_app_close(&t);
}

static void a_bad_submission_is_refused_and_leaves_nothing(void)
{
        struct test_app t;

        test_app_open(&t);
        test_app_create(&t, MARKET, MARKET_TYPE_SUPPLIES);
        CHECK(test_app_consume(&t, "configuration.submitted", ID(1), MARKET, SUBMIT("\"no_such_field\"")) ==
              ERR_INVALID);
        CHECK(test_app_consume(&t, "configuration.submitted", ID(2), MARKET, "{\"identifier\":\"" MARKET "\"}") ==
              ERR_INVALID);
        CHECK(test_app_consume(&t, "configuration.submitted", ID(3), MARKET, "[") == ERR_CORRUPT);
        CHECK(test_app_consume(&t, "configuration.submitted", ID(4), "VR-2024-ZZZZZZZZZZZZ", SUBMIT("")) ==
              ERR_INVALID);
        CHECK(!test_app_market(&t, MARKET).completed);
        CHECK_INT(test_app_outbox(&t, "market.completed", NULL, NULL), 0);
        test_app_close(&t);
}

static void an_unknown_market_is_refused(void)
{
        struct test_app t;

        test_app_open(&t);
        CHECK(test_app_consume(&t, "configuration.submitted", ID(1), MARKET, SUBMIT("")) == ERR_NOT_FOUND);
        test_app_close(&t);
}

static void news_of_the_delivery_moves_the_state(void)
{
        struct test_app t;
        const char *payload = NULL;

        test_app_open(&t);
        complete(&t);
        CHECK_INT(test_app_consume(&t, "delivery.started", ID(2), MARKET, DELIVERY(1, )), ERR_OK);
        CHECK_INT(test_app_consume(&t, "delivery.failed", ID(3), MARKET, DELIVERY(1, FAILED)), ERR_OK);
        CHECK_INT(test_app_consume(&t, "delivery.started", ID(2), MARKET, DELIVERY(1, )), ERR_OK);
        struct market market = test_app_market(&t, MARKET);
        CHECK_INT(market.sync.status, SYNC_FAILED);
        CHECK_INT(market.sync.next_attempt_ms, INT64_C(1718461865000));
        CHECK_TEXT(market.last_attempt.outcome, "http_5xx");
        CHECK_INT(market.last_attempt.status_code, 503);
        CHECK_INT(test_app_outbox(&t, "market.sync_changed", &payload, NULL), 2);
        CHECK(payload && strstr(payload, "\"previous\":\"sync_processing\",\"sync_status\":\"sync_failed\","
                                         "\"next_attempt_at\":\"2024-06-15T14:31:05Z\""));
        test_app_close(&t);
}

static void a_retry_asks_again_only_when_failed(void)
{
        static const char request[] = "{\"identifier\":\"" MARKET "\",\"requested_at\":\"2024-06-15T15:00:00Z\"}";
        struct test_app t;
        const char *payload = NULL;

        test_app_open(&t);
        complete(&t);
        CHECK_INT(test_app_consume(&t, "configuration.sync_retry_requested", ID(2), MARKET, request), ERR_OK);
        CHECK_INT(test_app_outbox(&t, "market.sync_retry_requested", NULL, NULL), 0);
        CHECK_INT(test_app_consume(&t, "delivery.failed", ID(3), MARKET, DELIVERY(1, FAILED)), ERR_OK);
        CHECK_INT(test_app_consume(&t, "configuration.sync_retry_requested", ID(4), MARKET, request), ERR_OK);
        CHECK_INT(test_app_consume(&t, "configuration.sync_retry_requested", ID(4), MARKET, request), ERR_OK);
        struct market market = test_app_market(&t, MARKET);
        CHECK_INT(market.sync.status, SYNC_PENDING);
        CHECK_INT(test_app_outbox(&t, "market.sync_retry_requested", &payload, NULL), 1);
        CHECK(payload && strstr(payload, market.completed_event_id));
        CHECK(payload && strstr(payload, "\"requested_by\":\"buyer\",\"requested_at\":\"2024-06-15T15:00:00Z\""));
        test_app_close(&t);
}

static void a_silent_delivery_is_announced_again_under_the_same_id(void)
{
        struct test_app t;
        const char *first = NULL, *again = NULL, *id = NULL;
        size_t announced = 99;

        test_app_open(&t);
        complete(&t);
        int64_t expected_ms = test_app_market(&t, MARKET).sync.expected_ms;
        test_app_outbox(&t, "market.completed", &first, NULL);
        test_app_relay(&t, false);
        CHECK_INT(reconcile_once(&t.app, expected_ms + 899 * 1000, &announced), ERR_OK);
        CHECK_INT(announced, 0);
        CHECK_INT(test_app_pending(&t), 0);
        CHECK_INT(reconcile_once(&t.app, expected_ms + 900 * 1000, &announced), ERR_OK);
        CHECK_INT(announced, 1);
        CHECK_INT(test_app_pending(&t), 1);
        CHECK_INT(reconcile_once(&t.app, expected_ms + 901 * 1000, &announced), ERR_OK);
        CHECK_INT(announced, 0);
        test_app_relay(&t, true);
        CHECK_INT(reconcile_once(&t.app, expected_ms + 1801 * 1000, &announced), ERR_OK);
        CHECK_INT(announced, 1);
        CHECK_INT(test_app_outbox(&t, "market.completed", &again, &id), 1);
        CHECK_TEXT(again, first);
        CHECK_TEXT(id, test_app_market(&t, MARKET).completed_event_id);
        test_app_close(&t);
}

static void a_heard_of_delivery_is_left_alone(void)
{
        struct test_app t;
        size_t announced = 99;

        test_app_open(&t);
        complete(&t);
        CHECK_INT(test_app_consume(&t, "delivery.succeeded", ID(2), MARKET, DELIVERY(1, )), ERR_OK);
        CHECK_INT(reconcile_once(&t.app, INT64_C(4000000000000), &announced), ERR_OK);
        CHECK_INT(announced, 0);
        test_app_close(&t);
}

#define EDITOR(version, name)                                                                              \
        "{\"editor_id\":\"" TEST_EDITOR "\",\"version\":" #version ",\"client_id\":\"c\",\"name\":\"" name \
        "\",\"active\":true,\"authorized\":true,\"webhook_url\":null,\"webhook_secrets\":[],"              \
        "\"retry_schedule\":null,\"return_url\":\"https://e.example/{market_identifier}\"}"

static void an_older_editor_changes_nothing(void)
{
        struct test_app t;

        test_app_open(&t);
        test_app_create(&t, MARKET, MARKET_TYPE_SUPPLIES);
        CHECK_TEXT(test_app_market(&t, MARKET).editor_name, NULL);
        CHECK_INT(test_app_consume(&t, "editor.updated", ID(1), TEST_EDITOR, EDITOR(2, "Nouveau")), ERR_OK);
        CHECK_INT(test_app_consume(&t, "editor.updated", ID(2), TEST_EDITOR, EDITOR(1, "Ancien")), ERR_OK);
        struct market market = test_app_market(&t, MARKET);
        CHECK_TEXT(market.editor_name, "Nouveau");
        CHECK_TEXT(market.return_url, "https://e.example/{market_identifier}");
        test_app_close(&t);
}

static void a_removed_editor_stays_removed(void)
{
        struct test_app t;

        test_app_open(&t);
        test_app_create(&t, MARKET, MARKET_TYPE_SUPPLIES);
        CHECK_INT(test_app_consume(&t, "editor.removed", ID(1), TEST_EDITOR,
                                   "{\"editor_id\":\"" TEST_EDITOR "\",\"removed_at\":\"2024-06-15T14:30:45Z\"}"),
                  ERR_OK);
        CHECK_INT(test_app_consume(&t, "editor.updated", ID(2), TEST_EDITOR, EDITOR(9, "Revenant")), ERR_OK);
        CHECK_TEXT(test_app_market(&t, MARKET).editor_name, NULL);
        test_app_close(&t);
}

UNIT_TESTS(UNIT(a_submission_completes_the_market), UNIT(the_first_submission_wins),
           UNIT(a_bad_submission_is_refused_and_leaves_nothing), UNIT(an_unknown_market_is_refused),
           UNIT(news_of_the_delivery_moves_the_state), UNIT(a_retry_asks_again_only_when_failed),
           UNIT(a_silent_delivery_is_announced_again_under_the_same_id), UNIT(a_heard_of_delivery_is_left_alone),
           UNIT(an_older_editor_changes_nothing), UNIT(a_removed_editor_stays_removed))
