#include "common/app/webhook_signature.h"

#include <string.h>

#include "common/base/str.h"
#include "tests/support/unit.h"

static const char body[] = "{\"event\":\"market.completed\"}";
static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

static void the_seeds_form_is_keyed_with_the_text(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_TEXT(webhook_sign_seed(arena, secret, body, strlen(body)),
                   "sha256=7f28680b055661a482c94bcc2ed7385b8e03a8a28aedfe8bd3bc4ebf063dc7c6");
}

static void the_standards_own_example(void) /* Standard Webhooks, "msg_p5jXN8AQM9LWM0D4loKWxJek" */
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const char *example = "{\"test\": 2432232314}";

        CHECK_TEXT(webhook_sign_standard(arena, secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, example,
                                         strlen(example)),
                   "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void another_secret_is_its_own_bytes(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_TEXT(webhook_sign_standard(arena, "plain secret", "id", 1, "body", 4),
                   "v1,Wrs76yk5IRzw+kzJNK927pQ0UmFSD5dSK8tchJoyqhg=");
        /* looks like one, is no base64: must still sign */
        CHECK(str_starts_with(webhook_sign_standard(arena, "whsec_%", "id", 1, "body", 4), "v1,"));
        CHECK(str_starts_with(webhook_sign_standard(arena, "whsec_", "id", 1, "body", 4), "v1,"));
}

static void verifies_the_seeds_form(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const char *header = webhook_sign_seed(arena, secret, body, strlen(body));

        CHECK(webhook_verify_seed(arena, secret, body, strlen(body), header));
        CHECK(!webhook_verify_seed(arena, "other", body, strlen(body), header));
        CHECK(!webhook_verify_seed(arena, secret, body, strlen(body) - 1, header));
        CHECK(!webhook_verify_seed(arena, secret, body, strlen(body), header + strlen("sha256=")));
        CHECK(!webhook_verify_seed(arena, secret, body, strlen(body), ""));
        CHECK(!webhook_verify_seed(arena, secret, body, strlen(body), NULL));
}

static void any_of_several_signatures_is_enough(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const char *old = webhook_sign_standard(arena, "old", "id", 7, body, strlen(body));
        const char *new = webhook_sign_standard(arena, secret, "id", 7, body, strlen(body));
        const char *both = arena_printf(arena, "%s %s", old, new);

        CHECK(webhook_verify_standard(arena, secret, "id", 7, body, strlen(body), both));
        CHECK(webhook_verify_standard(arena, "old", "id", 7, body, strlen(body), both));
        CHECK(!webhook_verify_standard(arena, "third", "id", 7, body, strlen(body), both));
        CHECK(!webhook_verify_standard(arena, secret, "id", 8, body, strlen(body), both));
        CHECK(!webhook_verify_standard(arena, secret, "ie", 7, body, strlen(body), both));
        CHECK(!webhook_verify_standard(arena, secret, "id", 7, body, strlen(body), NULL));
        CHECK(!webhook_verify_standard(arena, secret, NULL, 7, body, strlen(body), both));
        CHECK(!webhook_verify_standard(arena, secret, "id", 7, body, strlen(body), ""));
}

static void new_secrets_are_new_and_decode(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const char *a = webhook_secret_new(arena), *b = webhook_secret_new(arena);
        unsigned char *key = NULL;
        size_t length = 0;

        CHECK(strcmp(a, b) != 0);
        CHECK(str_starts_with(a, "whsec_"));
        CHECK_INT(str_unbase64(arena, a + 6, &key, &length), ERR_OK);
        CHECK_INT(length, 24);
}

UNIT_TESTS(UNIT(the_seeds_form_is_keyed_with_the_text), UNIT(the_standards_own_example),
           UNIT(another_secret_is_its_own_bytes), UNIT(verifies_the_seeds_form),
           UNIT(any_of_several_signatures_is_enough), UNIT(new_secrets_are_new_and_decode))
