/*
 * How many attempts at once an endpoint bears: halved when it shows that it was too much (a timeout, 429), up again by one
 * for each whole round of answers in time. Pure; monotonic times are passed in.
 */
#ifndef VR_WEBHOOK_PACE_RULES_H
#define VR_WEBHOOK_PACE_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum pace_signal {
        PACE_NOTHING, /* says nothing about how many are too many */
        PACE_WELL,
        PACE_TOO_MUCH,
};

/* `{0}` is at full pace. */
struct pace {
        int64_t cap;       /* 0: as many as the settings say */
        int64_t well;      /* answers in time since the cap last moved */
        int64_t halved_ms; /* when it was last halved */
};

/* `full`: what the settings allow. */
int64_t pace_cap(const struct pace *pace, int64_t full);
/*
 * An attempt ended that had started at `started_ms`, when `inflight` (it included) ran. Those that were under way when the
 * cap was halved were too many together: they halve it no further.
 */
void pace_report(struct pace *pace, enum pace_signal signal, int64_t full, int64_t inflight, int64_t started_ms,
                 int64_t mono_ms);
bool pace_is_full(const struct pace *pace);

#endif
