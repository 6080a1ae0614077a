#include "services/auth/editor_json.h"

#include "common/base/arena.h"

void editor_json_schedule(struct json_write *w, const struct editor *editor)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        if (editor->retry_schedule)
                json_raw(w, "retry_schedule", arena_printf(arena, "[%s]", editor->retry_schedule));
        else
                json_null(w, "retry_schedule");
}

void editor_json_members(struct json_write *w, const struct editor *editor)
{
        json_string(w, "id", editor->id);
        json_string(w, "client_id", editor->client_id);
        json_string(w, "name", editor->name);
        json_bool(w, "active", editor->active);
        json_bool(w, "authorized", editor->authorized);
        json_string(w, "webhook_url", editor->webhook_url);
        json_string(w, "return_url", editor->return_url);
        editor_json_schedule(w, editor);
        json_int(w, "version", editor->version);
        json_time(w, "created_at", editor->created_ms);
        json_time(w, "updated_at", editor->updated_ms);
}

static void write_secret(struct json_write *w, const char *kind, int64_t created_ms, int64_t expires_ms)
{
        json_object(w, NULL);
        if (kind)
                json_string(w, "kind", kind);
        json_time(w, "created_at", created_ms);
        json_time(w, "expires_at", expires_ms);
        json_end(w);
}

void editor_json_secrets(struct json_write *w, const struct editor *editor)
{
        json_array(w, "client_secrets");
        for (size_t i = 0; i < editor->client_secret_count; i++) {
                const struct client_secret *secret = &editor->client_secrets[i];

                write_secret(w, secret->kind == SECRET_PBKDF2 ? "imported" : "generated", secret->created_ms,
                             secret->expires_ms);
        }
        json_end(w);
        json_array(w, "webhook_secrets");
        for (size_t i = 0; i < editor->webhook_secret_count; i++)
                write_secret(w, NULL, editor->webhook_secrets[i].created_ms, editor->webhook_secrets[i].expires_ms);
        json_end(w);
}
