#ifndef VR_MARKET_SETTINGS_H
#define VR_MARKET_SETTINGS_H

#include "common/app/service.h"
#include "common/base/settings.h"

struct market_settings {
        struct service_settings service;
        const char *database_url;
        int64_t reconcile_after_s;
        int64_t rate_limit_api;
        int64_t retry_sync_limit;
        bool require_future_deadline;
};

extern const struct settings_spec market_settings_spec;

#endif
