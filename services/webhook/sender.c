#include "services/webhook/sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/io/crypto.h"
#include "services/webhook/request.h"
#include "services/webhook/sender_internal.h"
#include "version.h"

#define POLL_MS           200
#define HEARTBEAT_MS      1000
#define CLAIM_BATCH       64
#define RECORD_BATCH      256
#define RECORD_AGAIN_MS   100
#define RECORD_AGAIN_MAX  5000
#define RECORD_LAST_TRIES 5 /* at the end of the process: then leases run out instead */
#define NO_LIMIT_INFLIGHT 10000

/* ---- jobs ---- */

struct job *job_new(struct sender *sender)
{
        struct job *job = calloc(1, sizeof(*job));

        if (!job)
                return NULL;
        job->sender = sender;
        job->arena = arena_new();
        return job;
}

void job_free(struct job *job)
{
        if (!job)
                return;
        if (job->secret)
                crypto_wipe((char *)job->secret, strlen(job->secret));
        if (job->old_secret)
                crypto_wipe((char *)job->old_secret, strlen(job->old_secret));
        arena_free(job->arena);
        free(job);
}

void jobs_free(struct job *list)
{
        for (struct job *next; list; list = next) {
                next = list->next_in_list;
                job_free(list);
        }
}

static void enter(struct sender *s, struct job *job)
{
        pthread_mutex_lock(&s->lock);
        job->previous = NULL;
        job->next = s->inflight;
        if (s->inflight)
                s->inflight->previous = job;
        s->inflight = job;
        s->inflight_count++;
        job->entered_ms = clock_mono_ms();
        lanes_enter(s->lanes, job->delivery.editor_id);
        pthread_mutex_unlock(&s->lock);
}

static enum pace_signal pace_of(const struct job *job)
{
        if (job->outcome->too_much)
                return PACE_TOO_MUCH;
        return job->outcome->unhealthy ? PACE_NOTHING : PACE_WELL;
}

static void leave(struct sender *s, struct job *job)
{
        /* without an outcome: the end came before it could be recorded */
        bool judged = !job->given_back && job->outcome;
        const struct lane_result result = {
                .judged = judged,
                .unhealthy = judged && job->outcome->unhealthy,
                .pace = judged ? pace_of(job) : PACE_NOTHING,
                .started_ms = job->entered_ms,
        };

        pthread_mutex_lock(&s->lock);
        if (job->previous)
                job->previous->next = job->next;
        else
                s->inflight = job->next;
        if (job->next)
                job->next->previous = job->previous;
        s->inflight_count--;
        lanes_leave(s->lanes, job->delivery.editor_id, &result, clock_mono_ms());
        pthread_mutex_unlock(&s->lock);
}

bool sender_holds(struct sender *s, const char *delivery_id)
{
        bool found = false;

        pthread_mutex_lock(&s->lock);
        for (const struct job *job = s->inflight; job && !found; job = job->next)
                found = strcmp(job->delivery.id, delivery_id) == 0;
        pthread_mutex_unlock(&s->lock);
        return found;
}

/* The loop's, or the claimer's when there was nothing to send. The recorder owns the job from here. */
static void hand_to_recorder(struct job *job)
{
        struct sender *s = job->sender;

        job->ended_ms = due_clock_ms(s->config.clock);
        job->dice = (double)id_random_below(1u << 30) / (1u << 30);
        job->next_in_list = NULL;
        pthread_mutex_lock(&s->lock);
        *s->done_last = job;
        s->done_last = &job->next_in_list;
        pthread_cond_signal(&s->done);
        pthread_mutex_unlock(&s->lock);
}

/* ---- sending ---- */

static bool allow(void *arg, const struct sockaddr *address, socklen_t length)
{
        return egress_allows(arg, address, length);
}

static bool is_our_own_end(struct sender *s, const struct http_multi_result *result)
{
        bool ours;

        pthread_mutex_lock(&s->lock);
        ours = result->outcome == HTTP_OUTCOME_TIMEOUT && s->give_back_from && clock_mono_ms() >= s->give_back_from;
        pthread_mutex_unlock(&s->lock);
        return ours;
}

static void on_result(void *arg, const struct http_multi_result *result)
{
        static const enum transport transports[] = {
                [HTTP_OUTCOME_ANSWER] = TRANSPORT_ANSWER,     [HTTP_OUTCOME_TIMEOUT] = TRANSPORT_TIMEOUT,
                [HTTP_OUTCOME_CONNECT] = TRANSPORT_CONNECT,   [HTTP_OUTCOME_TLS] = TRANSPORT_TLS,
                [HTTP_OUTCOME_PROTOCOL] = TRANSPORT_PROTOCOL, [HTTP_OUTCOME_BLOCKED] = TRANSPORT_BLOCKED,
        };
        struct job *job = arg;

        job->transport = transports[result->outcome];
        job->status = result->status;
        job->duration_ms = result->duration_ms;
        job->retry_after_ms = retry_after_ms(result->retry_after, clock_wall_ms());
        job->detail = arena_strdup(job->arena, result->error);
        job->excerpt = arena_strdup(job->arena, result->excerpt);
        job->given_back = is_our_own_end(job->sender, result);
        hand_to_recorder(job);
}

static void send_job(struct sender *s, struct job *job)
{
        struct http_header headers[REQUEST_HEADERS];
        const char *url = NULL, *reason = NULL;
        const struct request request = {
                .id = job->delivery.id,
                .body = job->delivery.body,
                .body_length = job->delivery.body_length,
                .secret = job->secret,
                .old_secret = job->old_secret,
                .timestamp_s = clock_wall_ms() / 1000,
                .traceparent = job->delivery.traceparent,
        };

        enter(s, job);
        if (egress_check_url(s->config.egress, job->arena, job->endpoint.url, &url, &reason)) {
                job->transport = TRANSPORT_BLOCKED;
                job->detail = reason;
                hand_to_recorder(job);
                return;
        }
        request_headers(job->arena, &request, headers);

        const struct http_multi_job exchange = {
                .endpoint = job->delivery.editor_id,
                .url = url,
                .headers = headers,
                .header_count = REQUEST_HEADERS,
                .body = job->delivery.body,
                .body_length = job->delivery.body_length,
        };

        if (http_multi_submit(s->multi, &exchange, on_result, job)) {
                job->given_back = true;
                hand_to_recorder(job);
        }
}

/* ---- the claimer ---- */

struct due {
        struct arena *arena;
        int64_t now_ms;
        const char **editors;
        size_t count;
};

static enum err read_due(struct db_tx *tx, void *arg)
{
        struct due *due = arg;

        return store_due_editors(tx, due->arena, due->now_ms, &due->editors, &due->count);
}

/*
 * Everybody's share of the next claim: turns go round by editor id, from the one after the last served. Returns how many
 * shares; `shares` takes CLAIM_BATCH.
 */
static size_t share_out(struct sender *s, const struct due *due, struct share *shares)
{
        const int64_t most = s->config.max_inflight ? s->config.max_inflight : NO_LIMIT_INFLIGHT;
        int64_t left, now_ms = clock_mono_ms(), able = 0;
        size_t first = 0, count = 0;

        pthread_mutex_lock(&s->lock);
        left = s->unrecorded || s->stopping ? 0 : most - s->inflight_count;
        left = left < CLAIM_BATCH ? left : CLAIM_BATCH;
        while (first < due->count && strcmp(due->editors[first], s->last_editor) <= 0)
                first++;
        for (size_t i = 0; i < due->count; i++)
                able += lanes_room(s->lanes, due->editors[i], now_ms) > 0;
        for (size_t i = 0; i < due->count && left > 0; i++) {
                const char *editor = due->editors[(first + i) % due->count];
                int64_t room = lanes_room(s->lanes, editor, now_ms), turn;

                if (room <= 0)
                        continue;
                turn = left / able > 1 ? left / able : 1;
                room = room < turn ? room : turn;
                shares[count++] = (struct share){editor, room};
                left -= room;
                able--;
                (void)snprintf(s->last_editor, sizeof(s->last_editor), "%s", editor);
        }
        pthread_mutex_unlock(&s->lock);
        return count;
}

static void database_trouble(const char *what, enum err err, bool *said)
{
        if (!*said)
                log_error(NULL, "webhook.database", what, LOG_ERR(err));
        *said = true;
}

/* true: look again at once, there may be more. */
static bool claim_round(struct sender *s, bool *said)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct share shares[CLAIM_BATCH];
        struct due due = {.arena = arena, .now_ms = due_clock_ms(s->config.clock)};
        struct claim claim = {.sender = s, .shares = shares};
        enum err err = db_read(s->config.db, read_due, &due);

        if (!err)
                claim.share_count = share_out(s, &due, shares);
        if (!err && claim.share_count > 0)
                err = db_write(s->config.db, claim_work, &claim);
        if (err) {
                /* In doubt, too: what was leased comes back when the lease runs out. */
                database_trouble("deliveries can't be claimed", err, said);
                jobs_free(claim.taken);
                jobs_free(claim.closed);
                return false;
        }
        *said = false;
        if (claim.share_count == 0)
                return false;
        for (struct job *job = claim.taken, *next; job; job = next) {
                next = job->next_in_list;
                send_job(s, job);
        }
        claim_log_closed(&claim);
        jobs_free(claim.closed);
        outbox_wake(s->config.outbox);
        return claim.moved > 0;
}

struct timespec sender_after_ms(int64_t ms)
{
        struct timespec at;

        clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_sec += ms / 1000;
        at.tv_nsec += (ms % 1000) * 1000000;
        if (at.tv_nsec >= 1000000000) {
                at.tv_sec++;
                at.tv_nsec -= 1000000000;
        }
        return at;
}

/* Until woken, or the time to look by itself. false: the end. */
static bool wait_for_work(struct sender *s)
{
        const struct timespec until = sender_after_ms(POLL_MS);
        bool go_on;

        pthread_mutex_lock(&s->lock);
        while (!s->woken && !s->stopping)
                if (pthread_cond_timedwait(&s->work, &s->lock, &until))
                        break;
        s->woken = false;
        go_on = !s->stopping;
        pthread_mutex_unlock(&s->lock);
        atomic_store(&s->claimer_seen_ms, clock_mono_ms());
        return go_on;
}

static void *run_claimer(void *arg)
{
        struct sender *s = arg;
        bool said = false;

        while (wait_for_work(s))
                while (claim_round(s, &said))
                        atomic_store(&s->claimer_seen_ms, clock_mono_ms());
        return NULL;
}

/* ---- the recorder ---- */

/* Up to RECORD_BATCH in the order they ended; NULL: the end. */
static struct job *take_done(struct sender *s)
{
        struct job *first, *last;

        pthread_mutex_lock(&s->lock);
        while (!s->done_first && !s->recorder_ends) {
                const struct timespec until = sender_after_ms(HEARTBEAT_MS);

                (void)pthread_cond_timedwait(&s->done, &s->lock, &until);
                atomic_store(&s->recorder_seen_ms, clock_mono_ms());
        }
        first = last = s->done_first;
        for (int i = 1; last && last->next_in_list && i < RECORD_BATCH; i++)
                last = last->next_in_list;
        if (last) {
                s->done_first = last->next_in_list;
                last->next_in_list = NULL;
        }
        if (!s->done_first)
                s->done_last = &s->done_first;
        pthread_mutex_unlock(&s->lock);
        return first;
}

/* While it can't be recorded, nothing more is sent. true: the process ends, don't wait longer. */
static bool hold_and_wait(struct sender *s, int64_t wait_ms)
{
        const struct timespec until = sender_after_ms(wait_ms);
        bool ends;

        pthread_mutex_lock(&s->lock);
        s->unrecorded = true;
        while (!s->recorder_ends)
                if (pthread_cond_timedwait(&s->done, &s->lock, &until))
                        break;
        ends = s->recorder_ends;
        pthread_mutex_unlock(&s->lock);
        atomic_store(&s->recorder_seen_ms, clock_mono_ms());
        return ends;
}

static enum err record(struct sender *s, struct job *jobs)
{
        int64_t wait_ms = RECORD_AGAIN_MS;
        int last_tries = 0;
        bool said = false;
        enum err err;

        while ((err = db_write(s->config.db, record_work, jobs)) != ERR_OK) {
                database_trouble("attempts can't be recorded: sending stops", err, &said);
                if (hold_and_wait(s, wait_ms) && ++last_tries == RECORD_LAST_TRIES)
                        return err;
                wait_ms = wait_ms * 2 < RECORD_AGAIN_MAX ? wait_ms * 2 : RECORD_AGAIN_MAX;
        }
        if (said)
                log_info(NULL, "webhook.database", "attempts are recorded again");
        pthread_mutex_lock(&s->lock);
        s->unrecorded = false;
        pthread_mutex_unlock(&s->lock);
        return ERR_OK;
}

static void *run_recorder(void *arg)
{
        struct sender *s = arg;

        for (struct job *jobs; (jobs = take_done(s));) {
                enum err err = record(s, jobs);

                for (struct job *job = jobs; job; job = job->next_in_list) {
                        if (!err)
                                record_tell(job);
                        leave(s, job);
                }
                jobs_free(jobs);
                outbox_wake(s->config.outbox);
                sender_wake(s);
        }
        return NULL;
}

/* ---- life ---- */

static void init_locks(struct sender *s)
{
        pthread_condattr_t monotonic;

        pthread_mutex_init(&s->lock, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&s->work, &monotonic);
        pthread_cond_init(&s->done, &monotonic);
        pthread_cond_init(&s->circuits_end, &monotonic);
        pthread_condattr_destroy(&monotonic);
}

static enum err start_loop(struct sender *s)
{
        const struct http_multi_config config = {
                .max_inflight = (int)(s->config.max_inflight ? s->config.max_inflight : NO_LIMIT_INFLIGHT),
                .timeout_ms = s->config.timeout_ms,
                .connect_timeout_ms = s->config.connect_timeout_ms,
                .user_agent = "VoieRapide-Webhook/" VR_VERSION,
                .ca_file = s->config.ca_file,
                .allow = allow,
                .arg = (void *)s->config.egress,
        };

        return http_multi_start(&config, &s->multi);
}

enum err sender_start(const struct sender_config *config, struct sender **ret_sender)
{
        struct sender *s = calloc(1, sizeof(*s));
        enum err err;

        if (!s)
                return ERR_NO_MEMORY;
        s->config = *config;
        s->done_last = &s->done_first;
        s->woken = true;
        init_locks(s);
        atomic_store(&s->claimer_seen_ms, clock_mono_ms());
        atomic_store(&s->recorder_seen_ms, clock_mono_ms());
        s->lanes = lanes_new(&config->breaker, config->endpoint_inflight);
        err = s->lanes ? start_loop(s) : ERR_NO_MEMORY;
        if (!err) {
                sender_metrics_register(s);
                s->recorder_runs = pthread_create(&s->recorder, NULL, run_recorder, s) == 0;
                s->claimer_runs = s->recorder_runs && pthread_create(&s->claimer, NULL, run_claimer, s) == 0;
                err = s->claimer_runs ? ERR_OK : ERR_NO_MEMORY;
                s->circuits_run = !err && s->config.cache && s->config.breaker.failures > 0 &&
                                  pthread_create(&s->circuits, NULL, sender_run_circuits, s) == 0;
        }
        if (err) {
                sender_stop(s, 0);
                return err;
        }
        *ret_sender = s;
        return ERR_OK;
}

void sender_wake(struct sender *s)
{
        if (!s)
                return;
        pthread_mutex_lock(&s->lock);
        s->woken = true;
        pthread_cond_signal(&s->work);
        pthread_mutex_unlock(&s->lock);
}

void sender_probe(struct sender *s, const char *editor_id)
{
        if (!s || !editor_id)
                return;
        pthread_mutex_lock(&s->lock);
        lanes_probe(s->lanes, editor_id);
        pthread_mutex_unlock(&s->lock);
}

int64_t sender_idle_ms(const struct sender *s)
{
        int64_t claimer_ms = atomic_load(&s->claimer_seen_ms), recorder_ms = atomic_load(&s->recorder_seen_ms);

        return clock_mono_ms() - (claimer_ms < recorder_ms ? claimer_ms : recorder_ms);
}

void sender_stop(struct sender *s, int64_t drain_ms)
{
        if (!s)
                return;
        pthread_mutex_lock(&s->lock);
        s->stopping = true;
        s->give_back_from = clock_mono_ms() + drain_ms;
        pthread_cond_broadcast(&s->work);
        pthread_cond_broadcast(&s->circuits_end);
        pthread_mutex_unlock(&s->lock);
        if (s->circuits_run)
                pthread_join(s->circuits, NULL);
        if (s->claimer_runs)
                pthread_join(s->claimer, NULL);
        http_multi_stop(s->multi, drain_ms);
        sender_metrics_forget(s);
        pthread_mutex_lock(&s->lock);
        s->recorder_ends = true;
        pthread_cond_broadcast(&s->done);
        pthread_mutex_unlock(&s->lock);
        if (s->recorder_runs)
                pthread_join(s->recorder, NULL);
        lanes_free(s->lanes);
        pthread_cond_destroy(&s->work);
        pthread_cond_destroy(&s->done);
        pthread_cond_destroy(&s->circuits_end);
        pthread_mutex_destroy(&s->lock);
        free(s);
}
