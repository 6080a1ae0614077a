/* A public market as this service knows it: one row. */
#ifndef VR_MARKET_MARKET_H
#define VR_MARKET_MARKET_H

#include "services/market/sync_rules.h"

/* How an attempt to tell the editor went. */
struct attempt {
        int64_t number;     /* from 1; not kept of the last one, whose is sync.attempt */
        int64_t started_ms; /* 0: none was made */
        const char *outcome;
        int64_t status_code; /* 0: no answer */
        int64_t duration_ms;
        const char *error;
        const char *response_excerpt; /* for the editor alone; not kept of the last one */
};

struct market {
        const char *identifier;
        const char *editor_id;
        const char *name;
        const char *lot_name; /* NULL: none */
        int64_t deadline_ms;
        unsigned types; /* mask of enum market_type */
        bool defense_locked;
        int64_t version;
        int64_t created_ms;

        bool completed; /* what follows is empty until then */
        int64_t started_ms, completed_ms;
        const char *const *field_keys; /* NULL-ended */
        size_t field_count;
        const char *completed_event_id;

        struct sync sync;
        struct attempt last_attempt;
        const char *retry_event_id; /* NULL: nobody asked */
        const char *retry_requested_by;
        int64_t retry_requested_ms;

        /* Of its editor, as the events tell; NULL until heard of. */
        const char *editor_name, *return_url;
};

#endif
