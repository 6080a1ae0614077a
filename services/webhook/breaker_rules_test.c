#include "services/webhook/breaker_rules.h"

#include "tests/support/unit.h"

static const struct breaker_policy policy = {.failures = 3, .open_ms = 60000};

static struct breaker opened_at(int64_t mono_ms)
{
        struct breaker b = {0};

        for (int i = 0; i < 3; i++)
                breaker_report(&b, &policy, true, mono_ms);
        return b;
}

static void opens_after_failures_in_a_row(void)
{
        struct breaker b = {0};

        breaker_report(&b, &policy, true, 0);
        breaker_report(&b, &policy, true, 0);
        breaker_report(&b, &policy, false, 0);
        breaker_report(&b, &policy, true, 0);
        breaker_report(&b, &policy, true, 0);
        CHECK_INT(breaker_allowance(&b, 16, 0), 16);
        breaker_report(&b, &policy, true, 0);
        CHECK_INT(b.state, BREAKER_OPEN);
        CHECK_INT(breaker_allowance(&b, 16, 59999), 0);
}

static void lets_one_try_after_a_while(void)
{
        struct breaker b = opened_at(0);

        CHECK_INT(breaker_allowance(&b, 16, 60000), 1);
        breaker_report(&b, &policy, true, 60100);
        CHECK_INT(breaker_allowance(&b, 16, 120099), 0);
        CHECK_INT(breaker_allowance(&b, 16, 120100), 1);
        breaker_report(&b, &policy, false, 120200);
        CHECK_INT(breaker_allowance(&b, 16, 120200), 16);
}

static void late_failures_do_not_prolong_it(void)
{
        struct breaker b = opened_at(0);

        breaker_report(&b, &policy, true, 30000);
        CHECK_INT(breaker_allowance(&b, 16, 60000), 1);
}

static void somebody_asks_for_a_try(void)
{
        struct breaker b = opened_at(0);

        breaker_probe(&b);
        CHECK_INT(breaker_allowance(&b, 16, 1), 1);
}

static void zero_switches_it_off(void)
{
        const struct breaker_policy off = {0, 60000};
        struct breaker b = {0};

        for (int i = 0; i < 100; i++)
                breaker_report(&b, &off, true, 0);
        CHECK_INT(breaker_allowance(&b, 16, 0), 16);
}

UNIT_TESTS(UNIT(opens_after_failures_in_a_row), UNIT(lets_one_try_after_a_while), UNIT(late_failures_do_not_prolong_it),
           UNIT(somebody_asks_for_a_try), UNIT(zero_switches_it_off))
