#include "services/webhook/timeline.h"

#include "common/base/attr.h"
#include "tests/support/unit.h"

static const int64_t delays_ms[] = {5000, 30000, 120000};
static const struct retry_policy plain = {delays_ms, ARRAY_LEN(delays_ms), 0};
static const struct retry_policy shaken = {delays_ms, ARRAY_LEN(delays_ms), 0.2};
static const struct timeline_step answer_503 = {.status = 503, .duration_ms = 100};

static void three_delays_make_four_attempts(void)
{
        struct timeline line;

        timeline_run(&plain, &answer_503, 1, &line);
        CHECK_INT(line.count, 4);
        CHECK_INT(line.attempts[0].planned_ms, 0);
        CHECK_INT(line.attempts[1].planned_ms, 5100);
        CHECK_INT(line.attempts[2].planned_ms, 35200);
        CHECK_INT(line.attempts[3].planned_ms, 155300);
        CHECK_INT(line.attempts[3].earliest_ms, 155300);
        CHECK_INT(line.attempts[3].latest_ms, 155300);
        CHECK_INT(line.state, DELIVERY_FAILED);
        CHECK_TEXT(line.reason, "schedule_exhausted");
}

static void jitter_widens_each_delay(void)
{
        struct timeline line;

        timeline_run(&shaken, &answer_503, 1, &line);
        CHECK_INT(line.attempts[1].earliest_ms, 4100);
        CHECK_INT(line.attempts[1].planned_ms, 5100);
        CHECK_INT(line.attempts[1].latest_ms, 6100);
        CHECK_INT(line.attempts[2].earliest_ms, 28200);
        CHECK_INT(line.attempts[2].latest_ms, 42200);
}

static void retry_after_moves_the_next_one_later(void)
{
        static const struct timeline_step steps[] = {{.status = 429, .retry_after_ms = 60000}, {.status = 200}};
        struct timeline line;

        timeline_run(&plain, steps, 2, &line);
        CHECK_INT(line.count, 2);
        CHECK_INT(line.attempts[1].planned_ms, 60000);
        CHECK_INT(line.state, DELIVERY_SUCCEEDED);
        CHECK(line.reason == NULL);
}

static void a_final_outcome_ends_it(void)
{
        static const struct timeline_step steps[] = {{.transport = TRANSPORT_CONNECT}, {.status = 410}};
        struct timeline line;

        timeline_run(&plain, steps, 2, &line);
        CHECK_INT(line.count, 2);
        CHECK_INT(line.state, DELIVERY_FAILED);
        CHECK_TEXT(line.reason, "final_outcome");
}

static void without_a_schedule_there_is_one_attempt(void)
{
        const struct retry_policy none = {NULL, 0, 0.2};
        struct timeline line;

        timeline_run(&none, &answer_503, 1, &line);
        CHECK_INT(line.count, 1);
        CHECK_TEXT(line.reason, "schedule_exhausted");
}

static void the_longest_schedule_fits(void)
{
        int64_t longest[LIMIT_WEBHOOK_RETRIES];
        const struct retry_policy policy = {longest, ARRAY_LEN(longest), 0};
        struct timeline line;

        for (size_t i = 0; i < ARRAY_LEN(longest); i++)
                longest[i] = 1000;
        timeline_run(&policy, &answer_503, 1, &line);
        CHECK_INT(line.count, TIMELINE_MAX);
        CHECK_INT(line.state, DELIVERY_FAILED);
}

static void what_is_not_leased_does_not_move(void)
{
        struct delivery_progress progress = {.state = DELIVERY_SUCCEEDED};
        const char *reason = "untouched";

        CHECK(!attempt_ended(&progress, outcome_of(TRANSPORT_ANSWER, 503), &plain, 1, 0.5, 0, &reason));
        CHECK(!attempt_ended(&progress, outcome_of(TRANSPORT_ANSWER, 404), &plain, 1, 0.5, 0, &reason));
        CHECK_INT(progress.state, DELIVERY_SUCCEEDED);
        CHECK_TEXT(reason, "untouched");
}

static void steps_are_read(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct timeline_step step;

        CHECK(timeline_step_read(arena, "503", 30000, &step));
        CHECK_INT(step.status, 503);
        CHECK(timeline_step_read(arena, "429:7200", 30000, &step));
        CHECK_INT(step.retry_after_ms, 7200000);
        CHECK(timeline_step_read(arena, "timeout", 30000, &step));
        CHECK_INT(step.transport, TRANSPORT_TIMEOUT);
        CHECK_INT(step.duration_ms, 30000);
        CHECK(timeline_step_read(arena, "tls", 30000, &step));
        CHECK_INT(step.transport, TRANSPORT_TLS);
        CHECK(!timeline_step_read(arena, "success", 30000, &step));
        CHECK(!timeline_step_read(arena, "", 30000, &step));
        CHECK(!timeline_step_read(arena, "100", 30000, &step));
        CHECK(!timeline_step_read(arena, "503:", 30000, &step));
        CHECK(!timeline_step_read(arena, "503:1:2", 30000, &step));
        CHECK(!timeline_step_read(arena, "503:99999999", 30000, &step));
}

UNIT_TESTS(UNIT(three_delays_make_four_attempts), UNIT(jitter_widens_each_delay),
           UNIT(retry_after_moves_the_next_one_later), UNIT(a_final_outcome_ends_it),
           UNIT(without_a_schedule_there_is_one_attempt), UNIT(the_longest_schedule_fits),
           UNIT(what_is_not_leased_does_not_move), UNIT(steps_are_read))
