/* The token endpoint whole, behind its router, on a real database and a real Redis. */
#include <pthread.h>

#include "common/app/tokens.h"
#include "services/auth/test_service.h"

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
        CHECK_INT(db_write(place.app.db, test_update_editor, &place.editor), ERR_OK);
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

static void counts_what_an_editor_asks_for(void)
{
        AUTO(place_done) struct place place = {0};
        int64_t reset_s = 0, now_s = clock_wall_ms() / 1000;
        struct answer answer;

        place_open(&place);
        place.app.token_limiter.limit = 2;
        answer = ASK(.body = BODY "&client_id=demo&client_secret=wrong");
        CHECK_INT(answer.status, 401); /* strangers use up nothing */
        CHECK_TEXT(answer.rate_limit, NULL);
        answer = ASK(.body = with_credentials(&place, ""));
        CHECK_INT(answer.status, 200);
        CHECK_TEXT(answer.rate_limit, "2");
        CHECK_TEXT(answer.rate_remaining, "1");
        CHECK_INT(str_to_i64(answer.rate_reset, now_s + 3600, now_s + 3605, &reset_s), ERR_OK);
        answer = ASK(.body = with_credentials(&place, "&scope=admin"));
        CHECK_INT(answer.status, 400); /* errors count, and tell */
        CHECK_TEXT(answer.rate_remaining, "0");
        answer = ASK(.body = with_credentials(&place, ""));
        CHECK_INT(answer.status, 429);
        CHECK_TEXT(answer.rate_remaining, "0");
        CHECK_TEXT(answer.body, arena_printf(place.arena, "{\"error\":\"Rate limit exceeded\",\"retry_after\":%s}",
                                             answer.retry_after));
        answer = ASK(.body = BODY "&client_id=demo&client_secret=wrong");
        CHECK_INT(answer.status, 401);
}

static enum err read_log(struct db_tx *tx, void *arg)
{
        struct audit_entry *entries = arg;
        const struct audit_page page = {.after_ms = -1, .after_id = "", .max = 4};
        AUTO(arena_freep) struct arena *arena = arena_new();
        size_t count = 0;
        enum err err = auth_store_list_audit(tx, arena, &page, entries, &count);

        CHECK_INT(count, 3);
        CHECK(strstr(entries[0].detail, "{\"reason\":\"wrong_secret\",\"count\":2,"));
        CHECK_TEXT(entries[0].client_id, "demo");
        CHECK(strstr(entries[1].detail, "{\"reason\":\"unknown_client\",\"count\":1,"));
        CHECK(strstr(entries[2].detail, "{\"reason\":\"editor_not_authorized\",\"count\":1,"));
        return err;
}

static void keeps_an_account_of_refused_credentials(void)
{
        AUTO(place_done) struct place place = {0};
        struct audit_entry entries[4];

        place_open(&place);
        (void)ASK(.body = BODY "&client_id=demo&client_secret=wrong");
        (void)ASK(.body = BODY "&client_id=demo&client_secret=wrong");
        (void)ASK(.body = BODY "&client_id=nobody&client_secret=wrong");
        place.editor.version++;
        place.editor.authorized = false;
        CHECK_INT(db_write(place.app.db, test_update_editor, &place.editor), ERR_OK);
        (void)ASK(.body = with_credentials(&place, ""));
        CHECK_INT(audit_tally_flush(place.app.tally, place.app.db, clock_wall_ms()), ERR_OK);
        CHECK_INT(db_read(place.app.db, read_log, entries), ERR_OK);
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
        CHECK_INT(db_write(place.app.db, test_insert_editor, &imported), ERR_OK);
        unknown_ns = duration_ns(&place, BODY "&client_id=nobody&client_secret=wrong"); /* measures */
        known_ns = duration_ns(&place, BODY "&client_id=imported&client_secret=wrong");
        unknown_ns = duration_ns(&place, BODY "&client_id=nobody&client_secret=wrong");
        plain_ns = duration_ns(&place, BODY "&client_id=demo&client_secret=wrong");
        CHECK(unknown_ns > known_ns / 2);
        CHECK(plain_ns > known_ns / 2);
        CHECK_INT(ASK(.body = BODY "&client_id=imported&client_secret=hunter2").status, 200);
}

UNIT_TESTS(UNIT(counts_what_an_editor_asks_for), UNIT(keeps_an_account_of_refused_credentials),
           UNIT(gives_a_token_that_works), UNIT(takes_basic_and_any_scopes), UNIT(replaces_the_token_of_a_scope_set),
           UNIT(tells_unknown_ids_and_wrong_secrets_alike), UNIT(says_so_when_the_editor_is_switched_off),
           UNIT(refuses_malformed_requests), UNIT(stores_no_answer_of_any_kind), UNIT(is_unavailable_without_redis),
           UNIT(is_unavailable_until_redis_knows_a_right_is_back), UNIT(leaves_one_token_of_many_parallel_requests),
           UNIT(takes_as_long_for_unknown_ids_as_for_imported_secrets))
