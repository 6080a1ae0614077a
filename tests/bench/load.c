/*
 * The load of `make bench`: one thread, keep-alive connections with one request under way on each, for a while.
 *
 *     load PORT CONNECTIONS SECONDS STATUS FILE
 *
 * FILE: whole requests, each behind its length (4 bytes, least significant first), taken in turn. STATUS is what every
 * answer has to have. Prints one JSON object: answers, others (of another status), seconds, p50_us, p99_us, max_us.
 * The first tenth of the time warms up and is not counted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/str.h"

#define CONNECTIONS_MAX  1000
#define REQUESTS_MAX     10000
#define FILE_BYTES_MAX   (64 * 1024 * 1024)
#define ANSWER_BYTES_MAX (256 * 1024)
#define SUB_BITS         5 /* a bucket is within 1/32 of its figures */
#define BUCKETS          (64 << SUB_BITS)
#define EVENTS           64

struct connection {
        int fd;
        int64_t sent_ns;
        size_t got, whole; /* bytes of the answer so far; of all of it, 0 while its head is not there yet */
        char answer[ANSWER_BYTES_MAX];
};

struct load {
        int64_t port, connections, seconds, status;
        unsigned char *file;
        struct {
                const unsigned char *bytes;
                size_t length;
        } requests[REQUESTS_MAX];
        size_t request_count, next;
        int epoll;
        struct connection *all;
        int64_t count_from_ns;
        int64_t answers, others, max_ns;
        int64_t buckets[BUCKETS];
};

static _Noreturn void die(const char *what)
{
        (void)fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

/* ---- what to send ---- */

static void read_requests(struct load *load, const char *path)
{
        FILE *file = fopen(path, "re");
        size_t length, at = 0;

        load->file = malloc(FILE_BYTES_MAX);
        if (!file || !load->file)
                die(path);
        length = fread(load->file, 1, FILE_BYTES_MAX, file);
        (void)fclose(file);
        while (at + 4 <= length && load->request_count < REQUESTS_MAX) {
                const unsigned char *head = load->file + at;
                size_t size = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;

                at += 4;
                if (size == 0 || size > length - at)
                        die("the file is cut");
                load->requests[load->request_count].bytes = load->file + at;
                load->requests[load->request_count++].length = size;
                at += size;
        }
        if (load->request_count == 0)
                die("no requests");
}

/* ---- one connection ---- */

static void send_next(struct load *load, struct connection *connection)
{
        size_t i = load->next++ % load->request_count;

        connection->got = connection->whole = 0;
        connection->sent_ns = clock_mono_ns();
        if (send(connection->fd, load->requests[i].bytes, load->requests[i].length, MSG_NOSIGNAL) !=
            (ssize_t)load->requests[i].length)
                die("send");
}

static void open_connection(struct load *load, struct connection *connection)
{
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load->port)};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        int one = 1;

        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connection->fd < 0 || connect(connection->fd, (const struct sockaddr *)&to, sizeof(to)) ||
            setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
            epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event))
                die("connect");
        send_next(load, connection);
}

static size_t bucket_of(int64_t ns)
{
        uint64_t value = ns < 1 << SUB_BITS ? 1 << SUB_BITS : (uint64_t)ns;
        int shift = 63 - __builtin_clzll(value) - SUB_BITS;

        return ((size_t)shift << SUB_BITS) + (size_t)(value >> shift);
}

static void count(struct load *load, const struct connection *connection)
{
        int64_t now_ns = clock_mono_ns(), took_ns = now_ns - connection->sent_ns, status = 0;

        if (now_ns < load->count_from_ns)
                return;
        for (const char *p = connection->answer + strlen("HTTP/1.1 "); *p >= '0' && *p <= '9'; p++)
                status = status * 10 + (*p - '0');
        load->answers++;
        if (status != load->status && load->others++ == 0)
                (void)fprintf(stderr, "load: another answer: %.*s\n", (int)connection->got, connection->answer);
        load->max_ns = took_ns > load->max_ns ? took_ns : load->max_ns;
        load->buckets[bucket_of(took_ns)]++;
}

/* Our own server's spelling is all it has to read. */
static void read_head(struct connection *connection)
{
        static const char name[] = "\r\nContent-Length: ";
        const char *end = memmem(connection->answer, connection->got, "\r\n\r\n", 4), *at;
        size_t length = 0;

        if (!end)
                return;
        at = memmem(connection->answer, (size_t)(end - connection->answer), name, strlen(name));
        for (at = at ? at + strlen(name) : ""; *at >= '0' && *at <= '9'; at++)
                length = length * 10 + (size_t)(*at - '0');
        connection->whole = (size_t)(end - connection->answer) + 4 + length;
        if (connection->whole > ANSWER_BYTES_MAX)
                die("too large an answer");
}

static void receive(struct load *load, struct connection *connection)
{
        ssize_t got = recv(connection->fd, connection->answer + connection->got, ANSWER_BYTES_MAX - connection->got, 0);

        if (got <= 0)
                die("the server closed a connection");
        connection->got += (size_t)got;
        if (connection->whole == 0)
                read_head(connection);
        if (connection->whole == 0 || connection->got < connection->whole)
                return;
        count(load, connection);
        send_next(load, connection);
}

/* ---- all of them ---- */

static double quantile_us(const struct load *load, double quantile)
{
        int64_t below = 0;

        for (size_t i = 0; i < BUCKETS; i++) {
                size_t shift = i >> SUB_BITS > 0 ? (i >> SUB_BITS) - 1 : 0;

                below += load->buckets[i];
                if ((double)below >= quantile * (double)load->answers)
                        return (double)((uint64_t)(i - (shift << SUB_BITS)) << shift) / 1000;
        }
        return 0;
}

static void run(struct load *load)
{
        int64_t start_ns = clock_mono_ns(), until_ns;
        struct epoll_event events[EVENTS];

        load->count_from_ns = start_ns + load->seconds * 100000000;
        until_ns = load->count_from_ns + load->seconds * 1000000000;
        for (int64_t i = 0; i < load->connections; i++)
                open_connection(load, &load->all[i]);
        while (clock_mono_ns() < until_ns) {
                int ready = epoll_wait(load->epoll, events, EVENTS, 1000);

                for (int i = 0; i < ready; i++)
                        receive(load, events[i].data.ptr);
        }
        printf("{\"answers\":%lld,\"others\":%lld,\"seconds\":%.3f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
               (long long)load->answers, (long long)load->others, (double)(clock_mono_ns() - load->count_from_ns) / 1e9,
               quantile_us(load, 0.5), quantile_us(load, 0.99), (double)load->max_ns / 1000);
}

int main(int argc, char **argv)
{
        static struct load load;

        if (argc != 6 || str_to_i64(argv[1], 1, 65535, &load.port) ||
            str_to_i64(argv[2], 1, CONNECTIONS_MAX, &load.connections) || str_to_i64(argv[3], 1, 600, &load.seconds) ||
            str_to_i64(argv[4], 100, 599, &load.status))
                return EXIT_FAILURE;
        read_requests(&load, argv[5]);
        load.epoll = epoll_create1(EPOLL_CLOEXEC);
        load.all = calloc((size_t)load.connections, sizeof(*load.all));
        if (load.epoll < 0 || !load.all)
                die("start");
        run(&load);
        return EXIT_SUCCESS; /* the process's end closes and frees */
}
