#include "services/webhook/lanes.h"

#include <stdio.h>

#include "tests/support/unit.h"

static const struct breaker_policy policy = {.failures = 2, .open_ms = 1000};

static void an_endpoint_has_so_many_places(void)
{
        struct lanes *lanes = lanes_new(&policy, 2);

        CHECK_INT(lanes_room(lanes, "a", 0), 2);
        lanes_enter(lanes, "a");
        lanes_enter(lanes, "a");
        CHECK_INT(lanes_room(lanes, "a", 0), 0);
        CHECK_INT(lanes_room(lanes, "b", 0), 2);
        lanes_leave(lanes, "a", true, false, 0);
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
                lanes_leave(lanes, "a", true, true, 0);
        }
        CHECK_INT(lanes_room(lanes, "a", 999), 0);
        CHECK_INT(lanes_room(lanes, "b", 999), 4);
        lanes_count(lanes, counts);
        CHECK_INT(counts[BREAKER_OPEN], 1);
        CHECK_INT(lanes_room(lanes, "a", 1000), 1);
        lanes_enter(lanes, "a");
        CHECK_INT(lanes_room(lanes, "a", 1000), 0);
        lanes_leave(lanes, "a", true, false, 1001);
        CHECK_INT(lanes_room(lanes, "a", 1001), 4);
        lanes_free(lanes);
}

static void what_was_given_back_is_not_judged(void)
{
        struct lanes *lanes = lanes_new(&policy, 4);

        for (int i = 0; i < 5; i++) {
                lanes_enter(lanes, "a");
                lanes_leave(lanes, "a", false, false, 0);
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
                lanes_leave(lanes, editor_id, true, false, 0);
        }
        lanes_count(lanes, counts);
        CHECK_INT(counts[BREAKER_CLOSED], 0);
        lanes_free(lanes);
}

UNIT_TESTS(UNIT(an_endpoint_has_so_many_places), UNIT(zero_is_no_limit),
           UNIT(an_open_circuit_closes_one_endpoint_alone), UNIT(what_was_given_back_is_not_judged),
           UNIT(well_and_idle_endpoints_are_forgotten))
