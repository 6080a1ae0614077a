#include "common/io/http_hooks.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/attr.h"
#include "common/base/clock.h"

#ifdef __SANITIZE_THREAD__ /* its own state takes most of a MiB of each stack */
#define STACK_BYTES_MIN (8 * 1024 * 1024)
#else
#define STACK_BYTES_MIN (1024 * 1024)
#endif
#define NS_PER_MS         1000000
#define MASTER_PAUSE_MS   20
#define LISTENING_FDS_MAX 8

/* The library calls back without saying for whom: only the thread tells. */
static _Thread_local struct http_worker *current;

void http_hooks_adopt(struct http_worker *worker)
{
        current = worker;
}

struct http_worker *http_hooks_worker(void)
{
        return current;
}

static void start_deadline(struct http_worker *worker, int ms)
{
        worker->deadline_ns = clock_mono_ns() + (int64_t)ms * NS_PER_MS;
}

void http_worker_reset(struct http_worker *worker)
{
        worker->phase = HTTP_PHASE_IDLE;
        worker->fd = -1;
        worker->buffer = worker->read_end = NULL;
        start_deadline(worker, worker->hooks->request_ms);
}

void http_worker_enter(struct http_worker *worker, enum http_phase phase)
{
        enum http_phase before = worker->phase;
        worker->phase = phase;
        if (phase == HTTP_PHASE_IDLE)
                start_deadline(worker, worker->hooks->keep_alive_ms);
        else if (before == HTTP_PHASE_IDLE || phase == HTTP_PHASE_WRITE)
                start_deadline(worker, worker->hooks->request_ms);
}

bool http_worker_expired(const struct http_worker *worker)
{
        return clock_mono_ns() >= worker->deadline_ns;
}

/* ppoll and recvfrom are libc's own way to the same system calls, and not ours. */
static int plain_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
        struct timespec timeout = {timeout_ms / 1000, (long)(timeout_ms % 1000) * NS_PER_MS};
        return ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

static int refuse_to_wait(struct pollfd *fds)
{
        fds[0].revents = 0;
        errno = ECANCELED;
        return -1;
}

/* A wait cut at the deadline; an idle connection's also ends when the server drains. Bytes that have come are served. */
static int poll_worker(struct http_worker *worker, struct pollfd *fds, int timeout_ms)
{
        int64_t left_ms = (worker->deadline_ns - clock_mono_ns() + NS_PER_MS - 1) / NS_PER_MS;
        if (left_ms <= 0)
                return refuse_to_wait(fds);
        if (timeout_ms < 0 || timeout_ms > left_ms)
                timeout_ms = (int)left_ms;
        if (worker->phase != HTTP_PHASE_IDLE)
                return plain_poll(fds, 1, timeout_ms);
        struct pollfd both[] = {fds[0], {.fd = worker->hooks->wake_fd, .events = POLLIN}};
        int ready = plain_poll(both, ARRAY_LEN(both), timeout_ms);
        if (ready <= 0)
                return ready;
        fds[0].revents = both[0].revents;
        return fds[0].revents != 0 ? 1 : refuse_to_wait(fds);
}

/* Nobody asks the listening sockets any more: they have stopped, and the thread just waits for mg_stop. */
static int poll_closed(struct pollfd *fds, nfds_t count)
{
        (void)plain_poll(NULL, 0, MASTER_PAUSE_MS);
        for (nfds_t i = 0; i < count; i++)
                fds[i].revents = 0;
        return 0;
}

/* Everything that waits is accepted first; only then do the sockets stop listening. */
static int poll_closing(struct http_hooks *hooks, struct pollfd *fds, nfds_t count)
{
        if (atomic_load(&hooks->listen_closed))
                return poll_closed(fds, count);
        if (!atomic_load(&hooks->close_listen))
                return plain_poll(fds, count, MASTER_PAUSE_MS);
        int ready = plain_poll(fds, count, 0);
        if (ready != 0)
                return ready;
        for (nfds_t i = 0; i < count; i++)
                (void)shutdown(fds[i].fd, SHUT_RDWR);
        atomic_store(&hooks->listen_closed, true);
        return 0;
}

static int poll_master(struct http_hooks *hooks, struct pollfd *fds, nfds_t count, int timeout_ms)
{
        if (count > LISTENING_FDS_MAX)
                return plain_poll(fds, count, timeout_ms);
        if (atomic_load(&hooks->draining))
                return poll_closing(hooks, fds, count);
        struct pollfd all[LISTENING_FDS_MAX + 1];
        memcpy(all, fds, count * sizeof(*fds));
        all[count] = (struct pollfd){.fd = hooks->wake_fd, .events = POLLIN};
        int ready = plain_poll(all, count + 1, timeout_ms);
        if (ready <= 0)
                return ready;
        memcpy(fds, all, count * sizeof(*fds));
        return all[count].revents != 0 ? ready - 1 : ready;
}

/* libc's header declares that poll only writes to `fds`, which is not so */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
        struct http_worker *worker = current;
        if (worker == NULL || worker->phase == HTTP_PHASE_OUTSIDE)
                return plain_poll(fds, count, timeout_ms);
        if (worker->master)
                return poll_master(worker->hooks, fds, count, timeout_ms);
        if (count != 1)
                return plain_poll(fds, count, timeout_ms);
        worker->fd = fds[0].fd;
        return poll_worker(worker, fds, timeout_ms);
}
#pragma GCC diagnostic pop

ssize_t recv(int fd, void *bytes, size_t length, int flags)
{
        ssize_t received = recvfrom(fd, bytes, length, flags, NULL, NULL);
        struct http_worker *worker = current;
        if (worker == NULL || received <= 0)
                return received;
        if (worker->phase == HTTP_PHASE_IDLE)
                http_worker_enter(worker, HTTP_PHASE_HEAD);
        if (worker->phase == HTTP_PHASE_HEAD) {
                if (worker->buffer == NULL)
                        worker->buffer = bytes;
                worker->read_end = (const char *)bytes + received;
        }
        return received;
}

int pthread_attr_setstacksize(pthread_attr_t *attributes, size_t bytes)
{
        int (*next)(pthread_attr_t *, size_t);
        *(void **)&next = dlsym(RTLD_NEXT, "pthread_attr_setstacksize");
        if (next == NULL)
                return EINVAL;
        return next(attributes, bytes < STACK_BYTES_MIN ? STACK_BYTES_MIN : bytes);
}
