#include "services/market/reconcile.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "services/market/app.h"
#include "services/market/delivery_store.h"
#include "services/market/market_events.h"
#include "services/market/market_store.h"

#define BATCH 200 /* markets a round: what is left is still there at the next */

struct round {
        int64_t now_ms;
        int64_t before_ms; /* news was due before that; 0: announce nothing */
        size_t announced;
};

static enum err announce(struct db_tx *tx, struct arena *arena, const char *identifier, int64_t now_ms)
{
        struct market market;
        struct event event;
        enum err err = market_store_find(tx, arena, identifier, &market);

        if (!err)
                err = market_event_completed(arena, &market, &event);
        if (!err)
                err = market_store_announce(tx, &event);
        /* Webhook may know the completion well and have missed only the wish for another attempt. */
        if (!err && market.retry_event_id)
                err = market_event_retry(arena, &market, &event);
        if (!err && market.retry_event_id)
                err = market_store_announce(tx, &event);
        if (err)
                return err;
        return market_store_expect(tx, identifier, now_ms);
}

static enum err go_round(struct db_tx *tx, void *arg)
{
        struct round *round = arg;
        AUTO(arena_freep) struct arena *arena = arena_new();
        const char *const *identifiers = NULL;
        size_t count = 0;
        enum err err = ERR_OK;

        if (round->before_ms > 0)
                err = market_store_silent(tx, arena, round->before_ms, BATCH, &identifiers, &count);
        for (size_t i = 0; !err && i < count; i++)
                err = announce(tx, arena, identifiers[i], round->now_ms);
        if (err)
                return err;
        round->announced = count;
        err = idempotency_store_prune(tx, round->now_ms - IDEMPOTENCY_KEEP_MS);
        if (err)
                return err;
        return delivery_store_prune(tx, round->now_ms - ATTEMPT_KEEP_MS);
}

enum err reconcile_once(struct market_app *app, int64_t now_ms, size_t *ret_announced)
{
        int64_t after_ms = app->settings->reconcile_after_s * 1000;
        struct round round = {.now_ms = now_ms, .before_ms = after_ms > 0 ? now_ms - after_ms : 0};
        enum err err = db_write(app->db, go_round, &round);

        if (err)
                return err;
        if (round.announced > 0)
                outbox_wake(app->outbox);
        *ret_announced = round.announced;
        return ERR_OK;
}

static int64_t period_ms(const struct market_app *app)
{
        int64_t tenth = app->settings->reconcile_after_s * 1000 / 10;

        return tenth < 500 ? 500 : tenth > 30000 ? 30000 : tenth;
}

static void sweep(void *app)
{
        size_t announced = 0;
        enum err err = reconcile_once(app, clock_wall_ms(), &announced);

        if (err)
                log_warn(NULL, "market.reconcile", "reconciliation failed, next round will try again", LOG_ERR(err));
        else if (announced > 0)
                log_warn(NULL, "market.reconcile", "markets announced again: nothing heard of their delivery",
                         LOG_INT("vr.count", (int64_t)announced));
}

enum err reconciler_start(struct market_app *app, struct rounds **ret_rounds)
{
        const struct rounds_config config = {.period_ms = period_ms(app), .round = sweep, .arg = app};

        return rounds_start(&config, ret_rounds);
}
