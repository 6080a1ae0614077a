/* The thread by which replicas agree on open circuits. While Redis is away each decides by itself. */
#include "common/base/log.h"
#include "services/webhook/circuits.h"
#include "services/webhook/sender_internal.h"

#define EXCHANGE_MS 250
#define NOTES_MAX   1000 /* the rest next time */

/* true: Redis answered. */
static bool exchange(struct sender *s)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct circuit_note *notes = ARENA_ARRAY(arena, struct circuit_note, NOTES_MAX);
        int64_t probe_ms = s->config.timeout_ms + 5 * (int64_t)EXCHANGE_MS;
        struct circuits_heard heard;
        size_t count;
        enum err err;

        pthread_mutex_lock(&s->lock);
        count = lanes_tell(s->lanes, arena, clock_mono_ms(), notes, NOTES_MAX);
        pthread_mutex_unlock(&s->lock);
        err = circuits_exchange(s->config.cache, arena, notes, count, probe_ms, &heard);
        pthread_mutex_lock(&s->lock);
        if (err) {
                lanes_alone(s->lanes);
        } else {
                lanes_hear(s->lanes, heard.open, heard.open_count, heard.open_count < CIRCUITS_MAX, clock_mono_ms());
                for (size_t i = 0; i < heard.granted_count; i++)
                        lanes_grant(s->lanes, heard.granted[i]);
        }
        pthread_mutex_unlock(&s->lock);
        return !err;
}

static bool wait_for_turn(struct sender *s)
{
        const struct timespec until = sender_after_ms(EXCHANGE_MS);
        bool go_on;

        pthread_mutex_lock(&s->lock);
        while (!s->stopping)
                if (pthread_cond_timedwait(&s->circuits_end, &s->lock, &until))
                        break;
        go_on = !s->stopping;
        pthread_mutex_unlock(&s->lock);
        return go_on;
}

void *sender_run_circuits(void *arg)
{
        struct sender *s = arg;
        bool together = true;

        while (wait_for_turn(s)) {
                bool answered = exchange(s);

                if (answered != together)
                        log_warn(NULL, "webhook.circuits",
                                 answered ? "circuits are shared with other replicas again"
                                          : "Redis is away: circuits are this replica's own");
                together = answered;
        }
        return NULL;
}
