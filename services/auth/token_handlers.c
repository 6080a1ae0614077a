#include "common/app/reply.h"
#include "common/app/tokens.h"
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "services/auth/app.h"
#include "services/auth/client_check.h"
#include "services/auth/handlers.h"

static enum err refuse(struct auth_app *app, struct exchange *x, enum oauth_error error, const char *description)
{
        metric_inc(app->issued, oauth_error_code(error));
        log_info(&x->log, "token.refused", "token refused", LOG_STR("error.type", oauth_error_code(error)),
                 LOG_DETAIL(description));
        return oauth_refuse(x, error, description);
}

static enum err refuse_client(struct auth_app *app, struct exchange *x, enum err err)
{
        metric_inc(app->issued, oauth_error_code(OAUTH_INVALID_CLIENT));
        return client_refuse(x, err);
}

/* For the router: too many, not known, or not to be had now; never a 401. */
static enum err fail(struct auth_app *app, struct exchange *x, enum err err, const char *detail)
{
        metric_inc(app->issued, err == ERR_RATE_LIMITED ? "rate_limited" : "unavailable");
        x->detail = x->detail ? x->detail : detail;
        return err;
}

/* Redis may know of a lost right before we do, or not yet know that it was given back: the database decides. */
static enum err issue(struct auth_app *app, struct exchange *x, const struct oauth_credentials *credentials,
                      const struct token_grant *grant, const char **ret_token)
{
        struct editor again;
        enum err err = tokens_issue(app->cache, x->arena, grant, ret_token);

        if (err != ERR_FORBIDDEN)
                return err;
        err = client_authenticate(app, x, credentials, &again);
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

/* One answer for whoever may have one: the credentials are right, and there were not too many. */
static enum err give_token(struct auth_app *app, struct exchange *x, const struct token_request *request,
                           const struct editor *editor)
{
        const struct token_grant grant = {
                .editor_id = editor->id,
                .client_id = editor->client_id,
                .scopes = scopes_parse(request->scope),
                .issued_ms = clock_wall_ms(),
                .ttl_ms = app->settings->token_ttl_s * 1000,
        };
        const char *token = NULL;
        enum err err;

        if (!grant.scopes)
                return refuse(app, x, OAUTH_INVALID_SCOPE, oauth_error_description(OAUTH_INVALID_SCOPE));
        err = issue(app, x, &request->credentials, &grant, &token);
        if (client_is_refused(err))
                return refuse_client(app, x, err);
        if (err)
                return fail(app, x, err, "the token can't be stored");
        metric_inc(app->issued, "ok");
        log_info(&x->log, "token.issued", "token issued", LOG_STR("vr.scope", scopes_text(x->arena, grant.scopes)),
                 LOG_INT("vr.expires_in_s", app->settings->token_ttl_s));
        return reply_token(x, &grant, token);
}

enum err create_token(void *arg, struct exchange *x)
{
        struct auth_app *app = arg;
        struct oauth_input input = oauth_read(x);
        struct token_request request;
        struct editor editor = {0};
        const char *description = NULL;
        enum oauth_error error = token_request_check(x->arena, &input, &request, &description);
        enum err err;

        if (error)
                return refuse(app, x, error, description);
        err = client_authenticate(app, x, &request.credentials, &editor);
        if (client_is_refused(err))
                return refuse_client(app, x, err);
        if (err)
                return fail(app, x, err, NULL);
        err = exchange_limit(x, &app->token_limiter, editor.id);
        if (err)
                return fail(app, x, err, "the token's rate limit");
        return give_token(app, x, &request, &editor);
}
