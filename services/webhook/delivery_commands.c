#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/settings.h"
#include "common/base/str.h"
#include "services/webhook/command.h"

#define REPLAY_BATCH 200 /* rows a transaction: the sender waits for no more */

static void write_attempt(struct json_write *w, const struct attempt *a)
{
        json_object(w, NULL);
        json_int(w, "number", a->number);
        json_time(w, "started_at", a->started_at_ms);
        json_string(w, "outcome", a->outcome);
        if (a->status_code)
                json_int(w, "status_code", a->status_code);
        else
                json_null(w, "status_code");
        json_int(w, "duration_ms", a->duration_ms);
        json_string(w, "error", a->error);
        json_string(w, "response_excerpt", a->response_excerpt);
        json_end(w);
}

static enum err write_delivery(struct db_tx *tx, struct json_write *w, const struct delivery *d, bool whole)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const struct delivery_progress *p = &d->progress;
        struct attempt *attempts;
        size_t count;
        enum err err = store_attempts(tx, arena, d->id, &attempts, &count);

        if (err)
                return err;
        json_object(w, NULL);
        json_string(w, "id", d->id);
        json_string(w, "event_id", d->event_id);
        json_string(w, "market", d->market);
        json_string(w, "editor_id", d->editor_id);
        json_string(w, "state", delivery_state_name(p->state));
        json_string(w, "reason", d->reason);
        json_string(w, "error", d->error);
        json_time(w, "created_at", d->created_at_ms);
        json_time(w, "finished_at", p->finished_at_ms);
        json_time(w, "next_attempt_at", p->state == DELIVERY_WAITING ? p->due_at_ms : 0);
        if (whole) {
                json_time(w, "completed_at", d->completed_at_ms);
                json_time(w, "lease_ends_at", p->state == DELIVERY_LEASED ? p->due_at_ms : 0);
                json_int(w, "fence", p->fence);
                json_int(w, "schedule_position", p->schedule_pos);
                json_string(w, "traceparent", d->traceparent);
                json_string_n(w, "body", d->body, d->body_length);
        }
        json_array(w, "attempts");
        for (size_t i = 0; i < count; i++)
                write_attempt(w, &attempts[i]);
        json_end(w);
        json_end(w);
        return ERR_OK;
}

static enum err list_deliveries(struct db_tx *tx, void *arg)
{
        struct run *run = arg;
        struct json_write w = json_write_to(&run->out);
        struct delivery *list;
        size_t count;
        enum err err = store_deliveries(tx, run->arena, run->argument, run->state, &list, &count);

        if (err)
                return err;
        json_object(&w, NULL);
        json_array(&w, "deliveries");
        for (size_t i = 0; !err && i < count; i++)
                err = write_delivery(tx, &w, &list[i], false);
        json_end(&w);
        json_end(&w);
        return err ? err : buf_err(&run->out);
}

enum err command_list_deliveries(struct run *run)
{
        enum delivery_state state;

        if (run->state && !delivery_state_from_name(run->state, &state))
                return command_fails(run, ERR_INVALID, "--state is waiting, leased, succeeded or failed");
        return db_read(run->db, list_deliveries, run);
}

static enum err show_delivery(struct db_tx *tx, void *arg)
{
        struct run *run = arg;
        struct json_write w = json_write_to(&run->out);
        struct delivery delivery;
        enum err err = store_delivery(tx, run->arena, run->argument, &delivery);

        if (!err)
                err = write_delivery(tx, &w, &delivery, true);
        return err ? err : buf_err(&run->out);
}

enum err command_show_delivery(struct run *run)
{
        enum err err = db_read(run->db, show_delivery, run);

        return err == ERR_NOT_FOUND ? command_fails(run, err, "no such delivery") : err;
}

/* ---- replay: only marks rows as due; the sender sends them in its own time, within its own bounds ---- */

static enum err mark_due(struct db_tx *tx, struct arena *arena, const char *id, bool *ret_marked)
{
        struct delivery delivery;
        struct delivery_progress before;
        enum err err = store_delivery(tx, arena, id, &delivery);

        if (err)
                return err;
        before = delivery.progress;
        *ret_marked = false;
        if (!delivery_step(&delivery.progress, DELIVERY_REPLAY, clock_wall_ms(), 0))
                return ERR_OK;
        delivery.reason = NULL;
        delivery.error = NULL;
        return store_save_progress(tx, &delivery, &before, ret_marked);
}

static enum err replay_one(struct db_tx *tx, void *arg)
{
        struct run *run = arg;
        struct json_write w;
        struct delivery delivery;
        bool marked = false;
        enum err err = mark_due(tx, run->arena, run->argument, &marked);

        if (err)
                return err;
        if (!marked)
                return ERR_CONFLICT;
        err = store_delivery(tx, run->arena, run->argument, &delivery);
        if (err)
                return err;
        buf_reset(&run->out);
        w = json_write_to(&run->out);
        err = write_delivery(tx, &w, &delivery, false);
        return err ? err : buf_err(&run->out);
}

struct batch {
        int64_t from_ms, to_ms; /* failed within */
        size_t found;
        int64_t marked;
};

static enum err replay_batch(struct db_tx *tx, void *arg)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct batch *batch = arg;
        const char **ids;
        enum err err =
                store_failed_deliveries(tx, arena, batch->from_ms, batch->to_ms, REPLAY_BATCH, &ids, &batch->found);

        batch->marked = 0;
        for (size_t i = 0; !err && i < batch->found; i++) {
                bool marked = false;

                err = mark_due(tx, arena, ids[i], &marked);
                batch->marked += marked;
        }
        return err;
}

/*
 * Those that have failed since, up to now: one that fails again meanwhile is not taken twice. Each batch is durable; a
 * command cut short is simply given again, what it has marked is no longer failed.
 */
static enum err replay_failed(struct run *run, int64_t since_ms)
{
        struct json_write w = json_write_to(&run->out);
        struct batch batch = {.to_ms = clock_wall_ms()};
        int64_t marked = 0;
        enum err err;

        batch.from_ms = batch.to_ms - since_ms;
        do {
                err = db_write(run->db, replay_batch, &batch);
                if (err)
                        return err;
                marked += batch.marked;
        } while (batch.found == REPLAY_BATCH && batch.marked > 0);
        json_object(&w, NULL);
        json_int(&w, "replayed", marked);
        json_time(&w, "failed_from", batch.from_ms);
        json_time(&w, "failed_to", batch.to_ms);
        json_end(&w);
        return buf_err(&run->out);
}

enum err command_replay(struct run *run)
{
        int64_t since_ms;
        enum err err;

        if (run->failed != (run->argument == NULL) || run->failed != (run->since != NULL))
                return command_fails(run, ERR_INVALID, "either an ID, or --failed --since DURATION");
        if (run->failed) {
                if (settings_duration(run->arena, run->since, &since_ms))
                        return command_fails(run, ERR_INVALID, "--since is a duration such as 30m, 12h or 7d");
                return replay_failed(run, since_ms);
        }
        err = db_write(run->db, replay_one, run);
        if (err == ERR_NOT_FOUND)
                return command_fails(run, err, "no such delivery");
        return err == ERR_CONFLICT ? command_fails(run, err, "an attempt of it is running") : err;
}
