#include "services/webhook/settings.h"

#define AT(member) offsetof(struct webhook_settings, member)

/* clang-format off */
static const struct setting table[] = {
        SERVICE_SETTINGS(struct webhook_settings, service),
        {"VR_DATABASE_URL", SETTING_TEXT, AT(database_url), NULL, "", true, 0, 0, NULL,
         "Where deliveries live: sqlite:/path/webhook.db or postgresql://…"},
        {"VR_SECRET_KEYS", SETTING_TEXT, AT(secret_keys), NULL, "", true, 0, 0, NULL,
         "Keys that open sealed webhook secrets: id:base64-of-32-bytes, comma-separated; the same as auth's."},
        {"VR_WEBHOOK_CA_FILE", SETTING_TEXT, AT(ca_file), "", "", false, 0, 0, NULL,
         "More trusted certificate authorities, PEM."},
        {"VR_WEBHOOK_ALLOW_CIDRS", SETTING_TEXT, AT(allow_cidrs), "", "", false, 0, 0, NULL,
         "Networks webhooks may reach although they are not public, comma-separated."},
        {"VR_WEBHOOK_ALLOW_HTTP", SETTING_BOOL, AT(allow_http), "0", "", false, 0, 0, NULL,
         "Take http:// endpoints as well as https://."},
        {"VR_WEBHOOK_ALLOW_PORTS", SETTING_TEXT, AT(allow_ports), "443,8443", "", false, 0, 0, NULL,
         "Ports webhooks may go to, comma-separated; empty: any."},
        {"VR_WEBHOOK_RETRY_SCHEDULE", SETTING_DURATIONS, AT(retry_schedule), "5s,30s,2m,10m,30m,2h,5h,10h,14h,20h", "",
         false, 0, 0, NULL,
         "Delays between attempts, each from the end of the failed one; n entries make n + 1 attempts."},
        {"VR_WEBHOOK_RETRY_JITTER", SETTING_NUMBER, AT(retry_jitter), "0.2", "", false, 0, 1, NULL,
         "Each delay is stretched or shortened by up to this part of it; 0: not at all."},
        {"VR_WEBHOOK_TIMEOUT_S", SETTING_INT, AT(timeout_s), "30", "s", false, 1, 600, NULL,
         "Of a whole attempt, from name resolution to the end of the answer."},
        {"VR_WEBHOOK_CONNECT_TIMEOUT_S", SETTING_INT, AT(connect_timeout_s), "5", "s", false, 1, 600, NULL,
         "Of name resolution, connection and TLS handshake."},
        {"VR_WEBHOOK_MAX_INFLIGHT", SETTING_INT, AT(max_inflight), "1000", "", false, 0, 10000, NULL,
         "Attempts at once; 0: as many as there can be."},
        {"VR_WEBHOOK_ENDPOINT_INFLIGHT", SETTING_INT, AT(endpoint_inflight), "16", "", false, 0, 10000, NULL,
         "Attempts at once to one endpoint; 0: no limit."},
        {"VR_WEBHOOK_BREAKER_FAILURES", SETTING_INT, AT(breaker_failures), "10", "in a row", false, 0, 1000000, NULL,
         "After so many failures in a row an endpoint is left alone for a while; 0: never."},
        {"VR_WEBHOOK_BREAKER_OPEN_S", SETTING_INT, AT(breaker_open_s), "60", "s", false, 1, 86400, NULL,
         "How long it is left alone, before one attempt tries."},
        {"VR_WEBHOOK_LEASE_S", SETTING_INT, AT(lease_s), "60", "s", false, 1, 86400, NULL,
         "How long a sender owns a delivery it took; longer than an attempt."},
        {NULL},
};
/* clang-format on */

const struct settings_spec webhook_settings_spec = {
        .program = "vr-webhook",
        .service = "WEBHOOK",
        .summary = "Tells editors, by a signed webhook, that a market is configured.",
        .table = table,
        .usage = "  migrate                     apply the database's migrations and exit\n"
                 "  endpoints list              every endpoint, as JSON\n"
                 "  endpoints enable EDITOR     enable an endpoint that a 410 switched off (EDITOR: id or client id)\n"
                 "  deliveries list [MARKET] [--state STATE]\n"
                 "                              the last 100 and their attempts, as JSON\n"
                 "  deliveries show ID          one of them with its body\n"
                 "  deliveries replay ID        send it again, whatever became of it, under the same id\n"
                 "  deliveries replay --failed --since DURATION\n"
                 "                              send those again that failed for good since then\n"
                 "  secrets reencrypt           seal every secret with the first of VR_SECRET_KEYS, while the service "
                 "runs\n"
                 "  simulate [--schedule 5s,30s,…] [--jitter 0.2] [--outcome 503,429:60,timeout,…]\n"
                 "                              the times of all attempts, as JSON; the last outcome repeats\n"
                 "  doctor [--overdue 15m]      what is stuck, as JSON; exit 0 nothing, 1 something, 3 could not look",
};
