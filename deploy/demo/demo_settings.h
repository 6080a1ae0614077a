/* The demonstration editor's settings; the table is in demo_settings.c. */
#ifndef VR_DEMO_SETTINGS_H
#define VR_DEMO_SETTINGS_H

#include <stdint.h>

#include "common/base/settings.h"

struct demo_settings {
        int64_t port;
        const char *base_url; /* of Voie Rapide */
        const char *client_id, *client_secret, *webhook_secret;
        const char *log_level, *log_format;
};

extern const struct settings_spec demo_settings_spec;

#endif
