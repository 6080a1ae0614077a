#include "services/webhook/webhook_consumer.h"

#include "common/base/clock.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/io/json.h"
#include "services/webhook/app.h"
#include "services/webhook/payload.h"
#include "services/webhook/webhook_events.h"
#include "services/webhook/webhook_store.h"

/* ---- market.completed, market.sync_retry_requested ---- */

/* ce_time has the milliseconds that the payload lacks; of a repetition it would be too late. */
static int64_t completed_ms(const struct payload *payload, const struct event *event)
{
        int64_t after_ms = event->time_ms - payload->completed_at_ms;

        return after_ms >= 0 && after_ms < 1000 ? event->time_ms : payload->completed_at_ms;
}

static enum err insert(const struct webhook_app *app, struct db_tx *tx, const struct event *event,
                       const struct payload *payload, const char *event_id, bool *ret_inserted)
{
        char id[ID_UUID_MAX], traceparent[ID_TRACEPARENT_MAX];
        const struct delivery delivery = {
                .id = id_uuid7(id),
                .event_id = event_id,
                .market = payload->market,
                .editor_id = payload->editor_id,
                .traceparent = event->traceparent ? event->traceparent : id_traceparent(NULL, traceparent),
                .body = payload->body,
                .body_length = payload->body_length,
                .field_count = payload->field_count,
                .completed_at_ms = completed_ms(payload, event),
                .created_at_ms = clock_wall_ms(),
                .progress = {.state = DELIVERY_WAITING, .due_at_ms = due_clock_ms(&app->clock)},
        };

        return store_insert_delivery(tx, &delivery, ret_inserted);
}

static enum err apply_completed(void *arg, struct db_tx *tx, struct arena *arena, const struct event *event)
{
        const struct webhook_app *app = arg;
        struct delivery known;
        struct payload payload;
        bool inserted = false;
        enum err err = payload_build(arena, event->data, event->data_length, &payload);

        if (err)
                return err;
        err = insert(app, tx, event, &payload, event->id, &inserted);
        if (err || inserted)
                return err;
        err = store_delivery_of_event(tx, arena, event->id, &known);
        if (err)
                return err;
        /* Announced again: market has not heard how it went. */
        return webhook_tell_again(tx, arena, &known, clock_wall_ms());
}

/* Due at once, unless it has arrived (then market is told again) or is on its way. */
static enum err ask_again(const struct webhook_app *app, struct db_tx *tx, struct arena *arena,
                          struct delivery *delivery)
{
        struct delivery_progress before = delivery->progress;
        bool saved = false; /* false: a sender has it since we looked; it is on its way */

        if (!delivery_step(&delivery->progress, DELIVERY_ASK_AGAIN, due_clock_ms(&app->clock), 0))
                return webhook_tell_again(tx, arena, delivery, clock_wall_ms());
        delivery->reason = NULL;
        delivery->error = NULL;
        return store_save_progress(tx, delivery, &before, &saved);
}

static enum err apply_retry(void *arg, struct db_tx *tx, struct arena *arena, const struct event *event)
{
        const struct webhook_app *app = arg;
        struct delivery delivery;
        struct payload payload;
        bool inserted = false;
        enum err err = payload_build(arena, event->data, event->data_length, &payload);

        if (err)
                return err;
        if (str_is_blank(payload.completed_event_id))
                return ERR_CORRUPT;
        err = insert(app, tx, event, &payload, payload.completed_event_id, &inserted);
        if (err || inserted)
                return err;
        err = store_delivery_of_event(tx, arena, payload.completed_event_id, &delivery);
        return err ? err : ask_again(app, tx, arena, &delivery);
}

static void after_completed(void *arg, struct arena *arena, const struct event *event)
{
        const struct webhook_app *app = arg;

        (void)arena, (void)event;
        sender_wake(app->sender);
}

static void after_retry(void *arg, struct arena *arena, const struct event *event)
{
        const struct webhook_app *app = arg;
        struct payload payload;

        /* Somebody waits for it: an open circuit lets one attempt through. */
        if (payload_build(arena, event->data, event->data_length, &payload) == ERR_OK)
                sender_probe(app->sender, payload.editor_id);
        sender_wake(app->sender);
}

/* ---- editor.updated, editor.removed ---- */

static enum err read_secrets(struct arena *arena, const struct json *secrets, struct endpoint *endpoint)
{
        if (!json_is(secrets, JSON_ARRAY))
                return ERR_CORRUPT;
        for (const struct json *item = json_next(secrets, NULL); item; item = json_next(secrets, item)) {
                const char *sealed = json_get_text(item, "sealed"), *expires = json_get_text(item, "expires_at");

                if (!sealed)
                        return ERR_CORRUPT;
                if (!expires) {
                        endpoint->secret = arena_strdup(arena, sealed);
                        continue;
                }
                if (clock_parse_iso8601(expires, &endpoint->old_secret_expires_ms))
                        return ERR_CORRUPT;
                endpoint->old_secret = arena_strdup(arena, sealed);
        }
        return ERR_OK;
}

static enum err read_schedule(const struct json *schedule, struct endpoint *endpoint)
{
        if (!schedule || json_is(schedule, JSON_NULL))
                return ERR_OK;
        if (!json_is(schedule, JSON_ARRAY) || json_count(schedule) > ARRAY_LEN(endpoint->delays_ms))
                return ERR_CORRUPT;
        endpoint->own_schedule = true;
        for (const struct json *item = json_next(schedule, NULL); item; item = json_next(schedule, item)) {
                int64_t seconds;

                if (json_to_int(item, &seconds) || seconds < 1 || seconds > INT32_MAX)
                        return ERR_CORRUPT;
                endpoint->delays_ms[endpoint->delay_count++] = seconds * 1000;
        }
        return ERR_OK;
}

static enum err read_endpoint(struct arena *arena, const struct event *event, struct endpoint *ret_endpoint)
{
        AUTO(json_freep) struct json *root = NULL;
        struct endpoint endpoint = {.known = true};
        const char *editor_id;

        if (json_parse(event->data, event->data_length, &root))
                return ERR_CORRUPT;
        editor_id = json_get_text(root, "editor_id");
        endpoint.version = json_get_int(root, "version", 0);
        if (str_is_blank(editor_id) || endpoint.version < 1)
                return ERR_CORRUPT;
        endpoint.editor_id = arena_strdup(arena, editor_id);
        endpoint.client_id = arena_strdup(arena, json_get_text(root, "client_id"));
        endpoint.name = arena_strdup(arena, json_get_text(root, "name"));
        endpoint.url = arena_strdup(arena, json_get_text(root, "webhook_url"));
        endpoint.active = json_get_bool(root, "active", false);
        endpoint.authorized = json_get_bool(root, "authorized", false);
        if (read_secrets(arena, json_get(root, "webhook_secrets"), &endpoint) ||
            read_schedule(json_get(root, "retry_schedule"), &endpoint))
                return ERR_CORRUPT;
        *ret_endpoint = endpoint;
        return ERR_OK;
}

static enum err apply_editor(void *arg, struct db_tx *tx, struct arena *arena, const struct event *event)
{
        const struct webhook_app *app = arg;
        struct endpoint before, next;
        enum err err = read_endpoint(arena, event, &next);

        if (!err)
                err = store_endpoint(tx, arena, next.editor_id, &before);
        if (err || !endpoint_update(&before, &next))
                return err;
        err = store_save_endpoint(tx, arena, &next, clock_wall_ms());
        return err ? err : store_wake_postponed(tx, next.editor_id, due_clock_ms(&app->clock));
}

/* Kept as a mark, so that an update that comes late does not bring it back; its secrets go. */
static enum err apply_removed(void *arg, struct db_tx *tx, struct arena *arena, const struct event *event)
{
        const struct webhook_app *app = arg;
        AUTO(json_freep) struct json *root = NULL;
        struct endpoint before;
        const char *editor_id;
        enum err err;

        if (json_parse(event->data, event->data_length, &root))
                return ERR_CORRUPT;
        editor_id = json_get_text(root, "editor_id");
        if (str_is_blank(editor_id))
                return ERR_CORRUPT;
        err = store_endpoint(tx, arena, editor_id, &before);
        if (err || before.removed)
                return err;

        const struct endpoint mark = {
                .editor_id = editor_id,
                .version = before.version,
                .client_id = before.client_id,
                .name = before.name,
                .removed = true,
        };

        err = store_save_endpoint(tx, arena, &mark, clock_wall_ms());
        return err ? err : store_wake_postponed(tx, editor_id, due_clock_ms(&app->clock));
}

static void after_editor(void *arg, struct arena *arena, const struct event *event)
{
        const struct webhook_app *app = arg;

        (void)arena;
        sender_probe(app->sender, event->subject);
        sender_wake(app->sender);
}

const struct subscription webhook_subscriptions[] = {
        {"market.completed", TOPIC_MARKET, apply_completed, after_completed},
        {"market.sync_retry_requested", TOPIC_MARKET, apply_retry, after_retry},
        {"editor.updated", TOPIC_EDITOR, apply_editor, after_editor},
        {"editor.removed", TOPIC_EDITOR, apply_removed, after_editor},
        {NULL},
};
