#include "common/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/log.h"

#define BLOCK_BYTES 8192 /* a usual request fits in one */

struct block {
        struct block *older;
        size_t size; /* of bytes[] */
        size_t used;
        alignas(max_align_t) char bytes[];
};

struct arena {
        struct block *newest;
        size_t total; /* sum of the blocks' sizes */
};

static _Noreturn void die(size_t wanted)
{
        log_error(NULL, "arena.exhausted", "memory of a request ran out, the process ends",
                  LOG_INT("vr.wanted_bytes", (int64_t)wanted));
        abort();
}

static void add_block(struct arena *arena, size_t wanted)
{
        size_t size = wanted > BLOCK_BYTES ? wanted : BLOCK_BYTES;
        struct block *block;

        if (size > LIMIT_ARENA_BYTES - arena->total)
                die(wanted);
        block = malloc(sizeof(*block) + size);
        if (!block)
                die(wanted);
        *block = (struct block){.older = arena->newest, .size = size};
        arena->newest = block;
        arena->total += size;
}

struct arena *arena_new(void)
{
        struct arena *arena = calloc(1, sizeof(*arena));

        if (!arena)
                die(sizeof(*arena));
        add_block(arena, 0);
        return arena;
}

static void drop_newest(struct arena *arena)
{
        struct block *block = arena->newest;

        arena->newest = block->older;
        arena->total -= block->size;
        free(block);
}

void arena_free(struct arena *arena)
{
        if (!arena)
                return;
        while (arena->newest)
                drop_newest(arena);
        free(arena);
}

void arena_reset(struct arena *arena)
{
        while (arena->newest->older)
                drop_newest(arena);
        arena->newest->used = 0;
}

static size_t aligned(size_t size)
{
        const size_t mask = alignof(max_align_t) - 1;

        if (size > LIMIT_ARENA_BYTES)
                die(size);
        return ((size ? size : 1) + mask) & ~mask;
}

void *arena_alloc(struct arena *arena, size_t size)
{
        size_t wanted = aligned(size);
        struct block *block = arena->newest;
        char *bytes;

        if (wanted > block->size - block->used) {
                add_block(arena, wanted);
                block = arena->newest;
        }
        bytes = block->bytes + block->used;
        block->used += wanted;
        return memset(bytes, 0, wanted);
}

void *arena_memdup(struct arena *arena, const void *bytes, size_t size)
{
        void *copy = arena_alloc(arena, size);

        if (size > 0)
                memcpy(copy, bytes, size);
        return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
        return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
        char *copy = length < SIZE_MAX ? arena_alloc(arena, length + 1) : NULL;

        if (!copy)
                die(length);
        if (length > 0)
                memcpy(copy, text, length);
        return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
        va_list arguments;
        char *text;

        va_start(arguments, format);
        text = arena_vprintf(arena, format, arguments);
        va_end(arguments);
        return text;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
{
        va_list again;
        int length;
        char *text;

        va_copy(again, arguments);
        length = vsnprintf(NULL, 0, format, again);
        va_end(again);
        if (length < 0)
                die(0);
        text = arena_alloc(arena, (size_t)length + 1);
        vsnprintf(text, (size_t)length + 1, format, arguments);
        return text;
}
