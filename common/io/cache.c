#include "common/io/cache.h"

#include <hiredis.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/io/crypto.h"

#define DEFAULT_PORT       6379
#define DEFAULT_POOL       16
#define DEFAULT_TIMEOUT_MS 200
#define POOL_MAX           4096
#define ARGS_MAX           128
#define LEADERS            2  /* round trips under way at once */
#define SHARED_MAX         64 /* calls in one of them */
#define BACKOFF_FIRST_MS   100
#define BACKOFF_LAST_MS    1000
/* What one answer may weigh: the arena it lands in must never burst. */
#define ANSWER_BYTES_MAX   (4 * LIMIT_CACHE_VALUE_BYTES)

/* What one thread asks, in one go; lives on its stack. */
struct call {
        struct call *next;
        struct arena *arena; /* the caller's, for the answers: whoever leads fills it while the caller waits */
        struct cache_batch_item *items;
        size_t count, sent;
        enum err err; /* the first */
        bool unknown_script;
        bool leads;
        sem_t turn; /* to lead, or to go: it is done */
};

struct cache {
        struct arena *arena; /* the texts below */
        const char *host;
        const char *user, *password; /* NULL when not given */
        int port;
        int database;
        int pool;
        int timeout_ms;
        struct metric *duration; /* may be NULL */

        pthread_mutex_t lock;
        pthread_cond_t returned; /* a connection, or the right to make one */
        redisContext **idle;     /* a stack: the warmest is used first */
        int idle_count;
        int busy_count;
        int backoff_ms;      /* 0 while all is well */
        int64_t retry_at_ms; /* monotonic: nobody connects before, while backoff_ms > 0 */

        struct call *first, *last; /* calls that wait for a leader */
        int leaders;
};

static struct timeval timeout_of(const struct cache *cache)
{
        return (struct timeval){cache->timeout_ms / 1000, cache->timeout_ms % 1000 * 1000};
}

/* ---- the URL ---- */

/* [user:password@] */
static enum err parse_userinfo(struct cache *cache, const char *text, size_t length)
{
        const char *colon = memchr(text, ':', length);
        char *user = NULL, *password = NULL;
        enum err err;

        if (!colon)
                return ERR_INVALID;
        err = str_url_decode(cache->arena, text, (size_t)(colon - text), false, &user);
        if (!err)
                err = str_url_decode(cache->arena, colon + 1, length - (size_t)(colon - text) - 1, false, &password);
        if (err || !*password)
                return ERR_INVALID;
        cache->user = *user ? user : NULL;
        cache->password = password;
        return ERR_OK;
}

/* host[:port], the host of an IPv6 address in brackets */
static enum err parse_authority(struct cache *cache, const char *text)
{
        const char *host_end = *text == '[' ? strchr(text, ']') : text + strcspn(text, ":");
        const char *rest = host_end && *text == '[' ? host_end + 1 : host_end;
        int64_t port = DEFAULT_PORT;

        if (!host_end || (*rest && *rest != ':'))
                return ERR_INVALID;
        if (*rest && str_to_i64(rest + 1, 1, 65535, &port))
                return ERR_INVALID;
        text += *text == '[';
        if (host_end == text)
                return ERR_INVALID;
        cache->host = arena_strndup(cache->arena, text, (size_t)(host_end - text));
        cache->port = (int)port;
        return ERR_OK;
}

static enum err parse_url(struct cache *cache, const char *url)
{
        static const char scheme[] = "redis://";
        const char *slash, *at;
        char *authority;
        int64_t database = 0;

        if (!url || !str_starts_with(url, scheme))
                return ERR_INVALID;
        url += sizeof(scheme) - 1;
        slash = strchr(url, '/');
        if (slash && slash[1] && str_to_i64(slash + 1, 0, 65535, &database))
                return ERR_INVALID;
        cache->database = (int)database;
        authority = arena_strndup(cache->arena, url, slash ? (size_t)(slash - url) : strlen(url));
        at = strrchr(authority, '@');
        if (at && parse_userinfo(cache, authority, (size_t)(at - authority)))
                return ERR_INVALID;
        return parse_authority(cache, at ? at + 1 : authority);
}

/* ---- opening, closing ---- */

enum err cache_open(const struct cache_config *config, struct cache **ret_cache)
{
        struct cache *cache = calloc(1, sizeof(*cache));
        pthread_condattr_t attributes;

        if (!cache)
                return ERR_NO_MEMORY;
        cache->arena = arena_new();
        cache->pool = config->pool > 0 && config->pool <= POOL_MAX ? config->pool : DEFAULT_POOL;
        cache->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : DEFAULT_TIMEOUT_MS;
        if (parse_url(cache, config->url)) {
                arena_free(cache->arena);
                free(cache);
                return ERR_INVALID;
        }
        if (config->metrics)
                cache->duration = metrics_histogram(config->metrics, "vr_redis_command_duration_seconds", "command",
                                                    "Time a Redis command took, with its round trip.", NULL, 0);
        cache->idle = ARENA_ARRAY(cache->arena, redisContext *, (size_t)cache->pool);
        pthread_mutex_init(&cache->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&cache->returned, &attributes);
        pthread_condattr_destroy(&attributes);
        *ret_cache = cache;
        return ERR_OK;
}

void cache_close(struct cache *cache)
{
        if (!cache)
                return;
        while (cache->idle_count > 0)
                redisFree(cache->idle[--cache->idle_count]);
        pthread_cond_destroy(&cache->returned);
        pthread_mutex_destroy(&cache->lock);
        arena_free(cache->arena);
        free(cache);
}

/* ---- connections ---- */

/* A reply other than an error; for the few commands of the connection itself. */
static bool greet(redisContext *context, int argc, const char **argv)
{
        redisReply *reply = redisCommandArgv(context, argc, argv, NULL);
        bool fine = reply && reply->type != REDIS_REPLY_ERROR;

        if (reply)
                freeReplyObject(reply);
        return fine;
}

static bool authenticate(const struct cache *cache, redisContext *context)
{
        const char *argv[3] = {"AUTH"};
        int argc = 1;

        if (!cache->password)
                return true;
        if (cache->user)
                argv[argc++] = cache->user;
        argv[argc++] = cache->password;
        return greet(context, argc, argv);
}

static bool select_database(const struct cache *cache, redisContext *context)
{
        char number[12];
        const char *argv[2] = {"SELECT", number};

        if (cache->database == 0)
                return true;
        snprintf(number, sizeof(number), "%d", cache->database);
        return greet(context, 2, argv);
}

/* NULL when Redis can't be had. A name in the URL is resolved here, in the resolver's own time. */
static redisContext *connect_now(const struct cache *cache)
{
        redisContext *context = redisConnectWithTimeout(cache->host, cache->port, timeout_of(cache));

        if (!context)
                return NULL;
        if (!context->err && redisSetTimeout(context, timeout_of(cache)) == REDIS_OK &&
            redisEnableKeepAlive(context) == REDIS_OK && authenticate(cache, context) &&
            select_database(cache, context))
                return context;
        redisFree(context);
        return NULL;
}

/* A resting connection has nothing to say: what can be read is its end (a restarted Redis) or rubbish. */
static bool still_good(const redisContext *context)
{
        struct pollfd watched = {.fd = context->fd, .events = POLLIN};

        return poll(&watched, 1, 0) == 0;
}

/* `probe`: the one try of a back-off failed, so the next is longer. Many threads failing together count once. */
static void note_failure(struct cache *cache, bool probe)
{
        pthread_mutex_lock(&cache->lock);
        if (cache->backoff_ms == 0)
                cache->backoff_ms = BACKOFF_FIRST_MS;
        else if (probe)
                cache->backoff_ms *= 2;
        if (cache->backoff_ms > BACKOFF_LAST_MS)
                cache->backoff_ms = BACKOFF_LAST_MS;
        cache->retry_at_ms = clock_mono_ms() + cache->backoff_ms;
        pthread_mutex_unlock(&cache->lock);
}

/* Locked. While Redis is away one thread tries, the others are told at once: they must not pile up. */
static bool may_connect(struct cache *cache)
{
        int64_t now_ms = clock_mono_ms();

        if (cache->backoff_ms == 0)
                return true;
        if (now_ms < cache->retry_at_ms)
                return false;
        cache->retry_at_ms = now_ms + cache->timeout_ms + cache->backoff_ms;
        return true;
}

/* Locked. Waits for a turn; true with `busy_count` counting us. */
static bool wait_for_turn(struct cache *cache)
{
        int64_t until_ns = clock_mono_ns() + (int64_t)cache->timeout_ms * 1000000;
        struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};

        while (cache->busy_count >= cache->pool) {
                if (pthread_cond_timedwait(&cache->returned, &cache->lock, &until) != 0)
                        break;
        }
        if (cache->busy_count >= cache->pool)
                return false;
        cache->busy_count++;
        return true;
}

static void give_back(struct cache *cache, redisContext *context)
{
        if (context && context->err) {
                redisFree(context);
                context = NULL;
                note_failure(cache, false);
        }
        pthread_mutex_lock(&cache->lock);
        if (context) {
                cache->idle[cache->idle_count++] = context;
                cache->backoff_ms = 0;
        }
        cache->busy_count--;
        pthread_cond_signal(&cache->returned);
        pthread_mutex_unlock(&cache->lock);
}

/* A connection that rested, if there is one; looked at without the lock, which all callers share. */
static redisContext *take_idle(struct cache *cache)
{
        for (;;) {
                redisContext *context = NULL;

                pthread_mutex_lock(&cache->lock);
                if (cache->idle_count > 0)
                        context = cache->idle[--cache->idle_count];
                pthread_mutex_unlock(&cache->lock);
                if (!context || still_good(context))
                        return context;
                redisFree(context);
        }
}

static redisContext *connect_in_turn(struct cache *cache)
{
        redisContext *context = NULL;
        bool allowed, probe;

        pthread_mutex_lock(&cache->lock);
        probe = cache->backoff_ms > 0;
        allowed = may_connect(cache);
        pthread_mutex_unlock(&cache->lock);
        if (!allowed)
                return NULL;
        context = connect_now(cache);
        if (!context)
                note_failure(cache, probe);
        return context;
}

static enum err borrow(struct cache *cache, redisContext **ret_context)
{
        redisContext *context;
        bool mine;

        pthread_mutex_lock(&cache->lock);
        mine = wait_for_turn(cache);
        pthread_mutex_unlock(&cache->lock);
        if (!mine)
                return ERR_UNAVAILABLE;
        context = take_idle(cache);
        if (!context)
                context = connect_in_turn(cache);
        if (!context) {
                give_back(cache, NULL);
                return ERR_UNAVAILABLE;
        }
        *ret_context = context;
        return ERR_OK;
}

/* ---- answers ---- */

static enum err err_of_refusal(const char *text)
{
        /* Redis is there but can't serve: as good as away. MISCONF: it can't save, and so takes no writes. */
        static const char *const passing[] = {
                "LOADING", "READONLY",    "OOM",      "BUSY ",  "MASTERDOWN", "MISCONF",
                "NOAUTH",  "CLUSTERDOWN", "TRYAGAIN", "NOPERM", "WRONGPASS",  "ERR max number of clients",
        };

        for (size_t i = 0; i < ARRAY_LEN(passing); i++) {
                if (str_starts_with(text, passing[i]))
                        return ERR_UNAVAILABLE;
        }
        return ERR_INTERNAL;
}

/* Lists are two deep at most in what our scripts answer; hiredis itself stops at seven. */
static enum err copy_reply(struct arena *arena, const redisReply *reply, size_t *budget, struct cache_value *ret_value)
{
        struct cache_value value = {0};
        size_t weight = reply->type == REDIS_REPLY_ARRAY ? reply->elements * sizeof(value) : reply->len;

        if (reply->type == REDIS_REPLY_ERROR)
                return err_of_refusal(reply->str);
        if (weight > *budget)
                return ERR_INTERNAL;
        *budget -= weight;
        switch (reply->type) {
        case REDIS_REPLY_STRING:
        case REDIS_REPLY_STATUS:
                value.type = CACHE_TEXT;
                value.text = arena_strndup(arena, reply->str, reply->len);
                value.length = reply->len;
                break;
        case REDIS_REPLY_INTEGER:
                value.type = CACHE_INTEGER;
                value.integer = reply->integer;
                break;
        case REDIS_REPLY_ARRAY:
                value.type = CACHE_LIST;
                value.length = reply->elements;
                value.list = ARENA_ARRAY(arena, struct cache_value, reply->elements + 1);
                for (size_t i = 0; i < reply->elements; i++) {
                        enum err err = copy_reply(arena, reply->element[i], budget, &value.list[i]);

                        if (err)
                                return err;
                }
                break;
        default:
                value.type = CACHE_NIL;
        }
        *ret_value = value;
        return ERR_OK;
}

/* The next answer on the wire. */
static enum err read_reply(redisContext *context, struct arena *arena, bool *ret_unknown_script,
                           struct cache_value *ret_value)
{
        size_t budget = ANSWER_BYTES_MAX;
        void *reply = NULL;
        enum err err;

        if (redisGetReply(context, &reply) != REDIS_OK || !reply)
                return ERR_UNAVAILABLE;
        const redisReply *answer = reply;
        *ret_unknown_script = answer->type == REDIS_REPLY_ERROR && str_starts_with(answer->str, "NOSCRIPT");
        err = copy_reply(arena, reply, &budget, ret_value);
        freeReplyObject(reply);
        return err;
}

static enum err append(redisContext *context, const struct cache_arg *args, size_t count)
{
        const char *argv[ARGS_MAX];
        size_t lengths[ARGS_MAX];

        if (count == 0 || count > ARGS_MAX)
                return ERR_INTERNAL;
        for (size_t i = 0; i < count; i++) {
                if (args[i].length > LIMIT_CACHE_VALUE_BYTES)
                        return ERR_INTERNAL;
                argv[i] = args[i].bytes;
                lengths[i] = args[i].length;
        }
        return redisAppendCommandArgv(context, (int)count, argv, lengths) == REDIS_OK ? ERR_OK : ERR_NO_MEMORY;
}

static void observe(const struct cache *cache, const char *command, int64_t started_ns)
{
        if (cache->duration)
                metric_observe(cache->duration, (double)(clock_mono_ns() - started_ns) / 1e9, command);
}

/* "get" for "GET": our own code's words, so their number is bounded. */
static void observe_args(const struct cache *cache, const struct cache_arg *args, int64_t started_ns)
{
        char name[32];
        size_t length = args[0].length < sizeof(name) - 1 ? args[0].length : sizeof(name) - 1;

        for (size_t i = 0; i < length; i++) {
                char c = ((const char *)args[0].bytes)[i];

                name[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        }
        name[length] = '\0';
        observe(cache, name, started_ns);
}

/* ---- calls ----
 * Those that come while others are on their way share the next round trip: under load that is one write and one read for
 * many, on both sides. A caller who finds fewer than LEADERS at work leads at once; a leader who is done hands over.
 */

static enum err append_call(redisContext *context, struct call *call)
{
        while (call->sent < call->count) {
                enum err err = append(context, call->items[call->sent].args, call->items[call->sent].count);

                if (err)
                        return err;
                call->sent++;
        }
        return ERR_OK;
}

static void read_call(redisContext *context, struct call *call)
{
        for (size_t i = 0; i < call->sent; i++) {
                enum err err = context->err
                                       ? ERR_UNAVAILABLE
                                       : read_reply(context, call->arena, &call->unknown_script, &call->items[i].value);

                call->err = call->err ? call->err : err;
        }
}

static void round_trip(struct cache *cache, struct call *const *calls, size_t count)
{
        redisContext *context = NULL;
        enum err err = borrow(cache, &context);

        for (size_t i = 0; i < count; i++)
                calls[i]->err = err ? err : append_call(context, calls[i]);
        if (err)
                return;
        for (size_t i = 0; i < count; i++)
                read_call(context, calls[i]);
        give_back(cache, context);
}

/* Locked. */
static struct call *take_waiting(struct cache *cache)
{
        struct call *call = cache->first;

        if (call)
                cache->first = call->next;
        return call;
}

static void lead(struct cache *cache, struct call *own)
{
        struct call *calls[SHARED_MAX] = {own}, *next;
        size_t count = 1;

        pthread_mutex_lock(&cache->lock);
        while (count < SHARED_MAX && (next = take_waiting(cache)))
                calls[count++] = next;
        pthread_mutex_unlock(&cache->lock);
        round_trip(cache, calls, count);
        for (size_t i = 1; i < count; i++)
                (void)sem_post(&calls[i]->turn);

        pthread_mutex_lock(&cache->lock);
        next = take_waiting(cache);
        if (next)
                next->leads = true;
        else
                cache->leaders--;
        pthread_mutex_unlock(&cache->lock);
        if (next)
                (void)sem_post(&next->turn);
}

static enum err exchange(struct cache *cache, struct call *call)
{
        bool at_once;

        if (sem_init(&call->turn, 0, 0))
                return ERR_INTERNAL;
        pthread_mutex_lock(&cache->lock);
        at_once = cache->leaders < LEADERS;
        if (at_once)
                cache->leaders++;
        else if (cache->first)
                cache->last = cache->last->next = call;
        else
                cache->first = cache->last = call;
        pthread_mutex_unlock(&cache->lock);

        while (!at_once && sem_wait(&call->turn)) /* a signal's handler ran */
                ;
        if (at_once || call->leads)
                lead(cache, call);
        sem_destroy(&call->turn);
        return call->err;
}

/* ---- commands ---- */

struct cache_arg cache_text(const char *text)
{
        return (struct cache_arg){text, strlen(text)};
}

struct cache_arg cache_int(struct arena *arena, int64_t number)
{
        return cache_text(arena_printf(arena, "%" PRId64, number));
}

enum err cache_pipeline(struct cache *cache, struct arena *arena, struct cache_batch_item *items, size_t count)
{
        int64_t started_ns = clock_mono_ns();
        struct call call = {.arena = arena, .items = items, .count = count};
        enum err err = exchange(cache, &call);

        if (count == 1)
                observe_args(cache, items[0].args, started_ns);
        else
                observe(cache, "pipeline", started_ns);
        return err;
}

enum err cache_command(struct cache *cache, struct arena *arena, const struct cache_arg *args, size_t count,
                       struct cache_value *ret_value)
{
        struct cache_batch_item item = {.args = args, .count = count};
        enum err err = cache_pipeline(cache, arena, &item, 1);

        if (err)
                return err;
        *ret_value = item.value;
        return ERR_OK;
}

enum err cache_run(struct cache *cache, struct arena *arena, const struct cache_script *script,
                   const struct cache_arg *keys, size_t key_count, const struct cache_arg *args, size_t arg_count,
                   struct cache_value *ret_value)
{
        int64_t started_ns = clock_mono_ns();
        struct cache_arg all[ARGS_MAX];
        struct cache_batch_item item = {.args = all, .count = 3 + key_count + arg_count};
        struct call call = {.arena = arena, .items = &item, .count = 1};
        char sha1[CRYPTO_SHA1_HEX];
        enum err err;

        if (item.count > ARGS_MAX)
                return ERR_INTERNAL;
        all[0] = cache_text("EVALSHA");
        all[1] = cache_text(crypto_sha1_hex(script->source, strlen(script->source), sha1));
        all[2] = cache_int(arena, (int64_t)key_count);
        for (size_t i = 0; i < key_count; i++)
                all[3 + i] = keys[i];
        for (size_t i = 0; i < arg_count; i++)
                all[3 + key_count + i] = args[i];

        err = exchange(cache, &call);
        if (call.unknown_script) {
                all[0] = cache_text("EVAL");
                all[1] = cache_text(script->source);
                call = (struct call){.arena = arena, .items = &item, .count = 1};
                err = exchange(cache, &call);
        }
        observe(cache, script->name, started_ns);
        if (err)
                return err;
        *ret_value = item.value;
        return ERR_OK;
}

/* ---- shorthands ---- */

enum err cache_get(struct cache *cache, struct arena *arena, const char *key, const char **ret_text)
{
        struct cache_value value;
        enum err err = cache_command(cache, arena, CACHE_ARGS(cache_text("GET"), cache_text(key)), &value);

        if (err)
                return err;
        if (value.type != CACHE_TEXT)
                return ERR_NOT_FOUND;
        *ret_text = value.text;
        return ERR_OK;
}

enum err cache_set(struct cache *cache, const char *key, const char *text, int64_t ttl_ms)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct cache_arg args[5] = {cache_text("SET"), cache_text(key), cache_text(text)};
        struct cache_value ignored;

        if (ttl_ms > 0) {
                args[3] = cache_text("PX");
                args[4] = cache_int(arena, ttl_ms);
        }
        return cache_command(cache, arena, args, ttl_ms > 0 ? 5 : 3, &ignored);
}

enum err cache_delete(struct cache *cache, const char *key)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct cache_value ignored;

        return cache_command(cache, arena, CACHE_ARGS(cache_text("DEL"), cache_text(key)), &ignored);
}

enum err cache_ping(struct cache *cache)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct cache_value ignored;

        return cache_command(cache, arena, CACHE_ARGS(cache_text("PING")), &ignored);
}
