/* Everything the wizard holds open, in the order it is opened; closed in reverse. */
#ifndef VR_WIZARD_APP_H
#define VR_WIZARD_APP_H

#include "common/app/catalogue.h"
#include "common/app/parts.h"
#include "common/app/rate_limit.h"
#include "common/app/template.h"
#include "services/wizard/deployer_pages.h"
#include "services/wizard/market_reader.h"
#include "services/wizard/progress_store.h"
#include "services/wizard/session.h"
#include "services/wizard/settings.h"

enum language { LANGUAGE_FR, LANGUAGE_EN };
#define LANGUAGE_COUNT 2

struct wizard_metrics {
        struct metric *entered, *completed, *abandoned, *duration, *errors;
};

struct publisher;

struct wizard_app {
        const struct wizard_settings *settings;
        struct service service;
        struct wizard_metrics metrics;
        struct catalogue *catalogue;
        struct templates *templates;
        struct arena *words_arena;
        const struct view *words[LANGUAGE_COUNT];
        enum language fallback;
        struct cache *cache;
        struct http_client *http_client;
        struct bus_producer *producer; /* the publisher owns it once that runs */
        struct market_reader markets;
        struct progress_store store;
        struct rate_limiter retries; /* of a market's notification, per market: market counts its API's there too */
        struct origins origins;
        struct deployer_pages deployer;
        bool secure; /* behind https: cookies say so */
        struct publisher *publisher;
        struct part_kafka kafka; /* of its readiness check */
        struct router *router;
        struct http_server *http;
};

MUST_CHECK enum err wizard_app_open(struct wizard_app *app, const struct wizard_settings *settings);
void wizard_app_close(struct wizard_app *app);

extern const struct route wizard_routes[];

#endif
