#include <string.h>

#include "common/base/str.h"
#include "services/market/app_for_test.h"
#include "services/market/delivery_store.h"
#include "services/market/handlers.h"
#include "services/market/reconcile.h"
#include "tests/support/unit.h"

#define MARKET   "VR-2024-A1B2C3D4E5F6"
#define EVENT(n) "0197a1b2-0000-7000-8000-0000000000" n
#define NEWS(attempt, rest)                                                                   \
        "{\"delivery_id\":\"d-1\",\"identifier\":\"" MARKET "\",\"editor_id\":\"" TEST_EDITOR \
        "\",\"attempt\":" #attempt ",\"started_at\":\"2024-06-15T14:31:00Z\"" rest "}"
#define FAILURE                                                             \
        ",\"outcome\":\"http_5xx\",\"status_code\":503,\"duration_ms\":12," \
        "\"error\":\"the endpoint answered 503\",\"response_excerpt\":\"<b>no\""
#define NEXT ",\"next_attempt_at\":\"2024-06-15T14:31:05Z\""
#define SUCCESS \
        ",\"outcome\":\"success\",\"status_code\":200,\"duration_ms\":87,\"error\":null,\"response_excerpt\":\"ok\""

static void tell(struct test_app *t, const char *type, const char *id, const char *data)
{
        CHECK_INT(test_app_consume(t, type, id, MARKET, data), ERR_OK);
}

static void complete(struct test_app *t)
{
        test_app_create(t, MARKET, MARKET_TYPE_SUPPLIES);
        tell(t, "configuration.submitted", EVENT("01"),
             "{\"identifier\":\"" MARKET "\",\"add_defense\":false,\"additional_field_keys\":[],"
             "\"started_at\":\"2024-06-15T14:20:00Z\",\"submitted_at\":\"2024-06-15T14:30:45Z\"}");
}

static void check_deliveries(struct test_app *t, const char *expected)
{
        struct test_call call;

        CHECK_INT(test_call(t, &call, show_deliveries, MARKET, NULL), ERR_OK);
        CHECK_INT(call.response.status, 200);
        CHECK_TEXT(test_call_body(&call), expected);
        test_call_done(&call);
}

#define ATTEMPT_1                                                                                             \
        "{\"number\":1,\"started_at\":\"2024-06-15T14:31:00Z\",\"outcome\":\"http_5xx\",\"status_code\":503," \
        "\"duration_ms\":12,\"error\":\"the endpoint answered 503\",\"response_excerpt\":\"<b>no\"}"
#define DELIVERY(state, next, error, attempts)                                                                   \
        "{\"deliveries\":[{\"id\":\"d-1\",\"state\":\"" state "\",\"next_attempt_at\":" next ",\"error\":" error \
        ",\"attempts\":[" attempts "]}]}"

static void attempts_are_shown_as_they_were_told(void)
{
        struct test_app t;

        test_app_open(&t);
        complete(&t);
        check_deliveries(&t, "{\"deliveries\":[]}");
        tell(&t, "delivery.started", EVENT("02"), NEWS(1, ));
        check_deliveries(
                &t, DELIVERY("sending", "null", "null",
                             "{\"number\":1,\"started_at\":\"2024-06-15T14:31:00Z\",\"outcome\":null,"
                             "\"status_code\":null,\"duration_ms\":null,\"error\":null,\"response_excerpt\":null}"));
        tell(&t, "delivery.failed", EVENT("03"), NEWS(1, FAILURE NEXT));
        check_deliveries(&t, DELIVERY("pending", "\"2024-06-15T14:31:05Z\"", "null", ATTEMPT_1));
        tell(&t, "delivery.succeeded", EVENT("05"), NEWS(2, SUCCESS));
        tell(&t, "delivery.started", EVENT("04"), NEWS(2, )); /* late */
        tell(&t, "delivery.started", EVENT("02"), NEWS(1, )); /* again */
        check_deliveries(&t, DELIVERY("succeeded", "null", "null",
                                      ATTEMPT_1 ",{\"number\":2,\"started_at\":\"2024-06-15T14:31:00Z\","
                                                "\"outcome\":\"success\",\"status_code\":200,\"duration_ms\":87,"
                                                "\"error\":null,\"response_excerpt\":\"ok\"}"));
        test_app_close(&t);
}

static void a_delivery_without_an_attempt_says_why(void)
{
        struct test_app t;

        test_app_open(&t);
        complete(&t);
        tell(&t, "delivery.exhausted", EVENT("02"),
             "{\"delivery_id\":\"d-1\",\"identifier\":\"" MARKET "\",\"editor_id\":\"" TEST_EDITOR
             "\",\"attempt\":0,\"started_at\":null,\"outcome\":null,\"status_code\":null,\"duration_ms\":null,"
             "\"error\":\"no webhook URL is registered\",\"response_excerpt\":null,\"reason\":\"no_endpoint\"}");
        check_deliveries(&t, DELIVERY("failed", "null", "\"no webhook URL is registered\"", ""));
        test_app_close(&t);
}

static void only_the_newest_attempts_are_kept_and_not_for_ever(void)
{
        struct test_app t;
        struct test_call call;
        size_t announced = 0;

        test_app_open(&t);
        complete(&t);
        for (int i = 1; i <= LIMIT_MARKET_ATTEMPTS + 2; i++)
                tell(&t, "delivery.failed", arena_printf(t.arena, EVENT("%02d"), i + 10),
                     arena_printf(t.arena,
                                  "{\"delivery_id\":\"d-1\",\"identifier\":\"" MARKET "\",\"attempt\":%d,"
                                  "\"started_at\":\"2024-06-15T14:31:00Z\"" FAILURE NEXT "}",
                                  i));
        CHECK_INT(test_call(&t, &call, show_deliveries, MARKET, NULL), ERR_OK);
        CHECK(strstr(test_call_body(&call), "\"attempts\":[{\"number\":3,"));
        CHECK(strstr(test_call_body(&call), "{\"number\":52,"));
        test_call_done(&call);
        CHECK_INT(reconcile_once(&t.app, INT64_C(1718461860000) + ATTEMPT_KEEP_MS, &announced), ERR_OK);
        check_deliveries(&t, DELIVERY("pending", "\"2024-06-15T14:31:05Z\"", "null", ""));
        test_app_close(&t);
}

static void others_see_nothing(void)
{
        struct test_app t;
        struct test_call call;

        test_app_open(&t);
        test_app_create_at(&t, MARKET, TEST_OTHER, 1000);
        CHECK_INT(test_call(&t, &call, show_deliveries, MARKET, NULL), ERR_NOT_FOUND);
        CHECK_INT(test_call(&t, &call, retry_sync, MARKET, NULL), ERR_NOT_FOUND);
        CHECK_INT(test_call(&t, &call, show_deliveries, "VR-2024-ZZZZZZZZZZZZ", NULL), ERR_NOT_FOUND);
        CHECK_INT(test_call(&t, &call, retry_sync, "x", NULL), ERR_NOT_FOUND);
        test_app_close(&t);
}

static void only_a_failed_notification_is_sent_again(void)
{
        struct test_app t;
        struct test_call call;
        const char *payload = NULL;

        test_app_open(&t);
        test_app_create(&t, "VR-2024-BBBBBBBBBBBB", MARKET_TYPE_WORKS);
        CHECK_INT(test_call(&t, &call, retry_sync, "VR-2024-BBBBBBBBBBBB", NULL), ERR_CONFLICT);
        complete(&t);
        CHECK_INT(test_call(&t, &call, retry_sync, MARKET, NULL), ERR_CONFLICT);
        CHECK_TEXT(call.x.public_detail, "Only a failed notification can be retried");
        tell(&t, "delivery.failed", EVENT("02"), NEWS(1, FAILURE NEXT));
        CHECK_INT(test_call(&t, &call, retry_sync, MARKET, NULL), ERR_OK);
        CHECK_INT(call.response.status, 202);
        CHECK_TEXT(test_call_body(&call), "{\"identifier\":\"" MARKET "\",\"sync_status\":\"sync_pending\"}");
        test_call_done(&call);
        CHECK_INT(test_app_market(&t, MARKET).sync.status, SYNC_PENDING);
        CHECK_INT(test_app_outbox(&t, "market.sync_retry_requested", &payload, NULL), 1);
        CHECK(payload && strstr(payload, "\"requested_by\":\"editor\""));
        CHECK_INT(test_call(&t, &call, retry_sync, MARKET, NULL), ERR_CONFLICT);
        test_app_close(&t);
}

/* Redis is away in these tests: a limit that can't be counted lets nothing through, and nothing changes. */
static void an_uncountable_retry_is_not_made(void)
{
        struct test_app t;
        struct test_call call;

        test_app_open(&t);
        complete(&t);
        tell(&t, "delivery.failed", EVENT("02"), NEWS(1, FAILURE NEXT));
        t.app.retries = (struct rate_limiter){.cache = t.app.cache, .name = "retry", .limit = 3, .window_ms = 1000};
        CHECK_INT(test_call(&t, &call, retry_sync, MARKET, NULL), ERR_UNAVAILABLE);
        CHECK_INT(test_app_market(&t, MARKET).sync.status, SYNC_FAILED);
        test_app_close(&t);
}

UNIT_TESTS(UNIT(attempts_are_shown_as_they_were_told), UNIT(a_delivery_without_an_attempt_says_why),
           UNIT(only_the_newest_attempts_are_kept_and_not_for_ever), UNIT(others_see_nothing),
           UNIT(only_a_failed_notification_is_sent_again), UNIT(an_uncountable_retry_is_not_made))
