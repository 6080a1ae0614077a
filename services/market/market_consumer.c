/*
 * The group vr-market: what the wizard, the webhook sender and auth have to say. Each `apply_` reads its event, hands it
 * to market_changes or the store, and remembers what came of it; `after_` runs once that is committed.
 */
#include "common/app/fields.h"
#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/io/json.h"
#include "services/market/app.h"
#include "services/market/consumer.h"
#include "services/market/delivery_store.h"
#include "services/market/market_changes.h"
#include "services/market/market_store.h"

static enum err read_data(struct arena *arena, const struct event *event, const struct field *table, void *target)
{
        AUTO(json_freep) struct json *data = NULL;
        enum err err = json_parse(event->data, event->data_length, &data);

        if (err || !json_is(data, JSON_OBJECT))
                return ERR_CORRUPT;
        fields_read(arena, data, table, target);
        return ERR_OK;
}

/* The first `required` members must be there, the others may be absent or null; none may be of a wrong type. */
static bool well_formed(const enum member_state *states, size_t required, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (states[i] == MEMBER_WRONG_TYPE || (i < required && states[i] == MEMBER_ABSENT))
                        return false;
        return true;
}

/* 0 for an absent one. */
static enum err read_time(const char *text, int64_t *ret_wall_ms)
{
        if (!text) {
                *ret_wall_ms = 0;
                return ERR_OK;
        }
        return clock_parse_iso8601(text, ret_wall_ms);
}

static struct change change_of(struct db_tx *tx, struct arena *arena, const struct event *event)
{
        return (struct change){
                .tx = tx,
                .arena = arena,
                .identifier = event->subject,
                .traceparent = event->traceparent,
                .now_ms = clock_wall_ms(),
        };
}

static struct log_ctx log_of(const struct event *event)
{
        return (struct log_ctx){.traceparent = event->traceparent, .market = event->subject, .event_id = event->id};
}

/* ---- configuration.submitted ---- */

struct submitted {
        const char *identifier, *started_at, *submitted_at;
        bool add_defense;
        struct field_texts keys;
        enum member_state states[5];
};
static const struct field submitted_fields[] = {
        {"identifier", FIELD_TEXT, offsetof(struct submitted, identifier), offsetof(struct submitted, states[0])},
        {"add_defense", FIELD_BOOL, offsetof(struct submitted, add_defense), offsetof(struct submitted, states[1])},
        {"additional_field_keys", FIELD_TEXTS, offsetof(struct submitted, keys), offsetof(struct submitted, states[2])},
        {"started_at", FIELD_TEXT, offsetof(struct submitted, started_at), offsetof(struct submitted, states[3])},
        {"submitted_at", FIELD_TEXT, offsetof(struct submitted, submitted_at), offsetof(struct submitted, states[4])},
        {NULL},
};

static enum err apply_submitted(void *arg, struct db_tx *tx, struct arena *arena, const struct event *event)
{
        struct market_app *app = arg;
        struct submitted data = {0};
        struct submission submission = {0};
        const struct change change = change_of(tx, arena, event);
        bool changed = false;
        enum err err = read_data(arena, event, submitted_fields, &data);

        if (err)
                return err;
        if (!well_formed(data.states, 5, 5) || !str_equal(data.identifier, event->subject))
                return ERR_INVALID;
        submission.add_defense = data.add_defense;
        submission.additional_keys = data.keys.texts;
        submission.additional_count = data.keys.count;
        err = read_time(data.started_at, &submission.started_ms);
        if (!err)
                err = read_time(data.submitted_at, &submission.submitted_ms);
        if (!err)
                err = change_complete(&change, app->catalogue, &submission, &changed);
        if (err)
                return err;
        consumed_set(&app->consumed, event->id, changed);
        return ERR_OK;
}

static void after_submitted(void *arg, struct arena *arena, const struct event *event)
{
        struct market_app *app = arg;
        struct market market;
        struct log_ctx log = log_of(event);
        bool completed = consumed_take(&app->consumed, event->id);

        market_refresh_snapshot(app, arena, &log, event->subject);
        if (!completed)
                return;
        if (market_store_load(app->db, arena, event->subject, &market))
                return;
        int64_t took_ms = market.completed_ms - market.started_ms;
        log.editor = market.editor_id;
        market_count_types(app->metrics.completed, market.types);
        metric_observe(app->metrics.configuration, took_ms > 0 ? (double)took_ms / 1000 : 0);
        log_info(&log, "market.completed", "market completed", LOG_STR("vr.market_name", market.name),
                 LOG_INT("vr.field_count", (int64_t)market.field_count));
}

/* ---- configuration.sync_retry_requested ---- */

struct retry_requested {
        const char *identifier, *requested_at;
        enum member_state states[2];
};
static const struct field retry_fields[] = {
        {"identifier", FIELD_TEXT, offsetof(struct retry_requested, identifier),
         offsetof(struct retry_requested, states[0])},
        {"requested_at", FIELD_TEXT, offsetof(struct retry_requested, requested_at),
         offsetof(struct retry_requested, states[1])},
        {NULL},
};

static enum err apply_retry_requested(void *arg, struct db_tx *tx, struct arena *arena, const struct event *event)
{
        struct market_app *app = arg;
        struct retry_requested data = {0};
        const struct change change = change_of(tx, arena, event);
        int64_t requested_ms = 0;
        bool changed = false;
        enum err err = read_data(arena, event, retry_fields, &data);

        if (err)
                return err;
        if (!well_formed(data.states, 2, 2) || !str_equal(data.identifier, event->subject))
                return ERR_INVALID;
        err = read_time(data.requested_at, &requested_ms);
        if (!err)
                err = change_retry(&change, "buyer", requested_ms, &changed);
        if (err)
                return err;
        consumed_set(&app->consumed, event->id, changed);
        return ERR_OK;
}

static void after_retry_requested(void *arg, struct arena *arena, const struct event *event)
{
        struct market_app *app = arg;
        struct log_ctx log = log_of(event);

        market_refresh_snapshot(app, arena, &log, event->subject);
        if (consumed_take(&app->consumed, event->id))
                log_info(&log, "market.sync_retry_requested", "another attempt was asked for");
        else
                log_info(&log, "market.sync_retry_ignored", "a retry was asked for that the market's state forbids");
}

/* ---- delivery.* ---- */

struct delivery_told {
        const char *identifier;
        int64_t attempt;
        const char *delivery_id;
        const char *started_at, *outcome, *error, *next_attempt_at, *response_excerpt;
        int64_t status_code, duration_ms;
        enum member_state states[10];
};
static const struct field delivery_fields[] = {
        {"identifier", FIELD_TEXT, offsetof(struct delivery_told, identifier),
         offsetof(struct delivery_told, states[0])},
        {"attempt", FIELD_INT, offsetof(struct delivery_told, attempt), offsetof(struct delivery_told, states[1])},
        {"delivery_id", FIELD_TEXT, offsetof(struct delivery_told, delivery_id),
         offsetof(struct delivery_told, states[2])},
        {"started_at", FIELD_TEXT, offsetof(struct delivery_told, started_at),
         offsetof(struct delivery_told, states[3])},
        {"outcome", FIELD_TEXT, offsetof(struct delivery_told, outcome), offsetof(struct delivery_told, states[4])},
        {"error", FIELD_TEXT, offsetof(struct delivery_told, error), offsetof(struct delivery_told, states[5])},
        {"next_attempt_at", FIELD_TEXT, offsetof(struct delivery_told, next_attempt_at),
         offsetof(struct delivery_told, states[6])},
        {"response_excerpt", FIELD_TEXT, offsetof(struct delivery_told, response_excerpt),
         offsetof(struct delivery_told, states[7])},
        {"status_code", FIELD_INT, offsetof(struct delivery_told, status_code),
         offsetof(struct delivery_told, states[8])},
        {"duration_ms", FIELD_INT, offsetof(struct delivery_told, duration_ms),
         offsetof(struct delivery_told, states[9])},
        {NULL},
};

static enum err read_delivery(const struct event *event, struct arena *arena, enum sync_event kind,
                              struct sync_news *news, struct delivery_news *told)
{
        struct delivery_told data = {0};
        enum err err = read_data(arena, event, delivery_fields, &data);

        if (err)
                return err;
        if (!well_formed(data.states, 3, 10) || !str_equal(data.identifier, event->subject) || data.attempt < 0 ||
            (kind == SYNC_EVENT_FAILED && !data.next_attempt_at))
                return ERR_INVALID;
        *news = (struct sync_news){.event = kind, .event_id = event->id, .attempt = data.attempt};
        *told = (struct delivery_news){.delivery_id = data.delivery_id, .identifier = data.identifier};
        told->attempt = (struct attempt){
                .number = data.attempt,
                .outcome = data.outcome,
                .status_code = data.status_code,
                .duration_ms = data.duration_ms,
                .error = data.error,
                .response_excerpt = data.response_excerpt,
        };
        if (kind == SYNC_EVENT_EXHAUSTED)
                told->error = data.error;
        err = read_time(data.started_at, &told->attempt.started_ms);
        if (!err)
                err = read_time(data.next_attempt_at, &news->next_attempt_ms);
        return err;
}

static enum err apply_delivery(struct market_app *app, const struct change *change, const struct event *event,
                               enum sync_event kind)
{
        struct sync_news news;
        struct delivery_news told;
        enum err err = read_delivery(event, change->arena, kind, &news, &told);

        if (err)
                return err;
        news.now_ms = told.heard_ms = change->now_ms;
        err = change_sync(change, &news, kind == SYNC_EVENT_STARTED ? NULL : &told.attempt, &told.counts);
        if (!err)
                err = delivery_store_note(change->tx, &told);
        if (err)
                return err;
        consumed_set(&app->consumed, event->id, told.counts);
        return ERR_OK;
}

static enum err apply_delivery_started(void *app, struct db_tx *tx, struct arena *arena, const struct event *event)
{
        const struct change change = change_of(tx, arena, event);

        return apply_delivery(app, &change, event, SYNC_EVENT_STARTED);
}

static enum err apply_delivery_succeeded(void *app, struct db_tx *tx, struct arena *arena, const struct event *event)
{
        const struct change change = change_of(tx, arena, event);

        return apply_delivery(app, &change, event, SYNC_EVENT_SUCCEEDED);
}

static enum err apply_delivery_failed(void *app, struct db_tx *tx, struct arena *arena, const struct event *event)
{
        const struct change change = change_of(tx, arena, event);

        return apply_delivery(app, &change, event, SYNC_EVENT_FAILED);
}

static enum err apply_delivery_exhausted(void *app, struct db_tx *tx, struct arena *arena, const struct event *event)
{
        const struct change change = change_of(tx, arena, event);

        return apply_delivery(app, &change, event, SYNC_EVENT_EXHAUSTED);
}

static void after_delivery(void *arg, struct arena *arena, const struct event *event)
{
        struct market_app *app = arg;
        struct log_ctx log = log_of(event);

        if (!consumed_take(&app->consumed, event->id))
                return;
        market_refresh_snapshot(app, arena, &log, event->subject);
        log_info(&log, "market.sync_changed", "news of the delivery", LOG_STR("vr.event_type", event->type));
}

/* ---- editor.* ---- */

struct editor_updated {
        const char *id;
        int64_t version;
        bool active, authorized;
        const char *name, *return_url;
        enum member_state states[6];
};
static const struct field editor_updated_fields[] = {
        {"editor_id", FIELD_TEXT, offsetof(struct editor_updated, id), offsetof(struct editor_updated, states[0])},
        {"version", FIELD_INT, offsetof(struct editor_updated, version), offsetof(struct editor_updated, states[1])},
        {"active", FIELD_BOOL, offsetof(struct editor_updated, active), offsetof(struct editor_updated, states[2])},
        {"authorized", FIELD_BOOL, offsetof(struct editor_updated, authorized),
         offsetof(struct editor_updated, states[3])},
        {"name", FIELD_TEXT, offsetof(struct editor_updated, name), offsetof(struct editor_updated, states[4])},
        {"return_url", FIELD_TEXT, offsetof(struct editor_updated, return_url),
         offsetof(struct editor_updated, states[5])},
        {NULL},
};

static enum err apply_editor_updated(void *app, struct db_tx *tx, struct arena *arena, const struct event *event)
{
        struct editor_updated data = {0};
        enum err err = read_data(arena, event, editor_updated_fields, &data);

        (void)app;
        if (err)
                return err;
        if (!well_formed(data.states, 5, 6) || !str_equal(data.id, event->subject))
                return ERR_INVALID;
        return editor_store_put(tx, &(struct editor){
                                            .id = data.id,
                                            .version = data.version,
                                            .name = data.name,
                                            .active = data.active,
                                            .authorized = data.authorized,
                                            .return_url = data.return_url,
                                    });
}

struct editor_removed {
        const char *id, *removed_at;
        enum member_state states[2];
};
static const struct field editor_removed_fields[] = {
        {"editor_id", FIELD_TEXT, offsetof(struct editor_removed, id), offsetof(struct editor_removed, states[0])},
        {"removed_at", FIELD_TEXT, offsetof(struct editor_removed, removed_at),
         offsetof(struct editor_removed, states[1])},
        {NULL},
};

static enum err apply_editor_removed(void *app, struct db_tx *tx, struct arena *arena, const struct event *event)
{
        struct editor_removed data = {0};
        int64_t removed_ms = 0;
        enum err err = read_data(arena, event, editor_removed_fields, &data);

        (void)app;
        if (err)
                return err;
        if (!well_formed(data.states, 2, 2) || !str_equal(data.id, event->subject))
                return ERR_INVALID;
        err = read_time(data.removed_at, &removed_ms);
        if (err)
                return err;
        return editor_store_remove(tx, data.id, removed_ms);
}

const struct subscription market_subscriptions[] = {
        {"configuration.submitted", TOPIC_CONFIGURATION, apply_submitted, after_submitted},
        {"configuration.sync_retry_requested", TOPIC_CONFIGURATION, apply_retry_requested, after_retry_requested},
        {"delivery.started", TOPIC_DELIVERY, apply_delivery_started, after_delivery},
        {"delivery.succeeded", TOPIC_DELIVERY, apply_delivery_succeeded, after_delivery},
        {"delivery.failed", TOPIC_DELIVERY, apply_delivery_failed, after_delivery},
        {"delivery.exhausted", TOPIC_DELIVERY, apply_delivery_exhausted, after_delivery},
        {"editor.updated", TOPIC_EDITOR, apply_editor_updated, NULL},
        {"editor.removed", TOPIC_EDITOR, apply_editor_removed, NULL},
        {NULL},
};
