/*
 * The HTTP edge on CivetWeb: plain HTTP/1.1 behind the front door, gated, with a total deadline on each request
 * (LIMIT_HTTP_REQUEST_MS), one write per response, and a drain. The handler runs on one of `threads` worker threads
 * (1 MiB stacks); everything it is given lives until it returns.
 */
#ifndef VR_IO_HTTP_SERVER_H
#define VR_IO_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/io/http_gate.h"

struct http_server;

struct http_request {
        struct arena *arena; /* lives as long as the request */
        const char *method;  /* "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" */
        const char *path;    /* percent-decoded, valid UTF-8, begins with '/' */
        const char *query;   /* as sent, without '?'; "" for none */
        const struct http_header *headers;
        size_t header_count;
        const char *body; /* never NULL; a NUL follows it (and may be inside it) */
        size_t body_length;
        const char *remote; /* peer's IP address */
        int64_t started_ns; /* clock_mono_ns() when its head had arrived */
};

/* The first header of that name (any case), or NULL. */
const char *http_request_header(const struct http_request *request, const char *name);
/* How many headers have that name. */
size_t http_request_header_count(const struct http_request *request, const char *name);

struct http_response {
        int status;                                              /* 0: the handler forgot, sent as 500 */
        struct http_header headers[LIMIT_HTTP_RESPONSE_HEADERS]; /* values in the request's arena */
        size_t header_count;
        struct buf body; /* sent with its Content-Length; not sent for HEAD, 204, 304 */
        /* Instead of `body`: bytes that outlive the server (an embedded file). */
        const void *static_body;
        size_t static_length;
};

/* Replaces one of that name. Values with CR, LF or NUL are dropped. Both are copied into the arena. */
void http_response_header(struct http_request *request, struct http_response *response, const char *name,
                          const char *value);
/* Another one of that name (Set-Cookie). */
void http_response_add_header(struct http_request *request, struct http_response *response, const char *name,
                              const char *value);

struct http_server_config {
        const char *address; /* "127.0.0.1", "0.0.0.0"; NULL: all */
        int port;            /* 0: any free one, ask http_server_port() */
        int threads;         /* a connection holds one, idle keep-alive too: more than the front door's pool */
        int keep_alive_ms;
        int request_ms; /* first byte to last byte of a request; 0: LIMIT_HTTP_REQUEST_MS */
        void *arg;
        void (*handle)(void *arg, struct http_request *request, struct http_response *response);
        /* A request the gate refused: answer `err` in the service's form. The connection is closed after it. */
        void (*refuse)(void *arg, struct http_request *request, struct http_response *response, enum err err);
};

MUST_CHECK enum err http_server_start(const struct http_server_config *config, struct http_server **ret_server);
int http_server_port(const struct http_server *server);
/* Answers now being worked on. */
int http_server_active(const struct http_server *server);
/* From now on each answer closes its connection (drain, step one). Any thread. */
void http_server_drain(struct http_server *server);
/* Stops listening, lets running handlers finish, frees. NULL is fine. */
void http_server_stop(struct http_server *server);

#endif
