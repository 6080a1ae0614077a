/*
 * Secrets at rest and in events: AES-256-GCM under a named key. VR_SECRET_KEYS(_FILE) is `id:base64-of-32-bytes`, comma-
 * separated; the first seals, all open. The sealed form is `id.base64(nonce ‖ ciphertext ‖ tag)`; `context` (e.g. the editor's id)
 * is authenticated, so that a sealed value can't be moved elsewhere. Any thread.
 */
#ifndef VR_APP_SEALED_H
#define VR_APP_SEALED_H

#include <stdbool.h>

#include "common/base/arena.h"
#include "common/base/err.h"

struct keyring;
MUST_CHECK enum err keyring_new(const char *keys, struct keyring **ret_keyring, const char **ret_detail);
void keyring_free(struct keyring *keyring); /* wipes */
DEFINE_FREEP(struct keyring, keyring)

MUST_CHECK enum err sealed_seal(const struct keyring *keyring, struct arena *arena, const char *context,
                                const char *plain, const char **ret_sealed);
/* ERR_NOT_FOUND: the key id is not in the ring; ERR_CORRUPT: not ours, or altered. */
MUST_CHECK enum err sealed_open(const struct keyring *keyring, struct arena *arena, const char *context,
                                const char *sealed, const char **ret_plain);
/* Under the key that seals today? What is not can be opened and sealed again. */
bool sealed_is_current(const struct keyring *keyring, const char *sealed);

#endif
