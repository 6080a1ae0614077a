#include "common/app/webhook_signature.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/id.h"
#include "common/base/str.h"
#include "common/io/crypto.h"

#define SECRET_PREFIX "whsec_"
#define SECRET_BYTES  24

const char *webhook_sign_seed(struct arena *arena, const char *secret, const void *body, size_t length)
{
        unsigned char digest[CRYPTO_SHA256_BYTES];

        crypto_hmac_sha256(secret, strlen(secret), body, length, digest);
        return arena_printf(arena, "sha256=%s", str_hex(arena, digest, sizeof(digest)));
}

/* Standard Webhooks: what the base64 after `whsec_` stands for; a secret of another form is its own bytes. */
static const void *standard_key(struct arena *arena, const char *secret, size_t *ret_length)
{
        unsigned char *key;

        if (str_starts_with(secret, SECRET_PREFIX) &&
            !str_unbase64(arena, secret + strlen(SECRET_PREFIX), &key, ret_length) && *ret_length > 0)
                return key;
        *ret_length = strlen(secret);
        return secret;
}

const char *webhook_sign_standard(struct arena *arena, const char *secret, const char *id, int64_t timestamp_s,
                                  const void *body, size_t length)
{
        char *head = arena_printf(arena, "%s.%" PRId64 ".", id, timestamp_s);
        size_t head_length = strlen(head), key_length;
        char *signed_text = arena_alloc(arena, head_length + length + 1);
        unsigned char digest[CRYPTO_SHA256_BYTES];
        const void *key = standard_key(arena, secret, &key_length);

        memcpy(signed_text, head, head_length);
        if (length > 0)
                memcpy(signed_text + head_length, body, length);
        crypto_hmac_sha256(key, key_length, signed_text, head_length + length, digest);
        return arena_printf(arena, "v1,%s", str_base64(arena, digest, sizeof(digest)));
}

bool webhook_verify_seed(struct arena *arena, const char *secret, const void *body, size_t length, const char *header)
{
        return crypto_equal_text(webhook_sign_seed(arena, secret, body, length), header);
}

bool webhook_verify_standard(struct arena *arena, const char *secret, const char *id, int64_t timestamp_s,
                             const void *body, size_t length, const char *header)
{
        const char *expected;
        bool found = false;
        char **parts;
        size_t count;

        if (!id || !header)
                return false;
        expected = webhook_sign_standard(arena, secret, id, timestamp_s, body, length);
        parts = str_split(arena, header, ' ', &count);
        for (size_t i = 0; i < count; i++)
                found |= crypto_equal_text(expected, parts[i]);
        return found;
}

const char *webhook_secret_new(struct arena *arena)
{
        unsigned char bytes[SECRET_BYTES];

        id_random(bytes, sizeof(bytes));
        return arena_printf(arena, SECRET_PREFIX "%s", str_base64(arena, bytes, sizeof(bytes)));
}
