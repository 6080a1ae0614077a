#include "common/io/http_server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/str.h"
#include "tests/support/raw_http.h"
#include "tests/support/unit.h"

#define REQUEST_MS    600
#define KEEP_ALIVE_MS 300
#define SLACK_MS      400 /* of a busy machine */
#define HOST          "Host: a\r\n"
#define CLOSE         "Connection: close\r\n"

static atomic_int handled, refused;
static atomic_bool hold; /* "/hold" waits while it is set */
static char answer[RAW_HTTP_MAX];

/* Larger than the library's own stacks. */
static void use_the_stack(void)
{
        volatile char deep[512 * 1024];
        for (size_t i = 0; i < sizeof(deep); i += 4096)
                deep[i] = 1;
}

static void handle(void *arg, struct http_request *request, struct http_response *response)
{
        (void)arg;
        atomic_fetch_add(&handled, 1);
        if (str_equal(request->path, "/deep"))
                use_the_stack();
        while (str_equal(request->path, "/hold") && atomic_load(&hold))
                usleep(1000);
        response->status = str_equal(request->path, "/empty") ? 204 : 200;
        http_response_header(request, response, "X-Evil", "a\r\nX-Injected: b");
        http_response_header(request, response, "X-Once", "1");
        http_response_header(request, response, "x-once", "2");
        http_response_add_header(request, response, "Set-Cookie", "a=1");
        http_response_add_header(request, response, "Set-Cookie", "b=2");
        if (str_equal(request->path, "/static")) {
                response->static_body = "<static>";
                response->static_length = strlen("<static>");
                return;
        }
        buf_printf(&response->body, "%s %s q=%s body=%zu:", request->method, request->path, request->query,
                   request->body_length);
        buf_append(&response->body, request->body, request->body_length < 4096 ? request->body_length : 0);
}

static void refuse(void *arg, struct http_request *request, struct http_response *response, enum err err)
{
        (void)arg, (void)request;
        atomic_fetch_add(&refused, 1);
        response->status = err_http_status(err);
        buf_printf(&response->body, "{\"error\":\"%s\"}", err_public_text(err));
}

static struct http_server *start(int threads, int request_ms)
{
        const struct http_server_config config = {
                .address = "127.0.0.1",
                .threads = threads,
                .keep_alive_ms = KEEP_ALIVE_MS,
                .request_ms = request_ms,
                .handle = handle,
                .refuse = refuse,
        };
        struct http_server *server = NULL;
        atomic_store(&handled, 0);
        atomic_store(&refused, 0);
        if (http_server_start(&config, &server))
                unit_fail(__FILE__, __LINE__, "the server does not start");
        return server;
}

/* One request to a server of its own. */
static int ask(const char *request)
{
        struct http_server *server = start(4, REQUEST_MS);
        int status = raw_http(http_server_port(server), request, answer);
        http_server_stop(server);
        return status;
}

static bool answered_with(const char *text)
{
        return strstr(answer, text) != NULL;
}

/* --- answers ---------------------------------------------------------------------------------------------------- */

static void answers_a_get(void)
{
        CHECK_INT(ask("GET /caf%C3%A9?x=%31 HTTP/1.1\r\n" HOST CLOSE "\r\n"), 200);
        CHECK(answered_with("GET /café q=x=%31 body=0:"));
        CHECK(answered_with("\r\nDate: "));
        CHECK(answered_with(" GMT\r\n"));
        CHECK(answered_with("\r\nConnection: close\r\n"));
}

static void keeps_headers_on_one_line_each(void)
{
        CHECK_INT(ask("GET / HTTP/1.1\r\n" HOST CLOSE "\r\n"), 200);
        CHECK(!answered_with("X-Injected"));
        CHECK(!answered_with("X-Once: 1"));
        CHECK(answered_with("X-Once: 2"));
        CHECK(answered_with("Set-Cookie: a=1\r\nSet-Cookie: b=2"));
}

static void answers_a_head_with_the_length_alone(void)
{
        CHECK_INT(ask("HEAD /static HTTP/1.1\r\n" HOST CLOSE "\r\n"), 200);
        CHECK(answered_with("Content-Length: 8\r\n"));
        CHECK(!answered_with("<static>"));
        CHECK_INT(ask("GET /static HTTP/1.1\r\n" HOST CLOSE "\r\n"), 200);
        CHECK(answered_with("<static>"));
}

static void a_204_has_no_body(void)
{
        CHECK_INT(ask("GET /empty HTTP/1.1\r\n" HOST CLOSE "\r\n"), 204);
        CHECK(!answered_with("Content-Length"));
        CHECK(!answered_with("body="));
}

static void passes_options_to_the_handler(void)
{
        CHECK_INT(ask("OPTIONS / HTTP/1.1\r\n" HOST CLOSE
                      "Origin: http://b\r\nAccess-Control-Request-Method: GET\r\n\r\n"),
                  200);
        CHECK(!answered_with("Access-Control"));
        CHECK(answered_with("OPTIONS / "));
}

static void gives_its_threads_a_real_stack(void)
{
        CHECK_INT(ask("GET /deep HTTP/1.1\r\n" HOST CLOSE "\r\n"), 200);
}

static void reads_a_body_as_bytes(void)
{
        char request[2048], brackets[851];
        memset(brackets, '[', 850);
        brackets[850] = '\0';
        snprintf(request, sizeof(request), "POST / HTTP/1.1\r\n" HOST CLOSE "Content-Length: 850\r\n\r\n%s", brackets);
        CHECK_INT(ask(request), 200);
        CHECK(answered_with("body=850:[[[["));
}

static void reads_a_body_of_the_maximum(void)
{
        struct http_server *server = start(2, REQUEST_MS);
        int fd = raw_connect(http_server_port(server));
        AUTO(buf_done) struct buf body = {0};
        for (int i = 0; i < LIMIT_HTTP_BODY_BYTES; i++)
                buf_putc(&body, 'a');
        raw_send(fd, "POST / HTTP/1.1\r\n" HOST CLOSE "Content-Length: 65536\r\n\r\n");
        raw_send_n(fd, body.data, body.length);
        (void)raw_read_all(fd, 5000, answer);
        CHECK_INT(raw_status(answer), 200);
        CHECK(answered_with("body=65536:"));
        close(fd);
        http_server_stop(server);
}

static void invites_a_body_that_waits(void)
{
        struct http_server *server = start(2, REQUEST_MS);
        int fd = raw_connect(http_server_port(server));
        raw_send(fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
        raw_read_one(fd, answer);
        CHECK_INT(raw_status(answer), 100);
        raw_send(fd, "ok");
        raw_read_one(fd, answer);
        CHECK_INT(raw_status(answer), 200);
        CHECK(answered_with("body=2:ok"));
        close(fd);
        http_server_stop(server);
}

/* --- connections ------------------------------------------------------------------------------------------------ */

static void serves_request_after_request(void)
{
        struct http_server *server = start(2, REQUEST_MS);
        int fd = raw_connect(http_server_port(server));
        for (int i = 0; i < 20; i++) {
                raw_send(fd, "POST /n HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
                raw_read_one(fd, answer);
                CHECK_INT(raw_status(answer), 200);
                CHECK(answered_with("Connection: keep-alive"));
        }
        int64_t idle_ms = raw_read_all(fd, 3000, answer); /* nothing more to say: closed after the keep-alive time */
        CHECK(idle_ms >= KEEP_ALIVE_MS / 2 && idle_ms < KEEP_ALIVE_MS + SLACK_MS);
        close(fd);
        CHECK_INT(atomic_load(&handled), 20);
        http_server_stop(server);
}

static void serves_pipelined_requests_in_order(void)
{
        CHECK_INT(ask("POST /1 HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n" HOST
                      "\r\nGET /3 HTTP/1.1\r\n" HOST CLOSE "\r\n"),
                  200);
        const char *one = strstr(answer, "POST /1 q= body=3:abc"), *two = strstr(answer, "GET /2 ");
        const char *three = strstr(answer, "GET /3 ");
        CHECK(one && two && three && one < two && two < three);
}

static void http_1_0_closes_by_itself(void)
{
        CHECK_INT(ask("GET / HTTP/1.0\r\n" HOST "\r\n"), 200);
        CHECK(answered_with("Connection: close"));
}

/* --- refusals --------------------------------------------------------------------------------------------------- */

static void check_refused(const char *request, int status)
{
        int got = ask(request);
        if (got != status || !answered_with("{\"error\":\"") || atomic_load(&handled) != 0)
                unit_fail(__FILE__, __LINE__, "%.300s\ngot %d (%d handled): %.300s", request, got,
                          atomic_load(&handled), answer);
}

static void refuses_ambiguous_framing(void)
{
        check_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400);
        check_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 30\r\n\r\nabc", 400);
        check_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                      400);
        check_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
        check_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\nabc", 400);
        check_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc", 400);
        check_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: -3\r\n\r\nabc", 400);
        check_refused("POST / HTTP/1.1\r\n" HOST "\r\n", 411);
}

static void refuses_a_missing_or_double_host(void)
{
        check_refused("GET / HTTP/1.1\r\n\r\n", 400);
        check_refused("GET / HTTP/1.1\r\nAccept: a\r\n\r\n", 400);
        check_refused("GET / HTTP/1.1\r\n" HOST "Host: b\r\n\r\n", 400);
}

static void refuses_lines_read_in_two_ways(void)
{
        check_refused("GET / HTTP/1.1\nHost: a\n\n", 400);
        check_refused("GET / HTTP/1.1\r\nHost: a\r\nX: b\n\n", 400);
        check_refused("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400);
        check_refused("GET / HTTP/1.1\r\n" HOST " folded\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
        check_refused("GET / HTTP/1.1\r\n" HOST ": empty\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
        check_refused("GET / HTTP/1.1\r\n" HOST "Spaced : b\r\n\r\n", 400);
        check_refused("GET / HTTP/1.1\r\n" HOST "No colon\r\n\r\n", 400);
        check_refused("GET  / HTTP/1.1\r\n" HOST "\r\n", 400);
        check_refused("GET /\tHTTP/1.1\r\n" HOST "\r\n", 400);
}

/* The library counts a head behind blank lines wrong, and would answer it twice. */
static void refuses_blank_lines_before_a_request(void)
{
        check_refused("\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400);
        CHECK_INT(atomic_load(&refused), 1);
        check_refused("\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400);
}

static void refuses_what_is_not_http(void)
{
        check_refused("BOGUS\r\n\r\n", 400);
        check_refused("\x16\x03\x01\x02\r\n\r\n", 400);
        check_refused("GET / HTTP/2.0\r\n" HOST "\r\n", 400);
        check_refused("GET / FOO/1.1\r\n" HOST "\r\n", 400);
        check_refused("GET http://b/ HTTP/1.1\r\n" HOST "\r\n", 400);
        check_refused("GET http://a:1/ HTTP/1.1\r\n" HOST "\r\n", 400);
        check_refused("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 400);
}

static void refuses_unknown_methods(void)
{
        check_refused("BREW /pot HTTP/1.1\r\n" HOST "\r\n", 405);
        check_refused("PROPFIND /pot HTTP/1.1\r\n" HOST "\r\n", 405);
        check_refused("BREW /%zz HTTP/1.1\r\n" HOST "\r\n", 400);
}

static void refuses_hostile_targets(void)
{
        check_refused("GET /%00 HTTP/1.1\r\n" HOST "\r\n", 400);
        check_refused("GET /\x01 HTTP/1.1\r\n" HOST "\r\n", 400);
        check_refused("GET /a/../b HTTP/1.1\r\n" HOST "\r\n", 400);
        check_refused("GET /%2e%2e/b HTTP/1.1\r\n" HOST "\r\n", 400);
        check_refused("GET /%ff HTTP/1.1\r\n" HOST "\r\n", 400);
        check_refused("GET /a\\b HTTP/1.1\r\n" HOST "\r\n", 400);
}

static void refuses_a_nul_in_the_head(void)
{
        struct http_server *server = start(2, REQUEST_MS);
        int fd = raw_connect(http_server_port(server));
        static const char request[] = "GET /a\0b HTTP/1.1\r\n" HOST "\r\n";
        raw_send_n(fd, request, sizeof(request) - 1);
        (void)raw_read_all(fd, 3000, answer);
        CHECK_INT(raw_status(answer), 400);
        CHECK_INT(atomic_load(&handled), 0);
        close(fd);
        http_server_stop(server);
}

static void refuses_more_headers_than_it_would_see(void)
{
        char request[4096] = "GET / HTTP/1.1\r\n" HOST;
        for (int i = 0; i < 66; i++)
                strncat(request, "X-A: b\r\n", sizeof(request) - strlen(request) - 1);
        strncat(request, "Transfer-Encoding: chunked\r\n\r\n", sizeof(request) - strlen(request) - 1);
        check_refused(request, 431);
}

static void refuses_a_head_that_does_not_fit(void)
{
        static char request[LIMIT_HTTP_HEAD_BYTES + 1024];
        snprintf(request, sizeof(request), "GET / HTTP/1.1\r\n" HOST "X-A: ");
        size_t length = strlen(request);
        memset(request + length, 'a', sizeof(request) - length - 1);
        check_refused(request, 431);
}

static void a_body_cut_short_is_a_bad_request(void)
{
        struct http_server *server = start(2, REQUEST_MS);
        int fd = raw_connect(http_server_port(server));
        raw_send(fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc");
        shutdown(fd, SHUT_WR);
        (void)raw_read_all(fd, 3000, answer);
        CHECK_INT(raw_status(answer), 400);
        CHECK_INT(atomic_load(&handled), 0);
        close(fd);
        http_server_stop(server);
}

/* The client sends all of it before it reads: it must find the answer, not a reset. */
static void a_body_of_10_mb_gets_its_answer(void)
{
        struct http_server *server = start(2, 10000);
        int fd = raw_connect(http_server_port(server));
        static char megabyte[1000000];
        raw_send(fd, "POST / HTTP/1.1\r\n" HOST "Content-Length: 10000000\r\n\r\n");
        for (int i = 0; i < 10; i++)
                raw_send_n(fd, megabyte, sizeof(megabyte));
        CHECK(raw_read_all(fd, 5000, answer) >= 0);
        CHECK_INT(raw_status(answer), 413);
        CHECK(answered_with("{\"error\":\"Request body is too large\"}"));
        close(fd);
        http_server_stop(server);
}

/* --- slowness --------------------------------------------------------------------------------------------------- */

/* A byte each tenth of the deadline, for far longer than it; until the server has had enough. */
static int64_t drip(int fd, const char *bytes)
{
        int64_t start_ms = clock_mono_ms();
        for (int i = 0; bytes[i] != '\0' && i < 40; i++) {
                raw_send_n(fd, bytes + i, 1);
                if (raw_read_all(fd, REQUEST_MS / 10, answer) < REQUEST_MS / 10 - 20 || answer[0] != '\0')
                        break;
        }
        return clock_mono_ms() - start_ms;
}

static void check_drip_ends(const char *before, const char *bytes)
{
        struct http_server *server = start(2, REQUEST_MS);
        int fd = raw_connect(http_server_port(server));
        raw_send(fd, before);
        int64_t took_ms = drip(fd, bytes);
        CHECK_INT(raw_status(answer), 408);
        CHECK(answered_with("{\"error\":\"Request took too long to arrive\"}"));
        if (took_ms < REQUEST_MS - 100 || took_ms > REQUEST_MS + SLACK_MS)
                unit_fail(__FILE__, __LINE__, "ended after %lld ms", (long long)took_ms);
        CHECK_INT(atomic_load(&handled), 0);
        close(fd);
        http_server_stop(server);
}

static void a_dripping_body_ends_at_the_deadline(void)
{
        check_drip_ends("POST / HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\n",
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

static void a_dripping_head_ends_at_the_deadline(void)
{
        check_drip_ends("", "GET / HTTP/1.1\r\nX-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

static void a_stalled_head_ends_at_the_deadline(void)
{
        struct http_server *server = start(2, REQUEST_MS);
        int fd = raw_connect(http_server_port(server));
        raw_send(fd, "GET / HT");
        int64_t took_ms = raw_read_all(fd, 5000, answer);
        CHECK(took_ms > REQUEST_MS - 100 && took_ms < REQUEST_MS + SLACK_MS);
        CHECK_INT(raw_status(answer), 408);
        close(fd);
        http_server_stop(server);
}

/* On a connection kept alive too, where the library would apply the shorter keep-alive time to the whole head. */
static void a_second_request_has_the_whole_deadline(void)
{
        struct http_server *server = start(2, REQUEST_MS);
        int fd = raw_connect(http_server_port(server));
        raw_send(fd, "GET /1 HTTP/1.1\r\n" HOST "\r\n");
        raw_read_one(fd, answer);
        usleep((KEEP_ALIVE_MS - 100) * 1000);
        raw_send(fd, "GET /2 HTTP/1.1\r\n");
        usleep((KEEP_ALIVE_MS - 50) * 1000);
        raw_send(fd, HOST "\r\n");
        raw_read_one(fd, answer);
        CHECK_INT(raw_status(answer), 200);
        close(fd);
        http_server_stop(server);
}

static void silence_is_closed_without_a_word(void)
{
        struct http_server *server = start(2, REQUEST_MS);
        int fd = raw_connect(http_server_port(server));
        int64_t took_ms = raw_read_all(fd, 5000, answer);
        CHECK(took_ms > REQUEST_MS - 100 && took_ms < REQUEST_MS + SLACK_MS);
        CHECK_TEXT(answer, "");
        close(fd);
        http_server_stop(server);
        CHECK_INT(atomic_load(&refused), 0);
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

static void a_drain_ends_idle_connections_at_once(void)
{
        struct http_server *server = start(2, 10000);
        int fd = raw_connect(http_server_port(server));
        usleep(50000);
        http_server_drain(server);
        int64_t took_ms = raw_read_all(fd, 5000, answer);
        CHECK(took_ms >= 0 && took_ms < SLACK_MS);
        CHECK_INT(raw_http(http_server_port(server), "GET / HTTP/1.1\r\n" HOST "\r\n", answer), 200);
        CHECK(answered_with("Connection: close"));
        close(fd);
        http_server_stop(server);
}

static void *stop_in_thread(void *server)
{
        http_server_stop(server);
        return NULL;
}

static void a_stop_waits_for_running_requests(void)
{
        struct http_server *server = start(2, 5000);
        int held = raw_connect(http_server_port(server)), slow = raw_connect(http_server_port(server));
        atomic_store(&hold, true);
        raw_send(held, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
        raw_send(slow, "POST /slow HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\na");
        while (http_server_active(server) < 2)
                usleep(1000);
        pthread_t thread;
        CHECK_INT(pthread_create(&thread, NULL, stop_in_thread, server), 0);
        usleep(200000);
        atomic_store(&hold, false);
        raw_send(slow, "b");
        (void)raw_read_all(held, 3000, answer);
        CHECK_INT(raw_status(answer), 200);
        (void)raw_read_all(slow, 3000, answer);
        CHECK(answered_with("body=2:ab"));
        pthread_join(thread, NULL);
        close(held);
        close(slow);
}

static void a_taken_port_is_an_error(void)
{
        struct http_server *first = start(1, REQUEST_MS), *second = NULL;
        const struct http_server_config config = {
                .address = "127.0.0.1",
                .port = http_server_port(first),
                .threads = 1,
                .keep_alive_ms = KEEP_ALIVE_MS,
                .handle = handle,
                .refuse = refuse,
        };
        CHECK_INT(http_server_start(&config, &second), ERR_UNAVAILABLE);
        CHECK(second == NULL);
        http_server_stop(first);
}

UNIT_TESTS(UNIT(answers_a_get), UNIT(keeps_headers_on_one_line_each), UNIT(answers_a_head_with_the_length_alone),
           UNIT(a_204_has_no_body), UNIT(passes_options_to_the_handler), UNIT(gives_its_threads_a_real_stack),
           UNIT(reads_a_body_as_bytes), UNIT(reads_a_body_of_the_maximum), UNIT(invites_a_body_that_waits),
           UNIT(serves_request_after_request), UNIT(serves_pipelined_requests_in_order),
           UNIT(http_1_0_closes_by_itself), UNIT(refuses_ambiguous_framing), UNIT(refuses_a_missing_or_double_host),
           UNIT(refuses_lines_read_in_two_ways), UNIT(refuses_blank_lines_before_a_request),
           UNIT(refuses_what_is_not_http), UNIT(refuses_unknown_methods), UNIT(refuses_hostile_targets),
           UNIT(refuses_a_nul_in_the_head), UNIT(refuses_more_headers_than_it_would_see),
           UNIT(refuses_a_head_that_does_not_fit), UNIT(a_body_cut_short_is_a_bad_request),
           UNIT(a_body_of_10_mb_gets_its_answer), UNIT(a_dripping_body_ends_at_the_deadline),
           UNIT(a_dripping_head_ends_at_the_deadline), UNIT(a_stalled_head_ends_at_the_deadline),
           UNIT(a_second_request_has_the_whole_deadline), UNIT(silence_is_closed_without_a_word),
           UNIT(a_drain_ends_idle_connections_at_once), UNIT(a_stop_waits_for_running_requests),
           UNIT(a_taken_port_is_an_error))
