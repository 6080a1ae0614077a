/*
 * Changes of editors, each one transaction: the rows, a line in the audit log, and the event editor.updated with the
 * whole state that results. A change that changes nothing leaves no trace.
 */
#ifndef VR_AUTH_EDITOR_CHANGES_H
#define VR_AUTH_EDITOR_CHANGES_H

#include "services/auth/auth_store.h"

struct editor_change {
        struct db *db;
        struct arena *arena;
        const char *who; /* "cli/root" */
        int64_t now_ms;
};

/* With one client secret and one webhook secret. ERR_CONFLICT: the client id is taken. */
MUST_CHECK enum err editor_create(const struct editor_change *change, const struct editor *editor);

/* The members that are set; "" makes a URL or a schedule null. */
struct editor_update {
        const char *name, *webhook_url, *return_url, *retry_schedule;
};
/* `ref`: id or client id. ERR_NOT_FOUND; ERR_CONFLICT: someone else changed it at the same time. */
MUST_CHECK enum err editor_update(const struct editor_change *change, const char *ref,
                                  const struct editor_update *update, struct editor *ret_editor);

enum editor_flag { EDITOR_ACTIVE, EDITOR_AUTHORIZED };
MUST_CHECK enum err editor_set_flag(const struct editor_change *change, const char *ref, enum editor_flag flag,
                                    bool value, struct editor *ret_editor);

/* The new secret becomes the current one; the one before is good for `overlap_ms` more, an older one no more. */
MUST_CHECK enum err editor_rotate_client_secret(const struct editor_change *change, const char *ref,
                                                const struct client_secret *secret, int64_t overlap_ms,
                                                struct editor *ret_editor);
/* `seal` makes the stored form: it needs the editor's id, which is known inside only. */
typedef enum err (*editor_seal)(void *arg, const char *editor_id, const char **ret_sealed);
MUST_CHECK enum err editor_rotate_webhook_secret(const struct editor_change *change, const char *ref, editor_seal seal,
                                                 void *arg, int64_t overlap_ms, struct editor *ret_editor);

/* For the audit log alone: the editor's tokens were ended. */
MUST_CHECK enum err editor_tokens_revoked(const struct editor_change *change, const char *ref,
                                          struct editor *ret_editor);

/*
 * For good: its rows go, the audit log stays, editor.removed is announced. It must be of the version that `ret_editor` of
 * the change before said (ERR_CONFLICT): whoever removes has ended its tokens first.
 */
MUST_CHECK enum err editor_remove(const struct editor_change *change, const struct editor *editor);

MUST_CHECK enum err editor_read(struct db *db, struct arena *arena, const char *ref, struct editor *ret_editor);

#endif
