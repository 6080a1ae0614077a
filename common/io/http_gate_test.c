#include "common/io/http_gate.h"

#include <string.h>

#include "common/base/limits.h"
#include "tests/support/unit.h"

#define BODY_MAX 65536

static struct http_gate_input request(const char *method, const char *target, const struct http_header *headers,
                                      size_t count)
{
        return (struct http_gate_input){method, target, NULL, "1.1", headers, count, BODY_MAX};
}

static enum err gate_target(const char *target)
{
        const struct http_header host = {"Host", "a"};
        struct http_gate_input input = request("GET", target, &host, 1);
        size_t body;
        return http_gate(&input, &body);
}

static enum err gate_query(const char *query)
{
        const struct http_header host = {"Host", "a"};
        struct http_gate_input input = request("GET", "/", &host, 1);
        input.query = query;
        size_t body;
        return http_gate(&input, &body);
}

/* A POST with these headers behind its Host. */
static enum err gate_post(const struct http_header *headers, size_t count, size_t *ret_body)
{
        struct http_header all[LIMIT_HTTP_HEADERS + 2] = {{"Host", "a"}};
        for (size_t i = 0; i < count; i++)
                all[i + 1] = headers[i];
        struct http_gate_input input = request("POST", "/", all, count + 1);
        return http_gate(&input, ret_body);
}

static enum err gate_length(const char *content_length, size_t *ret_body)
{
        const struct http_header header = {"content-length", content_length};
        return gate_post(&header, 1, ret_body);
}

static void lets_ordinary_targets_pass(void)
{
        CHECK_INT(gate_target("/"), ERR_OK);
        CHECK_INT(gate_target("/api/v1/public_markets/VR-2024-A1B2C3D4E5F6"), ERR_OK);
        CHECK_INT(gate_target("/a.b/..c/d../...e/%C3%A9%20x"), ERR_OK);
        CHECK_INT(gate_query("a=b&c=%20+%22&d=../x"), ERR_OK);
}

static void refuses_dot_segments_in_any_spelling(void)
{
        static const char *const targets[] = {"/..",       "/../a", "/a/../b", "/a/..",       "/./a",     "/a/.",
                                              "/%2e%2E/a", "/.%2e", "/a/%2e",  "/a%2f..%2fb", "/a/..%2Fb"};
        for (size_t i = 0; i < ARRAY_LEN(targets); i++)
                if (gate_target(targets[i]) != ERR_BAD_REQUEST)
                        unit_fail(__FILE__, __LINE__, "accepted %s", targets[i]);
}

static void refuses_what_two_parsers_read_differently(void)
{
        static const char *const targets[] = {"",      "a",      "*",    "http://h/", "/%00",  "/a%00b",
                                              "/\x01", "/a\x7f", "/%0a", "/%7F",      "/a\\b", "/%5c",
                                              "/%",    "/%4",    "/%zz", "/%4g",      "/a b",  "/a#b"};
        for (size_t i = 0; i < ARRAY_LEN(targets); i++)
                if (gate_target(targets[i]) != ERR_BAD_REQUEST)
                        unit_fail(__FILE__, __LINE__, "accepted %s", targets[i]);
        CHECK_INT(gate_query("a=%00"), ERR_BAD_REQUEST);
        CHECK_INT(gate_query("a=%g0"), ERR_BAD_REQUEST);
        CHECK_INT(gate_query("a=\x02"), ERR_BAD_REQUEST);
}

static void refuses_an_endless_target(void)
{
        char target[LIMIT_HTTP_TARGET_BYTES + 2];
        memset(target, 'a', sizeof(target));
        target[0] = '/';
        target[sizeof(target) - 1] = '\0';
        CHECK_INT(gate_target(target), ERR_URI_TOO_LONG);
        target[LIMIT_HTTP_TARGET_BYTES] = '\0';
        CHECK_INT(gate_target(target), ERR_OK);
}

static void wants_exactly_one_host(void)
{
        const struct http_header headers[] = {{"Host", "a"}, {"host", "a"}, {"Accept", "*/*"}};
        struct http_gate_input input = request("GET", "/", headers, 2);
        size_t body;
        CHECK_INT(http_gate(&input, &body), ERR_BAD_REQUEST);
        input = request("GET", "/", headers + 1, 2);
        CHECK_INT(http_gate(&input, &body), ERR_OK);
        input = request("GET", "/", headers + 2, 1);
        CHECK_INT(http_gate(&input, &body), ERR_BAD_REQUEST);
        const struct http_header empty = {"Host", " "};
        input = request("GET", "/", &empty, 1);
        CHECK_INT(http_gate(&input, &body), ERR_BAD_REQUEST);
}

static void reads_a_strict_content_length(void)
{
        size_t body = 99;
        CHECK_INT(gate_length("0", &body), ERR_OK);
        CHECK_INT(body, 0);
        CHECK_INT(gate_length("65536", &body), ERR_OK);
        CHECK_INT(body, 65536);
        CHECK_INT(gate_length("0000005", &body), ERR_OK);
        CHECK_INT(body, 5);
}

static void refuses_other_content_lengths(void)
{
        static const char *const values[] = {"", "+5", "-5", "5 ", "5,5", "0x5", "5a", "a", "5, 5"};
        size_t body = 99;
        for (size_t i = 0; i < ARRAY_LEN(values); i++)
                if (gate_length(values[i], &body) != ERR_BAD_REQUEST)
                        unit_fail(__FILE__, __LINE__, "accepted %s", values[i]);
        CHECK_INT(gate_length("65537", &body), ERR_TOO_LARGE);
        CHECK_INT(gate_length("18446744073709551617", &body), ERR_TOO_LARGE);
        CHECK_INT(body, 99);
}

static void refuses_ambiguous_framing(void)
{
        const struct http_header twice[] = {{"Content-Length", "5"}, {"Content-Length", "5"}};
        const struct http_header both[] = {{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}};
        const struct http_header encoded[] = {{"transfer-encoding", "identity"}};
        size_t body;
        CHECK_INT(gate_post(twice, 2, &body), ERR_BAD_REQUEST);
        CHECK_INT(gate_post(both, 2, &body), ERR_BAD_REQUEST);
        CHECK_INT(gate_post(encoded, 1, &body), ERR_BAD_REQUEST);
        CHECK_INT(gate_post(NULL, 0, &body), ERR_LENGTH_REQUIRED);
}

static void a_delete_needs_no_length(void)
{
        const struct http_header host = {"Host", "a"};
        struct http_gate_input input = request("DELETE", "/", &host, 1);
        size_t body = 99;
        CHECK_INT(http_gate(&input, &body), ERR_OK);
        CHECK_INT(body, 0);
}

static void refuses_unknown_methods_and_versions(void)
{
        const struct http_header host = {"Host", "a"};
        size_t body;
        struct http_gate_input input = request("PROPFIND", "/", &host, 1);
        CHECK_INT(http_gate(&input, &body), ERR_METHOD_NOT_ALLOWED);
        input = request("get", "/", &host, 1);
        CHECK_INT(http_gate(&input, &body), ERR_METHOD_NOT_ALLOWED);
        input = request("GET", "/", &host, 1);
        input.version = "2.0";
        CHECK_INT(http_gate(&input, &body), ERR_BAD_REQUEST);
}

static void refuses_too_many_or_broken_headers(void)
{
        struct http_header headers[LIMIT_HTTP_HEADERS + 1];
        for (size_t i = 0; i < ARRAY_LEN(headers); i++)
                headers[i] = (struct http_header){"X-A", "b"};
        headers[0] = (struct http_header){"Host", "a"};
        struct http_gate_input input = request("GET", "/", headers, LIMIT_HTTP_HEADERS);
        size_t body;
        CHECK_INT(http_gate(&input, &body), ERR_OK);
        input.header_count++;
        CHECK_INT(http_gate(&input, &body), ERR_HEADERS_TOO_LARGE);
        input.header_count = 2;
        headers[1] = (struct http_header){"X-A", "b\x01"};
        CHECK_INT(http_gate(&input, &body), ERR_BAD_REQUEST);
        headers[1] = (struct http_header){"X A", "b"};
        CHECK_INT(http_gate(&input, &body), ERR_BAD_REQUEST);
        headers[1] = (struct http_header){"", "b"};
        CHECK_INT(http_gate(&input, &body), ERR_BAD_REQUEST);
}

static void knows_one_expectation(void)
{
        const struct http_header good[] = {{"Expect", "100-Continue"}, {"Content-Length", "1"}};
        const struct http_header bad[] = {{"Expect", "tea"}, {"Content-Length", "1"}};
        size_t body;
        CHECK_INT(gate_post(good, 2, &body), ERR_OK);
        CHECK_INT(gate_post(bad, 2, &body), ERR_BAD_REQUEST);
}

UNIT_TESTS(UNIT(lets_ordinary_targets_pass), UNIT(refuses_dot_segments_in_any_spelling),
           UNIT(refuses_what_two_parsers_read_differently), UNIT(refuses_an_endless_target),
           UNIT(wants_exactly_one_host), UNIT(reads_a_strict_content_length), UNIT(refuses_other_content_lengths),
           UNIT(refuses_ambiguous_framing), UNIT(a_delete_needs_no_length), UNIT(refuses_unknown_methods_and_versions),
           UNIT(refuses_too_many_or_broken_headers), UNIT(knows_one_expectation))
