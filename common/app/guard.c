#include "common/app/guard.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/app/tokens.h"

struct guard {
        struct cache *cache;
};

enum err guard_new(struct cache *cache, struct guard **ret_guard)
{
        struct guard *guard = calloc(1, sizeof(*guard));

        if (!guard)
                return ERR_NO_MEMORY;
        guard->cache = cache;
        *ret_guard = guard;
        return ERR_OK;
}

void guard_free(struct guard *guard)
{
        free(guard);
}

/* RFC 6750 §2.1, the scheme in any case (RFC 9110 §11.1). NULL when the header is of another form. */
static const char *bearer_token(const char *authorization)
{
        static const char scheme[] = "Bearer ";

        if (!authorization || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
                return NULL;
        authorization += sizeof(scheme) - 1;
        return authorization + strspn(authorization, " ");
}

enum err guard_check(struct guard *guard, struct arena *arena, const char *authorization, unsigned accepted,
                     struct principal *ret_principal)
{
        struct token_info info;
        enum err err = tokens_find(guard->cache, arena, bearer_token(authorization), &info);

        if (err == ERR_NOT_FOUND)
                return ERR_UNAUTHORIZED;
        if (err)
                return err;
        if (info.editor_usable && !info.alive)
                return ERR_UNAUTHORIZED;
        *ret_principal = (struct principal){info.editor_id, info.client_id, info.scopes, info.expires_ms};
        return info.editor_usable && info.scopes & accepted ? ERR_OK : ERR_FORBIDDEN;
}
