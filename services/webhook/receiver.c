#include "services/webhook/receiver.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUESTS_MAX 2000
#define MESSAGE_MAX  (128 * 1024)

struct receiver {
        const struct step *steps;
        size_t step_count;
        int listener, port;
        int stop_pipe[2];
        pthread_t acceptor;
        pthread_mutex_t lock;
        pthread_cond_t idle;
        size_t open, most_open, taken, count;
        struct received requests[REQUESTS_MAX];
};

struct connection {
        struct receiver *receiver;
        int fd;
};

static void copy_header(const char *head, const char *name, char *to, size_t size)
{
        const char *at = strcasestr(head, name);

        if (!at)
                return;
        at += strlen(name);
        snprintf(to, size, "%.*s", (int)strcspn(at, "\r"), at);
}

static bool wait_readable(const struct receiver *r, int fd, int ms)
{
        struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = r->stop_pipe[0], .events = POLLIN}};

        return poll(fds, 2, ms) > 0 && !fds[1].revents;
}

/* The whole request in `message`; the offset of its body, 0 when it never came. */
static size_t read_request(const struct receiver *r, int fd, char *message, size_t *ret_length)
{
        size_t length = 0, body_at = 0, wanted = SIZE_MAX;

        while (length < MESSAGE_MAX - 1 && length < wanted) {
                ssize_t n = wait_readable(r, fd, 10000) ? read(fd, message + length, MESSAGE_MAX - 1 - length) : 0;
                const char *end, *length_at;

                if (n <= 0)
                        return 0;
                length += (size_t)n;
                message[length] = '\0';
                end = body_at ? NULL : strstr(message, "\r\n\r\n");
                if (!end)
                        continue;
                body_at = (size_t)(end - message) + 4;
                length_at = strcasestr(message, "\r\ncontent-length: ");
                wanted = body_at + (length_at ? strtoul(length_at + 18, NULL, 10) : 0);
        }
        *ret_length = length;
        return body_at;
}

static struct step remember(struct receiver *r, char *message, size_t body_at, size_t length)
{
        struct received got = {.body_length = length - body_at};
        struct step step;

        got.body = malloc(got.body_length + 1);
        memcpy(got.body, message + body_at, got.body_length);
        got.body[got.body_length] = '\0';
        message[body_at - 2] = '\0';
        copy_header(message, "\r\nwebhook-id: ", got.id, sizeof(got.id));
        copy_header(message, "\r\nwebhook-timestamp: ", got.timestamp, sizeof(got.timestamp));
        copy_header(message, "\r\nwebhook-signature: ", got.signature, sizeof(got.signature));
        copy_header(message, "\r\nx-webhook-signature-sha256: ", got.seed_signature, sizeof(got.seed_signature));
        copy_header(message, "\r\ncontent-type: ", got.content_type, sizeof(got.content_type));
        copy_header(message, "\r\nuser-agent: ", got.user_agent, sizeof(got.user_agent));
        copy_header(message, "\r\ntraceparent: ", got.traceparent, sizeof(got.traceparent));
        pthread_mutex_lock(&r->lock);
        step = r->steps[r->taken < r->step_count ? r->taken : r->step_count - 1];
        r->taken++;
        if (r->count < REQUESTS_MAX)
                r->requests[r->count++] = got;
        else
                free(got.body);
        pthread_mutex_unlock(&r->lock);
        return step;
}

static void react(const struct receiver *r, int fd, const struct step *step)
{
        const struct linger hard = {1, 0};
        char answer[512];
        int length;

        if (step->delay_ms) {
                struct pollfd stop = {.fd = r->stop_pipe[0], .events = POLLIN};

                (void)poll(&stop, 1, step->delay_ms);
        }
        if (step->reaction == REACT_RESET) {
                (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
                return;
        }
        length = step->reaction == REACT_GARBAGE
                         ? snprintf(answer, sizeof(answer), "\x16\x03garbage\r\n\r\n")
                         : snprintf(answer, sizeof(answer),
                                    "HTTP/1.1 %d X\r\n%s%sContent-Length: 5\r\nConnection: close\r\n\r\nhello",
                                    step->status, step->header ? step->header : "", step->header ? "\r\n" : "");
        (void)send(fd, answer, (size_t)length, MSG_NOSIGNAL);
}

static void *serve(void *arg)
{
        struct connection *connection = arg;
        struct receiver *r = connection->receiver;
        char *message = malloc(MESSAGE_MAX);
        size_t length = 0, body_at = read_request(r, connection->fd, message, &length);

        if (body_at) {
                struct step step = remember(r, message, body_at, length);

                react(r, connection->fd, &step);
        }
        close(connection->fd);
        free(message);
        free(connection);
        pthread_mutex_lock(&r->lock);
        r->open--;
        pthread_cond_broadcast(&r->idle);
        pthread_mutex_unlock(&r->lock);
        return NULL;
}

static void *accept_all(void *arg)
{
        struct receiver *r = arg;

        while (wait_readable(r, r->listener, -1)) {
                struct connection *connection = malloc(sizeof(*connection));
                pthread_t thread;

                *connection = (struct connection){r, accept(r->listener, NULL, NULL)};
                pthread_mutex_lock(&r->lock);
                r->open++;
                if (r->open > r->most_open)
                        r->most_open = r->open;
                pthread_mutex_unlock(&r->lock);
                if (pthread_create(&thread, NULL, serve, connection))
                        abort();
                pthread_detach(thread);
        }
        return NULL;
}

struct receiver *receiver_start(const struct step *steps, size_t count)
{
        struct receiver *r = calloc(1, sizeof(*r));
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(address);

        r->steps = steps;
        r->step_count = count;
        pthread_mutex_init(&r->lock, NULL);
        pthread_cond_init(&r->idle, NULL);
        r->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (pipe(r->stop_pipe) || bind(r->listener, (struct sockaddr *)&address, size) || listen(r->listener, 512) ||
            getsockname(r->listener, (struct sockaddr *)&address, &size) ||
            pthread_create(&r->acceptor, NULL, accept_all, r))
                abort();
        r->port = ntohs(address.sin_port);
        return r;
}

void receiver_stop(struct receiver *r)
{
        if (write(r->stop_pipe[1], "x", 1) != 1)
                abort();
        pthread_join(r->acceptor, NULL);
        pthread_mutex_lock(&r->lock);
        while (r->open > 0)
                pthread_cond_wait(&r->idle, &r->lock);
        pthread_mutex_unlock(&r->lock);
        for (size_t i = 0; i < r->count; i++)
                free(r->requests[i].body);
        close(r->listener);
        close(r->stop_pipe[0]);
        close(r->stop_pipe[1]);
        free(r);
}

int receiver_port(const struct receiver *r)
{
        return r->port;
}

size_t receiver_count(struct receiver *r)
{
        size_t count;

        pthread_mutex_lock(&r->lock);
        count = r->count;
        pthread_mutex_unlock(&r->lock);
        return count;
}

struct received receiver_request(struct receiver *r, size_t n)
{
        struct received got = {0};

        pthread_mutex_lock(&r->lock);
        if (n < r->count)
                got = r->requests[n];
        pthread_mutex_unlock(&r->lock);
        return got;
}

size_t receiver_most_open(struct receiver *r)
{
        size_t most;

        pthread_mutex_lock(&r->lock);
        most = r->most_open;
        pthread_mutex_unlock(&r->lock);
        return most;
}
