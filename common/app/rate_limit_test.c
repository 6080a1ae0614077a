#include "common/app/rate_limit.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "tests/support/redis_server.h"
#include "tests/support/unit.h"

#define WINDOW_MS 60000

struct place {
        struct redis_server redis;
        struct metrics *metrics;
        struct arena *arena;
        struct rate_limiter limiter;
};

static void place_open(struct place *place, int64_t limit)
{
        place->arena = arena_new();
        place->metrics = metrics_new();
        CHECK(redis_server_start(&place->redis, NULL));
        place->limiter = (struct rate_limiter){.name = "api", .limit = limit, .window_ms = WINDOW_MS};
        place->limiter.limited = rate_limit_series(place->metrics, "api");
        CHECK_INT(cache_open(&(struct cache_config){.url = place->redis.url, .pool = 8, .timeout_ms = 1000},
                             &place->limiter.cache),
                  ERR_OK);
}

static void place_done(struct place *place)
{
        cache_close(place->limiter.cache);
        redis_server_stop(&place->redis);
        metrics_free(place->metrics);
        arena_free(place->arena);
}

static void counts_down_then_refuses(void)
{
        AUTO(place_done) struct place place = {0};
        AUTO(buf_done) struct buf text = {0};
        struct rate_limit state = {0};
        int64_t now_s = clock_wall_ms() / 1000;

        place_open(&place, 2);
        CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-1", &state), ERR_OK);
        CHECK_INT(state.limit, 2);
        CHECK_INT(state.remaining, 1);
        CHECK(state.reset_s >= now_s + 60 && state.reset_s <= now_s + 62);
        int64_t reset_s = state.reset_s;
        CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-1", &state), ERR_OK);
        CHECK_INT(state.remaining, 0);
        for (int i = 0; i < 3; i++) {
                state = (struct rate_limit){0};
                CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-1", &state), ERR_RATE_LIMITED);
                CHECK_INT(state.limit, 2);
                CHECK_INT(state.remaining, 0);
                CHECK_INT(state.reset_s, reset_s);
                CHECK(state.wait_s > 50 && state.wait_s <= 60);
        }
        metrics_write(place.metrics, &text);
        CHECK(strstr(buf_text(&text), "vr_rate_limited_total{scope=\"api\"} 3\n") != NULL);
}

static void looking_counts_nothing_and_says_what_would_come(void)
{
        AUTO(place_done) struct place place = {0};
        AUTO(buf_done) struct buf text = {0};
        struct rate_limit state = {0};

        place_open(&place, 1);
        for (int i = 0; i < 3; i++) {
                CHECK_INT(rate_limit_peek(&place.limiter, place.arena, "ed-1", &state), ERR_OK);
                CHECK_INT(state.remaining, 1);
        }
        CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-1", &state), ERR_OK);
        CHECK_INT(rate_limit_peek(&place.limiter, place.arena, "ed-1", &state), ERR_RATE_LIMITED);
        CHECK_INT(state.remaining, 0);
        CHECK(state.wait_s > 50 && state.wait_s <= 60);
        CHECK_INT(rate_limit_peek(&place.limiter, place.arena, "ed-2", &state), ERR_OK);
        metrics_write(place.metrics, &text);
        CHECK(strstr(buf_text(&text), "vr_rate_limited_total{scope=\"api\"} 0\n") != NULL);
}

static void keys_and_names_count_apart(void)
{
        AUTO(place_done) struct place place = {0};
        struct rate_limit state;
        struct rate_limiter other;

        place_open(&place, 1);
        other = place.limiter;
        other.name = "token";
        CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-1", &state), ERR_OK);
        CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-2", &state), ERR_OK);
        CHECK_INT(rate_limit_count(&other, place.arena, "ed-1", &state), ERR_OK);
        CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-1", &state), ERR_RATE_LIMITED);
}

static void zero_is_off_and_does_not_ask(void)
{
        AUTO(place_done) struct place place = {0};
        struct rate_limit state = {.limit = 7};

        place_open(&place, 0);
        redis_server_stop(&place.redis);
        for (int i = 0; i < 5; i++)
                CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-1", &state), ERR_OK);
        CHECK_INT(state.limit, 0);
}

static void a_window_ends(void)
{
        AUTO(place_done) struct place place = {0};
        struct rate_limit state;
        const struct timespec pause = {.tv_nsec = 5000000};
        int64_t first_reset_s, until_ms = clock_mono_ms() + 5000;
        enum err err;

        place_open(&place, 1);
        place.limiter.window_ms = 100;
        CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-1", &state), ERR_OK);
        first_reset_s = state.reset_s;
        CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-1", &state), ERR_RATE_LIMITED);
        CHECK_INT(state.wait_s, 1);
        while ((err = rate_limit_count(&place.limiter, place.arena, "ed-1", &state)) && clock_mono_ms() < until_ms)
                nanosleep(&pause, NULL);
        CHECK_INT(err, ERR_OK);
        CHECK(state.reset_s >= first_reset_s);
}

/* As after the clock of Redis was put back by a day: nobody is locked out for longer than a window. */
static void a_window_too_far_ahead_starts_anew(void)
{
        AUTO(place_done) struct place place = {0};
        struct rate_limit state;
        struct cache_value ignored;

        place_open(&place, 1);
        CHECK_INT(cache_command(place.limiter.cache, place.arena,
                                CACHE_ARGS(cache_text("HSET"), cache_text("vr:rate:api:ed-1"), cache_text("count"),
                                           cache_text("1"), cache_text("ends"),
                                           cache_int(place.arena, clock_wall_ms() + 86400000)),
                                &ignored),
                  ERR_OK);
        CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-1", &state), ERR_OK);
        CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-1", &state), ERR_RATE_LIMITED);
        CHECK(state.wait_s <= WINDOW_MS / 1000);
}

static void a_key_goes_with_its_window(void)
{
        AUTO(place_done) struct place place = {0};
        struct rate_limit state;
        struct cache_value ttl = {0};

        place_open(&place, 1);
        CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-1", &state), ERR_OK);
        CHECK_INT(cache_command(place.limiter.cache, place.arena,
                                CACHE_ARGS(cache_text("PTTL"), cache_text("vr:rate:api:ed-1")), &ttl),
                  ERR_OK);
        CHECK(ttl.integer > 0 && ttl.integer <= WINDOW_MS);
}

static void without_redis_it_says_so(void)
{
        AUTO(place_done) struct place place = {0};
        struct rate_limit state;

        place_open(&place, 1);
        redis_server_stop(&place.redis);
        CHECK_INT(rate_limit_count(&place.limiter, place.arena, "ed-1", &state), ERR_UNAVAILABLE);
}

/* ---- many at once ---- */

#define THREADS  8
#define PER_EACH 50
#define ALLOWED  123

struct caller {
        const struct rate_limiter *limiter;
        int allowed, refused;
};

static void *call(void *arg)
{
        struct caller *caller = arg;

        for (int i = 0; i < PER_EACH; i++) {
                AUTO(arena_freep) struct arena *arena = arena_new();
                struct rate_limit state;
                enum err err = rate_limit_count(caller->limiter, arena, "ed-1", &state);

                caller->allowed += err == ERR_OK;
                caller->refused += err == ERR_RATE_LIMITED;
        }
        return NULL;
}

static void callers_at_once_share_one_count(void)
{
        AUTO(place_done) struct place place = {0};
        struct caller callers[THREADS] = {0};
        pthread_t threads[THREADS];
        int allowed = 0, refused = 0;

        place_open(&place, ALLOWED);
        for (int i = 0; i < THREADS; i++) {
                callers[i].limiter = &place.limiter;
                CHECK_INT(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
                pthread_join(threads[i], NULL);
                allowed += callers[i].allowed;
                refused += callers[i].refused;
        }
        CHECK_INT(allowed, ALLOWED);
        CHECK_INT(refused, THREADS * PER_EACH - ALLOWED);
}

UNIT_TESTS(UNIT(counts_down_then_refuses), UNIT(looking_counts_nothing_and_says_what_would_come),
           UNIT(keys_and_names_count_apart), UNIT(zero_is_off_and_does_not_ask), UNIT(a_window_ends),
           UNIT(a_window_too_far_ahead_starts_anew), UNIT(a_key_goes_with_its_window), UNIT(without_redis_it_says_so),
           UNIT(callers_at_once_share_one_count))
