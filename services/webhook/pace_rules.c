#include "services/webhook/pace_rules.h"

int64_t pace_cap(const struct pace *pace, int64_t full)
{
        return pace->cap && pace->cap < full ? pace->cap : full;
}

static void halve(struct pace *pace, int64_t full, int64_t inflight, int64_t mono_ms)
{
        int64_t cap = pace_cap(pace, full);

        /* Without a limit, or far below it, half of what really ran. */
        if (pace->cap == 0 && inflight < cap)
                cap = inflight;
        pace->cap = cap > 1 ? cap / 2 : 1;
        pace->well = 0;
        pace->halved_ms = mono_ms;
}

static void widen(struct pace *pace, int64_t full)
{
        if (pace_is_full(pace) || ++pace->well < pace->cap)
                return;
        pace->cap++;
        pace->well = 0;
        if (pace->cap >= full)
                *pace = (struct pace){0};
}

void pace_report(struct pace *pace, enum pace_signal signal, int64_t full, int64_t inflight, int64_t started_ms,
                 int64_t mono_ms)
{
        bool after_halving = pace_is_full(pace) || started_ms >= pace->halved_ms;

        if (signal == PACE_WELL)
                widen(pace, full);
        else if (signal == PACE_TOO_MUCH && after_halving)
                halve(pace, full, inflight, mono_ms);
}

bool pace_is_full(const struct pace *pace)
{
        return pace->cap == 0;
}
