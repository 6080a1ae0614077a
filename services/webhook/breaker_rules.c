#include "services/webhook/breaker_rules.h"

int64_t breaker_allowance(struct breaker *breaker, int64_t cap, int64_t mono_ms)
{
        if (breaker->state == BREAKER_OPEN && mono_ms >= breaker->open_until_ms)
                breaker->state = BREAKER_HALF_OPEN;
        switch (breaker->state) {
        case BREAKER_OPEN:
                return 0;
        case BREAKER_HALF_OPEN:
                return 1;
        default:
                return cap;
        }
}

void breaker_report(struct breaker *breaker, const struct breaker_policy *policy, bool unhealthy, int64_t mono_ms)
{
        if (!unhealthy) {
                *breaker = (struct breaker){0};
                return;
        }
        breaker->failures++;
        if (policy->failures == 0)
                return;
        /* Attempts that ran when it opened come back late: they don't prolong it. */
        if (breaker->state == BREAKER_OPEN)
                return;
        if (breaker->state == BREAKER_CLOSED && breaker->failures < policy->failures)
                return;
        breaker->state = BREAKER_OPEN;
        breaker->open_until_ms = mono_ms + policy->open_ms;
}

void breaker_probe(struct breaker *breaker)
{
        if (breaker->state == BREAKER_OPEN)
                breaker->state = BREAKER_HALF_OPEN;
}

const char *breaker_state_name(enum breaker_state state)
{
        static const char *const names[BREAKER_STATES] = {"closed", "open", "half_open"};

        return names[state];
}
