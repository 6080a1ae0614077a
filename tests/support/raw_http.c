#include "tests/support/raw_http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/unit.h"

#define ANSWER_MS 5000

static int64_t now_ms(void)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int raw_connect(int port)
{
        struct sockaddr_in address = {
                .sin_family = AF_INET,
                .sin_port = htons((uint16_t)port),
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
                unit_fail(__FILE__, __LINE__, "no connection to port %d", port);
                if (fd >= 0)
                        close(fd);
                return -1;
        }
        return fd;
}

void raw_send_n(int fd, const void *bytes, size_t length)
{
        for (size_t sent = 0; sent < length;) {
                ssize_t taken = send(fd, (const char *)bytes + sent, length - sent, MSG_NOSIGNAL);
                if (taken <= 0)
                        return;
                sent += (size_t)taken;
        }
}

void raw_send(int fd, const char *text)
{
        raw_send_n(fd, text, strlen(text));
}

/* Appends what comes next; false at the end, of bytes or of time. */
static bool read_more(int fd, int64_t until_ms, char *answer, size_t *length, bool *ret_reset)
{
        struct pollfd watched = {.fd = fd, .events = POLLIN};
        int64_t left_ms = until_ms - now_ms();
        if (left_ms <= 0 || *length >= RAW_HTTP_MAX - 1 || poll(&watched, 1, (int)left_ms) != 1)
                return false;
        ssize_t got = recv(fd, answer + *length, RAW_HTTP_MAX - 1 - *length, 0);
        *ret_reset = got < 0;
        if (got <= 0)
                return false;
        *length += (size_t)got;
        answer[*length] = '\0';
        return true;
}

int64_t raw_read_all(int fd, int timeout_ms, char answer[RAW_HTTP_MAX])
{
        int64_t start_ms = now_ms();
        size_t length = 0;
        bool reset = false;
        answer[0] = '\0';
        while (read_more(fd, start_ms + timeout_ms, answer, &length, &reset))
                ;
        return reset ? -1 : now_ms() - start_ms;
}

void raw_read_one(int fd, char answer[RAW_HTTP_MAX])
{
        int64_t until_ms = now_ms() + ANSWER_MS;
        size_t length = 0;
        bool reset = false;
        answer[0] = '\0';
        while (true) {
                const char *end = strstr(answer, "\r\n\r\n"), *said = strstr(answer, "Content-Length: ");
                size_t body = said ? strtoul(said + strlen("Content-Length: "), NULL, 10) : 0;
                if (end != NULL && length >= (size_t)(end - answer) + 4 + body)
                        return;
                if (!read_more(fd, until_ms, answer, &length, &reset))
                        return;
        }
}

int raw_status(const char *answer)
{
        return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

int raw_http(int port, const char *request, char answer[RAW_HTTP_MAX])
{
        int fd = raw_connect(port);
        answer[0] = '\0';
        if (fd < 0)
                return 0;
        raw_send(fd, request);
        (void)raw_read_all(fd, ANSWER_MS, answer);
        close(fd);
        return raw_status(answer);
}
