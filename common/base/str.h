/* Small text helpers that libc lacks. All arguments are NUL-terminated unless a length says otherwise. */
#ifndef VR_BASE_STR_H
#define VR_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"

bool str_equal(const char *a, const char *b);        /* NULL equals only NULL */
bool str_equal_nocase(const char *a, const char *b); /* ASCII case only, for header names */
bool str_starts_with(const char *text, const char *prefix);
bool str_ends_with(const char *text, const char *suffix);
/* NULL, empty, or nothing but white space. */
bool str_is_blank(const char *text);
/* Leading and trailing ASCII white space cut; a copy in the arena. */
char *str_trim(struct arena *arena, const char *text);

/* A decimal number and nothing else, within [min, max]; else ERR_INVALID. No sign but '-', no spaces, no '+'. */
MUST_CHECK enum err str_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret_value);

#define STR_DOUBLE_MAX 32
/* The shortest decimal form that reads back the same; "NaN", "+Inf", "-Inf". Returns `text`. */
char *str_double(double value, char text[STR_DOUBLE_MAX]);

/* Splits at each `separator`; empty parts are kept, "" gives one empty part. The array ends with NULL. */
char **str_split(struct arena *arena, const char *text, char separator, size_t *ret_count);

/* Lower-case hexadecimal. */
char *str_hex(struct arena *arena, const void *bytes, size_t length);
MUST_CHECK enum err str_unhex(struct arena *arena, const char *text, unsigned char **ret_bytes, size_t *ret_length);

/* RFC 4648: standard alphabet with padding; url alphabet without. */
char *str_base64(struct arena *arena, const void *bytes, size_t length);
char *str_base64url(struct arena *arena, const void *bytes, size_t length);
/* Takes the standard alphabet, padded or not; anything else is ERR_INVALID. */
MUST_CHECK enum err str_unbase64(struct arena *arena, const char *text, unsigned char **ret_bytes, size_t *ret_length);

/* RFC 3986 percent-encoding of everything but unreserved characters. */
char *str_url_encode(struct arena *arena, const char *text);
/* `+` becomes a space when `form`. A broken escape, or an escaped or raw NUL, is ERR_BAD_REQUEST. */
MUST_CHECK enum err str_url_decode(struct arena *arena, const char *text, size_t length, bool form, char **ret_text);

#endif
