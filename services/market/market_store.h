/*
 * All SQL of the service. What takes a `struct db_tx` runs inside the caller's unit of work; the rest opens its own.
 * Texts that come out live in the arena.
 */
#ifndef VR_MARKET_MARKET_STORE_H
#define VR_MARKET_MARKET_STORE_H

#include "common/app/event.h"
#include "common/base/arena.h"
#include "common/io/db.h"
#include "services/market/market.h"

extern const struct file market_migrations[]; /* migrations/, embedded */

#define IDEMPOTENCY_KEEP_MS (24 * 3600 * INT64_C(1000))

enum creation_outcome {
        CREATION_DONE,
        CREATION_REPLAYED,   /* this key and body made a market before: `identifier` is that one's */
        CREATION_KEY_REUSED, /* this key came with another body */
};
struct market_creation {
        const struct market *market;
        const struct event *event;   /* market.created */
        const char *idempotency_key; /* NULL: none */
        const char *body_sha256;
};
/*
 * Row, outbox row and idempotency key in one transaction, durable on return. `ret_market`: as market_store_find() would give
 * it now; of one that is replayed nothing but its identifier.
 */
MUST_CHECK enum err market_store_create(struct db *db, struct arena *arena, const struct market_creation *creation,
                                        enum creation_outcome *ret_outcome, struct market *ret_market);

/* ERR_NOT_FOUND. With its editor's name and return URL. */
MUST_CHECK enum err market_store_find(struct db_tx *tx, struct arena *arena, const char *identifier,
                                      struct market *ret_market);
MUST_CHECK enum err market_store_load(struct db *db, struct arena *arena, const char *identifier,
                                      struct market *ret_market);

struct market_list {
        const char *editor_id;
        const char *status;      /* NULL: any */
        const char *sync_status; /* NULL: any; else it alone decides: it implies the status */
        /* Those before this one in the order of the list; INT64_MAX and "" for the first page. */
        int64_t before_ms;
        const char *before_identifier;
        int64_t limit; /* 1 or more */
};
/* The newest first. */
MUST_CHECK enum err market_store_list(struct db *db, struct arena *arena, const struct market_list *wanted,
                                      struct market **ret_markets, size_t *ret_count);

/*
 * Stores the completion, or the sync state, of a market that was read at `market->version` and raises the version.
 * ERR_UNAVAILABLE when somebody changed it meanwhile: read again, decide again.
 */
MUST_CHECK enum err market_store_complete(struct db_tx *tx, struct arena *arena, const struct market *market);
MUST_CHECK enum err market_store_sync(struct db_tx *tx, const struct market *market);

/* Completed markets whose news was due before `before_ms`, longest due first. Claimed until the end of the transaction. */
MUST_CHECK enum err market_store_silent(struct db_tx *tx, struct arena *arena, int64_t before_ms, int64_t limit,
                                        const char *const **ret_identifiers, size_t *ret_count);
/* News is expected from now on again; not a change of the market. */
MUST_CHECK enum err market_store_expect(struct db_tx *tx, const char *identifier, int64_t now_ms);
/* Publishes an event once more under its id, whether its outbox row is waiting, sent or pruned. */
MUST_CHECK enum err market_store_announce(struct db_tx *tx, const struct event *event);

struct editor {
        const char *id;
        int64_t version;
        const char *name;
        bool active, authorized;
        const char *return_url; /* NULL: none */
};
/* An older version, or a removed editor, changes nothing. */
MUST_CHECK enum err editor_store_put(struct db_tx *tx, const struct editor *editor);
MUST_CHECK enum err editor_store_remove(struct db_tx *tx, const char *id, int64_t removed_ms);

/* Forgets idempotency keys from before `before_ms`. */
MUST_CHECK enum err idempotency_store_prune(struct db_tx *tx, int64_t before_ms);

#endif
