#include "deploy/demo/demo_settings.h"

#include <stddef.h>

#define AT(member) offsetof(struct demo_settings, member)

static const struct setting table[] = {
        {"VR_DEMO_PORT", SETTING_INT, AT(port), "4567", "", false, 0, 65535, NULL, "Port of the demonstration."},
        {"VR_PUBLIC_URL", SETTING_TEXT, AT(base_url), "http://localhost:8080", "", false, 0, 0, NULL,
         "Where Voie Rapide answers, without a trailing slash."},
        {"VR_DEMO_CLIENT_ID", SETTING_TEXT, AT(client_id), "demo", "", false, 0, 0, NULL,
         "The demonstration's client id."},
        {"VR_DEMO_CLIENT_SECRET", SETTING_TEXT, AT(client_secret), NULL, "", true, 0, 0, NULL, "Its secret."},
        {"VR_DEMO_WEBHOOK_SECRET", SETTING_TEXT, AT(webhook_secret), NULL, "", true, 0, 0, NULL,
         "The secret its webhooks are signed with."},
        {"VR_LOG_LEVEL", SETTING_CHOICE, AT(log_level), "info", "", false, 0, 0, "debug|info|warn|error",
         "Lines below this level are not written."},
        {"VR_LOG_FORMAT", SETTING_CHOICE, AT(log_format), "json", "", false, 0, 0, "json|pretty",
         "json: one object a line; pretty: for people at a terminal."},
        {NULL},
};

const struct settings_spec demo_settings_spec = {
        .program = "vr-demo",
        .service = NULL,
        .summary = "The demonstration editor: creates markets, opens the wizard, shows the webhooks that arrive.",
        .table = table,
};
