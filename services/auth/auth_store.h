/*
 * Editors, their secrets and the audit log: all of auth's SQL. Functions with a `tx` run inside a unit of work.
 * ERR_NOT_FOUND: no such editor; ERR_CONFLICT: its client id is taken, or it changed since it was read.
 */
#ifndef VR_AUTH_STORE_H
#define VR_AUTH_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/io/crypto.h"
#include "common/io/db.h"

extern const struct file auth_migrations[];

#define EDITOR_SECRETS_MAX 2 /* the current one, and the one before during a rotation's overlap */
#define SECRET_SALT_BYTES  16

enum secret_kind { SECRET_SHA256, SECRET_PBKDF2 };

struct client_secret {
        enum secret_kind kind;
        unsigned char hash[CRYPTO_SHA256_BYTES];
        unsigned char salt[SECRET_SALT_BYTES]; /* PBKDF2 */
        int64_t iterations;
        int64_t created_ms;
        int64_t expires_ms; /* 0: the current one */
};

struct webhook_secret {
        const char *sealed;
        int64_t created_ms;
        int64_t expires_ms;
};

struct editor {
        const char *id, *client_id, *name;
        bool active, authorized;
        const char *webhook_url, *return_url; /* NULL: none */
        const char *retry_schedule;           /* "5,30,120", seconds; NULL: the sender's */
        int64_t version, created_ms, updated_ms;
        /* those still good, current first */
        struct client_secret client_secrets[EDITOR_SECRETS_MAX];
        size_t client_secret_count;
        struct webhook_secret webhook_secrets[EDITOR_SECRETS_MAX];
        size_t webhook_secret_count;
};

/* `ref`: its id or its client id. */
MUST_CHECK enum err auth_store_find(struct db_tx *tx, struct arena *arena, const char *ref, int64_t now_ms,
                                    struct editor *ret_editor);
/* For authentication, by the client id alone, with the secrets still good; in one query, whether it exists or not. */
MUST_CHECK enum err auth_store_find_client(struct db_tx *tx, struct arena *arena, const char *client_id, int64_t now_ms,
                                           struct editor *ret_editor);
/* A page of editors without their secrets, oldest first, after (after_ms, after_id). */
MUST_CHECK enum err auth_store_list(struct db_tx *tx, struct arena *arena, int64_t after_ms, const char *after_id,
                                    size_t max, struct editor *ret_editors, size_t *ret_count);
/* Without secrets. */
MUST_CHECK enum err auth_store_insert(struct db_tx *tx, const struct editor *editor);
/* All columns; `editor->version` is the new one. */
MUST_CHECK enum err auth_store_update(struct db_tx *tx, const struct editor *editor);

MUST_CHECK enum err auth_store_add_client_secret(struct db_tx *tx, const char *editor_id,
                                                 const struct client_secret *secret);
MUST_CHECK enum err auth_store_add_webhook_secret(struct db_tx *tx, const char *editor_id,
                                                  const struct webhook_secret *secret);
/* The current secret ends at `expires_ms` (0: now), an older one now. */
MUST_CHECK enum err auth_store_end_client_secrets(struct db_tx *tx, const char *editor_id, int64_t expires_ms);
MUST_CHECK enum err auth_store_end_webhook_secrets(struct db_tx *tx, const char *editor_id, int64_t expires_ms);

struct audit_entry {
        const char *id; /* set by reading */
        const char *who, *action;
        const char *editor_id; /* "": nobody's that we know */
        const char *client_id; /* set by reading; NULL: nobody's, or of an editor that is gone */
        const char *detail;    /* JSON without secrets, or NULL */
        int64_t at_ms;
};
MUST_CHECK enum err auth_store_add_audit(struct db_tx *tx, const struct audit_entry *entry);
/* Adds it under that id, or brings its detail up to date. */
MUST_CHECK enum err auth_store_put_audit(struct db_tx *tx, const char *id, const struct audit_entry *entry);

struct audit_page {
        const char *editor_id; /* NULL: of all */
        int64_t after_ms;      /* after (after_ms, after_id), oldest first */
        const char *after_id;
        size_t max;
};
MUST_CHECK enum err auth_store_list_audit(struct db_tx *tx, struct arena *arena, const struct audit_page *page,
                                          struct audit_entry *ret_entries, size_t *ret_count);
/* Drops up to `max` entries of `who` from before `before_ms`. */
MUST_CHECK enum err auth_store_prune_audit(struct db_tx *tx, const char *who, int64_t before_ms, size_t max);

/* The editor and its secrets; its audit log stays. ERR_CONFLICT: it is not of that version any more. */
MUST_CHECK enum err auth_store_remove(struct db_tx *tx, const struct editor *editor);

/* Does any editor have an imported secret? Checking one of those takes long. */
MUST_CHECK enum err auth_store_has_imported(struct db_tx *tx, bool *ret_imported);

struct editor_state {
        const char *id;
        int64_t version;
        bool usable; /* active and authorised */
};
/* Editors whose state Redis has not been told, or that changed after `since_ms`. */
MUST_CHECK enum err auth_store_to_assert(struct db_tx *tx, struct arena *arena, int64_t since_ms, size_t max,
                                         struct editor_state *ret_states, size_t *ret_count);
MUST_CHECK enum err auth_store_mark_asserted(struct db_tx *tx, const struct editor_state *state);

#endif
