/*
 * A growing run of bytes, always NUL-terminated, with a maximum. The first failure sticks: append at will,
 * look once at the end with buf_err(). `{0}` is an empty buffer with the maximum LIMIT_BUF_BYTES.
 */
#ifndef VR_BASE_BUF_H
#define VR_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "common/base/attr.h"
#include "common/base/err.h"

struct buf {
        char *data; /* owned; NULL until the first byte: read through buf_text() */
        size_t length;
        size_t capacity;
        size_t max; /* bytes; 0 means LIMIT_BUF_BYTES */
        enum err err;
};

void buf_init(struct buf *buf, size_t max);
void buf_done(struct buf *buf);
/* Empty again, memory kept, error forgotten. */
void buf_reset(struct buf *buf);

void buf_append(struct buf *buf, const void *bytes, size_t length);
void buf_puts(struct buf *buf, const char *text); /* NULL appends nothing */
void buf_putc(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_vprintf(struct buf *buf, const char *format, va_list arguments);

/* ERR_FULL past the maximum, ERR_NO_MEMORY, else ERR_OK. */
MUST_CHECK enum err buf_err(const struct buf *buf);

/* Never NULL. */
const char *buf_text(const struct buf *buf);

/* The bytes leave: the caller frees them with free(); the buffer is empty. NULL if it had failed. */
char *buf_take(struct buf *buf);

#endif
