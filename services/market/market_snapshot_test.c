/* On a real Redis. */
#include "services/market/market_snapshot.h"

#include <string.h>

#include "tests/support/redis_server.h"
#include "tests/support/unit.h"

static const char *const keys[] = {"company_name", "siret", NULL};
static const struct market market = {
        .identifier = "VR-2024-A1B2C3D4E5F6",
        .editor_id = "0197a1b2-0000-7000-8000-000000000001",
        .editor_name = "Éditeur",
        .return_url = "https://e.example/{market_identifier}",
        .name = "Fournitures",
        .deadline_ms = 0, /* 1970: a date like any other */
        .types = MARKET_TYPE_SUPPLIES,
        .version = 5,
        .created_ms = INT64_C(1717232400000),
        .completed = true,
        .completed_ms = INT64_C(1718461845000),
        .field_keys = keys,
        .field_count = 2,
        .sync = {.status = SYNC_FAILED, .next_attempt_ms = INT64_C(1718461860000)},
};

static void writes_what_the_schema_says(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(buf_done) struct buf json = {0};

        market_snapshot_write(arena, &market, &json);
        CHECK_TEXT(
                buf_text(&json),
                "{\"identifier\":\"VR-2024-A1B2C3D4E5F6\",\"version\":5,"
                "\"editor_id\":\"0197a1b2-0000-7000-8000-000000000001\",\"editor_name\":\"Éditeur\","
                "\"return_url\":\"https://e.example/{market_identifier}\",\"name\":\"Fournitures\",\"lot_name\":null,"
                "\"deadline\":\"1970-01-01T00:00:00Z\",\"market_type_codes\":[\"supplies\"],"
                "\"defense_locked\":false,\"status\":\"completed\",\"sync_status\":\"sync_failed\","
                "\"created_at\":\"2024-06-01T09:00:00Z\",\"completed_at\":\"2024-06-15T14:30:45Z\","
                "\"field_keys\":[\"company_name\",\"siret\"],\"next_attempt_at\":\"2024-06-15T14:31:00Z\"}");
}

static void fields_are_null_until_completed(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(buf_done) struct buf json = {0};

        market_snapshot_write(arena, &(struct market){.identifier = "x", .types = MARKET_TYPE_WORKS}, &json);
        CHECK(strstr(buf_text(&json), "\"status\":\"created\",\"sync_status\":null,"));
        CHECK(strstr(buf_text(&json), "\"completed_at\":null,\"field_keys\":null,\"next_attempt_at\":null}"));
}

static void put_version(struct cache *cache, struct arena *arena, int64_t version)
{
        struct market changed = market;

        changed.version = version;
        CHECK_INT(market_snapshot_put(cache, arena, &changed), ERR_OK);
}

static bool holds_version(struct cache *cache, struct arena *arena, int64_t version)
{
        const char *text = NULL;

        return !cache_get(cache, arena, "vr:market:VR-2024-A1B2C3D4E5F6", &text) &&
               strstr(text, arena_printf(arena, "\"version\":%lld,", (long long)version));
}

static void a_lower_version_never_replaces_a_higher_one(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(redis_server_stop) struct redis_server redis = {0};
        struct cache *cache = NULL;

        CHECK(redis_server_start(&redis, NULL));
        CHECK_INT(cache_open(&(struct cache_config){.url = redis.url, .pool = 1, .timeout_ms = 2000}, &cache), ERR_OK);
        put_version(cache, arena, 2);
        put_version(cache, arena, 10);
        CHECK(holds_version(cache, arena, 10));
        put_version(cache, arena, 9);
        CHECK(holds_version(cache, arena, 10));
        put_version(cache, arena, 10);
        put_version(cache, arena, 11);
        CHECK(holds_version(cache, arena, 11));
        CHECK_INT(cache_set(cache, "vr:market:VR-2024-A1B2C3D4E5F6", "rubbish", 0), ERR_OK);
        put_version(cache, arena, 3);
        CHECK(holds_version(cache, arena, 3));
        cache_close(cache);
}

static void a_snapshot_lapses(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(redis_server_stop) struct redis_server redis = {0};
        struct cache *cache = NULL;
        struct cache_value left = {0};

        CHECK(redis_server_start(&redis, NULL));
        CHECK_INT(cache_open(&(struct cache_config){.url = redis.url, .pool = 1, .timeout_ms = 2000}, &cache), ERR_OK);
        put_version(cache, arena, 1);
        CHECK_INT(cache_command(cache, arena,
                                CACHE_ARGS(cache_text("PTTL"), cache_text("vr:market:VR-2024-A1B2C3D4E5F6")), &left),
                  ERR_OK);
        CHECK(left.integer > SNAPSHOT_TTL_MS - 10000 && left.integer <= SNAPSHOT_TTL_MS);
        cache_close(cache);
}

UNIT_TESTS(UNIT(writes_what_the_schema_says), UNIT(fields_are_null_until_completed),
           UNIT(a_lower_version_never_replaces_a_higher_one), UNIT(a_snapshot_lapses))
