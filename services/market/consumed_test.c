#include "services/market/consumed.h"

#include <stdio.h>

#include "tests/support/unit.h"

static struct consumed consumed;

static void remembers_until_asked(void)
{
        consumed = (struct consumed){0};
        consumed_set(&consumed, "a", true);
        consumed_set(&consumed, "b", true);
        CHECK(consumed_take(&consumed, "a"));
        CHECK(!consumed_take(&consumed, "a"));
        CHECK(consumed_take(&consumed, "b"));
        CHECK_INT(consumed.count, 0);
}

static void the_last_run_decides(void)
{
        consumed = (struct consumed){0};
        consumed_set(&consumed, "a", true);
        consumed_set(&consumed, "a", true);
        CHECK_INT(consumed.count, 1);
        consumed_set(&consumed, "a", false);
        CHECK(!consumed_take(&consumed, "a"));
}

static void is_bounded(void)
{
        char id[ID_UUID_MAX];

        consumed = (struct consumed){0};
        for (int i = 0; i < CONSUMED_MAX + 10; i++) {
                snprintf(id, sizeof(id), "%d", i);
                consumed_set(&consumed, id, true);
        }
        CHECK_INT(consumed.count, CONSUMED_MAX);
        CHECK(consumed_take(&consumed, "0"));
        CHECK(!consumed_take(&consumed, "1030"));
}

UNIT_TESTS(UNIT(remembers_until_asked), UNIT(the_last_run_decides), UNIT(is_bounded))
