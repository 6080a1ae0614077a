#include "common/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"

#define FIRST_CAPACITY 256

void buf_init(struct buf *buf, size_t max)
{
        *buf = (struct buf){.max = max};
}

void buf_done(struct buf *buf)
{
        free(buf->data);
        *buf = (struct buf){.max = buf->max};
}

void buf_reset(struct buf *buf)
{
        buf->length = 0;
        buf->err = ERR_OK;
        if (buf->data)
                buf->data[0] = '\0';
}

static size_t max_of(const struct buf *buf)
{
        return buf->max ? buf->max : LIMIT_BUF_BYTES;
}

/* Room for `extra` more bytes and the NUL. */
static bool reserve(struct buf *buf, size_t extra)
{
        size_t max = max_of(buf), capacity;
        char *data;

        if (buf->err)
                return false;
        if (buf->length > max || extra > max - buf->length) {
                buf->err = ERR_FULL;
                return false;
        }
        if (buf->length + extra < buf->capacity)
                return true;
        capacity = buf->capacity ? buf->capacity : FIRST_CAPACITY;
        while (capacity <= buf->length + extra)
                capacity *= 2;
        if (capacity > max + 1)
                capacity = max + 1;
        data = realloc(buf->data, capacity);
        if (!data) {
                buf->err = ERR_NO_MEMORY;
                return false;
        }
        buf->data = data;
        buf->capacity = capacity;
        return true;
}

void buf_append(struct buf *buf, const void *bytes, size_t length)
{
        if (!reserve(buf, length))
                return;
        if (length > 0)
                memcpy(buf->data + buf->length, bytes, length);
        buf->length += length;
        buf->data[buf->length] = '\0';
}

void buf_puts(struct buf *buf, const char *text)
{
        if (text)
                buf_append(buf, text, strlen(text));
}

void buf_putc(struct buf *buf, char c)
{
        buf_append(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        buf_vprintf(buf, format, arguments);
        va_end(arguments);
}

/* What fits without asking for more, with the NUL. */
static size_t room_in(const struct buf *buf)
{
        size_t max = max_of(buf), capacity = buf->capacity < max + 1 ? buf->capacity : max + 1;

        return !buf->err && buf->data && buf->length < capacity ? capacity - buf->length : 0;
}

/* Most texts fit at once; the others are measured by the same try. */
void buf_vprintf(struct buf *buf, const char *format, va_list arguments)
{
        size_t room = room_in(buf);
        va_list again;
        int length;

        va_copy(again, arguments);
        length = vsnprintf(room ? buf->data + buf->length : NULL, room, format, again);
        va_end(again);
        if (length >= 0 && (size_t)length < room) {
                buf->length += (size_t)length;
                return;
        }
        if (room)
                buf->data[buf->length] = '\0';
        if (length < 0) {
                buf->err = buf->err ? buf->err : ERR_INTERNAL;
                return;
        }
        if (!reserve(buf, (size_t)length))
                return;
        vsnprintf(buf->data + buf->length, (size_t)length + 1, format, arguments);
        buf->length += (size_t)length;
}

enum err buf_err(const struct buf *buf)
{
        return buf->err;
}

const char *buf_text(const struct buf *buf)
{
        return buf->data ? buf->data : "";
}

char *buf_take(struct buf *buf)
{
        char *data;

        buf_append(buf, "", 0); /* so that an empty buffer is "", not NULL */
        if (buf->err) {
                buf_done(buf);
                return NULL;
        }
        data = TAKE(buf->data);
        buf_done(buf);
        return data;
}
