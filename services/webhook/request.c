#include "services/webhook/request.h"

#include "common/app/webhook_signature.h"
#include "common/base/id.h"

static const char *standard_signature(struct arena *arena, const struct request *r)
{
        const char *current = webhook_sign_standard(arena, r->secret, r->id, r->timestamp_s, r->body, r->body_length);

        if (!r->old_secret)
                return current;
        return arena_printf(
                arena, "%s %s", current,
                webhook_sign_standard(arena, r->old_secret, r->id, r->timestamp_s, r->body, r->body_length));
}

void request_headers(struct arena *arena, const struct request *r, struct http_header headers[REQUEST_HEADERS])
{
        const char *seed_secret = r->old_secret ? r->old_secret : r->secret;
        char traceparent[ID_TRACEPARENT_MAX];
        const struct http_header list[REQUEST_HEADERS] = {
                {"Content-Type", "application/json"},
                {"X-Webhook-Signature-SHA256", webhook_sign_seed(arena, seed_secret, r->body, r->body_length)},
                {"webhook-id", r->id},
                {"webhook-timestamp", arena_printf(arena, "%lld", (long long)r->timestamp_s)},
                {"webhook-signature", standard_signature(arena, r)},
                {"traceparent", arena_strdup(arena, id_traceparent(r->traceparent, traceparent))},
        };

        for (size_t i = 0; i < REQUEST_HEADERS; i++)
                headers[i] = list[i];
}
