#include "common/io/cache.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "tests/support/redis_server.h"
#include "tests/support/unit.h"

static void close_cache(struct cache **cache)
{
        cache_close(*cache);
}

static void ignore_sigpipe(void)
{
        struct sigaction ignore = {.sa_handler = SIG_IGN};

        sigaction(SIGPIPE, &ignore, NULL);
}

/* A Redis, a cache on it, an arena. */
struct fixture {
        struct redis_server redis;
        struct cache *cache;
        struct arena *arena;
};

static struct fixture fixture_new(int pool)
{
        struct fixture f = {.arena = arena_new()};

        ignore_sigpipe();
        CHECK(redis_server_start(&f.redis, NULL));
        CHECK_INT(cache_open(&(struct cache_config){.url = f.redis.url, .pool = pool, .timeout_ms = 200}, &f.cache),
                  ERR_OK);
        return f;
}

static void fixture_done(struct fixture *f)
{
        cache_close(f->cache);
        redis_server_stop(&f->redis);
        arena_free(f->arena);
}

static void check_url(const char *url, enum err expected)
{
        AUTO(close_cache) struct cache *cache = NULL;

        if (cache_open(&(struct cache_config){.url = url}, &cache) != expected)
                unit_fail(__FILE__, __LINE__, "%s", url ? url : "NULL");
}

static void urls_good_and_bad(void)
{
        check_url("redis://localhost", ERR_OK);
        check_url("redis://localhost/", ERR_OK);
        check_url("redis://127.0.0.1:6380/3", ERR_OK);
        check_url("redis://:secret@host:1", ERR_OK);
        check_url("redis://user:se%40cret@[::1]:6379/0", ERR_OK);
        check_url(NULL, ERR_INVALID);
        check_url("", ERR_INVALID);
        check_url("rediss://host", ERR_INVALID);
        check_url("redis://", ERR_INVALID);
        check_url("redis://:6379", ERR_INVALID);
        check_url("redis://host:0", ERR_INVALID);
        check_url("redis://host:65536", ERR_INVALID);
        check_url("redis://host:63x", ERR_INVALID);
        check_url("redis://host/x", ERR_INVALID);
        check_url("redis://user@host", ERR_INVALID);
        check_url("redis://u:%zz@host", ERR_INVALID);
        check_url("redis://[::1", ERR_INVALID);
        check_url("redis://[::1]x", ERR_INVALID);
}

static void what_is_set_can_be_read(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(2);
        const char *text = NULL;

        CHECK_INT(cache_ping(f.cache), ERR_OK);
        CHECK_INT(cache_get(f.cache, f.arena, "k", &text), ERR_NOT_FOUND);
        CHECK_INT(cache_set(f.cache, "k", "é %s %b\r\n", 0), ERR_OK);
        CHECK_INT(cache_get(f.cache, f.arena, "k", &text), ERR_OK);
        CHECK_TEXT(text, "é %s %b\r\n");
        CHECK_INT(cache_delete(f.cache, "k"), ERR_OK);
        CHECK_INT(cache_get(f.cache, f.arena, "k", &text), ERR_NOT_FOUND);
}

static void a_time_to_live_is_in_milliseconds(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(2);
        struct cache_value ttl = {0};

        CHECK_INT(cache_set(f.cache, "k", "v", 5000), ERR_OK);
        CHECK_INT(cache_command(f.cache, f.arena, CACHE_ARGS(cache_text("PTTL"), cache_text("k")), &ttl), ERR_OK);
        CHECK_INT(ttl.type, CACHE_INTEGER);
        CHECK(ttl.integer > 3000 && ttl.integer <= 5000);
}

static void bytes_pass_as_they_are(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(2);
        struct cache_arg key = cache_text("k"), bytes = {"a\0b", 3};
        struct cache_value value = {0};

        CHECK_INT(cache_command(f.cache, f.arena, CACHE_ARGS(cache_text("SET"), key, bytes), &value), ERR_OK);
        CHECK_TEXT(value.text, "OK");
        CHECK_INT(cache_command(f.cache, f.arena, CACHE_ARGS(cache_text("GET"), key), &value), ERR_OK);
        CHECK_INT(value.length, 3);
        CHECK(memcmp(value.text, "a\0b", 4) == 0);
}

static void a_refused_command_leaves_the_connection_usable(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(1);
        struct cache_value value = {.integer = 9};

        CHECK_INT(cache_command(f.cache, f.arena, CACHE_ARGS(cache_text("NOSUCHTHING")), &value), ERR_INTERNAL);
        CHECK_INT(value.integer, 9);
        CHECK_INT(cache_ping(f.cache), ERR_OK);
}

static void a_value_too_large_never_leaves(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(1);
        char *large = malloc(LIMIT_CACHE_VALUE_BYTES + 2);

        memset(large, 'x', LIMIT_CACHE_VALUE_BYTES + 1);
        large[LIMIT_CACHE_VALUE_BYTES + 1] = '\0';
        CHECK_INT(cache_set(f.cache, "k", large, 0), ERR_INTERNAL);
        CHECK_INT(cache_set(f.cache, "k", large + 1, 0), ERR_OK);
        free(large);
}

static void a_pipeline_answers_in_order(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(1);
        struct cache_arg set[] = {cache_text("SET"), cache_text("a"), cache_text("1")};
        struct cache_arg incr[] = {cache_text("INCR"), cache_text("a")};
        struct cache_arg mget[] = {cache_text("MGET"), cache_text("a"), cache_text("none")};
        struct cache_batch_item items[] = {{set, 3}, {incr, 2}, {mget, 3}};

        CHECK_INT(cache_pipeline(f.cache, f.arena, items, 3), ERR_OK);
        CHECK_INT(items[1].value.integer, 2);
        CHECK_INT(items[2].value.type, CACHE_LIST);
        CHECK_INT(items[2].value.length, 2);
        CHECK_TEXT(items[2].value.list[0].text, "2");
        CHECK_INT(items[2].value.list[1].type, CACHE_NIL);
}

static void a_pipeline_with_one_refusal_reads_all_answers(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(1);
        struct cache_arg bad[] = {cache_text("NOSUCHTHING")};
        struct cache_arg echo[] = {cache_text("ECHO"), cache_text("x")};
        struct cache_batch_item items[] = {{bad, 1}, {echo, 2}};
        struct cache_value value = {0};

        CHECK_INT(cache_pipeline(f.cache, f.arena, items, 2), ERR_INTERNAL);
        CHECK_INT(cache_command(f.cache, f.arena, CACHE_ARGS(cache_text("ECHO"), cache_text("y")), &value), ERR_OK);
        CHECK_TEXT(value.text, "y");
}

static const struct cache_script add_script = {"add", "return redis.call('INCRBY', KEYS[1], ARGV[1])"};

static void a_script_runs_also_after_redis_forgot_it(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(1);
        struct cache_arg key = cache_text("n"), two = cache_text("2");
        struct cache_value value = {0};

        CHECK_INT(cache_run(f.cache, f.arena, &add_script, &key, 1, &two, 1, &value), ERR_OK);
        CHECK_INT(cache_run(f.cache, f.arena, &add_script, &key, 1, &two, 1, &value), ERR_OK);
        CHECK_INT(value.integer, 4);
        CHECK_INT(cache_command(f.cache, f.arena, CACHE_ARGS(cache_text("SCRIPT"), cache_text("FLUSH")), &value),
                  ERR_OK);
        CHECK_INT(cache_run(f.cache, f.arena, &add_script, &key, 1, &two, 1, &value), ERR_OK);
        CHECK_INT(value.integer, 6);
}

static void a_broken_script_is_our_error(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(1);
        static const struct cache_script broken = {"broken", "return redis.call('GET')"};
        struct cache_value value = {0};

        CHECK_INT(cache_run(f.cache, f.arena, &broken, NULL, 0, NULL, 0, &value), ERR_INTERNAL);
        CHECK_INT(cache_ping(f.cache), ERR_OK);
}

static void a_restarted_redis_costs_no_failure(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(4);
        const char *text = NULL;

        CHECK_INT(cache_set(f.cache, "k", "v", 0), ERR_OK);
        redis_server_stop(&f.redis);
        CHECK(redis_server_start(&f.redis, NULL));
        CHECK_INT(cache_get(f.cache, f.arena, "k", &text), ERR_NOT_FOUND);
}

static void an_absent_redis_is_told_at_once(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(1);
        int64_t started_ms;

        redis_server_stop(&f.redis);
        CHECK_INT(cache_ping(f.cache), ERR_UNAVAILABLE);
        started_ms = clock_mono_ms();
        for (int i = 0; i < 1000; i++)
                CHECK_INT(cache_ping(f.cache), ERR_UNAVAILABLE);
        CHECK(clock_mono_ms() - started_ms < 1000);
}

static void comes_back_by_itself(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(1);
        int64_t until_ms;
        enum err err = ERR_UNAVAILABLE;

        redis_server_stop(&f.redis);
        for (int i = 0; i < 5; i++)
                CHECK_INT(cache_ping(f.cache), ERR_UNAVAILABLE);
        CHECK(redis_server_start(&f.redis, NULL));
        until_ms = clock_mono_ms() + 3000;
        while (err && clock_mono_ms() < until_ms)
                err = cache_ping(f.cache);
        CHECK_INT(err, ERR_OK);
}

static void a_stopped_redis_times_out_in_200_ms(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(1);
        int64_t started_ms;

        CHECK_INT(cache_ping(f.cache), ERR_OK);
        kill(f.redis.pid, SIGSTOP);
        started_ms = clock_mono_ms();
        CHECK_INT(cache_ping(f.cache), ERR_UNAVAILABLE);
        CHECK(clock_mono_ms() - started_ms >= 150);
        CHECK(clock_mono_ms() - started_ms < 1000);
        started_ms = clock_mono_ms();
        CHECK_INT(cache_ping(f.cache), ERR_UNAVAILABLE); /* backing off */
        CHECK(clock_mono_ms() - started_ms < 100);
}

static void the_password_is_given(void)
{
        AUTO(redis_server_stop) struct redis_server redis = {0};
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(close_cache) struct cache *good = NULL;
        AUTO(close_cache) struct cache *bad = NULL;
        AUTO(close_cache) struct cache *none = NULL;

        CHECK(redis_server_start(&redis, "p@ss"));
        CHECK_INT(cache_open(&(struct cache_config){.url = arena_printf(arena, "redis://:p%%40ss@127.0.0.1:%d/2",
                                                                        redis.port)},
                             &good),
                  ERR_OK);
        CHECK_INT(cache_open(&(struct cache_config){.url = arena_printf(arena, "redis://:no@127.0.0.1:%d", redis.port)},
                             &bad),
                  ERR_OK);
        CHECK_INT(cache_open(&(struct cache_config){.url = redis.url}, &none), ERR_OK);
        CHECK_INT(cache_set(good, "k", "v", 0), ERR_OK);
        CHECK_INT(cache_ping(bad), ERR_UNAVAILABLE);
        CHECK_INT(cache_ping(none), ERR_UNAVAILABLE);
}

static void *count_many(void *arg)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct cache *cache = arg;
        struct cache_value value;

        for (int i = 0; i < 200; i++) {
                if (cache_command(cache, arena, CACHE_ARGS(cache_text("INCR"), cache_text("n")), &value))
                        return cache;
        }
        return NULL;
}

static void more_threads_than_connections(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(3);
        pthread_t threads[12];
        const char *text = NULL;

        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
                CHECK_INT(pthread_create(&threads[i], NULL, count_many, f.cache), 0);
        for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
                void *failed = NULL;

                pthread_join(threads[i], &failed);
                CHECK(!failed);
        }
        CHECK_INT(cache_get(f.cache, f.arena, "n", &text), ERR_OK);
        CHECK_TEXT(text, "2400");
}

/* Calls of many kinds share round trips: each has its own answers and errors. */
static void *ask_mixed(void *arg)
{
        static const struct cache_script script = {"own", "return {KEYS[1], ARGV[1]}"};
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct cache *cache = arg;

        for (int i = 0; i < 200; i++) {
                const struct cache_arg own = cache_text(arena_printf(arena, "%p-%d", (void *)arena, i));
                const struct cache_arg set[] = {cache_text("SET"), own, cache_int(arena, i)};
                const struct cache_arg wrong[] = {cache_text("INCR"), own, own};
                const struct cache_arg get[] = {cache_text("GET"), own};
                struct cache_batch_item items[] = {{.args = set, .count = 3}, {.args = get, .count = 2}};
                struct cache_value value = {0};

                if (cache_pipeline(cache, arena, items, 2) || strcmp(items[1].value.text, set[2].bytes) != 0)
                        return cache;
                if (cache_command(cache, arena, wrong, 3, &value) != ERR_INTERNAL)
                        return cache;
                if (cache_run(cache, arena, &script, &own, 1, &own, 1, &value) || value.length != 2 ||
                    strcmp(value.list[1].text, own.bytes) != 0)
                        return cache;
                arena_reset(arena);
        }
        return NULL;
}

static void calls_that_share_a_round_trip_keep_apart(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(16);
        pthread_t threads[16];

        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
                CHECK_INT(pthread_create(&threads[i], NULL, ask_mixed, f.cache), 0);
        for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
                void *failed = NULL;

                pthread_join(threads[i], &failed);
                CHECK(!failed);
        }
}

static void *ask_once(void *arg)
{
        return cache_ping(arg) == ERR_UNAVAILABLE ? NULL : arg;
}

static void a_stopped_redis_holds_nobody_for_long(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(16);
        pthread_t threads[16];
        int64_t from_ms;

        CHECK_INT(cache_ping(f.cache), ERR_OK);
        CHECK_INT(kill(f.redis.pid, SIGSTOP), 0);
        from_ms = clock_mono_ms();
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
                CHECK_INT(pthread_create(&threads[i], NULL, ask_once, f.cache), 0);
        for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
                void *failed = NULL;

                pthread_join(threads[i], &failed);
                CHECK(!failed);
        }
        CHECK(clock_mono_ms() - from_ms < 1500);
        CHECK_INT(kill(f.redis.pid, SIGCONT), 0);
}

static void commands_are_timed(void)
{
        AUTO(redis_server_stop) struct redis_server redis = {0};
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();
        AUTO(close_cache) struct cache *cache = NULL;
        AUTO(buf_done) struct buf out = {0};

        CHECK(redis_server_start(&redis, NULL));
        CHECK_INT(cache_open(&(struct cache_config){.url = redis.url, .metrics = metrics}, &cache), ERR_OK);
        CHECK_INT(cache_ping(cache), ERR_OK);
        metrics_write(metrics, &out);
        CHECK(strstr(buf_text(&out), "vr_redis_command_duration_seconds_count{command=\"ping\"} 1"));
}

UNIT_TESTS(UNIT(urls_good_and_bad), UNIT(what_is_set_can_be_read), UNIT(a_time_to_live_is_in_milliseconds),
           UNIT(bytes_pass_as_they_are), UNIT(a_refused_command_leaves_the_connection_usable),
           UNIT(a_value_too_large_never_leaves), UNIT(a_pipeline_answers_in_order),
           UNIT(a_pipeline_with_one_refusal_reads_all_answers), UNIT(a_script_runs_also_after_redis_forgot_it),
           UNIT(a_broken_script_is_our_error), UNIT(a_restarted_redis_costs_no_failure),
           UNIT(an_absent_redis_is_told_at_once), UNIT(comes_back_by_itself), UNIT(a_stopped_redis_times_out_in_200_ms),
           UNIT(the_password_is_given), UNIT(more_threads_than_connections),
           UNIT(calls_that_share_a_round_trip_keep_apart), UNIT(a_stopped_redis_holds_nobody_for_long),
           UNIT(commands_are_timed))
