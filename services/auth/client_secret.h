/* Client secrets: generated ones are random enough for a plain SHA-256; imported ones may be guessable, hence PBKDF2. */
#ifndef VR_AUTH_CLIENT_SECRET_H
#define VR_AUTH_CLIENT_SECRET_H

#include "services/auth/auth_store.h"

/* `ret_plain`: `vr_cs_` + 32 random bytes in base64url, to be shown once. */
void client_secret_new(struct arena *arena, int64_t now_ms, struct client_secret *ret_secret, const char **ret_plain);
MUST_CHECK enum err client_secret_import(const char *plain, int64_t now_ms, struct client_secret *ret_secret);

/*
 * Is `plain` one of them? In a time that depends neither on where it differs nor on which one it is. Without any it
 * hashes and compares all the same.
 */
MUST_CHECK enum err client_secret_check(const char *plain, const struct client_secret *secrets, size_t count,
                                        bool *ret_right);

#endif
