/*
 * One blocking HTTP exchange on libcurl, for calls between our own parts (wizard → market, tools → API), and the
 * parsing of URLs. Webhooks go through http_multi.h. No redirects, no proxy, no cookies, bounded answers.
 */
#ifndef VR_IO_HTTP_CLIENT_H
#define VR_IO_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/io/http_gate.h"

/* Once per process, before threads; http_client_global_done at the end. */
MUST_CHECK enum err http_client_global_init(void);
void http_client_global_done(void);

/* Keeps connections alive between calls; any thread (one handle per thread inside a small pool). */
struct http_client;
MUST_CHECK enum err http_client_new(int timeout_ms, struct http_client **ret_client);
void http_client_free(struct http_client *client);
DEFINE_FREEP(struct http_client, http_client)

struct http_client_request {
        const char *method;
        const char *url;
        const struct http_header *headers;
        size_t header_count;
        const char *body; /* NULL for none */
        size_t body_length;
};
struct http_client_response {
        int status;
        const struct http_header *headers;
        size_t header_count;
        const char *body; /* in the arena; never NULL; a NUL follows */
        size_t body_length;
};
/* ERR_TIMEOUT, ERR_UNAVAILABLE (no connection), ERR_FULL (answer above 1 MiB). A 5xx is an answer, not an error. */
MUST_CHECK enum err http_client_send(struct http_client *client, struct arena *arena,
                                     const struct http_client_request *request,
                                     struct http_client_response *ret_response);

struct http_url {
        const char *normalised; /* the form to store and to send to */
        const char *scheme;     /* lower case */
        const char *host;       /* lower case; an IPv6 literal in its brackets */
        int port;               /* the scheme's default when not written */
        const char *path;       /* with the query */
        bool has_userinfo;
        bool has_fragment;
        bool host_is_ip; /* any spelling that a resolver takes for a literal: 127.1, 0x7f000001, 2130706433, [::1] */
};
/* By curl_url and nothing else, so that what is judged is what is connected to. ERR_INVALID when it is no URL. */
MUST_CHECK enum err http_url_parse(struct arena *arena, const char *text, struct http_url *ret_url);

#endif
