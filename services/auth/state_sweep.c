#include "services/auth/state_sweep.h"

#include <stdlib.h>

#include "common/app/tokens.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/rounds.h"
#include "services/auth/auth_store.h"

#define EVERY_MS       1000
#define REPEAT_EVERY   15 /* rounds: what was told already is told again while it is recent */
#define RECENT_MS      (10 * 60 * INT64_C(1000))
#define STUCK_AFTER_MS 60000
#define BATCH          256

struct state_sweep {
        struct state_sweep_config config;
        struct rounds *rounds;
        bool failing;
        unsigned round;
};

struct batch {
        struct arena *arena;
        int64_t since_ms;
        struct editor_state states[BATCH];
        size_t count, told;
};

static enum err read_batch(struct db_tx *tx, void *arg)
{
        struct batch *batch = arg;

        batch->count = 0;
        return auth_store_to_assert(tx, batch->arena, batch->since_ms, BATCH, batch->states, &batch->count);
}

static enum err mark_batch(struct db_tx *tx, void *arg)
{
        struct batch *batch = arg;
        enum err err = ERR_OK;

        for (size_t i = 0; !err && i < batch->told; i++)
                err = auth_store_mark_asserted(tx, &batch->states[i]);
        return err;
}

enum err state_sweep_once(struct db *db, struct cache *cache, int64_t since_ms, size_t *ret_told)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct batch *batch = ARENA_NEW(arena, struct batch);
        enum err err, mark_err;

        batch->arena = arena;
        batch->since_ms = since_ms;
        err = db_read(db, read_batch, batch);
        for (; !err && batch->told < batch->count; batch->told++) {
                const struct editor_state *state = &batch->states[batch->told];

                err = tokens_set_editor(cache, state->id, state->usable);
                if (err)
                        break;
        }
        if (batch->told == 0)
                return err;
        mark_err = db_write(db, mark_batch, batch);
        *ret_told = batch->told;
        return err ? err : mark_err;
}

/* Says once that it fails, and once that it works again. */
static void tell(enum err err, bool *failing)
{
        if (err && !*failing)
                log_warn(NULL, "editor.state_sweep", "editors' states can't be carried to Redis", LOG_ERR(err));
        if (!err && *failing)
                log_info(NULL, "editor.state_sweep", "editors' states are carried to Redis again");
        *failing = err != ERR_OK;
}

static void go_round(void *arg)
{
        struct state_sweep *sweep = arg;
        bool repeat = sweep->round++ % REPEAT_EVERY == 0;
        int64_t since_ms = repeat ? clock_wall_ms() - RECENT_MS : INT64_MAX;
        size_t told = 0;

        tell(state_sweep_once(sweep->config.db, sweep->config.cache, since_ms, &told), &sweep->failing);
        if (sweep->config.also)
                sweep->config.also(sweep->config.arg);
}

enum err state_sweep_start(const struct state_sweep_config *config, struct state_sweep **ret_sweep)
{
        struct state_sweep *sweep = calloc(1, sizeof(*sweep));
        const struct rounds_config rounds = {.period_ms = EVERY_MS, .at_once = true, .round = go_round, .arg = sweep};
        enum err err;

        if (!sweep)
                return ERR_NO_MEMORY;
        sweep->config = *config;
        err = rounds_start(&rounds, &sweep->rounds);
        if (err) {
                free(sweep);
                return err;
        }
        *ret_sweep = sweep;
        return ERR_OK;
}

bool state_sweep_is_stuck(const struct state_sweep *sweep)
{
        return rounds_idle_ms(sweep->rounds) > STUCK_AFTER_MS;
}

void state_sweep_stop(struct state_sweep *sweep)
{
        if (!sweep)
                return;
        rounds_stop(sweep->rounds);
        free(sweep);
}
