#include "common/app/tokens.h"

#include <pthread.h>
#include <string.h>

#include "common/base/str.h"
#include "tests/support/redis_server.h"
#include "tests/support/unit.h"

struct fixture {
        struct redis_server redis;
        struct cache *cache;
        struct arena *arena;
};

static struct fixture fixture_new(void)
{
        struct fixture f = {.arena = arena_new()};

        CHECK(redis_server_start(&f.redis, NULL));
        CHECK_INT(cache_open(&(struct cache_config){.url = f.redis.url, .pool = 8}, &f.cache), ERR_OK);
        return f;
}

static void fixture_done(struct fixture *f)
{
        cache_close(f->cache);
        redis_server_stop(&f->redis);
        arena_free(f->arena);
}

static const char *issue(struct fixture *f, const char *editor, unsigned scopes)
{
        const struct token_grant grant = {editor, "client-1", scopes, 1718459445000, 86400000};
        const char *token = NULL;

        CHECK_INT(tokens_issue(f->cache, f->arena, &grant, &token), ERR_OK);
        return token;
}

static enum err find(struct fixture *f, const char *token)
{
        struct token_info info;

        return tokens_find(f->cache, f->arena, token, &info);
}

static struct token_info found(struct fixture *f, const char *token)
{
        struct token_info info = {0};

        CHECK_INT(tokens_find(f->cache, f->arena, token, &info), ERR_OK);
        return info;
}

static void an_issued_token_is_found(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        const char *token = issue(&f, "ed-1", SCOPE_API_ACCESS | SCOPE_API_READ);
        struct token_info info = found(&f, token);

        CHECK(str_starts_with(token, "vr_at_"));
        CHECK_INT(strlen(token), 6 + 43);
        CHECK_TEXT(info.editor_id, "ed-1");
        CHECK_TEXT(info.client_id, "client-1");
        CHECK_INT(info.scopes, SCOPE_API_ACCESS | SCOPE_API_READ);
        CHECK_INT(info.issued_ms, 1718459445000);
        CHECK_INT(info.expires_ms, 1718459445000 + 86400000);
        CHECK(info.alive && info.editor_usable);
}

static void redis_holds_no_token_in_clear(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        const char *token = issue(&f, "ed-1", SCOPE_API_ACCESS);
        struct cache_value keys = {0}, ttl = {0};

        CHECK_INT(cache_command(f.cache, f.arena, CACHE_ARGS(cache_text("KEYS"), cache_text("*")), &keys), ERR_OK);
        CHECK_INT(keys.length, 2);
        for (size_t i = 0; i < keys.length; i++) {
                CHECK(!strstr(keys.list[i].text, token + 6));
                CHECK_INT(cache_command(f.cache, f.arena, CACHE_ARGS(cache_text("PTTL"), cache_text(keys.list[i].text)),
                                        &ttl),
                          ERR_OK);
                CHECK(ttl.integer > 86000000 && ttl.integer <= 86400000);
        }
}

static void what_is_no_token_is_not_found(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();

        CHECK_INT(find(&f, NULL), ERR_NOT_FOUND);
        CHECK_INT(find(&f, ""), ERR_NOT_FOUND);
        CHECK_INT(find(&f, "vr_at_"), ERR_NOT_FOUND);
        CHECK_INT(find(&f, "vr_at_0123456789012345678901234567890123456789012"), ERR_NOT_FOUND);
        CHECK_INT(find(&f, "vr_at_012345678901234567890123456789012345678901*"), ERR_NOT_FOUND);
        CHECK_INT(find(&f, "vr_xx_0123456789012345678901234567890123456789012"), ERR_NOT_FOUND);
}

static void the_same_scopes_replace_others_stay(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        const char *first = issue(&f, "ed-1", SCOPE_API_ACCESS);
        const char *other = issue(&f, "ed-1", SCOPE_API_READ);
        const char *neighbour = issue(&f, "ed-2", SCOPE_API_ACCESS);
        const char *second = issue(&f, "ed-1", SCOPE_API_ACCESS);

        CHECK_INT(find(&f, first), ERR_NOT_FOUND);
        CHECK_INT(find(&f, second), ERR_OK);
        CHECK_INT(find(&f, other), ERR_OK);
        CHECK_INT(find(&f, neighbour), ERR_OK);
}

struct issuer {
        struct cache *cache;
        char token[64];
};

static void *issue_one(void *arg)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const struct token_grant grant = {"ed-1", "client-1", SCOPE_API_ACCESS, 1, 60000};
        struct issuer *issuer = arg;
        const char *token = NULL;

        if (tokens_issue(issuer->cache, arena, &grant, &token) == ERR_OK)
                memcpy(issuer->token, token, strlen(token) + 1);
        return NULL;
}

static void of_64_at_once_exactly_one_lives(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        struct issuer issuers[64] = {0};
        pthread_t threads[64];
        int alive = 0;

        for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
                issuers[i].cache = f.cache;
                CHECK_INT(pthread_create(&threads[i], NULL, issue_one, &issuers[i]), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
                pthread_join(threads[i], NULL);
        for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
                CHECK(issuers[i].token[0]);
                alive += find(&f, issuers[i].token) == ERR_OK;
        }
        CHECK_INT(alive, 1);
}

static void losing_rights_ends_tokens_for_good(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        const char *token = issue(&f, "ed-1", SCOPE_API_ACCESS), *neighbour = issue(&f, "ed-2", SCOPE_API_ACCESS);

        CHECK_INT(tokens_set_editor(f.cache, "ed-1", false), ERR_OK);
        CHECK(!found(&f, token).editor_usable);
        CHECK_INT(tokens_set_editor(f.cache, "ed-1", true), ERR_OK);
        CHECK(found(&f, token).editor_usable);
        CHECK(!found(&f, token).alive);
        CHECK(found(&f, issue(&f, "ed-1", SCOPE_API_READ)).alive);
        CHECK(found(&f, neighbour).alive);
}

static void being_usable_again_and_again_ends_nothing(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        const char *token = issue(&f, "ed-1", SCOPE_API_ACCESS);

        CHECK_INT(tokens_set_editor(f.cache, "ed-1", true), ERR_OK);
        CHECK_INT(tokens_set_editor(f.cache, "ed-1", true), ERR_OK);
        CHECK(found(&f, token).alive);
}

static void nothing_is_issued_to_an_unusable_editor(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        const struct token_grant grant = {"ed-1", "client-1", SCOPE_API_ACCESS, 1, 60000};
        const char *token = NULL;

        CHECK_INT(tokens_set_editor(f.cache, "ed-1", false), ERR_OK);
        CHECK_INT(tokens_issue(f.cache, f.arena, &grant, &token), ERR_FORBIDDEN);
        CHECK(!token);
}

static void revoking_all_leaves_the_editor_usable(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        const char *token = issue(&f, "ed-1", SCOPE_API_ACCESS);

        CHECK_INT(tokens_revoke_all(f.cache, "ed-1"), ERR_OK);
        CHECK(!found(&f, token).alive);
        CHECK(found(&f, token).editor_usable);
        CHECK(found(&f, issue(&f, "ed-1", SCOPE_API_ACCESS)).alive);
}

static void one_token_can_be_revoked_by_its_editor(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        const char *token = issue(&f, "ed-1", SCOPE_API_ACCESS), *other = issue(&f, "ed-1", SCOPE_API_READ);

        CHECK_INT(tokens_revoke(f.cache, f.arena, token, "ed-2"), ERR_FORBIDDEN);
        CHECK_INT(find(&f, token), ERR_OK);
        CHECK_INT(tokens_revoke(f.cache, f.arena, token, "ed-1"), ERR_OK);
        CHECK_INT(find(&f, token), ERR_NOT_FOUND);
        CHECK_INT(tokens_revoke(f.cache, f.arena, token, "ed-1"), ERR_NOT_FOUND);
        CHECK_INT(tokens_revoke(f.cache, f.arena, "rubbish", "ed-1"), ERR_NOT_FOUND);
        CHECK_INT(find(&f, other), ERR_OK);
}

static void a_token_expires(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        const struct token_grant grant = {"ed-1", "client-1", SCOPE_API_ACCESS, 1, 30};
        const char *token = NULL;
        int tries = 0;

        CHECK_INT(tokens_issue(f.cache, f.arena, &grant, &token), ERR_OK);
        while (find(&f, token) == ERR_OK && tries < 100000)
                tries++;
        CHECK_INT(find(&f, token), ERR_NOT_FOUND);
}

static void without_redis_nothing_is_known(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        const char *token = issue(&f, "ed-1", SCOPE_API_ACCESS);

        redis_server_stop(&f.redis);
        CHECK_INT(find(&f, token), ERR_UNAVAILABLE);
        CHECK_INT(tokens_set_editor(f.cache, "ed-1", false), ERR_UNAVAILABLE);
}

static void scopes_to_text_and_back(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_INT(scopes_parse("api_access"), SCOPE_API_ACCESS);
        CHECK_INT(scopes_parse("api_write api_read api_write"), SCOPE_API_READ | SCOPE_API_WRITE);
        CHECK_INT(scopes_parse("api_access admin"), 0);
        CHECK_INT(scopes_parse("API_ACCESS"), 0);
        CHECK_INT(scopes_parse(""), 0);
        CHECK_INT(scopes_parse(" "), 0);
        CHECK_INT(scopes_parse(NULL), 0);
        CHECK_TEXT(scopes_text(arena, SCOPE_API_WRITE | SCOPE_API_ACCESS), "api_access api_write");
        CHECK_TEXT(scopes_text(arena, 0), "");
}

UNIT_TESTS(UNIT(an_issued_token_is_found), UNIT(redis_holds_no_token_in_clear), UNIT(what_is_no_token_is_not_found),
           UNIT(the_same_scopes_replace_others_stay), UNIT(of_64_at_once_exactly_one_lives),
           UNIT(losing_rights_ends_tokens_for_good), UNIT(being_usable_again_and_again_ends_nothing),
           UNIT(nothing_is_issued_to_an_unusable_editor), UNIT(revoking_all_leaves_the_editor_usable),
           UNIT(one_token_can_be_revoked_by_its_editor), UNIT(a_token_expires), UNIT(without_redis_nothing_is_known),
           UNIT(scopes_to_text_and_back))
