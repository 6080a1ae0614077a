/* Everything this process holds, opened and closed in one place. Handlers, consumers and the sweep get it whole. */
#ifndef VR_MARKET_APP_H
#define VR_MARKET_APP_H

#include "common/app/catalogue.h"
#include "common/app/guard.h"
#include "common/app/parts.h"
#include "common/app/rate_limit.h"
#include "services/market/consumed.h"
#include "services/market/market_snapshot.h"
#include "services/market/reconcile.h"
#include "services/market/settings.h"

struct market_metrics {
        struct metric *created;       /* vr_markets_created_total {market_type} */
        struct metric *completed;     /* vr_markets_completed_total {market_type} */
        struct metric *configuration; /* vr_market_configuration_duration_seconds */
};

struct market_app {
        const struct market_settings *settings;
        struct service service;
        struct market_metrics metrics;
        struct catalogue *catalogue;
        struct buf catalogue_json; /* the body of GET /api/v1/fields, made once */
        struct db *db;
        struct cache *cache;
        struct bus_producer *producer;
        struct outbox *outbox;
        struct consumed consumed; /* the consumer's own */
        struct subscriber *subscriber;
        struct part_kafka kafka; /* of its readiness check */
        struct rounds *reconciler;
        struct guard *guard;
        struct rate_limiter requests; /* of an editor */
        struct rate_limiter retries;  /* of a market's notification: the wizard counts its button's there too */
        struct router *router;
        struct http_server *http;
};

/* What needs nothing from outside: metrics at 0, the catalogue. Part of opening, apart for the tests. */
MUST_CHECK enum err market_app_prepare(struct market_app *app);
/* Logs what is wrong. Half-opened is fine for market_app_close, which closes in reverse order. */
MUST_CHECK enum err market_app_open(struct market_app *app, const struct market_settings *settings);
void market_app_close(struct market_app *app);

/* One count per type of the market. */
void market_count_types(struct metric *metric, unsigned types);

/* Reads the market and puts its snapshot into Redis. A failing Redis is a warning: the wizard then asks us. */
void market_refresh_snapshot(struct market_app *app, struct arena *arena, const struct log_ctx *log,
                             const char *identifier);

#endif
