#include "services/webhook/pace_rules.h"

#include "tests/support/unit.h"

#define FULL 16

static void a_round_of_timeouts_halves_it_once(void)
{
        struct pace p = {0};

        CHECK_INT(pace_cap(&p, FULL), 16);
        for (int64_t inflight = 16; inflight > 0; inflight--)
                pace_report(&p, PACE_TOO_MUCH, FULL, inflight, 0, 30000 + (16 - inflight));
        CHECK_INT(pace_cap(&p, FULL), 8);
        pace_report(&p, PACE_TOO_MUCH, FULL, 8, 30010, 60000);
        CHECK_INT(pace_cap(&p, FULL), 4);
}

static void never_below_one(void)
{
        struct pace p = {0};

        for (int64_t t = 0; t < 20; t++)
                pace_report(&p, PACE_TOO_MUCH, FULL, 16, t, t);
        CHECK_INT(pace_cap(&p, FULL), 1);
}

static void up_by_one_for_each_round(void)
{
        struct pace p = {.cap = 4};
        int answers = 0;

        for (; !pace_is_full(&p) && answers < 1000; answers++)
                pace_report(&p, PACE_WELL, FULL, 4, answers, answers);
        CHECK_INT(answers, (4 + 15) * 12 / 2); /* 4 + 5 + … + 15 */
        CHECK_INT(pace_cap(&p, FULL), FULL);
}

static void other_failures_say_nothing(void)
{
        struct pace p = {.cap = 4, .well = 3};

        pace_report(&p, PACE_NOTHING, FULL, 4, 0, 0);
        CHECK_INT(pace_cap(&p, FULL), 4);
        CHECK_INT(p.well, 3);
}

static void without_a_limit_half_of_what_ran(void)
{
        struct pace p = {0};

        pace_report(&p, PACE_TOO_MUCH, INT32_MAX, 100, 0, 0);
        CHECK_INT(pace_cap(&p, INT32_MAX), 50);
}

static void a_lower_setting_wins(void)
{
        const struct pace p = {.cap = 12};

        CHECK_INT(pace_cap(&p, 8), 8);
}

/*
 * An endpoint that bears 5 at once and lets the rest run into the timeout: on virtual time the sender keeps near 5, at
 * most 5 + 1 at once after the first round, and is never stuck.
 */
static void it_finds_what_the_endpoint_bears(void)
{
        struct pace p = {0};
        int64_t now_ms = 0, served = 0, timed_out = 0, most = 0;

        for (int round = 0; round < 200; round++) {
                int64_t cap = pace_cap(&p, FULL), started_ms = now_ms;

                if (round > 2 && cap > most)
                        most = cap;
                for (int64_t i = 0; i < cap; i++) {
                        bool well = i < 5;

                        now_ms += well ? 1 : 10;
                        served += well;
                        timed_out += !well;
                        pace_report(&p, well ? PACE_WELL : PACE_TOO_MUCH, FULL, cap - i, started_ms, now_ms);
                }
                now_ms++;
        }
        CHECK_INT(most, 6);
        CHECK(served > 200 * 3);
        CHECK(timed_out < served / 10);
}

UNIT_TESTS(UNIT(a_round_of_timeouts_halves_it_once), UNIT(never_below_one), UNIT(up_by_one_for_each_round),
           UNIT(other_failures_say_nothing), UNIT(without_a_limit_half_of_what_ran), UNIT(a_lower_setting_wins),
           UNIT(it_finds_what_the_endpoint_bears))
