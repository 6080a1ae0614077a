/*
 * What an attempt's outcome means and when the next one is due: one table and the retry policy. Pure; the time and the
 * dice are passed in. Source: design §3 (Webhook request).
 */
#ifndef VR_WEBHOOK_OUTCOME_RULES_H
#define VR_WEBHOOK_OUTCOME_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/limits.h"

/* How far the exchange came. */
enum transport {
        TRANSPORT_ANSWER, /* a status arrived */
        TRANSPORT_TIMEOUT,
        TRANSPORT_CONNECT,
        TRANSPORT_TLS,
        TRANSPORT_PROTOCOL,
        TRANSPORT_BLOCKED, /* the target is not allowed */
};

enum verdict {
        VERDICT_SUCCESS,
        VERDICT_RETRY, /* on the schedule */
        VERDICT_FINAL, /* not by itself */
        VERDICT_GONE,  /* final, and the endpoint is switched off */
};

struct outcome {
        const char *name; /* "http_5xx": metrics, events, history */
        enum verdict verdict;
        bool unhealthy; /* counts for the circuit breaker: the endpoint is not well, whatever was sent */
        bool too_much;  /* fewer at once would do it good */
};

/* Every name, for registering metrics; NULL-ended. */
extern const char *const outcome_names[];

const struct outcome *outcome_of(enum transport transport, int status);

/*
 * What the editor reads: "the endpoint answered 503"; NULL for a success. `detail`: the transport's own words, or "";
 * `timeout_ms`: of an attempt.
 */
const char *outcome_error(struct arena *arena, enum transport transport, int status, const char *detail,
                          int64_t timeout_ms);

struct retry_policy {
        const int64_t *delays_ms;
        size_t count;
        double jitter; /* 0.2: ±20 % */
};

/*
 * When the attempt after a failed one is due. `schedule_pos`: failed attempts before this one since the schedule began;
 * `ended_ms`: end of the failed attempt; `dice` in [0, 1); `retry_after_ms`: asked for by the endpoint, 0 for nothing.
 * false: the schedule has run out (n entries make n + 1 attempts).
 */
bool retry_due(const struct retry_policy *policy, int64_t schedule_pos, int64_t ended_ms, double dice,
               int64_t retry_after_ms, int64_t *ret_due_ms);

/* RFC 9110 §10.2.3: delta-seconds or any of the three date forms; how long from `now_ms`, at most a day. 0 when unusable. */
int64_t retry_after_ms(const char *value, int64_t now_ms);

#endif
