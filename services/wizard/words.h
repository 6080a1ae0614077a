/* The translations (locales/<lang>.json: sections of words) as views: {{t.setup.title}}. */
#ifndef VR_WIZARD_WORDS_H
#define VR_WIZARD_WORDS_H

#include "common/app/template.h"
#include "common/base/arena.h"
#include "common/base/err.h"

/*
 * The words of "fr" or "en", as phrases, in the arena (one that lives as long as the process): hang them in a page's view
 * with view_set_view(view, "t", …). ERR_NOT_FOUND for another language, ERR_CORRUPT for a broken file.
 */
MUST_CHECK enum err words_load(struct arena *arena, const char *language, const struct view **ret_words);

#endif
