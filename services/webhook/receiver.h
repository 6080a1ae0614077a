/* For tests: an editor's endpoint that answers as it is told and remembers what came. On a free loopback port. */
#ifndef VR_WEBHOOK_RECEIVER_H
#define VR_WEBHOOK_RECEIVER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

enum reaction {
        REACT_ANSWER,
        REACT_RESET,   /* closes hard after the request */
        REACT_GARBAGE, /* no HTTP */
};

struct step {
        enum reaction reaction;
        int status;
        const char *header; /* one more, "Retry-After: 7"; may be NULL */
        int delay_ms;
};

struct received {
        char id[64], timestamp[32], signature[256], seed_signature[128], content_type[64], user_agent[64];
        char traceparent[64];
        char *body;
        size_t body_length;
};

struct receiver;
/* Step n answers the nth request; the last one all that follow. Not copied. */
struct receiver *receiver_start(const struct step *steps, size_t count);
void receiver_stop(struct receiver *receiver);
int receiver_port(const struct receiver *receiver);
/* Requests whose body has arrived. */
size_t receiver_count(struct receiver *receiver);
/* A copy of request n, which the receiver keeps the body of; `{0}` when there is none. */
struct received receiver_request(struct receiver *receiver, size_t n);
/* The most that were open at once. */
size_t receiver_most_open(struct receiver *receiver);

#endif
