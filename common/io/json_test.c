#include "common/io/json.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "tests/support/unit.h"

static enum err gate(const char *text)
{
        return json_gate(text, strlen(text), NULL);
}

static void check_refused(const char *const *texts, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                const char *reason = NULL;

                if (json_gate(texts[i], strlen(texts[i]), &reason) != ERR_BAD_REQUEST || !reason)
                        unit_fail(__FILE__, __LINE__, "accepted: %s", texts[i]);
        }
}

static void check_accepted(const char *const *texts, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                const char *reason = "";

                if (json_gate(texts[i], strlen(texts[i]), &reason))
                        unit_fail(__FILE__, __LINE__, "refused: %s (%s)", texts[i], reason);
        }
}

static void takes_what_rfc8259_allows(void)
{
        static const char *const texts[] = {
                "null",
                " \t\r\n{ } ",
                "[]",
                "[1, -0, 0.5, 1e5, 1E-5, -12.75e+3, 0]",
                "\"\"",
                "{\"\":1}",
                "{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}",
                "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"",
                "\"é 😀 \x7f\"",
                "{\"a\":1,\"A\":2}",
        };

        check_accepted(texts, ARRAY_LEN(texts));
}

static void refuses_what_cjson_would_take(void)
{
        static const char *const texts[] = {
                "{} x",
                "{}{}",
                "01",
                "1.",
                ".5",
                "+1",
                "-",
                "1e",
                "1e+",
                "0x10",
                "NaN",
                "Infinity",
                "nul",
                "nullx",
                "{\"a\":1,\"a\":2}",
                "{\"a\":1,\"\\u0061\":2}",
                "{\"a\":{},\"b\":[{\"x\":1}],\"a\":2}",
                "\"\\u0000\"",
                "{\"a\\u0000\":1}",
                "\"\\ud83d\"",
                "\"\\ude00\\ud83d\"",
                "\"\\ud83d\\u0041\"",
                "\"\xC0\xAF\"",
                "\"\xED\xA0\x80\"",
                "\"\xFF\"",
                "\"tab\there\"",
                "\"line\nhere\"",
                "\"\\x\"",
                "\"\\u12g4\"",
                "\"\\",
                "\"open",
                "[1,]",
                "[,1]",
                "[1 2]",
                "{\"a\":1,}",
                "{a:1}",
                "{'a':1}",
                "{\"a\" 1}",
                "{\"a\"}",
                "[",
                "{",
                "]",
                "",
                "  ",
                "\xEF\xBB\xBF{}",
                "// comment\n{}",
                "123456789012345678901234567890123456789012345678901234567890123456789",
        };

        check_refused(texts, ARRAY_LEN(texts));
}

static void refuses_a_raw_nul_byte(void)
{
        CHECK_INT(json_gate("{}\0", 3, NULL), ERR_BAD_REQUEST);
        CHECK_INT(json_gate("\"a\0b\"", 5, NULL), ERR_BAD_REQUEST);
        CHECK_INT(json_gate("\"\\\0\"", 4, NULL), ERR_BAD_REQUEST);
}

static void refuses_depth_beyond_the_limit(void)
{
        char text[2000] = "";

        for (int i = 0; i < LIMIT_JSON_DEPTH; i++) {
                text[i] = '[';
                text[LIMIT_JSON_DEPTH + i] = ']';
        }
        CHECK_INT(gate(text), ERR_OK);
        memset(text, '[', sizeof(text) - 1);
        CHECK_INT(gate(text), ERR_BAD_REQUEST);
}

static void depth_counts_what_is_open_only(void)
{
        CHECK_INT(gate("[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]"), ERR_OK);
}

static void refuses_too_many_tokens(void)
{
        AUTO(buf_done) struct buf text = {0};

        buf_puts(&text, "[0");
        for (int i = 2; i < LIMIT_JSON_TOKENS; i++)
                buf_puts(&text, ",0");
        buf_puts(&text, "]");
        CHECK_INT(gate(buf_text(&text)), ERR_OK);
        text.length--;
        buf_puts(&text, ",0]");
        CHECK_INT(gate(buf_text(&text)), ERR_BAD_REQUEST);
}

static void refuses_a_text_beyond_64_kib(void)
{
        AUTO(buf_done) struct buf text = {0};

        for (int i = 0; i < LIMIT_JSON_BYTES; i++)
                buf_putc(&text, ' ');
        text.data[0] = '1';
        CHECK_INT(gate(buf_text(&text)), ERR_OK);
        buf_putc(&text, ' ');
        CHECK_INT(gate(buf_text(&text)), ERR_TOO_LARGE);
}

static void many_keys_are_compared_quickly(void)
{
        AUTO(buf_done) struct buf text = {0};

        buf_puts(&text, "{\"k0\":0");
        for (int i = 1; i < 990; i++)
                buf_printf(&text, ",\"a_rather_long_common_beginning_of_a_key_%d\":0", i);
        buf_puts(&text, "}");
        CHECK_INT(gate(buf_text(&text)), ERR_OK);
        text.length--;
        buf_puts(&text, ",\"k\\u0030\":1}");
        CHECK_INT(gate(buf_text(&text)), ERR_BAD_REQUEST);
}

static struct json *parsed(const char *text)
{
        struct json *root = NULL;

        CHECK_INT(json_parse(text, strlen(text), &root), ERR_OK);
        return root;
}

static void parse_refuses_what_the_gate_refuses(void)
{
        struct json *root = NULL;

        CHECK_INT(json_parse("{} x", 4, &root), ERR_BAD_REQUEST);
        CHECK(!root);
}

static void parse_does_not_read_past_its_length(void)
{
        AUTO(json_freep) struct json *root = NULL;

        CHECK_INT(json_parse("12xyz", 2, &root), ERR_OK);
        CHECK_INT(json_type(root), JSON_NUMBER);
}

static void getters_mind_the_case(void)
{
        AUTO(json_freep) struct json *root = parsed("{\"Name\":\"a\",\"name\":\"b\",\"n\":7,\"t\":true,\"z\":null}");

        CHECK_TEXT(json_get_text(root, "name"), "b");
        CHECK_TEXT(json_get_text(root, "NAME"), NULL);
        CHECK_TEXT(json_get_text(root, "n"), NULL);
        CHECK_INT(json_get_int(root, "n", -1), 7);
        CHECK_INT(json_get_int(root, "name", -1), -1);
        CHECK(json_get_bool(root, "t", false));
        CHECK(json_get_bool(root, "n", true));
        CHECK(json_is(json_get(root, "z"), JSON_NULL));
        CHECK(!json_is(json_get(root, "absent"), JSON_NULL));
        CHECK(!json_get(json_get(root, "n"), "x"));
        CHECK_INT(json_count(root), 5);
}

static void walks_members_in_order(void)
{
        AUTO(json_freep) struct json *root = parsed("{\"b\":1,\"a\":[10,20]}");
        const struct json *b = json_next(root, NULL), *a = json_next(root, b);

        CHECK_TEXT(json_key(b), "b");
        CHECK_TEXT(json_key(a), "a");
        CHECK(!json_next(root, a));
        CHECK_INT(json_count(a), 2);
        CHECK(!json_next(b, NULL));
}

static void check_int(const char *text, enum err err, int64_t expected)
{
        AUTO(json_freep) struct json *root = parsed(text);
        int64_t value = 0;

        CHECK_INT(json_to_int(root, &value), err);
        CHECK_INT(value, expected);
}

static void whole_numbers_only_within_53_bits(void)
{
        check_int("0", ERR_OK, 0);
        check_int("-0", ERR_OK, 0);
        check_int("1.0", ERR_OK, 1);
        check_int("1e3", ERR_OK, 1000);
        check_int("9007199254740991", ERR_OK, 9007199254740991);
        check_int("-9007199254740991", ERR_OK, -9007199254740991);
        check_int("9007199254740993", ERR_INVALID, 0);
        check_int("1.5", ERR_INVALID, 0);
        check_int("1e999", ERR_INVALID, 0);
        check_int("\"1\"", ERR_INVALID, 0);
        check_int("true", ERR_INVALID, 0);
}

static void texts_outlive_the_document(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct json *root = parsed("[\"a\",\"é\"]");
        const char *const *texts = NULL;
        size_t count = 0;

        CHECK_INT(json_to_texts(arena, root, &texts, &count), ERR_OK);
        json_free(root);
        CHECK_INT(count, 2);
        CHECK_TEXT(texts[1], "é");
        CHECK(!texts[2]);
}

static void texts_must_all_be_strings(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(json_freep) struct json *mixed = parsed("[\"a\",1]"), *object = parsed("{\"a\":\"b\"}");
        const char *const *texts = NULL;
        size_t count = 9;

        CHECK_INT(json_to_texts(arena, mixed, &texts, &count), ERR_INVALID);
        CHECK_INT(json_to_texts(arena, object, &texts, &count), ERR_INVALID);
        CHECK_INT(json_to_texts(arena, NULL, &texts, &count), ERR_INVALID);
        CHECK_INT(count, 9);
}

static void prints_back_in_order(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(json_freep) struct json *root = parsed("{\"b\":[1,2.5,{}],\"a\":\"\\n<\",\"t\":true,\"n\":null}");

        CHECK_TEXT(json_print_pretty(arena, root), "{\n  \"b\": [\n    1,\n    2.5,\n    {}\n  ],\n  \"a\": \"\\n<\",\n"
                                                   "  \"t\": true,\n  \"n\": null\n}");
}

UNIT_TESTS(UNIT(takes_what_rfc8259_allows), UNIT(refuses_what_cjson_would_take), UNIT(refuses_a_raw_nul_byte),
           UNIT(refuses_depth_beyond_the_limit), UNIT(depth_counts_what_is_open_only), UNIT(refuses_too_many_tokens),
           UNIT(refuses_a_text_beyond_64_kib), UNIT(many_keys_are_compared_quickly),
           UNIT(parse_refuses_what_the_gate_refuses), UNIT(parse_does_not_read_past_its_length),
           UNIT(getters_mind_the_case), UNIT(walks_members_in_order), UNIT(whole_numbers_only_within_53_bits),
           UNIT(texts_outlive_the_document), UNIT(texts_must_all_be_strings), UNIT(prints_back_in_order))
