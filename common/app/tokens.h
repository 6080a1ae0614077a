/*
 * Access tokens as they lie in Redis (proto/redis.md): auth issues them, guard.h looks them up. A token is `vr_at_` + 32
 * random bytes in base64url; Redis holds its SHA-256 only. One live token per editor and scope set, replaced atomically.
 */
#ifndef VR_APP_TOKENS_H
#define VR_APP_TOKENS_H

#include "common/app/guard.h"

struct token_grant {
        const char *editor_id;
        const char *client_id;
        unsigned scopes;
        int64_t issued_ms;
        int64_t ttl_ms;
};
/*
 * Stores a new token and revokes the previous one of that scope set, in one script. `ret_token`: in clear, once.
 * ERR_FORBIDDEN: Redis holds the editor to be unusable (tokens_set_editor); if the database knows better, say so and retry.
 */
MUST_CHECK enum err tokens_issue(struct cache *cache, struct arena *arena, const struct token_grant *grant,
                                 const char **ret_token);

struct token_info {
        const char *editor_id, *client_id;
        unsigned scopes;
        int64_t issued_ms, expires_ms;
        bool editor_usable; /* active, authorised */
        bool alive;         /* not from before a loss of rights */
};
/* ERR_NOT_FOUND when unknown, expired or revoked. */
MUST_CHECK enum err tokens_find(struct cache *cache, struct arena *arena, const char *token,
                                struct token_info *ret_info);

/* Ends one token (RFC 7009). ERR_NOT_FOUND: there is none; ERR_FORBIDDEN: it is another editor's. */
MUST_CHECK enum err tokens_revoke(struct cache *cache, struct arena *arena, const char *token, const char *editor_id);

/* Tells all replicas whether the editor may be served. Losing it (usable = false) ends all its tokens, for good. */
MUST_CHECK enum err tokens_set_editor(struct cache *cache, const char *editor_id, bool usable);
/* What that says now; true when Redis knows nothing of the editor. */
MUST_CHECK enum err tokens_editor_usable(struct cache *cache, struct arena *arena, const char *editor_id,
                                         bool *ret_usable);
/* Ends all tokens of the editor (revoke-tokens, removal). */
MUST_CHECK enum err tokens_revoke_all(struct cache *cache, const char *editor_id);

/* "api_access api_read" ↔ mask; the order of the enum. 0 for an unknown or empty list. */
unsigned scopes_parse(const char *text);
const char *scopes_text(struct arena *arena, unsigned scopes);

#endif
