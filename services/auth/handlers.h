#ifndef VR_AUTH_HANDLERS_H
#define VR_AUTH_HANDLERS_H

#include "common/app/router.h"
#include "services/auth/token_rules.h"

extern const struct route auth_routes[]; /* routes.c */

/* oauth_reply.c: answers in OAuth's form (RFC 6749 §5.2) */
enum err oauth_refuse(struct exchange *x, enum oauth_error error, const char *description);
/* For the router: no answer of /oauth/… may be stored; a passing failure is told in OAuth's form. */
void auth_finish(void *app, struct exchange *x);
void auth_render_error(void *app, struct exchange *x, enum err err);
/* The request as token_rules.h wants it. */
struct oauth_input oauth_read(struct exchange *x);

/* token_handlers.c */
enum err create_token(void *app, struct exchange *x);

#endif
