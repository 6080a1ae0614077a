#include "services/auth/state_sweep.h"

#include <stdatomic.h>

#include "common/app/tokens.h"
#include "services/auth/test_database.h"
#include "tests/support/redis_server.h"

#define ID "0197a1b2-0000-7000-8000-000000000001"

static enum err insert(struct db_tx *tx, void *arg)
{
        return auth_store_insert(tx, arg);
}

static enum err update(struct db_tx *tx, void *arg)
{
        return auth_store_update(tx, arg);
}

static void repairs_what_redis_was_not_told(void)
{
        AUTO(redis_server_stop) struct redis_server redis = {0};
        AUTO(test_database_done) struct test_database place = {0};
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct editor editor = test_editor(ID, "demo", 1000);
        struct token_grant grant = {
                .editor_id = ID, .client_id = "demo", .scopes = 1, .issued_ms = 1000, .ttl_ms = 60000};
        struct token_info info = {0};
        struct cache *cache = NULL;
        const char *token = NULL;
        size_t told = 0;

        test_database_open(&place);
        CHECK(redis_server_start(&redis, NULL));
        CHECK_INT(cache_open(&(struct cache_config){.url = redis.url, .pool = 1, .timeout_ms = 500}, &cache), ERR_OK);
        CHECK_INT(db_write(place.db, insert, &editor), ERR_OK);
        CHECK_INT(tokens_issue(cache, arena, &grant, &token), ERR_OK);

        editor.version++;
        editor.active = false;
        CHECK_INT(db_write(place.db, update, &editor), ERR_OK);
        CHECK_INT(state_sweep_once(place.db, cache, INT64_MAX, &told), ERR_OK);
        CHECK_INT(told, 1);
        CHECK_INT(tokens_find(cache, arena, token, &info), ERR_OK);
        CHECK(!info.editor_usable);

        editor.version++;
        editor.active = true;
        CHECK_INT(db_write(place.db, update, &editor), ERR_OK);
        CHECK_INT(state_sweep_once(place.db, cache, INT64_MAX, &told), ERR_OK);
        CHECK_INT(tokens_find(cache, arena, token, &info), ERR_OK);
        CHECK(info.editor_usable);
        CHECK(!info.alive); /* a token from before stays ended */

        told = 0;
        CHECK_INT(state_sweep_once(place.db, cache, INT64_MAX, &told), ERR_OK);
        CHECK_INT(told, 0);
        cache_close(cache);
}

static void forgets_nobody_while_redis_is_away(void)
{
        AUTO(test_database_done) struct test_database place = {0};
        struct redis_server redis = {0};
        struct editor editor = test_editor(ID, "demo", 1000);
        struct cache *cache = NULL;
        size_t told = 0;

        test_database_open(&place);
        CHECK(redis_server_start(&redis, NULL));
        CHECK_INT(cache_open(&(struct cache_config){.url = redis.url, .pool = 1, .timeout_ms = 200}, &cache), ERR_OK);
        CHECK_INT(db_write(place.db, insert, &editor), ERR_OK);
        redis_server_stop(&redis);
        CHECK_INT(state_sweep_once(place.db, cache, INT64_MAX, &told), ERR_UNAVAILABLE);
        CHECK_INT(told, 0);
        cache_close(cache);
        CHECK(redis_server_start(&redis, NULL));
        CHECK_INT(cache_open(&(struct cache_config){.url = redis.url, .pool = 1, .timeout_ms = 500}, &cache), ERR_OK);
        CHECK_INT(state_sweep_once(place.db, cache, INT64_MAX, &told), ERR_OK);
        CHECK_INT(told, 1);
        cache_close(cache);
        redis_server_stop(&redis);
}

static void count_round(void *arg)
{
        atomic_fetch_add((atomic_int *)arg, 1);
}

static void runs_and_stops(void)
{
        atomic_int rounds = 0;
        AUTO(test_database_done) struct test_database place = {0};
        struct state_sweep *sweep = NULL;
        struct cache *cache = NULL;

        test_database_open(&place);
        CHECK_INT(
                cache_open(&(struct cache_config){.url = "redis://127.0.0.1:1", .pool = 1, .timeout_ms = 100}, &cache),
                ERR_OK);
        const struct state_sweep_config config = {.db = place.db, .cache = cache, .also = count_round, .arg = &rounds};
        CHECK_INT(state_sweep_start(&config, &sweep), ERR_OK);
        CHECK(!state_sweep_is_stuck(sweep));
        state_sweep_stop(sweep);
        CHECK(atomic_load(&rounds) >= 1);
        cache_close(cache);
}

UNIT_TESTS(UNIT(repairs_what_redis_was_not_told), UNIT(forgets_nobody_while_redis_is_away), UNIT(runs_and_stops))
