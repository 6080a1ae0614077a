/*
 * Mustache (spec 1.4: variables, sections, inverted, comments, partials, dotted names) with HTML escaping by default.
 * Templates are embedded files, parsed once at start; rendering is any thread. Left out: delimiters, inheritance, and
 * the indentation of a partial. The number 0 is false, as "" is.
 *
 * Views are trees in a request's arena. A text may itself be a template (view_set_phrase): a translation with
 * {{variables}} in it is rendered in the place where it stands, its variables escaped, itself not.
 */
#ifndef VR_APP_TEMPLATE_H
#define VR_APP_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/file.h"

struct view; /* an object, list, text, phrase or truth value */

struct view *view_object(struct arena *arena);
void view_set_text(struct view *object, const char *key,
                   const char *text); /* NULL or "" is false in sections; copied */
void view_set_int(struct view *object, const char *key, int64_t number);
void view_set_bool(struct view *object, const char *key, bool value);
/* Not copied; parsed here, so make translations once. No partials. A broken one shows as it is written. */
void view_set_phrase(struct view *object, const char *key, const char *mustache);
/* The child under `key`, an object or a list, to add to: the one that is there, else a new one. */
struct view *view_set_object(struct view *object, const char *key);
struct view *view_set_list(struct view *object, const char *key);
struct view *view_add_object(struct view *list);
void view_add_text(struct view *list, const char *text);
/* Puts a view made elsewhere (translations, one per process) under a key; it must outlive the rendering. */
void view_set_view(struct view *object, const char *key, const struct view *child);

struct templates;
/* Every `*.mustache` of the table; a partial {{>layout}} is the file "layout.mustache". Broken ones: ERR_CORRUPT, `ret_detail`
 * (file, line, what; good until this thread's next failure). */
MUST_CHECK enum err templates_load(const struct file *files, struct templates **ret_templates, const char **ret_detail);
void templates_free(struct templates *templates);
DEFINE_FREEP(struct templates, templates)

/* ERR_NOT_FOUND for an unknown name ("pages/setup"), ERR_FULL for a page above LIMIT_HTTP_RESPONSE_BYTES, ERR_CORRUPT for
 * phrases that name themselves (LIMIT_TEMPLATE_DEPTH). On failure `out` holds half a page. */
MUST_CHECK enum err template_render(const struct templates *templates, const char *name, const struct view *view,
                                    struct buf *out);

#endif
