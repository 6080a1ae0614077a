#include "services/wizard/publisher.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/base/rounds.h"
#include "common/base/str.h"
#include "services/wizard/wizard_events.h"

#define ROUND_MS     200  /* reported events leave Redis */
#define SWEEP_MS     2000 /* between two sweeps */
#define SETTLE_MS    5000 /* an event younger than this may still be on its way */
#define REPORTED_MAX 4096 /* reports waiting for their removal from Redis; more stay for the sweep */
#define CLOSE_MS     5000
#define SEND_MS      10000 /* the sweep's patience for one report */

struct publisher {
        struct publisher_config config;
        struct rounds *rounds;
        int64_t next_sweep_ms; /* monotonic */
        pthread_mutex_t lock;
        char reported[REPORTED_MAX][ID_UUID_MAX]; /* ids with a report, not yet removed from Redis */
        size_t reported_count;
};

struct ticket {
        struct publisher *publisher;
        char id[ID_UUID_MAX];
};

/* On the producer's thread. */
static void on_report(void *arg, enum err err)
{
        struct ticket *ticket = arg;
        struct publisher *publisher = ticket->publisher;

        if (!err) {
                pthread_mutex_lock(&publisher->lock);
                if (publisher->reported_count < REPORTED_MAX)
                        memcpy(publisher->reported[publisher->reported_count++], ticket->id, ID_UUID_MAX);
                pthread_mutex_unlock(&publisher->lock);
        }
        free(ticket);
}

static void send_one(struct publisher *publisher, struct arena *arena, const struct event *event)
{
        struct bus_message message = {0};
        struct ticket *ticket = calloc(1, sizeof(*ticket));

        if (!ticket || event_to_message(arena, event, &message)) {
                free(ticket);
                return;
        }
        ticket->publisher = publisher;
        snprintf(ticket->id, sizeof(ticket->id), "%s", event->id);
        if (bus_produce(publisher->config.producer, &message, on_report, ticket))
                free(ticket);
}

void publisher_send(struct publisher *publisher, struct arena *arena, const struct event *events, size_t count)
{
        for (size_t i = 0; i < count; i++)
                send_one(publisher, arena, &events[i]);
}

enum err publisher_send_wait(struct publisher *publisher, struct arena *arena, const struct event *event,
                             int timeout_ms)
{
        struct bus_message message = {0};
        enum err err = event_to_message(arena, event, &message);

        if (err)
                return err;
        return bus_produce_wait(publisher->config.producer, &message, timeout_ms);
}

static void remove_reported(struct publisher *publisher, struct arena *arena)
{
        char(*ids)[ID_UUID_MAX];
        size_t count;

        pthread_mutex_lock(&publisher->lock);
        count = publisher->reported_count;
        ids = arena_memdup(arena, publisher->reported, count * ID_UUID_MAX);
        publisher->reported_count = 0;
        pthread_mutex_unlock(&publisher->lock);
        for (size_t i = 0; i < count; i++)
                if (waiting_remove(publisher->config.store, arena, ids[i]))
                        return; /* Redis is away: the sweep publishes them once more under the same id */
}

/* A confirmation leaves the outbox when market has it. */
static bool market_has_it(struct publisher *publisher, struct arena *arena, const struct event *event)
{
        struct market_view market = {0};
        enum err err = market_read_fresh(publisher->config.markets, arena, event->subject, &market);

        return err == ERR_NOT_FOUND || (!err && market.completed);
}

static void sweep_event(struct publisher *publisher, struct arena *arena, const struct event *event)
{
        bool confirmation = strcmp(event->type, "configuration.submitted") == 0;

        if (event->time_ms + SETTLE_MS > clock_wall_ms())
                return;
        if (confirmation && market_has_it(publisher, arena, event)) {
                if (waiting_remove(publisher->config.store, arena, event->id))
                        log_debug(NULL, "outbox.kept", "Redis is away: the event is removed next time");
                return;
        }
        if (publisher_send_wait(publisher, arena, event, SEND_MS))
                return;
        if (!confirmation && waiting_remove(publisher->config.store, arena, event->id))
                log_debug(NULL, "outbox.kept", "Redis is away: the event is removed next time");
}

static void sweep_outbox(struct publisher *publisher, struct arena *arena)
{
        const char *cursor = "0";

        do {
                struct event *events = NULL;
                size_t count = 0;
                if (waiting_scan(publisher->config.store, arena, &cursor, &events, &count))
                        return;
                for (size_t i = 0; i < count && !rounds_stopping(publisher->rounds); i++)
                        sweep_event(publisher, arena, &events[i]);
        } while (strcmp(cursor, "0") != 0 && !rounds_stopping(publisher->rounds));
}

/* Progress that lapsed without a confirmation was abandoned. */
static void end_one(struct publisher *publisher, struct arena *arena, const char *identifier)
{
        const struct progress_store *store = publisher->config.store;
        const struct wizard_event_context context = {
                .arena = arena, .identifier = identifier, .now_ms = clock_wall_ms()};
        struct log_ctx log = {.market = identifier};
        struct progress progress = {0};
        struct event event = {0};
        bool submitted = false, ended = false, abandoned;
        enum err err = submission_exists(store, arena, identifier, &submitted);

        if (err)
                return;
        abandoned = !submitted && !lapsed_load(store, arena, identifier, &progress);
        if (abandoned && wizard_event_abandoned(&context, &progress, &event))
                return;
        if (lapsed_end(store, arena, identifier, abandoned ? &event : NULL, &ended) || !ended || !abandoned)
                return;
        metric_inc(publisher->config.abandoned, step_name(progress_step(&progress)));
        log_info(&log, "configuration.abandoned", "progress lapsed before the confirmation",
                 LOG_STR("vr.step", step_name(progress_step(&progress))));
        publisher_send(publisher, arena, &event, 1);
}

static void sweep_lapses(struct publisher *publisher, struct arena *arena)
{
        const char *const *identifiers = NULL;
        size_t count = 0;

        if (lapsed_list(publisher->config.store, arena, clock_wall_ms(), &identifiers, &count))
                return;
        for (size_t i = 0; i < count; i++)
                end_one(publisher, arena, identifiers[i]);
}

static void go_round(void *arg)
{
        struct publisher *publisher = arg;
        AUTO(arena_freep) struct arena *arena = arena_new();
        bool mine = false;

        remove_reported(publisher, arena);
        if (clock_mono_ms() < publisher->next_sweep_ms)
                return;
        publisher->next_sweep_ms = clock_mono_ms() + SWEEP_MS;
        if (sweep_turn(publisher->config.store, arena, SWEEP_MS / 2, &mine) || !mine)
                return;
        sweep_outbox(publisher, arena);
        sweep_lapses(publisher, arena);
}

enum err publisher_start(const struct publisher_config *config, struct publisher **ret_publisher)
{
        struct publisher *publisher = calloc(1, sizeof(*publisher));
        const struct rounds_config rounds = {.period_ms = ROUND_MS, .round = go_round, .arg = publisher};
        enum err err;

        if (!publisher)
                return ERR_NO_MEMORY;
        publisher->config = *config;
        pthread_mutex_init(&publisher->lock, NULL);
        err = rounds_start(&rounds, &publisher->rounds);
        if (err) {
                pthread_mutex_destroy(&publisher->lock);
                free(publisher);
                return err;
        }
        *ret_publisher = publisher;
        return ERR_OK;
}

void publisher_stop(struct publisher *publisher)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        if (!publisher)
                return;
        rounds_stop(publisher->rounds);
        bus_producer_close(publisher->config.producer, CLOSE_MS); /* its reports come to us until then */
        remove_reported(publisher, arena);
        pthread_mutex_destroy(&publisher->lock);
        free(publisher);
}
