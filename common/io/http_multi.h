/*
 * Many HTTP exchanges at once to strangers' servers: one curl_multi loop on a thread of its own, connections and TLS
 * sessions kept per endpoint (never shared between endpoints), every rule of robustness.md §2 at connect time.
 */
#ifndef VR_IO_HTTP_MULTI_H
#define VR_IO_HTTP_MULTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/io/http_gate.h"

struct http_multi;

struct http_multi_config {
        int max_inflight;   /* transfers at once; further ones wait in line */
        int64_t timeout_ms; /* whole attempt: resolve, connect, TLS, send, answer */
        int64_t connect_timeout_ms;
        const char *user_agent;
        const char *ca_file; /* more trusted authorities, PEM; NULL or "" for the system's alone */
        /* The last word on each socket, on the real address after resolution. Loop thread. */
        bool (*allow)(void *arg, const struct sockaddr *address, socklen_t length);
        void *arg;
};

enum http_outcome {
        HTTP_OUTCOME_ANSWER,   /* a status line and headers arrived: look at `status` */
        HTTP_OUTCOME_TIMEOUT,  /* of the whole attempt or of the connection */
        HTTP_OUTCOME_CONNECT,  /* name not found, refused, reset before the request went out */
        HTTP_OUTCOME_TLS,      /* handshake or certificate */
        HTTP_OUTCOME_PROTOCOL, /* what came back was not HTTP, or was cut before the headers ended */
        HTTP_OUTCOME_BLOCKED,  /* `allow` refused every address */
};

struct http_multi_job {
        const char *endpoint; /* connections are kept and shared within one of these, e.g. the editor's id */
        const char *url;      /* as normalised by http_url_parse */
        const struct http_header *headers;
        size_t header_count;
        const char *body; /* POSTed; everything is copied at submit */
        size_t body_length;
};

/* Valid during the callback only. */
struct http_multi_result {
        enum http_outcome outcome;
        int status;
        int64_t duration_ms;
        const char *error;       /* curl's words, for the editor's log; "" when none */
        const char *retry_after; /* that header's value, or NULL */
        const char *excerpt;     /* the first LIMIT_WEBHOOK_EXCERPT_BYTES of the body, valid UTF-8, NUL-terminated */
};
typedef void (*http_multi_done)(void *arg, const struct http_multi_result *result);

/*
 * ERR_INVALID: `ca_file` can't be read. Needs http_client_global_init. An endpoint's idle connections are dropped after
 * 30 s, and when LIMIT_WEBHOOK_LANES endpoints are known. A name is resolved on a thread of its own per transfer; one that
 * hangs is left to end by itself and holds nobody up.
 */
MUST_CHECK enum err http_multi_start(const struct http_multi_config *config, struct http_multi **ret_multi);
/* Any thread. `done(arg, …)` is called once, on the loop's thread, and must be quick. ERR_STOPPING, ERR_FULL
 * (LIMIT_WEBHOOK_QUEUE wait), ERR_INVALID (a line break in a header). */
MUST_CHECK enum err http_multi_submit(struct http_multi *multi, const struct http_multi_job *job, http_multi_done done,
                                      void *arg);
int http_multi_inflight(const struct http_multi *multi);
/* Waits for running transfers up to `drain_ms`, then reports the rest as HTTP_OUTCOME_TIMEOUT; frees. NULL is fine. */
void http_multi_stop(struct http_multi *multi, int64_t drain_ms);

#endif
