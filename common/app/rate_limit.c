#include "common/app/rate_limit.h"

#include "common/base/file.h"

extern const struct file rate_limit_scripts[]; /* rate_limit.lua, built in */

struct series *rate_limit_series(struct metrics *metrics, const char *name)
{
        return METRIC_SERIES(metrics_counter(metrics, "vr_rate_limited_total", "scope",
                                             "Requests refused because there were too many."),
                             name);
}

static int64_t seconds_up(int64_t ms)
{
        return (ms + 999) / 1000;
}

/* The order is rate_limit.lua's. */
static enum err read_state(const struct rate_limiter *limiter, const struct cache_value *answer, bool *ret_allowed,
                           struct rate_limit *ret_state)
{
        if (answer->type != CACHE_LIST || answer->length != 4)
                return ERR_CORRUPT;
        for (size_t i = 0; i < answer->length; i++)
                if (answer->list[i].type != CACHE_INTEGER)
                        return ERR_CORRUPT;
        *ret_allowed = answer->list[0].integer == 1;
        *ret_state = (struct rate_limit){
                .limit = limiter->limit,
                .remaining = answer->list[1].integer,
                .reset_s = seconds_up(answer->list[2].integer),
                .wait_s = seconds_up(answer->list[3].integer),
        };
        return ERR_OK;
}

static enum err ask(const struct rate_limiter *limiter, struct arena *arena, const char *key, bool counting,
                    struct rate_limit *ret_state)
{
        const struct file *file = file_find(rate_limit_scripts, "rate_limit.lua");
        struct cache_value answer = {0};
        bool allowed = false;
        enum err err;

        if (limiter->limit == 0) {
                *ret_state = (struct rate_limit){0};
                return ERR_OK;
        }
        if (!file)
                return ERR_INTERNAL;
        err = cache_run(limiter->cache, arena, &(struct cache_script){"rate_limit", file->data},
                        CACHE_ARGS(cache_text(arena_printf(arena, "vr:rate:%s:%s", limiter->name, key))),
                        CACHE_ARGS(cache_int(arena, limiter->limit), cache_int(arena, limiter->window_ms),
                                   cache_text(counting ? "1" : "0")),
                        &answer);
        if (!err)
                err = read_state(limiter, &answer, &allowed, ret_state);
        if (err)
                return err;
        return allowed ? ERR_OK : ERR_RATE_LIMITED;
}

enum err rate_limit_count(const struct rate_limiter *limiter, struct arena *arena, const char *key,
                          struct rate_limit *ret_state)
{
        enum err err = ask(limiter, arena, key, true, ret_state);

        if (err == ERR_RATE_LIMITED && limiter->limited)
                series_add(limiter->limited, 1);
        return err;
}

enum err rate_limit_peek(const struct rate_limiter *limiter, struct arena *arena, const char *key,
                         struct rate_limit *ret_state)
{
        return ask(limiter, arena, key, false, ret_state);
}
