/* The forms of an answer. All return ERR_OK, so that a handler's last line is `return reply_…`. */
#ifndef VR_APP_REPLY_H
#define VR_APP_REPLY_H

#include "common/app/router.h"
#include "common/base/buf.h"

/* application/json; charset=utf-8. The body is copied. */
enum err reply_json(struct exchange *x, int status, const struct buf *json);
/* 422 {"errors":[…]}: the seed's form; `messages` end with NULL. */
enum err reply_validation_errors(struct exchange *x, const char *const *messages);
/*
 * {"error":"…"} in the seed's form with the status of `err`; Retry-After on 503; on 429, with x->retry_after_s set,
 * Retry-After and the member "retry_after".
 */
void reply_error_json(struct exchange *x, enum err err);
/* {"error":"…"} with a text and status of the caller's. */
enum err reply_error_text(struct exchange *x, int status, const char *text);
/* text/html; charset=utf-8. */
enum err reply_html(struct exchange *x, int status, const struct buf *html);
/* 303, with an empty body. */
enum err reply_see_other(struct exchange *x, const char *location);
/* An embedded file, by reference. */
enum err reply_static(struct exchange *x, const char *content_type, const void *bytes, size_t length);

#endif
