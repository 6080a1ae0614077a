/* The token endpoint whole, behind its router, on a real database and a real Redis. */
#include <pthread.h>
#include <string.h>

#include "common/app/tokens.h"
#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/io/json.h"
#include "services/auth/app.h"
#include "services/auth/client_secret.h"
#include "services/auth/handlers.h"
#include "services/auth/test_database.h"
#include "tests/support/redis_server.h"

#define FORM "application/x-www-form-urlencoded"
#define BODY "grant_type=client_credentials"

struct place {
        struct test_database database;
        struct redis_server redis;
        struct auth_settings settings;
        struct auth_app app;
        struct arena *arena;
        struct editor editor; /* client id "demo" */
        const char *secret;
};

static enum err insert(struct db_tx *tx, void *arg)
{
        const struct editor *editor = arg;
        enum err err = auth_store_insert(tx, editor);

        return err ? err : auth_store_add_client_secret(tx, editor->id, &editor->client_secrets[0]);
}

static enum err update(struct db_tx *tx, void *arg)
{
        return auth_store_update(tx, arg);
}

static void place_open(struct place *place)
{
        struct auth_app *app = &place->app;

        test_database_open(&place->database);
        log_init("vr-auth", "", LOG_LEVEL_ERROR, LOG_FORMAT_JSON);
        place->arena = arena_new();
        CHECK(redis_server_start(&place->redis, NULL));
        place->settings.token_ttl_s = 86400;
        app->settings = &place->settings;
        app->service.metrics = metrics_new();
        app->issued = metrics_counter(app->service.metrics, "vr_tokens_issued_total", "result", "");
        app->db = place->database.db;
        app->checker.db = app->db;
        CHECK_INT(
                cache_open(&(struct cache_config){.url = place->redis.url, .pool = 16, .timeout_ms = 500}, &app->cache),
                ERR_OK);
        CHECK_INT(router_new(&(struct router_config){.routes = auth_routes,
                                                     .app = app,
                                                     .metrics = app->service.metrics,
                                                     .render_error = auth_render_error,
                                                     .finish = auth_finish},
                             &app->router),
                  ERR_OK);
        place->editor = test_editor("0197a1b2-0000-7000-8000-000000000001", "demo", 1000);
        client_secret_new(place->arena, 1000, &place->editor.client_secrets[0], &place->secret);
        CHECK_INT(db_write(app->db, insert, &place->editor), ERR_OK);
}

static void place_done(struct place *place)
{
        router_free(place->app.router);
        cache_close(place->app.cache);
        metrics_free(place->app.service.metrics);
        redis_server_stop(&place->redis);
        arena_free(place->arena);
        test_database_done(&place->database);
}

/* ---- asking ---- */

struct ask {
        const char *method, *path, *query, *type, *authorization, *body;
};

struct answer {
        int status;
        const char *body, *cache_control, *pragma, *challenge, *retry_after, *allow;
};

static const char *copy(struct arena *arena, const struct http_response *response, const char *name)
{
        for (size_t i = 0; i < response->header_count; i++)
                if (str_equal_nocase(response->headers[i].name, name))
                        return arena_strdup(arena, response->headers[i].value);
        return NULL;
}

static struct answer ask(struct place *place, struct arena *result_arena, struct ask ask)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct http_header headers[2];
        struct http_request request = {
                .arena = arena,
                .method = ask.method ? ask.method : "POST",
                .path = ask.path ? ask.path : "/oauth/token",
                .query = ask.query ? ask.query : "",
                .headers = headers,
                .body = ask.body ? ask.body : "",
                .remote = "127.0.0.1",
                .started_ns = clock_mono_ns(),
        };
        struct http_response response = {0};
        struct answer answer;

        (void)place;
        request.body_length = strlen(request.body);
        headers[request.header_count++] = (struct http_header){"Content-Type", ask.type ? ask.type : FORM};
        if (ask.authorization)
                headers[request.header_count++] = (struct http_header){"Authorization", ask.authorization};
        router_handle(place->app.router, &request, &response);
        answer = (struct answer){
                .status = response.status,
                .body = arena_strdup(result_arena, buf_text(&response.body)),
                .cache_control = copy(result_arena, &response, "Cache-Control"),
                .pragma = copy(result_arena, &response, "Pragma"),
                .challenge = copy(result_arena, &response, "WWW-Authenticate"),
                .retry_after = copy(result_arena, &response, "Retry-After"),
                .allow = copy(result_arena, &response, "Allow"),
        };
        buf_done(&response.body);
        CHECK_TEXT(answer.cache_control, "no-store");
        CHECK_TEXT(answer.pragma, "no-cache");
        CHECK((answer.status == 401) == (answer.challenge != NULL));
        CHECK((answer.status == 503) == (answer.retry_after != NULL));
        return answer;
}

static const char *with_credentials(struct place *place, const char *more)
{
        return arena_printf(place->arena, BODY "&client_id=demo&client_secret=%s%s", place->secret, more);
}

static const char *token_of(struct place *place, const struct answer *answer)
{
        AUTO(json_freep) struct json *json = NULL;

        CHECK_INT(json_parse(answer->body, strlen(answer->body), &json), ERR_OK);
        return arena_strdup(place->arena, json_get_text(json, "access_token"));
}

#define ASK(...) ask(&place, place.arena, (struct ask){__VA_ARGS__})

/* ---- the tests ---- */

static void gives_a_token_that_works(void)
{
        AUTO(place_done) struct place place = {0};
        struct token_info info = {0};
        struct answer answer;
        AUTO(json_freep) struct json *json = NULL;

        place_open(&place);
        answer = ASK(.body = with_credentials(&place, ""));
        CHECK_INT(answer.status, 200);
        CHECK_INT(json_parse(answer.body, strlen(answer.body), &json), ERR_OK);
        CHECK_INT(json_count(json), 5);
        CHECK_TEXT(json_get_text(json, "token_type"), "Bearer");
        CHECK_INT(json_get_int(json, "expires_in", 0), 86400);
        CHECK_TEXT(json_get_text(json, "scope"), "api_access");
        CHECK(llabs(json_get_int(json, "created_at", 0) - clock_wall_ms() / 1000) < 5);
        CHECK_INT(tokens_find(place.app.cache, place.arena, json_get_text(json, "access_token"), &info), ERR_OK);
        CHECK_TEXT(info.editor_id, place.editor.id);
        CHECK_TEXT(info.client_id, "demo");
        CHECK(info.editor_usable && info.alive);
}

static void takes_basic_and_any_scopes(void)
{
        AUTO(place_done) struct place place = {0};
        struct answer answer;
        const char *basic, *pair;

        place_open(&place);
        pair = arena_printf(place.arena, "demo:%s", place.secret);
        basic = arena_printf(place.arena, "Basic %s", str_base64(place.arena, pair, strlen(pair)));
        answer = ASK(.authorization = basic, .body = BODY "&scope=api_write+api_read", .type = FORM "; charset=utf-8");
        CHECK_INT(answer.status, 200);
        CHECK(strstr(answer.body, "\"scope\":\"api_read api_write\"") != NULL);
        answer = ASK(.authorization = basic, .body = with_credentials(&place, ""));
        CHECK_INT(answer.status, 400);
        CHECK(strstr(answer.body, "\"invalid_request\"") != NULL);
}

static void replaces_the_token_of_a_scope_set(void)
{
        AUTO(place_done) struct place place = {0};
        struct token_info info;
        const char *first, *reading, *second;
        struct answer answer;

        place_open(&place);
        answer = ASK(.body = with_credentials(&place, ""));
        first = token_of(&place, &answer);
        answer = ASK(.body = with_credentials(&place, "&scope=api_read"));
        reading = token_of(&place, &answer);
        answer = ASK(.body = with_credentials(&place, ""));
        second = token_of(&place, &answer);
        CHECK_INT(tokens_find(place.app.cache, place.arena, first, &info), ERR_NOT_FOUND);
        CHECK_INT(tokens_find(place.app.cache, place.arena, reading, &info), ERR_OK);
        CHECK_INT(tokens_find(place.app.cache, place.arena, second, &info), ERR_OK);
}

static void tells_unknown_ids_and_wrong_secrets_alike(void)
{
        AUTO(place_done) struct place place = {0};
        struct answer wrong, unknown, by_id;

        place_open(&place);
        wrong = ASK(.body = BODY "&client_id=demo&client_secret=wrong");
        unknown = ASK(.body = BODY "&client_id=nobody&client_secret=wrong");
        by_id = ASK(.body = arena_printf(place.arena, BODY "&client_id=%s&client_secret=%s", place.editor.id,
                                         place.secret));
        CHECK_INT(wrong.status, 401);
        CHECK_INT(unknown.status, 401);
        CHECK_TEXT(wrong.body, "{\"error\":\"invalid_client\",\"error_description\":\"Client authentication failed\"}");
        CHECK_TEXT(unknown.body, wrong.body);
        CHECK_TEXT(by_id.body, wrong.body);
        CHECK_TEXT(wrong.challenge, unknown.challenge);
        CHECK(str_starts_with(wrong.challenge, "Basic "));
        /* the scope is looked at after the credentials */
        wrong = ASK(.body = BODY "&client_id=demo&client_secret=wrong&scope=admin");
        CHECK_INT(wrong.status, 401);
}

static void says_so_when_the_editor_is_switched_off(void)
{
        AUTO(place_done) struct place place = {0};
        struct answer answer;

        place_open(&place);
        place.editor.version++;
        place.editor.authorized = false;
        CHECK_INT(db_write(place.app.db, update, &place.editor), ERR_OK);
        answer = ASK(.body = with_credentials(&place, ""));
        CHECK_INT(answer.status, 401);
        CHECK_TEXT(answer.body,
                   "{\"error\":\"invalid_client\",\"error_description\":\"Editor is not authorized or active\"}");
        answer = ASK(.body = BODY "&client_id=demo&client_secret=wrong");
        CHECK(strstr(answer.body, "Client authentication failed") != NULL);
}

static void refuses_malformed_requests(void)
{
        AUTO(place_done) struct place place = {0};
        struct answer answer;

        place_open(&place);
        answer = ASK(.type = "application/json", .body = "{\"grant_type\":\"client_credentials\"}");
        CHECK_INT(answer.status, 400);
        CHECK(strstr(answer.body, "\"invalid_request\"") != NULL);
        answer = ASK(.body = "grant_type=%ZZ");
        CHECK_INT(answer.status, 400);
        answer = ASK(.body = "");
        CHECK_TEXT(answer.body,
                   "{\"error\":\"invalid_request\",\"error_description\":\"The grant_type parameter is missing\"}");
        answer = ASK(.body = "grant_type=password");
        CHECK_INT(answer.status, 400);
        CHECK(strstr(answer.body, "\"unsupported_grant_type\"") != NULL);
        answer = ASK(.body = with_credentials(&place, "&scope=api_access+admin"));
        CHECK_INT(answer.status, 400);
        CHECK(strstr(answer.body, "\"invalid_scope\"") != NULL);
        answer = ASK(.body = BODY, .query = "client_id=demo&client_secret=x");
        CHECK_INT(answer.status, 400);
        CHECK(strstr(answer.body, "\"invalid_request\"") != NULL);
}

static void stores_no_answer_of_any_kind(void)
{
        AUTO(place_done) struct place place = {0};
        struct answer answer;

        place_open(&place);
        answer = ASK(.method = "GET");
        CHECK_INT(answer.status, 405);
        CHECK_TEXT(answer.allow, "POST");
        answer = ASK(.path = "/oauth/elsewhere");
        CHECK_INT(answer.status, 404);
}

static void is_unavailable_without_redis(void)
{
        AUTO(place_done) struct place place = {0};
        struct answer answer;

        place_open(&place);
        redis_server_stop(&place.redis);
        answer = ASK(.body = with_credentials(&place, ""));
        CHECK_INT(answer.status, 503);
        CHECK(strstr(answer.body, "\"temporarily_unavailable\"") != NULL);
}

static void is_unavailable_until_redis_knows_a_right_is_back(void)
{
        AUTO(place_done) struct place place = {0};
        struct answer answer;

        place_open(&place);
        CHECK_INT(tokens_set_editor(place.app.cache, place.editor.id, false), ERR_OK);
        answer = ASK(.body = with_credentials(&place, ""));
        CHECK_INT(answer.status, 503);
        CHECK_INT(tokens_set_editor(place.app.cache, place.editor.id, true), ERR_OK);
        answer = ASK(.body = with_credentials(&place, ""));
        CHECK_INT(answer.status, 200);
}

/* ---- many at once ---- */

#define PARALLEL 64

struct caller {
        struct place *place;
        const char *body;
        struct arena *arena;
        struct answer answer;
};

static void *call(void *arg)
{
        struct caller *caller = arg;

        caller->answer = ask(caller->place, caller->arena, (struct ask){.body = caller->body});
        return NULL;
}

static void leaves_one_token_of_many_parallel_requests(void)
{
        AUTO(place_done) struct place place = {0};
        struct caller callers[PARALLEL] = {0};
        pthread_t threads[PARALLEL];
        struct token_info info;
        int alive = 0;

        place_open(&place);
        for (size_t i = 0; i < PARALLEL; i++) {
                callers[i] =
                        (struct caller){.place = &place, .body = with_credentials(&place, ""), .arena = arena_new()};
                CHECK_INT(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
        }
        for (size_t i = 0; i < PARALLEL; i++)
                pthread_join(threads[i], NULL);
        /* only now is the last one known: until then each was alive for a moment */
        for (size_t i = 0; i < PARALLEL; i++) {
                CHECK_INT(callers[i].answer.status, 200);
                alive += tokens_find(place.app.cache, place.arena, token_of(&place, &callers[i].answer), &info) ==
                         ERR_OK;
                arena_free(callers[i].arena);
        }
        CHECK_INT(alive, 1);
}

static int64_t duration_ns(struct place *place, const char *body)
{
        int64_t from_ns = clock_mono_ns();

        CHECK_INT(ask(place, place->arena, (struct ask){.body = body}).status, 401);
        return clock_mono_ns() - from_ns;
}

/* Where checking takes long for some, it takes long for all. */
static void takes_as_long_for_unknown_ids_as_for_imported_secrets(void)
{
        AUTO(place_done) struct place place = {0};
        struct editor imported = test_editor("0197a1b2-0000-7000-8000-000000000002", "imported", 2000);
        int64_t known_ns, unknown_ns, plain_ns;

        place_open(&place);
        CHECK_INT(client_secret_import("hunter2", 2000, &imported.client_secrets[0]), ERR_OK);
        CHECK_INT(db_write(place.app.db, insert, &imported), ERR_OK);
        unknown_ns = duration_ns(&place, BODY "&client_id=nobody&client_secret=wrong"); /* measures */
        known_ns = duration_ns(&place, BODY "&client_id=imported&client_secret=wrong");
        unknown_ns = duration_ns(&place, BODY "&client_id=nobody&client_secret=wrong");
        plain_ns = duration_ns(&place, BODY "&client_id=demo&client_secret=wrong");
        CHECK(unknown_ns > known_ns / 2);
        CHECK(plain_ns > known_ns / 2);
        CHECK_INT(ASK(.body = BODY "&client_id=imported&client_secret=hunter2").status, 200);
}

UNIT_TESTS(UNIT(gives_a_token_that_works), UNIT(takes_basic_and_any_scopes), UNIT(replaces_the_token_of_a_scope_set),
           UNIT(tells_unknown_ids_and_wrong_secrets_alike), UNIT(says_so_when_the_editor_is_switched_off),
           UNIT(refuses_malformed_requests), UNIT(stores_no_answer_of_any_kind), UNIT(is_unavailable_without_redis),
           UNIT(is_unavailable_until_redis_knows_a_right_is_back), UNIT(leaves_one_token_of_many_parallel_requests),
           UNIT(takes_as_long_for_unknown_ids_as_for_imported_secrets))
