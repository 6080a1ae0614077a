/*
 * Takes due deliveries, editor by editor, in one transaction: lease, fence and delivery.started together. Those that have
 * nowhere to go are postponed (the endpoint may yet become known) or end here, without an attempt.
 */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/io/crypto.h"
#include "services/webhook/sender_internal.h"
#include "services/webhook/webhook_events.h"

/* An editor's endpoint as this claim found it. */
struct target {
        struct endpoint endpoint;
        enum endpoint_verdict verdict;
        const char *words;
        const char *secret, *old_secret;
};

static enum err open_secrets(const struct sender *sender, struct arena *arena, int64_t wall_ms, struct target *target)
{
        const struct endpoint *e = &target->endpoint;
        enum err err = sealed_open(sender->config.keyring, arena, e->editor_id, e->secret, &target->secret);

        if (!err && endpoint_in_overlap(e, wall_ms))
                err = sealed_open(sender->config.keyring, arena, e->editor_id, e->old_secret, &target->old_secret);
        return err;
}

static void wipe_secrets(const struct target *target)
{
        if (target->secret)
                crypto_wipe((char *)target->secret, strlen(target->secret));
        if (target->old_secret)
                crypto_wipe((char *)target->old_secret, strlen(target->old_secret));
}

static enum err find_target(struct db_tx *tx, const struct claim *claim, struct arena *arena, const char *editor_id,
                            struct target *target)
{
        enum err err = store_endpoint(tx, arena, editor_id, &target->endpoint);

        if (err)
                return err;
        target->verdict = endpoint_judge(&target->endpoint, &target->words);
        if (target->verdict != ENDPOINT_SEND)
                return ERR_OK;
        err = open_secrets(claim->sender, arena, claim->wall_ms, target);
        if (!err)
                return ERR_OK;
        /* Perhaps a key that this process has not been given yet: as if the endpoint were not known. */
        log_error(&(struct log_ctx){.editor = editor_id}, "webhook.secret", "the webhook secret can't be opened",
                  LOG_ERR(err));
        target->verdict = ENDPOINT_UNKNOWN;
        target->words = "the editor's webhook secret could not be read";
        return ERR_OK;
}

/* Its turn to be sent. */
static enum err take(struct db_tx *tx, struct claim *claim, const struct target *target, struct job *job,
                     bool *ret_taken)
{
        struct delivery_progress before = job->delivery.progress;
        bool saved = false;
        enum err err;

        if (!delivery_step(&job->delivery.progress, DELIVERY_CLAIM, claim->due_ms,
                           claim->due_ms + claim->sender->config.lease_ms))
                return ERR_OK;
        err = store_save_progress(tx, &job->delivery, &before, &saved);
        if (err || !saved)
                return err;
        err = webhook_tell_started(tx, &job->delivery, claim->wall_ms);
        if (err)
                return err;
        job->endpoint = target->endpoint;
        job->endpoint.url = arena_strdup(job->arena, target->endpoint.url);
        job->secret = arena_strdup(job->arena, target->secret);
        job->old_secret = arena_strdup(job->arena, target->old_secret);
        job->started_ms = claim->wall_ms;
        *ret_taken = true;
        return ERR_OK;
}

static enum err end_unsent(struct db_tx *tx, struct claim *claim, const struct target *target, struct job *job,
                           bool *ret_closed)
{
        struct delivery *delivery = &job->delivery;
        struct delivery_progress before = delivery->progress;
        bool saved = false;
        enum err err;

        if (!delivery_step(&delivery->progress, DELIVERY_CLOSE, claim->wall_ms, 0))
                return ERR_OK;
        delivery->reason = target->verdict == ENDPOINT_DISABLED ? "endpoint_disabled" : "no_endpoint";
        delivery->error = target->words;
        err = store_save_progress(tx, delivery, &before, &saved);
        if (err || !saved)
                return err;
        err = webhook_tell_again(tx, job->arena, delivery, claim->wall_ms);
        if (err)
                return err;
        *ret_closed = true;
        return ERR_OK;
}

static enum err postpone(struct db_tx *tx, struct claim *claim, const struct target *target, struct job *job,
                         bool *ret_closed)
{
        struct delivery_progress before = job->delivery.progress;
        int64_t wait_ms = delivery_postpone_ms(before.postponed);
        bool saved = false;

        if (wait_ms == 0)
                return end_unsent(tx, claim, target, job, ret_closed);
        if (!delivery_step(&job->delivery.progress, DELIVERY_POSTPONE, claim->due_ms, claim->due_ms + wait_ms))
                return ERR_OK;
        return store_save_progress(tx, &job->delivery, &before, &saved);
}

static enum err claim_one(struct db_tx *tx, struct claim *claim, const struct target *target, const char *id)
{
        AUTO(job_freep) struct job *job = job_new(claim->sender);
        bool taken = false, closed = false;
        enum err err = job ? store_delivery(tx, job->arena, id, &job->delivery) : ERR_NO_MEMORY;

        if (err)
                return err;
        claim->moved++;
        /* A slow attempt of our own outlives its lease: it is not lost, so it keeps the delivery. */
        if (job->delivery.progress.state == DELIVERY_LEASED && sender_holds(claim->sender, id))
                return store_renew_lease(tx, &job->delivery, claim->due_ms + claim->sender->config.lease_ms);
        switch (target->verdict) {
        case ENDPOINT_SEND:
                err = take(tx, claim, target, job, &taken);
                break;
        case ENDPOINT_UNKNOWN:
                err = postpone(tx, claim, target, job, &closed);
                break;
        default:
                err = end_unsent(tx, claim, target, job, &closed);
                break;
        }
        if (err)
                return err;
        if (taken) {
                *claim->taken_end = job;
                claim->taken_end = &job->next_in_list;
                (void)TAKE(job);
        } else if (closed) {
                job->next_in_list = claim->closed;
                claim->closed = TAKE(job);
        }
        return ERR_OK;
}

static enum err claim_share(struct db_tx *tx, struct claim *claim, const struct share *share)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct target target = {0};
        const char **ids = NULL;
        size_t count = 0;
        enum err err = find_target(tx, claim, arena, share->editor_id, &target);

        if (!err)
                err = store_due_deliveries(tx, arena, share->editor_id, claim->due_ms, share->room, &ids, &count);
        for (size_t i = 0; !err && i < count; i++)
                err = claim_one(tx, claim, &target, ids[i]);
        wipe_secrets(&target);
        return err;
}

enum err claim_work(struct db_tx *tx, void *arg)
{
        struct claim *claim = arg;
        enum err err = ERR_OK;

        jobs_free(claim->taken);
        jobs_free(claim->closed);
        claim->taken = claim->closed = NULL;
        claim->taken_end = &claim->taken;
        claim->moved = 0;
        claim->due_ms = due_clock_ms(claim->sender->config.clock);
        claim->wall_ms = clock_wall_ms();
        for (size_t i = 0; !err && i < claim->share_count; i++)
                err = claim_share(tx, claim, &claim->shares[i]);
        return err;
}

void claim_log_closed(const struct claim *claim)
{
        for (const struct job *job = claim->closed; job; job = job->next_in_list) {
                const struct delivery *d = &job->delivery;
                const struct log_ctx ctx = {.traceparent = d->traceparent,
                                            .market = d->market,
                                            .editor = d->editor_id,
                                            .event_id = d->event_id};

                metric_inc(claim->sender->metrics.deliveries, "refused");
                log_warn(&ctx, "webhook.refused", "webhook not sent", LOG_STR("vr.event_type", "market.completed"),
                         LOG_INT("vr.fields", d->field_count), LOG_STR("vr.delivery", d->id),
                         LOG_STR("vr.reason", d->reason), LOG_DETAIL(d->error));
        }
}
