#include "common/io/http_multi.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/io/http_client.h"
#include "tests/support/unit.h"

/* ---- names without a network: libcurl finds these instead of libc's ---- */

#define NAMES_MAX 2

static struct addrinfo *new_address(const char *text, const char *service)
{
        struct addrinfo *info = calloc(1, sizeof(*info));
        struct sockaddr_in *address = calloc(1, sizeof(*address));

        if (!info || !address)
                abort();
        address->sin_family = AF_INET;
        address->sin_port = htons((uint16_t)strtol(service ? service : "0", NULL, 10));
        inet_pton(AF_INET, text, &address->sin_addr);
        info->ai_family = AF_INET;
        info->ai_socktype = SOCK_STREAM;
        info->ai_addr = (struct sockaddr *)address;
        info->ai_addrlen = sizeof(*address);
        return info;
}

/* "*.test" is loopback; "private.test" is 10.0.0.1; "mixed.test" both; "slow.test" takes two seconds. */
int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict ret_list)
{
        struct in_addr literal;

        (void)hints;
        if (inet_pton(AF_INET, name, &literal) == 1) {
                *ret_list = new_address(name, service);
                return 0;
        }
        if (!str_ends_with(name, ".test"))
                return EAI_NONAME;
        if (str_equal(name, "slow.test"))
                usleep(2000 * 1000);
        if (str_equal(name, "private.test") || str_equal(name, "mixed.test")) {
                *ret_list = new_address("10.0.0.1", service);
                if (str_equal(name, "mixed.test"))
                        (*ret_list)->ai_next = new_address("127.0.0.1", service);
                return 0;
        }
        *ret_list = new_address("127.0.0.1", service);
        return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
        while (list) {
                struct addrinfo *next = list->ai_next;

                free(list->ai_addr);
                free(list);
                list = next;
        }
}

/* ---- a receiver of raw bytes ---- */

#define REQUEST_MAX 65536

enum manner {
        KEEP_ALIVE,   /* answers, and waits for the next request */
        CLOSE,        /* answers and closes */
        RESET,        /* takes the request, closes without an answer */
        HANG,         /* takes the request, says nothing */
        ANSWER_HANG,  /* answers, then says nothing more */
        ENDLESS_BODY, /* answers, then sends for ever */
        ENDLESS_HEAD, /* headers for ever */
        GREET,        /* speaks first, and closes */
};

struct receiver {
        int fd, port;
        enum manner manner;
        const char *answer;
        pthread_t thread;
        atomic_bool stopping;
        atomic_int connections, requests;
        pthread_mutex_t lock;
        char last[REQUEST_MAX]; /* request, under the lock */
};

struct served {
        struct receiver *receiver;
        int fd;
};

/* One request with its body; false when the other end closed. */
static bool read_request(struct served *served, char *request)
{
        size_t length = 0, wanted = 0;
        struct pollfd watched = {.fd = served->fd, .events = POLLIN};

        while (!wanted || length < wanted) {
                ssize_t got;
                char *end, *header;

                if (atomic_load(&served->receiver->stopping))
                        return false;
                if (poll(&watched, 1, 20) == 0)
                        continue;
                got = read(served->fd, request + length, REQUEST_MAX - 1 - length);
                if (got <= 0)
                        return false;
                length += (size_t)got;
                request[length] = '\0';
                end = strstr(request, "\r\n\r\n");
                if (!end)
                        continue;
                header = strstr(request, "Content-Length: ");
                wanted = (size_t)(end - request) + 4 + (header ? (size_t)strtol(header + 16, NULL, 10) : 0);
        }
        return true;
}

static void say(int fd, const char *text)
{
        size_t length = strlen(text);

        while (length > 0) {
                ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);

                if (sent <= 0)
                        return;
                text += sent;
                length -= (size_t)sent;
        }
}

static void wait_for_end(struct served *served)
{
        struct pollfd watched = {.fd = served->fd, .events = POLLIN};

        while (!atomic_load(&served->receiver->stopping) && poll(&watched, 1, 20) == 0)
                ;
}

static void flood(struct served *served, const char *text)
{
        while (!atomic_load(&served->receiver->stopping) && send(served->fd, text, strlen(text), MSG_NOSIGNAL) > 0)
                ;
}

static void *serve(void *arg)
{
        struct served *served = arg;
        struct receiver *r = served->receiver;
        char *request = malloc(REQUEST_MAX);

        if (r->manner == GREET)
                say(served->fd, r->answer);
        while (request && r->manner != GREET && read_request(served, request)) {
                atomic_fetch_add(&r->requests, 1);
                pthread_mutex_lock(&r->lock);
                memcpy(r->last, request, REQUEST_MAX);
                pthread_mutex_unlock(&r->lock);
                if (r->manner != RESET && r->manner != HANG)
                        say(served->fd, r->answer);
                if (r->manner == HANG || r->manner == ANSWER_HANG)
                        wait_for_end(served);
                if (r->manner == ENDLESS_BODY)
                        flood(served, "0123456789abcdef");
                if (r->manner == ENDLESS_HEAD)
                        flood(served, "X-More: and more and more and more\r\n");
                if (r->manner != KEEP_ALIVE)
                        break;
        }
        free(request);
        close(served->fd);
        free(served);
        return NULL;
}

static void *accept_all(void *arg)
{
        struct receiver *r = arg;
        struct pollfd watched = {.fd = r->fd, .events = POLLIN};
        pthread_t threads[256];
        size_t count = 0;

        while (!atomic_load(&r->stopping) && count < ARRAY_LEN(threads)) {
                struct served *served;

                if (poll(&watched, 1, 20) == 0)
                        continue;
                served = calloc(1, sizeof(*served));
                if (!served)
                        abort();
                served->receiver = r;
                served->fd = accept(r->fd, NULL, NULL);
                atomic_fetch_add(&r->connections, 1);
                pthread_create(&threads[count++], NULL, serve, served);
        }
        for (size_t i = 0; i < count; i++)
                pthread_join(threads[i], NULL);
        return NULL;
}

static struct receiver *receiver_new(enum manner manner, const char *answer)
{
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof(address);
        struct receiver *r = calloc(1, sizeof(*r));

        if (!r)
                abort();
        r->manner = manner;
        r->answer = answer;
        pthread_mutex_init(&r->lock, NULL);
        r->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(r->fd, (struct sockaddr *)&address, length) || listen(r->fd, 256) ||
            getsockname(r->fd, (struct sockaddr *)&address, &length))
                abort();
        r->port = ntohs(address.sin_port);
        pthread_create(&r->thread, NULL, accept_all, r);
        return r;
}

static void receiver_free(struct receiver *r)
{
        atomic_store(&r->stopping, true);
        pthread_join(r->thread, NULL);
        close(r->fd);
        pthread_mutex_destroy(&r->lock);
        free(r);
}
DEFINE_FREEP(struct receiver, receiver)

/* ---- results, waited for ---- */

struct outcome {
        enum http_outcome outcome;
        int status;
        int64_t duration_ms;
        char error[256], retry_after[128], excerpt[LIMIT_WEBHOOK_EXCERPT_BYTES + 1];
};

struct inbox {
        pthread_mutex_t lock;
        pthread_cond_t arrived;
        int count;
        struct outcome last;
};
#define INBOX                                                                          \
        {                                                                              \
                .lock = PTHREAD_MUTEX_INITIALIZER, .arrived = PTHREAD_COND_INITIALIZER \
        }

static void on_done(void *arg, const struct http_multi_result *result)
{
        struct inbox *inbox = arg;

        pthread_mutex_lock(&inbox->lock);
        inbox->count++;
        inbox->last = (struct outcome){
                .outcome = result->outcome, .status = result->status, .duration_ms = result->duration_ms};
        snprintf(inbox->last.error, sizeof(inbox->last.error), "%s", result->error);
        snprintf(inbox->last.retry_after, sizeof(inbox->last.retry_after), "%s",
                 result->retry_after ? result->retry_after : "none");
        snprintf(inbox->last.excerpt, sizeof(inbox->last.excerpt), "%s", result->excerpt);
        pthread_cond_broadcast(&inbox->arrived);
        pthread_mutex_unlock(&inbox->lock);
}

static void wait_for(struct inbox *inbox, int count)
{
        pthread_mutex_lock(&inbox->lock);
        while (inbox->count < count)
                pthread_cond_wait(&inbox->arrived, &inbox->lock);
        pthread_mutex_unlock(&inbox->lock);
}

static bool allow_loopback(void *arg, const struct sockaddr *address, socklen_t length)
{
        struct sockaddr_in v4;

        (void)arg;
        (void)length;
        memcpy(&v4, address, sizeof(v4));
        return v4.sin_family == AF_INET && ntohl(v4.sin_addr.s_addr) >> 24 == 127;
}

static struct http_multi *multi_new(int max_inflight, int64_t timeout_ms, const char *ca_file)
{
        const struct http_multi_config config = {
                .max_inflight = max_inflight,
                .timeout_ms = timeout_ms,
                .connect_timeout_ms = 2000,
                .user_agent = "VoieRapide-Webhook/test",
                .ca_file = ca_file,
                .allow = allow_loopback,
        };
        struct http_multi *multi = NULL;

        CHECK_INT(http_client_global_init(), ERR_OK);
        CHECK_INT(http_multi_start(&config, &multi), ERR_OK);
        return multi;
}

static void stop(struct http_multi **multi)
{
        http_multi_stop(*multi, 0);
}

static void submit(struct http_multi *multi, const char *endpoint, const char *url, struct inbox *inbox)
{
        static const struct http_header headers[] = {{"Content-Type", "application/json"}, {"X-Empty", ""}};
        const struct http_multi_job job = {.endpoint = endpoint,
                                           .url = url,
                                           .headers = headers,
                                           .header_count = ARRAY_LEN(headers),
                                           .body = "{\"a\":1}",
                                           .body_length = 7};

        CHECK_INT(http_multi_submit(multi, &job, on_done, inbox), ERR_OK);
}

static char *url_of(struct arena *arena, const char *host, const struct receiver *r)
{
        return arena_printf(arena, "http://%s:%d/hook", host, r->port);
}

/* One request to a receiver of that manner. */
static struct outcome send_once(enum manner manner, const char *answer, int64_t timeout_ms)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(receiver_freep) struct receiver *r = receiver_new(manner, answer);
        AUTO(stop) struct http_multi *multi = multi_new(4, timeout_ms, NULL);
        struct inbox inbox = INBOX;

        submit(multi, "e", url_of(arena, "a.test", r), &inbox);
        wait_for(&inbox, 1);
        return inbox.last;
}

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void what_is_sent_arrives_as_it_is(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(receiver_freep) struct receiver *r = receiver_new(KEEP_ALIVE, OK_ANSWER);
        AUTO(stop) struct http_multi *multi = multi_new(4, 5000, NULL);
        struct inbox inbox = INBOX;

        submit(multi, "e", url_of(arena, "a.test", r), &inbox);
        wait_for(&inbox, 1);
        CHECK_INT(inbox.last.outcome, HTTP_OUTCOME_ANSWER);
        CHECK_INT(inbox.last.status, 200);
        CHECK_TEXT(inbox.last.excerpt, "ok");
        CHECK_TEXT(inbox.last.error, "");
        CHECK_TEXT(inbox.last.retry_after, "none");
        CHECK(str_starts_with(r->last, "POST /hook HTTP/1.1\r\n"));
        CHECK(strstr(r->last, "User-Agent: VoieRapide-Webhook/test\r\n"));
        CHECK(strstr(r->last, "Content-Type: application/json\r\n"));
        CHECK(strstr(r->last, "X-Empty:\r\n"));
        CHECK(str_ends_with(r->last, "\r\n\r\n{\"a\":1}"));
        CHECK(!strstr(r->last, "Accept-Encoding"));
        CHECK(!strstr(r->last, "Expect"));
        CHECK_INT(http_multi_inflight(multi), 0);
}

static void any_status_is_an_answer(void)
{
        struct outcome o = send_once(CLOSE, "HTTP/1.1 503 No\r\nretry-AFTER:  120 \r\nContent-Length: 0\r\n\r\n", 5000);

        CHECK_INT(o.outcome, HTTP_OUTCOME_ANSWER);
        CHECK_INT(o.status, 503);
        CHECK_TEXT(o.retry_after, "120");
}

static void redirects_are_not_followed(void)
{
        struct outcome o =
                send_once(CLOSE, "HTTP/1.1 302 Found\r\nLocation: http://a.test:1/\r\nContent-Length: 0\r\n\r\n", 5000);

        CHECK_INT(o.outcome, HTTP_OUTCOME_ANSWER);
        CHECK_INT(o.status, 302);
}

static void an_interim_answer_is_passed_over(void)
{
        struct outcome o = send_once(CLOSE,
                                     "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
                                     "HTTP/1.1 204 No Content\r\n\r\n",
                                     5000);

        CHECK_INT(o.status, 204);
        CHECK_TEXT(o.retry_after, "none");
}

static void a_body_without_end_stops_and_is_an_answer(void)
{
        struct outcome o = send_once(ENDLESS_BODY, "HTTP/1.1 200 OK\r\n\r\n", 5000);

        CHECK_INT(o.outcome, HTTP_OUTCOME_ANSWER);
        CHECK_INT(o.status, 200);
        CHECK_INT(strlen(o.excerpt), LIMIT_WEBHOOK_EXCERPT_BYTES);
        CHECK(o.duration_ms < 4000);
}

static void a_body_that_breaks_off_is_an_answer(void)
{
        struct outcome o = send_once(CLOSE, "HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\nhalf", 5000);

        CHECK_INT(o.outcome, HTTP_OUTCOME_ANSWER);
        CHECK_INT(o.status, 201);
        CHECK_TEXT(o.excerpt, "half");
}

static void a_body_that_stalls_is_an_answer(void)
{
        struct outcome o = send_once(ANSWER_HANG, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf", 300);

        CHECK_INT(o.outcome, HTTP_OUTCOME_ANSWER);
        CHECK_INT(o.status, 200);
}

static void the_excerpt_is_valid_utf8(void)
{
        struct outcome o = send_once(CLOSE, "HTTP/1.1 400 Bad\r\n\r\n\xC3\xA9\xFF\xE2\x82x", 5000);

        CHECK_TEXT(o.excerpt, "é\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx");
}

static void silence_is_a_timeout(void)
{
        struct outcome o = send_once(HANG, "", 200);

        CHECK_INT(o.outcome, HTTP_OUTCOME_TIMEOUT);
        CHECK(o.duration_ms >= 190 && o.duration_ms < 2000);
        CHECK(o.error[0]);
}

static void what_is_no_http_is_a_protocol_failure(void)
{
        CHECK_INT(send_once(CLOSE, "SSH-2.0-OpenSSH_9.2\r\n", 2000).outcome, HTTP_OUTCOME_PROTOCOL);
        CHECK_INT(send_once(CLOSE, "HTTP/1.1 200 OK\r\nContent-", 2000).outcome, HTTP_OUTCOME_PROTOCOL);
        CHECK_INT(send_once(RESET, "", 2000).outcome, HTTP_OUTCOME_PROTOCOL);
        CHECK_INT(send_once(ENDLESS_HEAD, "HTTP/1.1 200 OK\r\n", 5000).outcome, HTTP_OUTCOME_PROTOCOL);
        CHECK_INT(send_once(HANG, "", 200).status, 0);
}

static struct outcome send_to(const char *url, int64_t timeout_ms)
{
        AUTO(stop) struct http_multi *multi = multi_new(4, timeout_ms, NULL);
        struct inbox inbox = INBOX;

        submit(multi, "e", url, &inbox);
        wait_for(&inbox, 1);
        return inbox.last;
}

static int closed_port(void)
{
        struct receiver *r = receiver_new(CLOSE, "");
        int port = r->port;

        receiver_free(r);
        return port;
}

static void nobody_there_is_a_connect_failure(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_INT(send_to("http://unknown.example/", 5000).outcome, HTTP_OUTCOME_CONNECT);
        CHECK_INT(send_to(arena_printf(arena, "http://a.test:%d/", closed_port()), 5000).outcome, HTTP_OUTCOME_CONNECT);
}

static void forbidden_addresses_are_blocked(void)
{
        struct outcome o = send_to("http://private.test/", 5000);

        CHECK_INT(o.outcome, HTTP_OUTCOME_BLOCKED);
        CHECK(!strstr(o.error, "10.0.0.1"));
        CHECK_INT(send_to("http://10.0.0.1/", 5000).outcome, HTTP_OUTCOME_BLOCKED);
        CHECK_INT(send_to("http://169.254.169.254/", 5000).outcome, HTTP_OUTCOME_BLOCKED);
}

static void an_allowed_address_beside_a_forbidden_one_is_used(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(receiver_freep) struct receiver *r = receiver_new(KEEP_ALIVE, OK_ANSWER);

        CHECK_INT(send_to(url_of(arena, "mixed.test", r), 5000).outcome, HTTP_OUTCOME_ANSWER);
        CHECK_INT(send_to(arena_printf(arena, "http://mixed.test:%d/", closed_port()), 5000).outcome,
                  HTTP_OUTCOME_CONNECT);
}

static void a_proxy_in_the_environment_is_not_asked(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(receiver_freep) struct receiver *proxy = receiver_new(KEEP_ALIVE, OK_ANSWER);
        const char *url = arena_printf(arena, "http://127.0.0.1:%d", proxy->port);

        setenv("http_proxy", url, 1);
        setenv("all_proxy", url, 1);
        CHECK_INT(send_to("http://private.test/", 5000).outcome, HTTP_OUTCOME_BLOCKED);
        CHECK_INT(atomic_load(&proxy->connections), 0);
        unsetenv("http_proxy");
        unsetenv("all_proxy");
}

static void other_schemes_do_not_leave(void)
{
        CHECK_INT(send_to("ftp://a.test/", 5000).outcome, HTTP_OUTCOME_PROTOCOL);
        CHECK_INT(send_to("file:///etc/passwd", 5000).outcome, HTTP_OUTCOME_PROTOCOL);
}

static void connections_are_kept_within_an_endpoint_only(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(receiver_freep) struct receiver *r = receiver_new(KEEP_ALIVE, OK_ANSWER);
        AUTO(stop) struct http_multi *multi = multi_new(4, 5000, NULL);
        const char *url = url_of(arena, "a.test", r);
        struct inbox inbox = INBOX;

        for (int i = 1; i <= 5; i++) {
                submit(multi, "editor-1", url, &inbox);
                wait_for(&inbox, i);
        }
        CHECK_INT(atomic_load(&r->connections), 1);
        for (int i = 6; i <= 8; i++) {
                submit(multi, "editor-2", url, &inbox);
                wait_for(&inbox, i);
        }
        CHECK_INT(atomic_load(&r->connections), 2);
        submit(multi, "editor-1", url, &inbox);
        wait_for(&inbox, 9);
        CHECK_INT(atomic_load(&r->connections), 2);
        CHECK_INT(atomic_load(&r->requests), 9);
}

static void many_endpoints_come_and_go(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(receiver_freep) struct receiver *r = receiver_new(CLOSE, OK_ANSWER);
        AUTO(stop) struct http_multi *multi = multi_new(8, 5000, NULL);
        struct inbox inbox = INBOX;

        for (int i = 0; i < LIMIT_WEBHOOK_LANES + 50; i++) {
                /* most never connect: it is the lanes that are counted */
                submit(multi, arena_printf(arena, "e%d", i),
                       i % 20 ? "http://private.test/" : url_of(arena, "a.test", r), &inbox);
        }
        wait_for(&inbox, LIMIT_WEBHOOK_LANES + 50);
        CHECK_INT(atomic_load(&r->requests), (LIMIT_WEBHOOK_LANES + 50 + 19) / 20);
}

static void no_more_at_once_than_asked_for(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(receiver_freep) struct receiver *r = receiver_new(HANG, "");
        AUTO(stop) struct http_multi *multi = multi_new(3, 300, NULL);
        struct inbox inbox = INBOX;

        for (int i = 0; i < 9; i++)
                submit(multi, "e", url_of(arena, "a.test", r), &inbox);
        CHECK(http_multi_inflight(multi) > 3);
        wait_for(&inbox, 3);
        CHECK(atomic_load(&r->connections) <= 6);
        wait_for(&inbox, 9);
        CHECK_INT(atomic_load(&r->requests), 9);
}

static void a_name_that_hangs_holds_nobody_up(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(receiver_freep) struct receiver *r = receiver_new(KEEP_ALIVE, OK_ANSWER);
        AUTO(stop) struct http_multi *multi = multi_new(4, 300, NULL);
        struct inbox slow = INBOX, quick = INBOX;
        int64_t started_ms = clock_mono_ms();

        submit(multi, "slow", "http://slow.test/", &slow);
        wait_for(&slow, 1);
        CHECK_INT(slow.last.outcome, HTTP_OUTCOME_TIMEOUT);
        submit(multi, "quick", url_of(arena, "a.test", r), &quick);
        wait_for(&quick, 1);
        CHECK_INT(quick.last.outcome, HTTP_OUTCOME_ANSWER);
        CHECK(clock_mono_ms() - started_ms < 1500);
}

static void headers_can_not_smuggle(void)
{
        AUTO(stop) struct http_multi *multi = multi_new(4, 300, NULL);
        const struct http_header bad[] = {{"X", "a\r\nY: b"}};
        const struct http_multi_job job = {.endpoint = "e", .url = "http://a.test/", .headers = bad, .header_count = 1};
        struct inbox inbox = INBOX;

        CHECK_INT(http_multi_submit(multi, &job, on_done, &inbox), ERR_INVALID);
        CHECK_INT(inbox.count, 0);
}

static void stopping_reports_what_is_left(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(receiver_freep) struct receiver *r = receiver_new(HANG, "");
        struct http_multi *multi = multi_new(2, 60000, NULL);
        struct inbox inbox = INBOX;
        int64_t started_ms = clock_mono_ms();

        for (int i = 0; i < 5; i++)
                submit(multi, "e", url_of(arena, "a.test", r), &inbox);
        http_multi_stop(multi, 200);
        CHECK_INT(inbox.count, 5);
        CHECK_INT(inbox.last.outcome, HTTP_OUTCOME_TIMEOUT);
        CHECK(clock_mono_ms() - started_ms < 3000);
}

static void stopping_waits_for_what_runs(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(receiver_freep) struct receiver *r = receiver_new(KEEP_ALIVE, OK_ANSWER);
        struct http_multi *multi = multi_new(2, 5000, NULL);
        struct inbox inbox = INBOX;
        int64_t started_ms = clock_mono_ms();

        for (int i = 0; i < 20; i++)
                submit(multi, "e", url_of(arena, "a.test", r), &inbox);
        http_multi_stop(multi, 5000);
        CHECK(clock_mono_ms() - started_ms < 3000); /* and not longer */
        CHECK_INT(inbox.count, 20);
        CHECK_INT(inbox.last.outcome, HTTP_OUTCOME_ANSWER);
        http_multi_stop(NULL, 0);
}

/* ---- TLS, against openssl's own server ---- */

struct tls_server {
        pid_t pid;
        int port;
        char dir[64], cert[96], key[96];
};

static pid_t run(const char *const *argv)
{
        pid_t pid = fork();

        if (pid == 0) {
                int null = open("/dev/null", O_RDWR);

                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(null, STDIN_FILENO);
                dup2(null, STDOUT_FILENO);
                dup2(null, STDERR_FILENO);
                execvp(argv[0], (char *const *)(uintptr_t)argv);
                _exit(127);
        }
        return pid;
}

static bool answers(int port)
{
        struct sockaddr_in address = {
                .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        bool connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

        close(fd);
        return connected;
}

/* A certificate for tls.test alone. */
static bool tls_start(struct tls_server *server)
{
        char port[12];
        const char *const make_cert[] = {"openssl",
                                         "req",
                                         "-x509",
                                         "-newkey",
                                         "ec",
                                         "-pkeyopt",
                                         "ec_paramgen_curve:P-256",
                                         "-nodes",
                                         "-days",
                                         "2",
                                         "-subj",
                                         "/CN=tls.test",
                                         "-addext",
                                         "subjectAltName=DNS:tls.test",
                                         "-keyout",
                                         server->key,
                                         "-out",
                                         server->cert,
                                         NULL};
        const char *const serve_it[] = {"openssl", "s_server",  "-accept", port,     "-cert", server->cert,
                                        "-key",    server->key, "-rev",    "-quiet", NULL};
        int status = 0;

        snprintf(server->dir, sizeof(server->dir), "/tmp/vr_tls_XXXXXX");
        if (!mkdtemp(server->dir))
                return false;
        snprintf(server->cert, sizeof(server->cert), "%s/cert.pem", server->dir);
        snprintf(server->key, sizeof(server->key), "%s/key.pem", server->dir);
        if (waitpid(run(make_cert), &status, 0) < 0 || status != 0)
                return false;
        server->port = closed_port();
        snprintf(port, sizeof(port), "%d", server->port);
        server->pid = run(serve_it);
        for (int64_t until_ms = clock_mono_ms() + 5000; clock_mono_ms() < until_ms;) {
                if (answers(server->port))
                        return true;
                poll(NULL, 0, 10);
        }
        return false;
}

static void tls_stop(struct tls_server *server)
{
        if (server->pid > 0) {
                kill(server->pid, SIGKILL);
                waitpid(server->pid, NULL, 0);
        }
        unlink(server->cert);
        unlink(server->key);
        rmdir(server->dir);
}

static struct outcome send_tls(const struct tls_server *server, const char *host, const char *ca_file)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(stop) struct http_multi *multi = multi_new(4, 5000, ca_file);
        struct inbox inbox = INBOX;

        submit(multi, "e", arena_printf(arena, "https://%s:%d/", host, server->port), &inbox);
        wait_for(&inbox, 1);
        return inbox.last;
}

static void certificates_are_checked(void)
{
        AUTO(tls_stop) struct tls_server server = {0};
        struct outcome o;

        CHECK(tls_start(&server));
        o = send_tls(&server, "tls.test", NULL);
        CHECK_INT(o.outcome, HTTP_OUTCOME_TLS);
        o = send_tls(&server, "other.test", server.cert);
        CHECK_INT(o.outcome, HTTP_OUTCOME_TLS);
        o = send_tls(&server, "tls.test", server.cert);
        CHECK_INT(o.outcome, HTTP_OUTCOME_PROTOCOL); /* it sends our lines back, reversed: the handshake went through */
}

static void a_server_that_speaks_no_tls_is_a_tls_failure(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(receiver_freep) struct receiver *r = receiver_new(GREET, "HTTP/1.1 400 Bad\r\n\r\n");
        AUTO(stop) struct http_multi *multi = multi_new(4, 2000, NULL);
        struct inbox inbox = INBOX;

        submit(multi, "e", arena_printf(arena, "https://a.test:%d/", r->port), &inbox);
        wait_for(&inbox, 1);
        CHECK_INT(inbox.last.outcome, HTTP_OUTCOME_TLS);
}

static void a_handshake_that_breaks_off_is_a_connect_failure(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(receiver_freep) struct receiver *r = receiver_new(GREET, "");
        AUTO(stop) struct http_multi *multi = multi_new(4, 2000, NULL);
        struct inbox inbox = INBOX;

        submit(multi, "e", arena_printf(arena, "https://a.test:%d/", r->port), &inbox);
        wait_for(&inbox, 1);
        CHECK_INT(inbox.last.outcome, HTTP_OUTCOME_CONNECT);
}

static void a_missing_authority_file_is_told_at_start(void)
{
        const struct http_multi_config config = {.ca_file = "/nonexistent/ca.pem", .allow = allow_loopback};
        struct http_multi *multi = NULL;

        CHECK_INT(http_multi_start(&config, &multi), ERR_INVALID);
        CHECK(!multi);
}

UNIT_TESTS(UNIT(what_is_sent_arrives_as_it_is), UNIT(any_status_is_an_answer), UNIT(redirects_are_not_followed),
           UNIT(an_interim_answer_is_passed_over), UNIT(a_body_without_end_stops_and_is_an_answer),
           UNIT(a_body_that_breaks_off_is_an_answer), UNIT(a_body_that_stalls_is_an_answer),
           UNIT(the_excerpt_is_valid_utf8), UNIT(silence_is_a_timeout), UNIT(what_is_no_http_is_a_protocol_failure),
           UNIT(nobody_there_is_a_connect_failure), UNIT(forbidden_addresses_are_blocked),
           UNIT(an_allowed_address_beside_a_forbidden_one_is_used), UNIT(a_proxy_in_the_environment_is_not_asked),
           UNIT(other_schemes_do_not_leave), UNIT(connections_are_kept_within_an_endpoint_only),
           UNIT(many_endpoints_come_and_go), UNIT(no_more_at_once_than_asked_for),
           UNIT(a_name_that_hangs_holds_nobody_up), UNIT(headers_can_not_smuggle), UNIT(stopping_reports_what_is_left),
           UNIT(stopping_waits_for_what_runs), UNIT(certificates_are_checked),
           UNIT(a_server_that_speaks_no_tls_is_a_tls_failure), UNIT(a_handshake_that_breaks_off_is_a_connect_failure),
           UNIT(a_missing_authority_file_is_told_at_start))
