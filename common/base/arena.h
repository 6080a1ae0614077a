/*
 * Memory with one life: allocate freely, free once. One arena per request (or per event, per batch);
 * nothing in it is freed alone, and nothing longer-lived points into it. Not thread-safe: one arena, one thread.
 *
 * Allocation never returns NULL: past LIMIT_ARENA_BYTES, or with no memory left, the process ends with a
 * log line, for every input is bounded long before that (LIMIT_HTTP_BODY_BYTES, LIMIT_JSON_TOKENS…).
 */
#ifndef VR_BASE_ARENA_H
#define VR_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "common/base/attr.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena); /* NULL is fine */
DEFINE_FREEP(struct arena, arena)

/* Forget everything, keep the first block: for loops. */
void arena_reset(struct arena *arena);

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_memdup(struct arena *arena, const void *bytes, size_t size);

/* NULL in, NULL out. */
char *arena_strdup(struct arena *arena, const char *text);
/* `length` bytes and a NUL. */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments);

#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (count)))

#endif
