#include <string.h>

#include "common/base/str.h"
#include "services/market/app_for_test.h"
#include "services/market/handlers.h"
#include "tests/support/unit.h"

#define ID(n) "VR-2024-A1B2C3D4E5F" #n

static const char *const identifiers[] = {ID(0), ID(1), ID(2), ID(3), ID(4)};

/* Two of them in one millisecond. */
static void create_five(struct test_app *t)
{
        for (size_t i = 0; i < 5; i++)
                test_app_create_at(t, identifiers[i], TEST_EDITOR, 1000 + (i > 2 ? 2000 : (int64_t)i * 1000));
        test_app_create_at(t, "VR-2024-ZZZZZZZZZZZZ", TEST_OTHER, 9000);
}

/* The identifiers of a page, the last five characters apart from their common part. */
static const char *listed(struct test_app *t, const char *query)
{
        struct test_call call;
        const char *found = "";

        CHECK_INT(test_call(t, &call, list_markets, NULL, query), ERR_OK);
        CHECK_INT(call.response.status, 200);
        for (const char *at = test_call_body(&call); (at = strstr(at, "\"identifier\":\"VR-")); at += 10)
                found = arena_printf(t->arena, "%s%.1s", found,
                                     at + sizeof("\"identifier\":\"VR-2024-A1B2C3D4E5F") - 1);
        test_call_done(&call);
        return found;
}

static const char *next_cursor(struct test_app *t, const char *query)
{
        struct test_call call;
        const char *cursor, *found = NULL;

        CHECK_INT(test_call(t, &call, list_markets, NULL, query), ERR_OK);
        cursor = strstr(test_call_body(&call), "\"next_cursor\":\"");
        if (cursor) {
                cursor += sizeof("\"next_cursor\":\"") - 1;
                found = arena_strndup(t->arena, cursor, strcspn(cursor, "\""));
                CHECK(str_ends_with(test_call_header(&call, "Link"),
                                    arena_printf(t->arena, "&cursor=%s>; rel=\"next\"", found)));
        } else {
                CHECK(str_ends_with(test_call_body(&call), "\"next_cursor\":null}"));
                CHECK_TEXT(test_call_header(&call, "Link"), NULL);
        }
        test_call_done(&call);
        return found;
}

static void the_newest_come_first_and_only_ones_own(void)
{
        struct test_app t;

        test_app_open(&t);
        CHECK_TEXT(listed(&t, NULL), "");
        create_five(&t);
        CHECK_TEXT(listed(&t, NULL), "43210");
        CHECK_TEXT(next_cursor(&t, NULL), NULL);
        test_app_close(&t);
}

static void pages_follow_one_another(void)
{
        struct test_app t;

        test_app_open(&t);
        create_five(&t);
        const char *first = next_cursor(&t, "limit=2");
        CHECK_TEXT(listed(&t, "limit=2"), "43");
        test_app_create_at(&t, ID(9), TEST_EDITOR, 5000); /* shifts nothing */
        const char *second = arena_printf(t.arena, "limit=2&cursor=%s", first);
        CHECK_TEXT(listed(&t, second), "21");
        const char *third = arena_printf(t.arena, "limit=2&cursor=%s", next_cursor(&t, second));
        CHECK_TEXT(listed(&t, third), "0");
        CHECK_TEXT(next_cursor(&t, third), NULL);
        CHECK_TEXT(next_cursor(&t, "limit=6"), NULL);
        test_app_close(&t);
}

static void filters_choose(void)
{
        static const char submitted[] = "{\"identifier\":\"" ID(
                1) "\",\"add_defense\":false,\"additional_field_keys\":[],"
                   "\"started_at\":\"2024-06-15T14:20:00Z\",\"submitted_at\":\"2024-06-15T14:30:45Z\"}";
        struct test_app t;
        struct test_call call;

        test_app_open(&t);
        create_five(&t);
        CHECK_INT(test_app_consume(&t, "configuration.submitted", "0197a1b2-0000-7000-8000-0000000000c1", ID(1),
                                   submitted),
                  ERR_OK);
        CHECK_TEXT(listed(&t, "status=completed"), "1");
        CHECK_TEXT(listed(&t, "status=created"), "4320");
        CHECK_TEXT(listed(&t, "sync_status=sync_pending"), "1");
        CHECK_TEXT(listed(&t, "status=completed&sync_status=sync_pending"), "1");
        CHECK_TEXT(listed(&t, "sync_status=sync_failed"), "");
        CHECK_TEXT(listed(&t, "status=created&sync_status=sync_pending"), "");
        CHECK_INT(test_call(&t, &call, list_markets, NULL, "status=created&limit=1"), ERR_OK);
        CHECK(str_starts_with(test_call_header(&call, "Link"),
                              "<https://voie-rapide.example/api/v1/public_markets?limit=1&status=created&cursor="));
        test_call_done(&call);
        test_app_close(&t);
}

static void what_is_no_list_is_refused(void)
{
        static const char *const queries[] = {"limit=0",      "limit=101",
                                              "limit=",       "limit=1e1",
                                              "limit=-1",     "limit=1&limit=2",
                                              "cursor=",      "cursor=31",
                                              "status=",      "status=CREATED",
                                              "sync_status=", "sync_status=failed",
                                              "status=%zz",   "limit=99999999999999999999"};
        struct test_app t;
        struct test_call call;

        test_app_open(&t);
        for (size_t i = 0; i < ARRAY_LEN(queries); i++)
                CHECK_INT(test_call(&t, &call, list_markets, NULL, queries[i]), ERR_BAD_REQUEST);
        CHECK_INT(test_call(&t, &call, list_markets, NULL, "limit=0"), ERR_BAD_REQUEST);
        CHECK_TEXT(call.x.public_detail, "limit must be a number from 1 to 100");
        test_app_close(&t);
}

UNIT_TESTS(UNIT(the_newest_come_first_and_only_ones_own), UNIT(pages_follow_one_another), UNIT(filters_choose),
           UNIT(what_is_no_list_is_refused))
