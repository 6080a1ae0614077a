#include "common/io/crypto.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/attr.h"

/* Looked up once: OpenSSL 3 else searches its providers, under locks, for each digest. They live as long as the process. */
static const EVP_MD *sha256_method, *sha1_method;

static void find_methods(void)
{
        sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
        sha1_method = EVP_MD_fetch(NULL, "SHA1", NULL);
        if (!sha256_method || !sha1_method)
                abort(); /* a library without them: nothing we sign or look up would be right */
}

static void digest_with(const EVP_MD *const *method, const void *bytes, size_t length, unsigned char *digest)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        pthread_once(&once, find_methods);
        if (!EVP_Digest(bytes, length, digest, NULL, *method, NULL))
                abort();
}

static void cipher_free(EVP_CIPHER_CTX **context)
{
        EVP_CIPHER_CTX_free(*context);
}

static char *to_hex(const unsigned char *bytes, size_t length, char *hex)
{
        for (size_t i = 0; i < length; i++) {
                hex[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
                hex[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
        }
        hex[2 * length] = '\0';
        return hex;
}

void crypto_sha256(const void *bytes, size_t length, unsigned char digest[CRYPTO_SHA256_BYTES])
{
        digest_with(&sha256_method, bytes, length, digest);
}

char *crypto_sha256_hex(const void *bytes, size_t length, char hex[CRYPTO_SHA256_HEX])
{
        unsigned char digest[CRYPTO_SHA256_BYTES];

        crypto_sha256(bytes, length, digest);
        return to_hex(digest, sizeof(digest), hex);
}

char *crypto_sha1_hex(const void *bytes, size_t length, char hex[CRYPTO_SHA1_HEX])
{
        unsigned char digest[SHA_DIGEST_LENGTH];

        digest_with(&sha1_method, bytes, length, digest);
        return to_hex(digest, sizeof(digest), hex);
}

void crypto_hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length,
                        unsigned char digest[CRYPTO_SHA256_BYTES])
{
        if (key_length > INT_MAX ||
            !HMAC(EVP_sha256(), key_length ? key : "", (int)key_length, bytes, length, digest, NULL))
                abort();
}

bool crypto_equal(const void *a, const void *b, size_t length)
{
        return CRYPTO_memcmp(a, b, length) == 0;
}

bool crypto_equal_text(const char *a, const char *b)
{
        unsigned char digest_a[CRYPTO_SHA256_BYTES], digest_b[CRYPTO_SHA256_BYTES];

        if (!a || !b)
                return false;
        /* digests, so that not even the lengths show */
        crypto_sha256(a, strlen(a), digest_a);
        crypto_sha256(b, strlen(b), digest_b);
        return crypto_equal(digest_a, digest_b, sizeof(digest_a));
}

void crypto_wipe(void *bytes, size_t length)
{
        OPENSSL_cleanse(bytes, length);
}

enum err crypto_pbkdf2_sha256(const char *secret, const void *salt, size_t salt_length, int iterations,
                              unsigned char digest[CRYPTO_SHA256_BYTES])
{
        unsigned char derived[CRYPTO_SHA256_BYTES];
        size_t length = strlen(secret);

        if (length > INT_MAX || salt_length > INT_MAX || iterations < 1)
                return ERR_INVALID;
        if (!PKCS5_PBKDF2_HMAC(secret, (int)length, salt, (int)salt_length, iterations, EVP_sha256(),
                               CRYPTO_SHA256_BYTES, derived))
                return ERR_INTERNAL;
        memcpy(digest, derived, sizeof(derived));
        crypto_wipe(derived, sizeof(derived));
        return ERR_OK;
}

enum err crypto_seal(const unsigned char key[CRYPTO_KEY_BYTES], const unsigned char nonce[CRYPTO_NONCE_BYTES],
                     const void *aad, size_t aad_length, const void *plain, size_t length, unsigned char *sealed)
{
        AUTO(cipher_free) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
        int written = 0, last = 0;

        if (!context)
                return ERR_NO_MEMORY;
        if (length > INT_MAX || aad_length > INT_MAX)
                return ERR_TOO_LARGE;
        if (!EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) ||
            (aad_length && !EVP_EncryptUpdate(context, NULL, &written, aad, (int)aad_length)) ||
            (length && !EVP_EncryptUpdate(context, sealed, &last, plain, (int)length)) ||
            !EVP_EncryptFinal_ex(context, sealed + last, &written) ||
            !EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, CRYPTO_TAG_BYTES, sealed + length))
                return ERR_INTERNAL;
        return ERR_OK;
}

enum err crypto_open(const unsigned char key[CRYPTO_KEY_BYTES], const unsigned char nonce[CRYPTO_NONCE_BYTES],
                     const void *aad, size_t aad_length, const void *sealed, size_t length, unsigned char *plain)
{
        AUTO(cipher_free) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
        unsigned char tag[CRYPTO_TAG_BYTES];
        int written = 0, last = 0;

        if (!context)
                return ERR_NO_MEMORY;
        if (length < CRYPTO_TAG_BYTES || length > INT_MAX || aad_length > INT_MAX)
                return ERR_CORRUPT;
        length -= CRYPTO_TAG_BYTES;
        memcpy(tag, (const unsigned char *)sealed + length, sizeof(tag));
        if (!EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce) ||
            (aad_length && !EVP_DecryptUpdate(context, NULL, &written, aad, (int)aad_length)) ||
            (length && !EVP_DecryptUpdate(context, plain, &last, sealed, (int)length)) ||
            !EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, CRYPTO_TAG_BYTES, tag))
                return ERR_INTERNAL;
        if (EVP_DecryptFinal_ex(context, plain + last, &written) != 1) {
                crypto_wipe(plain, length); /* nobody acts on what was not authenticated */
                return ERR_CORRUPT;
        }
        return ERR_OK;
}
