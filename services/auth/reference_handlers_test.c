/* Introspection, revocation and the metadata, behind their router. */
#include "common/app/tokens.h"
#include "services/auth/test_service.h"

static const char *issue_for(struct place *place, const char *editor_id)
{
        const struct token_grant grant = {.editor_id = editor_id,
                                          .client_id = "demo",
                                          .scopes = 6,
                                          .issued_ms = 1718461845999,
                                          .ttl_ms = 86400000};
        const char *token = NULL;

        CHECK_INT(tokens_issue(place->app.cache, place->arena, &grant, &token), ERR_OK);
        return token;
}

static struct answer ask_about(struct place *place, const char *path, const char *token)
{
        const char *body = arena_printf(place->arena, "token=%s&client_id=demo&client_secret=%s", token, place->secret);

        return ask(place, place->arena, (struct ask){.path = path, .body = body});
}

#define INTROSPECT "/oauth/introspect"
#define REVOKE     "/oauth/revoke"
#define INACTIVE   "{\"active\":false}"

static void tells_what_a_token_is_good_for(void)
{
        AUTO(place_done) struct place place = {0};
        struct answer answer;

        place_open(&place);
        answer = ask_about(&place, INTROSPECT, issue_for(&place, place.editor.id));
        CHECK_INT(answer.status, 200);
        CHECK_TEXT(answer.body, "{\"active\":true,\"scope\":\"api_read api_write\",\"client_id\":\"demo\","
                                "\"token_type\":\"Bearer\",\"exp\":1718548245,\"iat\":1718461845,"
                                "\"sub\":\"0197a1b2-0000-7000-8000-000000000001\"}");
        CHECK_TEXT(answer.rate_limit, NULL);
}

static void says_no_more_of_other_tokens_than_that_they_are_not_good(void)
{
        AUTO(place_done) struct place place = {0};
        const char *mine, *foreign;

        place_open(&place);
        mine = issue_for(&place, place.editor.id);
        foreign = issue_for(&place, "0197a1b2-0000-7000-8000-000000000002");
        CHECK_TEXT(ask_about(&place, INTROSPECT, foreign).body, INACTIVE);
        CHECK_TEXT(ask_about(&place, INTROSPECT, "rubbish").body, INACTIVE);
        CHECK_INT(tokens_revoke_all(place.app.cache, place.editor.id), ERR_OK);
        CHECK_TEXT(ask_about(&place, INTROSPECT, mine).body, INACTIVE);
        mine = issue_for(&place, place.editor.id);
        CHECK_INT(tokens_set_editor(place.app.cache, place.editor.id, false), ERR_OK);
        CHECK_TEXT(ask_about(&place, INTROSPECT, mine).body, INACTIVE);
}

static void ends_a_token(void)
{
        AUTO(place_done) struct place place = {0};
        struct token_info info;
        struct answer answer;
        const char *token;

        place_open(&place);
        token = issue_for(&place, place.editor.id);
        for (int i = 0; i < 2; i++) { /* again is as good */
                answer = ask_about(&place, REVOKE, token);
                CHECK_INT(answer.status, 200);
                CHECK_TEXT(answer.body, "{}");
                CHECK_INT(tokens_find(place.app.cache, place.arena, token, &info), ERR_NOT_FOUND);
        }
        CHECK_INT(ask_about(&place, REVOKE, "rubbish").status, 200);
}

static void leaves_tokens_of_others_alone(void)
{
        AUTO(place_done) struct place place = {0};
        struct token_info info;
        struct answer answer;
        const char *foreign;

        place_open(&place);
        foreign = issue_for(&place, "0197a1b2-0000-7000-8000-000000000002");
        answer = ask_about(&place, REVOKE, foreign);
        CHECK_INT(answer.status, 400);
        CHECK_TEXT(answer.body, "{\"error\":\"unauthorized_client\","
                                "\"error_description\":\"The token was issued to another client\"}");
        CHECK_INT(tokens_find(place.app.cache, place.arena, foreign, &info), ERR_OK);
}

static void wants_to_know_who_asks(void)
{
        static const char *const paths[] = {INTROSPECT, REVOKE};
        AUTO(place_done) struct place place = {0};
        struct answer answer;

        place_open(&place);
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                answer = ASK(.path = paths[i], .body = "token=x");
                CHECK_INT(answer.status, 401);
                answer = ASK(.path = paths[i], .body = "token=x&client_id=demo&client_secret=wrong");
                CHECK_INT(answer.status, 401);
                CHECK(strstr(answer.body, "Client authentication failed"));
                answer = ASK(.path = paths[i], .body = "client_id=demo&client_secret=wrong");
                CHECK_INT(answer.status, 400);
                CHECK(strstr(answer.body, "The token parameter is missing"));
                answer = ASK(.path = paths[i], .body = "token=x&token=y");
                CHECK(strstr(answer.body, "A parameter is repeated"));
                answer = ASK(.path = paths[i], .method = "GET");
                CHECK_INT(answer.status, 405);
                CHECK_TEXT(answer.allow, "POST");
        }
        redis_server_stop(&place.redis);
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
                answer = ask_about(&place, paths[i], "vr_at_DprggjDNOi2aKYv_Egcobaf1CnagUjSXr1jjeK60YnE");
                CHECK_INT(answer.status, 503);
                CHECK(strstr(answer.body, "\"temporarily_unavailable\""));
        }
}

static void metadata_may_be_kept(void)
{
        AUTO(place_done) struct place place = {0};
        AUTO(json_freep) struct json *json = NULL;
        struct answer answer;

        place_open(&place);
        answer = ASK(.method = "GET", .path = "/.well-known/oauth-authorization-server");
        CHECK_INT(answer.status, 200);
        CHECK_TEXT(answer.cache_control, "public, max-age=3600");
        CHECK_TEXT(answer.pragma, NULL);
        CHECK_INT(json_parse(answer.body, strlen(answer.body), &json), ERR_OK);
        CHECK_TEXT(json_get_text(json, "issuer"), "https://voie-rapide.example");
        CHECK_TEXT(json_get_text(json, "token_endpoint"), "https://voie-rapide.example/oauth/token");
        CHECK_TEXT(json_get_text(json, "introspection_endpoint"), "https://voie-rapide.example/oauth/introspect");
        CHECK_TEXT(json_get_text(json, "revocation_endpoint"), "https://voie-rapide.example/oauth/revoke");
        CHECK_INT(json_count(json_get(json, "response_types_supported")), 0);
        CHECK_INT(json_count(json_get(json, "scopes_supported")), 3);
        answer = ASK(.method = "POST", .path = "/.well-known/oauth-authorization-server");
        CHECK_INT(answer.status, 405);
        CHECK_INT(ASK(.method = "GET", .path = "/.well-known/openid-configuration").status, 404);
}

UNIT_TESTS(UNIT(tells_what_a_token_is_good_for), UNIT(says_no_more_of_other_tokens_than_that_they_are_not_good),
           UNIT(ends_a_token), UNIT(leaves_tokens_of_others_alone), UNIT(wants_to_know_who_asks),
           UNIT(metadata_may_be_kept))
