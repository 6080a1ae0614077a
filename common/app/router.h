/*
 * From a request to its handler: one constant route table per service, 404 for unknown paths, 405 with Allow, request id,
 * trace, security headers, access log, RED metrics, token and scope before the body is looked at. Handlers return an
 * `enum err`; this is the only place where an error becomes an answer.
 */
#ifndef VR_APP_ROUTER_H
#define VR_APP_ROUTER_H

#include "common/app/guard.h"
#include "common/app/rate_limit.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/io/http_server.h"

struct exchange {
        struct http_request *request;
        struct http_response *response;
        struct arena *arena; /* the request's */
        struct log_ctx log;  /* handlers set market, editor */
        const char *request_id;
        char traceparent[64];
        const char *route; /* "/api/v1/public_markets/{identifier}" or "" */
        struct {
                const char *name, *value;
        } params[LIMIT_HTTP_PATH_PARAMS];
        size_t param_count;
        struct principal principal; /* on guarded routes */
        struct rate_limit rate;     /* told in X-RateLimit-…; limit 0: nothing to tell */
        int64_t retry_after_s;      /* of an ERR_RATE_LIMITED, whoever set it */
        const char *detail;         /* a handler's word on its error, for the log only */
        const char *public_detail;  /* replaces err_public_text() for this answer; NULL for the default */
};

typedef enum err (*route_handler)(void *app, struct exchange *x);

enum route_access {
        ROUTE_OPEN,
        ROUTE_API_READ,  /* bearer token with api_access or api_read */
        ROUTE_API_WRITE, /* bearer token with api_access or api_write */
};

struct route {
        const char *method; /* GET also answers HEAD; NULL ends the table */
        const char *path;   /* segments in braces are parameters, one segment each, never empty */
        enum route_access access;
        route_handler handle;
};

struct router;
struct router_config {
        const struct route *routes;
        void *app;
        struct guard *guard; /* may be NULL without guarded routes */
        /* Counts each request to a guarded route against its editor, once it is known who asks; NULL: none does. */
        const struct rate_limiter *limiter;
        struct metrics *metrics;
        bool quiet; /* access log at debug: for the management port */
        /* How an error looks; NULL: reply_error_json(). */
        void (*render_error)(void *app, struct exchange *x, enum err err);
        /* On every answer (security headers, rate limits); may be NULL. */
        void (*finish)(void *app, struct exchange *x);
};
MUST_CHECK enum err router_new(const struct router_config *config, struct router **ret_router);
void router_free(struct router *router);
DEFINE_FREEP(struct router, router)

/* For http_server_config: `arg` is the router. */
void router_handle(void *router, struct http_request *request, struct http_response *response);
void router_refuse(void *router, struct http_request *request, struct http_response *response, enum err err);

/* The value of a path parameter; never NULL for one that the route's path names. */
const char *exchange_param(const struct exchange *x, const char *name);
/* A query parameter, decoded; NULL when absent. ERR_BAD_REQUEST when the query is broken or the name comes twice. */
MUST_CHECK enum err exchange_query(struct exchange *x, const char *name, const char **ret_value);
/* The value of a cookie, or NULL. */
const char *exchange_cookie(const struct exchange *x, const char *name);

/*
 * Counts this request for `key`: its answer, whatever it is, tells the state in X-RateLimit-…. Guarded routes need it only
 * for limits of their own. ERR_RATE_LIMITED becomes a 429 with Retry-After.
 */
MUST_CHECK enum err exchange_limit(struct exchange *x, const struct rate_limiter *limiter, const char *key);

#endif
