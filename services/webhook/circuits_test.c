/* Two replicas' lanes over a real Redis; their time is virtual, Redis' is not. */
#include "services/webhook/circuits.h"

#include <unistd.h>

#include "tests/support/redis_server.h"
#include "tests/support/unit.h"

#define OPEN_MS  300
#define PROBE_MS 200

static const struct breaker_policy policy = {.failures = 2, .open_ms = OPEN_MS};
static const struct lane_result well = {.judged = true, .pace = PACE_WELL};
static const struct lane_result unwell = {.judged = true, .unhealthy = true};

struct world {
        struct redis_server redis;
        struct arena *arena;
        struct cache *cache;
        struct lanes *a, *b;
};

static struct world world_open(void)
{
        struct world w = {.arena = arena_new(), .a = lanes_new(&policy, 8), .b = lanes_new(&policy, 8)};

        CHECK(redis_server_start(&w.redis, NULL));
        CHECK_INT(cache_open(&(struct cache_config){.url = w.redis.url, .pool = 1, .timeout_ms = 200}, &w.cache),
                  ERR_OK);
        return w;
}

static void world_close(struct world *w)
{
        cache_close(w->cache);
        lanes_free(w->a);
        lanes_free(w->b);
        arena_free(w->arena);
        redis_server_stop(&w->redis);
}

/* As the sender does it. */
static enum err exchange(struct world *w, struct lanes *lanes, int64_t now_ms)
{
        struct circuit_note notes[16];
        struct circuits_heard heard;
        size_t count = lanes_tell(lanes, w->arena, now_ms, notes, ARRAY_LEN(notes));
        enum err err = circuits_exchange(w->cache, w->arena, notes, count, PROBE_MS, &heard);

        if (err) {
                lanes_alone(lanes);
                return err;
        }
        lanes_hear(lanes, heard.open, heard.open_count, true, now_ms);
        for (size_t i = 0; i < heard.granted_count; i++)
                lanes_grant(lanes, heard.granted[i]);
        return ERR_OK;
}

static void attempt(struct lanes *lanes, const char *editor_id, const struct lane_result *result, int64_t now_ms)
{
        lanes_enter(lanes, editor_id);
        lanes_leave(lanes, editor_id, result, now_ms);
}

static void fail_twice(struct world *w, struct lanes *lanes, const char *editor_id)
{
        attempt(lanes, editor_id, &unwell, 0);
        attempt(lanes, editor_id, &unwell, 0);
        CHECK_INT(exchange(w, lanes, 0), ERR_OK);
}

static void what_one_finds_holds_for_all(void)
{
        struct world w = world_open();

        CHECK_INT(exchange(&w, w.b, 0), ERR_OK);
        CHECK_INT(lanes_room(w.b, "dead", 0), 8);
        fail_twice(&w, w.a, "dead");
        CHECK_INT(exchange(&w, w.b, 0), ERR_OK);
        CHECK_INT(lanes_room(w.a, "dead", 0), 0);
        CHECK_INT(lanes_room(w.b, "dead", 0), 0);
        CHECK_INT(lanes_room(w.b, "alive", 0), 8);
        world_close(&w);
}

/* Its time has come on both: who asks first tries, the other waits for what comes of it. */
static void one_alone_probes(void)
{
        struct world w = world_open();

        fail_twice(&w, w.a, "dead");
        CHECK_INT(exchange(&w, w.b, 0), ERR_OK);
        usleep((OPEN_MS + 20) * 1000);
        CHECK_INT(exchange(&w, w.b, 1000), ERR_OK);
        CHECK_INT(exchange(&w, w.a, 1000), ERR_OK);
        CHECK_INT(lanes_room(w.b, "dead", 1000), 1);
        CHECK_INT(lanes_room(w.a, "dead", 1000), 0);

        attempt(w.b, "dead", &well, 1001);
        CHECK_INT(exchange(&w, w.b, 1001), ERR_OK);
        CHECK_INT(exchange(&w, w.a, 1001), ERR_OK);
        CHECK_INT(lanes_room(w.b, "dead", 1001), 8);
        CHECK_INT(lanes_room(w.a, "dead", 1001), 8);
        world_close(&w);
}

static void a_failed_probe_opens_it_for_all_again(void)
{
        struct world w = world_open();
        int64_t counts[BREAKER_STATES];

        fail_twice(&w, w.a, "dead");
        CHECK_INT(exchange(&w, w.b, 0), ERR_OK);
        usleep((OPEN_MS + 20) * 1000);
        CHECK_INT(exchange(&w, w.a, 1000), ERR_OK);
        attempt(w.a, "dead", &unwell, 1000);
        CHECK_INT(exchange(&w, w.a, 1000), ERR_OK);
        CHECK_INT(exchange(&w, w.b, 1000), ERR_OK);
        CHECK_INT(exchange(&w, w.b, 1001), ERR_OK);
        CHECK_INT(lanes_room(w.a, "dead", 1001), 0);
        CHECK_INT(lanes_room(w.b, "dead", 1001), 0);
        lanes_count(w.b, counts);
        CHECK_INT(counts[BREAKER_OPEN], 1);
        world_close(&w);
}

static void a_probe_whose_replica_died_is_anothers(void)
{
        struct world w = world_open();

        fail_twice(&w, w.a, "dead");
        CHECK_INT(exchange(&w, w.b, 0), ERR_OK);
        usleep((OPEN_MS + 20) * 1000);
        CHECK_INT(exchange(&w, w.a, 1000), ERR_OK);
        CHECK_INT(lanes_room(w.a, "dead", 1000), 1); /* and nothing is ever heard of it */
        CHECK_INT(exchange(&w, w.b, 1000), ERR_OK);
        CHECK_INT(lanes_room(w.b, "dead", 1000), 0);
        usleep((PROBE_MS + 20) * 1000);
        CHECK_INT(exchange(&w, w.b, 2000), ERR_OK);
        CHECK_INT(lanes_room(w.b, "dead", 2000), 1);
        world_close(&w);
}

static void without_redis_each_decides_alone_and_tells_later(void)
{
        struct world w = world_open();

        CHECK_INT(exchange(&w, w.a, 0), ERR_OK);
        CHECK_INT(exchange(&w, w.b, 0), ERR_OK);
        redis_server_stop(&w.redis);
        attempt(w.a, "dead", &unwell, 0);
        attempt(w.a, "dead", &unwell, 0);
        CHECK(exchange(&w, w.a, 0) != ERR_OK);
        CHECK_INT(lanes_room(w.a, "dead", 0), 0);
        CHECK_INT(lanes_room(w.a, "dead", OPEN_MS), 1); /* by itself */
        attempt(w.a, "dead", &unwell, OPEN_MS);
        CHECK_INT(lanes_room(w.b, "dead", 0), 8);

        CHECK(redis_server_start(&w.redis, NULL));
        for (int i = 0; i < 100 && exchange(&w, w.a, OPEN_MS); i++)
                usleep(50000);
        CHECK_INT(exchange(&w, w.b, 0), ERR_OK);
        CHECK_INT(lanes_room(w.b, "dead", 0), 0);
        world_close(&w);
}

static void an_empty_redis_is_a_clean_start(void)
{
        struct world w = world_open();
        struct cache_value value;

        fail_twice(&w, w.a, "dead");
        CHECK_INT(cache_command(w.cache, w.arena, CACHE_ARGS(cache_text("FLUSHALL")), &value), ERR_OK);
        CHECK_INT(exchange(&w, w.a, 1), ERR_OK);
        CHECK_INT(lanes_room(w.a, "dead", 1), 8); /* it is tried again, and found dead again */
        fail_twice(&w, w.a, "dead");
        CHECK_INT(lanes_room(w.a, "dead", 1), 0);
        world_close(&w);
}

UNIT_TESTS(UNIT(what_one_finds_holds_for_all), UNIT(one_alone_probes), UNIT(a_failed_probe_opens_it_for_all_again),
           UNIT(a_probe_whose_replica_died_is_anothers), UNIT(without_redis_each_decides_alone_and_tells_later),
           UNIT(an_empty_redis_is_a_clean_start))
