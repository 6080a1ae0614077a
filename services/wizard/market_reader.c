#include "services/wizard/market_reader.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/io/json.h"

static int64_t time_of(const struct json *root, const char *key)
{
        const char *text = json_get_text(root, key);
        int64_t ms = 0;

        return text && !clock_parse_iso8601(text, &ms) ? ms : 0;
}

static const char *text_of(struct arena *arena, const struct json *root, const char *key)
{
        return arena_strdup(arena, json_get_text(root, key));
}

static enum err view_of(struct arena *arena, const char *text, size_t length, struct market_view *ret_market)
{
        AUTO(json_freep) struct json *root = NULL;
        struct market_view market = {0};
        const struct json *codes, *code = NULL, *keys;

        if (json_parse(text, length, &root))
                return ERR_CORRUPT;
        market.identifier = text_of(arena, root, "identifier");
        market.editor_id = text_of(arena, root, "editor_id");
        market.editor_name = text_of(arena, root, "editor_name");
        market.return_url = text_of(arena, root, "return_url");
        market.name = text_of(arena, root, "name");
        market.lot_name = text_of(arena, root, "lot_name");
        market.deadline_ms = time_of(root, "deadline");
        market.completed_ms = time_of(root, "completed_at");
        market.next_attempt_ms = time_of(root, "next_attempt_at");
        market.defense_locked = json_get_bool(root, "defense_locked", false);
        market.completed = json_get_text(root, "status") && strcmp(json_get_text(root, "status"), "completed") == 0;
        market.sync = sync_status_from_name(json_get_text(root, "sync_status"));
        codes = json_get(root, "market_type_codes");
        while ((code = json_next(codes, code)))
                market.types |= json_text(code) ? market_type_from_code(json_text(code)) : 0;
        keys = json_get(root, "field_keys");
        if (json_is(keys, JSON_ARRAY) && json_to_texts(arena, keys, &market.field_keys, &market.field_count))
                return ERR_CORRUPT;
        if (!market.identifier || !market.name || !market.types)
                return ERR_CORRUPT;
        *ret_market = market;
        return ERR_OK;
}

enum err market_read_fresh(const struct market_reader *reader, struct arena *arena, const char *identifier,
                           struct market_view *ret_market)
{
        struct http_client_response response = {0};
        const struct http_client_request request = {
                .method = "GET",
                .url = arena_printf(arena, "%s/internal/markets/%s", reader->market_url, identifier),
        };
        enum err err;

        if (!market_identifier_valid(identifier))
                return ERR_NOT_FOUND;
        err = http_client_send(reader->http, arena, &request, &response);
        if (err)
                return err;
        if (response.status == 404)
                return ERR_NOT_FOUND;
        if (response.status != 200)
                return ERR_UNAVAILABLE;
        return view_of(arena, response.body, response.body_length, ret_market);
}

enum err market_read_snapshot(const struct market_reader *reader, struct arena *arena, const char *identifier,
                              const char *snapshot, struct market_view *ret_market)
{
        return snapshot ? view_of(arena, snapshot, strlen(snapshot), ret_market)
                        : market_read_fresh(reader, arena, identifier, ret_market);
}

enum err market_read(const struct market_reader *reader, struct arena *arena, const char *identifier,
                     struct market_view *ret_market)
{
        const char *text = NULL;
        enum err err;

        if (!market_identifier_valid(identifier))
                return ERR_NOT_FOUND;
        err = cache_get(reader->cache, arena, arena_printf(arena, "vr:market:%s", identifier), &text);
        if (err && err != ERR_NOT_FOUND)
                return err;
        return market_read_snapshot(reader, arena, identifier, text, ret_market);
}
