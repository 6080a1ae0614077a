#include "common/base/id.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/base/clock.h"
#include "common/base/log.h"

#define POOL_BYTES  512
#define SMALL_BYTES 16 /* identifiers; secrets are longer, and come straight from the kernel */

static void ask_kernel(void *bytes, size_t length)
{
        unsigned char *out = bytes;

        while (length > 0) {
                ssize_t got = getrandom(out, length, 0);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0) {
                        log_error(NULL, "random.failed", "the kernel gives no random bytes, the process ends",
                                  LOG_INT("vr.errno", errno));
                        abort();
                }
                out += got;
                length -= (size_t)got;
        }
}

/* Each request takes several identifiers: a thread asks the kernel for many at once, and forgets what it gave away. */
void id_random(void *bytes, size_t length)
{
        static _Thread_local struct {
                unsigned char bytes[POOL_BYTES];
                size_t left;
        } pool;

        if (length > SMALL_BYTES) {
                ask_kernel(bytes, length);
                return;
        }
        if (pool.left < length) {
                ask_kernel(pool.bytes, sizeof(pool.bytes));
                pool.left = sizeof(pool.bytes);
        }
        pool.left -= length;
        memcpy(bytes, pool.bytes + pool.left, length);
        memset(pool.bytes + pool.left, 0, length);
}

uint32_t id_random_below(uint32_t bound)
{
        uint32_t value, uneven = (uint32_t)(-bound) % bound; /* 2^32 mod bound: the part that would favour low values */

        do
                id_random(&value, sizeof(value));
        while (value < uneven);
        return value % bound;
}

/*
 * Time and order of the next UUID: 48 bits of milliseconds and 12 of a counter that starts at random (RFC 9562 §6.2,
 * method 1). Never the same twice in a process, never smaller than the last, also when the clock steps back; a full
 * counter runs over into the milliseconds.
 */
static uint64_t next_uuid_order(void)
{
        static _Atomic uint64_t last;
        uint64_t now = (uint64_t)clock_wall_ms() << 12 | id_random_below(2048);
        uint64_t before = atomic_load(&last), next;

        do
                next = now > before && now >> 12 > before >> 12 ? now : before + 1;
        while (!atomic_compare_exchange_weak(&last, &before, next));
        return next;
}

static char *put_hex(char *out, const unsigned char *bytes, size_t length)
{
        for (size_t i = 0; i < length; i++) {
                *out++ = "0123456789abcdef"[bytes[i] >> 4];
                *out++ = "0123456789abcdef"[bytes[i] & 15];
        }
        return out;
}

char *id_uuid7(char text[ID_UUID_MAX])
{
        static const int groups[] = {4, 2, 2, 2, 6};
        uint64_t order = next_uuid_order();
        unsigned char bytes[16], *in = bytes;
        char *out = text;

        id_random(bytes + 8, 8);
        for (int i = 0; i < 6; i++)
                bytes[i] = (unsigned char)(order >> (52 - 8 * i));
        bytes[6] = (unsigned char)(0x70 | (order >> 8 & 0x0F));
        bytes[7] = (unsigned char)order;
        bytes[8] = (unsigned char)(0x80 | (bytes[8] & 0x3F));
        for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
                out = put_hex(out, in, (size_t)groups[i]);
                in += groups[i];
                *out++ = i + 1 < ARRAY_LEN(groups) ? '-' : '\0';
        }
        return text;
}

char *id_market(int year, char text[ID_MARKET_MAX])
{
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        unsigned char random[32];
        size_t next = sizeof(random);
        char *out = text + snprintf(text, ID_MARKET_MAX, "VR-%04u-", (unsigned)year % 10000);

        while (out < text + ID_MARKET_MAX - 1) {
                if (next == sizeof(random)) {
                        id_random(random, sizeof(random));
                        next = 0;
                }
                /* 252 is 7 × 36: higher bytes would favour the first letters */
                if (random[next] < 252)
                        *out++ = alphabet[random[next] % 36];
                next++;
        }
        *out = '\0';
        return text;
}

/* `length` lower-case hexadecimal digits, not all zero. */
static bool is_trace_field(const char *text, size_t length)
{
        return strspn(text, "0123456789abcdef") >= length && strspn(text, "0") < length;
}

/* A later version may add more behind the flags (W3C Trace Context §3.2.4); ff is none. */
static bool is_traceparent(const char *text)
{
        if (!text || strnlen(text, ID_TRACEPARENT_MAX - 1) < ID_TRACEPARENT_MAX - 1)
                return false;
        if (text[2] != '-' || text[35] != '-' || text[52] != '-')
                return false;
        if (strspn(text, "0123456789abcdef") != 2 || strncmp(text, "ff", 2) == 0)
                return false;
        if (!is_trace_field(text + 3, 32) || !is_trace_field(text + 36, 16))
                return false;
        if (strspn(text + 53, "0123456789abcdef") < 2)
                return false;
        return text[55] == '\0' || (strncmp(text, "00", 2) != 0 && text[55] == '-');
}

char *id_traceparent(const char *parent, char text[ID_TRACEPARENT_MAX])
{
        bool joined = is_traceparent(parent);
        unsigned char trace[16], span[8];
        char *out = text;

        id_random(trace, sizeof(trace));
        id_random(span, sizeof(span));
        trace[0] |= 1; /* all zero is not an id */
        span[0] |= 1;
        memcpy(out, "00-", 3);
        out += 3;
        if (joined)
                memmove(out, parent + 3, 32);
        else
                put_hex(out, trace, sizeof(trace));
        out += 32;
        *out++ = '-';
        out = put_hex(out, span, sizeof(span));
        /* only "sampled" is defined in version 00; a new trace asks to be recorded */
        memcpy(out, joined && !(strchr("13579bdf", parent[54])) ? "-00" : "-01", 4);
        return text;
}
