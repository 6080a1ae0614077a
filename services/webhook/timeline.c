#include "services/webhook/timeline.h"

#include <string.h>

#include "common/base/str.h"

bool attempt_ended(struct delivery_progress *progress, const struct outcome *outcome, const struct retry_policy *policy,
                   int64_t ended_ms, double dice, int64_t retry_after, const char **ret_reason)
{
        int64_t due_ms = 0;
        const char *reason;

        if (outcome->verdict == VERDICT_SUCCESS)
                return delivery_step(progress, DELIVERY_SUCCEED, ended_ms, 0);
        reason = outcome->verdict == VERDICT_RETRY ? "schedule_exhausted" : "final_outcome";
        if (outcome->verdict == VERDICT_RETRY &&
            retry_due(policy, progress->schedule_pos, ended_ms, dice, retry_after, &due_ms))
                return delivery_step(progress, DELIVERY_FAIL, ended_ms, due_ms);
        if (!delivery_step(progress, DELIVERY_GIVE_UP, ended_ms, 0))
                return false;
        *ret_reason = reason;
        return true;
}

/* Starts of all attempts under the same dice; returns how many. */
static size_t run_with(const struct retry_policy *policy, double dice, const struct timeline_step *steps,
                       size_t step_count, int64_t starts_ms[TIMELINE_MAX], struct timeline *line)
{
        struct delivery_progress progress = {.state = DELIVERY_WAITING};
        size_t count = 0;

        line->reason = NULL;
        while (progress.state == DELIVERY_WAITING && count < TIMELINE_MAX) {
                const struct timeline_step *step = &steps[count < step_count ? count : step_count - 1];
                const struct outcome *outcome = outcome_of(step->transport, step->status);
                int64_t start_ms = progress.due_at_ms, end_ms = start_ms + step->duration_ms;

                starts_ms[count] = start_ms;
                line->attempts[count].step = *step;
                line->attempts[count++].outcome = outcome;
                (void)delivery_step(&progress, DELIVERY_CLAIM, start_ms, end_ms);
                (void)attempt_ended(&progress, outcome, policy, end_ms, dice, step->retry_after_ms, &line->reason);
        }
        line->state = progress.state;
        return count;
}

void timeline_run(const struct retry_policy *policy, const struct timeline_step *steps, size_t step_count,
                  struct timeline *ret_timeline)
{
        static const double dice[] = {0.5, 0.0, 1.0};
        int64_t starts_ms[ARRAY_LEN(dice)][TIMELINE_MAX];
        struct timeline line = {0};

        for (size_t i = 0; i < ARRAY_LEN(dice); i++)
                line.count = run_with(policy, dice[i], steps, step_count, starts_ms[i], &line);
        for (size_t i = 0; i < line.count; i++) {
                line.attempts[i].planned_ms = starts_ms[0][i];
                line.attempts[i].earliest_ms = starts_ms[1][i];
                line.attempts[i].latest_ms = starts_ms[2][i];
        }
        *ret_timeline = line;
}

static bool read_answer(struct arena *arena, const char *text, struct timeline_step *ret_step)
{
        size_t count = 0;
        char **parts = str_split(arena, text, ':', &count);
        int64_t status, retry_after_s = 0;

        if (count > 2 || str_to_i64(parts[0], 200, 999, &status))
                return false;
        if (count == 2 && str_to_i64(parts[1], 0, LIMIT_WEBHOOK_RETRY_AFTER_S, &retry_after_s))
                return false;
        *ret_step = (struct timeline_step){TRANSPORT_ANSWER, (int)status, retry_after_s * 1000, 0};
        return true;
}

bool timeline_step_read(struct arena *arena, const char *text, int64_t timeout_ms, struct timeline_step *ret_step)
{
        static const enum transport silent[] = {TRANSPORT_TIMEOUT, TRANSPORT_CONNECT, TRANSPORT_TLS, TRANSPORT_PROTOCOL,
                                                TRANSPORT_BLOCKED};

        for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
                if (!str_equal(text, outcome_of(silent[i], 0)->name))
                        continue;
                *ret_step = (struct timeline_step){.transport = silent[i],
                                                   .duration_ms = silent[i] == TRANSPORT_TIMEOUT ? timeout_ms : 0};
                return true;
        }
        return read_answer(arena, text, ret_step);
}
