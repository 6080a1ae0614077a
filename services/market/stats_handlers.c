/* GET /api/v1/stats: the seed's key figures, of the caller's markets. */
#include <math.h>

#include "common/app/reply.h"
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "services/market/app.h"
#include "services/market/handlers.h"
#include "services/market/period_rules.h"
#include "services/market/stats_store.h"

/* To four digits; null of nothing. */
static void write_rate(struct json_write *w, const char *key, int64_t part, int64_t whole)
{
        if (whole == 0)
                json_null(w, key);
        else
                json_double(w, key, round((double)part / (double)whole * 1e4) / 1e4);
}

static void write_seconds(struct json_write *w, const char *key, int64_t ms, bool known)
{
        if (known)
                json_double(w, key, (double)ms / 1000);
        else
                json_null(w, key);
}

static void write_stats(struct json_write *w, const struct period *period, const struct stats *stats)
{
        bool known = stats->completed > 0;

        json_object(w, NULL);
        json_time(w, "from", period->from_ms);
        json_time(w, "to", period->to_ms);
        json_object(w, "markets");
        json_int(w, "created", stats->created);
        json_int(w, "completed", stats->completed);
        write_rate(w, "conversion_rate", stats->completed, stats->created);
        json_end(w);
        json_object(w, "configuration");
        write_seconds(w, "average_seconds", stats->average_ms, known);
        write_seconds(w, "median_seconds", stats->median_ms, known);
        write_seconds(w, "p90_seconds", stats->p90_ms, known);
        json_end(w);
        json_object(w, "webhooks");
        json_int(w, "expected", stats->completed);
        json_int(w, "delivered", stats->notified);
        json_int(w, "failed", stats->failed);
        json_int(w, "in_progress", stats->completed - stats->notified - stats->failed);
        write_rate(w, "success_rate", stats->notified, stats->completed);
        json_int(w, "attempts", stats->attempts);
        json_int(w, "delivered_at_first_attempt", stats->notified_at_first_attempt);
        json_end(w);
        json_end(w);
}

enum err show_stats(void *arg, struct exchange *x)
{
        struct market_app *app = arg;
        AUTO(buf_done) struct buf body = {0};
        struct json_write w = json_write_to(&body);
        const char *from = NULL, *to = NULL;
        struct period period;
        struct stats stats;
        enum err err = exchange_query(x, "from", &from);

        if (!err)
                err = exchange_query(x, "to", &to);
        if (!err)
                err = period_parse(x->arena, from, to, clock_wall_ms(), &x->public_detail, &period);
        if (!err)
                err = stats_store_load(app->db, x->principal.editor_id, period.from_ms, period.to_ms, &stats);
        if (err)
                return err;
        write_stats(&w, &period, &stats);
        return reply_json(x, 200, &body);
}
