/* …/{identifier}/deliveries and …/{identifier}/retry_sync: did the editor's endpoint hear of it, and try again. */
#include "common/app/reply.h"
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/str.h"
#include "services/market/app.h"
#include "services/market/delivery_store.h"
#include "services/market/handlers.h"
#include "services/market/market_changes.h"
#include "services/market/market_store.h"

/* ---- GET …/deliveries ---- */

struct deliveries_work {
        struct arena *arena;
        const char *identifier, *editor_id;
        struct market market;
        struct delivery *deliveries;
        size_t count;
};

static enum err read_deliveries(struct db_tx *tx, void *arg)
{
        struct deliveries_work *work = arg;
        enum err err = market_store_find(tx, work->arena, work->identifier, &work->market);

        if (err)
                return err;
        if (!str_equal(work->market.editor_id, work->editor_id))
                return ERR_NOT_FOUND;
        return delivery_store_list(tx, work->arena, work->identifier, &work->deliveries, &work->count);
}

/* In the words of the API. Of another delivery than the newest nothing more is to come. */
static const char *state_of(const struct market *market, const struct delivery *delivery, bool newest)
{
        const struct attempt *last =
                delivery->attempt_count > 0 ? &delivery->attempts[delivery->attempt_count - 1] : NULL;

        if (!newest)
                return last && str_equal(last->outcome, "success") ? "succeeded" : "failed";
        switch (market->sync.status) {
        case SYNC_PROCESSING:
                return "sending";
        case SYNC_COMPLETED:
                return "succeeded";
        case SYNC_FAILED:
                return market->sync.next_attempt_ms ? "pending" : "failed";
        default:
                return "pending";
        }
}

static void write_attempt(struct json_write *w, const struct attempt *attempt)
{
        json_object(w, NULL);
        json_int(w, "number", attempt->number);
        json_time(w, "started_at", attempt->started_ms);
        json_string(w, "outcome", attempt->outcome);
        if (attempt->status_code)
                json_int(w, "status_code", attempt->status_code);
        else
                json_null(w, "status_code");
        if (attempt->outcome)
                json_int(w, "duration_ms", attempt->duration_ms);
        else
                json_null(w, "duration_ms");
        json_string(w, "error", attempt->error);
        json_string(w, "response_excerpt", attempt->response_excerpt);
        json_end(w);
}

static void write_delivery(struct json_write *w, const struct market *market, const struct delivery *delivery,
                           bool newest)
{
        const char *state = state_of(market, delivery, newest);

        json_object(w, NULL);
        json_string(w, "id", delivery->id);
        json_string(w, "state", state);
        json_time(w, "next_attempt_at", newest ? market->sync.next_attempt_ms : 0);
        json_string(w, "error", str_equal(state, "failed") ? delivery->error : NULL);
        json_array(w, "attempts");
        for (size_t i = 0; i < delivery->attempt_count; i++)
                write_attempt(w, &delivery->attempts[i]);
        json_end(w);
        json_end(w);
}

enum err show_deliveries(void *arg, struct exchange *x)
{
        struct market_app *app = arg;
        AUTO(buf_done) struct buf body = {0};
        struct json_write w = json_write_to(&body);
        struct deliveries_work work = {.arena = x->arena, .editor_id = x->principal.editor_id};
        enum err err = exchange_market(x, &work.identifier);

        if (!err)
                err = db_read(app->db, read_deliveries, &work);
        if (err)
                return err;
        json_object(&w, NULL);
        json_array(&w, "deliveries");
        for (size_t i = 0; i < work.count; i++)
                write_delivery(&w, &work.market, &work.deliveries[i], i == 0);
        json_end(&w);
        json_end(&w);
        return reply_json(x, 200, &body);
}

/* ---- POST …/retry_sync ---- */

#define NOT_FAILED "Only a failed notification can be retried"

struct retry_work {
        const struct exchange *x;
        const char *identifier;
        int64_t now_ms;
        bool changed;
};

static enum err retry(struct db_tx *tx, void *arg)
{
        struct retry_work *work = arg;
        const struct change change = {
                .tx = tx,
                .arena = work->x->arena,
                .identifier = work->identifier,
                .traceparent = work->x->traceparent,
                .now_ms = work->now_ms,
        };

        return change_retry(&change, "editor", work->now_ms, &work->changed);
}

/* The state first: a retry that could not be is not counted. */
static enum err check_retry(const struct market_app *app, struct exchange *x, const char *identifier)
{
        struct market market;
        struct rate_limit retries;
        enum err err = market_store_load(app->db, x->arena, identifier, &market);

        if (err)
                return err;
        if (!str_equal(market.editor_id, x->principal.editor_id))
                return ERR_NOT_FOUND;
        if (market.sync.status != SYNC_FAILED) {
                x->public_detail = NOT_FAILED;
                return ERR_CONFLICT;
        }
        err = rate_limit_count(&app->retries, x->arena, identifier, &retries);
        if (err == ERR_RATE_LIMITED)
                x->retry_after_s = retries.wait_s;
        return err;
}

static enum err reply_state(struct exchange *x, const char *identifier)
{
        AUTO(buf_done) struct buf body = {0};
        struct json_write w = json_write_to(&body);

        json_object(&w, NULL);
        json_string(&w, "identifier", identifier);
        json_string(&w, "sync_status", sync_status_name(SYNC_PENDING));
        json_end(&w);
        return reply_json(x, 202, &body);
}

enum err retry_sync(void *arg, struct exchange *x)
{
        struct market_app *app = arg;
        struct retry_work work = {.x = x, .now_ms = clock_wall_ms()};
        enum err err = exchange_market(x, &work.identifier);

        if (!err)
                err = check_retry(app, x, work.identifier);
        if (!err)
                err = db_write(app->db, retry, &work);
        if (err)
                return err;
        if (!work.changed) { /* somebody was faster */
                x->public_detail = NOT_FAILED;
                return ERR_CONFLICT;
        }
        outbox_wake(app->outbox);
        market_refresh_snapshot(app, x->arena, &x->log, work.identifier);
        log_info(&x->log, "market.sync_retry_requested", "the editor asked for another attempt");
        return reply_state(x, work.identifier);
}
