#ifndef VR_AUTH_SETTINGS_H
#define VR_AUTH_SETTINGS_H

#include "common/app/service.h"
#include "common/base/settings.h"

struct auth_settings {
        struct service_settings service;
        const char *database_url;
        int64_t token_ttl_s;
        int64_t rate_limit_token; /* per editor and hour; 0: off */
        /* of the command line, which judges and seals what editors are given */
        const char *secret_keys;
        const char *webhook_allow_cidrs;
        bool webhook_allow_http;
        const char *webhook_allow_ports;
};

extern const struct settings_spec auth_settings_spec;

#endif
