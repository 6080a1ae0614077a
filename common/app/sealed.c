#include "common/app/sealed.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/id.h"
#include "common/base/str.h"
#include "common/io/crypto.h"

#define KEYS_MAX   16
#define KEY_ID_MAX 33

struct keyring {
        struct {
                char id[KEY_ID_MAX];
                unsigned char key[CRYPTO_KEY_BYTES];
        } keys[KEYS_MAX];
        size_t count;
};

static bool is_key_id(const char *text, size_t length)
{
        for (size_t i = 0; i < length; i++) {
                char c = text[i];

                if (!(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '-' && c != '_')
                        return false;
        }
        return length > 0 && length < KEY_ID_MAX;
}

static bool find_key(const struct keyring *keyring, const char *id, size_t length, size_t *ret_index)
{
        for (size_t i = 0; i < keyring->count; i++) {
                if (strlen(keyring->keys[i].id) == length && memcmp(keyring->keys[i].id, id, length) == 0) {
                        *ret_index = i;
                        return true;
                }
        }
        return false;
}

/* One `id:base64`. Says what is wrong, never the key. */
static const char *add_key(struct keyring *keyring, struct arena *arena, const char *text)
{
        const char *colon = strchr(text, ':');
        size_t id_length = colon ? (size_t)(colon - text) : 0, length = 0, index;
        unsigned char *key = NULL;

        if (!colon || !is_key_id(text, id_length))
                return "each key is id:base64, its id of letters, digits, - and _, at most 32 of them";
        if (str_unbase64(arena, colon + 1, &key, &length) || length != CRYPTO_KEY_BYTES)
                return "a key is 32 bytes in base64";
        if (find_key(keyring, text, id_length, &index))
                return "two keys have the same id";
        if (keyring->count == KEYS_MAX)
                return "too many keys (maximum is 16)";
        memcpy(keyring->keys[keyring->count].id, text, id_length);
        memcpy(keyring->keys[keyring->count].key, key, CRYPTO_KEY_BYTES);
        keyring->count++;
        crypto_wipe(key, length);
        return NULL;
}

enum err keyring_new(const char *keys, struct keyring **ret_keyring, const char **ret_detail)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        AUTO(keyring_freep) struct keyring *keyring = calloc(1, sizeof(*keyring));
        char *copy = arena_strdup(arena, keys ? keys : "");
        size_t copy_length = strlen(copy), count;
        const char *detail = NULL;
        char **parts;

        if (!keyring)
                return ERR_NO_MEMORY;
        parts = str_split(arena, copy, ',', &count);
        for (size_t i = 0; i < count; i++) {
                size_t part_length = strlen(parts[i]);

                detail = detail ? detail : add_key(keyring, arena, parts[i]);
                crypto_wipe(parts[i], part_length);
        }
        crypto_wipe(copy, copy_length);
        if (detail) {
                *ret_detail = detail;
                return ERR_INVALID;
        }
        *ret_keyring = TAKE(keyring);
        return ERR_OK;
}

void keyring_free(struct keyring *keyring)
{
        if (!keyring)
                return;
        crypto_wipe(keyring, sizeof(*keyring));
        free(keyring);
}

enum err sealed_seal(const struct keyring *keyring, struct arena *arena, const char *context, const char *plain,
                     const char **ret_sealed)
{
        size_t length = strlen(plain), sealed_length = CRYPTO_NONCE_BYTES + length + CRYPTO_TAG_BYTES;
        unsigned char *sealed = arena_alloc(arena, sealed_length);
        enum err err;

        id_random(sealed, CRYPTO_NONCE_BYTES);
        err = crypto_seal(keyring->keys[0].key, sealed, context, strlen(context), plain, length,
                          sealed + CRYPTO_NONCE_BYTES);
        if (err)
                return err;
        *ret_sealed = arena_printf(arena, "%s.%s", keyring->keys[0].id, str_base64(arena, sealed, sealed_length));
        return ERR_OK;
}

enum err sealed_open(const struct keyring *keyring, struct arena *arena, const char *context, const char *sealed,
                     const char **ret_plain)
{
        const char *dot = sealed ? strchr(sealed, '.') : NULL;
        unsigned char *bytes, *plain;
        size_t length, index;
        enum err err;

        if (!dot || !is_key_id(sealed, (size_t)(dot - sealed)))
                return ERR_CORRUPT;
        if (!find_key(keyring, sealed, (size_t)(dot - sealed), &index))
                return ERR_NOT_FOUND;
        if (str_unbase64(arena, dot + 1, &bytes, &length) || length < CRYPTO_NONCE_BYTES + CRYPTO_TAG_BYTES)
                return ERR_CORRUPT;
        plain = arena_alloc(arena, length); /* zeroed and longer than the text: its NUL is there */
        err = crypto_open(keyring->keys[index].key, bytes, context, strlen(context), bytes + CRYPTO_NONCE_BYTES,
                          length - CRYPTO_NONCE_BYTES, plain);
        if (err)
                return err;
        *ret_plain = (const char *)plain;
        return ERR_OK;
}

bool sealed_is_current(const struct keyring *keyring, const char *sealed)
{
        size_t length = strlen(keyring->keys[0].id);

        return strncmp(sealed, keyring->keys[0].id, length) == 0 && sealed[length] == '.';
}
