#include "services/webhook/lanes.h"

#include <stdio.h>

#include "tests/support/unit.h"

static const struct breaker_policy policy = {.failures = 2, .open_ms = 1000};
static const struct lane_result well = {.judged = true, .pace = PACE_WELL};
static const struct lane_result unwell = {.judged = true, .unhealthy = true};
static const struct lane_result given_back = {.judged = false};

static void an_endpoint_has_so_many_places(void)
{
        struct lanes *lanes = lanes_new(&policy, 2);

        CHECK_INT(lanes_room(lanes, "a", 0), 2);
        lanes_enter(lanes, "a");
        lanes_enter(lanes, "a");
        CHECK_INT(lanes_room(lanes, "a", 0), 0);
        CHECK_INT(lanes_room(lanes, "b", 0), 2);
        lanes_leave(lanes, "a", &well, 0);
        CHECK_INT(lanes_room(lanes, "a", 0), 1);
        lanes_free(lanes);
}

static void zero_is_no_limit(void)
{
        struct lanes *lanes = lanes_new(&policy, 0);

        lanes_enter(lanes, "a");
        CHECK(lanes_room(lanes, "a", 0) > 1000);
        lanes_free(lanes);
}

static void an_open_circuit_closes_one_endpoint_alone(void)
{
        struct lanes *lanes = lanes_new(&policy, 4);
        int64_t counts[BREAKER_STATES];

        for (int i = 0; i < 2; i++) {
                lanes_enter(lanes, "a");
                lanes_leave(lanes, "a", &unwell, 0);
        }
        CHECK_INT(lanes_room(lanes, "a", 999), 0);
        CHECK_INT(lanes_room(lanes, "b", 999), 4);
        lanes_count(lanes, counts);
        CHECK_INT(counts[BREAKER_OPEN], 1);
        CHECK_INT(lanes_room(lanes, "a", 1000), 1);
        lanes_enter(lanes, "a");
        CHECK_INT(lanes_room(lanes, "a", 1000), 0);
        lanes_leave(lanes, "a", &well, 1001);
        CHECK_INT(lanes_room(lanes, "a", 1001), 4);
        lanes_free(lanes);
}

static void what_was_given_back_is_not_judged(void)
{
        struct lanes *lanes = lanes_new(&policy, 4);

        for (int i = 0; i < 5; i++) {
                lanes_enter(lanes, "a");
                lanes_leave(lanes, "a", &given_back, 0);
        }
        CHECK_INT(lanes_room(lanes, "a", 0), 4);
        lanes_free(lanes);
}

static void well_and_idle_endpoints_are_forgotten(void)
{
        struct lanes *lanes = lanes_new(&policy, 4);
        int64_t counts[BREAKER_STATES];
        char editor_id[16];

        for (int i = 0; i < 5000; i++) {
                snprintf(editor_id, sizeof(editor_id), "editor-%d", i);
                lanes_enter(lanes, editor_id);
        }
        lanes_count(lanes, counts);
        CHECK_INT(counts[BREAKER_CLOSED], 5000);
        for (int i = 0; i < 5000; i++) {
                snprintf(editor_id, sizeof(editor_id), "editor-%d", i);
                lanes_leave(lanes, editor_id, &well, 0);
        }
        lanes_count(lanes, counts);
        CHECK_INT(counts[BREAKER_CLOSED], 0);
        lanes_free(lanes);
}

static void timeouts_narrow_one_endpoint_alone(void)
{
        static const struct breaker_policy never = {0};
        struct lanes *lanes = lanes_new(&never, 8);
        const struct lane_result late = {.judged = true, .unhealthy = true, .pace = PACE_TOO_MUCH};
        int answers = 0;

        for (int i = 0; i < 8; i++)
                lanes_enter(lanes, "slow");
        for (int i = 0; i < 8; i++)
                lanes_leave(lanes, "slow", &late, 1000);
        CHECK_INT(lanes_room(lanes, "slow", 1000), 4);
        CHECK_INT(lanes_room(lanes, "b", 1000), 8);
        for (; lanes_room(lanes, "slow", 1000) < 8 && answers < 100; answers++) {
                lanes_enter(lanes, "slow");
                lanes_leave(lanes, "slow", &well, 1000);
        }
        CHECK_INT(answers, 4 + 5 + 6 + 7);
        lanes_free(lanes);
}

UNIT_TESTS(UNIT(timeouts_narrow_one_endpoint_alone), UNIT(an_endpoint_has_so_many_places), UNIT(zero_is_no_limit),
           UNIT(an_open_circuit_closes_one_endpoint_alone), UNIT(what_was_given_back_is_not_judged),
           UNIT(well_and_idle_endpoints_are_forgotten))
