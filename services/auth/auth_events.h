#ifndef VR_AUTH_EVENTS_H
#define VR_AUTH_EVENTS_H

#include "common/app/event.h"
#include "services/auth/auth_store.h"

/* The whole present state: proto/events/editor.updated.schema.json. */
MUST_CHECK enum err auth_event_updated(struct arena *arena, const struct editor *editor, struct event *ret_event);
/* proto/events/editor.removed.schema.json */
MUST_CHECK enum err auth_event_removed(struct arena *arena, const char *editor_id, int64_t removed_ms,
                                       struct event *ret_event);

#endif
