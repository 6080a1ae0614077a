#include "services/auth/settings.h"

#include "services/auth/commands.h"

/* clang-format off: one row a setting, as the generated reference shows them */
static const struct setting table[] = {
        SERVICE_SETTINGS(struct auth_settings, service),
        {"VR_DATABASE_URL", SETTING_TEXT, offsetof(struct auth_settings, database_url), "sqlite:auth.db", "", true, 0,
         0, NULL, "The service's own database: sqlite:/path/auth.db or postgresql://…."},
        {"VR_SECRET_KEYS", SETTING_TEXT, offsetof(struct auth_settings, secret_keys), "", "", true, 0, 0, NULL,
         "Keys that seal webhook secrets, id:base64-of-32-bytes, comma-separated; the first seals, all open. Only "
         "`editor` commands need them."},
        {"VR_TOKEN_TTL_S", SETTING_INT, offsetof(struct auth_settings, token_ttl_s), "86400", "s", false, 1, 2592000,
         NULL, "Life of an access token."},
        {"VR_RATE_LIMIT_TOKEN", SETTING_INT, offsetof(struct auth_settings, rate_limit_token), "60", "", false, 0,
         1000000000, NULL, "Token requests an editor may make per hour; 0: any number."},
        {"VR_WEBHOOK_ALLOW_CIDRS", SETTING_TEXT, offsetof(struct auth_settings, webhook_allow_cidrs), "", "", false, 0,
         0, NULL, "Private networks that webhooks may go to, comma-separated; judged when a URL is registered."},
        {"VR_WEBHOOK_ALLOW_HTTP", SETTING_BOOL, offsetof(struct auth_settings, webhook_allow_http), "0", "", false, 0,
         0, NULL, "1 lets webhook URLs be http."},
        {"VR_WEBHOOK_ALLOW_PORTS", SETTING_TEXT, offsetof(struct auth_settings, webhook_allow_ports), "443,8443", "",
         false, 0, 0, NULL, "Ports that webhook URLs may have, comma-separated; empty: any."},
        {NULL},
};
/* clang-format on */

const struct settings_spec auth_settings_spec = {
        .program = "vr-auth",
        .service = "AUTH",
        .summary = "Editors and their tokens.",
        .table = table,
        .usage = auth_commands_usage,
};
