#include "services/wizard/wizard_events.h"

#include <string.h>

#include "common/base/id.h"
#include "common/base/json_write.h"
#include "common/io/json.h"

#define SOURCE "/voie-rapide/wizard"

static struct json_write begin(struct buf *data, const struct wizard_event_context *context)
{
        struct json_write w = json_write_to(data);

        json_object(&w, NULL);
        json_string(&w, "identifier", context->identifier);
        return w;
}

static enum err finish(const struct wizard_event_context *context, struct json_write *w, const char *type,
                       struct event *ret_event)
{
        char id[ID_UUID_MAX];
        enum err err;

        json_end(w);
        err = buf_err(w->out);
        if (err)
                return err;
        *ret_event = (struct event){
                .id = arena_strdup(context->arena, id_uuid7(id)),
                .source = SOURCE,
                .type = type,
                .subject = context->identifier,
                .topic = TOPIC_CONFIGURATION,
                .time_ms = context->now_ms,
                .traceparent = context->traceparent,
                .data = arena_strdup(context->arena, buf_text(w->out)),
                .data_length = w->out->length,
        };
        return ERR_OK;
}

enum err wizard_event_started(const struct wizard_event_context *context, struct event *ret_event)
{
        AUTO(buf_done) struct buf data = {0};
        struct json_write w = begin(&data, context);

        json_time(&w, "started_at", context->now_ms);
        return finish(context, &w, "configuration.started", ret_event);
}

enum err wizard_event_step_completed(const struct wizard_event_context *context, enum step step, int64_t duration_ms,
                                     struct event *ret_event)
{
        AUTO(buf_done) struct buf data = {0};
        struct json_write w = begin(&data, context);

        json_string(&w, "step", step_name(step));
        json_int(&w, "duration_ms", duration_ms);
        json_time(&w, "completed_at", context->now_ms);
        return finish(context, &w, "configuration.step_completed", ret_event);
}

enum err wizard_event_submitted(const struct wizard_event_context *context, const struct progress *progress,
                                struct event *ret_event)
{
        AUTO(buf_done) struct buf data = {0};
        struct json_write w = begin(&data, context);

        json_bool(&w, "add_defense", progress->add_defense);
        json_strings(&w, "additional_field_keys", progress->chosen, progress->chosen_count);
        json_time(&w, "started_at", progress->started_ms);
        json_time(&w, "submitted_at", context->now_ms);
        return finish(context, &w, "configuration.submitted", ret_event);
}

enum err wizard_event_abandoned(const struct wizard_event_context *context, const struct progress *progress,
                                struct event *ret_event)
{
        AUTO(buf_done) struct buf data = {0};
        struct json_write w = begin(&data, context);

        json_string(&w, "step", step_name(progress_step(progress)));
        json_time(&w, "last_activity_at", progress->updated_ms);
        return finish(context, &w, "configuration.abandoned", ret_event);
}

enum err wizard_event_retry_requested(const struct wizard_event_context *context, struct event *ret_event)
{
        AUTO(buf_done) struct buf data = {0};
        struct json_write w = begin(&data, context);

        json_time(&w, "requested_at", context->now_ms);
        return finish(context, &w, "configuration.sync_retry_requested", ret_event);
}

enum err wizard_event_write(struct arena *arena, const struct event *event, const char **ret_json)
{
        AUTO(buf_done) struct buf out = {0};
        struct json_write w = json_write_to(&out);
        enum err err;

        json_object(&w, NULL);
        json_string(&w, "type", event->type);
        json_string(&w, "subject", event->subject);
        json_int(&w, "time_ms", event->time_ms);
        json_string(&w, "traceparent", event->traceparent);
        json_string(&w, "data", event->data);
        json_end(&w);
        err = buf_err(&out);
        if (err)
                return err;
        *ret_json = arena_strdup(arena, buf_text(&out));
        return ERR_OK;
}

enum err wizard_event_read(struct arena *arena, const char *id, const char *json, struct event *ret_event)
{
        AUTO(json_freep) struct json *root = NULL;

        if (json_parse(json, strlen(json), &root))
                return ERR_CORRUPT;
        *ret_event = (struct event){
                .id = id,
                .source = SOURCE,
                .type = arena_strdup(arena, json_get_text(root, "type")),
                .subject = arena_strdup(arena, json_get_text(root, "subject")),
                .topic = TOPIC_CONFIGURATION,
                .time_ms = json_get_int(root, "time_ms", 0),
                .traceparent = arena_strdup(arena, json_get_text(root, "traceparent")),
                .data = arena_strdup(arena, json_get_text(root, "data")),
        };
        if (!ret_event->type || !ret_event->subject || !ret_event->data)
                return ERR_CORRUPT;
        ret_event->data_length = strlen(ret_event->data);
        return ERR_OK;
}
