#include "common/base/rounds.h"

#include <stdatomic.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/support/unit.h"

#define LONG_MS  3600000
#define LIMIT_MS 5000

static atomic_int count;
static struct rounds *rounds;

static void go(void *arg)
{
        (void)arg;
        atomic_fetch_add(&count, 1);
}

/* Goes round until told to end, as a long sweep would. */
static void go_long(void *arg)
{
        (void)arg;
        atomic_fetch_add(&count, 1);
        while (!rounds_stopping(rounds))
                usleep(1000);
}

/* Waits until the count is `wanted`; false when that takes too long. */
static bool reaches(int wanted)
{
        int64_t until_ms = clock_mono_ms() + LIMIT_MS;

        while (atomic_load(&count) < wanted && clock_mono_ms() < until_ms)
                usleep(500);
        return atomic_load(&count) >= wanted;
}

static void start(int64_t period_ms, bool at_once, void (*round)(void *))
{
        const struct rounds_config config = {.period_ms = period_ms, .at_once = at_once, .round = round};

        atomic_store(&count, 0);
        CHECK(rounds_start(&config, &rounds) == ERR_OK);
}

static void goes_round_by_itself(void)
{
        start(1, false, go);
        CHECK(reaches(3));
        rounds_stop(rounds);
}

static void the_first_round_waits_unless_told(void)
{
        start(LONG_MS, false, go);
        rounds_stop(rounds);
        CHECK_INT(atomic_load(&count), 0);
        start(LONG_MS, true, go);
        CHECK(reaches(1));
        rounds_stop(rounds);
        CHECK_INT(atomic_load(&count), 1);
}

static void a_wake_does_not_wait_for_the_period(void)
{
        start(LONG_MS, false, go);
        rounds_wake(rounds);
        CHECK(reaches(1));
        rounds_wake(rounds);
        CHECK(reaches(2));
        rounds_stop(rounds);
}

static void a_long_round_learns_of_the_end(void)
{
        start(LONG_MS, true, go_long);
        CHECK(reaches(1));
        CHECK(!rounds_stopping(rounds));
        rounds_stop(rounds);
        CHECK_INT(atomic_load(&count), 1);
}

static void tells_how_long_it_has_been_still(void)
{
        start(LONG_MS, true, go);
        CHECK(reaches(1));
        usleep(20000);
        CHECK(rounds_idle_ms(rounds) >= 19);
        rounds_stop(rounds);
        rounds_stop(NULL);
}

UNIT_TESTS(UNIT(goes_round_by_itself), UNIT(the_first_round_waits_unless_told),
           UNIT(a_wake_does_not_wait_for_the_period), UNIT(a_long_round_learns_of_the_end),
           UNIT(tells_how_long_it_has_been_still))
