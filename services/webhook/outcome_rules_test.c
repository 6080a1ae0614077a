#include "services/webhook/outcome_rules.h"

#include <string.h>

#include "common/base/attr.h"
#include "tests/support/unit.h"

#define DAY_MS (24 * 3600 * 1000LL)

static const int64_t default_ms[] = {5000,    30000,    120000,   600000,   1800000,
                                     7200000, 18000000, 36000000, 50400000, 72000000};
static const struct retry_policy plain = {default_ms, ARRAY_LEN(default_ms), 0};

static void statuses_mean_what_the_design_says(void)
{
        static const struct {
                int status;
                const char *name;
                enum verdict verdict;
        } cases[] = {
                {200, "success", VERDICT_SUCCESS}, {204, "success", VERDICT_SUCCESS}, {299, "success", VERDICT_SUCCESS},
                {301, "http_3xx", VERDICT_RETRY},  {308, "http_3xx", VERDICT_RETRY},  {400, "http_4xx", VERDICT_FINAL},
                {401, "http_4xx", VERDICT_FINAL},  {402, "http_4xx", VERDICT_RETRY},  {403, "http_4xx", VERDICT_FINAL},
                {404, "http_4xx", VERDICT_FINAL},  {405, "http_4xx", VERDICT_FINAL},  {406, "http_4xx", VERDICT_RETRY},
                {408, "http_4xx", VERDICT_RETRY},  {410, "http_4xx", VERDICT_GONE},   {422, "http_4xx", VERDICT_FINAL},
                {425, "http_4xx", VERDICT_RETRY},  {429, "http_4xx", VERDICT_RETRY},  {500, "http_5xx", VERDICT_RETRY},
                {503, "http_5xx", VERDICT_RETRY},  {599, "http_5xx", VERDICT_RETRY},  {100, "protocol", VERDICT_RETRY},
                {999, "protocol", VERDICT_RETRY},
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const struct outcome *outcome = outcome_of(TRANSPORT_ANSWER, cases[i].status);

                CHECK_TEXT(outcome->name, cases[i].name);
                if (outcome->verdict != cases[i].verdict)
                        unit_fail(__FILE__, __LINE__, "%d has verdict %d", cases[i].status, outcome->verdict);
        }
}

static void failures_of_the_way_there(void)
{
        CHECK_INT(outcome_of(TRANSPORT_TIMEOUT, 0)->verdict, VERDICT_RETRY);
        CHECK_INT(outcome_of(TRANSPORT_CONNECT, 0)->verdict, VERDICT_RETRY);
        CHECK_INT(outcome_of(TRANSPORT_PROTOCOL, 0)->verdict, VERDICT_RETRY);
        CHECK_INT(outcome_of(TRANSPORT_TLS, 0)->verdict, VERDICT_FINAL);
        CHECK_INT(outcome_of(TRANSPORT_BLOCKED, 0)->verdict, VERDICT_FINAL);
        CHECK_TEXT(outcome_of(TRANSPORT_TLS, 0)->name, "tls");
}

static void every_outcome_is_listed(void)
{
        static const enum transport transports[] = {TRANSPORT_ANSWER, TRANSPORT_TIMEOUT,  TRANSPORT_CONNECT,
                                                    TRANSPORT_TLS,    TRANSPORT_PROTOCOL, TRANSPORT_BLOCKED};

        for (size_t t = 0; t < ARRAY_LEN(transports); t++)
                for (int status = 0; status < 1000; status++) {
                        const char *name = outcome_of(transports[t], status)->name;
                        bool listed = false;

                        for (size_t i = 0; outcome_names[i]; i++)
                                listed |= strcmp(outcome_names[i], name) == 0;
                        CHECK(listed);
                }
}

static void errors_read_well(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_TEXT(outcome_error(arena, TRANSPORT_ANSWER, 204, "", 30000), NULL);
        CHECK_TEXT(outcome_error(arena, TRANSPORT_ANSWER, 503, "", 30000), "the endpoint answered 503");
        CHECK_TEXT(outcome_error(arena, TRANSPORT_ANSWER, 301, "", 30000),
                   "the endpoint answered 301: redirects are not followed");
        CHECK_TEXT(outcome_error(arena, TRANSPORT_TIMEOUT, 0, "x", 30000),
                   "the endpoint did not answer in time (30 s in all)");
        CHECK_TEXT(outcome_error(arena, TRANSPORT_CONNECT, 0, "Connection refused", 30000),
                   "no connection to the endpoint: Connection refused");
        CHECK_TEXT(outcome_error(arena, TRANSPORT_BLOCKED, 0, "", 30000), "the endpoint's address is not allowed");
}

static void ten_entries_make_eleven_attempts(void)
{
        int64_t now = 1000000, due = 0;
        int attempts = 1;

        for (int64_t pos = 0; retry_due(&plain, pos, now, 0.5, 0, &due); pos++, attempts++) {
                CHECK_INT(due - now, default_ms[pos]);
                now = due;
        }
        CHECK_INT(attempts, 11);
        CHECK(!retry_due(&(struct retry_policy){NULL, 0, 0.2}, 0, 0, 0.5, 0, &due));
}

static void jitter_stays_within_a_fifth(void)
{
        const struct retry_policy policy = {default_ms, ARRAY_LEN(default_ms), 0.2};
        int64_t due;

        CHECK(retry_due(&policy, 0, 0, 0.0, 0, &due) && due == 4000);
        CHECK(retry_due(&policy, 0, 0, 0.5, 0, &due) && due == 5000);
        CHECK(retry_due(&policy, 0, 0, 0.9999, 0, &due) && due > 5990 && due < 6000);
}

static void the_later_of_plan_and_retry_after(void)
{
        int64_t due;

        CHECK(retry_due(&plain, 0, 100, 0.5, 2000, &due) && due == 5100);
        CHECK(retry_due(&plain, 0, 100, 0.5, 9000, &due) && due == 9100);
}

static void retry_after_takes_every_form(void)
{
        const int64_t now = 784111777000; /* Sun, 06 Nov 1994 08:49:37 GMT */

        CHECK_INT(retry_after_ms("120", now), 120000);
        CHECK_INT(retry_after_ms("0", now), 0);
        CHECK_INT(retry_after_ms("Sun, 06 Nov 1994 08:50:37 GMT", now), 60000);
        CHECK_INT(retry_after_ms("Sunday, 06-Nov-94 08:50:37 GMT", now), 60000);
        CHECK_INT(retry_after_ms("Sun Nov  6 08:50:37 1994", now), 60000);
        CHECK_INT(retry_after_ms("Wed Nov 16 08:49:37 1994", now), DAY_MS);
        CHECK_INT(retry_after_ms("Sun, 06 Nov 1994 08:49:36 GMT", now), 0);
}

static void retry_after_is_bounded_and_distrusted(void)
{
        static const char *const bad[] = {"",
                                          "-1",
                                          "+5",
                                          "1.5",
                                          "5 s",
                                          " 5",
                                          "soon",
                                          "Sun, 06 Nov 1994 08:50:37",
                                          "Sun, 06 Nov 1994 28:50:37 GMT",
                                          "Sun, 06 Foo 1994 08:50:37 GMT",
                                          "Sun,",
                                          ", ",
                                          "Sun "};

        CHECK_INT(retry_after_ms("86401", 0), DAY_MS);
        CHECK_INT(retry_after_ms("99999999999999999999999999", 0), DAY_MS);
        CHECK_INT(retry_after_ms("Fri, 31 Dec 9999 23:59:59 GMT", 0), DAY_MS);
        CHECK_INT(retry_after_ms(NULL, 0), 0);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                CHECK_INT(retry_after_ms(bad[i], 784111777000), 0);
}

UNIT_TESTS(UNIT(statuses_mean_what_the_design_says), UNIT(failures_of_the_way_there), UNIT(every_outcome_is_listed),
           UNIT(errors_read_well), UNIT(ten_entries_make_eleven_attempts), UNIT(jitter_stays_within_a_fifth),
           UNIT(the_later_of_plan_and_retry_after), UNIT(retry_after_takes_every_form),
           UNIT(retry_after_is_bounded_and_distrusted))
