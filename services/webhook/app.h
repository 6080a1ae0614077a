/* Everything this process holds, opened and closed in one place. */
#ifndef VR_WEBHOOK_APP_H
#define VR_WEBHOOK_APP_H

#include "common/app/egress.h"
#include "common/app/parts.h"
#include "common/app/sealed.h"
#include "services/webhook/due_clock.h"
#include "services/webhook/sender.h"
#include "services/webhook/settings.h"

struct webhook_app {
        const struct webhook_settings *settings;
        struct service service;
        struct due_clock clock;
        struct keyring *keyring;
        struct egress *egress;
        struct db *db;
        struct cache *cache; /* never essential */
        struct bus_producer *producer;
        struct outbox *outbox;
        struct sender *sender;
        struct subscriber *subscriber;
        struct part_kafka kafka; /* of its readiness check */
        bool curl_ready;
};

/* Logs what is wrong. Half-opened is fine for webhook_app_close, which closes in reverse order. */
MUST_CHECK enum err webhook_app_open(struct webhook_app *app, const struct webhook_settings *settings);
void webhook_app_close(struct webhook_app *app);

#endif
