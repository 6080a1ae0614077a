#include "common/base/str.h"
#include "services/market/app_for_test.h"
#include "services/market/handlers.h"
#include "tests/support/unit.h"

#define ID(n)    "VR-2024-A1B2C3D4E5F" #n
#define EVENT(n) "0197a1b2-0000-7000-8000-00000000000" #n
#define CREATED  INT64_C(1718452800000) /* 2024-06-15T12:00:00Z */

static void complete(struct test_app *t, const char *identifier, const char *event_id, int minutes)
{
        const char *data =
                arena_printf(t->arena,
                             "{\"identifier\":\"%s\",\"add_defense\":false,\"additional_field_keys\":[],"
                             "\"started_at\":\"2024-06-15T14:00:00Z\",\"submitted_at\":\"2024-06-15T14:%02d:00Z\"}",
                             identifier, minutes);

        CHECK_INT(test_app_consume(t, "configuration.submitted", event_id, identifier, data), ERR_OK);
}

static void deliver(struct test_app *t, const char *identifier, const char *event_id, int attempt)
{
        const char *data =
                arena_printf(t->arena,
                             "{\"delivery_id\":\"d-%s\",\"identifier\":\"%s\",\"attempt\":%d,"
                             "\"started_at\":\"2024-06-15T14:31:00Z\",\"outcome\":\"success\",\"status_code\":200,"
                             "\"duration_ms\":1,\"error\":null,\"response_excerpt\":\"\"}",
                             identifier, identifier, attempt);

        CHECK_INT(test_app_consume(t, "delivery.succeeded", event_id, identifier, data), ERR_OK);
}

static void check_stats(struct test_app *t, const char *query, const char *expected)
{
        struct test_call call;

        CHECK_INT(test_call(t, &call, show_stats, NULL, query), ERR_OK);
        CHECK_TEXT(test_call_body(&call), expected);
        test_call_done(&call);
}

static void counts_the_markets_created_in_the_period(void)
{
        struct test_app t;

        test_app_open(&t);
        test_app_create_at(&t, ID(0), TEST_EDITOR, CREATED - 1); /* before */
        test_app_create_at(&t, ID(1), TEST_EDITOR, CREATED);
        test_app_create_at(&t, ID(2), TEST_EDITOR, CREATED + 1);
        test_app_create_at(&t, ID(3), TEST_EDITOR, CREATED + 2);
        test_app_create_at(&t, ID(4), TEST_EDITOR, CREATED + 1000); /* after */
        test_app_create_at(&t, ID(5), TEST_OTHER, CREATED);
        complete(&t, ID(0), EVENT(0), 50);
        complete(&t, ID(1), EVENT(1), 10);
        complete(&t, ID(2), EVENT(2), 4);
        deliver(&t, ID(1), EVENT(3), 3);
        check_stats(&t, "from=2024-06-15T12:00:00Z&to=2024-06-15T12:00:01Z",
                    "{\"from\":\"2024-06-15T12:00:00Z\",\"to\":\"2024-06-15T12:00:01Z\","
                    "\"markets\":{\"created\":3,\"completed\":2,\"conversion_rate\":0.6667},"
                    "\"configuration\":{\"average_seconds\":420,\"median_seconds\":240,\"p90_seconds\":240},"
                    "\"webhooks\":{\"expected\":2,\"delivered\":1,\"failed\":0,\"in_progress\":1,\"success_rate\":0.5,"
                    "\"attempts\":3,\"delivered_at_first_attempt\":0}}");
        test_app_close(&t);
}

static void nothing_has_no_rates(void)
{
        struct test_app t;

        test_app_open(&t);
        check_stats(&t, "from=2024-06-15T12:00:00Z&to=2024-06-15T12:00:01Z",
                    "{\"from\":\"2024-06-15T12:00:00Z\",\"to\":\"2024-06-15T12:00:01Z\","
                    "\"markets\":{\"created\":0,\"completed\":0,\"conversion_rate\":null},"
                    "\"configuration\":{\"average_seconds\":null,\"median_seconds\":null,\"p90_seconds\":null},"
                    "\"webhooks\":{\"expected\":0,\"delivered\":0,\"failed\":0,\"in_progress\":0,\"success_rate\":null,"
                    "\"attempts\":0,\"delivered_at_first_attempt\":0}}");
        test_app_close(&t);
}

static void what_is_no_period_is_refused(void)
{
        struct test_app t;
        struct test_call call;

        test_app_open(&t);
        CHECK_INT(test_call(&t, &call, show_stats, NULL, "from=tomorrow"), ERR_BAD_REQUEST);
        CHECK_TEXT(call.x.public_detail, "from must be an ISO 8601 date or datetime");
        CHECK_INT(test_call(&t, &call, show_stats, NULL, "from=2024-01-01&from=2024-01-02"), ERR_BAD_REQUEST);
        test_app_close(&t);
}

UNIT_TESTS(UNIT(counts_the_markets_created_in_the_period), UNIT(nothing_has_no_rates),
           UNIT(what_is_no_period_is_refused))
