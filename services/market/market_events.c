#include "services/market/market_events.h"

#include "common/base/clock.h"
#include "common/base/id.h"
#include "common/base/json_write.h"

static void write_time(struct json_write *w, const char *key, int64_t wall_ms)
{
        char text[CLOCK_TEXT_MAX];

        json_string(w, key, clock_format_s(wall_ms, text));
}

/* What every event of a market begins with. */
static void write_market(struct json_write *w, struct arena *arena, const struct market *market)
{
        size_t count = 0;
        const char *const *codes = market_type_codes(arena, market->types, &count);

        json_string(w, "identifier", market->identifier);
        json_string(w, "editor_id", market->editor_id);
        json_string(w, "name", market->name);
        json_string(w, "lot_name", market->lot_name);
        write_time(w, "deadline", market->deadline_ms);
        json_strings(w, "market_type_codes", codes, count);
}

static void write_completion(struct json_write *w, const struct market *market)
{
        write_time(w, "completed_at", market->completed_ms);
        json_strings(w, "field_keys", market->field_keys, market->field_count);
}

static enum err finish(struct arena *arena, const struct market *market, const char *type, const char *id,
                       int64_t time_ms, const struct buf *data, struct event *ret_event)
{
        char fresh[ID_UUID_MAX];
        enum err err = buf_err(data);

        if (err)
                return err;
        *ret_event = (struct event){
                .id = id ? id : arena_strdup(arena, id_uuid7(fresh)),
                .source = "/voie-rapide/market",
                .type = type,
                .subject = market->identifier,
                .topic = TOPIC_MARKET,
                .time_ms = time_ms,
                .data = arena_strndup(arena, buf_text(data), data->length),
                .data_length = data->length,
        };
        return ERR_OK;
}

enum err market_event_created(struct arena *arena, const struct market *market, struct event *ret_event)
{
        AUTO(buf_done) struct buf data = {0};
        struct json_write w = json_write_to(&data);

        json_object(&w, NULL);
        write_market(&w, arena, market);
        write_time(&w, "created_at", market->created_ms);
        json_end(&w);
        return finish(arena, market, "market.created", NULL, market->created_ms, &data, ret_event);
}

enum err market_event_completed(struct arena *arena, const struct market *market, struct event *ret_event)
{
        AUTO(buf_done) struct buf data = {0};
        struct json_write w = json_write_to(&data);

        json_object(&w, NULL);
        write_market(&w, arena, market);
        write_completion(&w, market);
        json_end(&w);
        return finish(arena, market, "market.completed", market->completed_event_id, market->completed_ms, &data,
                      ret_event);
}

enum err market_event_retry(struct arena *arena, const struct market *market, struct event *ret_event)
{
        AUTO(buf_done) struct buf data = {0};
        struct json_write w = json_write_to(&data);

        json_object(&w, NULL);
        write_market(&w, arena, market);
        write_completion(&w, market);
        json_string(&w, "completed_event_id", market->completed_event_id);
        json_string(&w, "requested_by", market->retry_requested_by);
        write_time(&w, "requested_at", market->retry_requested_ms);
        json_end(&w);
        return finish(arena, market, "market.sync_retry_requested", market->retry_event_id, market->retry_requested_ms,
                      &data, ret_event);
}

enum err market_event_sync_changed(struct arena *arena, const struct market *market, enum sync_status previous,
                                   int64_t now_ms, struct event *ret_event)
{
        AUTO(buf_done) struct buf data = {0};
        struct json_write w = json_write_to(&data);

        json_object(&w, NULL);
        json_string(&w, "identifier", market->identifier);
        json_string(&w, "editor_id", market->editor_id);
        json_string(&w, "previous", sync_status_name(previous));
        json_string(&w, "sync_status", sync_status_name(market->sync.status));
        json_time(&w, "next_attempt_at", market->sync.next_attempt_ms);
        write_time(&w, "changed_at", now_ms);
        json_end(&w);
        return finish(arena, market, "market.sync_changed", NULL, now_ms, &data, ret_event);
}
