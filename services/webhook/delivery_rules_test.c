#include "services/webhook/delivery_rules.h"

#include "tests/support/unit.h"

static struct delivery_progress leased(void)
{
        struct delivery_progress p = {.due_at_ms = 1000};

        (void)delivery_step(&p, DELIVERY_CLAIM, 1000, 61000);
        return p;
}

static void a_claim_leases_with_a_new_fence(void)
{
        struct delivery_progress p = leased();

        CHECK_INT(p.state, DELIVERY_LEASED);
        CHECK_INT(p.fence, 1);
        CHECK_INT(p.due_at_ms, 61000);
        CHECK_INT(p.attempts, 0);
}

static void a_lease_that_ran_out_is_claimed_again_under_the_next_fence(void)
{
        struct delivery_progress p = leased();

        CHECK(delivery_step(&p, DELIVERY_CLAIM, 61000, 121000));
        CHECK_INT(p.fence, 2);
        CHECK_INT(p.attempts, 0);
}

static void a_success_ends_it(void)
{
        struct delivery_progress p = leased();

        CHECK(delivery_step(&p, DELIVERY_SUCCEED, 1200, 0));
        CHECK_INT(p.state, DELIVERY_SUCCEEDED);
        CHECK_INT(p.attempts, 1);
        CHECK_INT(p.due_at_ms, 0);
        CHECK_INT(p.finished_at_ms, 1200);
        for (int event = 0; event < DELIVERY_EVENTS; event++)
                if (event != DELIVERY_REPLAY)
                        CHECK(!delivery_step(&p, (enum delivery_event)event, 2000, 3000));
        CHECK_INT(p.state, DELIVERY_SUCCEEDED);
}

static void a_replay_sends_what_has_arrived_again(void)
{
        struct delivery_progress p = leased();

        CHECK(!delivery_step(&p, DELIVERY_REPLAY, 1100, 0)); /* an attempt runs */
        CHECK(delivery_step(&p, DELIVERY_SUCCEED, 1200, 0));
        CHECK(delivery_step(&p, DELIVERY_REPLAY, 2000, 0));
        CHECK_INT(p.state, DELIVERY_WAITING);
        CHECK_INT(p.due_at_ms, 2000);
        CHECK_INT(p.finished_at_ms, 0);
        CHECK_INT(p.attempts, 1);
}

static void a_failure_waits_for_the_next_attempt(void)
{
        struct delivery_progress p = leased();

        CHECK(delivery_step(&p, DELIVERY_FAIL, 1200, 6200));
        CHECK_INT(p.state, DELIVERY_WAITING);
        CHECK_INT(p.attempts, 1);
        CHECK_INT(p.schedule_pos, 1);
        CHECK_INT(p.due_at_ms, 6200);
}

static void a_manual_retry_counts_on_and_starts_the_schedule_again(void)
{
        struct delivery_progress p = leased();

        CHECK(delivery_step(&p, DELIVERY_FAIL, 1200, 6200));
        CHECK(delivery_step(&p, DELIVERY_CLAIM, 6200, 66200));
        CHECK(delivery_step(&p, DELIVERY_GIVE_UP, 6300, 0));
        CHECK_INT(p.state, DELIVERY_FAILED);
        CHECK(delivery_step(&p, DELIVERY_ASK_AGAIN, 9000, 0));
        CHECK_INT(p.state, DELIVERY_WAITING);
        CHECK_INT(p.due_at_ms, 9000);
        CHECK_INT(p.finished_at_ms, 0);
        CHECK_INT(p.attempts, 2);
        CHECK_INT(p.schedule_pos, 0);
}

static void a_manual_retry_in_flight_changes_nothing(void)
{
        struct delivery_progress p = leased();

        CHECK(!delivery_step(&p, DELIVERY_ASK_AGAIN, 1100, 0));
        CHECK_INT(p.due_at_ms, 61000);
}

static void a_result_after_the_loss_of_the_lease_changes_nothing(void)
{
        struct delivery_progress p = leased();

        CHECK(delivery_step(&p, DELIVERY_RELEASE, 1100, 0));
        CHECK_INT(p.state, DELIVERY_WAITING);
        CHECK_INT(p.attempts, 0);
        CHECK(!delivery_step(&p, DELIVERY_SUCCEED, 1200, 0));
        CHECK(!delivery_step(&p, DELIVERY_FAIL, 1200, 5000));
        CHECK_INT(p.attempts, 0);
}

static void nothing_leads_out_of_failed_but_a_manual_retry(void)
{
        struct delivery_progress p = {.state = DELIVERY_FAILED};

        for (int event = 0; event < DELIVERY_EVENTS; event++)
                if (event != DELIVERY_ASK_AGAIN && event != DELIVERY_REPLAY)
                        CHECK(!delivery_step(&p, (enum delivery_event)event, 1, 2));
        CHECK(delivery_step(&p, DELIVERY_ASK_AGAIN, 1, 0));
}

static void an_unknown_endpoint_is_waited_for_a_day(void)
{
        int64_t waited = 0, delay;

        CHECK_INT(delivery_postpone_ms(0), 1000);
        CHECK_INT(delivery_postpone_ms(1), 2000);
        CHECK_INT(delivery_postpone_ms(5), 32000);
        CHECK_INT(delivery_postpone_ms(6), 60000);
        for (int64_t n = 0; (delay = delivery_postpone_ms(n)) > 0; n++)
                waited += delay;
        CHECK(waited > 23 * 3600 * 1000LL && waited <= 24 * 3600 * 1000LL);
}

static void states_have_names(void)
{
        enum delivery_state state;

        for (int s = 0; s < DELIVERY_STATES; s++) {
                CHECK(delivery_state_from_name(delivery_state_name((enum delivery_state)s), &state));
                CHECK_INT(state, s);
        }
        CHECK(!delivery_state_from_name("due", &state));
        CHECK(!delivery_state_from_name(NULL, &state));
}

UNIT_TESTS(UNIT(a_claim_leases_with_a_new_fence), UNIT(a_lease_that_ran_out_is_claimed_again_under_the_next_fence),
           UNIT(a_success_ends_it), UNIT(a_replay_sends_what_has_arrived_again),
           UNIT(a_failure_waits_for_the_next_attempt), UNIT(a_manual_retry_counts_on_and_starts_the_schedule_again),
           UNIT(a_manual_retry_in_flight_changes_nothing), UNIT(a_result_after_the_loss_of_the_lease_changes_nothing),
           UNIT(nothing_leads_out_of_failed_but_a_manual_retry), UNIT(an_unknown_endpoint_is_waited_for_a_day),
           UNIT(states_have_names))
