/*
 * The one error type. 0 is fine; everything else says what kind of failure it is, not where.
 * A foreign library's error becomes one of these once, in its adapter; only the HTTP edge
 * (app/router) turns one into an answer.
 */
#ifndef VR_BASE_ERR_H
#define VR_BASE_ERR_H

#include <stdbool.h>

#include "common/base/attr.h"

/* code, HTTP status, text a client may see, worth trying again unchanged */
#define ERR_LIST(X)                                                                 \
        X(ERR_BAD_REQUEST, 400, "Bad request", false)                               \
        X(ERR_UNAUTHORIZED, 401, "Not authorized", false)                           \
        X(ERR_FORBIDDEN, 403, "Forbidden", false)                                   \
        X(ERR_NOT_FOUND, 404, "Resource not found", false)                          \
        X(ERR_METHOD_NOT_ALLOWED, 405, "Method not allowed", false)                 \
        X(ERR_REQUEST_TIMEOUT, 408, "Request took too long to arrive", false)       \
        X(ERR_CONFLICT, 409, "Conflict", false)                                     \
        X(ERR_LENGTH_REQUIRED, 411, "Content-Length required", false)               \
        X(ERR_TOO_LARGE, 413, "Request body is too large", false)                   \
        X(ERR_URI_TOO_LONG, 414, "Request target is too long", false)               \
        X(ERR_MEDIA_TYPE, 415, "Unsupported media type", false)                     \
        X(ERR_INVALID, 422, "Unprocessable content", false)                         \
        X(ERR_RATE_LIMITED, 429, "Rate limit exceeded", true)                       \
        X(ERR_HEADERS_TOO_LARGE, 431, "Request header fields are too large", false) \
        X(ERR_INTERNAL, 500, "Internal server error", false)                        \
        X(ERR_NO_MEMORY, 503, "Service temporarily unavailable", true)              \
        X(ERR_TIMEOUT, 503, "Service temporarily unavailable", true)                \
        X(ERR_UNAVAILABLE, 503, "Service temporarily unavailable", true)            \
        X(ERR_FULL, 503, "Service temporarily unavailable", true)                   \
        X(ERR_IN_DOUBT, 503, "Service temporarily unavailable", true)               \
        X(ERR_CORRUPT, 500, "Internal server error", false)                         \
        X(ERR_STOPPING, 503, "Service temporarily unavailable", true)

enum err {
        ERR_OK = 0,
#define ERR_ENUM(code, status, text, retryable) code,
        ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

/* "ERR_NOT_FOUND": for logs. Never NULL. */
const char *err_name(enum err err);

/* 200 for ERR_OK. */
int err_http_status(enum err err);

/* What the outside world may read. Never NULL. */
const char *err_public_text(enum err err);

bool err_is_retryable(enum err err);

#endif
