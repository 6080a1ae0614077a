#include "common/base/str.h"

#include <math.h>
#include <string.h>

#include "tests/support/unit.h"

static void compares(void)
{
        CHECK(str_equal("a", "a"));
        CHECK(!str_equal("a", "A"));
        CHECK(str_equal(NULL, NULL));
        CHECK(!str_equal(NULL, ""));
        CHECK(str_equal_nocase("Content-LENGTH", "content-length"));
        CHECK(!str_equal_nocase("content", "content-length"));
        CHECK(!str_equal_nocase("É", "é")); /* ASCII only */
        CHECK(!str_equal_nocase("[", "{"));
        CHECK(!str_equal_nocase(NULL, "a"));
}

static void knows_starts_and_ends(void)
{
        CHECK(str_starts_with("whsec_abc", "whsec_"));
        CHECK(str_starts_with("a", ""));
        CHECK(!str_starts_with("wh", "whsec_"));
        CHECK(!str_starts_with(NULL, "a"));
        CHECK(str_ends_with("a.json", ".json"));
        CHECK(!str_ends_with("json", ".json"));
        CHECK(!str_ends_with(NULL, ""));
}

static void knows_blank_text(void)
{
        CHECK(str_is_blank(NULL));
        CHECK(str_is_blank(""));
        CHECK(str_is_blank(" \t\r\n"));
        CHECK(!str_is_blank(" x "));
}

static void trims(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_TEXT(str_trim(arena, "  a b\r\n"), "a b");
        CHECK_TEXT(str_trim(arena, "   "), "");
        CHECK_TEXT(str_trim(arena, "a"), "a");
}

static void reads_whole_numbers(void)
{
        int64_t value = 0;

        CHECK_INT(str_to_i64("0", 0, 10, &value), ERR_OK);
        CHECK_INT(value, 0);
        CHECK_INT(str_to_i64("-42", -100, 10, &value), ERR_OK);
        CHECK_INT(value, -42);
        CHECK_INT(str_to_i64("9223372036854775807", INT64_MIN, INT64_MAX, &value), ERR_OK);
        CHECK(value == INT64_MAX);
        CHECK_INT(str_to_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &value), ERR_OK);
        CHECK(value == INT64_MIN);
}

static void refuses_what_is_no_whole_number(void)
{
        static const char *const bad[] = {
                "",
                "-",
                "+1",
                " 1",
                "1 ",
                "1.0",
                "0x1",
                "1e3",
                "--1",
                "a",
                "9223372036854775808",
                "-9223372036854775809",
                "99999999999999999999999999",
                "١",
        };
        int64_t value = 7;

        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                CHECK_INT(str_to_i64(bad[i], INT64_MIN, INT64_MAX, &value), ERR_INVALID);
        CHECK_INT(str_to_i64(NULL, 0, 1, &value), ERR_INVALID);
        CHECK_INT(str_to_i64("11", 0, 10, &value), ERR_INVALID);
        CHECK_INT(str_to_i64("-1", 0, 10, &value), ERR_INVALID);
        CHECK_INT(value, 7);
}

static void writes_numbers_shortly_and_exactly(void)
{
        char text[STR_DOUBLE_MAX];

        CHECK_TEXT(str_double(0, text), "0");
        CHECK_TEXT(str_double(0.1, text), "0.1");
        CHECK_TEXT(str_double(0.1 + 0.2, text), "0.30000000000000004");
        CHECK_TEXT(str_double(-1234567, text), "-1234567");
        CHECK_TEXT(str_double(INFINITY, text), "+Inf");
        CHECK_TEXT(str_double(-INFINITY, text), "-Inf");
        CHECK_TEXT(str_double(NAN, text), "NaN");
}

static void splits(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        size_t count = 0;
        char **parts = str_split(arena, "a,,b,", ',', &count);

        CHECK_INT(count, 4);
        CHECK_TEXT(parts[0], "a");
        CHECK_TEXT(parts[1], "");
        CHECK_TEXT(parts[2], "b");
        CHECK_TEXT(parts[3], "");
        CHECK(parts[4] == NULL);
        parts = str_split(arena, "", ',', &count);
        CHECK_INT(count, 1);
        CHECK_TEXT(parts[0], "");
        CHECK(parts[1] == NULL);
}

static void hexadecimal_goes_both_ways(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        unsigned char *bytes = NULL;
        size_t length = 0;

        CHECK_TEXT(str_hex(arena, "\x00\xff\x1a", 3), "00ff1a");
        CHECK_TEXT(str_hex(arena, "", 0), "");
        CHECK_INT(str_unhex(arena, "00FF1a", &bytes, &length), ERR_OK);
        CHECK_INT(length, 3);
        CHECK(memcmp(bytes, "\x00\xff\x1a", 3) == 0);
        CHECK_INT(str_unhex(arena, "", &bytes, &length), ERR_OK);
        CHECK_INT(length, 0);
        CHECK_INT(str_unhex(arena, "0", &bytes, &length), ERR_INVALID);
        CHECK_INT(str_unhex(arena, "0g", &bytes, &length), ERR_INVALID);
        CHECK_INT(str_unhex(arena, NULL, &bytes, &length), ERR_INVALID);
}

/* RFC 4648 §10 */
static void base64_has_the_standard_s_vectors(void)
{
        static const char *const pairs[][2] = {
                {"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
        };
        AUTO(arena_freep) struct arena *arena = arena_new();

        for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
                const char *plain = pairs[i][0], *encoded = pairs[i][1];
                unsigned char *bytes = NULL;
                size_t length = 99;

                CHECK_TEXT(str_base64(arena, plain, strlen(plain)), encoded);
                CHECK_INT(str_unbase64(arena, encoded, &bytes, &length), ERR_OK);
                CHECK_INT(length, strlen(plain));
                CHECK_TEXT((char *)bytes, plain);
                encoded = arena_strndup(arena, encoded, strcspn(encoded, "="));
                CHECK_TEXT(str_base64url(arena, plain, strlen(plain)), encoded);
                CHECK_INT(str_unbase64(arena, encoded, &bytes, &length), ERR_OK);
                CHECK_INT(length, strlen(plain));
        }
        CHECK_TEXT(str_base64(arena, "\xfb\xff", 2), "+/8=");
        CHECK_TEXT(str_base64url(arena, "\xfb\xff", 2), "-_8");
}

static void base64_refuses_the_rest(void)
{
        static const char *const bad[] = {
                "Z", "Zg=", "Zg===", "Zm8==", "Zm9v=", "=", "==", "====", "Z=g=", "Zm 8", "Zm8\n", "-_8=", "Zm9vZ",
        };
        AUTO(arena_freep) struct arena *arena = arena_new();
        unsigned char *bytes = NULL;
        size_t length = 0;

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                if (str_unbase64(arena, bad[i], &bytes, &length) != ERR_INVALID)
                        unit_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
        }
        CHECK(bytes == NULL);
}

static void url_encoding_keeps_only_the_unreserved(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_TEXT(str_url_encode(arena, "aZ09-._~"), "aZ09-._~");
        CHECK_TEXT(str_url_encode(arena, "a b&c=é/+"), "a%20b%26c%3D%C3%A9%2F%2B");
        CHECK_TEXT(str_url_encode(arena, ""), "");
}

static enum err decode(struct arena *arena, const char *text, bool form, char **ret_text)
{
        return str_url_decode(arena, text, strlen(text), form, ret_text);
}

static void url_decoding_follows_the_form(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        char *text = NULL;

        CHECK_INT(decode(arena, "a+b%2B%c3%A9", true, &text), ERR_OK);
        CHECK_TEXT(text, "a b+é");
        CHECK_INT(decode(arena, "a+b", false, &text), ERR_OK);
        CHECK_TEXT(text, "a+b");
        CHECK_INT(str_url_decode(arena, "abc", 2, false, &text), ERR_OK);
        CHECK_TEXT(text, "ab");
}

static void url_decoding_refuses_broken_escapes(void)
{
        static const char *const bad[] = {"%", "%4", "a%", "%zz", "%4g", "%00", "a%00b", "%%41"};
        AUTO(arena_freep) struct arena *arena = arena_new();
        char *text = NULL;

        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                CHECK_INT(decode(arena, bad[i], true, &text), ERR_BAD_REQUEST);
        CHECK_INT(str_url_decode(arena, "a\0b", 3, true, &text), ERR_BAD_REQUEST);
        CHECK_INT(str_url_decode(arena, "%41", 2, true, &text), ERR_BAD_REQUEST);
        CHECK(text == NULL);
}

UNIT_TESTS(UNIT(compares), UNIT(knows_starts_and_ends), UNIT(knows_blank_text), UNIT(trims), UNIT(reads_whole_numbers),
           UNIT(refuses_what_is_no_whole_number), UNIT(writes_numbers_shortly_and_exactly), UNIT(splits),
           UNIT(hexadecimal_goes_both_ways), UNIT(base64_has_the_standard_s_vectors), UNIT(base64_refuses_the_rest),
           UNIT(url_encoding_keeps_only_the_unreserved), UNIT(url_decoding_follows_the_form),
           UNIT(url_decoding_refuses_broken_escapes))
