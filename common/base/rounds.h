/*
 * A thread that goes round: it calls `round` again and again, `period_ms` after the last one ended or when woken,
 * until stopped. For sweeps and relays. Waits are on the monotonic clock.
 */
#ifndef VR_BASE_ROUNDS_H
#define VR_BASE_ROUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

struct rounds;

struct rounds_config {
        int64_t period_ms;
        bool at_once; /* the first round now (and certainly), instead of after the first period */
        /* On the thread. A long one looks at rounds_stopping() now and then. */
        void (*round)(void *arg);
        void *arg;
};

/* `rounds` may be used by `round` as soon as that runs: it is set before. */
MUST_CHECK enum err rounds_start(const struct rounds_config *config, struct rounds **ret_rounds);
/* The next round begins as soon as the present one ends. Any thread. */
void rounds_wake(struct rounds *rounds);
bool rounds_stopping(const struct rounds *rounds);
/* Milliseconds since a round last began or ended: for liveness. */
int64_t rounds_idle_ms(const struct rounds *rounds);
/* Lets the present round end, then frees. NULL is fine. */
void rounds_stop(struct rounds *rounds);

#endif
