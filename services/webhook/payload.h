/*
 * The webhook's body, from the market.completed (or market.sync_retry_requested) event that told of the market.
 * Source: seed/flux-acheteur "Payload du Webhook"; proto/events/market.completed.schema.json.
 */
#ifndef VR_WEBHOOK_PAYLOAD_H
#define VR_WEBHOOK_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"

struct payload {
        const char *market; /* its identifier */
        const char *editor_id;
        const char *completed_event_id; /* NULL in market.completed */
        int64_t completed_at_ms;
        int64_t field_count;
        const char *body; /* compact JSON in the seed's member order; these bytes are signed and sent */
        size_t body_length;
};

/* ERR_CORRUPT when the event's data is not what its schema says. */
MUST_CHECK enum err payload_build(struct arena *arena, const char *data, size_t length, struct payload *ret_payload);

#endif
