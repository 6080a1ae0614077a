#include "services/wizard/settings.h"

#include <stddef.h>

#define AT(member) offsetof(struct wizard_settings, member)

static const struct setting table[] = {
        SERVICE_SETTINGS(struct wizard_settings, service),
        {"VR_MARKET_URL", SETTING_TEXT, AT(market_url), "http://127.0.0.1:8082", "", false, 0, 0, NULL,
         "Where market answers its internal read, without a trailing slash."},
        {"VR_ALLOWED_ORIGINS", SETTING_TEXT, AT(allowed_origins), "", "", false, 0, 0, NULL,
         "Origins besides VR_PUBLIC_URL whose forms are ours, comma-separated."},
        {"VR_BRAND", SETTING_CHOICE, AT(brand), "neutral", "", false, 0, 0, "state|neutral",
         "state: the State's logo block, reserved for .gouv.fr sites."},
        {"VR_DEFAULT_LANGUAGE", SETTING_CHOICE, AT(default_language), "fr", "", false, 0, 0, "fr|en",
         "Language of a buyer who has chosen none."},
        {"VR_TEMPLATES_DIR", SETTING_TEXT, AT(templates_dir), "", "", false, 0, 0, NULL,
         "Folder of HTML fragments that replace the text of the footer's pages: accessibilite.html, "
         "mentions-legales.html, "
         "donnees-personnelles.html, cookies.html (each optional, UTF-8, at most 64 KiB, read at the start)."},
        {"VR_ACCESSIBILITY_STATUS", SETTING_CHOICE, AT(accessibility_status), "non", "", false, 0, 0,
         "non|partial|full",
         "How far the site meets the RGAA, as an audit found: the footer has to say so. Counts only with an "
         "accessibilite.html."},
        {"VR_PROGRESS_TTL_S", SETTING_INT, AT(progress_ttl_s), "86400", "s", false, 1, 31536000, NULL,
         "How long progress lives after its last change."},
        {"VR_RETRY_SYNC_LIMIT", SETTING_INT, AT(retry_sync_limit), "3", "per market and hour", false, 0, 1000000, NULL,
         "Manual retries of the notification; 0 for no limit."},
        {"VR_CONFIRM_TIMEOUT_MS", SETTING_INT, AT(confirm_timeout_ms), "5000", "ms", false, 100, 30000, NULL,
         "How long a confirmation waits for Kafka's acknowledgement."},
        {NULL},
};

const struct settings_spec wizard_settings_spec = {
        .program = "vr-wizard",
        .service = "WIZARD",
        .summary = "The buyer's pages: four steps that configure a market, and its status.",
        .table = table,
};
