#include "common/app/fields.h"

#include <string.h>

#include "tests/support/unit.h"

struct body {
        enum member_state text_state, texts_state, number_state, flag_state;
        const char *text;
        struct field_texts texts;
        int64_t number;
        bool flag;
};

static const struct field body_table[] = {
        {"text", FIELD_TEXT, offsetof(struct body, text), offsetof(struct body, text_state)},
        {"texts", FIELD_TEXTS, offsetof(struct body, texts), offsetof(struct body, texts_state)},
        {"number", FIELD_INT, offsetof(struct body, number), offsetof(struct body, number_state)},
        {"flag", FIELD_BOOL, offsetof(struct body, flag), offsetof(struct body, flag_state)},
        {0},
};

/* The document is gone when this returns. */
static struct body read_body(struct arena *arena, const char *json)
{
        AUTO(json_freep) struct json *root = NULL;
        struct body body = {.number = -1};

        CHECK_INT(json_parse(json, strlen(json), &root), ERR_OK);
        fields_read(arena, root, body_table, &body);
        return body;
}

static void all_members_there(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct body body =
                read_body(arena, "{\"text\":\"é\",\"texts\":[\"a\",\"b\"],\"number\":42,\"flag\":true,\"more\":{}}");

        CHECK_INT(body.text_state, MEMBER_PRESENT);
        CHECK_TEXT(body.text, "é");
        CHECK_INT(body.texts.count, 2);
        CHECK_TEXT(body.texts.texts[1], "b");
        CHECK_INT(body.number, 42);
        CHECK(body.flag);
        CHECK_INT(body.flag_state, MEMBER_PRESENT);
}

static void absent_and_null_are_the_same(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct body body = read_body(arena, "{\"text\":null,\"Number\":1}");

        CHECK_INT(body.text_state, MEMBER_ABSENT);
        CHECK_INT(body.texts_state, MEMBER_ABSENT);
        CHECK_INT(body.number_state, MEMBER_ABSENT);
        CHECK_INT(body.number, -1);
        CHECK_TEXT(body.text, NULL);
}

static void wrong_types_are_told(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct body body = read_body(arena, "{\"text\":1,\"texts\":[\"a\",2],\"number\":1.5,\"flag\":\"true\"}");

        CHECK_INT(body.text_state, MEMBER_WRONG_TYPE);
        CHECK_INT(body.texts_state, MEMBER_WRONG_TYPE);
        CHECK_INT(body.number_state, MEMBER_WRONG_TYPE);
        CHECK_INT(body.flag_state, MEMBER_WRONG_TYPE);
        CHECK_INT(body.texts.count, 0);
        CHECK_INT(body.number, -1);
}

static void what_is_no_object_has_no_members(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct body body = read_body(arena, "[\"text\"]");

        CHECK_INT(body.text_state, MEMBER_ABSENT);
        fields_read(arena, NULL, body_table, &body);
        CHECK_INT(body.text_state, MEMBER_ABSENT);
}

UNIT_TESTS(UNIT(all_members_there), UNIT(absent_and_null_are_the_same), UNIT(wrong_types_are_told),
           UNIT(what_is_no_object_has_no_members))
