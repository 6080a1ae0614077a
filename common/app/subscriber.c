#include "common/app/subscriber.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/app/outbox.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"

#define BATCH_MAX       256
#define CONSUME_MS      200
#define BACK_OFF_MIN_MS 50
#define BACK_OFF_MAX_MS 2000
#define SLICE_MS        50
#define DEAD_TOPIC_MS   5000
#define DEAD_REPORT_MS  35000 /* past the producer's own time limit, so that a report has come */
#define DEAD_KEPT_BYTES 65536
#define DEAD_PARTITIONS 1

/* A message of the batch and what becomes of it. */
struct item {
        const struct bus_message *message;
        const struct subscription *subscription; /* NULL: not for us, or unreadable */
        struct event event;
        const char *reason; /* of a dead letter; NULL else */
};

struct subscriber {
        struct subscriber_config config;
        struct bus_consumer *consumer;
        const char *topics[LIMIT_BUS_TOPICS + 1];
        bool dead_topic_made[LIMIT_BUS_TOPICS];
        pthread_t thread;
        atomic_bool stopping;
        _Atomic int64_t beat_ms;

        struct arena *arena;   /* of the batch */
        struct arena *scratch; /* of one event's work */
        struct item items[BATCH_MAX];
        size_t count;
};

static void beat(struct subscriber *subscriber)
{
        atomic_store(&subscriber->beat_ms, clock_mono_ms());
}

static bool stopping(const struct subscriber *subscriber)
{
        return atomic_load(&subscriber->stopping);
}

/* Waits, doubles the wait, and stays a member of the group. false: stop. */
static bool back_off(struct subscriber *subscriber, int64_t *ms)
{
        struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};
        int64_t until_ms = clock_mono_ms() + *ms;

        do {
                beat(subscriber);
                bus_consumer_hold(subscriber->consumer);
                nanosleep(&slice, NULL);
        } while (!stopping(subscriber) && clock_mono_ms() < until_ms);
        *ms = *ms * 2 > BACK_OFF_MAX_MS ? BACK_OFF_MAX_MS : *ms * 2;
        return !stopping(subscriber);
}

/* ---- reading ---- */

static const struct subscription *find(const struct subscriber *subscriber, const struct event *event)
{
        for (const struct subscription *one = subscriber->config.table; one->type; one++)
                if (str_equal(one->type, event->type) && str_equal(one->topic, event->topic))
                        return one;
        return NULL;
}

static void read_items(struct subscriber *subscriber, const struct bus_message *messages, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                struct item *item = &subscriber->items[i];

                *item = (struct item){.message = &messages[i]};
                if (!event_from_message(subscriber->arena, item->message, &item->event, &item->reason))
                        item->subscription = find(subscriber, &item->event);
        }
        subscriber->count = count;
}

/* ---- applying ---- */

struct call {
        struct subscriber *subscriber;
        struct item *item;
};

static enum err apply_one(struct db_tx *tx, void *arg)
{
        const struct call *call = arg;

        return call->item->subscription->apply(call->subscriber->config.app, tx, call->subscriber->scratch,
                                               &call->item->event);
}

static enum err apply_all(struct db_tx *tx, void *arg)
{
        struct subscriber *subscriber = arg;

        for (size_t i = 0; i < subscriber->count; i++) {
                struct item *item = &subscriber->items[i];
                enum err err;

                if (!item->subscription)
                        continue;
                item->reason = NULL; /* this may be another try */
                arena_reset(subscriber->scratch);
                err = db_nested(tx, apply_one, &(struct call){subscriber, item});
                if (err && err_is_retryable(err))
                        return err;
                if (err)
                        item->reason = arena_printf(subscriber->arena, "refused: %s", err_name(err));
        }
        return ERR_OK;
}

static bool has_work(const struct subscriber *subscriber)
{
        for (size_t i = 0; i < subscriber->count; i++)
                if (subscriber->items[i].subscription)
                        return true;
        return false;
}

/* Whatever fails around the events (database away, disk full) is not theirs: again, until it passes. false: stop. */
static bool apply_until_durable(struct subscriber *subscriber)
{
        int64_t back_off_ms = BACK_OFF_MIN_MS;
        enum err err;

        if (!has_work(subscriber))
                return true;
        while ((err = db_write(subscriber->config.db, apply_all, subscriber))) {
                log_debug(NULL, "subscriber.retry", "a batch could not be applied, it is tried again", LOG_ERR(err));
                if (!back_off(subscriber, &back_off_ms))
                        return false;
        }
        for (size_t i = 0; i < subscriber->count; i++) {
                const struct item *item = &subscriber->items[i];

                if (!item->subscription || item->reason || !item->subscription->after)
                        continue;
                arena_reset(subscriber->scratch);
                item->subscription->after(subscriber->config.app, subscriber->scratch, &item->event);
        }
        outbox_wake(subscriber->config.outbox);
        return true;
}

/* ---- dead letters ---- */

static enum err make_dead_topic(struct subscriber *subscriber, const char *topic, const char *dead_topic)
{
        const struct bus_topic wanted = {.name = dead_topic, .partitions = DEAD_PARTITIONS};
        size_t i = 0;
        enum err err;

        while (subscriber->topics[i] && !str_equal(subscriber->topics[i], topic))
                i++;
        if (i == LIMIT_BUS_TOPICS || subscriber->dead_topic_made[i])
                return ERR_OK;
        err = bus_ensure_topics(&subscriber->config.bus, &wanted, 1, DEAD_TOPIC_MS);
        if (!err)
                subscriber->dead_topic_made[i] = true;
        return err;
}

static void add(struct bus_message *message, const char *name, const char *value)
{
        if (message->header_count < LIMIT_EVENT_HEADERS)
                message->headers[message->header_count++] = (struct bus_header){.name = name, .value = value};
}

static struct bus_message *dead_letter(struct arena *arena, const struct item *item, const char *topic)
{
        struct bus_message *dead = arena_memdup(arena, item->message, sizeof(*item->message));

        dead->topic = topic;
        add(dead, "vr-dlq-reason", item->reason);
        add(dead, "vr-dlq-original-topic", item->message->topic);
        add(dead, "vr-dlq-original-partition", arena_printf(arena, "%d", item->message->partition));
        add(dead, "vr-dlq-original-offset", arena_printf(arena, "%lld", (long long)item->message->offset));
        add(dead, "vr-dlq-failed-at", clock_format_ms(clock_wall_ms(), arena_alloc(arena, CLOCK_TEXT_MAX)));
        return dead;
}

/* It was taken once, but with our headers it is too large now: its beginning has to do. */
static void shorten(struct arena *arena, struct bus_message *dead)
{
        add(dead, "vr-dlq-original-length", arena_printf(arena, "%zu", dead->length));
        dead->length = DEAD_KEPT_BYTES;
}

static bool bury(struct subscriber *subscriber, const struct item *item)
{
        char *topic = arena_printf(subscriber->arena, "%s.%s.dlq", item->message->topic, subscriber->config.bus.group);
        struct bus_message *dead = dead_letter(subscriber->arena, item, topic);
        int64_t back_off_ms = BACK_OFF_MIN_MS;

        for (;;) {
                enum err err = make_dead_topic(subscriber, item->message->topic, topic);

                beat(subscriber);
                if (!err)
                        err = bus_produce_wait(subscriber->config.producer, dead, DEAD_REPORT_MS);
                if (!err)
                        break;
                if (err == ERR_TOO_LARGE && dead->length > DEAD_KEPT_BYTES) {
                        shorten(subscriber->arena, dead);
                        continue;
                }
                log_debug(NULL, "subscriber.dead_letter", "a dead letter could not be sent, it is tried again",
                          LOG_ERR(err));
                if (!back_off(subscriber, &back_off_ms))
                        return false;
        }
        if (subscriber->config.dead)
                subscriber->config.dead(subscriber->config.app, item->message, item->reason);
        return true;
}

static bool bury_the_dead(struct subscriber *subscriber)
{
        for (size_t i = 0; i < subscriber->count; i++)
                if (subscriber->items[i].reason && !bury(subscriber, &subscriber->items[i]))
                        return false;
        return true;
}

/* ---- the loop ---- */

static void *consume_loop(void *arg)
{
        struct subscriber *subscriber = arg;

        while (!stopping(subscriber)) {
                struct bus_message *messages = NULL;
                size_t count = 0;

                beat(subscriber);
                arena_reset(subscriber->arena);
                if (bus_consume(subscriber->consumer, subscriber->arena, CONSUME_MS, BATCH_MAX, &messages, &count))
                        continue;
                if (count == 0)
                        continue;
                read_items(subscriber, messages, count);
                /* told to stop in between: not stored, so whoever comes next does it again */
                if (!apply_until_durable(subscriber) || !bury_the_dead(subscriber))
                        break;
                if (bus_consumer_store(subscriber->consumer, messages, count))
                        log_debug(NULL, "subscriber.store", "offsets could not be stored, the events come again");
        }
        return NULL;
}

/* ---- starting and stopping ---- */

static enum err list_topics(struct subscriber *subscriber)
{
        size_t count = 0;

        for (const struct subscription *one = subscriber->config.table; one->type; one++) {
                size_t i = 0;

                while (i < count && !str_equal(subscriber->topics[i], one->topic))
                        i++;
                if (i < count)
                        continue;
                if (count == LIMIT_BUS_TOPICS)
                        return ERR_FULL;
                subscriber->topics[count++] = one->topic;
        }
        return count > 0 ? ERR_OK : ERR_INVALID;
}

static void subscriber_free(struct subscriber *subscriber)
{
        bus_consumer_close(subscriber->consumer);
        arena_free(subscriber->arena);
        arena_free(subscriber->scratch);
        free(subscriber);
}

enum err subscriber_start(const struct subscriber_config *config, struct subscriber **ret_subscriber)
{
        struct subscriber *subscriber = calloc(1, sizeof(*subscriber));
        enum err err;

        if (!subscriber)
                return ERR_NO_MEMORY;
        subscriber->config = *config;
        subscriber->config.bus.metrics = config->metrics;
        subscriber->arena = arena_new();
        subscriber->scratch = arena_new();
        beat(subscriber);
        err = list_topics(subscriber);
        if (!err)
                err = bus_consumer_open(&subscriber->config.bus, subscriber->topics, &subscriber->consumer);
        if (!err && pthread_create(&subscriber->thread, NULL, consume_loop, subscriber))
                err = ERR_NO_MEMORY;
        if (err) {
                subscriber_free(subscriber);
                return err;
        }
        *ret_subscriber = subscriber;
        return ERR_OK;
}

bool subscriber_ready(const struct subscriber *subscriber)
{
        return bus_consumer_joined(subscriber->consumer);
}

int64_t subscriber_idle_ms(const struct subscriber *subscriber)
{
        return clock_mono_ms() - atomic_load(&subscriber->beat_ms);
}

void subscriber_stop(struct subscriber *subscriber)
{
        if (!subscriber)
                return;
        atomic_store(&subscriber->stopping, true);
        pthread_join(subscriber->thread, NULL);
        subscriber_free(subscriber);
}
