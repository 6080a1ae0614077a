/*
 * The two signatures of a webhook: the seed's `X-Webhook-Signature-SHA256: sha256=<hex>` over the body, keyed with the
 * secret's text; and Standard Webhooks' `webhook-signature: v1,<base64>` over `id.timestamp.body`, keyed with the decoded
 * part of a `whsec_…` secret, else the secret's bytes. Pure. Shared by the sender, the demo and the command line.
 */
#ifndef VR_APP_WEBHOOK_SIGNATURE_H
#define VR_APP_WEBHOOK_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"

/* "sha256=…" */
const char *webhook_sign_seed(struct arena *arena, const char *secret, const void *body, size_t length);
/* "v1,…" */
const char *webhook_sign_standard(struct arena *arena, const char *secret, const char *id, int64_t timestamp_s,
                                  const void *body, size_t length);
/* In constant time. `header` is what was received; for the standard form any of its space-separated parts may match. */
bool webhook_verify_seed(struct arena *arena, const char *secret, const void *body, size_t length, const char *header);
bool webhook_verify_standard(struct arena *arena, const char *secret, const char *id, int64_t timestamp_s,
                             const void *body, size_t length, const char *header);
/* A new secret: `whsec_` + base64 of 24 random bytes. */
const char *webhook_secret_new(struct arena *arena);

#endif
