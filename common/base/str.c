#include "common/base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The ctype.h forms follow the locale; these don't. */
static bool is_space(char c)
{
        return c == ' ' || (c >= '\t' && c <= '\r');
}

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_equal(const char *a, const char *b)
{
        return a && b ? strcmp(a, b) == 0 : a == b;
}

bool str_equal_nocase(const char *a, const char *b)
{
        if (!a || !b)
                return a == b;
        while (*a && lower(*a) == lower(*b)) {
                a++;
                b++;
        }
        return lower(*a) == lower(*b);
}

bool str_starts_with(const char *text, const char *prefix)
{
        return text && prefix && strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *text, const char *suffix)
{
        size_t length = text ? strlen(text) : 0, suffix_length = suffix ? strlen(suffix) : 0;

        return text && suffix && suffix_length <= length && strcmp(text + length - suffix_length, suffix) == 0;
}

bool str_is_blank(const char *text)
{
        while (text && is_space(*text))
                text++;
        return !text || *text == '\0';
}

char *str_trim(struct arena *arena, const char *text)
{
        size_t length;

        if (!text)
                return NULL;
        while (is_space(*text))
                text++;
        length = strlen(text);
        while (length > 0 && is_space(text[length - 1]))
                length--;
        return arena_strndup(arena, text, length);
}

enum err str_to_i64(const char *text, int64_t min, int64_t max, int64_t *ret_value)
{
        bool negative = text && *text == '-';
        int64_t value = 0;

        if (!text || !text[negative])
                return ERR_INVALID;
        for (const char *p = text + negative; *p; p++) {
                int digit = *p - '0';

                if (*p < '0' || *p > '9')
                        return ERR_INVALID;
                /* built downwards when negative: INT64_MIN has no positive twin */
                if (__builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, negative ? -digit : digit, &value))
                        return ERR_INVALID;
        }
        if (value < min || value > max)
                return ERR_INVALID;
        *ret_value = value;
        return ERR_OK;
}

char *str_double(double value, char text[STR_DOUBLE_MAX])
{
        if (!isfinite(value)) {
                snprintf(text, STR_DOUBLE_MAX, "%s", isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
                return text;
        }
        for (int digits = 15; digits <= 17; digits++) {
                snprintf(text, STR_DOUBLE_MAX, "%.*g", digits, value);
                if (strtod(text, NULL) == value)
                        break;
        }
        return text;
}

char **str_split(struct arena *arena, const char *text, char separator, size_t *ret_count)
{
        size_t count = 1, i = 0;
        char **parts;

        for (const char *p = text; *p; p++)
                count += *p == separator;
        parts = ARENA_ARRAY(arena, char *, count + 1);
        for (const char *start = text;; start++) {
                const char *end = start;

                while (*end && *end != separator)
                        end++;
                parts[i++] = arena_strndup(arena, start, (size_t)(end - start));
                if (!*end)
                        break;
                start = end;
        }
        *ret_count = count;
        return parts;
}

char *str_hex(struct arena *arena, const void *bytes, size_t length)
{
        const unsigned char *in = bytes;
        char *text = arena_alloc(arena, length * 2 + 1);

        for (size_t i = 0; i < length; i++) {
                text[2 * i] = hex_digits[in[i] >> 4];
                text[2 * i + 1] = hex_digits[in[i] & 15];
        }
        return text;
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c = lower(c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum err str_unhex(struct arena *arena, const char *text, unsigned char **ret_bytes, size_t *ret_length)
{
        size_t length = text ? strlen(text) : 1;
        unsigned char *bytes;

        if (length % 2)
                return ERR_INVALID;
        bytes = arena_alloc(arena, length / 2 + 1);
        for (size_t i = 0; i < length; i += 2) {
                int high = hex_value(text[i]), low = hex_value(text[i + 1]);

                if (high < 0 || low < 0)
                        return ERR_INVALID;
                bytes[i / 2] = (unsigned char)(high << 4 | low);
        }
        *ret_bytes = bytes;
        *ret_length = length / 2;
        return ERR_OK;
}

static char *base64(struct arena *arena, const char *alphabet, bool padded, const void *bytes, size_t length)
{
        const unsigned char *in = bytes;
        char *text = arena_alloc(arena, (length + 2) / 3 * 4 + 1), *out = text;

        for (size_t i = 0; i < length; i += 3) {
                size_t left = length - i < 3 ? length - i : 3;
                uint32_t group = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                                 (left > 2 ? (uint32_t)in[i + 2] : 0);

                for (size_t j = 0; j <= left; j++)
                        *out++ = alphabet[group >> (18 - 6 * j) & 63];
                for (size_t j = left; padded && j < 3; j++)
                        *out++ = '=';
        }
        return text;
}

char *str_base64(struct arena *arena, const void *bytes, size_t length)
{
        return base64(arena, base64_alphabet, true, bytes, length);
}

char *str_base64url(struct arena *arena, const void *bytes, size_t length)
{
        return base64(arena, base64url_alphabet, false, bytes, length);
}

enum err str_unbase64(struct arena *arena, const char *text, unsigned char **ret_bytes, size_t *ret_length)
{
        size_t length = text ? strlen(text) : 0, out = 0;
        unsigned char *bytes;
        uint32_t group = 0;
        int bits = 0;

        if (!text)
                return ERR_INVALID;
        for (int pad = 0; length > 0 && length % 4 == (pad ? 3 : 0) && pad < 2 && text[length - 1] == '='; pad++)
                length--;
        if (length % 4 == 1)
                return ERR_INVALID;
        bytes = arena_alloc(arena, length / 4 * 3 + 3);
        for (size_t i = 0; i < length; i++) {
                const char *at = memchr(base64_alphabet, text[i], sizeof(base64_alphabet) - 1);

                if (!at)
                        return ERR_INVALID;
                group = group << 6 | (uint32_t)(at - base64_alphabet);
                bits += 6;
                if (bits >= 8) {
                        bits -= 8;
                        bytes[out++] = (unsigned char)(group >> bits);
                }
        }
        *ret_bytes = bytes;
        *ret_length = out;
        return ERR_OK;
}

/* RFC 3986 §2.3 */
static bool is_unreserved(char c)
{
        return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.' || c == '_' ||
               c == '~';
}

char *str_url_encode(struct arena *arena, const char *text)
{
        char *encoded = arena_alloc(arena, strlen(text) * 3 + 1), *out = encoded;

        for (; *text; text++) {
                unsigned char c = (unsigned char)*text;

                if (is_unreserved(*text)) {
                        *out++ = *text;
                        continue;
                }
                *out++ = '%';
                *out++ = "0123456789ABCDEF"[c >> 4];
                *out++ = "0123456789ABCDEF"[c & 15];
        }
        return encoded;
}

enum err str_url_decode(struct arena *arena, const char *text, size_t length, bool form, char **ret_text)
{
        char *decoded = arena_alloc(arena, length + 1), *out = decoded;

        for (size_t i = 0; i < length; i++) {
                char c = text[i];

                if (c == '%') {
                        int high = length - i > 2 ? hex_value(text[i + 1]) : -1;
                        int low = length - i > 2 ? hex_value(text[i + 2]) : -1;

                        if (high < 0 || low < 0)
                                return ERR_BAD_REQUEST;
                        c = (char)(high << 4 | low);
                        i += 2;
                } else if (c == '+' && form) {
                        c = ' ';
                }
                if (c == '\0')
                        return ERR_BAD_REQUEST;
                *out++ = c;
        }
        *ret_text = decoded;
        return ERR_OK;
}
