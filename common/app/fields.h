/*
 * Reading JSON is validating it: a table of members fills a struct and tells, per member, absent, wrong type or there.
 * For bodies that come from outside.
 */
#ifndef VR_APP_FIELDS_H
#define VR_APP_FIELDS_H

#include <stddef.h>

#include "common/app/public_market.h"
#include "common/base/arena.h"
#include "common/io/json.h"

enum field_type {
        FIELD_TEXT,  /* const char * */
        FIELD_TEXTS, /* struct field_texts */
        FIELD_INT,   /* int64_t */
        FIELD_BOOL,  /* bool */
};

struct field_texts {
        const char *const *texts;
        size_t count;
};

struct field {
        const char *name; /* NULL ends the table */
        enum field_type type;
        size_t offset;       /* of the value */
        size_t state_offset; /* of an enum member_state */
};

/* null counts as absent. Copies into the arena: the document may be freed. Unknown members are ignored. */
void fields_read(struct arena *arena, const struct json *object, const struct field *table, void *target);

#endif
