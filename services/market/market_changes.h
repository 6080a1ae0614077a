/*
 * The changes of a market after its creation: read, decide (rules), store, and say so (outbox), all in the caller's
 * unit of work. `ret_changed` is false for what came late or twice: nothing was written then.
 */
#ifndef VR_MARKET_MARKET_CHANGES_H
#define VR_MARKET_MARKET_CHANGES_H

#include "common/app/catalogue.h"
#include "common/io/db.h"
#include "services/market/market.h"

struct change {
        struct db_tx *tx;
        struct arena *arena;
        const char *identifier;
        const char *traceparent; /* of what caused it; NULL: none */
        int64_t now_ms;
};

struct submission {
        bool add_defense;
        const char *const *additional_keys;
        size_t additional_count;
        int64_t started_ms, submitted_ms;
};
/* First submission wins. ERR_NOT_FOUND; ERR_INVALID when a chosen field is none of the market's. */
MUST_CHECK enum err change_complete(const struct change *change, const struct catalogue *catalogue,
                                    const struct submission *submission, bool *ret_changed);

/* Something about the delivery was heard. `attempt` is NULL when the news tells of none that has ended. */
MUST_CHECK enum err change_sync(const struct change *change, const struct sync_news *news,
                                const struct attempt *attempt, bool *ret_changed);

/* `requested_by`: "buyer" or "editor". Only a failed one can be retried: else nothing changes. */
MUST_CHECK enum err change_retry(const struct change *change, const char *requested_by, int64_t requested_ms,
                                 bool *ret_changed);

#endif
