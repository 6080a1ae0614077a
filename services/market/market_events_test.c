/* The bytes of each event; the names and forms are those of proto/events/. */
#include "services/market/market_events.h"

#include "tests/support/unit.h"

#define COMPLETED_ID "0197a1b2-0000-7000-8000-0000000000c1"
#define RETRY_ID     "0197a1b2-0000-7000-8000-0000000000c2"
#define HEAD                                                                                                    \
        "{\"identifier\":\"VR-2024-A1B2C3D4E5F6\",\"editor_id\":\"0197a1b2-0000-7000-8000-000000000001\","      \
        "\"name\":\"Fourniture de \\\"matériel\\\"\",\"lot_name\":null,\"deadline\":\"2024-06-15T23:59:59Z\"," \
        "\"market_type_codes\":[\"supplies\",\"services\"],"
#define COMPLETION "\"completed_at\":\"2024-06-15T14:30:45Z\",\"field_keys\":[\"company_name\",\"siret\"]"

static const char *const keys[] = {"company_name", "siret", NULL};
static const struct market market = {
        .identifier = "VR-2024-A1B2C3D4E5F6",
        .editor_id = "0197a1b2-0000-7000-8000-000000000001",
        .name = "Fourniture de \"matériel\"",
        .deadline_ms = INT64_C(1718495999000),
        .types = MARKET_TYPE_SUPPLIES | MARKET_TYPE_SERVICES,
        .created_ms = INT64_C(1717232400999),
        .completed = true,
        .completed_ms = INT64_C(1718461845000),
        .field_keys = keys,
        .field_count = 2,
        .completed_event_id = COMPLETED_ID,
        .retry_event_id = RETRY_ID,
        .retry_requested_by = "buyer",
        .retry_requested_ms = INT64_C(1718463600000),
        .sync = {.status = SYNC_FAILED, .next_attempt_ms = INT64_C(1718461860000)},
};

static void tells_of_a_creation(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct event event = {0}, other = {0};

        CHECK_INT(market_event_created(arena, &market, &event), ERR_OK);
        CHECK_INT(market_event_created(arena, &market, &other), ERR_OK);
        CHECK_TEXT(event.data, HEAD "\"created_at\":\"2024-06-01T09:00:00Z\"}");
        CHECK_TEXT(event.type, "market.created");
        CHECK_TEXT(event.topic, "voie-rapide.market.v1");
        CHECK_TEXT(event.subject, "VR-2024-A1B2C3D4E5F6");
        CHECK_TEXT(event.source, "/voie-rapide/market");
        CHECK(!unit_same_text(event.id, other.id));
}

static void tells_of_a_completion_always_alike(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct event event = {0}, again = {0};

        CHECK_INT(market_event_completed(arena, &market, &event), ERR_OK);
        CHECK_INT(market_event_completed(arena, &market, &again), ERR_OK);
        CHECK_TEXT(event.data, HEAD COMPLETION "}");
        CHECK_TEXT(event.id, COMPLETED_ID);
        CHECK_TEXT(again.data, event.data);
        CHECK_TEXT(again.id, event.id);
        CHECK_INT(again.time_ms, event.time_ms);
}

static void a_retry_carries_the_completion(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct event event = {0};

        CHECK_INT(market_event_retry(arena, &market, &event), ERR_OK);
        CHECK_TEXT(event.id, RETRY_ID);
        CHECK_TEXT(event.type, "market.sync_retry_requested");
        CHECK_TEXT(event.data,
                   HEAD COMPLETION ",\"completed_event_id\":\"" COMPLETED_ID
                                   "\",\"requested_by\":\"buyer\",\"requested_at\":\"2024-06-15T15:00:00Z\"}");
}

static void tells_of_a_change_of_state(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct event event = {0};

        CHECK_INT(market_event_sync_changed(arena, &market, SYNC_PROCESSING, INT64_C(1718461846000), &event), ERR_OK);
        CHECK_TEXT(event.data,
                   "{\"identifier\":\"VR-2024-A1B2C3D4E5F6\",\"editor_id\":\"0197a1b2-0000-7000-8000-000000000001\","
                   "\"previous\":\"sync_processing\",\"sync_status\":\"sync_failed\","
                   "\"next_attempt_at\":\"2024-06-15T14:31:00Z\",\"changed_at\":\"2024-06-15T14:30:46Z\"}");
}

UNIT_TESTS(UNIT(tells_of_a_creation), UNIT(tells_of_a_completion_always_alike), UNIT(a_retry_carries_the_completion),
           UNIT(tells_of_a_change_of_state))
