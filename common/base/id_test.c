#include "common/base/id.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/attr.h"
#include "common/base/clock.h"
#include "tests/support/unit.h"

#define HEX "0123456789abcdef"

static void random_bytes_differ(void)
{
        unsigned char a[64] = {0}, b[64] = {0};

        id_random(a, sizeof(a));
        id_random(b, sizeof(b));
        CHECK(memcmp(a, b, sizeof(a)) != 0);
        id_random(a, 0);
}

static void random_below_stays_below_and_reaches_all(void)
{
        int seen[7] = {0};

        CHECK_INT(id_random_below(1), 0);
        for (int i = 0; i < 7000; i++) {
                uint32_t value = id_random_below(7);

                CHECK(value < 7);
                seen[value % 7]++;
        }
        for (int i = 0; i < 7; i++) /* ten standard deviations around 1000 */
                CHECK(seen[i] > 700 && seen[i] < 1300);
}

static void a_uuid_has_its_form(void)
{
        char text[ID_UUID_MAX];
        int64_t before = clock_wall_ms(), made = 0;

        id_uuid7(text);
        CHECK_INT(strlen(text), 36);
        for (int i = 0; i < 36; i++) {
                if (i == 8 || i == 13 || i == 18 || i == 23)
                        CHECK(text[i] == '-');
                else
                        CHECK(strchr(HEX, text[i]) != NULL);
        }
        CHECK(text[14] == '7');
        CHECK(strchr("89ab", text[19]) != NULL);
        for (int i = 0; i < 13; i++)
                if (text[i] != '-')
                        made = made * 16 + (strchr(HEX, text[i]) - HEX);
        CHECK(made >= before && made <= clock_wall_ms() + 1000);
}

static void uuids_sort_by_time_of_making(void)
{
        char last[ID_UUID_MAX] = "", next[ID_UUID_MAX];

        for (int i = 0; i < 20000; i++) {
                id_uuid7(next);
                CHECK(strcmp(last, next) < 0);
                memcpy(last, next, sizeof(last));
        }
}

static void *make_uuids(void *arg)
{
        char(*texts)[ID_UUID_MAX] = arg;

        for (int i = 0; i < 2000; i++)
                id_uuid7(texts[i]);
        return NULL;
}

/* The first 60 bits that tell order are the process's own: no two threads share them. */
static void threads_share_the_order(void)
{
        static char texts[2][2000][ID_UUID_MAX];
        pthread_t threads[2];
        int a = 0, b = 0;

        for (int i = 0; i < 2; i++)
                CHECK(pthread_create(&threads[i], NULL, make_uuids, texts[i]) == 0);
        for (int i = 0; i < 2; i++)
                pthread_join(threads[i], NULL);
        while (a < 2000 && b < 2000) {
                int order = strncmp(texts[0][a], texts[1][b], 18);

                CHECK(order != 0);
                a += order <= 0;
                b += order > 0;
        }
}

static void a_market_s_name_has_its_form(void)
{
        int seen[256] = {0}, kinds = 0;

        for (int i = 0; i < 3000; i++) {
                char text[ID_MARKET_MAX];

                CHECK(id_market(2024, text) == text);
                CHECK_INT(strlen(text), 20);
                CHECK(strncmp(text, "VR-2024-", 8) == 0);
                CHECK_INT(strspn(text + 8, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), 12);
                for (int j = 8; j < 20; j++)
                        seen[(unsigned char)text[j]]++;
        }
        for (int i = 0; i < 256; i++) {
                kinds += seen[i] > 0;
                CHECK(!seen[i] || (seen[i] > 700 && seen[i] < 1300)); /* 1000 each, nearly ten deviations */
        }
        CHECK_INT(kinds, 36);
        /* a plain remainder of a byte would favour the first four letters: 4500 instead of 4000 */
        CHECK(seen['A'] + seen['B'] + seen['C'] + seen['D'] < 4250);
}

static void a_new_trace_is_well_formed(void)
{
        char text[ID_TRACEPARENT_MAX];

        id_traceparent(NULL, text);
        CHECK_INT(strlen(text), 55);
        CHECK(strncmp(text, "00-", 3) == 0 && text[35] == '-');
        CHECK_INT(strspn(text + 3, HEX), 32);
        CHECK_INT(strspn(text + 36, HEX), 16);
        CHECK_TEXT(text + 52, "-01");
}

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"

static bool joins(const char *parent)
{
        char text[ID_TRACEPARENT_MAX];

        id_traceparent(parent, text);
        return strncmp(text + 3, TRACE, 32) == 0;
}

static void a_valid_parent_is_joined(void)
{
        char text[ID_TRACEPARENT_MAX];

        id_traceparent("00-" TRACE "-00f067aa0ba902b7-00", text);
        CHECK(strncmp(text, "00-" TRACE "-", 36) == 0);
        CHECK(strncmp(text + 36, "00f067aa0ba902b7", 16) != 0);
        CHECK_TEXT(text + 52, "-00");
        id_traceparent("00-" TRACE "-00f067aa0ba902b7-03", text);
        CHECK_TEXT(text + 52, "-01");
        CHECK(joins("01-" TRACE "-00f067aa0ba902b7-01-what-comes-later"));
        CHECK(id_traceparent(text, text) == text); /* in place */
        CHECK_INT(strlen(text), 55);
}

static void a_bad_parent_starts_a_new_trace(void)
{
        CHECK(!joins(""));
        CHECK(!joins("00-" TRACE "-00f067aa0ba902b7"));
        CHECK(!joins("00-" TRACE "-00f067aa0ba902b7-0"));
        CHECK(!joins("00-" TRACE "-00f067aa0ba902b7-0g"));
        CHECK(!joins("00-" TRACE "-00f067aa0ba902b7-01-more"));
        CHECK(!joins("01-" TRACE "-00f067aa0ba902b7-01more"));
        CHECK(!joins("ff-" TRACE "-00f067aa0ba902b7-01"));
        CHECK(!joins("00-" TRACE "-0000000000000000-01"));
        CHECK(!joins("00-" TRACE "-00F067AA0BA902B7-01"));
        CHECK(!joins("00_" TRACE "-00f067aa0ba902b7-01"));
        CHECK(!joins("0--" TRACE "-00f067aa0ba902b7-01"));
}

static void the_zero_trace_is_not_kept(void)
{
        char text[ID_TRACEPARENT_MAX];

        id_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01", text);
        CHECK(strspn(text + 3, "0") < 32);
}

UNIT_TESTS(UNIT(random_bytes_differ), UNIT(random_below_stays_below_and_reaches_all), UNIT(a_uuid_has_its_form),
           UNIT(uuids_sort_by_time_of_making), UNIT(threads_share_the_order), UNIT(a_market_s_name_has_its_form),
           UNIT(a_new_trace_is_well_formed), UNIT(a_valid_parent_is_joined), UNIT(a_bad_parent_starts_a_new_trace),
           UNIT(the_zero_trace_is_not_kept))
