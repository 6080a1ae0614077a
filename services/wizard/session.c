#include "services/wizard/session.h"

#include <string.h>

#include "common/base/id.h"
#include "common/base/str.h"
#include "common/io/crypto.h"

#define SECRET_BYTES 32
#define SECRET_CHARS 43 /* base64url without padding */

static const char *cookie_name(bool secure)
{
        return secure ? "__Secure-vr_session" : "vr_session";
}

static const char *secret_of(const struct exchange *x, bool secure)
{
        const char *value = exchange_cookie(x, cookie_name(secure));

        if (!value || strlen(value) != SECRET_CHARS)
                return NULL;
        return value;
}

bool session_present(const struct exchange *x, bool secure)
{
        return secret_of(x, secure) != NULL;
}

struct session session_open(struct exchange *x, const char *identifier, bool secure)
{
        struct session session = {.secret = secret_of(x, secure)};
        unsigned char bytes[SECRET_BYTES];

        if (session.secret)
                return session;
        id_random(bytes, sizeof(bytes));
        session.secret = str_base64url(x->arena, bytes, sizeof(bytes));
        session.fresh = true;
        http_response_add_header(
                x->request, x->response, "Set-Cookie",
                arena_printf(x->arena, "%s=%s; Path=/buyer/public_markets/%s; HttpOnly; SameSite=Lax%s",
                             cookie_name(secure), session.secret, identifier, secure ? "; Secure" : ""));
        return session;
}

const char *session_csrf_token(struct arena *arena, const struct session *session, const char *identifier)
{
        unsigned char digest[CRYPTO_SHA256_BYTES];
        const char *text = arena_printf(arena, "csrf:%s", identifier);

        crypto_hmac_sha256(session->secret, strlen(session->secret), text, strlen(text), digest);
        return str_base64url(arena, digest, sizeof(digest));
}

static bool origin_is_ours(struct arena *arena, const char *origin, const struct origins *origins)
{
        size_t count = 0;
        char **allowed = str_split(arena, origins->allowed, ',', &count);

        if (str_equal(origin, origins->public_url))
                return true;
        for (size_t i = 0; i < count; i++)
                if (*allowed[i] && str_equal(origin, str_trim(arena, allowed[i])))
                        return true;
        return false;
}

enum err session_check_form(const struct exchange *x, const struct session *session, const char *identifier,
                            const struct form *form, const struct origins *origins)
{
        const char *origin = http_request_header(x->request, "Origin");
        const char *site = http_request_header(x->request, "Sec-Fetch-Site");
        const char *token = form_get(form, "csrf_token");

        if (site && str_equal(site, "cross-site"))
                return ERR_FORBIDDEN;
        if (origin && !str_equal(origin, "null") && !origin_is_ours(x->arena, origin, origins))
                return ERR_FORBIDDEN;
        if (!token || session->fresh)
                return ERR_FORBIDDEN;
        if (!crypto_equal_text(token, session_csrf_token(x->arena, session, identifier)))
                return ERR_FORBIDDEN;
        return ERR_OK;
}
