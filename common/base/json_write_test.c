#include "common/base/json_write.h"

#include <math.h>
#include <string.h>

#include "tests/support/unit.h"

static void writes_members_in_the_order_given(void)
{
        AUTO(buf_done) struct buf out = {0};
        struct json_write w = json_write_to(&out);

        json_object(&w, NULL);
        json_string(&w, "z", "first");
        json_int(&w, "a", -9007199254740993);
        json_bool(&w, "yes", true);
        json_bool(&w, "no", false);
        json_null(&w, "none");
        json_string(&w, "lot_name", NULL);
        json_raw(&w, "raw", "[1,2]");
        json_end(&w);
        CHECK_INT(buf_err(&out), ERR_OK);
        CHECK_TEXT(buf_text(&out), "{\"z\":\"first\",\"a\":-9007199254740993,\"yes\":true,\"no\":false,\"none\":null,"
                                   "\"lot_name\":null,\"raw\":[1,2]}");
}

static void nests(void)
{
        AUTO(buf_done) struct buf out = {0};
        struct json_write w = json_write_to(&out);

        json_array(&w, NULL);
        json_object(&w, NULL);
        json_end(&w);
        json_object(&w, NULL);
        json_array(&w, "codes");
        json_string(&w, NULL, "supplies");
        json_string(&w, NULL, "works");
        json_end(&w);
        json_strings(&w, "none", NULL, 0);
        json_strings(&w, "two", (const char *const[]){"a", "b"}, 2);
        json_end(&w);
        json_int(&w, NULL, 3);
        json_end(&w);
        CHECK_TEXT(buf_text(&out), "[{},{\"codes\":[\"supplies\",\"works\"],\"none\":[],\"two\":[\"a\",\"b\"]},3]");
}

static void pretty_is_the_seed_s_form(void)
{
        AUTO(buf_done) struct buf out = {0};
        struct json_write w = json_write_to(&out);

        w.pretty = true;
        json_object(&w, NULL);
        json_array(&w, "errors");
        json_string(&w, NULL, "Name can't be blank");
        json_string(&w, NULL, "Deadline can't be blank");
        json_end(&w);
        json_array(&w, "empty");
        json_end(&w);
        json_end(&w);
        CHECK_TEXT(buf_text(&out), "{\n  \"errors\": [\n    \"Name can't be blank\",\n"
                                   "    \"Deadline can't be blank\"\n  ],\n  \"empty\": []\n}");
}

static void check_string(const char *text, size_t length, const char *expected)
{
        AUTO(buf_done) struct buf out = {0};
        struct json_write w = json_write_to(&out);

        json_string_n(&w, NULL, text, length);
        CHECK_TEXT(buf_text(&out), expected);
}

#define CHECK_STRING(text, expected) check_string((text), sizeof(text) - 1, (expected))

static void escapes_what_must_be(void)
{
        CHECK_STRING("", "\"\"");
        CHECK_STRING("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
        CHECK_STRING("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"");
        CHECK_STRING("\x01\x0b\x1f", "\"\\u0001\\u000b\\u001f\"");
        CHECK_STRING("a\0b", "\"a\\u0000b\"");
        CHECK_STRING("<é&'€😀>\x7F", "\"<é&'€😀>\x7F\"");
}

static void ill_formed_bytes_are_replaced(void)
{
        CHECK_STRING("a\xFF"
                     "b",
                     "\"a\xEF\xBF\xBD"
                     "b\"");
        CHECK_STRING("\xC3", "\"\xEF\xBF\xBD\"");
        CHECK_STRING("\xE2\x82\"", "\"\xEF\xBF\xBD\xEF\xBF\xBD\\\"\"");
}

static void keys_are_escaped_too(void)
{
        AUTO(buf_done) struct buf out = {0};
        struct json_write w = json_write_to(&out);

        json_object(&w, NULL);
        json_int(&w, "a\"b", 1);
        json_end(&w);
        CHECK_TEXT(buf_text(&out), "{\"a\\\"b\":1}");
}

static void numbers_that_json_lacks_are_null(void)
{
        AUTO(buf_done) struct buf out = {0};
        struct json_write w = json_write_to(&out);

        json_array(&w, NULL);
        json_double(&w, NULL, 0.1);
        json_double(&w, NULL, 12);
        json_double(&w, NULL, NAN);
        json_double(&w, NULL, -INFINITY);
        json_end(&w);
        CHECK_TEXT(buf_text(&out), "[0.1,12,null,null]");
}

static void times_have_the_seed_s_form(void)
{
        AUTO(buf_done) struct buf out = {0};
        struct json_write w = json_write_to(&out);

        json_array(&w, NULL);
        json_time(&w, NULL, 1718461845999);
        json_time(&w, NULL, 0);
        json_end(&w);
        CHECK_TEXT(buf_text(&out), "[\"2024-06-15T14:30:45Z\",null]");
}

static void too_deep_fails(void)
{
        AUTO(buf_done) struct buf out = {0};
        struct json_write w = json_write_to(&out);

        for (int i = 0; i < JSON_WRITE_DEPTH; i++)
                json_array(&w, NULL);
        CHECK_INT(buf_err(&out), ERR_OK);
        json_array(&w, NULL);
        CHECK_INT(buf_err(&out), ERR_INTERNAL);
        for (int i = 0; i < JSON_WRITE_DEPTH + 5; i++)
                json_end(&w);
        CHECK_INT(buf_err(&out), ERR_INTERNAL);
}

static void an_end_too_many_fails(void)
{
        AUTO(buf_done) struct buf out = {0};
        struct json_write w = json_write_to(&out);

        json_object(&w, NULL);
        json_end(&w);
        json_end(&w);
        CHECK_INT(buf_err(&out), ERR_INTERNAL);
}

UNIT_TESTS(UNIT(writes_members_in_the_order_given), UNIT(nests), UNIT(pretty_is_the_seed_s_form),
           UNIT(escapes_what_must_be), UNIT(ill_formed_bytes_are_replaced), UNIT(keys_are_escaped_too),
           UNIT(numbers_that_json_lacks_are_null), UNIT(times_have_the_seed_s_form), UNIT(too_deep_fails),
           UNIT(an_end_too_many_fails))
