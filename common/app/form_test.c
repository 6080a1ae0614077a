#include "common/app/form.h"

#include <string.h>

#include "common/base/limits.h"
#include "tests/support/unit.h"

static struct arena *arena;

static enum err parse(const char *text, struct form *ret_form)
{
        arena_free(arena);
        arena = arena_new();
        return form_parse(arena, text, strlen(text), ret_form);
}

static void reads_fields_in_order(void)
{
        struct form form;
        CHECK_INT(parse("a=1&b=&c&d=x%3Dy%26z+%2B&a=2", &form), ERR_OK);
        CHECK_INT(form.count, 5);
        CHECK_TEXT(form_get(&form, "a"), "1");
        CHECK_TEXT(form_get(&form, "b"), "");
        CHECK_TEXT(form_get(&form, "c"), "");
        CHECK_TEXT(form_get(&form, "d"), "x=y&z +");
        CHECK_TEXT(form_get(&form, "e"), NULL);
        CHECK_INT(form_count(&form, "a"), 2);
        CHECK_TEXT(form.fields[4].value, "2");
}

static void splits_at_the_first_equals_sign(void)
{
        struct form form;
        CHECK_INT(parse("a=b=c&=d", &form), ERR_OK);
        CHECK_TEXT(form_get(&form, "a"), "b=c");
        CHECK_TEXT(form_get(&form, ""), "d");
}

static void decodes_names_and_accents(void)
{
        struct form form;
        CHECK_INT(parse("cl%C3%A9=caf%c3%a9", &form), ERR_OK);
        CHECK_TEXT(form_get(&form, "clé"), "café");
}

static void an_empty_form_has_no_fields(void)
{
        struct form form;
        CHECK_INT(parse("", &form), ERR_OK);
        CHECK_INT(form.count, 0);
        CHECK_INT(parse("&&&", &form), ERR_OK);
        CHECK_INT(form.count, 0);
}

static void refuses_what_is_no_text(void)
{
        static const char *const texts[] = {"a=%", "a=%4", "a=%zz", "a=%00", "%00=a", "a=%ff", "a=\xff", "%c3=a"};
        struct form form = {.count = 7};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                if (parse(texts[i], &form) != ERR_BAD_REQUEST)
                        unit_fail(__FILE__, __LINE__, "accepted %s", texts[i]);
        CHECK_INT(form_parse(arena, "a=b\0c", 5, &form), ERR_BAD_REQUEST);
        CHECK_INT(form.count, 7);
}

static void has_a_limit(void)
{
        char text[2 * LIMIT_FORM_FIELDS + 2];
        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = i % 2 == 0 ? 'a' : '&';
        struct form form;
        CHECK_INT(form_parse(arena, text, sizeof(text) - 3, &form), ERR_OK);
        CHECK_INT(form.count, LIMIT_FORM_FIELDS);
        CHECK_INT(form_parse(arena, text, sizeof(text) - 1, &form), ERR_TOO_LARGE);
}

static enum err read_as(const char *content_type, struct form *ret_form)
{
        struct http_header header = {"Content-Type", content_type};
        struct http_request request = {
                .arena = arena,
                .headers = &header,
                .header_count = content_type ? 1 : 0,
                .body = "a=1",
                .body_length = 3,
        };
        struct exchange x = {.request = &request, .arena = arena};
        return form_read(&x, ret_form);
}

static void reads_only_bodies_that_say_so(void)
{
        struct form form;
        CHECK_INT(read_as("application/x-www-form-urlencoded", &form), ERR_OK);
        CHECK_TEXT(form_get(&form, "a"), "1");
        CHECK_INT(read_as("Application/X-WWW-Form-Urlencoded; charset=UTF-8", &form), ERR_OK);
        CHECK_INT(read_as("application/x-www-form-urlencodedness", &form), ERR_MEDIA_TYPE);
        CHECK_INT(read_as("multipart/form-data; boundary=x", &form), ERR_MEDIA_TYPE);
        CHECK_INT(read_as("application/json", &form), ERR_MEDIA_TYPE);
        CHECK_INT(read_as(NULL, &form), ERR_MEDIA_TYPE);
        arena_free(arena);
        arena = NULL;
}

UNIT_TESTS(UNIT(reads_fields_in_order), UNIT(splits_at_the_first_equals_sign), UNIT(decodes_names_and_accents),
           UNIT(an_empty_form_has_no_fields), UNIT(refuses_what_is_no_text), UNIT(has_a_limit),
           UNIT(reads_only_bodies_that_say_so))
