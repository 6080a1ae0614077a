#include "services/auth/handlers.h"

#include <string.h>

#include "common/app/form.h"
#include "common/app/reply.h"
#include "common/base/id.h"
#include "common/base/json_write.h"
#include "common/base/str.h"

#define CHALLENGE         "Basic realm=\"Voie Rapide\", charset=\"UTF-8\""
#define RETRY_AFTER_MAX_S 5 /* spread, so that callers do not come back together */

/* struct form_field and struct oauth_param say the same; rules do not know of forms. */
static void take_params(struct arena *arena, const struct form *form, struct oauth_params *ret_params)
{
        struct oauth_param *list = ARENA_ARRAY(arena, struct oauth_param, form->count);

        for (size_t i = 0; i < form->count; i++)
                list[i] = (struct oauth_param){form->fields[i].name, form->fields[i].value};
        *ret_params = (struct oauth_params){.list = list, .count = form->count};
}

struct oauth_input oauth_read(struct exchange *x)
{
        struct oauth_input input = {
                .authorization = http_request_header(x->request, "Authorization"),
                .authorization_count = http_request_header_count(x->request, "Authorization"),
        };
        const char *query_text = x->request->query;
        struct form body = {0}, query = {0};
        enum err err = form_read(x, &body);

        input.is_form = err != ERR_MEDIA_TYPE;
        take_params(x->arena, &body, &input.body);
        input.body.broken = err && err != ERR_MEDIA_TYPE;
        err = form_parse(x->arena, query_text, strlen(query_text), &query);
        take_params(x->arena, &query, &input.query);
        input.query.broken = err != ERR_OK;
        return input;
}

enum err oauth_refuse(struct exchange *x, enum oauth_error error, const char *description)
{
        AUTO(buf_done) struct buf json = {0};
        struct json_write w = json_write_to(&json);

        json_object(&w, NULL);
        json_string(&w, "error", oauth_error_code(error));
        json_string(&w, "error_description", description ? description : oauth_error_description(error));
        json_end(&w);
        if (error == OAUTH_INVALID_CLIENT)
                http_response_header(x->request, x->response, "WWW-Authenticate", CHALLENGE);
        if (error == OAUTH_UNAVAILABLE)
                http_response_header(x->request, x->response, "Retry-After",
                                     arena_printf(x->arena, "%u", 1 + id_random_below(RETRY_AFTER_MAX_S)));
        return reply_json(x, oauth_error_status(error), &json);
}

void auth_render_error(void *app, struct exchange *x, enum err err)
{
        (void)app;
        if (err_http_status(err) != 503 || !str_starts_with(x->route, "/oauth/") ||
            oauth_refuse(x, OAUTH_UNAVAILABLE, NULL))
                reply_error_json(x, err);
}

void auth_finish(void *app, struct exchange *x)
{
        (void)app;
        if (is_metadata(x) && x->response->status == 200)
                return;
        http_response_header(x->request, x->response, "Cache-Control", "no-store");
        http_response_header(x->request, x->response, "Pragma", "no-cache");
}
