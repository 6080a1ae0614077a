/* What the parts of the sender share: sender.c (threads), sender_claim.c, sender_record.c, sender_metrics.c. */
#ifndef VR_WEBHOOK_SENDER_INTERNAL_H
#define VR_WEBHOOK_SENDER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/io/http_multi.h"
#include "services/webhook/lanes.h"
#include "services/webhook/sender.h"
#include "services/webhook/webhook_store.h"

struct sender_metrics {
        struct metric *attempts, *attempt_duration, *deliveries;
        struct series *latency;
        struct metric *queue, *circuits;
        struct series *oldest_due;
};

/* One delivery in our hands, from the claim to the record. One thread at a time owns it: claimer, loop, recorder. */
struct job {
        struct job *previous, *next; /* in flight; under the lock */
        struct job *next_in_list;    /* claimed, or done */
        struct sender *sender;
        struct arena *arena;
        struct delivery delivery; /* as claimed */
        struct endpoint endpoint; /* url and schedule only */
        const char *secret;       /* in clear: wiped at the end */
        const char *old_secret;   /* in clear, during the overlap */
        int64_t started_ms;       /* wall */
        int64_t entered_ms;       /* monotonic */

        /* the result */
        enum transport transport;
        int status;
        int64_t duration_ms;
        int64_t ended_ms; /* due clock */
        int64_t retry_after_ms;
        const char *detail, *excerpt;
        double dice;
        bool given_back; /* not attempted, or cut short by our own end */

        /* the record */
        struct delivery after;
        struct attempt attempt;
        const struct outcome *outcome;
        bool lost; /* somebody else has the delivery since */
};

struct job *job_new(struct sender *sender);
void job_free(struct job *job);
DEFINE_FREEP(struct job, job)
void jobs_free(struct job *list); /* along next_in_list */

struct sender {
        struct sender_config config;
        struct sender_metrics metrics;
        struct http_multi *multi;
        pthread_t claimer, recorder, circuits;
        bool claimer_runs, recorder_runs, circuits_run;
        atomic_int_least64_t claimer_seen_ms, recorder_seen_ms; /* monotonic */

        pthread_mutex_t lock; /* all below; never held over a call to the database */
        pthread_cond_t work;  /* for the claimer */
        pthread_cond_t done;  /* for the recorder */
        pthread_cond_t circuits_end;
        bool woken, stopping, recorder_ends;
        bool unrecorded;        /* the database takes no records: claim nothing */
        int64_t give_back_from; /* monotonic; 0: not stopping. Later timeouts are our own doing */
        struct lanes *lanes;
        struct job *inflight;
        int64_t inflight_count;
        struct job *done_first, **done_last;
        char last_editor[128]; /* whose turn it was last */
};

/* ---- sender_claim.c: one unit of work ---- */
struct share {
        const char *editor_id;
        int64_t room;
};
struct claim {
        struct sender *sender;
        const struct share *shares;
        size_t share_count;
        /* what came of it, set afresh by each run */
        int64_t due_ms, wall_ms;
        struct job *taken, **taken_end; /* to be sent */
        struct job *closed;             /* ended without an attempt */
        int64_t moved;                  /* deliveries looked at */
};
enum err claim_work(struct db_tx *tx, void *claim);
void claim_log_closed(const struct claim *claim);

/* Is this very attempt in our hands? Takes the lock. */
bool sender_holds(struct sender *sender, const char *delivery_id);

/* ---- sender_circuits.c: a thread ---- */
void *sender_run_circuits(void *sender);

/* For pthread_cond_timedwait on the sender's conditions. */
struct timespec sender_after_ms(int64_t ms);

/* ---- sender_record.c ---- */
enum err record_work(struct db_tx *tx, void *jobs);
/* Once durable: metrics and log. */
void record_tell(struct job *job);

/* ---- sender_metrics.c ---- */
void sender_metrics_register(struct sender *sender);
void sender_metrics_forget(struct sender *sender);

#endif
