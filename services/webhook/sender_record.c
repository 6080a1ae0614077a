/* Writes what came of attempts: history, the delivery's next state if the fence is still ours, and the event, together. */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "services/webhook/sender_internal.h"
#include "services/webhook/timeline.h"
#include "services/webhook/webhook_events.h"

static struct retry_policy policy_of(const struct job *job)
{
        struct retry_policy policy = job->sender->config.retry;

        if (job->endpoint.own_schedule) {
                policy.delays_ms = job->endpoint.delays_ms;
                policy.count = job->endpoint.delay_count;
        }
        return policy;
}

/* The state after this attempt. */
static bool decide(const struct job *job, struct delivery *after)
{
        const struct retry_policy policy = policy_of(job);

        return attempt_ended(&after->progress, job->outcome, &policy, job->ended_ms, job->dice, job->retry_after_ms,
                             &after->reason);
}

static enum err give_back(struct db_tx *tx, struct job *job)
{
        bool saved = false;

        if (!delivery_step(&job->after.progress, DELIVERY_RELEASE, due_clock_ms(job->sender->config.clock), 0))
                return ERR_OK;
        return store_save_progress(tx, &job->after, &job->delivery.progress, &saved);
}

static struct attempt attempt_of(const struct job *job)
{
        return (struct attempt){
                .number = job->delivery.progress.attempts + 1,
                .started_at_ms = job->started_ms,
                .duration_ms = job->duration_ms,
                .outcome = job->outcome->name,
                .status_code = job->transport == TRANSPORT_ANSWER ? job->status : 0,
                .error = outcome_error(job->arena, job->transport, job->status, job->detail,
                                       job->sender->config.timeout_ms),
                .response_excerpt = job->transport == TRANSPORT_ANSWER ? job->excerpt : NULL,
        };
}

static enum err record_job(struct db_tx *tx, struct job *job)
{
        int64_t now_ms = clock_wall_ms();
        bool saved = false;
        enum err err;

        job->after = job->delivery; /* afresh: the unit may run again */
        job->lost = false;
        if (job->given_back)
                return give_back(tx, job);
        job->outcome = outcome_of(job->transport, job->status);
        job->attempt = attempt_of(job);
        if (!decide(job, &job->after))
                return ERR_INTERNAL;
        err = store_save_progress(tx, &job->after, &job->delivery.progress, &saved);
        if (err)
                return err;
        job->lost = !saved;
        if (job->lost)
                return ERR_OK;
        err = store_add_attempt(tx, job->after.id, &job->attempt);
        if (!err)
                err = webhook_tell_outcome(tx, &job->after, &job->attempt, now_ms);
        if (!err && job->outcome->verdict == VERDICT_GONE)
                err = store_disable_endpoint(tx, job->after.editor_id, job->endpoint.url, now_ms);
        return err;
}

enum err record_work(struct db_tx *tx, void *jobs)
{
        enum err err = ERR_OK;

        for (struct job *job = jobs; !err && job; job = job->next_in_list)
                err = record_job(tx, job);
        return err;
}

static void count(const struct job *job)
{
        const struct sender_metrics *m = &job->sender->metrics;
        int64_t latency_ms = job->started_ms + job->duration_ms - job->delivery.completed_at_ms;

        metric_inc(m->attempts, job->outcome->name);
        metric_observe(m->attempt_duration, (double)job->duration_ms / 1000, job->outcome->name);
        if (job->after.progress.state == DELIVERY_SUCCEEDED) {
                metric_inc(m->deliveries, "succeeded");
                series_observe(m->latency, (double)(latency_ms > 0 ? latency_ms : 0) / 1000);
        } else if (job->after.progress.state == DELIVERY_FAILED) {
                metric_inc(m->deliveries, job->outcome->verdict == VERDICT_RETRY ? "exhausted" : "refused");
        }
}

void record_tell(struct job *job)
{
        const struct delivery *d = &job->after;
        const struct log_ctx ctx = {
                .traceparent = d->traceparent, .market = d->market, .editor = d->editor_id, .event_id = d->event_id};
        char next[CLOCK_TEXT_MAX];

        if (job->given_back) {
                log_info(&ctx, "webhook.given_back", "attempt cut short, delivery given back",
                         LOG_STR("vr.delivery", d->id));
                return;
        }
        if (job->lost) {
                log_warn(&ctx, "webhook.late", "result came after the lease was lost, dropped",
                         LOG_STR("vr.delivery", d->id), LOG_STR("vr.outcome", job->outcome->name));
                return;
        }
        count(job);
        log_write(job->outcome->verdict == VERDICT_SUCCESS ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, &ctx, "webhook.attempt",
                  job->outcome->verdict == VERDICT_SUCCESS ? "webhook delivered" : "webhook attempt failed",
                  LOG_FIELDS_(LOG_STR("vr.event_type", "market.completed"), LOG_INT("vr.fields", d->field_count),
                              LOG_STR("vr.delivery", d->id), LOG_INT("vr.attempt", job->attempt.number),
                              LOG_STR("vr.outcome", job->outcome->name),
                              LOG_INT("http.response.status_code", job->attempt.status_code),
                              LOG_INT("event.duration", job->duration_ms * 1000000),
                              LOG_STR("vr.state", delivery_state_name(d->progress.state)),
                              LOG_STR("vr.next_attempt_at", d->progress.state == DELIVERY_WAITING
                                                                    ? clock_format_s(d->progress.due_at_ms, next)
                                                                    : NULL),
                              LOG_DETAIL(job->attempt.error)));
}
