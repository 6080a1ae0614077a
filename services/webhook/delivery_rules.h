/*
 * The life of a delivery: a table (state × event → next state) and one function that changes state. Pure; times are passed in.
 * Source: design §2 (Delivery), §3 (Webhook request).
 */
#ifndef VR_WEBHOOK_DELIVERY_RULES_H
#define VR_WEBHOOK_DELIVERY_RULES_H

#include <stdbool.h>
#include <stdint.h>

enum delivery_state {
        DELIVERY_WAITING,   /* for its time: due_at */
        DELIVERY_LEASED,    /* an attempt runs; due_at is the end of the lease */
        DELIVERY_SUCCEEDED, /* the editor has it; a replay sends it again */
        DELIVERY_FAILED,    /* nothing follows by itself; a manual retry or a replay opens it again */
};
#define DELIVERY_STATES 4

enum delivery_event {
        DELIVERY_CLAIM,     /* a sender takes it: new fence */
        DELIVERY_SUCCEED,   /* 2xx */
        DELIVERY_FAIL,      /* failed, the next attempt is planned */
        DELIVERY_GIVE_UP,   /* failed, final outcome or end of the schedule */
        DELIVERY_CLOSE,     /* no endpoint to send to: ended without an attempt */
        DELIVERY_POSTPONE,  /* the endpoint is not known yet: not an attempt */
        DELIVERY_RELEASE,   /* the sender stops before the end of the attempt: as if never taken */
        DELIVERY_ASK_AGAIN, /* market.sync_retry_requested */
        DELIVERY_REPLAY,    /* the operator's command: what has arrived, too */
};
#define DELIVERY_EVENTS 9

/* The moving part of a delivery. */
struct delivery_progress {
        enum delivery_state state;
        int64_t fence;          /* grows with each claim: who holds an older one has lost the delivery */
        int64_t attempts;       /* recorded ones; goes on counting over manual retries */
        int64_t schedule_pos;   /* failed attempts since the schedule began */
        int64_t postponed;      /* times in a row the endpoint was not known */
        int64_t due_at_ms;      /* when a sender has to look at it next; 0 once ended */
        int64_t finished_at_ms; /* 0 while open */
};

/*
 * Applies the event. `at_ms`: now. `due_ms`: the next moment for CLAIM (end of the lease), FAIL and POSTPONE; else unused.
 * false: the pair is ignored and nothing changed.
 */
bool delivery_step(struct delivery_progress *progress, enum delivery_event event, int64_t at_ms, int64_t due_ms);

/* "waiting", "leased", "succeeded", "failed". */
const char *delivery_state_name(enum delivery_state state);
/* false for an unknown name. */
bool delivery_state_from_name(const char *name, enum delivery_state *ret_state);

/*
 * How long to wait for an endpoint nobody has told us of: 1 s, doubling up to 60 s. 0: a day has passed, give up.
 * `postponed`: times so far.
 */
int64_t delivery_postpone_ms(int64_t postponed);

#endif
