#include "common/app/outbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/id.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"

#define LOOK_EVERY_MS   200
#define PRUNE_EVERY_MS  10000
#define PRUNE_ROWS      1000
#define BATCH_BYTES     (4 * 1024 * 1024)
#define BACK_OFF_MIN_MS 100
#define BACK_OFF_MAX_MS 5000
#define STOP_MS         5000

static const struct db_query insert_row = {
        "outbox_insert", "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, source, traceparent, "
                         "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"};
/* By state, never by "after the last one": a slow transaction's row appears behind that. */
static const struct db_query select_pending = {
        "outbox_pending", "SELECT id, aggregatetype, aggregateid, type, payload, source, traceparent, created_at "
                          "FROM outbox WHERE sent_at IS NULL ORDER BY created_at, id LIMIT $1"};
static const struct db_query mark_row = {"outbox_sent",
                                         "UPDATE outbox SET sent_at = $2 WHERE id = $1 AND sent_at IS NULL"};
static const struct db_query prune_rows = {
        "outbox_prune", "DELETE FROM outbox WHERE id IN "
                        "(SELECT id FROM outbox WHERE sent_at IS NOT NULL AND sent_at < $1 LIMIT $2)"};
static const struct db_query count_pending = {"outbox_count",
                                              "SELECT COUNT(*), MIN(created_at) FROM outbox WHERE sent_at IS NULL"};

enum state { WAITING, FLYING, SENT, FAILED };

struct batch;
struct slot {
        struct batch *batch;
        enum state state;
};

/* What the reports write to. Shared: a report may come after the relay has given up waiting for it. */
struct batch {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        size_t flying;
        bool left; /* by the relay: the last report frees it */
        struct slot slots[LIMIT_OUTBOX_BATCH];
};

struct row {
        struct event event;
        uint32_t key_hash;
};

struct outbox {
        struct outbox_config config;
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        bool woken, stopping;
        _Atomic int64_t sent;
        struct series *pending_gauge, *age_gauge;
        int64_t prune_at_ms;
        int64_t back_off_ms;

        struct arena *arena; /* of the rows below */
        struct row rows[LIMIT_OUTBOX_BATCH];
        size_t row_count;
        struct batch *batch;
};

/* ---- adding, inside the transaction that changes the state ---- */

enum err outbox_add(struct db_tx *tx, const struct event *event)
{
        char id[ID_UUID_MAX];

        if (!event->topic || !event->subject || !event->type || !event->source || !event->data)
                return ERR_INVALID;
        if (event->data_length == 0 || strlen(event->data) != event->data_length)
                return ERR_INVALID;
        if (event->data_length > LIMIT_EVENT_BYTES)
                return ERR_TOO_LARGE;
        return db_exec(tx, &insert_row,
                       DB_PARAMS(DB_TEXT(event->id ? event->id : id_uuid7(id)), DB_TEXT(event->topic),
                                 DB_TEXT(event->subject), DB_TEXT(event->type), DB_TEXT(event->data),
                                 DB_TEXT(event->source), DB_TEXT(event->traceparent),
                                 DB_INT(event->time_ms ? event->time_ms : clock_wall_ms())),
                       NULL);
}

/* ---- waiting ---- */

static void init_lock(pthread_mutex_t *lock, pthread_cond_t *changed)
{
        pthread_condattr_t attr;

        pthread_mutex_init(lock, NULL);
        pthread_condattr_init(&attr);
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
        pthread_cond_init(changed, &attr);
        pthread_condattr_destroy(&attr);
}

static bool stopping(struct outbox *outbox)
{
        bool answer;

        pthread_mutex_lock(&outbox->lock);
        answer = outbox->stopping;
        pthread_mutex_unlock(&outbox->lock);
        return answer;
}

/* Until the time is over or it stops; with `wakeable` also until there may be new rows. */
static void rest(struct outbox *outbox, int64_t ms, bool wakeable)
{
        struct timespec until = clock_mono_in(ms);

        pthread_mutex_lock(&outbox->lock);
        while (!outbox->stopping && !(wakeable && outbox->woken))
                if (pthread_cond_timedwait(&outbox->changed, &outbox->lock, &until))
                        break;
        outbox->woken = false;
        pthread_mutex_unlock(&outbox->lock);
}

static void back_off(struct outbox *outbox)
{
        rest(outbox, outbox->back_off_ms, false);
        outbox->back_off_ms *= 2;
        if (outbox->back_off_ms > BACK_OFF_MAX_MS)
                outbox->back_off_ms = BACK_OFF_MAX_MS;
}

/* ---- one batch: taken, published, marked ---- */

static uint32_t hash_key(const struct event *event)
{
        uint32_t hash = 2166136261u;

        for (const char *at = event->subject; *at; at++)
                hash = (hash ^ (unsigned char)*at) * 16777619u;
        return hash;
}

static enum err take_rows(struct db_tx *tx, void *arg)
{
        struct outbox *outbox = arg;
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_pending, DB_PARAMS(DB_INT(LIMIT_OUTBOX_BATCH)), &rows);
        size_t bytes = 0;

        arena_reset(outbox->arena);
        outbox->row_count = 0;
        while (!err && bytes < BATCH_BYTES && db_next(&rows, &err)) {
                struct row *row = &outbox->rows[outbox->row_count++];

                row->event = (struct event){
                        .id = arena_strdup(outbox->arena, db_text(&rows, 0)),
                        .topic = arena_strdup(outbox->arena, db_text(&rows, 1)),
                        .subject = arena_strdup(outbox->arena, db_text(&rows, 2)),
                        .type = arena_strdup(outbox->arena, db_text(&rows, 3)),
                        .data = arena_strdup(outbox->arena, db_text(&rows, 4)),
                        .source = arena_strdup(outbox->arena, db_text(&rows, 5)),
                        .traceparent = arena_strdup(outbox->arena, db_text(&rows, 6)),
                        .time_ms = db_int(&rows, 7),
                };
                row->event.data_length = strlen(row->event.data);
                row->key_hash = hash_key(&row->event);
                bytes += row->event.data_length;
        }
        return err;
}

static void batch_free(struct batch *batch)
{
        pthread_cond_destroy(&batch->changed);
        pthread_mutex_destroy(&batch->lock);
        free(batch);
}

static void report(void *arg, enum err err)
{
        struct slot *slot = arg;
        struct batch *batch = slot->batch;
        bool last;

        pthread_mutex_lock(&batch->lock);
        slot->state = err ? FAILED : SENT;
        batch->flying--;
        last = batch->left && batch->flying == 0;
        pthread_cond_signal(&batch->changed);
        pthread_mutex_unlock(&batch->lock);
        if (last)
                batch_free(batch);
}

static void send_row(struct outbox *outbox, size_t index)
{
        struct batch *batch = outbox->batch;
        struct bus_message message;
        enum err err = event_to_message(outbox->arena, &outbox->rows[index].event, &message);

        pthread_mutex_lock(&batch->lock);
        batch->slots[index].state = FLYING;
        batch->flying++;
        pthread_mutex_unlock(&batch->lock);
        if (!err)
                err = bus_produce(outbox->config.producer, &message, report, &batch->slots[index]);
        if (err) {
                log_debug(NULL, "outbox.refused", "an event could not be handed to the producer", LOG_ERR(err),
                          LOG_STR("vr.event", outbox->rows[index].event.id));
                report(&batch->slots[index], err);
        }
}

static bool same_key(const struct row *a, const struct row *b)
{
        return a->key_hash == b->key_hash && str_equal(a->event.subject, b->event.subject) &&
               str_equal(a->event.topic, b->event.topic);
}

/* Behind a row of the same key that is not there yet? Only one of a key flies at a time: when it fails, no later one
 * has overtaken it. */
static bool must_wait(struct outbox *outbox, size_t index)
{
        for (size_t i = 0; i < index; i++)
                if (outbox->batch->slots[i].state != SENT && same_key(&outbox->rows[i], &outbox->rows[index]))
                        return true;
        return false;
}

/* Sends what may go; false: nothing could. Called when nothing flies, so states are at rest. */
static bool send_round(struct outbox *outbox)
{
        size_t ready[LIMIT_OUTBOX_BATCH], count = 0;

        for (size_t i = 0; i < outbox->row_count; i++)
                if (outbox->batch->slots[i].state == WAITING && !must_wait(outbox, i))
                        ready[count++] = i;
        for (size_t i = 0; i < count; i++)
                send_row(outbox, ready[i]);
        return count > 0;
}

/* false: told to stop, and the reports did not come in time. */
static bool wait_for_reports(struct outbox *outbox)
{
        struct batch *batch = outbox->batch;
        int64_t stop_at_ms = 0;
        bool complete;

        pthread_mutex_lock(&batch->lock);
        while (batch->flying > 0) {
                struct timespec until = clock_mono_in(LOOK_EVERY_MS);

                (void)pthread_cond_timedwait(&batch->changed, &batch->lock, &until);
                if (stop_at_ms == 0 && stopping(outbox))
                        stop_at_ms = clock_mono_ms() + STOP_MS;
                if (stop_at_ms > 0 && clock_mono_ms() >= stop_at_ms)
                        break;
        }
        complete = batch->flying == 0;
        pthread_mutex_unlock(&batch->lock);
        return complete;
}

static enum err mark_rows(struct db_tx *tx, void *arg)
{
        struct outbox *outbox = arg;
        int64_t now_ms = clock_wall_ms();
        enum err err = ERR_OK;

        pthread_mutex_lock(&outbox->batch->lock);
        for (size_t i = 0; !err && i < outbox->row_count; i++)
                if (outbox->batch->slots[i].state == SENT)
                        err = db_exec(tx, &mark_row, DB_PARAMS(DB_TEXT(outbox->rows[i].event.id), DB_INT(now_ms)),
                                      NULL);
        pthread_mutex_unlock(&outbox->batch->lock);
        return err;
}

/* Until it is written down: a row that was sent would be sent again else. */
static void mark_sent(struct outbox *outbox, size_t sent)
{
        int64_t back_off_ms = BACK_OFF_MIN_MS;

        if (sent == 0)
                return;
        while (db_write(outbox->config.db, mark_rows, outbox)) {
                if (stopping(outbox))
                        return;
                rest(outbox, back_off_ms, false);
                back_off_ms = back_off_ms * 2 > BACK_OFF_MAX_MS ? BACK_OFF_MAX_MS : back_off_ms * 2;
        }
        atomic_fetch_add(&outbox->sent, (int64_t)sent);
}

static struct batch *batch_new(void)
{
        struct batch *batch = calloc(1, sizeof(*batch));

        if (!batch)
                return NULL;
        init_lock(&batch->lock, &batch->changed);
        for (size_t i = 0; i < LIMIT_OUTBOX_BATCH; i++)
                batch->slots[i].batch = batch;
        return batch;
}

static void leave_batch(struct outbox *outbox)
{
        struct batch *batch = TAKE(outbox->batch);
        bool alone;

        pthread_mutex_lock(&batch->lock);
        batch->left = true;
        alone = batch->flying == 0;
        pthread_mutex_unlock(&batch->lock);
        if (alone)
                batch_free(batch);
}

static size_t count_sent(struct batch *batch, size_t row_count)
{
        size_t sent = 0;

        pthread_mutex_lock(&batch->lock);
        for (size_t i = 0; i < row_count; i++)
                sent += batch->slots[i].state == SENT;
        pthread_mutex_unlock(&batch->lock);
        return sent;
}

/* Did all of them go? */
static bool publish(struct outbox *outbox)
{
        size_t sent;

        outbox->batch = batch_new();
        if (!outbox->batch)
                return false;
        while (send_round(outbox))
                if (!wait_for_reports(outbox) || stopping(outbox))
                        break;
        sent = count_sent(outbox->batch, outbox->row_count);
        mark_sent(outbox, sent);
        leave_batch(outbox);
        return sent == outbox->row_count;
}

/* ---- the loop ---- */

static enum err prune(struct db_tx *tx, void *arg)
{
        struct outbox *outbox = arg;
        int64_t before_ms = clock_wall_ms() - outbox->config.keep_sent_ms, changes = 0;
        enum err err = db_exec(tx, &prune_rows, DB_PARAMS(DB_INT(before_ms), DB_INT(PRUNE_ROWS)), &changes);

        outbox->prune_at_ms = clock_mono_ms() + (changes < PRUNE_ROWS ? PRUNE_EVERY_MS : 0);
        return err;
}

static void *relay(void *arg)
{
        struct outbox *outbox = arg;

        while (!stopping(outbox)) {
                enum err err = db_read(outbox->config.db, take_rows, outbox);

                if (err || (outbox->row_count > 0 && !publish(outbox))) {
                        back_off(outbox);
                        continue;
                }
                outbox->back_off_ms = BACK_OFF_MIN_MS;
                if (clock_mono_ms() >= outbox->prune_at_ms && db_write(outbox->config.db, prune, outbox))
                        outbox->prune_at_ms = clock_mono_ms() + PRUNE_EVERY_MS;
                if (outbox->row_count == 0)
                        rest(outbox, LOOK_EVERY_MS, true);
        }
        return NULL;
}

/* ---- gauges ---- */

struct figures {
        int64_t pending, oldest_ms;
};

static enum err read_figures(struct db_tx *tx, void *arg)
{
        struct figures *figures = arg;
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &count_pending, DB_NO_PARAMS, &rows);

        while (!err && db_next(&rows, &err))
                *figures = (struct figures){.pending = db_int(&rows, 0), .oldest_ms = db_int(&rows, 1)};
        return err;
}

static void show(void *arg)
{
        struct outbox *outbox = arg;
        struct figures figures = {0};
        double age_s = 0;

        if (db_read(outbox->config.db, read_figures, &figures))
                return;
        if (figures.pending > 0)
                age_s = (double)(clock_wall_ms() - figures.oldest_ms) / 1000;
        series_set(outbox->pending_gauge, (double)figures.pending);
        series_set(outbox->age_gauge, age_s > 0 ? age_s : 0);
}

static void show_from_now_on(struct outbox *outbox)
{
        struct metrics *metrics = outbox->config.metrics;

        if (!metrics)
                return;
        outbox->pending_gauge =
                METRIC_SERIES(metrics_gauge(metrics, "vr_outbox_pending", "", "Events that Kafka does not have yet."));
        outbox->age_gauge =
                METRIC_SERIES(metrics_gauge(metrics, "vr_outbox_oldest_age_seconds", "", "Age of the oldest of them."));
        metrics_on_scrape(metrics, show, outbox);
}

/* ---- starting and stopping ---- */

static void outbox_free(struct outbox *outbox)
{
        arena_free(outbox->arena);
        pthread_cond_destroy(&outbox->changed);
        pthread_mutex_destroy(&outbox->lock);
        free(outbox);
}

enum err outbox_start(const struct outbox_config *config, struct outbox **ret_outbox)
{
        struct outbox *outbox = calloc(1, sizeof(*outbox));

        if (!outbox)
                return ERR_NO_MEMORY;
        outbox->config = *config;
        outbox->back_off_ms = BACK_OFF_MIN_MS;
        outbox->arena = arena_new();
        init_lock(&outbox->lock, &outbox->changed);
        if (pthread_create(&outbox->thread, NULL, relay, outbox)) {
                outbox_free(outbox);
                return ERR_NO_MEMORY;
        }
        show_from_now_on(outbox);
        *ret_outbox = outbox;
        return ERR_OK;
}

void outbox_wake(struct outbox *outbox)
{
        if (!outbox)
                return;
        pthread_mutex_lock(&outbox->lock);
        outbox->woken = true;
        pthread_cond_signal(&outbox->changed);
        pthread_mutex_unlock(&outbox->lock);
}

int64_t outbox_sent(const struct outbox *outbox)
{
        return atomic_load(&outbox->sent);
}

void outbox_stop(struct outbox *outbox)
{
        if (!outbox)
                return;
        if (outbox->config.metrics)
                metrics_off_scrape(outbox->config.metrics, show, outbox);
        pthread_mutex_lock(&outbox->lock);
        outbox->stopping = true;
        pthread_cond_signal(&outbox->changed);
        pthread_mutex_unlock(&outbox->lock);
        pthread_join(outbox->thread, NULL);
        outbox_free(outbox);
}
