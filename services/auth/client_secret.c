#include "services/auth/client_secret.h"

#include <string.h>

#include "common/base/id.h"
#include "common/base/str.h"
#include "common/io/crypto.h"

#define PREFIX            "vr_cs_"
#define RANDOM_BYTES      32
#define PBKDF2_ITERATIONS 100000

void client_secret_new(struct arena *arena, int64_t now_ms, struct client_secret *ret_secret, const char **ret_plain)
{
        unsigned char bytes[RANDOM_BYTES];
        const char *plain;

        id_random(bytes, sizeof(bytes));
        plain = arena_printf(arena, PREFIX "%s", str_base64url(arena, bytes, sizeof(bytes)));
        *ret_secret = (struct client_secret){.kind = SECRET_SHA256, .created_ms = now_ms};
        crypto_sha256(plain, strlen(plain), ret_secret->hash);
        *ret_plain = plain;
}

enum err client_secret_import(const char *plain, int64_t now_ms, struct client_secret *ret_secret)
{
        struct client_secret secret = {.kind = SECRET_PBKDF2, .iterations = PBKDF2_ITERATIONS, .created_ms = now_ms};
        enum err err;

        id_random(secret.salt, sizeof(secret.salt));
        err = crypto_pbkdf2_sha256(plain, secret.salt, sizeof(secret.salt), PBKDF2_ITERATIONS, secret.hash);
        if (err)
                return err;
        *ret_secret = secret;
        return ERR_OK;
}

enum err client_secret_check(const char *plain, const struct client_secret *secrets, size_t count, bool *ret_right)
{
        static const struct client_secret nobody = {.kind = SECRET_SHA256};
        unsigned char sha256[CRYPTO_SHA256_BYTES], pbkdf2[CRYPTO_SHA256_BYTES];
        bool right = false;

        crypto_sha256(plain, strlen(plain), sha256);
        if (count == 0)
                (void)crypto_equal(sha256, nobody.hash, sizeof(sha256));
        for (size_t i = 0; i < count; i++) {
                const struct client_secret *secret = &secrets[i];
                const unsigned char *digest = sha256;

                if (secret->kind == SECRET_PBKDF2) {
                        enum err err = crypto_pbkdf2_sha256(plain, secret->salt, sizeof(secret->salt),
                                                            (int)secret->iterations, pbkdf2);
                        if (err)
                                return err;
                        digest = pbkdf2;
                }
                right |= crypto_equal(digest, secret->hash, sizeof(secret->hash));
        }
        *ret_right = right;
        return ERR_OK;
}
