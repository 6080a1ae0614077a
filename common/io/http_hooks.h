/*
 * What CivetWeb has no setting for, done where it meets libc: this file's object defines `poll`, `recv` and
 * `pthread_attr_setstacksize`, which the library then calls instead of libc's (an executable's symbols go first).
 *
 * - Its threads get at least 1 MiB of stack instead of 100 KiB.
 * - A request has one deadline, from its first byte to its last: CivetWeb's own timeout restarts with each read.
 * - Idle connections end at once when the server drains, instead of after the keep-alive timeout.
 * - The listening socket can be closed before the connections are (it has no call for that).
 * - What a head looked like before it was parsed in place is known well enough to refuse bare LF and folded lines.
 *
 * Every other thread, and a worker while a handler runs, goes straight through.
 */
#ifndef VR_IO_HTTP_HOOKS_H
#define VR_IO_HTTP_HOOKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum http_phase {
        HTTP_PHASE_OUTSIDE, /* a handler runs: calls are not ours */
        HTTP_PHASE_IDLE,    /* before a request's first byte */
        HTTP_PHASE_HEAD,
        HTTP_PHASE_BODY,
        HTTP_PHASE_WRITE,
};

/* Of one server, shared by its threads. */
struct http_hooks {
        int request_ms;    /* from a request's first byte to its last; also to write the answer, and for a first byte */
        int keep_alive_ms; /* for the first byte of each further request */
        int wake_fd;       /* an eventfd; readable from the drain on */
        atomic_bool draining;     /* no more requests on idle connections */
        atomic_bool close_listen; /* the master stops listening once nothing is waiting to be accepted */
        atomic_bool listen_closed;
};

/* Of one thread of the server. */
struct http_worker {
        struct http_hooks *hooks;
        bool master; /* the thread that accepts */
        enum http_phase phase;
        int fd; /* of the connection; -1 before its first byte */
        int64_t deadline_ns;
        const char *buffer;   /* where CivetWeb keeps the head; NULL before the first byte */
        const char *read_end; /* end of the last bytes put there */
};

/* This thread belongs to a server from now on; NULL: no longer. The worker must outlive that. */
void http_hooks_adopt(struct http_worker *worker);
/* This thread's, or NULL. */
struct http_worker *http_hooks_worker(void);

/* A new connection: IDLE, nothing known. */
void http_worker_reset(struct http_worker *worker);
/* A new phase of it. IDLE, HEAD after IDLE, and WRITE start a deadline. */
void http_worker_enter(struct http_worker *worker, enum http_phase phase);
bool http_worker_expired(const struct http_worker *worker);

#endif
