#include "common/base/utf8.h"

#include <string.h>

static bool is_continuation(unsigned char c)
{
        return (c & 0xC0) == 0x80;
}

/* RFC 3629 §4, "Syntax of UTF-8 Byte Sequences": the second byte's range depends on the first. */
static bool second_byte_fits(unsigned char first, unsigned char second)
{
        switch (first) {
        case 0xE0:
                return second >= 0xA0 && second <= 0xBF; /* no overlong form */
        case 0xED:
                return second >= 0x80 && second <= 0x9F; /* no surrogate */
        case 0xF0:
                return second >= 0x90 && second <= 0xBF; /* no overlong form */
        case 0xF4:
                return second >= 0x80 && second <= 0x8F; /* nothing above U+10FFFF */
        default:
                return is_continuation(second);
        }
}

size_t utf8_char(const void *bytes, size_t length, uint32_t *ret_code)
{
        const unsigned char *p = bytes;
        size_t size;
        uint32_t code;

        if (length == 0)
                return 0;
        if (p[0] < 0x80) {
                *ret_code = p[0];
                return 1;
        }
        if (p[0] < 0xC2 || p[0] > 0xF4)
                return 0;
        size = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
        if (length < size || !second_byte_fits(p[0], p[1]))
                return 0;
        code = p[0] & (0x7FU >> size);
        for (size_t i = 1; i < size; i++) {
                if (!is_continuation(p[i]))
                        return 0;
                code = code << 6 | (p[i] & 0x3FU);
        }
        *ret_code = code;
        return size;
}

bool utf8_valid(const void *bytes, size_t length)
{
        const unsigned char *p = bytes;
        uint32_t code;

        for (size_t i = 0; i < length;) {
                size_t size = utf8_char(p + i, length - i, &code);

                if (size == 0)
                        return false;
                i += size;
        }
        return true;
}

size_t utf8_length(const char *text)
{
        size_t count = 0;

        for (; *text; text++)
                count += !is_continuation((unsigned char)*text);
        return count;
}

bool utf8_has_control(const char *text)
{
        size_t length = strlen(text), size;
        uint32_t code = 0;

        for (size_t i = 0; i < length; i += size) {
                size = utf8_char(text + i, length - i, &code);
                if (size == 0)
                        return true;
                if (code < 0x20 || (code >= 0x7F && code <= 0x9F))
                        return true;
        }
        return false;
}

size_t utf8_prefix(const char *text, size_t max_bytes)
{
        size_t length = strnlen(text, max_bytes);
        size_t cut = length;

        if (length < max_bytes || text[length] == '\0')
                return length;
        /* a character has at most three continuation bytes: more is no UTF-8, and any cut will do */
        while (cut > 0 && length - cut < 3 && is_continuation((unsigned char)text[cut]))
                cut--;
        return is_continuation((unsigned char)text[cut]) ? length : cut;
}

static bool is_blank(uint32_t code)
{
        return code == ' ' || (code >= '\t' && code <= '\r') || code == 0xA0 || code == 0x1680 ||
               (code >= 0x2000 && code <= 0x200B) || code == 0x2028 || code == 0x2029 || code == 0x202F ||
               code == 0x205F || code == 0x3000 || code == 0xFEFF;
}

bool utf8_is_blank(const char *text)
{
        size_t length = strlen(text), size;
        uint32_t code = 0;

        for (size_t i = 0; i < length; i += size) {
                size = utf8_char(text + i, length - i, &code);
                if (size == 0 || !is_blank(code))
                        return false;
        }
        return true;
}
