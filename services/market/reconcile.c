#include "services/market/reconcile.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "services/market/app.h"
#include "services/market/delivery_store.h"
#include "services/market/market_events.h"
#include "services/market/market_store.h"

#define BATCH 200 /* markets a round: what is left is still there at the next */

struct reconciler {
        struct market_app *app;
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t wake;
        bool stopping;
};

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

/* false: it is time to stop. Monotonic: a stepped clock neither hurries nor delays the sweep. */
static bool wait_for_next(struct reconciler *reconciler)
{
        struct timespec until;
        int64_t at_ms = clock_mono_ms() + period_ms(reconciler->app);
        bool stopping;

        until = (struct timespec){.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
        pthread_mutex_lock(&reconciler->lock);
        while (!reconciler->stopping && clock_mono_ms() < at_ms)
                pthread_cond_clockwait(&reconciler->wake, &reconciler->lock, CLOCK_MONOTONIC, &until);
        stopping = reconciler->stopping;
        pthread_mutex_unlock(&reconciler->lock);
        return !stopping;
}

static void *run(void *arg)
{
        struct reconciler *reconciler = arg;

        while (wait_for_next(reconciler)) {
                size_t announced = 0;
                enum err err;

                err = reconcile_once(reconciler->app, clock_wall_ms(), &announced);

                if (err)
                        log_warn(NULL, "market.reconcile", "reconciliation failed, next round will try again",
                                 LOG_ERR(err));
                else if (announced > 0)
                        log_warn(NULL, "market.reconcile", "markets announced again: nothing heard of their delivery",
                                 LOG_INT("vr.count", (int64_t)announced));
        }
        return NULL;
}

enum err reconciler_start(struct market_app *app, struct reconciler **ret_reconciler)
{
        struct reconciler *reconciler = calloc(1, sizeof(*reconciler));

        if (!reconciler)
                return ERR_NO_MEMORY;
        reconciler->app = app;
        pthread_mutex_init(&reconciler->lock, NULL);
        pthread_cond_init(&reconciler->wake, NULL);
        if (pthread_create(&reconciler->thread, NULL, run, reconciler) != 0) {
                free(reconciler);
                return ERR_NO_MEMORY;
        }
        *ret_reconciler = reconciler;
        return ERR_OK;
}

void reconciler_stop(struct reconciler *reconciler)
{
        if (!reconciler)
                return;
        pthread_mutex_lock(&reconciler->lock);
        reconciler->stopping = true;
        pthread_cond_signal(&reconciler->wake);
        pthread_mutex_unlock(&reconciler->lock);
        pthread_join(reconciler->thread, NULL);
        pthread_cond_destroy(&reconciler->wake);
        pthread_mutex_destroy(&reconciler->lock);
        free(reconciler);
}
