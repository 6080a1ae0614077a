#include "services/market/sync_rules.h"

#include "tests/support/unit.h"

#define A   "0197a1b2-0000-7000-8000-00000000000a"
#define B   "0197a1b2-0000-7000-8000-00000000000b"
#define C   "0197a1b2-0000-7000-8000-00000000000c"
#define NOW 1000000

static enum sync_effect hear(struct sync *sync, enum sync_event event, const char *id, int64_t attempt)
{
        return sync_apply(sync, &(struct sync_news){.event = event,
                                                    .event_id = id,
                                                    .attempt = attempt,
                                                    .next_attempt_ms = event == SYNC_EVENT_FAILED ? NOW + 5000 : 0,
                                                    .now_ms = NOW + attempt});
}

static void goes_straight_to_completed(void)
{
        struct sync sync = sync_begin(NOW);

        CHECK_INT(sync.status, SYNC_PENDING);
        CHECK_INT(sync.expected_ms, NOW);
        CHECK_INT(hear(&sync, SYNC_EVENT_STARTED, A, 1), SYNC_CHANGED);
        CHECK_INT(sync.status, SYNC_PROCESSING);
        CHECK_INT(sync.expected_ms, NOW + 1);
        CHECK_INT(hear(&sync, SYNC_EVENT_SUCCEEDED, B, 1), SYNC_CHANGED);
        CHECK_INT(sync.status, SYNC_COMPLETED);
        CHECK_INT(sync.expected_ms, 0);
        CHECK_TEXT(sync.event_id, B);
}

static void shows_the_next_attempt_while_failed(void)
{
        struct sync sync = sync_begin(NOW);

        hear(&sync, SYNC_EVENT_STARTED, A, 1);
        CHECK_INT(hear(&sync, SYNC_EVENT_FAILED, B, 1), SYNC_CHANGED);
        CHECK_INT(sync.status, SYNC_FAILED);
        CHECK_INT(sync.next_attempt_ms, NOW + 5000);
        CHECK_INT(sync.expected_ms, NOW + 5000);
        CHECK_INT(hear(&sync, SYNC_EVENT_STARTED, C, 2), SYNC_CHANGED);
        CHECK_INT(sync.status, SYNC_PROCESSING);
        CHECK_INT(sync.next_attempt_ms, 0);
}

static void repeated_events_change_nothing(void)
{
        struct sync sync = sync_begin(NOW);

        hear(&sync, SYNC_EVENT_STARTED, A, 1);
        CHECK_INT(hear(&sync, SYNC_EVENT_STARTED, A, 1), SYNC_IGNORED);
        hear(&sync, SYNC_EVENT_FAILED, B, 1);
        CHECK_INT(hear(&sync, SYNC_EVENT_FAILED, B, 1), SYNC_IGNORED);
        CHECK_INT(hear(&sync, SYNC_EVENT_STARTED, A, 1), SYNC_IGNORED);
        CHECK_INT(sync.status, SYNC_FAILED);
}

static void late_events_change_nothing(void)
{
        struct sync sync = sync_begin(NOW);

        hear(&sync, SYNC_EVENT_STARTED, C, 3);
        CHECK_INT(hear(&sync, SYNC_EVENT_FAILED, A, 1), SYNC_IGNORED);
        CHECK_INT(hear(&sync, SYNC_EVENT_EXHAUSTED, A, 2), SYNC_IGNORED);
        CHECK_INT(hear(&sync, SYNC_EVENT_SUCCEEDED, B, 2), SYNC_IGNORED);
        CHECK_INT(sync.status, SYNC_PROCESSING);
        CHECK_INT(sync.attempt, 3);
}

static void an_outcome_without_its_start_counts(void)
{
        struct sync sync = sync_begin(NOW);

        CHECK_INT(hear(&sync, SYNC_EVENT_SUCCEEDED, A, 1), SYNC_CHANGED);
        CHECK_INT(sync.status, SYNC_COMPLETED);
}

static void a_second_sender_taking_over_is_noted_only(void)
{
        struct sync sync = sync_begin(NOW);

        hear(&sync, SYNC_EVENT_STARTED, A, 1);
        CHECK_INT(hear(&sync, SYNC_EVENT_STARTED, B, 2), SYNC_NOTED);
        CHECK_INT(sync.attempt, 2);
        CHECK_INT(hear(&sync, SYNC_EVENT_FAILED, A, 1), SYNC_IGNORED);
}

static void nothing_takes_a_success_back(void)
{
        for (int event = 0; event < SYNC_EVENT_COUNT; event++) {
                struct sync sync = sync_begin(NOW);

                hear(&sync, SYNC_EVENT_SUCCEEDED, A, 1);
                CHECK_INT(hear(&sync, (enum sync_event)event, B, 2), SYNC_IGNORED);
                CHECK_INT(sync.status, SYNC_COMPLETED);
                CHECK_INT(sync.attempt, 1);
        }
}

static void a_market_not_completed_hears_nothing(void)
{
        for (int event = 0; event < SYNC_EVENT_COUNT; event++) {
                struct sync sync = {0};

                CHECK_INT(hear(&sync, (enum sync_event)event, A, 1), SYNC_IGNORED);
                CHECK_INT(sync.status, SYNC_NONE);
        }
}

static void only_a_failed_one_can_be_retried(void)
{
        struct sync sync = sync_begin(NOW);

        CHECK_INT(hear(&sync, SYNC_EVENT_RETRY, NULL, 0), SYNC_IGNORED);
        hear(&sync, SYNC_EVENT_STARTED, A, 1);
        CHECK_INT(hear(&sync, SYNC_EVENT_RETRY, NULL, 0), SYNC_IGNORED);
        hear(&sync, SYNC_EVENT_FAILED, B, 1);
        CHECK_INT(hear(&sync, SYNC_EVENT_RETRY, NULL, 0), SYNC_CHANGED);
        CHECK_INT(sync.status, SYNC_PENDING);
        CHECK_INT(sync.attempt, 1);
        CHECK_INT(sync.next_attempt_ms, 0);
        CHECK_INT(sync.expected_ms, NOW);
        CHECK_INT(hear(&sync, SYNC_EVENT_FAILED, B, 1), SYNC_IGNORED);
        CHECK_INT(hear(&sync, SYNC_EVENT_STARTED, C, 2), SYNC_CHANGED);
}

static void no_endpoint_fails_without_an_attempt(void)
{
        struct sync sync = sync_begin(NOW);

        CHECK_INT(hear(&sync, SYNC_EVENT_EXHAUSTED, A, 0), SYNC_CHANGED);
        CHECK_INT(sync.status, SYNC_FAILED);
        CHECK_INT(sync.expected_ms, 0);
}

static void giving_up_again_after_a_retry_counts_once(void)
{
        struct sync sync = sync_begin(NOW);

        hear(&sync, SYNC_EVENT_EXHAUSTED, A, 0);
        hear(&sync, SYNC_EVENT_RETRY, NULL, 0);
        CHECK_INT(hear(&sync, SYNC_EVENT_EXHAUSTED, A, 0), SYNC_IGNORED);
        CHECK_INT(sync.status, SYNC_PENDING);
        CHECK_INT(hear(&sync, SYNC_EVENT_EXHAUSTED, B, 0), SYNC_CHANGED);
        CHECK_INT(sync.status, SYNC_FAILED);
        hear(&sync, SYNC_EVENT_RETRY, NULL, 0);
        CHECK_INT(hear(&sync, SYNC_EVENT_EXHAUSTED, A, 0), SYNC_IGNORED);
        CHECK_INT(hear(&sync, SYNC_EVENT_EXHAUSTED, B, 0), SYNC_IGNORED);
}

static void an_endpoint_switched_off_ends_the_planned_attempt(void)
{
        struct sync sync = sync_begin(NOW);

        hear(&sync, SYNC_EVENT_FAILED, A, 1);
        CHECK_INT(hear(&sync, SYNC_EVENT_EXHAUSTED, B, 1), SYNC_CHANGED);
        CHECK_INT(sync.status, SYNC_FAILED);
        CHECK_INT(sync.next_attempt_ms, 0);
        CHECK_INT(sync.expected_ms, 0);
}

UNIT_TESTS(UNIT(goes_straight_to_completed), UNIT(shows_the_next_attempt_while_failed),
           UNIT(repeated_events_change_nothing), UNIT(late_events_change_nothing),
           UNIT(an_outcome_without_its_start_counts), UNIT(a_second_sender_taking_over_is_noted_only),
           UNIT(nothing_takes_a_success_back), UNIT(a_market_not_completed_hears_nothing),
           UNIT(only_a_failed_one_can_be_retried), UNIT(no_endpoint_fails_without_an_attempt),
           UNIT(giving_up_again_after_a_retry_counts_once), UNIT(an_endpoint_switched_off_ends_the_planned_attempt))
