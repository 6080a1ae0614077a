/* `vr-webhook simulate`: the line of attempts that a schedule makes, told before anybody waits for it. */
#include <stdlib.h>

#include "common/base/json_write.h"
#include "common/base/str.h"
#include "services/webhook/command.h"
#include "services/webhook/timeline.h"

static double seconds(int64_t ms)
{
        return (double)ms / 1000;
}

static enum err read_policy(struct run *run, struct setting_durations *schedule, struct retry_policy *ret_policy)
{
        struct retry_policy policy = {.jitter = run->settings->retry_jitter};
        char *end = NULL;

        *schedule = run->settings->retry_schedule;
        if (run->schedule && settings_durations(run->arena, run->schedule, schedule))
                return command_fails(run, ERR_INVALID, "--schedule is up to 32 durations such as 5s,30s,2m");
        if (run->jitter)
                policy.jitter = strtod(run->jitter, &end);
        if (run->jitter && (*run->jitter < '0' || *run->jitter > '9' || *end || !(policy.jitter <= 1)))
                return command_fails(run, ERR_INVALID, "--jitter is a number from 0 to 1");
        policy.delays_ms = schedule->ms;
        policy.count = schedule->count;
        *ret_policy = policy;
        return ERR_OK;
}

static enum err read_steps(struct run *run, struct timeline_step **ret_steps, size_t *ret_count)
{
        size_t count = 0;
        char **parts = str_split(run->arena, run->outcome ? run->outcome : "503", ',', &count);
        struct timeline_step *steps = ARENA_ARRAY(run->arena, struct timeline_step, count);

        for (size_t i = 0; i < count; i++)
                if (!timeline_step_read(run->arena, str_trim(run->arena, parts[i]), run->settings->timeout_s * 1000,
                                        &steps[i]))
                        return command_fails(run, ERR_INVALID,
                                             "--outcome is a comma list of statuses (503, 429:60 with Retry-After) or "
                                             "timeout, connect, tls, protocol, blocked");
        *ret_steps = steps;
        *ret_count = count;
        return ERR_OK;
}

static void write_attempt(struct json_write *w, const struct timeline_attempt *a, size_t number)
{
        json_object(w, NULL);
        json_int(w, "number", (int64_t)number);
        json_double(w, "at_s", seconds(a->planned_ms));
        json_double(w, "earliest_s", seconds(a->earliest_ms));
        json_double(w, "latest_s", seconds(a->latest_ms));
        json_string(w, "outcome", a->outcome->name);
        if (a->step.transport == TRANSPORT_ANSWER)
                json_int(w, "status_code", a->step.status);
        else
                json_null(w, "status_code");
        json_double(w, "duration_s", seconds(a->step.duration_ms));
        json_end(w);
}

enum err command_simulate(struct run *run)
{
        struct json_write w = json_write_to(&run->out);
        struct setting_durations schedule;
        struct retry_policy policy;
        struct timeline_step *steps = NULL;
        struct timeline line;
        size_t step_count = 0;
        enum err err = read_policy(run, &schedule, &policy);

        if (!err)
                err = read_steps(run, &steps, &step_count);
        if (err)
                return err;
        timeline_run(&policy, steps, step_count, &line);
        json_object(&w, NULL);
        json_double(&w, "jitter", policy.jitter);
        json_array(&w, "attempts");
        for (size_t i = 0; i < line.count; i++)
                write_attempt(&w, &line.attempts[i], i + 1);
        json_end(&w);
        json_string(&w, "state", delivery_state_name(line.state));
        json_string(&w, "reason", line.reason);
        json_end(&w);
        return buf_err(&run->out);
}
