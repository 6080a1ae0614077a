#include "services/webhook/payload.h"

#include <string.h>

#include "common/app/public_market.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/io/json.h"

#define EDITOR_ID_MAX 64

struct market {
        const char *identifier, *name, *lot_name;
        int64_t deadline_ms, completed_at_ms;
        const char *const *types, *const *field_keys;
        size_t type_count, field_count;
};

static enum err read_time(const struct json *root, const char *key, int64_t *ret_ms)
{
        const char *text = json_get_text(root, key);

        return text ? clock_parse_iso8601(text, ret_ms) : ERR_CORRUPT;
}

static enum err read_market(struct arena *arena, const struct json *root, struct market *market)
{
        const struct json *lot_name = json_get(root, "lot_name");

        market->identifier = json_get_text(root, "identifier");
        market->name = json_get_text(root, "name");
        market->lot_name = json_text(lot_name);
        if (!market->identifier || !market_identifier_valid(market->identifier) || !market->name)
                return ERR_CORRUPT;
        if (lot_name && !market->lot_name && !json_is(lot_name, JSON_NULL))
                return ERR_CORRUPT;
        if (read_time(root, "deadline", &market->deadline_ms) ||
            read_time(root, "completed_at", &market->completed_at_ms))
                return ERR_CORRUPT;
        if (json_to_texts(arena, json_get(root, "market_type_codes"), &market->types, &market->type_count) ||
            json_to_texts(arena, json_get(root, "field_keys"), &market->field_keys, &market->field_count))
                return ERR_CORRUPT;
        return ERR_OK;
}

static void write_body(struct buf *out, const struct market *market)
{
        struct json_write w = json_write_to(out);

        json_object(&w, NULL);
        json_string(&w, "event", "market.completed");
        json_time(&w, "timestamp", market->completed_at_ms);
        json_object(&w, "market");
        json_string(&w, "identifier", market->identifier);
        json_string(&w, "name", market->name);
        json_string(&w, "lot_name", market->lot_name);
        json_time(&w, "deadline", market->deadline_ms);
        json_strings(&w, "market_type_codes", market->types, market->type_count);
        json_time(&w, "completed_at", market->completed_at_ms);
        json_strings(&w, "field_keys", market->field_keys, market->field_count);
        json_end(&w);
        json_end(&w);
}

enum err payload_build(struct arena *arena, const char *data, size_t length, struct payload *ret_payload)
{
        AUTO(json_freep) struct json *root = NULL;
        AUTO(buf_done) struct buf body = {0};
        struct market market = {0};

        if (json_parse(data, length, &root))
                return ERR_CORRUPT;

        const char *editor_id = json_get_text(root, "editor_id");

        if (str_is_blank(editor_id) || strlen(editor_id) > EDITOR_ID_MAX || read_market(arena, root, &market))
                return ERR_CORRUPT;
        write_body(&body, &market);
        if (buf_err(&body))
                return ERR_CORRUPT;
        *ret_payload = (struct payload){
                .market = arena_strdup(arena, market.identifier),
                .editor_id = arena_strdup(arena, editor_id),
                .completed_event_id = arena_strdup(arena, json_get_text(root, "completed_event_id")),
                .completed_at_ms = market.completed_at_ms,
                .field_count = (int64_t)market.field_count,
                .body = arena_strndup(arena, buf_text(&body), body.length),
                .body_length = body.length,
        };
        return ERR_OK;
}
