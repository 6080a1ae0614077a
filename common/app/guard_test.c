#include "common/app/guard.h"

#include <sched.h>

#include "common/app/tokens.h"
#include "tests/support/redis_server.h"
#include "tests/support/unit.h"

struct fixture {
        struct redis_server redis;
        struct cache *cache;
        struct guard *guard;
        struct arena *arena;
        const char *token;
};

static struct fixture fixture_new(unsigned scopes)
{
        struct fixture f = {.arena = arena_new()};
        const struct token_grant grant = {"ed-1", "client-1", scopes, 1000, 60000};

        CHECK(redis_server_start(&f.redis, NULL));
        CHECK_INT(cache_open(&(struct cache_config){.url = f.redis.url}, &f.cache), ERR_OK);
        CHECK_INT(guard_new(f.cache, &f.guard), ERR_OK);
        CHECK_INT(tokens_issue(f.cache, f.arena, &grant, &f.token), ERR_OK);
        return f;
}

static void fixture_done(struct fixture *f)
{
        guard_free(f->guard);
        cache_close(f->cache);
        redis_server_stop(&f->redis);
        arena_free(f->arena);
}

static enum err check(struct fixture *f, const char *scheme, unsigned accepted)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct principal principal;

        return guard_check(f->guard, arena, arena_printf(arena, "%s%s", scheme, f->token), accepted, &principal);
}

static void a_good_token_tells_who(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(SCOPE_API_ACCESS);
        struct principal principal = {0};

        CHECK_INT(guard_check(f.guard, f.arena, arena_printf(f.arena, "Bearer %s", f.token),
                              SCOPE_API_ACCESS | SCOPE_API_READ, &principal),
                  ERR_OK);
        CHECK_TEXT(principal.editor_id, "ed-1");
        CHECK_TEXT(principal.client_id, "client-1");
        CHECK_INT(principal.scopes, SCOPE_API_ACCESS);
        CHECK_INT(principal.expires_ms, 61000);
}

static void the_scheme_matters_its_case_does_not(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(SCOPE_API_ACCESS);
        struct principal principal;

        CHECK_INT(check(&f, "bearer ", SCOPE_API_ACCESS), ERR_OK);
        CHECK_INT(check(&f, "BEARER   ", SCOPE_API_ACCESS), ERR_OK);
        CHECK_INT(check(&f, "Bearer", SCOPE_API_ACCESS), ERR_UNAUTHORIZED);
        CHECK_INT(check(&f, "Basic ", SCOPE_API_ACCESS), ERR_UNAUTHORIZED);
        CHECK_INT(check(&f, "", SCOPE_API_ACCESS), ERR_UNAUTHORIZED);
        CHECK_INT(check(&f, "Bearer x", SCOPE_API_ACCESS), ERR_UNAUTHORIZED);
        CHECK_INT(guard_check(f.guard, f.arena, NULL, SCOPE_API_ACCESS, &principal), ERR_UNAUTHORIZED);
        CHECK_INT(guard_check(f.guard, f.arena, "Bearer ", SCOPE_API_ACCESS, &principal), ERR_UNAUTHORIZED);
        CHECK_INT(guard_check(f.guard, f.arena, "Bearer vr_at_0123456789012345678901234567890123456789012",
                              SCOPE_API_ACCESS, &principal),
                  ERR_UNAUTHORIZED);
}

static void a_scope_too_small_is_forbidden(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(SCOPE_API_READ);
        struct principal principal = {0};

        CHECK_INT(check(&f, "Bearer ", SCOPE_API_ACCESS | SCOPE_API_READ), ERR_OK);
        CHECK_INT(check(&f, "Bearer ", SCOPE_API_ACCESS | SCOPE_API_WRITE), ERR_FORBIDDEN);
        CHECK_INT(
                guard_check(f.guard, f.arena, arena_printf(f.arena, "Bearer %s", f.token), SCOPE_API_WRITE, &principal),
                ERR_FORBIDDEN);
        CHECK_TEXT(principal.editor_id, "ed-1"); /* it is known who asks */
}

static void lost_rights_are_403_then_401(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(SCOPE_API_ACCESS);

        CHECK_INT(tokens_set_editor(f.cache, "ed-1", false), ERR_OK);
        CHECK_INT(check(&f, "Bearer ", SCOPE_API_ACCESS), ERR_FORBIDDEN);
        CHECK_INT(tokens_set_editor(f.cache, "ed-1", true), ERR_OK);
        CHECK_INT(check(&f, "Bearer ", SCOPE_API_ACCESS), ERR_UNAUTHORIZED);
}

static void revoked_tokens_are_401(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(SCOPE_API_ACCESS);

        CHECK_INT(tokens_revoke_all(f.cache, "ed-1"), ERR_OK);
        CHECK_INT(check(&f, "Bearer ", SCOPE_API_ACCESS), ERR_UNAUTHORIZED);
}

static void without_redis_it_is_never_401(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new(SCOPE_API_ACCESS);

        redis_server_stop(&f.redis);
        CHECK_INT(check(&f, "Bearer ", SCOPE_API_ACCESS), ERR_UNAVAILABLE);
        CHECK_INT(check(&f, "Bearer ", SCOPE_API_ACCESS), ERR_UNAVAILABLE);
        CHECK(redis_server_start(&f.redis, NULL));
        for (int i = 0; i < 10000000 && check(&f, "Bearer ", SCOPE_API_ACCESS) == ERR_UNAVAILABLE; i++)
                sched_yield();                                               /* the back-off is short */
        CHECK_INT(check(&f, "Bearer ", SCOPE_API_ACCESS), ERR_UNAUTHORIZED); /* it came back empty */
}

UNIT_TESTS(UNIT(a_good_token_tells_who), UNIT(the_scheme_matters_its_case_does_not),
           UNIT(a_scope_too_small_is_forbidden), UNIT(lost_rights_are_403_then_401), UNIT(revoked_tokens_are_401),
           UNIT(without_redis_it_is_never_401))
