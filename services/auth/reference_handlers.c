/* What a client asks about a token it has: is it good (RFC 7662), end it (RFC 7009). */
#include "common/app/reply.h"
#include "common/app/tokens.h"
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/str.h"
#include "services/auth/app.h"
#include "services/auth/handlers.h"

static enum err refuse(struct exchange *x, enum oauth_error error, const char *description)
{
        log_info(&x->log, "oauth.refused", "request refused", LOG_STR("error.type", oauth_error_code(error)),
                 LOG_DETAIL(description));
        return oauth_refuse(x, error, description);
}

static enum err reply_active(struct exchange *x, const struct token_info *info)
{
        AUTO(buf_done) struct buf json = {0};
        struct json_write w = json_write_to(&json);

        json_object(&w, NULL);
        json_bool(&w, "active", true);
        json_string(&w, "scope", scopes_text(x->arena, info->scopes));
        json_string(&w, "client_id", info->client_id);
        json_string(&w, "token_type", "Bearer");
        json_int(&w, "exp", info->expires_ms / 1000);
        json_int(&w, "iat", info->issued_ms / 1000);
        json_string(&w, "sub", info->editor_id);
        json_end(&w);
        return reply_json(x, 200, &json);
}

/* Why not is nobody's business (RFC 7662 §2.2). */
static enum err reply_inactive(struct exchange *x)
{
        AUTO(buf_done) struct buf json = {0};
        struct json_write w = json_write_to(&json);

        json_object(&w, NULL);
        json_bool(&w, "active", false);
        json_end(&w);
        return reply_json(x, 200, &json);
}

enum err introspect_token(void *arg, struct exchange *x)
{
        struct auth_app *app = arg;
        struct oauth_input input = oauth_read(x);
        struct token_reference reference;
        struct token_info info = {0};
        struct editor editor = {0};
        const char *description = NULL;
        enum oauth_error error = token_reference_check(x->arena, &input, &reference, &description);
        enum err err;

        if (error)
                return refuse(x, error, description);
        err = client_authenticate(app, x, &reference.credentials, &editor);
        if (client_is_refused(err))
                return client_refuse(x, err);
        if (err)
                return err;
        err = tokens_find(app->cache, x->arena, reference.token, &info);
        if (err == ERR_NOT_FOUND)
                return reply_inactive(x);
        if (err)
                return err;
        if (!str_equal(info.editor_id, editor.id) || !info.editor_usable || !info.alive)
                return reply_inactive(x);
        return reply_active(x, &info);
}

static enum err reply_nothing(struct exchange *x)
{
        AUTO(buf_done) struct buf json = {0};

        buf_puts(&json, "{}");
        return reply_json(x, 200, &json);
}

/* A token that is not there, or no more, is revoked well enough (RFC 7009 §2.2). */
enum err revoke_token(void *arg, struct exchange *x)
{
        struct auth_app *app = arg;
        struct oauth_input input = oauth_read(x);
        struct token_reference reference;
        struct editor editor = {0};
        const char *description = NULL;
        enum oauth_error error = token_reference_check(x->arena, &input, &reference, &description);
        enum err err;

        if (error)
                return refuse(x, error, description);
        err = client_authenticate(app, x, &reference.credentials, &editor);
        if (client_is_refused(err))
                return client_refuse(x, err);
        if (err)
                return err;
        err = tokens_revoke(app->cache, x->arena, reference.token, editor.id);
        if (err == ERR_NOT_FOUND)
                return reply_nothing(x);
        if (err == ERR_FORBIDDEN) {
                audit_tally_count(app->tally, "credentials.refused", "token_of_another", editor.id, clock_wall_ms());
                return refuse(x, OAUTH_UNAUTHORIZED_CLIENT, oauth_error_description(OAUTH_UNAUTHORIZED_CLIENT));
        }
        if (err)
                return err;
        log_info(&x->log, "token.revoked", "token revoked by its editor");
        audit_tally_count(app->tally, "token.revoked", "by_its_editor", editor.id, clock_wall_ms());
        return reply_nothing(x);
}
