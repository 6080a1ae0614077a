#include "common/base/utf8.h"

#include <string.h>

#include "tests/support/unit.h"

#define VALID(text) utf8_valid((text), sizeof(text) - 1)

static void takes_well_formed_text(void)
{
        CHECK(VALID(""));
        CHECK(VALID("Marché n° 1 – 漢字 😀"));
        CHECK(VALID("\xC2\x80"));
        CHECK(VALID("\xDF\xBF"));
        CHECK(VALID("\xE0\xA0\x80"));
        CHECK(VALID("\xED\x9F\xBF"));
        CHECK(VALID("\xEE\x80\x80"));
        CHECK(VALID("\xF0\x90\x80\x80"));
        CHECK(VALID("\xF4\x8F\xBF\xBF"));
        CHECK(VALID("a\0b"));
}

static void refuses_overlong_forms(void)
{
        CHECK(!VALID("\xC0\x80"));
        CHECK(!VALID("\xC1\xBF"));
        CHECK(!VALID("\xE0\x80\x80"));
        CHECK(!VALID("\xE0\x9F\xBF"));
        CHECK(!VALID("\xF0\x8F\xBF\xBF"));
}

static void refuses_surrogates_and_what_lies_beyond(void)
{
        CHECK(!VALID("\xED\xA0\x80"));
        CHECK(!VALID("\xED\xBF\xBF"));
        CHECK(!VALID("\xF4\x90\x80\x80"));
        CHECK(!VALID("\xF5\x80\x80\x80"));
        CHECK(!VALID("\xFF"));
}

static void refuses_cut_and_stray_bytes(void)
{
        CHECK(!VALID("\x80"));
        CHECK(!VALID("caf\xC3"));
        CHECK(!VALID("\xE2\x82"));
        CHECK(!VALID("\xF0\x9F\x98"));
        CHECK(!VALID("\xC3\x28"));
        CHECK(!VALID("\xE2\x28\xA1"));
}

static void a_character_has_a_size_and_a_code(void)
{
        uint32_t code = 0;

        CHECK_INT(utf8_char("é", 2, &code), 2);
        CHECK_INT(code, 0xE9);
        CHECK_INT(utf8_char("€", 3, &code), 3);
        CHECK_INT(code, 0x20AC);
        CHECK_INT(utf8_char("😀x", 5, &code), 4);
        CHECK_INT(code, 0x1F600);
        CHECK_INT(utf8_char("é", 1, &code), 0);
        CHECK_INT(utf8_char("", 0, &code), 0);
}

static void counts_characters_not_bytes(void)
{
        CHECK_INT(utf8_length(""), 0);
        CHECK_INT(utf8_length("abc"), 3);
        CHECK_INT(utf8_length("é€😀"), 3);
}

static void finds_control_characters(void)
{
        CHECK(!utf8_has_control("Marché « à bons de commande »"));
        CHECK(!utf8_has_control("\xC2\xA0")); /* NBSP is none */
        CHECK(utf8_has_control("a\nb"));
        CHECK(utf8_has_control("a\tb"));
        CHECK(utf8_has_control("\x7F"));
        CHECK(utf8_has_control("\xC2\x80"));
        CHECK(utf8_has_control("\xC2\x9F"));
}

static void a_prefix_cuts_no_character(void)
{
        CHECK_INT(utf8_prefix("abc", 10), 3);
        CHECK_INT(utf8_prefix("abc", 3), 3);
        CHECK_INT(utf8_prefix("abc", 2), 2);
        CHECK_INT(utf8_prefix("aé", 2), 1);
        CHECK_INT(utf8_prefix("aé", 3), 3);
        CHECK_INT(utf8_prefix("a😀b", 4), 1);
        CHECK_INT(utf8_prefix("a😀b", 5), 5);
        CHECK_INT(utf8_prefix("é", 0), 0);
}

static void a_prefix_of_rubbish_goes_on(void)
{
        CHECK(utf8_prefix("\x80\x80\x80\x80\x80\x80\x80\x80", 6) > 0);
}

static void knows_blank_text(void)
{
        CHECK(utf8_is_blank(""));
        CHECK(utf8_is_blank(" \t\n\v\f\r"));
        CHECK(utf8_is_blank("\xC2\xA0\xE1\x9A\x80\xE2\x80\x80\xE2\x80\x8B\xE2\x80\xA8\xE2\x80\xA9"));
        CHECK(utf8_is_blank("\xE2\x80\xAF\xE2\x81\x9F\xE3\x80\x80\xEF\xBB\xBF"));
        CHECK(!utf8_is_blank(" a"));
        CHECK(!utf8_is_blank("\xE2\x80\x8C")); /* a joiner is not white space */
        CHECK(!utf8_is_blank("\xC2\xA1"));
}

UNIT_TESTS(UNIT(takes_well_formed_text), UNIT(refuses_overlong_forms), UNIT(refuses_surrogates_and_what_lies_beyond),
           UNIT(refuses_cut_and_stray_bytes), UNIT(a_character_has_a_size_and_a_code),
           UNIT(counts_characters_not_bytes), UNIT(finds_control_characters), UNIT(a_prefix_cuts_no_character),
           UNIT(a_prefix_of_rubbish_goes_on), UNIT(knows_blank_text))
