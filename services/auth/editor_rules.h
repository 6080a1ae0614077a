/* What an editor may be called, where it may point to, and how its secrets look. Pure. */
#ifndef VR_AUTH_EDITOR_RULES_H
#define VR_AUTH_EDITOR_RULES_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"

#define CLIENT_ID_MAX_CHARS  128
#define SECRET_MAX_BYTES     256
#define RETRY_DELAY_MAX_S    (7 * 86400)
#define OVERLAP_MAX_S        (90 * 86400)
#define RETURN_URL_PARAMETER "{market_identifier}"

/* Each: NULL when it is fine, else a sentence that says what is wrong. */
const char *editor_name_problem(const char *name);
const char *editor_client_id_problem(const char *client_id);
/* Of a client secret or webhook secret that someone else has made. */
const char *editor_secret_problem(const char *secret);
const char *editor_return_url_problem(const char *url);

/* "5s", "2m", "24h", "7d", or "0": seconds up to `max_s`, else ERR_INVALID. */
MUST_CHECK enum err editor_duration_parse(struct arena *arena, const char *text, int64_t max_s, int64_t *ret_seconds);
/* "5s,30s,2m" → "5,30,120", as the store keeps it. ERR_INVALID: not 1 to LIMIT_WEBHOOK_RETRIES delays of 1 s to 7 d. */
MUST_CHECK enum err editor_schedule_parse(struct arena *arena, const char *text, const char **ret_seconds);

#endif
