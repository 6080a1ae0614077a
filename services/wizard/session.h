/*
 * The buyer's session, one per market: a random secret in a cookie that lives as long as the browser is open and is
 * sent to that market's pages only. The CSRF token of a form is derived from it and the market, so nothing is stored.
 */
#ifndef VR_WIZARD_SESSION_H
#define VR_WIZARD_SESSION_H

#include "common/app/form.h"
#include "common/app/router.h"

struct session {
        const char *secret;
        bool fresh; /* begun with this request: its cookie goes out with the answer */
};

/* The one of this request, or a new one (then the cookie is set on the answer). `secure`: we are behind https. */
struct session session_open(struct exchange *x, const char *identifier, bool secure);
/* False: no session, or not ours. */
bool session_present(const struct exchange *x, bool secure);

const char *session_csrf_token(struct arena *arena, const struct session *session, const char *identifier);

struct origins {
        const char *public_url;
        const char *allowed; /* comma list */
};
/* A POST from one of our own forms? ERR_FORBIDDEN. Origin: ours, absent or "null"; Sec-Fetch-Site: never cross-site. */
MUST_CHECK enum err session_check_form(const struct exchange *x, const struct session *session, const char *identifier,
                                       const struct form *form, const struct origins *origins);

#endif
