#include "common/app/sealed.h"

#include <string.h>

#include "common/base/str.h"
#include "tests/support/unit.h"

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="

static struct keyring *ring(const char *keys)
{
        struct keyring *keyring = NULL;
        const char *detail = NULL;

        CHECK_INT(keyring_new(keys, &keyring, &detail), ERR_OK);
        return keyring;
}

static void check_refused(const char *keys)
{
        struct keyring *keyring = NULL;
        const char *detail = NULL;

        if (keyring_new(keys, &keyring, &detail) != ERR_INVALID || keyring || !detail)
                unit_fail(__FILE__, __LINE__, "taken: %s", keys ? keys : "NULL");
        /* a setting that is shown must not show the secret */
        CHECK(!detail || !strstr(detail, "AAEC"));
}

static void malformed_keys_are_refused(void)
{
        check_refused(NULL);
        check_refused("");
        check_refused("k1");
        check_refused("k1:");
        check_refused(":" KEY_A);
        check_refused("k1:AAECAw==");
        check_refused("k1:" KEY_A "AAAA");
        check_refused("k1:!" KEY_A);
        check_refused("k.1:" KEY_A);
        check_refused("k1:" KEY_A ",");
        check_refused("k1:" KEY_A ",k1:" KEY_B);
        check_refused("an_id_that_is_longer_than_32_bytes:" KEY_A);
}

static void what_is_sealed_opens(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(keyring_freep) struct keyring *keyring = ring("k1:" KEY_A);
        const char *sealed = NULL, *again = NULL, *plain = NULL;

        CHECK_INT(sealed_seal(keyring, arena, "editor-1", "whsec_secret", &sealed), ERR_OK);
        CHECK_INT(sealed_seal(keyring, arena, "editor-1", "whsec_secret", &again), ERR_OK);
        CHECK(str_starts_with(sealed, "k1."));
        CHECK(!strstr(sealed, "secret"));
        CHECK(strcmp(sealed, again) != 0);
        CHECK_INT(sealed_open(keyring, arena, "editor-1", sealed, &plain), ERR_OK);
        CHECK_TEXT(plain, "whsec_secret");
        CHECK_INT(sealed_seal(keyring, arena, "editor-1", "", &sealed), ERR_OK);
        CHECK_INT(sealed_open(keyring, arena, "editor-1", sealed, &plain), ERR_OK);
        CHECK_TEXT(plain, "");
}

static void the_first_key_seals_all_open(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(keyring_freep) struct keyring *old = ring("k1:" KEY_A);
        AUTO(keyring_freep) struct keyring *both = ring("k2:" KEY_B ",k1:" KEY_A);
        AUTO(keyring_freep) struct keyring *new = ring("k2:" KEY_B);
        const char *by_old = NULL, *by_both = NULL, *plain = NULL;

        CHECK_INT(sealed_seal(old, arena, "e", "x", &by_old), ERR_OK);
        CHECK_INT(sealed_seal(both, arena, "e", "y", &by_both), ERR_OK);
        CHECK(str_starts_with(by_both, "k2."));
        CHECK_INT(sealed_open(both, arena, "e", by_old, &plain), ERR_OK);
        CHECK_TEXT(plain, "x");
        CHECK_INT(sealed_open(new, arena, "e", by_both, &plain), ERR_OK);
        CHECK_INT(sealed_open(new, arena, "e", by_old, &plain), ERR_NOT_FOUND);
}

static void it_can_not_be_moved_or_altered(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(keyring_freep) struct keyring *keyring = ring("k1:" KEY_A);
        const char *sealed = NULL, *plain = NULL;
        char *altered;

        CHECK_INT(sealed_seal(keyring, arena, "editor-1", "secret", &sealed), ERR_OK);
        CHECK_INT(sealed_open(keyring, arena, "editor-2", sealed, &plain), ERR_CORRUPT);
        for (size_t i = 3; i < strlen(sealed) - 4; i++) {
                altered = arena_strdup(arena, sealed);
                altered[i] = altered[i] == 'A' ? 'B' : 'A';
                CHECK_INT(sealed_open(keyring, arena, "editor-1", altered, &plain), ERR_CORRUPT);
        }
        CHECK_TEXT(plain, NULL);
}

static void rubbish_does_not_open(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(keyring_freep) struct keyring *keyring = ring("k1:" KEY_A);
        static const char *const rubbish[] = {"", ".", "k1", "k1.", "k1.AAAA", ".AAAA", "k1.%%%%", "k 1.AAAA"};
        const char *plain = NULL;

        for (size_t i = 0; i < ARRAY_LEN(rubbish); i++)
                CHECK_INT(sealed_open(keyring, arena, "e", rubbish[i], &plain), ERR_CORRUPT);
        CHECK_INT(sealed_open(keyring, arena, "e", NULL, &plain), ERR_CORRUPT);
        CHECK_INT(sealed_open(keyring, arena, "e", "k9.AAAA", &plain), ERR_NOT_FOUND);
}

static void what_another_key_sealed_is_not_current(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(keyring_freep) struct keyring *before = ring("k1:" KEY_A), *after = ring("k2:" KEY_B ",k1:" KEY_A);
        const char *sealed = NULL;

        CHECK_INT(sealed_seal(before, arena, "editor", "secret", &sealed), ERR_OK);
        CHECK(sealed_is_current(before, sealed));
        CHECK(!sealed_is_current(after, sealed));
        CHECK(!sealed_is_current(before, "k11.AAAA"));
        CHECK(!sealed_is_current(before, ""));
}

UNIT_TESTS(UNIT(what_another_key_sealed_is_not_current), UNIT(malformed_keys_are_refused), UNIT(what_is_sealed_opens),
           UNIT(the_first_key_seals_all_open), UNIT(it_can_not_be_moved_or_altered), UNIT(rubbish_does_not_open))
