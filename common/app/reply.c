#include "common/app/reply.h"

#include <string.h>

#include "common/base/id.h"
#include "common/base/json_write.h"
#include "common/base/str.h"

#define TYPE_JSON         "application/json; charset=utf-8"
#define TYPE_PROBLEM      "application/problem+json; charset=utf-8"
#define TYPE_HTML         "text/html; charset=utf-8"
#define RETRY_AFTER_MAX_S 5 /* spread, so that callers do not come back together */
#define NO_MESSAGES       NULL

static void set_header(struct exchange *x, const char *name, const char *value)
{
        http_response_header(x->request, x->response, name, value);
}

static void set_body(struct exchange *x, int status, const char *type, const struct buf *body)
{
        struct http_response *response = x->response;
        response->status = status;
        response->static_body = NULL;
        response->static_length = 0;
        buf_reset(&response->body);
        buf_append(&response->body, body->data, body->length);
        set_header(x, "Content-Type", type);
}

/* A body that was not wholly written is no answer. */
static enum err reply_buffer(struct exchange *x, int status, const char *type, const struct buf *body)
{
        enum err err = buf_err(body);
        if (err)
                return err;
        set_body(x, status, type, body);
        return buf_err(&x->response->body);
}

enum err reply_json(struct exchange *x, int status, const struct buf *json)
{
        return reply_buffer(x, status, TYPE_JSON, json);
}

enum err reply_html(struct exchange *x, int status, const struct buf *html)
{
        return reply_buffer(x, status, TYPE_HTML, html);
}

/* RFC 9457, for callers that ask for it by name. */
static bool wants_problem(const struct exchange *x)
{
        const char *accept = http_request_header(x->request, "Accept");
        return accept != NULL && strcasestr(accept, "application/problem+json") != NULL;
}

static void write_problem(struct buf *out, int status, const char *text, const char *const *messages)
{
        struct json_write w = json_write_to(out);
        json_object(&w, NULL);
        json_string(&w, "type", "about:blank");
        json_string(&w, "title", text);
        json_int(&w, "status", status);
        if (messages != NULL) {
                json_array(&w, "errors");
                for (size_t i = 0; messages[i] != NULL; i++)
                        json_string(&w, NULL, messages[i]);
                json_end(&w);
        }
        json_end(&w);
}

/* The seed's two forms: {"error":"…"} for one refusal, {"errors":["…"]} for validation. */
static void write_seed_form(struct buf *out, const char *text, const char *const *messages)
{
        struct json_write w = json_write_to(out);
        json_object(&w, NULL);
        if (messages == NULL)
                json_string(&w, "error", text);
        else
                json_array(&w, "errors");
        for (size_t i = 0; messages != NULL && messages[i] != NULL; i++)
                json_string(&w, NULL, messages[i]);
        if (messages != NULL)
                json_end(&w);
        json_end(&w);
}

static enum err reply_refusal(struct exchange *x, int status, const char *text, const char *const *messages)
{
        AUTO(buf_done) struct buf json = {0};
        bool problem = wants_problem(x);
        if (problem)
                write_problem(&json, status, text, messages);
        else
                write_seed_form(&json, text, messages);
        return reply_buffer(x, status, problem ? TYPE_PROBLEM : TYPE_JSON, &json);
}

enum err reply_validation_errors(struct exchange *x, const char *const *messages)
{
        return reply_refusal(x, err_http_status(ERR_INVALID), err_public_text(ERR_INVALID), messages);
}

enum err reply_error_text(struct exchange *x, int status, const char *text)
{
        return reply_refusal(x, status, text, NO_MESSAGES);
}

void reply_error_json(struct exchange *x, enum err err)
{
        int status = err_http_status(err);
        if (status == 503)
                set_header(x, "Retry-After", arena_printf(x->arena, "%u", 1 + id_random_below(RETRY_AFTER_MAX_S)));
        if (reply_refusal(x, status, x->public_detail ? x->public_detail : err_public_text(err), NO_MESSAGES))
                x->response->status = status; /* without a body, but never as a success */
}

enum err reply_see_other(struct exchange *x, const char *location)
{
        x->response->status = 303;
        x->response->static_body = NULL;
        buf_reset(&x->response->body);
        set_header(x, "Location", location);
        return ERR_OK;
}

enum err reply_static(struct exchange *x, const char *content_type, const void *bytes, size_t length)
{
        x->response->status = 200;
        x->response->static_body = bytes;
        x->response->static_length = length;
        set_header(x, "Content-Type", content_type);
        return ERR_OK;
}
