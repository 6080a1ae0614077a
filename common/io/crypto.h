/* OpenSSL's libcrypto, the few calls we need. Any thread. */
#ifndef VR_IO_CRYPTO_H
#define VR_IO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

#define CRYPTO_SHA256_BYTES 32
#define CRYPTO_SHA256_HEX   65

void crypto_sha256(const void *bytes, size_t length, unsigned char digest[CRYPTO_SHA256_BYTES]);
/* Lower-case hex with a NUL. Returns `hex`. */
char *crypto_sha256_hex(const void *bytes, size_t length, char hex[CRYPTO_SHA256_HEX]);
#define CRYPTO_SHA1_HEX 41
/* For names that a protocol wants (Redis' EVALSHA), never for security. */
char *crypto_sha1_hex(const void *bytes, size_t length, char hex[CRYPTO_SHA1_HEX]);
void crypto_hmac_sha256(const void *key, size_t key_length, const void *bytes, size_t length,
                        unsigned char digest[CRYPTO_SHA256_BYTES]);

/* In a time that does not depend on where they differ. */
bool crypto_equal(const void *a, const void *b, size_t length);
bool crypto_equal_text(const char *a, const char *b);
/* Overwrites in a way the compiler keeps. */
void crypto_wipe(void *bytes, size_t length);

MUST_CHECK enum err crypto_pbkdf2_sha256(const char *secret, const void *salt, size_t salt_length, int iterations,
                                         unsigned char digest[CRYPTO_SHA256_BYTES]);

#define CRYPTO_KEY_BYTES   32
#define CRYPTO_NONCE_BYTES 12
#define CRYPTO_TAG_BYTES   16
/* AES-256-GCM. `sealed` takes length + CRYPTO_TAG_BYTES bytes: ciphertext, then tag. */
MUST_CHECK enum err crypto_seal(const unsigned char key[CRYPTO_KEY_BYTES],
                                const unsigned char nonce[CRYPTO_NONCE_BYTES], const void *aad, size_t aad_length,
                                const void *plain, size_t length, unsigned char *sealed);
/* The reverse; ERR_CORRUPT when the tag does not agree. `plain` takes length - CRYPTO_TAG_BYTES bytes. */
MUST_CHECK enum err crypto_open(const unsigned char key[CRYPTO_KEY_BYTES],
                                const unsigned char nonce[CRYPTO_NONCE_BYTES], const void *aad, size_t aad_length,
                                const void *sealed, size_t length, unsigned char *plain);

#endif
