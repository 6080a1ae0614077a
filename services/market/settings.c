#include "services/market/settings.h"

/* clang-format off: one row a setting, as the generated reference shows them */
static const struct setting table[] = {
        SERVICE_SETTINGS(struct market_settings, service),
        {"VR_DATABASE_URL", SETTING_TEXT, offsetof(struct market_settings, database_url), "sqlite:market.db", "", true,
         0, 0, NULL, "The service's own database: sqlite:/path/market.db or postgresql://…."},
        {"VR_RATE_LIMIT_API", SETTING_INT, offsetof(struct market_settings, rate_limit_api), "1000",
         "per editor and hour", false, 0, 1000000000, NULL, "Requests to the API; 0 for no limit."},
        {"VR_RECONCILE_AFTER_S", SETTING_INT, offsetof(struct market_settings, reconcile_after_s), "900", "s", false, 0,
         604800, NULL,
         "A completed market is announced again, under the same id, when news of its delivery is late by this much; 0: "
         "never."},
        {"VR_REQUIRE_FUTURE_DEADLINE", SETTING_BOOL, offsetof(struct market_settings, require_future_deadline), "0", "",
         false, 0, 0, NULL, "1 refuses markets whose deadline has passed."},
        {"VR_RETRY_SYNC_LIMIT", SETTING_INT, offsetof(struct market_settings, retry_sync_limit), "3",
         "per market and hour", false, 0, 1000000, NULL,
         "Manual retries of the notification, by the API and by the buyer's button together; 0 for no limit. The same "
         "for the wizard."},
        {NULL},
};
/* clang-format on */

const struct settings_spec market_settings_spec = {
        .program = "vr-market",
        .service = "MARKET",
        .summary = "Public markets: creation, completion, and whether their editor knows.",
        .table = table,
        .usage = "migrate    bring the database's schema up to date, and exit",
};
