/*
 * Redis on hiredis: a pool of connections, 200 ms to connect and per round trip, reconnecting with back-off. Calls that wait
 * at the same time share a round trip; each stays whole and in order, and fails alone unless the connection does. What it holds may vanish at any time: key layouts and lifetimes are in proto/redis.md. Any thread.
 * Errors: ERR_UNAVAILABLE (not reachable, timed out, or Redis said LOADING/READONLY/OOM), ERR_INTERNAL
 * (a command Redis refuses, a value above LIMIT_CACHE_VALUE_BYTES). While Redis is away callers are
 * told at once: one thread at a time tries again.
 */
#ifndef VR_IO_CACHE_H
#define VR_IO_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/metrics.h"

struct cache;

struct cache_config {
        const char *url; /* redis://[user:password@]host[:port][/db] */
        int pool;        /* connections at most; further threads wait up to timeout_ms */
        int timeout_ms;
        struct metrics *metrics; /* vr_redis_command_duration_seconds; may be NULL */
};

/* Does not need Redis to be there yet. ERR_INVALID for a broken URL. */
MUST_CHECK enum err cache_open(const struct cache_config *config, struct cache **ret_cache);
void cache_close(struct cache *cache); /* NULL is fine */

enum cache_type { CACHE_NIL, CACHE_TEXT, CACHE_INTEGER, CACHE_LIST };
struct cache_value {
        enum cache_type type;
        const char *text; /* CACHE_TEXT: NUL-terminated, may contain NULs */
        size_t length;    /* bytes of text, or elements of list */
        int64_t integer;
        struct cache_value *list;
};

/* One argument of a command; bytes are passed as they are (%b). */
struct cache_arg {
        const void *bytes;
        size_t length;
};
struct cache_arg cache_text(const char *text);
struct cache_arg cache_int(struct arena *arena, int64_t number);

/* `CACHE_ARGS(cache_text("GET"), cache_text(key))` → args, count. The answer is copied into the arena. */
#define CACHE_ARGS(...)                          \
        (const struct cache_arg[]){__VA_ARGS__}, \
                sizeof((const struct cache_arg[]){__VA_ARGS__}) / sizeof(struct cache_arg)
MUST_CHECK enum err cache_command(struct cache *cache, struct arena *arena, const struct cache_arg *args, size_t count,
                                  struct cache_value *ret_value);

/* Several commands in one round trip. */
struct cache_batch_item {
        const struct cache_arg *args;
        size_t count;
        struct cache_value value; /* filled */
};
MUST_CHECK enum err cache_pipeline(struct cache *cache, struct arena *arena, struct cache_batch_item *items,
                                   size_t count);

/* A Lua script, atomic in Redis: EVALSHA, and EVAL when Redis does not know it yet. `keys` first, then `args`. */
struct cache_script {
        const char *name;   /* for metrics */
        const char *source; /* the file's text */
};
MUST_CHECK enum err cache_run(struct cache *cache, struct arena *arena, const struct cache_script *script,
                              const struct cache_arg *keys, size_t key_count, const struct cache_arg *args,
                              size_t arg_count, struct cache_value *ret_value);

/* Shorthands. ERR_NOT_FOUND when there is no such key. ttl_ms 0: no expiry. */
MUST_CHECK enum err cache_get(struct cache *cache, struct arena *arena, const char *key, const char **ret_text);
MUST_CHECK enum err cache_set(struct cache *cache, const char *key, const char *text, int64_t ttl_ms);
MUST_CHECK enum err cache_delete(struct cache *cache, const char *key);
MUST_CHECK enum err cache_ping(struct cache *cache);

#endif
