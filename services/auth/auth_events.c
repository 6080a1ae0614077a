#include "services/auth/auth_events.h"

#include "common/base/json_write.h"
#include "services/auth/editor_json.h"

static void write_webhook_secrets(struct json_write *w, const struct editor *editor)
{
        json_array(w, "webhook_secrets");
        for (size_t i = 0; i < editor->webhook_secret_count; i++) {
                json_object(w, NULL);
                json_string(w, "sealed", editor->webhook_secrets[i].sealed);
                json_time(w, "expires_at", editor->webhook_secrets[i].expires_ms);
                json_end(w);
        }
        json_end(w);
}

static enum err finish(struct arena *arena, const char *type, const char *editor_id, int64_t time_ms,
                       const struct buf *data, struct event *ret_event)
{
        enum err err = buf_err(data);

        if (err)
                return err;
        *ret_event = (struct event){
                .source = "/voie-rapide/auth",
                .type = type,
                .subject = editor_id,
                .topic = TOPIC_EDITOR,
                .time_ms = time_ms,
                .data = arena_strndup(arena, buf_text(data), data->length),
                .data_length = data->length,
        };
        return ERR_OK;
}

enum err auth_event_updated(struct arena *arena, const struct editor *editor, struct event *ret_event)
{
        AUTO(buf_done) struct buf data = {0};
        struct json_write w = json_write_to(&data);

        json_object(&w, NULL);
        json_string(&w, "editor_id", editor->id);
        json_int(&w, "version", editor->version);
        json_string(&w, "client_id", editor->client_id);
        json_string(&w, "name", editor->name);
        json_bool(&w, "active", editor->active);
        json_bool(&w, "authorized", editor->authorized);
        json_string(&w, "webhook_url", editor->webhook_url);
        write_webhook_secrets(&w, editor);
        editor_json_schedule(&w, editor);
        json_string(&w, "return_url", editor->return_url);
        json_end(&w);
        return finish(arena, "editor.updated", editor->id, editor->updated_ms, &data, ret_event);
}

enum err auth_event_removed(struct arena *arena, const char *editor_id, int64_t removed_ms, struct event *ret_event)
{
        AUTO(buf_done) struct buf data = {0};
        struct json_write w = json_write_to(&data);

        json_object(&w, NULL);
        json_string(&w, "editor_id", editor_id);
        json_time(&w, "removed_at", removed_ms);
        json_end(&w);
        return finish(arena, "editor.removed", editor_id, removed_ms, &data, ret_event);
}
