/* The period that statistics are asked for. Pure: the clock is passed in. */
#ifndef VR_MARKET_PERIOD_RULES_H
#define VR_MARKET_PERIOD_RULES_H

#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"

struct period {
        int64_t from_ms, to_ms; /* `to` is not part of it */
};

/*
 * `from`, `to`: a date and time as everywhere (clock_parse_iso8601), or a date: all of that day, in Paris. NULL: the last
 * 30 days; with one end given, 30 days from it, but not beyond now. ERR_BAD_REQUEST, and `ret_reason` says why.
 */
MUST_CHECK enum err period_parse(struct arena *arena, const char *from, const char *to, int64_t now_ms,
                                 const char **ret_reason, struct period *ret_period);

#endif
