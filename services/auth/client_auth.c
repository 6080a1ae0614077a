#include "common/base/clock.h"
#include "services/auth/app.h"
#include "services/auth/handlers.h"

#define NOT_USABLE "Editor is not authorized or active"

bool client_is_refused(enum err err)
{
        return err == ERR_UNAUTHORIZED || err == ERR_FORBIDDEN;
}

/* For the operator alone: the answer does not tell an unknown client from a wrong secret. */
static const char *reason_of(enum err err, const struct editor *editor)
{
        if (err == ERR_UNAUTHORIZED)
                return editor->id ? "wrong_secret" : "unknown_client";
        return editor->active ? "editor_not_authorized" : "editor_not_active";
}

enum err client_authenticate(struct auth_app *app, struct exchange *x, const struct oauth_credentials *credentials,
                             struct editor *ret_editor)
{
        enum err err = client_check(&app->checker, x->arena, credentials, ret_editor);

        if (err && !client_is_refused(err)) {
                x->detail = "the editor can't be looked up";
                return err;
        }
        x->log.editor = ret_editor->id;
        if (!err)
                return ERR_OK;
        log_info(&x->log, "credentials.refused", "credentials refused",
                 LOG_STR("error.type", oauth_error_code(OAUTH_INVALID_CLIENT)), LOG_DETAIL(reason_of(err, ret_editor)));
        audit_tally_count(app->tally, "credentials.refused", reason_of(err, ret_editor), ret_editor->id,
                          clock_wall_ms());
        return err;
}

enum err client_refuse(struct exchange *x, enum err err)
{
        return oauth_refuse(x, OAUTH_INVALID_CLIENT, err == ERR_FORBIDDEN ? NOT_USABLE : NULL);
}
