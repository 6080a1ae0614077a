#include "common/base/rounds.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/clock.h"

struct rounds {
        struct rounds_config config;
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t wake;
        bool woken; /* under the lock */
        atomic_bool stopping;
        atomic_llong seen_ms; /* monotonic */
};

static struct timespec at(int64_t mono_ms)
{
        return (struct timespec){.tv_sec = mono_ms / 1000, .tv_nsec = mono_ms % 1000 * 1000000};
}

/* false: it is time to stop. */
static bool wait_for_next(struct rounds *rounds)
{
        const struct timespec until = at(clock_mono_ms() + rounds->config.period_ms);

        pthread_mutex_lock(&rounds->lock);
        while (!rounds->stopping && !rounds->woken)
                if (pthread_cond_timedwait(&rounds->wake, &rounds->lock, &until))
                        break;
        rounds->woken = false;
        pthread_mutex_unlock(&rounds->lock);
        return !rounds->stopping;
}

static void go_round(struct rounds *rounds)
{
        atomic_store(&rounds->seen_ms, clock_mono_ms());
        rounds->config.round(rounds->config.arg);
        atomic_store(&rounds->seen_ms, clock_mono_ms());
}

static void *run(void *arg)
{
        struct rounds *rounds = arg;

        pthread_mutex_lock(&rounds->lock); /* rounds_start has returned its handle by now */
        pthread_mutex_unlock(&rounds->lock);
        if (rounds->config.at_once)
                go_round(rounds);
        while (wait_for_next(rounds))
                go_round(rounds);
        return NULL;
}

static void release(struct rounds *rounds)
{
        pthread_cond_destroy(&rounds->wake);
        pthread_mutex_destroy(&rounds->lock);
        free(rounds);
}

enum err rounds_start(const struct rounds_config *config, struct rounds **ret_rounds)
{
        struct rounds *rounds = calloc(1, sizeof(*rounds));
        pthread_condattr_t monotonic;
        bool runs;

        if (!rounds)
                return ERR_NO_MEMORY;
        rounds->config = *config;
        atomic_store(&rounds->seen_ms, clock_mono_ms());
        pthread_mutex_init(&rounds->lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&rounds->wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
        pthread_mutex_lock(&rounds->lock);
        runs = pthread_create(&rounds->thread, NULL, run, rounds) == 0;
        if (runs)
                *ret_rounds = rounds;
        pthread_mutex_unlock(&rounds->lock);
        if (!runs) {
                release(rounds);
                return ERR_NO_MEMORY;
        }
        return ERR_OK;
}

void rounds_wake(struct rounds *rounds)
{
        pthread_mutex_lock(&rounds->lock);
        rounds->woken = true;
        pthread_cond_signal(&rounds->wake);
        pthread_mutex_unlock(&rounds->lock);
}

bool rounds_stopping(const struct rounds *rounds)
{
        return atomic_load(&rounds->stopping);
}

int64_t rounds_idle_ms(const struct rounds *rounds)
{
        return clock_mono_ms() - atomic_load(&rounds->seen_ms);
}

void rounds_stop(struct rounds *rounds)
{
        if (!rounds)
                return;
        pthread_mutex_lock(&rounds->lock);
        atomic_store(&rounds->stopping, true);
        pthread_cond_signal(&rounds->wake);
        pthread_mutex_unlock(&rounds->lock);
        pthread_join(rounds->thread, NULL);
        release(rounds);
}
