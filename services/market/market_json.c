#include "services/market/market_json.h"

#include "common/base/clock.h"

const char *market_configuration_url(const struct market_app *app, struct arena *arena, const char *identifier)
{
        return arena_printf(arena, "%s/buyer/public_markets/%s/setup", app->settings->service.public_url, identifier);
}

void market_json_write(struct json_write *w, const struct market_app *app, struct arena *arena,
                       const struct market *market)
{
        char deadline[CLOCK_TEXT_MAX];
        size_t count = 0;
        const char *const *codes = market_type_codes(arena, market->types, &count);

        json_object(w, NULL);
        json_string(w, "identifier", market->identifier);
        json_string(w, "name", market->name);
        json_string(w, "lot_name", market->lot_name);
        json_string(w, "deadline", clock_format_s(market->deadline_ms, deadline));
        json_strings(w, "market_type_codes", codes, count);
        json_string(w, "status", market->completed ? "completed" : "created");
        json_string(w, "sync_status", sync_status_name(market->sync.status));
        json_time(w, "created_at", market->created_ms);
        json_time(w, "completed_at", market->completed_ms);
        json_string(w, "configuration_url", market_configuration_url(app, arena, market->identifier));
        json_strings(w, "field_keys", market->field_keys, market->field_count);
        json_end(w);
}
