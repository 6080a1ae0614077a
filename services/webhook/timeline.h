/*
 * What follows an attempt, and the whole line of attempts that a schedule makes, on virtual time. Pure. The sender decides
 * by the same function, so that what `vr-webhook simulate` prints is what happens. Source: design §3 (Webhook request).
 */
#ifndef VR_WEBHOOK_TIMELINE_H
#define VR_WEBHOOK_TIMELINE_H

#include "services/webhook/delivery_rules.h"
#include "services/webhook/outcome_rules.h"

/*
 * Moves `progress` (leased) to what follows an attempt that ended like this; arguments as retry_due(). `ret_reason`: why
 * nothing follows ("final_outcome", "schedule_exhausted"), untouched otherwise. false: it was not leased; nothing changed.
 */
bool attempt_ended(struct delivery_progress *progress, const struct outcome *outcome, const struct retry_policy *policy,
                   int64_t ended_ms, double dice, int64_t retry_after_ms, const char **ret_reason);

/* How one attempt of a simulation goes. */
struct timeline_step {
        enum transport transport;
        int status; /* of answers */
        int64_t retry_after_ms;
        int64_t duration_ms;
};

struct timeline_attempt {
        struct timeline_step step;
        const struct outcome *outcome;
        /* start, counted from the first attempt's: without jitter, and with all dice at one end */
        int64_t planned_ms, earliest_ms, latest_ms;
};

#define TIMELINE_MAX (LIMIT_WEBHOOK_RETRIES + 1)
struct timeline {
        struct timeline_attempt attempts[TIMELINE_MAX];
        size_t count;
        enum delivery_state state; /* at the end */
        const char *reason;        /* of a failed one */
};

/* Step n is how attempt n goes; the last (there is one at least) is how all further ones go. */
void timeline_run(const struct retry_policy *policy, const struct timeline_step *steps, size_t step_count,
                  struct timeline *ret_timeline);

/*
 * Reads one step: a status ("503"), a status with Retry-After in seconds ("429:7200"), or the name of an outcome
 * without an answer ("timeout", "connect", "tls", "protocol", "blocked"). false: none of them.
 */
bool timeline_step_read(struct arena *arena, const char *text, int64_t timeout_ms, struct timeline_step *ret_step);

#endif
