#include "common/base/json_write.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/base/utf8.h"

struct json_write json_write_to(struct buf *out)
{
        return (struct json_write){.out = out};
}

static void new_line(struct json_write *w)
{
        if (!w->pretty)
                return;
        buf_putc(w->out, '\n');
        for (int i = 0; i < w->depth; i++)
                buf_puts(w->out, "  ");
}

static void put_escape(struct buf *out, unsigned char c)
{
        static const char letters[] = "btn.fr"; /* from 8, backspace, to 13, carriage return */

        if (c == '"' || c == '\\')
                buf_printf(out, "\\%c", c);
        else if (c >= 8 && c <= 13 && c != 11)
                buf_printf(out, "\\%c", letters[c - 8]);
        else
                buf_printf(out, "\\u%04x", c);
}

/* RFC 8259 §7: runs of bytes that need nothing are copied at once. */
static void put_quoted(struct buf *out, const char *text, size_t length)
{
        size_t start = 0, i = 0;

        buf_putc(out, '"');
        while (i < length) {
                unsigned char c = (unsigned char)text[i];
                uint32_t code;
                size_t size = c < 0x80 ? 1 : utf8_char(text + i, length - i, &code);

                if (size > 0 && c >= 0x20 && c != '"' && c != '\\') {
                        i += size;
                        continue;
                }
                buf_append(out, text + start, i - start);
                if (size == 0)
                        buf_puts(out, "\xEF\xBF\xBD");
                else
                        put_escape(out, c);
                start = ++i;
        }
        buf_append(out, text + start, length - start);
        buf_putc(out, '"');
}

/* The comma, the line and the key before a value. */
static void begin_value(struct json_write *w, const char *key)
{
        if (w->depth > 0) {
                if (w->filled[w->depth - 1])
                        buf_putc(w->out, ',');
                w->filled[w->depth - 1] = true;
                new_line(w);
        }
        if (!key)
                return;
        put_quoted(w->out, key, strlen(key));
        buf_puts(w->out, w->pretty ? ": " : ":");
}

static void open_value(struct json_write *w, const char *key, char opener, char closer)
{
        begin_value(w, key);
        if (w->depth == JSON_WRITE_DEPTH) {
                w->out->err = w->out->err ? w->out->err : ERR_INTERNAL;
                return;
        }
        buf_putc(w->out, opener);
        w->filled[w->depth] = false;
        w->closer[w->depth++] = closer;
}

void json_object(struct json_write *w, const char *key)
{
        open_value(w, key, '{', '}');
}

void json_array(struct json_write *w, const char *key)
{
        open_value(w, key, '[', ']');
}

void json_end(struct json_write *w)
{
        if (w->depth == 0) {
                w->out->err = w->out->err ? w->out->err : ERR_INTERNAL;
                return;
        }
        w->depth--;
        if (w->filled[w->depth])
                new_line(w);
        buf_putc(w->out, w->closer[w->depth]);
}

void json_string(struct json_write *w, const char *key, const char *text)
{
        json_string_n(w, key, text, text ? strlen(text) : 0);
}

void json_string_n(struct json_write *w, const char *key, const char *text, size_t length)
{
        begin_value(w, key);
        if (text)
                put_quoted(w->out, text, length);
        else
                buf_puts(w->out, "null");
}

void json_int(struct json_write *w, const char *key, int64_t value)
{
        begin_value(w, key);
        buf_printf(w->out, "%" PRId64, value);
}

void json_double(struct json_write *w, const char *key, double value)
{
        char text[STR_DOUBLE_MAX];

        begin_value(w, key);
        buf_puts(w->out, isfinite(value) ? str_double(value, text) : "null"); /* JSON has no such number */
}

void json_bool(struct json_write *w, const char *key, bool value)
{
        begin_value(w, key);
        buf_puts(w->out, value ? "true" : "false");
}

void json_null(struct json_write *w, const char *key)
{
        begin_value(w, key);
        buf_puts(w->out, "null");
}

void json_raw(struct json_write *w, const char *key, const char *json)
{
        begin_value(w, key);
        buf_puts(w->out, json);
}

void json_time(struct json_write *w, const char *key, int64_t wall_ms)
{
        char text[CLOCK_TEXT_MAX];

        json_string(w, key, wall_ms ? clock_format_s(wall_ms, text) : NULL);
}

void json_strings(struct json_write *w, const char *key, const char *const *texts, size_t count)
{
        json_array(w, key);
        for (size_t i = 0; i < count; i++)
                json_string(w, NULL, texts[i]);
        json_end(w);
}
