#include "services/auth/client_secret.h"

#include <string.h>

#include "common/base/str.h"
#include "tests/support/unit.h"

static void makes_secrets_that_only_match_themselves(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct client_secret secrets[2];
        const char *plain[2];
        bool right = false;

        client_secret_new(arena, 1000, &secrets[0], &plain[0]);
        client_secret_new(arena, 1000, &secrets[1], &plain[1]);
        CHECK(str_starts_with(plain[0], "vr_cs_"));
        CHECK_INT(strlen(plain[0]), strlen("vr_cs_") + 43);
        CHECK(!str_equal(plain[0], plain[1]));
        CHECK_INT(client_secret_check(plain[0], secrets, 1, &right), ERR_OK);
        CHECK(right);
        CHECK_INT(client_secret_check(plain[1], secrets, 1, &right), ERR_OK);
        CHECK(!right);
        CHECK_INT(client_secret_check(plain[1], secrets, 2, &right), ERR_OK);
        CHECK(right);
        right = true;
        CHECK_INT(client_secret_check(plain[0], NULL, 0, &right), ERR_OK);
        CHECK(!right);
}

static void salts_and_stretches_imported_ones(void)
{
        struct client_secret one, other, both[2];
        bool right = false;

        CHECK_INT(client_secret_import("hunter2", 1000, &one), ERR_OK);
        CHECK_INT(client_secret_import("hunter2", 1000, &other), ERR_OK);
        CHECK_INT(one.kind, SECRET_PBKDF2);
        CHECK_INT(one.iterations, 100000);
        CHECK(memcmp(one.hash, other.hash, sizeof(one.hash)) != 0);
        CHECK_INT(client_secret_check("hunter2", &one, 1, &right), ERR_OK);
        CHECK(right);
        CHECK_INT(client_secret_check("hunter3", &one, 1, &right), ERR_OK);
        CHECK(!right);
        both[0] = one;
        CHECK_INT(client_secret_import("other", 1000, &both[1]), ERR_OK);
        CHECK_INT(client_secret_check("hunter2", both, 2, &right), ERR_OK);
        CHECK(right);
}

UNIT_TESTS(UNIT(makes_secrets_that_only_match_themselves), UNIT(salts_and_stretches_imported_ones))
