#include "common/app/router.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/form.h"
#include "common/app/reply.h"
#include "common/base/clock.h"
#include "common/base/id.h"
#include "common/base/str.h"

#define NS_PER_S 1e9

struct router {
        struct router_config config;
        struct metric *duration;
        struct series *active;
};

enum err router_new(const struct router_config *config, struct router **ret_router)
{
        struct router *router = calloc(1, sizeof(*router));
        if (router == NULL)
                return ERR_NO_MEMORY;
        router->config = *config;
        router->duration =
                metrics_histogram(config->metrics, "http_server_request_duration_seconds",
                                  "http_request_method,http_route,http_response_status_code",
                                  "How long requests took, from the end of their head to their answer.", NULL, 0);
        router->active = METRIC_SERIES(
                metrics_gauge(config->metrics, "http_server_active_requests", "", "Requests now being answered."));
        *ret_router = router;
        return ERR_OK;
}

void router_free(struct router *router)
{
        free(router);
}

/* --- finding the route ------------------------------------------------------------------------------------------ */

/* Does `path` have the form of `pattern`? Its parameters go to the exchange. */
static bool path_matches(struct exchange *x, const char *pattern, const char *path)
{
        x->param_count = 0;
        while (*pattern != '\0') {
                if (*pattern != '{') {
                        if (*pattern++ != *path++)
                                return false;
                        continue;
                }
                size_t name_length = strcspn(pattern, "}") - 1, value_length = strcspn(path, "/");
                if (value_length == 0 || x->param_count == LIMIT_HTTP_PATH_PARAMS)
                        return false;
                x->params[x->param_count].name = arena_strndup(x->arena, pattern + 1, name_length);
                x->params[x->param_count].value = arena_strndup(x->arena, path, value_length);
                x->param_count++;
                pattern += name_length + strlen("{}");
                path += value_length;
        }
        return *path == '\0';
}

static bool method_matches(const struct route *route, const char *method)
{
        return strcmp(route->method, method) == 0 || (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void set_allow(struct exchange *x, const struct route *routes, const char *path)
{
        const char *allow = "";
        for (const struct route *route = routes; route->method != NULL; route++) {
                if (strcmp(route->path, path) != 0)
                        continue;
                const char *methods = strcmp(route->method, "GET") == 0 ? "GET, HEAD" : route->method;
                allow = arena_printf(x->arena, "%s%s%s", allow, *allow ? ", " : "", methods);
        }
        http_response_header(x->request, x->response, "Allow", allow);
}

/* The first path of the table that fits decides; then its methods. */
static enum err find_route(const struct router *router, struct exchange *x, const struct route **ret_route)
{
        const struct route *first = NULL;
        for (const struct route *route = router->config.routes; route->method != NULL && first == NULL; route++)
                if (path_matches(x, route->path, x->request->path))
                        first = route;
        if (first == NULL)
                return ERR_NOT_FOUND;
        x->route = first->path;
        for (const struct route *route = first; route->method != NULL; route++) {
                if (strcmp(route->path, first->path) != 0 || !method_matches(route, x->request->method))
                        continue;
                *ret_route = route;
                return ERR_OK;
        }
        set_allow(x, router->config.routes, first->path);
        return ERR_METHOD_NOT_ALLOWED;
}

/* --- one exchange ----------------------------------------------------------------------------------------------- */

static bool request_id_valid(const char *text)
{
        size_t length = strlen(text);
        return length >= 1 && length <= LIMIT_REQUEST_ID_CHARS &&
               strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == length;
}

/* For answers that are data; whoever answers with pages says more in his `finish`. */
static void set_security_headers(struct http_request *request, struct http_response *response)
{
        http_response_header(request, response, "X-Content-Type-Options", "nosniff");
        http_response_header(request, response, "Content-Security-Policy",
                             "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
        http_response_header(request, response, "Referrer-Policy", "same-origin");
}

static void exchange_init(struct exchange *x, struct http_request *request, struct http_response *response)
{
        x->request = request;
        x->response = response;
        x->arena = request->arena;
        x->route = "";
        const char *id = http_request_header(request, "X-Request-Id");
        if (id == NULL || !request_id_valid(id))
                id = id_uuid7(arena_alloc(x->arena, ID_UUID_MAX));
        x->request_id = id;
        id_traceparent(http_request_header(request, "traceparent"), x->traceparent);
        x->log.request_id = x->request_id;
        x->log.traceparent = x->traceparent;
        http_response_header(request, response, "X-Request-Id", id);
        set_security_headers(request, response);
}

/* Who loses his rights is told so, however often he asks: a 403 goes before a 429. */
static enum err check_access(const struct router *router, struct exchange *x, enum route_access access)
{
        enum err limited = ERR_OK;

        if (access == ROUTE_OPEN)
                return ERR_OK;
        unsigned accepted = SCOPE_API_ACCESS | (access == ROUTE_API_READ ? SCOPE_API_READ : SCOPE_API_WRITE);
        enum err err = guard_check(router->config.guard, x->arena, http_request_header(x->request, "Authorization"),
                                   accepted, &x->principal);
        if (err && err != ERR_FORBIDDEN)
                return err;
        x->log.editor = x->principal.editor_id;
        if (router->config.limiter != NULL)
                limited = exchange_limit(x, router->config.limiter, x->principal.editor_id);
        return err ? err : limited;
}

/* A 401 says how to do better (RFC 9110 §11.6.1, RFC 6750 §3). */
static void render_error(const struct router *router, struct exchange *x, enum err err)
{
        if (err == ERR_UNAUTHORIZED && x->route[0] != '\0')
                http_response_header(x->request, x->response, "WWW-Authenticate", "Bearer");
        if (router->config.render_error != NULL)
                router->config.render_error(router->config.app, x, err);
        else
                reply_error_json(x, err);
}

static enum err dispatch(const struct router *router, struct exchange *x, const struct route **ret_route)
{
        const struct route *route = NULL;
        enum err err = find_route(router, x, &route);
        if (err)
                return err;
        *ret_route = route;
        err = check_access(router, x, route->access);
        if (err)
                return err;
        err = route->handle(router->config.app, x);
        if (err)
                return err;
        if (x->response->status == 0) {
                x->detail = "the handler gave no answer";
                return ERR_INTERNAL;
        }
        return buf_err(&x->response->body);
}

/* The path was still understood: an unknown one is 404 whatever the method, a known one says what it allows. */
static enum err route_refused(const struct router *router, struct exchange *x, enum err err)
{
        const struct route *route;
        if (x->request->path[0] != '/')
                return err;
        enum err found = find_route(router, x, &route);
        return err == ERR_METHOD_NOT_ALLOWED && found == ERR_NOT_FOUND ? found : err;
}

/* --- what is told about it -------------------------------------------------------------------------------------- */

static const char *method_label(const char *method)
{
        static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (strcmp(method, known[i]) == 0)
                        return known[i];
        return "_OTHER";
}

/* A buyer's address opens his pages to whoever reads it: it stays out of the logs. */
static const char *loggable_path(const struct exchange *x, const struct route *route)
{
        if (route == NULL || (route->access == ROUTE_OPEN && strchr(route->path, '{') != NULL))
                return NULL;
        return x->request->path;
}

static void log_exchange(const struct router *router, const struct exchange *x, const struct route *route, enum err err,
                         int64_t duration_ns)
{
        int status = x->response->status;
        enum log_level level = router->config.quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
        if (status >= 500 && !router->config.quiet)
                level = LOG_LEVEL_ERROR;
        if (!log_enabled(level))
                return;
        struct log_field fields[8];
        size_t count = 0;
        const char *path = loggable_path(x, route);
        fields[count++] = LOG_STR("http.request.method", method_label(x->request->method));
        if (x->route[0] != '\0')
                fields[count++] = LOG_STR("http.route", x->route);
        if (path != NULL)
                fields[count++] = LOG_STR("url.path", path);
        fields[count++] = LOG_INT("http.response.status_code", status);
        fields[count++] = LOG_INT("event.duration", duration_ns);
        if (err)
                fields[count++] = LOG_ERR(err);
        if (err && x->detail)
                fields[count++] = LOG_DETAIL(x->detail);
        fields[count] = (struct log_field){LOG_TYPE_END, 0, 0, 0};
        log_write(level, &x->log, "http.request", err ? "request refused" : "request answered", fields);
}

static void set_number(struct exchange *x, const char *name, int64_t number)
{
        http_response_header(x->request, x->response, name, arena_printf(x->arena, "%" PRId64, number));
}

static void tell_rate(struct exchange *x)
{
        if (x->rate.limit == 0)
                return;
        set_number(x, "X-RateLimit-Limit", x->rate.limit);
        set_number(x, "X-RateLimit-Remaining", x->rate.remaining);
        set_number(x, "X-RateLimit-Reset", x->rate.reset_s);
}

static void finish(const struct router *router, struct exchange *x, const struct route *route, enum err err)
{
        if (x->response->status == 0)
                x->response->status = 500;
        tell_rate(x);
        if (router->config.finish != NULL)
                router->config.finish(router->config.app, x);
        int64_t duration_ns = clock_mono_ns() - x->request->started_ns;
        char status[16];
        snprintf(status, sizeof(status), "%d", x->response->status);
        metric_observe(router->duration, (double)duration_ns / NS_PER_S, method_label(x->request->method), x->route,
                       status);
        log_exchange(router, x, route, err, duration_ns);
}

void router_handle(void *arg, struct http_request *request, struct http_response *response)
{
        struct router *router = arg;
        struct exchange x = {0};
        const struct route *route = NULL;
        series_add(router->active, 1);
        exchange_init(&x, request, response);
        enum err err = dispatch(router, &x, &route);
        if (err)
                render_error(router, &x, err);
        finish(router, &x, route, err);
        series_add(router->active, -1);
}

void router_refuse(void *arg, struct http_request *request, struct http_response *response, enum err err)
{
        struct router *router = arg;
        struct exchange x = {0};
        exchange_init(&x, request, response);
        err = route_refused(router, &x, err);
        render_error(router, &x, err);
        finish(router, &x, NULL, err);
}

/* --- what handlers ask ------------------------------------------------------------------------------------------ */

const char *exchange_param(const struct exchange *x, const char *name)
{
        for (size_t i = 0; i < x->param_count; i++)
                if (strcmp(x->params[i].name, name) == 0)
                        return x->params[i].value;
        return "";
}

enum err exchange_query(struct exchange *x, const char *name, const char **ret_value)
{
        struct form form;
        enum err err = form_parse(x->arena, x->request->query, strlen(x->request->query), &form);
        if (err)
                return ERR_BAD_REQUEST;
        if (form_count(&form, name) > 1)
                return ERR_BAD_REQUEST;
        *ret_value = form_get(&form, name);
        return ERR_OK;
}

static const char *cookie_in(const struct exchange *x, const char *header, const char *name)
{
        size_t name_length = strlen(name);
        for (const char *at = header; *at != '\0';) {
                at += strspn(at, "; \t");
                size_t length = strcspn(at, ";");
                if (length > name_length && strncmp(at, name, name_length) == 0 && at[name_length] == '=') {
                        const char *value = at + name_length + 1;
                        return str_trim(x->arena, arena_strndup(x->arena, value, length - name_length - 1));
                }
                at += length;
        }
        return NULL;
}

const char *exchange_cookie(const struct exchange *x, const char *name)
{
        for (size_t i = 0; i < x->request->header_count; i++) {
                if (!str_equal_nocase(x->request->headers[i].name, "Cookie"))
                        continue;
                const char *value = cookie_in(x, x->request->headers[i].value, name);
                if (value != NULL)
                        return value;
        }
        return NULL;
}

enum err exchange_limit(struct exchange *x, const struct rate_limiter *limiter, const char *key)
{
        enum err err = rate_limit_count(limiter, x->arena, key, &x->rate);
        if (err == ERR_RATE_LIMITED)
                x->retry_after_s = x->rate.wait_s;
        return err;
}
