#include "common/app/router.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/app/reply.h"
#include "common/base/clock.h"
#include "tests/support/unit.h"

/* --- a service with a few routes -------------------------------------------------------------------------------- */

static int calls;
static enum err next_err;
static unsigned asked_scopes;

/* In place of app/guard, which needs a Redis: "Bearer ok" may do everything. */
enum err guard_check(struct guard *guard, struct arena *arena, const char *authorization, unsigned accepted,
                     struct principal *ret_principal)
{
        (void)guard, (void)arena;
        asked_scopes = accepted;
        bool ok = authorization != NULL && strcmp(authorization, "Bearer ok") == 0;
        if (!ok && (authorization == NULL || strcmp(authorization, "Bearer small") != 0))
                return ERR_UNAUTHORIZED;
        *ret_principal = (struct principal){.editor_id = "ed_1", .scopes = accepted};
        return ok ? ERR_OK : ERR_FORBIDDEN;
}

/* In place of app/rate_limit, likewise. */
static int64_t left;
static const char *counted;

enum err rate_limit_count(const struct rate_limiter *limiter, struct arena *arena, const char *key,
                          struct rate_limit *ret_state)
{
        (void)arena;
        counted = key;
        bool allowed = left > 0;
        *ret_state = (struct rate_limit){limiter->limit, allowed ? --left : 0, 1718461845, 42};
        return allowed ? ERR_OK : ERR_RATE_LIMITED;
}

static enum err echo(void *app, struct exchange *x)
{
        (void)app;
        calls++;
        AUTO(buf_done) struct buf body = {0};
        buf_printf(&body, "%s id=%s part=%s", x->route, exchange_param(x, "identifier"), exchange_param(x, "part"));
        return reply_json(x, 200, &body);
}

static enum err fail(void *app, struct exchange *x)
{
        (void)app;
        calls++;
        x->detail = "SELECT went wrong";
        x->log.market = "VR-2024-A1B2C3D4E5F6";
        return next_err;
}

static enum err forget(void *app, struct exchange *x)
{
        (void)app, (void)x;
        return ERR_OK;
}

static enum err query(void *app, struct exchange *x)
{
        (void)app;
        const char *cursor = NULL;
        enum err err = exchange_query(x, "cursor", &cursor);
        if (err)
                return err;
        AUTO(buf_done) struct buf body = {0};
        buf_printf(&body, "cursor=%s session=%s", cursor ? cursor : "(none)",
                   exchange_cookie(x, "session") ? exchange_cookie(x, "session") : "(none)");
        return reply_json(x, 200, &body);
}

static const struct route routes[] = {
        {"GET", "/", ROUTE_OPEN, echo},
        {"GET", "/markets/stats", ROUTE_API_READ, echo},
        {"GET", "/markets/{identifier}", ROUTE_API_READ, echo},
        {"DELETE", "/markets/{identifier}", ROUTE_API_WRITE, echo},
        {"POST", "/buyer/{identifier}/{part}", ROUTE_OPEN, echo},
        {"GET", "/fail/{identifier}", ROUTE_OPEN, fail},
        {"GET", "/forget", ROUTE_OPEN, forget},
        {"GET", "/query", ROUTE_OPEN, query},
        {NULL},
};

static void finish(void *app, struct exchange *x)
{
        (void)app;
        http_response_header(x->request, x->response, "X-Finished", "yes");
}

/* --- one exchange at a time ------------------------------------------------------------------------------------- */

static struct metrics *metrics;
static struct router *router;
static struct http_request request;
static struct http_response response;
static struct http_header headers[4];

static void open_router(void)
{
        if (router != NULL)
                return;
        metrics = metrics_new();
        static const struct rate_limiter limiter = {.limit = 1000};
        const struct router_config config = {
                .routes = routes, .metrics = metrics, .finish = finish, .limiter = &limiter};
        CHECK_INT(router_new(&config, &router), ERR_OK);
}

/* Prepares a request with up to two headers. */
static void prepare(const char *method, const char *path, const char *name, const char *value)
{
        open_router();
        arena_free(request.arena);
        buf_done(&response.body);
        response = (struct http_response){0};
        headers[0] = (struct http_header){name, value};
        request = (struct http_request){
                .arena = arena_new(),
                .method = method,
                .path = path,
                .query = "",
                .headers = headers,
                .header_count = name ? 1 : 0,
                .body = "",
                .started_ns = clock_mono_ns(),
        };
        calls = 0;
        left = 1000;
        counted = NULL;
}

static int ask_with(const char *method, const char *path, const char *name, const char *value)
{
        prepare(method, path, name, value);
        router_handle(router, &request, &response);
        return response.status;
}

static int ask(const char *method, const char *path)
{
        return ask_with(method, path, NULL, NULL);
}

static const char *header(const char *name)
{
        for (size_t i = 0; i < response.header_count; i++)
                if (strcmp(response.headers[i].name, name) == 0)
                        return response.headers[i].value;
        return NULL;
}

static const char *body(void)
{
        return buf_text(&response.body);
}

/* --- routes ----------------------------------------------------------------------------------------------------- */

static void finds_routes_and_their_parameters(void)
{
        CHECK_INT(ask("GET", "/"), 200);
        CHECK_INT(ask("POST", "/buyer/VR-1/setup"), 200);
        CHECK_TEXT(body(), "/buyer/{identifier}/{part} id=VR-1 part=setup");
}

static void the_first_path_that_fits_decides(void)
{
        CHECK_INT(ask_with("GET", "/markets/stats", "Authorization", "Bearer ok"), 200);
        CHECK_TEXT(body(), "/markets/stats id= part=");
        CHECK_INT(ask_with("DELETE", "/markets/stats", "Authorization", "Bearer ok"), 405);
        CHECK_TEXT(header("Allow"), "GET, HEAD");
}

static void unknown_paths_are_not_found(void)
{
        static const char *const paths[] = {"/x", "/markets",      "/markets/",       "/markets/a/",    "/markets/a/b",
                                            "//", "/buyer//setup", "/markets/stats/", "/MARKETS/stats", ""};
        for (size_t i = 0; i < ARRAY_LEN(paths); i++)
                if (ask("GET", paths[i]) != 404)
                        unit_fail(__FILE__, __LINE__, "%s is %d", paths[i], response.status);
        CHECK_TEXT(body(), "{\"error\":\"Resource not found\"}");
}

static void known_paths_say_what_they_allow(void)
{
        CHECK_INT(ask("PUT", "/markets/a"), 405);
        CHECK_TEXT(header("Allow"), "GET, HEAD, DELETE");
        CHECK_TEXT(body(), "{\"error\":\"Method not allowed\"}");
        CHECK_INT(ask("OPTIONS", "/"), 405);
        CHECK_TEXT(header("Allow"), "GET, HEAD");
        CHECK_TEXT(header("WWW-Authenticate"), NULL);
}

static void get_answers_head(void)
{
        CHECK_INT(ask("HEAD", "/"), 200);
        CHECK_INT(calls, 1);
        CHECK_INT(ask("HEAD", "/buyer/VR-1/setup"), 405);
}

/* --- access ----------------------------------------------------------------------------------------------------- */

static void a_token_is_wanted_before_the_handler_runs(void)
{
        CHECK_INT(ask("GET", "/markets/a"), 401);
        CHECK_INT(calls, 0);
        CHECK_TEXT(body(), "{\"error\":\"Not authorized\"}");
        CHECK_TEXT(header("WWW-Authenticate"), "Bearer");
        CHECK_INT(ask_with("GET", "/markets/a", "Authorization", "Bearer ok"), 200);
        CHECK_INT(calls, 1);
}

static void reading_and_changing_want_their_scopes(void)
{
        (void)ask("GET", "/markets/a");
        CHECK_INT(asked_scopes, SCOPE_API_ACCESS | SCOPE_API_READ);
        (void)ask("DELETE", "/markets/a");
        CHECK_INT(asked_scopes, SCOPE_API_ACCESS | SCOPE_API_WRITE);
}

static void asked_of(int64_t allowed, const char *path, const char *authorization)
{
        prepare("GET", path, "Authorization", authorization);
        left = allowed;
        router_handle(router, &request, &response);
}

static void requests_are_counted_against_their_editor(void)
{
        asked_of(7, "/markets/a", "Bearer ok");
        CHECK_INT(response.status, 200);
        CHECK_TEXT(counted, "ed_1");
        CHECK_TEXT(header("X-RateLimit-Limit"), "1000");
        CHECK_TEXT(header("X-RateLimit-Remaining"), "6");
        CHECK_TEXT(header("X-RateLimit-Reset"), "1718461845");
}

static void one_too_many_is_told_when_to_come_back(void)
{
        asked_of(0, "/markets/a", "Bearer ok");
        CHECK_INT(response.status, 429);
        CHECK_INT(calls, 0);
        CHECK_TEXT(body(), "{\"error\":\"Rate limit exceeded\",\"retry_after\":42}");
        CHECK_TEXT(header("Retry-After"), "42");
        CHECK_TEXT(header("X-RateLimit-Limit"), "1000");
        CHECK_TEXT(header("X-RateLimit-Remaining"), "0");
        CHECK_TEXT(header("X-Finished"), "yes");
}

static void errors_of_known_callers_tell_the_rate_too(void)
{
        asked_of(7, "/markets/a", "Bearer small");
        CHECK_INT(response.status, 403);
        CHECK_TEXT(header("X-RateLimit-Remaining"), "6");
        asked_of(0, "/markets/a", "Bearer small");
        CHECK_INT(response.status, 403); /* goes before 429 */
        CHECK_TEXT(header("X-RateLimit-Remaining"), "0");
        CHECK_TEXT(header("Retry-After"), NULL);
}

static void strangers_count_against_nobody(void)
{
        asked_of(7, "/markets/a", "Bearer wrong");
        CHECK_INT(response.status, 401);
        CHECK_TEXT(counted, NULL);
        CHECK_TEXT(header("X-RateLimit-Limit"), NULL);
        asked_of(7, "/", NULL);
        CHECK_INT(response.status, 200);
        CHECK_TEXT(header("X-RateLimit-Limit"), NULL);
}

/* --- every answer ----------------------------------------------------------------------------------------------- */

static void request_ids_come_back(void)
{
        (void)ask_with("GET", "/", "X-Request-Id", "Az0._-");
        CHECK_TEXT(header("X-Request-Id"), "Az0._-");
        (void)ask_with("GET", "/nowhere", "x-request-id", "abc");
        CHECK_TEXT(header("X-Request-Id"), "abc");
        CHECK_TEXT(header("X-Finished"), "yes");
}

static void every_answer_is_guarded_against_misuse_by_browsers(void)
{
        static const char *const paths[] = {"/", "/nowhere", "/forget"};

        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                (void)ask("GET", paths[i]);
                CHECK_TEXT(header("X-Content-Type-Options"), "nosniff");
                CHECK(header("Content-Security-Policy") != NULL);
                CHECK_TEXT(header("Referrer-Policy"), "same-origin");
        }
}

static void bad_request_ids_are_replaced(void)
{
        char longest[LIMIT_REQUEST_ID_CHARS + 2];
        memset(longest, 'a', sizeof(longest));
        longest[LIMIT_REQUEST_ID_CHARS + 1] = '\0';
        const char *bad[] = {"", "a b", "a\"b", "é", "<x>", longest};
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                (void)ask_with("GET", "/", "X-Request-Id", bad[i]);
                CHECK(header("X-Request-Id") && strlen(header("X-Request-Id")) == 36);
        }
        longest[LIMIT_REQUEST_ID_CHARS] = '\0';
        (void)ask_with("GET", "/", "X-Request-Id", longest);
        CHECK_TEXT(header("X-Request-Id"), longest);
}

static void errors_never_show_their_detail(void)
{
        next_err = ERR_CORRUPT;
        CHECK_INT(ask("GET", "/fail/a"), 500);
        CHECK_TEXT(body(), "{\"error\":\"Internal server error\"}");
        next_err = ERR_UNAVAILABLE;
        CHECK_INT(ask("GET", "/fail/a"), 503);
        CHECK(header("Retry-After") != NULL);
}

static void a_handler_without_an_answer_is_an_error(void)
{
        CHECK_INT(ask("GET", "/forget"), 500);
        CHECK_TEXT(body(), "{\"error\":\"Internal server error\"}");
}

static void refusals_of_the_edge_look_alike(void)
{
        prepare("POST", "/buyer/VR-1/setup", "X-Request-Id", "abc");
        router_refuse(router, &request, &response, ERR_TOO_LARGE);
        CHECK_INT(response.status, 413);
        CHECK_TEXT(header("X-Request-Id"), "abc");
        CHECK_TEXT(header("X-Finished"), "yes");
        CHECK_TEXT(body(), "{\"error\":\"Request body is too large\"}");
        prepare("", "", NULL, NULL);
        router_refuse(router, &request, &response, ERR_BAD_REQUEST);
        CHECK_INT(response.status, 400);
}

static void a_refused_method_depends_on_the_path(void)
{
        prepare("BREW", "/", NULL, NULL);
        router_refuse(router, &request, &response, ERR_METHOD_NOT_ALLOWED);
        CHECK_INT(response.status, 405);
        CHECK_TEXT(header("Allow"), "GET, HEAD");
        prepare("BREW", "/pot", NULL, NULL);
        router_refuse(router, &request, &response, ERR_METHOD_NOT_ALLOWED);
        CHECK_INT(response.status, 404);
}

/* --- queries and cookies ---------------------------------------------------------------------------------------- */

static void reads_query_parameters(void)
{
        prepare("GET", "/query", NULL, NULL);
        request.query = "limit=3&cursor=a%20b";
        router_handle(router, &request, &response);
        CHECK_TEXT(body(), "cursor=a b session=(none)");
        prepare("GET", "/query", NULL, NULL);
        request.query = "cursor=a&cursor=b";
        router_handle(router, &request, &response);
        CHECK_INT(response.status, 400);
        prepare("GET", "/query", NULL, NULL);
        request.query = "cursor=%ff";
        router_handle(router, &request, &response);
        CHECK_INT(response.status, 400);
}

static void reads_cookies(void)
{
        (void)ask_with("GET", "/query", "Cookie", "xsession=1; session=s1 ;session=s2");
        CHECK_TEXT(body(), "cursor=(none) session=s1");
        (void)ask_with("GET", "/query", "Cookie", "session; session2=a");
        CHECK_TEXT(body(), "cursor=(none) session=(none)");
}

/* --- what is told ----------------------------------------------------------------------------------------------- */

/* What one request writes to stdout, in a static buffer. */
static const char *log_of(const char *method, const char *path, const char *name, const char *value)
{
        static char text[16384];
        FILE *file = tmpfile();
        int saved = dup(STDOUT_FILENO);
        fflush(stdout);
        dup2(fileno(file), STDOUT_FILENO);
        (void)ask_with(method, path, name, value);
        dup2(saved, STDOUT_FILENO);
        close(saved);
        rewind(file);
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        fclose(file);
        return text;
}

static void check_logged(const char *log, const char *part, bool expected)
{
        if ((strstr(log, part) != NULL) != expected)
                unit_fail(__FILE__, __LINE__, "%s %s in %s", part, expected ? "is not" : "is", log);
}

static void writes_one_line_a_request(void)
{
        const char *log = log_of("GET", "/markets/a", "Authorization", "Bearer ok");
        check_logged(log, "\"event.action\":\"http.request\"", true);
        check_logged(log, "\"log.level\":\"info\"", true);
        check_logged(log, "\"http.request.method\":\"GET\"", true);
        check_logged(log, "\"url.path\":\"/markets/a\"", true);
        check_logged(log, "\"http.route\":\"/markets/{identifier}\"", true);
        check_logged(log, "\"http.response.status_code\":200", true);
        check_logged(log, "\"event.duration\":", true);
        check_logged(log, "\"vr.editor\":\"ed_1\"", true);
        check_logged(log, "Bearer", false);
        CHECK(strchr(log, '\n') == strrchr(log, '\n'));
}

static void buyers_addresses_stay_out_of_the_log(void)
{
        const char *log = log_of("POST", "/buyer/VR-2024-A1B2C3D4E5F6/setup", NULL, NULL);
        check_logged(log, "VR-2024-A1B2C3D4E5F6", false);
        check_logged(log, "\"http.route\":\"/buyer/{identifier}/{part}\"", true);
        log = log_of("GET", "/buyer/VR-2024-A1B2C3D4E5F6/setup/typo", NULL, NULL);
        check_logged(log, "VR-2024-A1B2C3D4E5F6", false);
}

static void failures_are_logged_with_their_detail(void)
{
        next_err = ERR_CORRUPT;
        const char *log = log_of("GET", "/fail/a", NULL, NULL);
        check_logged(log, "\"log.level\":\"error\"", true);
        check_logged(log, "\"error.message\":\"SELECT went wrong\"", true);
        check_logged(log, "\"vr.market\":\"VR-2024-A1B2C3D4E5F6\"", true);
}

static void joins_a_trace(void)
{
        const char *log = log_of("GET", "/", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        check_logged(log, "\"trace.id\":\"0af7651916cd43dd8448eb211c80319c\"", true);
}

static void counts_by_method_route_and_status(void)
{
        (void)ask("BREW", "/");
        AUTO(buf_done) struct buf text = {0};
        metrics_write(metrics, &text);
        const char *all = buf_text(&text);
        check_logged(all,
                     "http_server_request_duration_seconds_count{http_request_method=\"_OTHER\",http_route=\"/\","
                     "http_response_status_code=\"405\"} ",
                     true);
        check_logged(all, "http_route=\"/buyer/{identifier}/{part}\",http_response_status_code=\"200\"", true);
        check_logged(all, "http_route=\"\",http_response_status_code=\"404\"", true);
        check_logged(all, "\nhttp_server_active_requests 0\n", true);
        router_free(router);
        router = NULL;
        metrics_free(metrics);
        arena_free(request.arena);
        request.arena = NULL;
        buf_done(&response.body);
}

UNIT_TESTS(UNIT(finds_routes_and_their_parameters), UNIT(the_first_path_that_fits_decides),
           UNIT(unknown_paths_are_not_found), UNIT(known_paths_say_what_they_allow), UNIT(get_answers_head),
           UNIT(a_token_is_wanted_before_the_handler_runs), UNIT(reading_and_changing_want_their_scopes),
           UNIT(requests_are_counted_against_their_editor), UNIT(one_too_many_is_told_when_to_come_back),
           UNIT(errors_of_known_callers_tell_the_rate_too), UNIT(strangers_count_against_nobody),
           UNIT(request_ids_come_back), UNIT(every_answer_is_guarded_against_misuse_by_browsers),
           UNIT(bad_request_ids_are_replaced), UNIT(errors_never_show_their_detail),
           UNIT(a_handler_without_an_answer_is_an_error), UNIT(refusals_of_the_edge_look_alike),
           UNIT(a_refused_method_depends_on_the_path), UNIT(reads_query_parameters), UNIT(reads_cookies),
           UNIT(writes_one_line_a_request), UNIT(buyers_addresses_stay_out_of_the_log),
           UNIT(failures_are_logged_with_their_detail), UNIT(joins_a_trace), UNIT(counts_by_method_route_and_status))
