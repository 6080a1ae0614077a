#include "services/market/period_rules.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"

#define DAY_MS       (24 * 3600 * INT64_C(1000))
#define DEFAULT_DAYS 30

/* `time`: what makes a moment of a date alone. */
static enum err parse_moment(struct arena *arena, const char *text, const char *time, int64_t *ret_ms)
{
        if (!strchr(text, 'T') && !strchr(text, 't'))
                text = arena_printf(arena, "%s%s", text, time);
        return clock_parse_iso8601(text, ret_ms);
}

static enum err refuse(const char *reason, const char **ret_reason)
{
        *ret_reason = reason;
        return ERR_BAD_REQUEST;
}

static int64_t min_ms(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

enum err period_parse(struct arena *arena, const char *from, const char *to, int64_t now_ms, const char **ret_reason,
                      struct period *ret_period)
{
        struct period period = {.to_ms = now_ms};

        if (from && parse_moment(arena, from, "T00:00:00", &period.from_ms))
                return refuse("from must be an ISO 8601 date or datetime", ret_reason);
        if (to && parse_moment(arena, to, "T23:59:59", &period.to_ms))
                return refuse("to must be an ISO 8601 date or datetime", ret_reason);
        if (to && !strchr(to, 'T') && !strchr(to, 't'))
                period.to_ms += 1000; /* the whole of that day, however long it was */
        if (!from)
                period.from_ms = period.to_ms - DEFAULT_DAYS * DAY_MS;
        else if (!to && period.from_ms < now_ms)
                period.to_ms = min_ms(now_ms, period.from_ms + DEFAULT_DAYS * DAY_MS);
        if (period.from_ms >= period.to_ms)
                return refuse("from must be before to", ret_reason);
        if (period.to_ms - period.from_ms > LIMIT_STATS_DAYS * DAY_MS)
                return refuse("The period is too long (maximum is 366 days)", ret_reason);
        *ret_period = period;
        return ERR_OK;
}
