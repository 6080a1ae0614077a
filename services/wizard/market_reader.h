/*
 * What the wizard knows of a market (proto/market_snapshot.schema.json): from Redis, else by the internal read of market.
 * ERR_NOT_FOUND: there is no such market. ERR_UNAVAILABLE, ERR_TIMEOUT: neither could be asked.
 */
#ifndef VR_WIZARD_MARKET_READER_H
#define VR_WIZARD_MARKET_READER_H

#include "common/app/public_market.h"
#include "common/io/cache.h"
#include "common/io/http_client.h"

struct market_view {
        const char *identifier, *editor_id, *editor_name, *return_url, *name, *lot_name;
        int64_t deadline_ms, completed_ms, next_attempt_ms; /* 0: none */
        unsigned types;
        bool defense_locked, completed;
        enum sync_status sync;
        const char *const *field_keys; /* when completed */
        size_t field_count;
};

struct market_reader {
        struct cache *cache;
        struct http_client *http;
        const char *market_url;
};

MUST_CHECK enum err market_read(const struct market_reader *reader, struct arena *arena, const char *identifier,
                                struct market_view *ret_market);
/* The same, with what Redis has of it already read: its snapshot, or NULL. */
MUST_CHECK enum err market_read_snapshot(const struct market_reader *reader, struct arena *arena,
                                         const char *identifier, const char *snapshot, struct market_view *ret_market);
/* Not from Redis: the row itself. For what must not be seconds old. */
MUST_CHECK enum err market_read_fresh(const struct market_reader *reader, struct arena *arena, const char *identifier,
                                      struct market_view *ret_market);

#endif
