/* An editor's endpoint: may we send to it now, and with which secrets? Pure. Source: design §3 (Webhook request). */
#ifndef VR_WEBHOOK_ENDPOINT_RULES_H
#define VR_WEBHOOK_ENDPOINT_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/limits.h"

/* As the last editor.updated had it; secrets stay sealed. Texts live in the arena they were read into. */
struct endpoint {
        bool known; /* false: no event about this editor was heard yet */
        const char *editor_id;
        int64_t version;
        const char *client_id, *name;
        bool active, authorized, removed;
        const char *url;        /* NULL: none registered */
        const char *secret;     /* sealed; NULL: none */
        const char *old_secret; /* sealed; of a rotation's overlap */
        int64_t old_secret_expires_ms;
        bool own_schedule;
        int64_t delays_ms[LIMIT_WEBHOOK_RETRIES];
        size_t delay_count;
        int64_t disabled_at_ms; /* 0: enabled; switched off by a 410 */
};

enum endpoint_verdict {
        ENDPOINT_SEND,
        ENDPOINT_UNKNOWN,  /* wait for editor.updated */
        ENDPOINT_MISSING,  /* reason no_endpoint */
        ENDPOINT_DISABLED, /* reason endpoint_disabled */
};

/* `ret_words`: why not, for the editor; NULL when ENDPOINT_SEND. */
enum endpoint_verdict endpoint_judge(const struct endpoint *endpoint, const char **ret_words);

/* Does the old secret still sign? Until the overlap ends the seed's header is keyed with it, and both sign the other. */
bool endpoint_in_overlap(const struct endpoint *endpoint, int64_t now_ms);

/*
 * The state after an editor.updated: `next` as the event has it, `before` as stored (or not known). false: the event is
 * older than what is known, or the editor was removed, and changes nothing. A new URL enables a switched-off endpoint.
 */
bool endpoint_update(const struct endpoint *before, struct endpoint *next);

#endif
