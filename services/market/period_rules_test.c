#include "services/market/period_rules.h"

#include "common/base/attr.h"
#include "tests/support/unit.h"

#define DAY_MS (24 * 3600 * INT64_C(1000))
#define NOON   INT64_C(1718452800000) /* 2024-06-15T12:00:00Z */

static struct period period_of(const char *from, const char *to)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct period period = {0};
        const char *reason = NULL;

        CHECK_INT(period_parse(arena, from, to, NOON, &reason, &period), ERR_OK);
        return period;
}

static void without_ends_it_is_the_last_30_days(void)
{
        struct period period = period_of(NULL, NULL);

        CHECK_INT(period.to_ms, NOON);
        CHECK_INT(period.from_ms, NOON - 30 * DAY_MS);
}

static void one_end_gives_the_other(void)
{
        CHECK_INT(period_of("2024-06-10T12:00:00Z", NULL).to_ms, NOON);
        CHECK_INT(period_of("2024-01-01T12:00:00Z", NULL).to_ms - period_of("2024-01-01T12:00:00Z", NULL).from_ms,
                  30 * DAY_MS);
        CHECK_INT(period_of(NULL, "2024-06-10T12:00:00Z").from_ms, NOON - 35 * DAY_MS);
}

static void a_date_is_all_of_its_day_in_paris(void)
{
        struct period day = period_of("2024-06-10", "2024-06-10");
        struct period short_day = period_of("2024-03-31", "2024-03-31"); /* summer time begins */

        CHECK_INT(day.from_ms, INT64_C(1717970400000)); /* 2024-06-09T22:00:00Z */
        CHECK_INT(day.to_ms - day.from_ms, DAY_MS);
        CHECK_INT(short_day.to_ms - short_day.from_ms, DAY_MS - 3600 * 1000);
}

static void what_is_no_period_is_refused(void)
{
        static const char *const ends[][3] = {
                {"yesterday", NULL, "from must be an ISO 8601 date or datetime"},
                {"", NULL, "from must be an ISO 8601 date or datetime"},
                {NULL, "2024-13-01", "to must be an ISO 8601 date or datetime"},
                {NULL, "2024-06-15T24:00", "to must be an ISO 8601 date or datetime"},
                {"2024-06-15", "2024-06-14", "from must be before to"},
                {"2024-06-15T10:00Z", "2024-06-15T10:00Z", "from must be before to"},
                {"2030-01-01", NULL, "from must be before to"},
                {"2020-01-01", "2024-01-01", "The period is too long (maximum is 366 days)"},
        };
        AUTO(arena_freep) struct arena *arena = arena_new();

        for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
                struct period period = {0};
                const char *reason = NULL;

                CHECK_INT(period_parse(arena, ends[i][0], ends[i][1], NOON, &reason, &period), ERR_BAD_REQUEST);
                CHECK_TEXT(reason, ends[i][2]);
        }
        CHECK_INT(period_of("2024-01-01", "2024-12-31").to_ms - period_of("2024-01-01", "2024-12-31").from_ms,
                  366 * DAY_MS);
}

UNIT_TESTS(UNIT(without_ends_it_is_the_last_30_days), UNIT(one_end_gives_the_other),
           UNIT(a_date_is_all_of_its_day_in_paris), UNIT(what_is_no_period_is_refused))
