/* The handlers as the router calls them, on a real database; Redis is away, which must not matter here. */
#include "services/market/handlers.h"

#include <string.h>

#include "common/base/str.h"
#include "services/market/app_for_test.h"
#include "tests/support/unit.h"

#define VALID                                                                                               \
        "{\"public_market\":{\"name\":\"Travaux\",\"lot_name\":null,\"deadline\":\"2027-01-01T10:00:00Z\"," \
        "\"market_type_codes\":[\"works\",\"works\"]}}"

struct call {
        struct http_header headers[4];
        struct http_request request;
        struct http_response response;
        struct exchange x;
};

static void call_init(struct test_app *t, struct call *call, const char *body, const char *idempotency_key)
{
        memset(call, 0, sizeof(*call));
        call->headers[0] = (struct http_header){"Content-Type", "application/json; charset=utf-8"};
        call->headers[1] = (struct http_header){"Idempotency-Key", idempotency_key};
        call->request = (struct http_request){
                .arena = t->arena,
                .method = "POST",
                .path = "/api/v1/public_markets",
                .query = "",
                .headers = call->headers,
                .header_count = idempotency_key ? 2 : 1,
                .body = body,
                .body_length = strlen(body),
        };
        call->x = (struct exchange){.request = &call->request, .response = &call->response, .arena = t->arena};
        call->x.principal.editor_id = TEST_EDITOR;
}

static enum err post(struct test_app *t, struct call *call, const char *body, const char *idempotency_key)
{
        call_init(t, call, body, idempotency_key);
        return create_market(&t->app, &call->x);
}

static const char *header(const struct call *call, const char *name)
{
        for (size_t i = 0; i < call->response.header_count; i++)
                if (str_equal_nocase(call->response.headers[i].name, name))
                        return call->response.headers[i].value;
        return NULL;
}

static void call_done(struct call *call)
{
        buf_done(&call->response.body);
}

static void get(struct test_app *t, struct call *call, route_handler handler, const char *identifier,
                const char *editor, enum err expected)
{
        call_init(t, call, "", NULL);
        call->x.principal.editor_id = editor;
        call->x.params[0].name = "identifier";
        call->x.params[0].value = identifier;
        call->x.param_count = 1;
        CHECK_INT(handler(&t->app, &call->x), expected);
}

static void creates_a_market(void)
{
        struct test_app t;
        struct call call;

        test_app_open(&t);
        CHECK_INT(post(&t, &call, VALID, NULL), ERR_OK);
        CHECK_INT(call.response.status, 201);
        const char *body = buf_text(&call.response.body);
        CHECK(str_starts_with(body, "{\"identifier\":\"VR-20"));
        CHECK(strstr(body, "\",\"configuration_url\":\"https://voie-rapide.example/buyer/public_markets/VR-20"));
        CHECK(str_ends_with(body, "/setup\"}"));
        CHECK_INT(test_app_outbox(&t, "market.created", NULL, NULL), 1);
        CHECK_INT(test_app_market(&t, call.x.log.market).types, MARKET_TYPE_WORKS);
        call_done(&call);
        test_app_close(&t);
}

static void says_what_is_wrong_in_the_seeds_words(void)
{
        struct test_app t;
        struct call call;

        test_app_open(&t);
        CHECK_INT(post(&t, &call, "{\"public_market\":{}}", NULL), ERR_OK);
        CHECK_INT(call.response.status, 422);
        CHECK_TEXT(buf_text(&call.response.body), "{\"errors\":[\"Name can't be blank\",\"Deadline can't be blank\","
                                                  "\"Market type codes can't be blank\"]}");
        CHECK_INT(test_app_outbox(&t, "market.created", NULL, NULL), 0);
        call_done(&call);
        test_app_close(&t);
}

static void refuses_what_is_no_request(void)
{
        static const char *const bodies[] = {"",
                                             "{",
                                             "[]",
                                             "\"x\"",
                                             "{}",
                                             "{\"public_market\":[]}",
                                             "{\"public_market\":null}",
                                             VALID "x",
                                             "{\"a\":1,\"a\":2}"};
        struct test_app t;
        struct call call;

        test_app_open(&t);
        for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
                CHECK_INT(post(&t, &call, bodies[i], NULL), ERR_BAD_REQUEST);
                CHECK(call.x.public_detail != NULL);
                call_done(&call);
        }
        call_init(&t, &call, VALID, NULL);
        call.headers[0].value = "text/json";
        CHECK_INT(create_market(&t.app, &call.x), ERR_MEDIA_TYPE);
        CHECK_TEXT(call.x.public_detail, "Content-Type must be application/json");
        test_app_close(&t);
}

static void the_same_key_gives_the_same_market(void)
{
        struct test_app t;
        struct call first, second, third, other;

        test_app_open(&t);
        CHECK_INT(post(&t, &first, VALID, "key 1"), ERR_OK);
        CHECK_INT(post(&t, &second, VALID, "key 1"), ERR_OK);
        CHECK_INT(second.response.status, 201);
        CHECK_TEXT(buf_text(&second.response.body), buf_text(&first.response.body));
        CHECK_TEXT(header(&first, "Idempotent-Replayed"), NULL);
        CHECK_TEXT(header(&second, "Idempotent-Replayed"), "true");
        CHECK_INT(test_app_outbox(&t, "market.created", NULL, NULL), 1);

        CHECK_INT(post(&t, &third, VALID " ", "key 1"), ERR_OK);
        CHECK_INT(third.response.status, 422);
        call_init(&t, &other, VALID, "key 1");
        other.x.principal.editor_id = TEST_OTHER;
        CHECK_INT(create_market(&t.app, &other.x), ERR_OK);
        CHECK_INT(other.response.status, 201);
        CHECK(!str_equal(buf_text(&other.response.body), buf_text(&first.response.body)));
        call_done(&first);
        call_done(&second);
        call_done(&third);
        call_done(&other);
        test_app_close(&t);
}

static void refusals_are_not_remembered(void)
{
        struct test_app t;
        struct call call;

        test_app_open(&t);
        CHECK_INT(post(&t, &call, "{\"public_market\":{}}", "k"), ERR_OK);
        CHECK_INT(call.response.status, 422);
        call_done(&call);
        CHECK_INT(post(&t, &call, VALID, "k"), ERR_OK);
        CHECK_INT(call.response.status, 201);
        call_done(&call);
        CHECK_INT(post(&t, &call, VALID, ""), ERR_BAD_REQUEST);
        CHECK_INT(post(&t, &call, VALID, "cl\xC3\xA9"), ERR_BAD_REQUEST);
        test_app_close(&t);
}

static void shows_a_market_to_its_editor_only(void)
{
        struct test_app t;
        struct call call;

        test_app_open(&t);
        test_app_create(&t, "VR-2024-A1B2C3D4E5F6", MARKET_TYPE_SUPPLIES);
        get(&t, &call, show_market, "VR-2024-A1B2C3D4E5F6", TEST_EDITOR, ERR_OK);
        CHECK_INT(call.response.status, 200);
        CHECK_TEXT(
                buf_text(&call.response.body),
                "{\"identifier\":\"VR-2024-A1B2C3D4E5F6\",\"name\":\"Fournitures\",\"lot_name\":null,"
                "\"deadline\":\"2024-06-15T23:59:59Z\",\"market_type_codes\":[\"supplies\"],\"status\":\"created\","
                "\"sync_status\":null,\"created_at\":\"2024-06-10T06:13:20Z\",\"completed_at\":null,"
                "\"configuration_url\":\"https://voie-rapide.example/buyer/public_markets/VR-2024-A1B2C3D4E5F6/setup\","
                "\"field_keys\":[]}");
        call_done(&call);
        get(&t, &call, show_market, "VR-2024-A1B2C3D4E5F6", TEST_OTHER, ERR_NOT_FOUND);
        get(&t, &call, show_market, "VR-2024-ZZZZZZZZZZZZ", TEST_EDITOR, ERR_NOT_FOUND);
        get(&t, &call, show_market, "../../etc/passwd", TEST_EDITOR, ERR_NOT_FOUND);
        test_app_close(&t);
}

static void an_unchanged_market_is_304(void)
{
        struct test_app t;
        struct call call;

        test_app_open(&t);
        test_app_create(&t, "VR-2024-A1B2C3D4E5F6", MARKET_TYPE_SUPPLIES);
        get(&t, &call, show_market, "VR-2024-A1B2C3D4E5F6", TEST_EDITOR, ERR_OK);
        const char *etag = arena_strdup(t.arena, header(&call, "ETag"));
        CHECK(etag != NULL);
        call_done(&call);
        call.headers[0] = (struct http_header){"If-None-Match", arena_printf(t.arena, "\"x\", W/%s", etag)};
        memset(&call.response, 0, sizeof(call.response));
        CHECK_INT(show_market(&t.app, &call.x), ERR_OK);
        CHECK_INT(call.response.status, 304);
        test_app_close(&t);
}

static void the_snapshot_needs_no_redis(void)
{
        struct test_app t;
        struct call call;

        test_app_open(&t);
        test_app_create(&t, "VR-2024-A1B2C3D4E5F6", MARKET_TYPE_SUPPLIES);
        get(&t, &call, show_snapshot, "VR-2024-A1B2C3D4E5F6", NULL, ERR_OK);
        CHECK_INT(call.response.status, 200);
        CHECK(str_starts_with(buf_text(&call.response.body),
                              "{\"identifier\":\"VR-2024-A1B2C3D4E5F6\",\"version\":1,"));
        call_done(&call);
        get(&t, &call, show_snapshot, "VR-2024-ZZZZZZZZZZZZ", NULL, ERR_NOT_FOUND);
        test_app_close(&t);
}

UNIT_TESTS(UNIT(creates_a_market), UNIT(says_what_is_wrong_in_the_seeds_words), UNIT(refuses_what_is_no_request),
           UNIT(the_same_key_gives_the_same_market), UNIT(refusals_are_not_remembered),
           UNIT(shows_a_market_to_its_editor_only), UNIT(an_unchanged_market_is_304), UNIT(the_snapshot_needs_no_redis))
