/*
 * A circuit breaker: after `failures` bad outcomes in a row nothing is sent to the endpoint for `open_ms`, then one
 * attempt tries. Pure: monotonic time is passed in. It only holds back; it fails no delivery.
 */
#ifndef VR_WEBHOOK_BREAKER_RULES_H
#define VR_WEBHOOK_BREAKER_RULES_H

#include <stdbool.h>
#include <stdint.h>

struct breaker_policy {
        int64_t failures; /* in a row; 0: no breaker */
        int64_t open_ms;
};

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
#define BREAKER_STATES 3

/* `{0}` is closed. */
struct breaker {
        enum breaker_state state;
        int64_t failures;
        int64_t open_until_ms; /* monotonic */
};

/* How many attempts may be in flight, given `cap` for a well endpoint: 0, 1 or cap. Moves open → half-open in time. */
int64_t breaker_allowance(struct breaker *breaker, int64_t cap, int64_t mono_ms);
/* An attempt ended. */
void breaker_report(struct breaker *breaker, const struct breaker_policy *policy, bool unhealthy, int64_t mono_ms);
/* Somebody asks for a try now (manual retry, new URL). */
void breaker_probe(struct breaker *breaker);

/* "closed", "open", "half_open". */
const char *breaker_state_name(enum breaker_state state);

#endif
