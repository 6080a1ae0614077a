/*
 * Who asks for a token? An unknown id and a wrong secret get the same answer after the same time: where some editor has
 * an imported secret, whose check takes long, every refusal takes as long. Any thread.
 */
#ifndef VR_AUTH_CLIENT_CHECK_H
#define VR_AUTH_CLIENT_CHECK_H

#include <stdatomic.h>

#include "services/auth/auth_store.h"
#include "services/auth/token_rules.h"

struct client_checker {
        struct db *db;
        atomic_llong slow_ns; /* what the check of an imported secret takes; 0: not measured yet */
};

/*
 * ERR_UNAUTHORIZED: unknown id or wrong secret; ERR_FORBIDDEN: the right secret of an editor that is not active or not
 * authorised; else what the database says. `ret_editor`: filled on success and ERR_FORBIDDEN; on ERR_UNAUTHORIZED its
 * id is set when there is one of that client id, for the log alone.
 */
MUST_CHECK enum err client_check(struct client_checker *checker, struct arena *arena,
                                 const struct oauth_credentials *credentials, struct editor *ret_editor);

#endif
