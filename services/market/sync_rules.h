/*
 * How far telling the editor has come: state × event (design §2; seed, "Statuts de Synchronisation"). Pure.
 * Attempts are numbered and go on counting over manual retries, so that late and repeated events are known as such.
 */
#ifndef VR_MARKET_SYNC_RULES_H
#define VR_MARKET_SYNC_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/app/public_market.h"

enum sync_event {
        SYNC_EVENT_STARTED,   /* an attempt begins */
        SYNC_EVENT_SUCCEEDED, /* the endpoint took it */
        SYNC_EVENT_FAILED,    /* another attempt is planned */
        SYNC_EVENT_EXHAUSTED, /* nothing follows by itself */
        SYNC_EVENT_RETRY,     /* somebody asks for another attempt */
        SYNC_EVENT_COUNT,
};

struct sync {
        enum sync_status status;
        int64_t attempt;         /* number of the last attempt heard of; 0: none */
        bool settled;            /* its outcome was heard of too */
        const char *event_id;    /* the last delivery event that counted; NULL: none */
        int64_t next_attempt_ms; /* planned; 0: none */
        int64_t expected_ms;     /* news is due from then on; 0: none expected */
};

struct sync_news {
        enum sync_event event;
        const char *event_id;    /* UUIDv7: later ones sort behind; unused by SYNC_EVENT_RETRY */
        int64_t attempt;         /* unused by SYNC_EVENT_RETRY */
        int64_t next_attempt_ms; /* SYNC_EVENT_FAILED */
        int64_t now_ms;
};

enum sync_effect {
        SYNC_IGNORED, /* `sync` is as it was */
        SYNC_NOTED,   /* it is to be stored; nobody else sees a difference */
        SYNC_CHANGED, /* it is to be stored and announced */
};

/* The first state of a completed market. */
struct sync sync_begin(int64_t now_ms);
/* The one function that changes the state. `sync->event_id` then points at the news's. */
enum sync_effect sync_apply(struct sync *sync, const struct sync_news *news);

#endif
