#include "services/webhook/payload.h"

#include <string.h>

#include "tests/support/unit.h"

#define EVENT                                                                                                \
        "{\"identifier\":\"VR-2024-A1B2C3D4E5F6\",\"editor_id\":\"0197a1b2-0000-7000-8000-000000000001\","   \
        "\"name\":\"Fourniture de matériel \\\"neuf\\\" / été\",%s\"deadline\":\"2024-06-15T23:59:59Z\"," \
        "\"market_type_codes\":[\"supplies\",\"services\"],\"completed_at\":\"2024-06-15T14:30:45Z\","       \
        "\"field_keys\":[\"company_name\",\"siret\"],\"unknown_member\":1%s}"

static enum err build(struct arena *arena, const char *data, struct payload *payload)
{
        return payload_build(arena, data, strlen(data), payload);
}

static const char *event(struct arena *arena, const char *lot, const char *more)
{
        return arena_printf(arena, EVENT, lot, more);
}

static void the_body_is_the_seeds(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct payload p = {0};

        CHECK_INT(build(arena, event(arena, "\"lot_name\":\"Lot 1\",", ""), &p), ERR_OK);
        CHECK_TEXT(p.body, "{\"event\":\"market.completed\",\"timestamp\":\"2024-06-15T14:30:45Z\",\"market\":{"
                           "\"identifier\":\"VR-2024-A1B2C3D4E5F6\","
                           "\"name\":\"Fourniture de matériel \\\"neuf\\\" / été\",\"lot_name\":\"Lot 1\","
                           "\"deadline\":\"2024-06-15T23:59:59Z\",\"market_type_codes\":[\"supplies\",\"services\"],"
                           "\"completed_at\":\"2024-06-15T14:30:45Z\",\"field_keys\":[\"company_name\",\"siret\"]}}");
        CHECK_INT(p.body_length, strlen(p.body));
        CHECK_INT(p.field_count, 2);
        CHECK_TEXT(p.market, "VR-2024-A1B2C3D4E5F6");
        CHECK_TEXT(p.editor_id, "0197a1b2-0000-7000-8000-000000000001");
        CHECK_INT(p.completed_at_ms, 1718461845000);
        CHECK(p.completed_event_id == NULL);
}

static void an_absent_lot_is_null(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct payload p = {0};

        CHECK_INT(build(arena, event(arena, "", ""), &p), ERR_OK);
        CHECK(p.body && strstr(p.body, "\"lot_name\":null,"));
        CHECK_INT(build(arena, event(arena, "\"lot_name\":null,", ""), &p), ERR_OK);
        CHECK(p.body && strstr(p.body, "\"lot_name\":null,"));
}

static void a_retry_names_the_completion(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct payload p = {0};

        CHECK_INT(build(arena, event(arena, "", ",\"completed_event_id\":\"e-1\""), &p), ERR_OK);
        CHECK_TEXT(p.completed_event_id, "e-1");
}

static void broken_events_are_corrupt(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const char *whole = event(arena, "", "");
        static const char *const needed[] = {"identifier", "editor_id",         "name",         "deadline",
                                             "field_keys", "market_type_codes", "completed_at", "VR-2024"};
        struct payload p = {0};

        CHECK_INT(build(arena, "", &p), ERR_CORRUPT);
        CHECK_INT(build(arena, "[]", &p), ERR_CORRUPT);
        CHECK_INT(build(arena, event(arena, "\"lot_name\":5,", ""), &p), ERR_CORRUPT);
        for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
                char *cut = arena_strdup(arena, whole);

                *strstr(cut, needed[i]) = 'x';
                CHECK_INT(build(arena, cut, &p), ERR_CORRUPT);
        }
        CHECK(p.body == NULL);
}

UNIT_TESTS(UNIT(the_body_is_the_seeds), UNIT(an_absent_lot_is_null), UNIT(a_retry_names_the_completion),
           UNIT(broken_events_are_corrupt))
