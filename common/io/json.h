/*
 * Reading JSON that a stranger wrote, on cJSON behind a gate that checks the text first (RFC 8259 strictly, and
 * LIMIT_JSON_*): size, depth, tokens, valid UTF-8, strict numbers, no raw control bytes, no `\u0000`, no lone surrogate,
 * no duplicate key within one object, nothing after the value. Integers beyond 2^53 keep their meaning as "not an integer".
 * To write JSON: base/json_write.h. To read and validate at once: app/fields.h.
 */
#ifndef VR_IO_JSON_H
#define VR_IO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"

struct json; /* a value; lives in the document it came from */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* The gate alone. ERR_BAD_REQUEST, or ERR_TOO_LARGE. `ret_reason` (may be NULL): a sentence for the sender. */
MUST_CHECK enum err json_gate(const char *text, size_t length, const char **ret_reason);

/* Gate, then parse. The caller frees the root. */
MUST_CHECK enum err json_parse(const char *text, size_t length, struct json **ret_root);
void json_free(struct json *root);
DEFINE_FREEP(struct json, json)

enum json_type json_type(const struct json *value);
bool json_is(const struct json *value, enum json_type type); /* false for NULL */
bool json_is_true(const struct json *value);

/* NULL when absent or when `object` is NULL or no object. Case matters. */
const struct json *json_get(const struct json *object, const char *key);
size_t json_count(const struct json *array_or_object);
/* Walks the members or elements: first child of NULL `previous`, else the next one; NULL at the end. */
const struct json *json_next(const struct json *container, const struct json *previous);
const char *json_key(const struct json *member);

/* The text of a string value, else NULL. */
const char *json_text(const struct json *value);
/* Shorthands on a member: text or NULL; number or fallback; 0/1 or fallback. */
const char *json_get_text(const struct json *object, const char *key);
int64_t json_get_int(const struct json *object, const char *key, int64_t fallback);
bool json_get_bool(const struct json *object, const char *key, bool fallback);
/* ERR_INVALID unless it is a whole number within ±2^53. */
MUST_CHECK enum err json_to_int(const struct json *value, int64_t *ret_value);
/* An array of strings as an arena array ending with NULL; ERR_INVALID when it is anything else. */
MUST_CHECK enum err json_to_texts(struct arena *arena, const struct json *array, const char *const **ret_texts,
                                  size_t *ret_count);
/* The value printed again, two spaces a level, members in their order. */
char *json_print_pretty(struct arena *arena, const struct json *value);

#endif
