#include "services/webhook/webhook_events.h"

#include "common/app/outbox.h"
#include "common/base/buf.h"
#include "common/base/json_write.h"

#define SOURCE "/voie-rapide/webhook"

static enum err tell(struct db_tx *tx, const struct delivery *delivery, const char *type, const struct buf *data,
                     int64_t now_ms)
{
        const struct event event = {
                .source = SOURCE,
                .type = type,
                .subject = delivery->market,
                .topic = TOPIC_DELIVERY,
                .time_ms = now_ms,
                .traceparent = delivery->traceparent,
                .data = buf_text(data),
                .data_length = data->length,
        };
        enum err err = buf_err(data);

        return err ? err : outbox_add(tx, &event);
}

static void write_head(struct json_write *w, const struct delivery *delivery, int64_t attempt)
{
        json_object(w, NULL);
        json_string(w, "delivery_id", delivery->id);
        json_string(w, "identifier", delivery->market);
        json_string(w, "editor_id", delivery->editor_id);
        json_int(w, "attempt", attempt);
}

enum err webhook_tell_started(struct db_tx *tx, const struct delivery *delivery, int64_t started_at_ms)
{
        AUTO(buf_done) struct buf data = {0};
        struct json_write w = json_write_to(&data);

        write_head(&w, delivery, delivery->progress.attempts + 1);
        json_time(&w, "started_at", started_at_ms);
        json_end(&w);
        return tell(tx, delivery, "delivery.started", &data, started_at_ms);
}

static const char *type_of(enum delivery_state state)
{
        switch (state) {
        case DELIVERY_SUCCEEDED:
                return "delivery.succeeded";
        case DELIVERY_FAILED:
                return "delivery.exhausted";
        default:
                return "delivery.failed";
        }
}

static void write_int_or_null(struct json_write *w, const char *key, bool there, int64_t number)
{
        if (there)
                json_int(w, key, number);
        else
                json_null(w, key);
}

enum err webhook_tell_outcome(struct db_tx *tx, const struct delivery *delivery, const struct attempt *last,
                              int64_t now_ms)
{
        static const struct attempt none = {0};
        const struct attempt *a = last ? last : &none;
        AUTO(buf_done) struct buf data = {0};
        struct json_write w = json_write_to(&data);

        write_head(&w, delivery, a->number);
        json_time(&w, "started_at", a->started_at_ms);
        json_string(&w, "outcome", a->outcome);
        write_int_or_null(&w, "status_code", a->status_code != 0, a->status_code);
        write_int_or_null(&w, "duration_ms", last != NULL, a->duration_ms);
        json_string(&w, "error", delivery->error ? delivery->error : a->error);
        json_string(&w, "response_excerpt", a->response_excerpt);
        if (delivery->progress.state == DELIVERY_WAITING)
                json_time(&w, "next_attempt_at", delivery->progress.due_at_ms);
        if (delivery->progress.state == DELIVERY_FAILED)
                json_string(&w, "reason", delivery->reason);
        json_end(&w);
        return tell(tx, delivery, type_of(delivery->progress.state), &data, now_ms);
}

enum err webhook_tell_again(struct db_tx *tx, struct arena *arena, const struct delivery *delivery, int64_t now_ms)
{
        enum delivery_state state = delivery->progress.state;
        struct attempt last;
        enum err err;

        if (state == DELIVERY_LEASED || (state == DELIVERY_WAITING && delivery->progress.schedule_pos == 0))
                return ERR_OK; /* what comes next is told as it happens */
        err = store_last_attempt(tx, arena, delivery->id, &last);
        if (err == ERR_NOT_FOUND)
                return webhook_tell_outcome(tx, delivery, NULL, now_ms);
        return err ? err : webhook_tell_outcome(tx, delivery, &last, now_ms);
}
