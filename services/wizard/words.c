#include "services/wizard/words.h"

#include "common/io/json.h"
#include "services/wizard/pages.h"

static enum err add_section(struct arena *arena, struct view *words, const struct json *section)
{
        struct view *view;

        if (!json_is(section, JSON_OBJECT))
                return ERR_CORRUPT;
        view = view_set_object(words, json_key(section));
        for (const struct json *word = json_next(section, NULL); word; word = json_next(section, word)) {
                if (!json_text(word))
                        return ERR_CORRUPT;
                view_set_phrase(view, json_key(word), arena_strdup(arena, json_text(word)));
        }
        return ERR_OK;
}

enum err words_load(struct arena *arena, const char *language, const struct view **ret_words)
{
        const struct file *file = file_find(wizard_locales, arena_printf(arena, "%s.json", language));
        AUTO(json_freep) struct json *root = NULL;
        struct view *words = view_object(arena);
        enum err err;

        if (!file)
                return ERR_NOT_FOUND;
        if (json_parse(file->data, file->size, &root) || !json_is(root, JSON_OBJECT))
                return ERR_CORRUPT;
        for (const struct json *section = json_next(root, NULL); section; section = json_next(root, section))
                if ((err = add_section(arena, words, section)))
                        return err;
        *ret_words = words;
        return ERR_OK;
}
