/*
 * application/x-www-form-urlencoded, by our own parser (never CivetWeb's): bounded, UTF-8, no NUL. Names may repeat.
 */
#ifndef VR_APP_FORM_H
#define VR_APP_FORM_H

#include <stddef.h>

#include "common/app/router.h"
#include "common/base/arena.h"
#include "common/base/err.h"

struct form_field {
        const char *name, *value;
};
struct form {
        struct form_field *fields; /* in the arena, in order */
        size_t count;
};

/* ERR_BAD_REQUEST: broken escapes, NUL, invalid UTF-8; ERR_TOO_LARGE: above LIMIT_FORM_FIELDS. */
MUST_CHECK enum err form_parse(struct arena *arena, const char *text, size_t length, struct form *ret_form);
/* The request's body; ERR_MEDIA_TYPE unless it says it is a form. */
MUST_CHECK enum err form_read(struct exchange *x, struct form *ret_form);
/* The first value of that name, or NULL. */
const char *form_get(const struct form *form, const char *name);
size_t form_count(const struct form *form, const char *name);

#endif
