#include "common/io/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "tests/support/unit.h"

/* ---- a server of raw bytes: one connection after the other, until the test's end closes them ---- */

#define REQUEST_MAX 8192

struct server {
        int fd, port;
        const char *answer; /* "" : none, and the connection stays open */
        bool close_after;
        pthread_t thread;
        atomic_int connections;
        pthread_mutex_t lock;
        char last[REQUEST_MAX]; /* request, under the lock */
};

static bool read_request(int fd, char request[REQUEST_MAX])
{
        size_t length = 0, wanted = 0;

        while (!wanted || length < wanted) {
                ssize_t got = read(fd, request + length, REQUEST_MAX - 1 - length);
                const char *end, *header;

                if (got <= 0)
                        return false;
                length += (size_t)got;
                request[length] = '\0';
                end = strstr(request, "\r\n\r\n");
                header = strstr(request, "Content-Length: ");
                if (end)
                        wanted = (size_t)(end - request) + 4 + (header ? (size_t)strtol(header + 16, NULL, 10) : 0);
        }
        return true;
}

static void *serve(void *arg)
{
        struct server *server = arg;
        char request[REQUEST_MAX];

        while (true) {
                int fd = accept(server->fd, NULL, NULL);

                if (fd < 0)
                        return NULL;
                atomic_fetch_add(&server->connections, 1);
                while (read_request(fd, request)) {
                        pthread_mutex_lock(&server->lock);
                        memcpy(server->last, request, strlen(request) + 1);
                        pthread_mutex_unlock(&server->lock);
                        if (send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL) < 0 || server->close_after)
                                break;
                }
                close(fd);
        }
}

static struct server *server_new(const char *answer, bool close_after)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof(address);
        struct server *server = calloc(1, sizeof(*server));

        if (!server)
                abort();
        server->answer = answer;
        server->close_after = close_after;
        pthread_mutex_init(&server->lock, NULL);
        server->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(server->fd, (struct sockaddr *)&address, length) || listen(server->fd, 64) ||
            getsockname(server->fd, (struct sockaddr *)&address, &length))
                abort();
        server->port = ntohs(address.sin_port);
        pthread_create(&server->thread, NULL, serve, server);
        return server;
}

/* The client is gone by then, so that every connection has ended. */
static void server_free(struct server *server)
{
        shutdown(server->fd, SHUT_RDWR);
        pthread_join(server->thread, NULL);
        close(server->fd);
        pthread_mutex_destroy(&server->lock);
        free(server);
}
DEFINE_FREEP(struct server, server)

static const char *heard(struct server *server, struct arena *arena)
{
        const char *copy;

        pthread_mutex_lock(&server->lock);
        copy = arena_strdup(arena, server->last);
        pthread_mutex_unlock(&server->lock);
        return copy;
}

static struct http_client *client_new(int timeout_ms)
{
        struct http_client *client = NULL;

        CHECK_INT(http_client_global_init(), ERR_OK);
        CHECK_INT(http_client_new(timeout_ms, &client), ERR_OK);
        return client;
}

static enum err exchange(struct http_client *client, struct arena *arena, const struct server *server,
                         const char *method, const char *body, struct http_client_response *ret_response)
{
        static const struct http_header headers[] = {{"Accept", "application/json"}};
        const struct http_client_request request = {
                .method = method,
                .url = arena_printf(arena, "http://127.0.0.1:%d/a?b=c", server->port),
                .headers = headers,
                .header_count = 1,
                .body = body,
                .body_length = body ? strlen(body) : 0,
        };

        return http_client_send(client, arena, &request, ret_response);
}

#define ANSWER "HTTP/1.1 200 OK\r\nX-A:  b c \r\nContent-Length: 5\r\n\r\nhello"

static void a_get_and_its_answer(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(server_freep) struct server *server = server_new(ANSWER, false);
        AUTO(http_client_freep) struct http_client *client = client_new(2000);
        struct http_client_response response = {0};

        CHECK_INT(exchange(client, arena, server, "GET", NULL, &response), ERR_OK);
        CHECK_INT(response.status, 200);
        CHECK_TEXT(response.body, "hello");
        CHECK_INT(response.body_length, 5);
        CHECK_INT(response.header_count, 2);
        CHECK_TEXT(response.headers[0].name, "X-A");
        CHECK_TEXT(response.headers[0].value, "b c");
        CHECK(str_starts_with(heard(server, arena), "GET /a?b=c HTTP/1.1\r\n"));
        CHECK(strstr(heard(server, arena), "Accept: application/json\r\n"));
        CHECK(!strstr(heard(server, arena), "Content-Type"));
}

static void a_post_carries_its_body(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(server_freep) struct server *server = server_new(ANSWER, false);
        AUTO(http_client_freep) struct http_client *client = client_new(2000);
        struct http_client_response response = {0};

        CHECK_INT(exchange(client, arena, server, "POST", "{}", &response), ERR_OK);
        CHECK(str_ends_with(heard(server, arena), "\r\n\r\n{}"));
        CHECK(!strstr(heard(server, arena), "form-urlencoded"));
        CHECK_INT(exchange(client, arena, server, "POST", NULL, &response), ERR_OK);
        CHECK(strstr(heard(server, arena), "Content-Length: 0\r\n"));
        CHECK_INT(exchange(client, arena, server, "DELETE", NULL, &response), ERR_OK);
        CHECK(str_starts_with(heard(server, arena), "DELETE /a?b=c HTTP/1.1\r\n"));
        CHECK_INT(exchange(client, arena, server, "PUT", "x", &response), ERR_OK);
        CHECK(str_starts_with(heard(server, arena), "PUT /a?b=c HTTP/1.1\r\n"));
}

static void a_connection_is_used_again(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(server_freep) struct server *server = server_new(ANSWER, false);
        AUTO(http_client_freep) struct http_client *client = client_new(2000);
        struct http_client_response response = {0};

        for (int i = 0; i < 5; i++)
                CHECK_INT(exchange(client, arena, server, "GET", NULL, &response), ERR_OK);
        CHECK_INT(atomic_load(&server->connections), 1);
}

static void an_error_status_is_an_answer(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(server_freep)
        struct server *server = server_new("HTTP/1.1 503 No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", false);
        AUTO(http_client_freep) struct http_client *client = client_new(2000);
        struct http_client_response response = {0};

        CHECK_INT(exchange(client, arena, server, "GET", NULL, &response), ERR_OK);
        CHECK_INT(response.status, 503);
        CHECK_TEXT(response.body, "");
}

static void a_redirect_is_an_answer(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(server_freep)
        struct server *server = server_new("HTTP/1.1 303 See\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", false);
        AUTO(http_client_freep) struct http_client *client = client_new(2000);
        struct http_client_response response = {0};

        CHECK_INT(exchange(client, arena, server, "GET", NULL, &response), ERR_OK);
        CHECK_INT(response.status, 303);
        CHECK_INT(atomic_load(&server->connections), 1);
}

static void silence_is_a_timeout(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(server_freep) struct server *server = server_new("", false);
        AUTO(http_client_freep) struct http_client *client = client_new(150);
        struct http_client_response response = {.status = 7};
        int64_t started_ms = clock_mono_ms();

        CHECK_INT(exchange(client, arena, server, "GET", NULL, &response), ERR_TIMEOUT);
        CHECK(clock_mono_ms() - started_ms < 1500);
        CHECK_INT(response.status, 7);
}

static void nobody_there_is_unavailable(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(http_client_freep) struct http_client *client = client_new(2000);
        struct server *server = server_new(ANSWER, false);
        const struct server gone = {.port = server->port};
        struct http_client_response response = {0};

        server_free(server);
        CHECK_INT(exchange(client, arena, &gone, "GET", NULL, &response), ERR_UNAVAILABLE);
}

static void a_cut_answer_is_unavailable(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(server_freep) struct server *server = server_new("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", true);
        AUTO(http_client_freep) struct http_client *client = client_new(2000);
        struct http_client_response response = {0};

        CHECK_INT(exchange(client, arena, server, "GET", NULL, &response), ERR_UNAVAILABLE);
}

static void an_answer_above_1_mib_is_refused(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(buf_done) struct buf answer = {0};
        struct http_client_response response = {0};

        buf_puts(&answer, "HTTP/1.1 200 OK\r\n\r\n");
        for (int i = 0; i < LIMIT_HTTP_CLIENT_BYTES / 16 + 1; i++)
                buf_puts(&answer, "0123456789abcdef");
        AUTO(server_freep) struct server *server = server_new(buf_text(&answer), true);
        AUTO(http_client_freep) struct http_client *client = client_new(5000);
        CHECK_INT(exchange(client, arena, server, "GET", NULL, &response), ERR_FULL);
}

static void headers_can_not_smuggle(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(http_client_freep) struct http_client *client = client_new(1000);
        static const struct http_header bad[] = {{"X", "a\nb"}};
        const struct http_client_request request = {
                .method = "GET", .url = "http://127.0.0.1:1/", .headers = bad, .header_count = 1};
        struct http_client_response response = {0};

        CHECK_INT(http_client_send(client, arena, &request, &response), ERR_INVALID);
}

static void other_schemes_are_refused(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(http_client_freep) struct http_client *client = client_new(1000);
        const struct http_client_request file = {.method = "GET", .url = "file:///etc/hostname"};
        const struct http_client_request none = {.method = "GET", .url = ""};
        struct http_client_response response = {0};

        CHECK_INT(http_client_send(client, arena, &file, &response), ERR_INVALID);
        CHECK_INT(http_client_send(client, arena, &none, &response), ERR_INVALID);
}

static void *send_many(void *arg)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct http_client_response response;

        for (int i = 0; i < 20; i++) {
                const struct http_client_request request = {.method = "GET", .url = "http://127.0.0.1:1/"};

                if (http_client_send(arg, arena, &request, &response) != ERR_UNAVAILABLE)
                        return arg;
        }
        return NULL;
}

static void any_thread_may_call(void)
{
        AUTO(http_client_freep) struct http_client *client = client_new(1000);
        pthread_t threads[24];

        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
                CHECK_INT(pthread_create(&threads[i], NULL, send_many, client), 0);
        for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
                void *failed = NULL;

                pthread_join(threads[i], &failed);
                CHECK(!failed);
        }
}

/* ---- URLs ---- */

static struct http_url parsed(struct arena *arena, const char *text)
{
        struct http_url url = {0};

        if (http_url_parse(arena, text, &url))
                unit_fail(__FILE__, __LINE__, "refused: %s", text);
        return url;
}

static void a_url_is_taken_apart(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct http_url url = parsed(arena, "HTTPS://Example.COM:8443/a/../b?c=D");

        CHECK_TEXT(url.normalised, "https://example.com:8443/b?c=D");
        CHECK_TEXT(url.scheme, "https");
        CHECK_TEXT(url.host, "example.com");
        CHECK_INT(url.port, 8443);
        CHECK_TEXT(url.path, "/b?c=D");
        CHECK(!url.has_userinfo && !url.has_fragment && !url.host_is_ip);
        CHECK_INT(parsed(arena, "http://example.com").port, 80);
        CHECK_TEXT(parsed(arena, "https://example.com:443").normalised, "https://example.com/");
}

static void userinfo_and_fragment_are_told(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK(parsed(arena, "https://u@h.fr/").has_userinfo);
        CHECK(parsed(arena, "https://u:p@h.fr/").has_userinfo);
        CHECK(parsed(arena, "https://@h.fr/").has_userinfo);
        CHECK(parsed(arena, "https:/@h.fr/").has_userinfo);
        CHECK(parsed(arena, "https://h.fr\\@127.0.0.1/").has_userinfo);
        CHECK(!parsed(arena, "https://h.fr/@").has_userinfo);
        CHECK(!parsed(arena, "https://h.fr/?@").has_userinfo);
        CHECK(parsed(arena, "https://h.fr/#").has_fragment);
        CHECK(parsed(arena, "https://h.fr/#a").has_fragment);
}

static void literals_in_every_spelling(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        static const char *const hosts[] = {
                "127.0.0.1", "127.1",      "2130706433", "0x7f000001",         "0X7F.1",      "0177.1",    "127.0.0.1.",
                "0",         "0x0",        "[::1]",      "[::ffff:127.0.0.1]", "%31%32%37.1", "1.2.3.4.5", "a.0x1",
                "a.1",       "4294967296",
        };
        static const char *const names[] = {"1a.fr", "127.0.0.1.nip.io", "0xg.fr", "a.1b", "x--y.fr"};

        for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
                if (!parsed(arena, arena_printf(arena, "https://%s/", hosts[i])).host_is_ip)
                        unit_fail(__FILE__, __LINE__, "%s passes for a name", hosts[i]);
        }
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                if (parsed(arena, arena_printf(arena, "https://%s/", names[i])).host_is_ip)
                        unit_fail(__FILE__, __LINE__, "%s passes for an address", names[i]);
        }
        CHECK_TEXT(parsed(arena, "http://0x7f.1/").host, "127.0.0.1");
}

static void what_is_no_url_is_refused(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        static const char *const texts[] = {
                "",
                "h.fr",
                "//h.fr/",
                "https://",
                "https:///",
                "https://h.fr:0/",
                "https://h.fr:65536/",
                "https://h.fr:x/",
                "https://h fr/",
                "https://h.fr/a b",
                "https://h.fr/\n",
                "https://[::1",
                "https://[fe80::1%25lo]/",
                "https://a%00b.fr/",
                "nosuch://h.fr/",
        };
        struct http_url url;

        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                if (!http_url_parse(arena, texts[i], &url))
                        unit_fail(__FILE__, __LINE__, "taken: %s", texts[i]);
        }
        CHECK_INT(http_url_parse(arena, NULL, &url), ERR_INVALID);
}

UNIT_TESTS(UNIT(a_get_and_its_answer), UNIT(a_post_carries_its_body), UNIT(a_connection_is_used_again),
           UNIT(an_error_status_is_an_answer), UNIT(a_redirect_is_an_answer), UNIT(silence_is_a_timeout),
           UNIT(nobody_there_is_unavailable), UNIT(a_cut_answer_is_unavailable), UNIT(an_answer_above_1_mib_is_refused),
           UNIT(headers_can_not_smuggle), UNIT(other_schemes_are_refused), UNIT(any_thread_may_call),
           UNIT(a_url_is_taken_apart), UNIT(userinfo_and_fragment_are_told), UNIT(literals_in_every_spelling),
           UNIT(what_is_no_url_is_refused))
