#include "common/io/crypto.h"

#include <string.h>

#include "common/base/arena.h"
#include "common/base/str.h"
#include "tests/support/unit.h"

static void sha256_of_the_standard(void) /* FIPS 180-4 examples */
{
        char hex[CRYPTO_SHA256_HEX];

        CHECK_TEXT(crypto_sha256_hex("abc", 3, hex),
                   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        CHECK_TEXT(crypto_sha256_hex("", 0, hex), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void sha1_of_the_standard(void)
{
        char hex[CRYPTO_SHA1_HEX];

        CHECK_TEXT(crypto_sha1_hex("abc", 3, hex), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

static void hmac_of_rfc4231(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        unsigned char digest[CRYPTO_SHA256_BYTES];

        crypto_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, digest);
        CHECK_TEXT(str_hex(arena, digest, sizeof(digest)),
                   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void hmac_takes_an_empty_key(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        unsigned char digest[CRYPTO_SHA256_BYTES];

        crypto_hmac_sha256(NULL, 0, "", 0, digest);
        CHECK_TEXT(str_hex(arena, digest, sizeof(digest)),
                   "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void pbkdf2_of_rfc7914(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        unsigned char digest[CRYPTO_SHA256_BYTES];

        CHECK_INT(crypto_pbkdf2_sha256("passwd", "salt", 4, 1, digest), ERR_OK);
        CHECK_TEXT(str_hex(arena, digest, sizeof(digest)),
                   "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
        CHECK_INT(crypto_pbkdf2_sha256("passwd", "salt", 4, 0, digest), ERR_INVALID);
}

static void equal_texts(void)
{
        CHECK(crypto_equal_text("secret", "secret"));
        CHECK(!crypto_equal_text("secret", "secreT"));
        CHECK(!crypto_equal_text("secret", "secret "));
        CHECK(!crypto_equal_text(NULL, "x"));
        CHECK(!crypto_equal_text(NULL, NULL));
        CHECK(crypto_equal("ab", "ac", 1));
        CHECK(!crypto_equal("ab", "ac", 2));
}

static const unsigned char test_key[CRYPTO_KEY_BYTES] = "0123456789abcdef0123456789abcde";
static const unsigned char test_nonce[CRYPTO_NONCE_BYTES] = "nonce-nonce";

static void what_was_sealed_opens(void)
{
        unsigned char sealed[5 + CRYPTO_TAG_BYTES], plain[6] = "";

        CHECK_INT(crypto_seal(test_key, test_nonce, "ctx", 3, "hello", 5, sealed), ERR_OK);
        CHECK(memcmp(sealed, "hello", 5) != 0);
        CHECK_INT(crypto_open(test_key, test_nonce, "ctx", 3, sealed, sizeof(sealed), plain), ERR_OK);
        CHECK_TEXT((char *)plain, "hello");
}

static void nothing_seals_too(void)
{
        unsigned char sealed[CRYPTO_TAG_BYTES], plain[1];

        CHECK_INT(crypto_seal(test_key, test_nonce, NULL, 0, "", 0, sealed), ERR_OK);
        CHECK_INT(crypto_open(test_key, test_nonce, NULL, 0, sealed, sizeof(sealed), plain), ERR_OK);
        CHECK_INT(crypto_open(test_key, test_nonce, NULL, 0, sealed, 3, plain), ERR_CORRUPT);
}

static void any_changed_bit_is_seen(void)
{
        unsigned char sealed[5 + CRYPTO_TAG_BYTES], plain[5];

        CHECK_INT(crypto_seal(test_key, test_nonce, "ctx", 3, "hello", 5, sealed), ERR_OK);
        for (size_t i = 0; i < sizeof(sealed); i++) {
                sealed[i] ^= 1;
                CHECK_INT(crypto_open(test_key, test_nonce, "ctx", 3, sealed, sizeof(sealed), plain), ERR_CORRUPT);
                sealed[i] ^= 1;
        }
        CHECK_INT(crypto_open(test_key, test_nonce, "cty", 3, sealed, sizeof(sealed), plain), ERR_CORRUPT);
}

static void sealing_agrees_with_nist(void) /* GCM specification, test case 14 */
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        static const unsigned char zero[CRYPTO_KEY_BYTES];
        unsigned char sealed[16 + CRYPTO_TAG_BYTES];

        CHECK_INT(crypto_seal(zero, zero, NULL, 0, zero, 16, sealed), ERR_OK);
        CHECK_TEXT(str_hex(arena, sealed, sizeof(sealed)),
                   "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

UNIT_TESTS(UNIT(sha256_of_the_standard), UNIT(sha1_of_the_standard), UNIT(hmac_of_rfc4231),
           UNIT(hmac_takes_an_empty_key), UNIT(pbkdf2_of_rfc7914), UNIT(equal_texts), UNIT(what_was_sealed_opens),
           UNIT(nothing_seals_too), UNIT(any_changed_bit_is_seen), UNIT(sealing_agrees_with_nist))
