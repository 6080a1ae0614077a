#include "common/app/reply.h"
#include "common/app/tokens.h"
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "services/auth/app.h"
#include "services/auth/client_check.h"
#include "services/auth/handlers.h"

#define NOT_USABLE "Editor is not authorized or active"

/* `reason`: for the log; the description may say less. */
static enum err refuse(struct auth_app *app, struct exchange *x, enum oauth_error error, const char *description,
                       const char *reason)
{
        metric_inc(app->issued, oauth_error_code(error));
        log_info(&x->log, "token.refused", "token refused", LOG_STR("error.type", oauth_error_code(error)),
                 LOG_DETAIL(reason ? reason : description));
        return oauth_refuse(x, error, description);
}

/* Not known, or not to be had now: the router turns it into a 503 or 500, never a 401. */
static enum err fail(struct auth_app *app, struct exchange *x, enum err err, const char *detail)
{
        metric_inc(app->issued, "unavailable");
        x->detail = detail;
        return err;
}

/* Redis may know of a lost right before we do, or not yet know that it was given back: the database decides. */
static enum err issue(struct auth_app *app, struct exchange *x, const struct oauth_credentials *credentials,
                      struct token_grant *grant, const char **ret_token)
{
        struct editor again;
        enum err err = tokens_issue(app->cache, x->arena, grant, ret_token);

        if (err != ERR_FORBIDDEN)
                return err;
        err = client_check(&app->checker, x->arena, credentials, &again);
        return err ? err : ERR_UNAVAILABLE;
}

static enum err reply_token(struct exchange *x, const struct token_grant *grant, const char *token)
{
        AUTO(buf_done) struct buf json = {0};
        struct json_write w = json_write_to(&json);

        json_object(&w, NULL);
        json_string(&w, "access_token", token);
        json_string(&w, "token_type", "Bearer");
        json_int(&w, "expires_in", grant->ttl_ms / 1000);
        json_string(&w, "scope", scopes_text(x->arena, grant->scopes));
        json_int(&w, "created_at", grant->issued_ms / 1000);
        json_end(&w);
        return reply_json(x, 200, &json);
}

static enum err authenticate(struct auth_app *app, struct exchange *x, const struct oauth_credentials *credentials,
                             struct editor *ret_editor)
{
        enum err err = client_check(&app->checker, x->arena, credentials, ret_editor);

        if (!err || err == ERR_UNAUTHORIZED || err == ERR_FORBIDDEN)
                x->log.editor = ret_editor->id;
        return err;
}

static enum err refuse_client(struct auth_app *app, struct exchange *x, enum err err)
{
        if (err == ERR_FORBIDDEN)
                return refuse(app, x, OAUTH_INVALID_CLIENT, NOT_USABLE, NULL);
        return refuse(app, x, OAUTH_INVALID_CLIENT, NULL, x->log.editor ? "wrong secret" : "unknown client");
}

enum err create_token(void *arg, struct exchange *x)
{
        struct auth_app *app = arg;
        struct oauth_input input = oauth_read(x);
        struct token_request request;
        struct editor editor = {0};
        const char *description = NULL, *token = NULL;
        enum oauth_error error = token_request_check(x->arena, &input, &request, &description);
        enum err err;

        if (error)
                return refuse(app, x, error, description, NULL);
        err = authenticate(app, x, &request.credentials, &editor);
        if (err == ERR_UNAUTHORIZED || err == ERR_FORBIDDEN)
                return refuse_client(app, x, err);
        if (err)
                return fail(app, x, err, "the editor can't be looked up");

        struct token_grant grant = {
                .editor_id = editor.id,
                .client_id = editor.client_id,
                .scopes = scopes_parse(request.scope),
                .issued_ms = clock_wall_ms(),
                .ttl_ms = app->settings->token_ttl_s * 1000,
        };
        if (!grant.scopes)
                return refuse(app, x, OAUTH_INVALID_SCOPE, NULL, "unknown scope");
        err = issue(app, x, &request.credentials, &grant, &token);
        if (err == ERR_UNAUTHORIZED || err == ERR_FORBIDDEN)
                return refuse_client(app, x, err);
        if (err)
                return fail(app, x, err, "the token can't be stored");
        metric_inc(app->issued, "ok");
        log_info(&x->log, "token.issued", "token issued", LOG_STR("vr.scope", scopes_text(x->arena, grant.scopes)),
                 LOG_INT("vr.expires_in_s", app->settings->token_ttl_s));
        return reply_token(x, &grant, token);
}
