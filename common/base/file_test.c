#include "common/base/file.h"

#include "tests/support/unit.h"

static const struct file table[] = {
        {"pages/setup.mustache", "<p>", 3},
        {"pages/setup", "", 0},
        {0},
};
static const struct file empty[] = {{0}};

static void finds_a_file_by_its_whole_name(void)
{
        CHECK(file_find(table, "pages/setup.mustache") == &table[0]);
        CHECK(file_find(table, "pages/setup") == &table[1]);
}

static void says_when_there_is_none(void)
{
        CHECK(!file_find(table, "setup"));
        CHECK(!file_find(table, "pages/setup.mustache2"));
        CHECK(!file_find(table, ""));
        CHECK(!file_find(empty, "pages/setup"));
}

UNIT_TESTS(UNIT(finds_a_file_by_its_whole_name), UNIT(says_when_there_is_none))
