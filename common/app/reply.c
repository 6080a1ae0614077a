#include "common/app/reply.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/id.h"
#include "common/base/json_write.h"
#include "common/base/str.h"

#define TYPE_JSON         "application/json; charset=utf-8"
#define TYPE_PROBLEM      "application/problem+json; charset=utf-8"
#define TYPE_HTML         "text/html; charset=utf-8"
#define RETRY_AFTER_MAX_S 5 /* spread, so that callers do not come back together */

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

struct refusal {
        int status;
        const char *text;
        const char *const *messages; /* NULL: one refusal, not a list */
        int64_t retry_after_s;       /* 0: not said */
};

static void write_messages(struct json_write *w, const char *const *messages)
{
        json_array(w, "errors");
        for (size_t i = 0; messages[i] != NULL; i++)
                json_string(w, NULL, messages[i]);
        json_end(w);
}

static void write_problem(struct buf *out, const struct refusal *refusal)
{
        struct json_write w = json_write_to(out);
        json_object(&w, NULL);
        json_string(&w, "type", "about:blank");
        json_string(&w, "title", refusal->text);
        json_int(&w, "status", refusal->status);
        if (refusal->messages != NULL)
                write_messages(&w, refusal->messages);
        if (refusal->retry_after_s > 0)
                json_int(&w, "retry_after", refusal->retry_after_s);
        json_end(&w);
}

/* The seed's two forms: {"error":"…"} for one refusal, {"errors":["…"]} for validation. */
static void write_seed_form(struct buf *out, const struct refusal *refusal)
{
        struct json_write w = json_write_to(out);
        json_object(&w, NULL);
        if (refusal->messages != NULL)
                write_messages(&w, refusal->messages);
        else
                json_string(&w, "error", refusal->text);
        if (refusal->retry_after_s > 0)
                json_int(&w, "retry_after", refusal->retry_after_s);
        json_end(&w);
}

static enum err reply_refusal(struct exchange *x, const struct refusal *refusal)
{
        AUTO(buf_done) struct buf json = {0};
        bool problem = wants_problem(x);
        if (problem)
                write_problem(&json, refusal);
        else
                write_seed_form(&json, refusal);
        return reply_buffer(x, refusal->status, problem ? TYPE_PROBLEM : TYPE_JSON, &json);
}

enum err reply_validation_errors(struct exchange *x, const char *const *messages)
{
        const struct refusal refusal = {err_http_status(ERR_INVALID), err_public_text(ERR_INVALID), messages, 0};
        return reply_refusal(x, &refusal);
}

enum err reply_error_text(struct exchange *x, int status, const char *text)
{
        const struct refusal refusal = {.status = status, .text = text};
        return reply_refusal(x, &refusal);
}

static void set_retry_after(struct exchange *x, int64_t seconds)
{
        set_header(x, "Retry-After", arena_printf(x->arena, "%" PRId64, seconds));
}

void reply_error_json(struct exchange *x, enum err err)
{
        struct refusal refusal = {
                .status = err_http_status(err),
                .text = x->public_detail ? x->public_detail : err_public_text(err),
                .retry_after_s = err == ERR_RATE_LIMITED ? x->retry_after_s : 0,
        };
        if (refusal.status == 503)
                set_retry_after(x, 1 + id_random_below(RETRY_AFTER_MAX_S));
        if (refusal.retry_after_s > 0)
                set_retry_after(x, refusal.retry_after_s);
        if (reply_refusal(x, &refusal))
                x->response->status = refusal.status; /* without a body, but never as a success */
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
