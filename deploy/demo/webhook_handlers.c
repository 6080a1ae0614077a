/* Receiving a webhook, as every editor should: check the signature on the bytes as they came, then answer at once. */
#include <string.h>

#include "common/app/reply.h"
#include "common/app/webhook_signature.h"
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/io/json.h"
#include "deploy/demo/demo_app.h"

#define TOLERANCE_S 300 /* Standard Webhooks */

static bool timestamp_fresh(int64_t timestamp_s)
{
        int64_t now_s = clock_wall_ms() / 1000;

        return timestamp_s >= now_s - TOLERANCE_S && timestamp_s <= now_s + TOLERANCE_S;
}

static void check_signatures(struct demo_app *app, struct exchange *x, struct ledger_entry *entry)
{
        const struct http_request *request = x->request;
        const char *secret = app->settings->webhook_secret;
        const char *timestamp = http_request_header(request, "webhook-timestamp");
        int64_t timestamp_s = 0;

        entry->signature = http_request_header(request, "X-Webhook-Signature-SHA256");
        entry->standard_signature = http_request_header(request, "webhook-signature");
        entry->webhook_id = http_request_header(request, "webhook-id");
        entry->seed_valid = entry->signature && webhook_verify_seed(x->arena, secret, request->body,
                                                                    request->body_length, entry->signature);
        entry->standard_valid = entry->standard_signature && entry->webhook_id && timestamp &&
                                !str_to_i64(timestamp, 0, INT64_MAX, &timestamp_s) && timestamp_fresh(timestamp_s) &&
                                webhook_verify_standard(x->arena, secret, entry->webhook_id, timestamp_s, request->body,
                                                        request->body_length, entry->standard_signature);
}

enum err demo_webhook(void *arg, struct exchange *x)
{
        struct demo_app *app = arg;
        AUTO(json_freep) struct json *root = NULL;
        AUTO(buf_done) struct buf json = {0};
        struct json_write w = json_write_to(&json);
        struct ledger_entry entry = {.body = x->request->body, .received_ms = clock_wall_ms()};
        const struct json *market;

        check_signatures(app, x, &entry);
        if (!entry.seed_valid || !entry.standard_valid) {
                log_warn(&x->log, "webhook.refused", "a webhook came with a wrong signature");
                return reply_error_text(x, 401, "Signature does not match");
        }
        if (json_parse(x->request->body, x->request->body_length, &root))
                return ERR_BAD_REQUEST;
        market = json_get(root, "market");
        entry.identifier = json_get_text(market, "identifier");
        entry.name = json_get_text(market, "name");
        if (!entry.identifier)
                return ERR_BAD_REQUEST;
        ledger_receive(app->ledger, &entry);
        x->log.market = arena_strdup(x->arena, entry.identifier);
        log_info(&x->log, "webhook.received", "the webhook's signatures agree",
                 LOG_STR("vr.webhook_event", json_get_text(root, "event")),
                 LOG_INT("vr.field_count", (int64_t)json_count(json_get(market, "field_keys"))));
        json_object(&w, NULL);
        json_bool(&w, "received", true);
        json_end(&w);
        return reply_json(x, 200, &json);
}
