#include "services/market/market_snapshot.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/json_write.h"

extern const struct file market_scripts[]; /* scripts/, embedded */

void market_snapshot_write(struct arena *arena, const struct market *market, struct buf *out)
{
        struct json_write w = json_write_to(out);
        char deadline[CLOCK_TEXT_MAX];
        size_t count = 0;
        const char *const *codes = market_type_codes(arena, market->types, &count);

        json_object(&w, NULL);
        json_string(&w, "identifier", market->identifier);
        json_int(&w, "version", market->version);
        json_string(&w, "editor_id", market->editor_id);
        json_string(&w, "editor_name", market->editor_name);
        json_string(&w, "return_url", market->return_url);
        json_string(&w, "name", market->name);
        json_string(&w, "lot_name", market->lot_name);
        json_string(&w, "deadline", clock_format_s(market->deadline_ms, deadline));
        json_strings(&w, "market_type_codes", codes, count);
        json_bool(&w, "defense_locked", market->defense_locked);
        json_string(&w, "status", market->completed ? "completed" : "created");
        json_string(&w, "sync_status", sync_status_name(market->sync.status));
        json_time(&w, "created_at", market->created_ms);
        json_time(&w, "completed_at", market->completed_ms);
        if (market->completed)
                json_strings(&w, "field_keys", market->field_keys, market->field_count);
        else
                json_null(&w, "field_keys");
        json_time(&w, "next_attempt_at", market->sync.next_attempt_ms);
        json_end(&w);
}

enum err market_snapshot_put(struct cache *cache, struct arena *arena, const struct market *market)
{
        const struct cache_script script = {"put_snapshot", file_find(market_scripts, "put_snapshot.lua")->data};
        AUTO(buf_done) struct buf json = {0};
        struct cache_value ignored;
        enum err err;

        market_snapshot_write(arena, market, &json);
        err = buf_err(&json);
        if (err)
                return err;
        const struct cache_arg key = cache_text(arena_printf(arena, "vr:market:%s", market->identifier));
        const struct cache_arg args[] = {
                cache_int(arena, market->version),
                {buf_text(&json), json.length},
                cache_int(arena, SNAPSHOT_TTL_MS),
        };
        return cache_run(cache, arena, &script, &key, 1, args, ARRAY_LEN(args), &ignored);
}
