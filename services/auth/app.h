/* Everything the running service holds, opened and closed in one place. Handlers get it whole. */
#ifndef VR_AUTH_APP_H
#define VR_AUTH_APP_H

#include "common/app/parts.h"
#include "common/app/rate_limit.h"
#include "services/auth/audit_tally.h"
#include "services/auth/client_check.h"
#include "services/auth/settings.h"
#include "services/auth/state_sweep.h"

struct auth_app {
        const struct auth_settings *settings;
        struct service service;
        struct metric *issued; /* vr_tokens_issued_total {result} */
        struct db *db;
        struct cache *cache;
        struct client_checker checker;
        struct rate_limiter token_limiter; /* per editor */
        struct audit_tally *tally;
        struct bus_producer *producer;
        struct outbox *outbox;
        struct state_sweep *sweep;
        struct { /* of the sweep's thread, once that runs */
                struct part_kafka kafka;
                bool tally_failing;
                int64_t kafka_tried_ms, pruned_ms; /* monotonic */
        } upkeep;
        struct router *router;
        struct http_server *http;
};

/* Logs what is wrong. Half-opened is fine for auth_app_close, which closes in reverse order. */
MUST_CHECK enum err auth_app_open(struct auth_app *app, const struct auth_settings *settings);
void auth_app_close(struct auth_app *app);

#endif
