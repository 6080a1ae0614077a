/* The wizard's events (proto/events/configuration.*), built with their data in the arena. */
#ifndef VR_WIZARD_EVENTS_H
#define VR_WIZARD_EVENTS_H

#include "common/app/event.h"
#include "services/wizard/step_rules.h"

struct wizard_event_context {
        struct arena *arena;
        const char *identifier;
        const char *traceparent; /* NULL outside a request */
        int64_t now_ms;
};

MUST_CHECK enum err wizard_event_started(const struct wizard_event_context *context, struct event *ret_event);
MUST_CHECK enum err wizard_event_step_completed(const struct wizard_event_context *context, enum step step,
                                                int64_t duration_ms, struct event *ret_event);
MUST_CHECK enum err wizard_event_submitted(const struct wizard_event_context *context, const struct progress *progress,
                                           struct event *ret_event);
MUST_CHECK enum err wizard_event_abandoned(const struct wizard_event_context *context, const struct progress *progress,
                                           struct event *ret_event);
MUST_CHECK enum err wizard_event_retry_requested(const struct wizard_event_context *context, struct event *ret_event);

/* As it waits in Redis (proto/redis.md, `vr:wizard:outbox`), and back. ERR_CORRUPT when it is not ours. */
MUST_CHECK enum err wizard_event_write(struct arena *arena, const struct event *event, const char **ret_json);
MUST_CHECK enum err wizard_event_read(struct arena *arena, const char *id, const char *json, struct event *ret_event);

#endif
