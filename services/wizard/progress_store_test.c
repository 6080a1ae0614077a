#include "services/wizard/progress_store.h"

#include <string.h>

#include "common/base/clock.h"
#include "services/wizard/wizard_events.h"
#include "tests/support/redis_server.h"
#include "tests/support/unit.h"

#define MARKET "VR-2024-A1B2C3D4E5F6"
#define TTL_MS 60000

static struct redis_server server;
static struct progress_store store;
static struct arena *arena;

/* Each case on an empty Redis. */
static void begin(void)
{
        struct cache_value value = {0};

        if (!arena) {
                arena = arena_new();
                CHECK(redis_server_start(&server, NULL));
                const struct cache_config config = {.url = server.url, .pool = 4, .timeout_ms = 1000};
                CHECK(cache_open(&config, &store.cache) == ERR_OK);
                store.ttl_ms = TTL_MS;
        }
        CHECK(cache_command(store.cache, arena, CACHE_ARGS(cache_text("FLUSHALL")), &value) == ERR_OK);
}

static struct event started(int64_t now_ms)
{
        const struct wizard_event_context context = {.arena = arena, .identifier = MARKET, .now_ms = now_ms};
        struct event event = {0};

        CHECK(wizard_event_started(&context, &event) == ERR_OK);
        return event;
}

static struct event submitted(int64_t now_ms, const struct progress *progress)
{
        const struct wizard_event_context context = {.arena = arena, .identifier = MARKET, .now_ms = now_ms};
        struct event event = {0};

        CHECK(wizard_event_submitted(&context, progress, &event) == ERR_OK);
        return event;
}

static size_t waiting(void)
{
        const char *cursor = "0";
        struct event *events = NULL;
        size_t count = 0;

        CHECK(waiting_scan(&store, arena, &cursor, &events, &count) == ERR_OK);
        return count;
}

static enum err load(int64_t now_ms, struct progress *ret_progress)
{
        struct visit visit = {0};
        enum err err = visit_load(&store, arena, MARKET, &visit);

        return err ? err : progress_of(&store, arena, &visit, now_ms, ret_progress);
}

static void progress_comes_back_as_it_was_saved(void)
{
        const char *chosen[] = {"turnover_three_years", "iso"};
        int64_t now = clock_wall_ms();
        struct progress progress = {.started_ms = now - 5000,
                                    .updated_ms = now,
                                    .entered_ms = {1, 2, 3, 0},
                                    .done = 2,
                                    .add_defense = true,
                                    .answer = ANSWER_YES,
                                    .chosen = chosen,
                                    .chosen_count = 2};
        struct progress back = {0};

        begin();
        CHECK(progress_save(&store, arena, MARKET, &progress, NULL, 0) == ERR_OK);
        CHECK(load(now, &back) == ERR_OK);
        CHECK_INT(back.version, 1);
        CHECK_INT(back.started_ms, now - 5000);
        CHECK_INT(back.entered_ms[2], 3);
        CHECK_INT(back.done, 2);
        CHECK(back.add_defense);
        CHECK_INT(back.answer, ANSWER_YES);
        CHECK_INT(back.chosen_count, 2);
        CHECK_TEXT(back.chosen[1], "iso");
}

static void a_save_over_somebody_elses_is_refused(void)
{
        struct progress mine = {.updated_ms = clock_wall_ms()}, theirs = mine;

        begin();
        CHECK(progress_save(&store, arena, MARKET, &mine, NULL, 0) == ERR_OK);
        CHECK(progress_save(&store, arena, MARKET, &theirs, NULL, 0) == ERR_CONFLICT);
        CHECK(progress_save(&store, arena, MARKET, &mine, NULL, 0) == ERR_OK);
        CHECK_INT(mine.version, 2);
}

static void events_wait_only_if_the_save_went_through(void)
{
        int64_t now = clock_wall_ms();
        struct progress mine = {.updated_ms = now}, theirs = mine;
        struct event event = started(now), other = started(now), back = {0};

        begin();
        CHECK(progress_save(&store, arena, MARKET, &mine, &event, 1) == ERR_OK);
        CHECK(progress_save(&store, arena, MARKET, &theirs, &other, 1) == ERR_CONFLICT);
        CHECK_INT(waiting(), 1);
        CHECK(waiting_get(&store, arena, event.id, &back) == ERR_OK);
        CHECK_TEXT(back.type, "configuration.started");
        CHECK_TEXT(back.subject, MARKET);
        CHECK_TEXT(back.data, event.data);
        CHECK(waiting_remove(&store, arena, event.id) == ERR_OK);
        CHECK_INT(waiting(), 0);
}

static void lapsed_progress_is_gone_but_known_to_have_been(void)
{
        int64_t now = clock_wall_ms();
        struct progress old = {.updated_ms = now - TTL_MS - 1, .done = 2}, fresh = {.updated_ms = now}, back = {0};
        bool was_started = false;

        begin();
        CHECK(progress_was_started(&store, arena, MARKET, &was_started) == ERR_OK);
        CHECK(!was_started);
        CHECK(progress_save(&store, arena, MARKET, &old, NULL, 0) == ERR_OK);
        CHECK(load(now, &back) == ERR_NOT_FOUND);
        CHECK(progress_was_started(&store, arena, MARKET, &was_started) == ERR_OK);
        CHECK(was_started);
        CHECK(progress_save(&store, arena, MARKET, &fresh, NULL, 0) == ERR_OK); /* a fresh start takes its place */
        CHECK(load(now, &back) == ERR_OK);
        CHECK_INT(back.done, 0);
}

static void one_caller_ends_a_lapse(void)
{
        int64_t now = clock_wall_ms();
        struct progress old = {.updated_ms = now - TTL_MS - 1, .done = 2}, back = {0};
        struct event event = started(now);
        const char *const *identifiers = NULL;
        size_t count = 0;
        bool ended = false;

        begin();
        CHECK(progress_save(&store, arena, MARKET, &old, NULL, 0) == ERR_OK);
        CHECK(lapsed_list(&store, arena, now, &identifiers, &count) == ERR_OK);
        CHECK_INT(count, 1);
        CHECK_TEXT(identifiers[0], MARKET);
        CHECK(lapsed_load(&store, arena, MARKET, &back) == ERR_OK);
        CHECK_INT(back.done, 2);
        CHECK(lapsed_end(&store, arena, MARKET, &event, &ended) == ERR_OK);
        CHECK(ended);
        CHECK_INT(waiting(), 1);
        CHECK(lapsed_end(&store, arena, MARKET, &event, &ended) == ERR_OK);
        CHECK(!ended);
}

static void progress_taken_up_again_is_not_ended(void)
{
        int64_t now = clock_wall_ms();
        struct progress progress = {.updated_ms = now};
        struct event event = started(now);
        bool ended = true;

        begin();
        CHECK(progress_save(&store, arena, MARKET, &progress, NULL, 0) == ERR_OK);
        CHECK(lapsed_end(&store, arena, MARKET, &event, &ended) == ERR_OK);
        CHECK(!ended);
        CHECK_INT(waiting(), 0);
}

static void confirming_twice_keeps_the_first(void)
{
        struct progress progress = {.started_ms = 1};
        struct event first = submitted(clock_wall_ms(), &progress), second = submitted(clock_wall_ms(), &progress);
        const char *id = NULL;
        bool exists = false;

        begin();
        CHECK(submission_keep(&store, arena, &first, &id) == ERR_OK);
        CHECK_TEXT(id, first.id);
        CHECK(submission_keep(&store, arena, &second, &id) == ERR_OK);
        CHECK_TEXT(id, first.id);
        CHECK_INT(waiting(), 1);
        CHECK(submission_exists(&store, arena, MARKET, &exists) == ERR_OK);
        CHECK(exists);
        CHECK(submission_forget(&store, arena, MARKET, first.id) == ERR_OK);
        CHECK(submission_exists(&store, arena, MARKET, &exists) == ERR_OK);
        CHECK(!exists);
        CHECK_INT(waiting(), 0);
}

static void one_replica_has_the_turn(void)
{
        bool first = false, second = true;

        begin();
        CHECK(sweep_turn(&store, arena, 60000, &first) == ERR_OK);
        CHECK(sweep_turn(&store, arena, 60000, &second) == ERR_OK);
        CHECK(first);
        CHECK(!second);
}

static void the_server_stops(void)
{
        cache_close(store.cache);
        arena_free(arena);
        redis_server_stop(&server);
}

UNIT_TESTS(UNIT(progress_comes_back_as_it_was_saved), UNIT(a_save_over_somebody_elses_is_refused),
           UNIT(events_wait_only_if_the_save_went_through), UNIT(lapsed_progress_is_gone_but_known_to_have_been),
           UNIT(one_caller_ends_a_lapse), UNIT(progress_taken_up_again_is_not_ended),
           UNIT(confirming_twice_keeps_the_first), UNIT(one_replica_has_the_turn), UNIT(the_server_stops))
