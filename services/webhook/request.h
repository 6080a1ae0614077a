/* The headers of one attempt. Pure. Source: design §3 (Webhook request); conventions.md (Standard Webhooks). */
#ifndef VR_WEBHOOK_REQUEST_H
#define VR_WEBHOOK_REQUEST_H

#include <stdint.h>

#include "common/base/arena.h"
#include "common/io/http_gate.h"

#define REQUEST_HEADERS 6

struct request {
        const char *id; /* of the delivery */
        const void *body;
        size_t body_length;
        const char *secret;
        const char *old_secret;  /* during a rotation's overlap; else NULL */
        int64_t timestamp_s;     /* of the attempt */
        const char *traceparent; /* of the delivery; the attempt is its next span */
};

/*
 * The seed's signature is keyed with the old secret until the overlap ends (receivers know one secret at a time);
 * the standard one carries both.
 */
void request_headers(struct arena *arena, const struct request *request, struct http_header headers[REQUEST_HEADERS]);

#endif
