/* An editor as the command line shows it. Secrets in clear are added by who has just made them, once. */
#ifndef VR_AUTH_EDITOR_JSON_H
#define VR_AUTH_EDITOR_JSON_H

#include "common/base/json_write.h"
#include "services/auth/auth_store.h"

/* The members, without the braces around them. */
void editor_json_members(struct json_write *w, const struct editor *editor);
/* When each secret was made and ends; never the secret. */
void editor_json_secrets(struct json_write *w, const struct editor *editor);
/* "retry_schedule": [5,30] or null. */
void editor_json_schedule(struct json_write *w, const struct editor *editor);

#endif
