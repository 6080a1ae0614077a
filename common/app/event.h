/*
 * CloudEvents 1.0 in Kafka's binary mode: attributes in `ce_` headers, the value is plain JSON (design §4).
 * Contracts: proto/asyncapi.yaml, proto/events/<type>.schema.json.
 */
#ifndef VR_APP_EVENT_H
#define VR_APP_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/io/bus.h"

#define TOPIC_MARKET        "voie-rapide.market.v1"
#define TOPIC_CONFIGURATION "voie-rapide.configuration.v1"
#define TOPIC_DELIVERY      "voie-rapide.delivery.v1"
#define TOPIC_EDITOR        "voie-rapide.editor.v1"

struct event {
        const char *id;      /* UUIDv7; the same on every repetition */
        const char *source;  /* "/voie-rapide/market" */
        const char *type;    /* "market.completed" */
        const char *subject; /* the Kafka key: market identifier, or editor id */
        const char *topic;
        int64_t time_ms;
        const char *traceparent; /* may be NULL */
        const char *data;        /* JSON, NUL-terminated */
        size_t data_length;
};

/* The declaration all services check at start. */
extern const struct bus_topic event_topics[];
extern const size_t event_topic_count;

/* Points into the event; NULL-ended `source` etc. must outlive the message. */
MUST_CHECK enum err event_to_message(struct arena *arena, const struct event *event, struct bus_message *ret_message);
/* ERR_CORRUPT (with a reason) when it is not a CloudEvent of ours: those go to the dead-letter topic. */
MUST_CHECK enum err event_from_message(struct arena *arena, const struct bus_message *message, struct event *ret_event,
                                       const char **ret_reason);

#endif
