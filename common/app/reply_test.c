#include "common/app/reply.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/unit.h"

static struct http_header accept;
static struct http_request request;
static struct http_response response;
static struct exchange x;

/* A fresh exchange whose caller accepts that (NULL: says nothing). */
static void begin(const char *accepted)
{
        arena_free(request.arena);
        buf_done(&response.body);
        accept = (struct http_header){"Accept", accepted};
        request = (struct http_request){
                .arena = arena_new(), .headers = &accept, .header_count = accepted ? 1 : 0, .method = "GET"};
        response = (struct http_response){0};
        x = (struct exchange){.request = &request, .response = &response, .arena = request.arena};
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

static void json_says_its_type(void)
{
        AUTO(buf_done) struct buf json = {0};
        begin(NULL);
        buf_puts(&json, "{\"a\":1}");
        CHECK_INT(reply_json(&x, 201, &json), ERR_OK);
        CHECK_INT(response.status, 201);
        CHECK_TEXT(header("Content-Type"), "application/json; charset=utf-8");
        CHECK_TEXT(body(), "{\"a\":1}");
}

static void a_broken_buffer_is_no_answer(void)
{
        AUTO(buf_done) struct buf json = {0};
        begin(NULL);
        buf_init(&json, 4);
        buf_puts(&json, "far too long");
        CHECK_INT(reply_json(&x, 200, &json), ERR_FULL);
        CHECK_INT(response.status, 0);
}

static void errors_have_the_seeds_two_forms(void)
{
        static const char *const messages[] = {"Name can't be blank", "Deadline can't be blank", NULL};
        begin("*/*");
        CHECK_INT(reply_validation_errors(&x, messages), ERR_OK);
        CHECK_INT(response.status, 422);
        CHECK_TEXT(body(), "{\"errors\":[\"Name can't be blank\",\"Deadline can't be blank\"]}");
        begin(NULL);
        reply_error_json(&x, ERR_NOT_FOUND);
        CHECK_INT(response.status, 404);
        CHECK_TEXT(body(), "{\"error\":\"Resource not found\"}");
        CHECK_TEXT(header("Retry-After"), NULL);
}

static void a_503_says_when_to_come_back(void)
{
        for (int i = 0; i < 20; i++) {
                begin(NULL);
                reply_error_json(&x, ERR_TIMEOUT);
                CHECK_INT(response.status, 503);
                CHECK_TEXT(body(), "{\"error\":\"Service temporarily unavailable\"}");
                const char *after = header("Retry-After");
                long seconds = after ? strtol(after, NULL, 10) : 0;
                CHECK(seconds >= 1 && seconds <= 5);
        }
}

static void a_public_detail_replaces_the_text(void)
{
        begin(NULL);
        x.detail = "for the log";
        x.public_detail = "Cursor is \"broken\"";
        reply_error_json(&x, ERR_BAD_REQUEST);
        CHECK_TEXT(body(), "{\"error\":\"Cursor is \\\"broken\\\"\"}");
}

static void problem_json_only_when_asked_for(void)
{
        static const char *const messages[] = {"Name can't be blank", NULL};
        begin("application/problem+json, application/json;q=0.5");
        reply_error_json(&x, ERR_FORBIDDEN);
        CHECK_TEXT(header("Content-Type"), "application/problem+json; charset=utf-8");
        CHECK_TEXT(body(), "{\"type\":\"about:blank\",\"title\":\"Forbidden\",\"status\":403}");
        begin("application/problem+json");
        CHECK_INT(reply_validation_errors(&x, messages), ERR_OK);
        CHECK_TEXT(body(), "{\"type\":\"about:blank\",\"title\":\"Unprocessable content\",\"status\":422,"
                           "\"errors\":[\"Name can't be blank\"]}");
}

static void an_error_takes_the_place_of_a_page(void)
{
        AUTO(buf_done) struct buf html = {0};
        begin(NULL);
        buf_puts(&html, "<p>");
        CHECK_INT(reply_html(&x, 200, &html), ERR_OK);
        CHECK_TEXT(header("Content-Type"), "text/html; charset=utf-8");
        reply_error_json(&x, ERR_INTERNAL);
        CHECK_TEXT(header("Content-Type"), "application/json; charset=utf-8");
        CHECK_TEXT(body(), "{\"error\":\"Internal server error\"}");
        CHECK_INT(reply_static(&x, "text/css", "p{}", 3), ERR_OK);
        CHECK_INT(response.static_length, 3);
        CHECK_INT(reply_error_text(&x, 409, "Already completed"), ERR_OK);
        CHECK(response.static_body == NULL);
        CHECK_INT(response.status, 409);
}

static void sees_other(void)
{
        begin(NULL);
        CHECK_INT(reply_see_other(&x, "/next"), ERR_OK);
        CHECK_INT(response.status, 303);
        CHECK_TEXT(header("Location"), "/next");
        CHECK_TEXT(body(), "");
        arena_free(request.arena);
        request.arena = NULL;
}

static void too_many_says_when_to_come_back(void)
{
        begin(NULL);
        x.retry_after_s = 120;
        reply_error_json(&x, ERR_RATE_LIMITED);
        CHECK_INT(response.status, 429);
        CHECK_TEXT(header("Retry-After"), "120");
        CHECK_TEXT(body(), "{\"error\":\"Rate limit exceeded\",\"retry_after\":120}");
        begin("application/problem+json");
        x.retry_after_s = 120;
        reply_error_json(&x, ERR_RATE_LIMITED);
        CHECK_TEXT(body(),
                   "{\"type\":\"about:blank\",\"title\":\"Rate limit exceeded\",\"status\":429,\"retry_after\":120}");
        begin(NULL);
        x.retry_after_s = 120;
        reply_error_json(&x, ERR_CONFLICT);
        CHECK_TEXT(header("Retry-After"), NULL);
        CHECK_TEXT(body(), "{\"error\":\"Conflict\"}");
}

UNIT_TESTS(UNIT(too_many_says_when_to_come_back), UNIT(json_says_its_type), UNIT(a_broken_buffer_is_no_answer),
           UNIT(errors_have_the_seeds_two_forms), UNIT(a_503_says_when_to_come_back),
           UNIT(a_public_detail_replaces_the_text), UNIT(problem_json_only_when_asked_for),
           UNIT(an_error_takes_the_place_of_a_page), UNIT(sees_other))
