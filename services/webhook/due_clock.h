/*
 * The time that due_at and leases are kept in: wall time as it was when the process started, moved on by the monotonic
 * clock. A wall clock stepped by an hour or a day makes no retry due and no lease run out.
 */
#ifndef VR_WEBHOOK_DUE_CLOCK_H
#define VR_WEBHOOK_DUE_CLOCK_H

#include "common/base/clock.h"

struct due_clock {
        int64_t wall_ms, mono_ms; /* of the start */
};

static inline struct due_clock due_clock_start(void)
{
        return (struct due_clock){clock_wall_ms(), clock_mono_ms()};
}

static inline int64_t due_clock_ms(const struct due_clock *clock)
{
        return clock->wall_ms + clock_mono_ms() - clock->mono_ms;
}

#endif
