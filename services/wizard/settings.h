/* The wizard's settings: the struct; the table is in settings.c. */
#ifndef VR_WIZARD_SETTINGS_H
#define VR_WIZARD_SETTINGS_H

#include "common/app/service.h"

struct wizard_settings {
        struct service_settings service;
        const char *market_url;      /* for the internal read when Redis misses */
        const char *allowed_origins; /* further origins whose forms are ours, comma-separated */
        const char *brand;           /* "state", "neutral" */
        const char *default_language;
        const char *templates_dir;        /* the deployer's pages; "" for none */
        const char *accessibility_status; /* "non", "partial", "full" */
        int64_t progress_ttl_s;
        int64_t retry_sync_limit; /* per market and hour; 0 = no limit */
        int64_t confirm_timeout_ms;
};

extern const struct settings_spec wizard_settings_spec;

#endif
