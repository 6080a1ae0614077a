#include "common/io/http_server.h"

#include <civetweb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/base/utf8.h"
#include "common/io/http_hooks.h"

#define LINGER_MS         2000               /* to let a refused client finish sending and read why */
#define LINGER_BYTES      (16 * 1024 * 1024) /* … but no more than this */
#define STOP_POLL_MS      10
#define THREAD_MASTER     0 /* CivetWeb's numbers of its kinds of threads */
#define THREAD_WORKER     1
#define CONTINUE_LINE     "HTTP/1.1 100 Continue\r\n\r\n"
#define RESPONSE_HEAD_MAX (64 * 1024)

struct http_server {
        struct http_server_config config;
        struct http_hooks hooks;
        struct mg_context *context;
        int port;
        atomic_int active;      /* requests in a handler */
        atomic_int connections; /* open, idle ones too */
};

/* --- headers ---------------------------------------------------------------------------------------------------- */

const char *http_request_header(const struct http_request *request, const char *name)
{
        for (size_t i = 0; i < request->header_count; i++)
                if (str_equal_nocase(request->headers[i].name, name))
                        return request->headers[i].value;
        return NULL;
}

size_t http_request_header_count(const struct http_request *request, const char *name)
{
        size_t count = 0;
        for (size_t i = 0; i < request->header_count; i++)
                count += str_equal_nocase(request->headers[i].name, name);
        return count;
}

static bool fits_a_line(const char *text)
{
        return text != NULL && strpbrk(text, "\r\n") == NULL;
}

void http_response_header(struct http_request *request, struct http_response *response, const char *name,
                          const char *value)
{
        if (!fits_a_line(name) || !fits_a_line(value))
                return;
        for (size_t i = 0; i < response->header_count; i++) {
                if (!str_equal_nocase(response->headers[i].name, name))
                        continue;
                response->headers[i].value = arena_strdup(request->arena, value);
                return;
        }
        http_response_add_header(request, response, name, value);
}

void http_response_add_header(struct http_request *request, struct http_response *response, const char *name,
                              const char *value)
{
        if (!fits_a_line(name) || !fits_a_line(value) || response->header_count == LIMIT_HTTP_RESPONSE_HEADERS)
                return;
        response->headers[response->header_count++] = (struct http_header){
                arena_strdup(request->arena, name),
                arena_strdup(request->arena, value),
        };
}

/* --- writing an answer: all of it at once ----------------------------------------------------------------------- */

static const char *reason_of(struct mg_connection *conn, int status)
{
        return status == 422 ? "Unprocessable Content"
                             : mg_get_response_code_text(conn, status); /* it misspells that */
}

/* RFC 9110 §5.6.7, without the locale. */
static void write_date(struct buf *out)
{
        static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        time_t now = (time_t)(clock_wall_ms() / 1000);
        struct tm utc;
        gmtime_r(&now, &utc);
        buf_printf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[utc.tm_wday], utc.tm_mday,
                   months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

static void write_response(struct mg_connection *conn, const char *method, const struct http_response *response,
                           bool keep)
{
        int status = response->status != 0 ? response->status : 500;
        const void *body = response->static_body ? response->static_body : response->body.data;
        size_t length = response->static_body ? response->static_length : response->body.length;
        bool bodiless = status < 200 || status == 204 || status == 304;

        AUTO(buf_done) struct buf out = {0};
        buf_init(&out, RESPONSE_HEAD_MAX + length);
        buf_printf(&out, "HTTP/1.1 %d %s\r\n", status, reason_of(conn, status));
        write_date(&out);
        for (size_t i = 0; i < response->header_count; i++) {
                buf_puts(&out, response->headers[i].name);
                buf_puts(&out, ": ");
                buf_puts(&out, response->headers[i].value);
                buf_puts(&out, "\r\n");
        }
        if (!bodiless)
                buf_printf(&out, "Content-Length: %zu\r\n", length);
        buf_puts(&out, keep ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n");
        if (!bodiless && !str_equal(method, "HEAD"))
                buf_append(&out, body, length);
        if (buf_err(&out) == ERR_OK)
                (void)mg_write(conn, out.data, out.length);
        else
                mg_disable_connection_keep_alive(conn); /* nothing was sent: the closed connection says so */
}

/* A body nobody will read is drained, within bounds: closing on unread bytes would reset the answer away. */
static void linger(struct http_worker *worker)
{
        if (worker->fd < 0)
                return;
        http_worker_enter(worker, HTTP_PHASE_OUTSIDE);
        (void)shutdown(worker->fd, SHUT_WR);
        int64_t until_ms = clock_mono_ms() + LINGER_MS;
        char waste[LIMIT_HTTP_READ_STEP_BYTES * 4];
        for (size_t drained = 0; drained < LINGER_BYTES;) {
                int64_t left_ms = until_ms - clock_mono_ms();
                struct pollfd fd = {.fd = worker->fd, .events = POLLIN};
                if (left_ms <= 0 || poll(&fd, 1, (int)left_ms) <= 0)
                        return;
                ssize_t received = recv(worker->fd, waste, sizeof(waste), 0);
                if (received <= 0)
                        return;
                drained += (size_t)received;
        }
}

/* --- reading a request ------------------------------------------------------------------------------------------ */

/*
 * CivetWeb parses a head in place, leaving NULs where separators were. From that it can be seen whether each line
 * ended with CR LF, and whether lines were silently dropped (a folded one ends its list of headers; so does the 65th).
 */
static bool line_is_strict(const struct http_worker *worker, const struct mg_request_info *info)
{
        const char *target = info->request_uri;
        const char *end = info->query_string ? info->query_string : target;
        return info->request_method == worker->buffer /* after blank lines the library miscounts the head's length */
               && target == info->request_method + strlen(info->request_method) + 1 &&
               info->http_version == end + strlen(end) + strlen(" HTTP/");
}

static bool head_is_strict(const struct http_worker *worker, const struct mg_request_info *info)
{
        if (worker->buffer == NULL || info->num_headers == 0)
                return true; /* the gate refuses a request without headers */
        if (!line_is_strict(worker, info))
                return false;
        const char *end = info->http_version + strlen(info->http_version);
        for (int i = 0; i < info->num_headers; i++) {
                const char *name = info->http_headers[i].name, *value = info->http_headers[i].value;
                const char *colon = name + strlen(name);
                if (name != end + strlen("\r\n"))
                        return false;
                if (value != colon + 1 && colon[1] != ' ' && colon[1] != '\t') /* "Name :" */
                        return false;
                end = value + strlen(value);
        }
        return end + 3 < worker->read_end && end[1] == '\0' && end[2] == '\r' && end[3] == '\0';
}

/* Without the white space behind it (RFC 9112 §5); what is before it the library has skipped. */
static const char *trimmed(struct arena *arena, const char *value)
{
        size_t length = strlen(value);
        size_t kept = length;
        while (kept > 0 && (value[kept - 1] == ' ' || value[kept - 1] == '\t'))
                kept--;
        return kept == length ? value : arena_strndup(arena, value, kept);
}

static enum err take_path(struct http_request *request, const char *target)
{
        char *path;
        enum err err = str_url_decode(request->arena, target, strlen(target), false, &path);
        if (err)
                return err;
        if (!utf8_valid(path, strlen(path)) || utf8_has_control(path))
                return ERR_BAD_REQUEST;
        request->path = path;
        return ERR_OK;
}

/* The request without its body. What could be understood is filled in also when it is refused. */
static enum err take_head(const struct http_worker *worker, const struct mg_request_info *info,
                          struct http_request *request, size_t *ret_body_bytes)
{
        struct http_header *headers = ARENA_ARRAY(request->arena, struct http_header, (size_t)info->num_headers + 1);
        for (int i = 0; i < info->num_headers; i++)
                headers[i] = (struct http_header){
                        info->http_headers[i].name,
                        trimmed(request->arena, info->http_headers[i].value),
                };
        request->method = info->request_method;
        request->query = info->query_string ? info->query_string : "";
        request->headers = headers;
        request->header_count = (size_t)info->num_headers;
        if (request->header_count <= LIMIT_HTTP_HEADERS && !head_is_strict(worker, info))
                return ERR_BAD_REQUEST;

        const struct http_gate_input input = {
                .method = request->method,
                .target = info->request_uri,
                .query = request->query,
                .version = info->http_version,
                .headers = headers,
                .header_count = request->header_count,
                .max_body_bytes = LIMIT_HTTP_BODY_BYTES,
        };
        size_t body_bytes;
        enum err err = http_gate(&input, &body_bytes);
        /* a refused request's path is for the answer's form alone: a clean one is enough */
        enum err path_err = err == ERR_BAD_REQUEST ? err : take_path(request, info->request_uri);
        if (err || path_err)
                return err ? err : path_err;
        *ret_body_bytes = body_bytes;
        return ERR_OK;
}

static enum err read_body(struct mg_connection *conn, struct http_worker *worker, struct http_request *request,
                          size_t length)
{
        if (length == 0)
                return ERR_OK;
        http_worker_enter(worker, HTTP_PHASE_BODY);
        if (http_request_header(request, "Expect") != NULL &&
            strcmp(mg_get_request_info(conn)->http_version, "1.1") == 0)
                (void)mg_write(conn, CONTINUE_LINE, strlen(CONTINUE_LINE));
        char *body = arena_alloc(request->arena, length + 1);
        for (size_t got = 0; got < length;) {
                size_t step = length - got < LIMIT_HTTP_READ_STEP_BYTES ? length - got : LIMIT_HTTP_READ_STEP_BYTES;
                int received = mg_read(conn, body + got, step);
                if (http_worker_expired(worker))
                        return ERR_REQUEST_TIMEOUT;
                if (received <= 0)
                        return ERR_BAD_REQUEST;
                got += (size_t)received;
        }
        request->body = body;
        request->body_length = length;
        return ERR_OK;
}

/* --- a connection's life ---------------------------------------------------------------------------------------- */

static bool has_option(const char *value, const char *option)
{
        size_t length = strlen(option);
        for (const char *at = value; *at != '\0';) {
                at += strspn(at, " \t,");
                size_t size = strcspn(at, " \t,");
                if (size == length && strncasecmp(at, option, length) == 0)
                        return true;
                at += size;
        }
        return false;
}

/* As the library decides it, so that what we say is what it does. */
static bool wants_keep_alive(const struct http_request *request, const char *version)
{
        const char *connection = http_request_header(request, "Connection");
        if (connection != NULL)
                return has_option(connection, "keep-alive");
        return strcmp(version, "1.1") == 0;
}

static int refuse(struct http_server *server, struct http_worker *worker, struct mg_connection *conn,
                  struct http_request *request, struct http_response *response, enum err err)
{
        http_worker_enter(worker, HTTP_PHASE_OUTSIDE);
        server->config.refuse(server->config.arg, request, response, err);
        mg_disable_connection_keep_alive(conn);
        http_worker_enter(worker, HTTP_PHASE_WRITE);
        write_response(conn, request->method, response, false);
        linger(worker);
        return response->status != 0 ? response->status : 500;
}

static int serve(struct http_server *server, struct http_worker *worker, struct mg_connection *conn,
                 struct http_request *request, struct http_response *response)
{
        const struct mg_request_info *info = mg_get_request_info(conn);
        size_t body_bytes = 0;
        enum err err = take_head(worker, info, request, &body_bytes);
        if (err == ERR_OK)
                err = read_body(conn, worker, request, body_bytes);
        if (err)
                return refuse(server, worker, conn, request, response, err);

        http_worker_enter(worker, HTTP_PHASE_OUTSIDE);
        server->config.handle(server->config.arg, request, response);
        bool keep = !atomic_load(&server->hooks.draining) && wants_keep_alive(request, info->http_version);
        if (!keep)
                mg_disable_connection_keep_alive(conn);
        http_worker_enter(worker, HTTP_PHASE_WRITE);
        write_response(conn, request->method, response, keep);
        return response->status != 0 ? response->status : 500;
}

static struct http_request empty_request(struct arena *arena, const struct mg_request_info *info)
{
        return (struct http_request){
                .arena = arena,
                .method = "",
                .path = "",
                .query = "",
                .body = "",
                .remote = arena_strdup(arena, info->remote_addr),
                .started_ns = clock_mono_ns(),
        };
}

static struct http_server *server_of(const struct mg_connection *conn)
{
        return mg_get_user_data(mg_get_context(conn));
}

/* Every well-formed request comes here, before the library looks at it further (files, CORS, WebSockets). */
static int on_request(struct mg_connection *conn)
{
        struct http_server *server = server_of(conn);
        struct http_worker *worker = http_hooks_worker();
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct http_request request = empty_request(arena, mg_get_request_info(conn));
        struct http_response response = {0};
        buf_init(&response.body, LIMIT_HTTP_RESPONSE_BYTES);

        if (worker->phase == HTTP_PHASE_IDLE) /* it was in the buffer behind the one before */
                http_worker_enter(worker, HTTP_PHASE_HEAD);
        atomic_fetch_add(&server->active, 1);
        int status = serve(server, worker, conn, &request, &response);
        atomic_fetch_sub(&server->active, 1);
        buf_done(&response.body);
        http_worker_enter(worker, HTTP_PHASE_IDLE);
        return status;
}

/*
 * The library refuses methods it does not know as a bad request. Its words tell that it had looked at the request line,
 * and then all three parts of it are ended texts.
 */
static bool is_unknown_method(const struct mg_request_info *info, const char *message)
{
        if (!str_equal(message, "Bad request") || !info->http_version || info->num_headers != 0)
                return false;
        if (strcmp(info->http_version, "1.1") != 0 && strcmp(info->http_version, "1.0") != 0)
                return false;
        size_t length = strlen(info->request_method);
        return length > 0 && length == strspn(info->request_method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static enum err judge_library_error(const struct http_worker *worker, const struct mg_request_info *info, int status,
                                    const char *message, struct http_request *request)
{
        if (http_worker_expired(worker))
                return ERR_REQUEST_TIMEOUT;
        bool full = worker->buffer != NULL && worker->read_end - worker->buffer >= LIMIT_HTTP_HEAD_BYTES;
        if (full || status == 413) /* its word for a head that does not fit; 1.15 says 400 */
                return ERR_HEADERS_TOO_LARGE;
        if (status >= 500 && status != 505)
                return ERR_INTERNAL;
        if (!is_unknown_method(info, message))
                return ERR_BAD_REQUEST;
        const char *target = arena_strndup(request->arena, info->request_uri, strcspn(info->request_uri, "?"));
        return take_path(request, target) == ERR_OK ? ERR_METHOD_NOT_ALLOWED : ERR_BAD_REQUEST;
}

/* What the library refuses by itself (no HTTP, a head too large or too slow) gets an answer of our form. */
static int on_error(struct mg_connection *conn, int status, const char *message)
{
        struct http_server *server = server_of(conn);
        struct http_worker *worker = http_hooks_worker();
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct http_request request = empty_request(arena, mg_get_request_info(conn));
        struct http_response response = {0};
        buf_init(&response.body, LIMIT_HTTP_RESPONSE_BYTES);
        enum err err = judge_library_error(worker, mg_get_request_info(conn), status, message, &request);
        (void)refuse(server, worker, conn, &request, &response, err);
        buf_done(&response.body);
        return 0;
}

/* A target that is not a path of ours ("*", another host's) the library drops without a word. */
static void on_close(const struct mg_connection *conn)
{
        if (http_hooks_worker()->phase == HTTP_PHASE_HEAD)
                (void)on_error((struct mg_connection *)conn, 400, "");
}

static int on_open(const struct mg_connection *conn, void **ret_data)
{
        (void)ret_data;
        http_worker_reset(http_hooks_worker());
        atomic_fetch_add(&server_of(conn)->connections, 1);
        return 0;
}

static void on_closed(const struct mg_connection *conn)
{
        atomic_fetch_sub(&server_of(conn)->connections, 1);
}

static void *on_thread(const struct mg_context *context, int type)
{
        if (type != THREAD_MASTER && type != THREAD_WORKER)
                return NULL;
        struct http_server *server = mg_get_user_data(context);
        struct http_worker *worker = calloc(1, sizeof(*worker));
        if (worker == NULL)
                abort(); /* at start: there is no service without its threads */
        worker->hooks = &server->hooks;
        worker->master = type == THREAD_MASTER;
        http_worker_reset(worker);
        http_hooks_adopt(worker);
        return worker;
}

static void on_thread_end(const struct mg_context *context, int type, void *worker)
{
        (void)context, (void)type;
        http_hooks_adopt(NULL);
        free(worker);
}

static int on_message(const struct mg_connection *conn, const char *message)
{
        (void)conn;
        log_debug(NULL, "http.library", "CivetWeb says", LOG_DETAIL(message));
        return 1;
}

/* --- start and stop --------------------------------------------------------------------------------------------- */

static struct mg_context *start_library(struct http_server *server)
{
        const struct http_server_config *config = &server->config;
        char listen[64], threads[16], timeout[16], head_bytes[16];
        snprintf(listen, sizeof(listen), "%s%s%d", config->address ? config->address : "", config->address ? ":" : "",
                 config->port);
        snprintf(threads, sizeof(threads), "%d", config->threads);
        snprintf(head_bytes, sizeof(head_bytes), "%d", LIMIT_HTTP_HEAD_BYTES);
        /* ours, in http_hooks, are shorter and count from the first byte */
        snprintf(timeout, sizeof(timeout), "%d", 2 * (config->request_ms + config->keep_alive_ms) + 1000);
        const char *options[] = {
                "listening_ports",
                listen,
                "num_threads",
                threads,
                "tcp_nodelay",
                "1",
                "enable_keep_alive",
                "yes",
                "request_timeout_ms",
                timeout,
                "keep_alive_timeout_ms",
                timeout,
                "max_request_size",
                head_bytes,
                "decode_url",
                "no",
                "decode_query_string",
                "no",
                "enable_directory_listing",
                "no",
                "access_control_allow_methods",
                "",
                "access_control_allow_origin",
                "",
                "enable_auth_domain_check",
                "no",
                "listen_backlog",
                "1024",
                "connection_queue",
                "64",
                NULL,
        };
        const struct mg_callbacks callbacks = {
                .begin_request = on_request,
                .http_error = on_error,
                .init_connection = on_open,
                .connection_close = on_close,
                .connection_closed = on_closed,
                .init_thread = on_thread,
                .exit_thread = on_thread_end,
                .log_message = on_message,
        };
        return mg_start(&callbacks, server, options);
}

enum err http_server_start(const struct http_server_config *config, struct http_server **ret_server)
{
        struct http_server *server = calloc(1, sizeof(*server));
        if (server == NULL)
                return ERR_NO_MEMORY;
        server->config = *config;
        if (server->config.request_ms == 0)
                server->config.request_ms = LIMIT_HTTP_REQUEST_MS;
        server->hooks.request_ms = server->config.request_ms;
        server->hooks.keep_alive_ms = config->keep_alive_ms;
        server->hooks.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (server->hooks.wake_fd < 0) {
                free(server);
                return ERR_UNAVAILABLE;
        }
        mg_init_library(MG_FEATURES_DEFAULT);
        server->context = start_library(server);
        struct mg_server_port ports[1];
        if (server->context == NULL || mg_get_server_ports(server->context, 1, ports) != 1) {
                http_server_stop(server);
                return ERR_UNAVAILABLE;
        }
        server->port = ports[0].port;
        *ret_server = server;
        return ERR_OK;
}

int http_server_port(const struct http_server *server)
{
        return server->port;
}

int http_server_active(const struct http_server *server)
{
        return atomic_load(&server->active);
}

void http_server_drain(struct http_server *server)
{
        atomic_store(&server->hooks.draining, true);
        uint64_t one = 1;
        ssize_t written = write(server->hooks.wake_fd, &one, sizeof(one));
        (void)written; /* an eventfd that is already readable wakes as well */
}

/* Two looks in a row: a connection just accepted is on its way to a worker. */
static void wait_for_connections(struct http_server *server)
{
        int64_t until_ms = clock_mono_ms() + 3 * (int64_t)server->config.request_ms;
        for (int quiet = 0; quiet < 3 && clock_mono_ms() < until_ms;) {
                bool closed = atomic_load(&server->hooks.listen_closed);
                quiet = closed && atomic_load(&server->connections) == 0 ? quiet + 1 : 0;
                (void)poll(NULL, 0, STOP_POLL_MS);
        }
}

void http_server_stop(struct http_server *server)
{
        if (server == NULL)
                return;
        if (server->context != NULL) {
                atomic_store(&server->hooks.close_listen, true);
                http_server_drain(server);
                wait_for_connections(server);
                mg_stop(server->context);
        }
        mg_exit_library();
        close(server->hooks.wake_fd);
        free(server);
}
