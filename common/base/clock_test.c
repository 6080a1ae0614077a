#include "common/base/clock.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/unit.h"

/* What `text` means, printed in UTC; "refused" when it means nothing. */
static const char *in_utc(const char *text, char room[CLOCK_TEXT_MAX])
{
        int64_t at;

        return clock_parse_iso8601(text, &at) ? "refused" : clock_format_ms(at, room);
}

#define CHECK_UTC(text, expected) CHECK_TEXT(in_utc((text), (char[CLOCK_TEXT_MAX]){0}), (expected))

/* The Paris hour of a moment given in UTC: "2024-03-31 03:00:00". */
static void check_paris(const char *utc, const char *expected)
{
        char text[80];
        int64_t at = 0;
        struct paris_time t;

        CHECK_INT(clock_parse_iso8601(utc, &at), ERR_OK);
        t = clock_paris(at);
        snprintf(text, sizeof(text), "%04d-%02d-%02d %02d:%02d:%02d", t.year, t.month, t.day, t.hour, t.minute,
                 t.second);
        CHECK_TEXT(text, expected);
}

static void formats_utc(void)
{
        char text[CLOCK_TEXT_MAX];

        CHECK_TEXT(clock_format_s(0, text), "1970-01-01T00:00:00Z");
        CHECK_TEXT(clock_format_s(1718461845999, text), "2024-06-15T14:30:45Z");
        CHECK_TEXT(clock_format_ms(1718461845007, text), "2024-06-15T14:30:45.007Z");
        CHECK_TEXT(clock_format_ms(-1, text), "1969-12-31T23:59:59.999Z");
        CHECK_TEXT(clock_format_s(951782400000, text), "2000-02-29T00:00:00Z");
        CHECK_TEXT(clock_format_s(4107542400000, text), "2100-03-01T00:00:00Z");
}

static void reads_a_zone(void)
{
        CHECK_UTC("2024-06-15T23:59:59Z", "2024-06-15T23:59:59.000Z");
        CHECK_UTC("2024-06-15T23:59:59+02:00", "2024-06-15T21:59:59.000Z");
        CHECK_UTC("2024-06-15T23:59:59+02", "2024-06-15T21:59:59.000Z");
        CHECK_UTC("2024-06-15T23:59:59-05:30", "2024-06-16T05:29:59.000Z");
        CHECK_UTC("2024-01-01T00:30:00+01:00", "2023-12-31T23:30:00.000Z");
        CHECK_UTC("2027-01-01T10:00Z", "2027-01-01T10:00:00.000Z");
}

static void cuts_fractions(void)
{
        CHECK_UTC("2024-06-15T23:59:59.999Z", "2024-06-15T23:59:59.000Z");
        CHECK_UTC("2024-06-15T23:59:59,5Z", "2024-06-15T23:59:59.000Z");
        CHECK_UTC("2024-06-15T23:59:59.123456789012345678901234567890", "2024-06-15T21:59:59.000Z");
}

static void without_a_zone_it_is_paris(void)
{
        CHECK_UTC("2027-01-01T10:00", "2027-01-01T09:00:00.000Z");
        CHECK_UTC("2027-07-01T10:00:30", "2027-07-01T08:00:30.000Z");
        CHECK_UTC("2024-12-31T23:59:59.9", "2024-12-31T22:59:59.000Z");
}

static void a_skipped_hour_moves_forward(void)
{
        static const char *const days[] = {"2024-03-31", "2025-03-30", "2026-03-29", "2027-03-28"};
        char in[40], out[40];

        for (size_t i = 0; i < ARRAY_LEN(days); i++) {
                snprintf(in, sizeof(in), "%sT01:59:59", days[i]);
                snprintf(out, sizeof(out), "%sT00:59:59.000Z", days[i]);
                CHECK_UTC(in, out);
                snprintf(in, sizeof(in), "%sT02:00", days[i]);
                snprintf(out, sizeof(out), "%sT01:00:00.000Z", days[i]);
                CHECK_UTC(in, out);
                snprintf(in, sizeof(in), "%sT02:30", days[i]);
                snprintf(out, sizeof(out), "%sT01:30:00.000Z", days[i]);
                CHECK_UTC(in, out);
                snprintf(in, sizeof(in), "%sT03:00", days[i]);
                snprintf(out, sizeof(out), "%sT01:00:00.000Z", days[i]);
                CHECK_UTC(in, out);
        }
}

static void a_doubled_hour_is_the_first(void)
{
        static const char *const days[] = {"2024-10-27", "2025-10-26", "2026-10-25", "2027-10-31"};
        char in[40], out[40];

        for (size_t i = 0; i < ARRAY_LEN(days); i++) {
                snprintf(in, sizeof(in), "%sT01:59:59", days[i]);
                snprintf(out, sizeof(out), "T23:59:59.000Z");
                CHECK(strstr(in_utc(in, (char[CLOCK_TEXT_MAX]){0}), out) != NULL);
                snprintf(in, sizeof(in), "%sT02:00", days[i]);
                snprintf(out, sizeof(out), "%sT00:00:00.000Z", days[i]);
                CHECK_UTC(in, out);
                snprintf(in, sizeof(in), "%sT02:59:59", days[i]);
                snprintf(out, sizeof(out), "%sT00:59:59.000Z", days[i]);
                CHECK_UTC(in, out);
                snprintf(in, sizeof(in), "%sT03:00", days[i]);
                snprintf(out, sizeof(out), "%sT02:00:00.000Z", days[i]);
                CHECK_UTC(in, out);
        }
}

static void paris_changes_at_one_utc(void)
{
        check_paris("2024-03-31T00:59:59Z", "2024-03-31 01:59:59");
        check_paris("2024-03-31T01:00:00Z", "2024-03-31 03:00:00");
        check_paris("2024-10-27T00:59:59Z", "2024-10-27 02:59:59");
        check_paris("2024-10-27T01:00:00Z", "2024-10-27 02:00:00");
        check_paris("2027-03-28T01:00:00Z", "2027-03-28 03:00:00");
        check_paris("2027-10-31T01:00:00Z", "2027-10-31 02:00:00");
        check_paris("2024-12-31T23:30:00Z", "2025-01-01 00:30:00");
        check_paris("2024-02-28T23:30:00Z", "2024-02-29 00:30:00");
}

static void refuses_the_rest(void)
{
        static const char *const bad[] = {
                "",
                "2024",
                "2024-06-15",
                "2024-06-15T",
                "2024-06-15T10",
                "20240615T100000Z",
                "2024-06-15T100000Z",
                "2024-06-15T24:00:00Z",
                "2024-06-15T24:00",
                "2024-06-15T23:59:60Z",
                "2024-06-15T23:60:00Z",
                "2024-06-15 23:59:59Z",
                "2024-06-15t23:59:59Z",
                "2024-06-15T23:59:59z",
                "2024-06-15T23:59:59+0200",
                "2024-06-15T23:59:59+2:00",
                "2024-06-15T23:59:59+24:00",
                "2024-06-15T23:59:59+02:60",
                "2024-06-15T23:59:59+",
                "2024-06-15T23:59:59+02:",
                "2024-06-15T23:59:59.Z",
                "2024-06-15T23:59.5Z",
                "2024-06-15T23:59:59Z ",
                " 2024-06-15T23:59:59Z",
                "2024-06-15T23:59:59ZZ",
                "2024-06-15T23:59:",
                "2024-6-15T23:59:59Z",
                "2024-06-15T3:59:59Z",
                "24-06-15T23:59:59Z",
                "12024-06-15T23:59:59Z",
                "-2024-06-15T23:59:59Z",
                "2024-W24-6T10:00Z",
                "2024-167T10:00Z",
                "2024-06-15T-1:00Z",
                "tomorrow",
        };

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                int64_t at = 7;

                if (clock_parse_iso8601(bad[i], &at) != ERR_INVALID || at != 7)
                        unit_fail(__FILE__, __LINE__, "taken: \"%s\"", bad[i]);
        }
        CHECK_INT(clock_parse_iso8601(NULL, &(int64_t){0}), ERR_INVALID);
}

static void refuses_impossible_dates_and_years(void)
{
        CHECK_UTC("2024-02-29T10:00Z", "2024-02-29T10:00:00.000Z");
        CHECK_UTC("2000-02-29T10:00Z", "2000-02-29T10:00:00.000Z");
        CHECK_UTC("2023-02-29T10:00Z", "refused");
        CHECK_UTC("2100-02-29T10:00Z", "refused");
        CHECK_UTC("2024-04-31T10:00Z", "refused");
        CHECK_UTC("2024-13-01T10:00Z", "refused");
        CHECK_UTC("2024-00-01T10:00Z", "refused");
        CHECK_UTC("2024-01-00T10:00Z", "refused");
        CHECK_UTC("1899-12-31T23:59Z", "refused");
        CHECK_UTC("1900-01-01T00:00Z", "1900-01-01T00:00:00.000Z");
        CHECK_UTC("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z");
        CHECK_UTC("9999-12-31T23:59:59-01:00", "refused");
}

/* Through 400 years, day by day: what is printed reads back as the same moment. */
static void every_day_reads_back(void)
{
        char text[CLOCK_TEXT_MAX];

        for (int64_t day = -25567; day < 120000; day++) { /* from 1900-01-01 */
                int64_t at = day * 86400000 + 45296000, again = 0;

                CHECK_INT(clock_parse_iso8601(clock_format_s(at, text), &again), ERR_OK);
                CHECK_INT(again, at);
        }
}

static void clocks_run(void)
{
        int64_t ns = clock_mono_ns(), ms = clock_mono_ms();

        CHECK(clock_wall_ms() > 1700000000000);
        CHECK(clock_mono_ns() >= ns);
        CHECK(clock_mono_ms() >= ms);
        CHECK(ms - ns / 1000000 < 60000);
}

UNIT_TESTS(UNIT(formats_utc), UNIT(reads_a_zone), UNIT(cuts_fractions), UNIT(without_a_zone_it_is_paris),
           UNIT(a_skipped_hour_moves_forward), UNIT(a_doubled_hour_is_the_first), UNIT(paris_changes_at_one_utc),
           UNIT(refuses_the_rest), UNIT(refuses_impossible_dates_and_years), UNIT(every_day_reads_back),
           UNIT(clocks_run))
