/*
 * Who calls, and may they? Bearer tokens (RFC 6750) looked up in Redis by their SHA-256, with the editor's state, in one
 * round trip (proto/redis.md). ERR_UNAUTHORIZED: no, unknown, expired or revoked token, or one from before the editor lost its
 * rights and got them back. ERR_FORBIDDEN: the editor is no longer active and authorised, or the scope is too small.
 * ERR_UNAVAILABLE: Redis can't be asked (never 401 then). Any thread.
 */
#ifndef VR_APP_GUARD_H
#define VR_APP_GUARD_H

#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/io/cache.h"

/* Scopes as a bit mask. */
enum scope { SCOPE_API_ACCESS = 1, SCOPE_API_READ = 2, SCOPE_API_WRITE = 4 };

struct principal {
        const char *editor_id; /* in the request's arena */
        const char *client_id;
        unsigned scopes;
        int64_t expires_ms;
};

struct guard;
MUST_CHECK enum err guard_new(struct cache *cache, struct guard **ret_guard);
void guard_free(struct guard *guard);
DEFINE_FREEP(struct guard, guard)

/*
 * `authorization`: that header's value, or NULL. `accepted`: any one of these scopes is enough. `ret_principal` is filled
 * on ERR_FORBIDDEN too: it is known then who asks.
 */
MUST_CHECK enum err guard_check(struct guard *guard, struct arena *arena, const char *authorization, unsigned accepted,
                                struct principal *ret_principal);

#endif
