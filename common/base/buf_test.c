#include "common/base/buf.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "tests/support/unit.h"

static void an_empty_one_is_an_empty_text(void)
{
        AUTO(buf_done) struct buf buf = {0};

        CHECK_TEXT(buf_text(&buf), "");
        CHECK_INT(buf_err(&buf), ERR_OK);
}

static void appends_in_order(void)
{
        AUTO(buf_done) struct buf buf = {0};

        buf_puts(&buf, "a");
        buf_puts(&buf, NULL);
        buf_putc(&buf, 'b');
        buf_append(&buf, "cd", 1);
        buf_printf(&buf, "%d%s", 12, "é");
        CHECK_TEXT(buf_text(&buf), "abc12é");
        CHECK_INT(buf.length, 7);
}

static void keeps_nul_bytes(void)
{
        AUTO(buf_done) struct buf buf = {0};

        buf_append(&buf, "a\0b", 3);
        CHECK_INT(buf.length, 3);
        CHECK(memcmp(buf.data, "a\0b\0", 4) == 0);
}

static void grows(void)
{
        AUTO(buf_done) struct buf buf = {0};

        for (int i = 0; i < 100000; i++)
                buf_putc(&buf, (char)('a' + i % 26));
        CHECK_INT(buf_err(&buf), ERR_OK);
        CHECK_INT(strlen(buf_text(&buf)), 100000);
        CHECK_INT(buf.data[99999], 'a' + 99999 % 26);
}

static void holds_its_maximum_and_no_more(void)
{
        AUTO(buf_done) struct buf buf;

        buf_init(&buf, 4);
        buf_puts(&buf, "1234");
        CHECK_INT(buf_err(&buf), ERR_OK);
        buf_putc(&buf, '5');
        CHECK_INT(buf_err(&buf), ERR_FULL);
        CHECK_TEXT(buf_text(&buf), "1234");
}

static void the_default_maximum_holds(void)
{
        AUTO(buf_done) struct buf buf = {0};
        char *chunk = calloc(1, LIMIT_BUF_BYTES);

        buf_append(&buf, chunk, LIMIT_BUF_BYTES);
        CHECK_INT(buf_err(&buf), ERR_OK);
        buf_putc(&buf, 'x');
        CHECK_INT(buf_err(&buf), ERR_FULL);
        free(chunk);
}

static void the_first_failure_sticks(void)
{
        AUTO(buf_done) struct buf buf;

        buf_init(&buf, 4);
        buf_printf(&buf, "%s", "too long");
        buf_putc(&buf, 'x');
        CHECK_INT(buf_err(&buf), ERR_FULL);
        CHECK_TEXT(buf_text(&buf), "");
        CHECK(buf_take(&buf) == NULL);
}

static void a_huge_length_is_refused(void)
{
        AUTO(buf_done) struct buf buf = {0};

        buf_putc(&buf, 'x');
        buf_append(&buf, "", (size_t)-1);
        CHECK_INT(buf_err(&buf), ERR_FULL);
}

static void a_reset_forgets_the_error(void)
{
        AUTO(buf_done) struct buf buf;

        buf_init(&buf, 2);
        buf_puts(&buf, "ab");
        buf_puts(&buf, "c");
        buf_reset(&buf);
        CHECK_TEXT(buf_text(&buf), "");
        buf_puts(&buf, "d");
        CHECK_INT(buf_err(&buf), ERR_OK);
        CHECK_TEXT(buf_text(&buf), "d");
}

static void taking_leaves_it_empty(void)
{
        AUTO(buf_done) struct buf buf = {0};
        char *text;

        buf_puts(&buf, "mine");
        text = buf_take(&buf);
        CHECK_TEXT(text, "mine");
        CHECK_TEXT(buf_text(&buf), "");
        free(text);
        text = buf_take(&buf);
        CHECK_TEXT(text, "");
        free(text);
}

UNIT_TESTS(UNIT(an_empty_one_is_an_empty_text), UNIT(appends_in_order), UNIT(keeps_nul_bytes), UNIT(grows),
           UNIT(holds_its_maximum_and_no_more), UNIT(the_default_maximum_holds), UNIT(the_first_failure_sticks),
           UNIT(a_huge_length_is_refused), UNIT(a_reset_forgets_the_error), UNIT(taking_leaves_it_empty))
