/* UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. */
#ifndef VR_BASE_UTF8_H
#define VR_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool utf8_valid(const void *bytes, size_t length);

/* The character at the start of `bytes`: its size in bytes, or 0 when there is none or it is ill-formed. */
size_t utf8_char(const void *bytes, size_t length, uint32_t *ret_code);

/* Unicode characters (code points) of a valid text. */
size_t utf8_length(const char *text);

/* C0, DEL and C1 control characters; of a valid text. */
bool utf8_has_control(const char *text);

/* The longest prefix of at most `max_bytes` that does not cut a character: its length in bytes. */
size_t utf8_prefix(const char *text, size_t max_bytes);

/* Nothing to read but white space: ASCII, NBSP (U+00A0), U+1680, U+2000–U+200B, U+2028/9, U+202F, U+205F, U+3000, U+FEFF. */
bool utf8_is_blank(const char *text);

#endif
