/*
 * Writes JSON, member by member, in the order given: what is signed or compared byte for byte must not depend on a
 * library's mood. Commas and escaping are done here. Ill-formed UTF-8 becomes U+FFFD, so that what comes out is always
 * JSON; `<`, `>`, `&` are written as they are.
 *
 *         struct json_write w = json_write_to(&buf);
 *         json_object(&w, NULL);
 *         json_string(&w, "name", name);             null when NULL
 *         json_array(&w, "codes"); json_string(&w, NULL, "supplies"); json_end(&w);
 *         json_end(&w);
 *
 * `key` is NULL inside an array and at the top. Failures stick in the buffer (buf_err).
 */
#ifndef VR_BASE_JSON_WRITE_H
#define VR_BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/buf.h"

#define JSON_WRITE_DEPTH 16

struct json_write {
        struct buf *out;
        int depth;
        bool pretty; /* two spaces, as the seed prints it; false: no white space at all */
        bool filled[JSON_WRITE_DEPTH];
        char closer[JSON_WRITE_DEPTH];
};

struct json_write json_write_to(struct buf *out);

void json_object(struct json_write *w, const char *key);
void json_array(struct json_write *w, const char *key);
void json_end(struct json_write *w); /* of the innermost object or array */

void json_string(struct json_write *w, const char *key, const char *text);
void json_string_n(struct json_write *w, const char *key, const char *text, size_t length);
void json_int(struct json_write *w, const char *key, int64_t value);
void json_double(struct json_write *w, const char *key, double value);
void json_bool(struct json_write *w, const char *key, bool value);
void json_null(struct json_write *w, const char *key);
/* A value already in JSON, taken as it is. */
void json_raw(struct json_write *w, const char *key, const char *json);
/* The seed's time form, or null when wall_ms is 0. */
void json_time(struct json_write *w, const char *key, int64_t wall_ms);
/* An array of strings. */
void json_strings(struct json_write *w, const char *key, const char *const *texts, size_t count);

#endif
