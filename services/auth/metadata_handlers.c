/* What clients need not be told by hand: RFC 8414. */
#include "common/app/reply.h"
#include "common/base/json_write.h"
#include "common/base/str.h"
#include "services/auth/app.h"
#include "services/auth/handlers.h"

#define METADATA_PATH "/.well-known/oauth-authorization-server"
#define CACHEABLE     "public, max-age=3600"

bool is_metadata(const struct exchange *x)
{
        return str_equal(x->route, METADATA_PATH);
}

static void write_endpoint(struct exchange *x, struct json_write *w, const char *base, const char *name)
{
        static const char *const methods[] = {"client_secret_basic", "client_secret_post"};

        json_string(w, arena_printf(x->arena, "%s_endpoint", name), base);
        json_strings(w, arena_printf(x->arena, "%s_endpoint_auth_methods_supported", name), methods,
                     ARRAY_LEN(methods));
}

enum err show_metadata(void *arg, struct exchange *x)
{
        static const char *const grants[] = {"client_credentials"};
        static const char *const scopes[] = {"api_access", "api_read", "api_write"};
        const struct auth_app *app = arg;
        const char *issuer = app->settings->service.public_url;
        AUTO(buf_done) struct buf json = {0};
        struct json_write w = json_write_to(&json);

        json_object(&w, NULL);
        json_string(&w, "issuer", issuer);
        write_endpoint(x, &w, arena_printf(x->arena, "%s/oauth/token", issuer), "token");
        write_endpoint(x, &w, arena_printf(x->arena, "%s/oauth/introspect", issuer), "introspection");
        write_endpoint(x, &w, arena_printf(x->arena, "%s/oauth/revoke", issuer), "revocation");
        json_strings(&w, "grant_types_supported", grants, ARRAY_LEN(grants));
        json_strings(&w, "response_types_supported", NULL, 0); /* there is no authorization endpoint */
        json_strings(&w, "scopes_supported", scopes, ARRAY_LEN(scopes));
        json_string(&w, "service_documentation", arena_printf(x->arena, "%s/openapi.yaml", issuer));
        json_end(&w);
        http_response_header(x->request, x->response, "Cache-Control", CACHEABLE);
        return reply_json(x, 200, &json);
}
