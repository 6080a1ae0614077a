#include "common/app/fields.h"

#include <string.h>

/* Each reader leaves its value alone unless it returns true. */
static bool read_text(struct arena *arena, const struct json *value, void *place)
{
        const char *text = json_text(value);

        if (!text)
                return false;
        *(const char **)place = arena_strdup(arena, text);
        return true;
}

static bool read_texts(struct arena *arena, const struct json *value, void *place)
{
        struct field_texts texts;

        if (json_to_texts(arena, value, &texts.texts, &texts.count))
                return false;
        *(struct field_texts *)place = texts;
        return true;
}

static bool read_int(struct arena *arena, const struct json *value, void *place)
{
        (void)arena;
        return json_to_int(value, place) == ERR_OK;
}

static bool read_bool(struct arena *arena, const struct json *value, void *place)
{
        (void)arena;
        if (!json_is(value, JSON_BOOL))
                return false;
        *(bool *)place = json_is_true(value);
        return true;
}

void fields_read(struct arena *arena, const struct json *object, const struct field *table, void *target)
{
        static bool (*const readers[])(struct arena *, const struct json *, void *) = {
                [FIELD_TEXT] = read_text,
                [FIELD_TEXTS] = read_texts,
                [FIELD_INT] = read_int,
                [FIELD_BOOL] = read_bool,
        };

        for (const struct field *field = table; field->name; field++) {
                const struct json *value = json_get(object, field->name);
                enum member_state *state = (enum member_state *)((char *)target + field->state_offset);

                if (!value || json_is(value, JSON_NULL))
                        *state = MEMBER_ABSENT;
                else if (readers[field->type](arena, value, (char *)target + field->offset))
                        *state = MEMBER_PRESENT;
                else
                        *state = MEMBER_WRONG_TYPE;
        }
}
