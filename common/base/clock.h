/*
 * Time. Wall time (epoch, UTC) dates things; monotonic time measures and waits: a stepped clock moves no timer.
 * Rules never call these: time is passed in.
 */
#ifndef VR_BASE_CLOCK_H
#define VR_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "common/base/arena.h"
#include "common/base/err.h"

int64_t clock_wall_ms(void); /* since 1970-01-01T00:00:00Z */
int64_t clock_mono_ms(void); /* since an unknown moment; never goes back */
int64_t clock_mono_ns(void);
/* The monotonic moment `ms` from now, for timed waits on a condition whose clock is CLOCK_MONOTONIC. */
struct timespec clock_mono_in(int64_t ms);

#define CLOCK_TEXT_MAX 32

/* "2024-06-15T14:30:45Z" (the seed's form; the fraction is cut). Returns `text`. */
char *clock_format_s(int64_t wall_ms, char text[CLOCK_TEXT_MAX]);
/* "2024-06-15T14:30:45.123Z" (logs, events). Returns `text`. */
char *clock_format_ms(int64_t wall_ms, char text[CLOCK_TEXT_MAX]);

/*
 * ISO 8601 extended date and time as design.md §3 takes it: `2024-06-15T23:59:59Z`, `…+02:00`, `…T10:00`, fractions
 * (cut). Without a zone it is Europe/Paris: a doubled hour is the first, a skipped one moves forward. A date alone,
 * the basic format, 24:00, :60, impossible dates and years outside 1900–9999 are ERR_INVALID.
 */
MUST_CHECK enum err clock_parse_iso8601(const char *text, int64_t *ret_wall_ms);

/* Civil time in Paris (EU summer time rule since 1996), for people: hour and date apart. */
struct paris_time {
        int year, month, day, hour, minute, second;
};
struct paris_time clock_paris(int64_t wall_ms);

#endif
