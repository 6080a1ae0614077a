/* Everything this process holds, opened and closed in one place. */
#ifndef VR_WEBHOOK_APP_H
#define VR_WEBHOOK_APP_H

#include "common/app/egress.h"
#include "common/app/outbox.h"
#include "common/app/sealed.h"
#include "common/app/service.h"
#include "common/app/subscriber.h"
#include "common/io/bus.h"
#include "common/io/db.h"
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
        bool topics_ready;
        struct bus_producer *producer;
        struct outbox *outbox;
        struct sender *sender;
        struct subscriber *subscriber;
        bool curl_ready;
};

/* Logs what is wrong. Half-opened is fine for webhook_app_close, which closes in reverse order. */
MUST_CHECK enum err webhook_app_open(struct webhook_app *app, const struct webhook_settings *settings);
void webhook_app_close(struct webhook_app *app);

#endif
