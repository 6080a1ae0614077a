#ifndef VR_AUTH_HANDLERS_H
#define VR_AUTH_HANDLERS_H

#include "common/app/router.h"
#include "services/auth/auth_store.h"
#include "services/auth/token_rules.h"

struct auth_app;

extern const struct route auth_routes[]; /* routes.c */

/* oauth_reply.c: answers in OAuth's form (RFC 6749 §5.2) */
enum err oauth_refuse(struct exchange *x, enum oauth_error error, const char *description);
/* For the router: nothing may be stored but the metadata; a passing failure is told in OAuth's form. */
void auth_finish(void *app, struct exchange *x);
void auth_render_error(void *app, struct exchange *x, enum err err);
/* The request as token_rules.h wants it. */
struct oauth_input oauth_read(struct exchange *x);

/*
 * client_auth.c: who asks? ERR_UNAUTHORIZED and ERR_FORBIDDEN are those of client_check.h, by then in the log and the audit
 * log; client_refuse() answers them. Other errors are for the router: a 503 or 500, never a 401.
 */
MUST_CHECK enum err client_authenticate(struct auth_app *app, struct exchange *x,
                                        const struct oauth_credentials *credentials, struct editor *ret_editor);
bool client_is_refused(enum err err);
enum err client_refuse(struct exchange *x, enum err err);

/* token_handlers.c */
enum err create_token(void *app, struct exchange *x);

/* reference_handlers.c */
enum err introspect_token(void *app, struct exchange *x);
enum err revoke_token(void *app, struct exchange *x);

/* metadata_handlers.c */
enum err show_metadata(void *app, struct exchange *x);
/* A path of RFC 8615, which caches may keep. */
bool is_metadata(const struct exchange *x);

#endif
