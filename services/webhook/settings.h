/* The webhook service's settings: conventions.md, Settings. */
#ifndef VR_WEBHOOK_SETTINGS_H
#define VR_WEBHOOK_SETTINGS_H

#include "common/app/service.h"
#include "common/base/settings.h"

struct webhook_settings {
        struct service_settings service;
        const char *database_url;
        const char *secret_keys;
        const char *ca_file;
        const char *allow_cidrs, *allow_ports;
        bool allow_http;
        struct setting_durations retry_schedule;
        double retry_jitter;
        int64_t timeout_s, connect_timeout_s;
        int64_t max_inflight, endpoint_inflight; /* 0: no limit */
        int64_t breaker_failures, breaker_open_s;
        int64_t lease_s;
};

extern const struct settings_spec webhook_settings_spec;

#endif
