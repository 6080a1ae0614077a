/*
 * What is a well-formed request to an OAuth endpoint, and what it asks for: RFC 6749 §2.3.1, §3.2, §4.4, RFC 7009 §2.1,
 * RFC 7662 §2.1, design.md §3. Pure. Order of the checks: media type, repeated parameters, grant_type or token,
 * credentials (one place, not the query). Whether the credentials are right, and the scope after them, is for the handler.
 */
#ifndef VR_AUTH_TOKEN_RULES_H
#define VR_AUTH_TOKEN_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/attr.h"

/* The errors of OAuth: code as sent, HTTP status, default description (plain ASCII: RFC 6749 §5.2). */
#define OAUTH_ERROR_LIST(X)                                                                                \
        X(OAUTH_INVALID_REQUEST, "invalid_request", 400, "The request is malformed")                       \
        X(OAUTH_UNSUPPORTED_GRANT_TYPE, "unsupported_grant_type", 400,                                     \
          "The only supported grant type is client_credentials")                                           \
        X(OAUTH_INVALID_CLIENT, "invalid_client", 401, "Client authentication failed")                     \
        X(OAUTH_INVALID_SCOPE, "invalid_scope", 400,                                                       \
          "The scope must be any combination of api_access, api_read and api_write")                       \
        X(OAUTH_UNAUTHORIZED_CLIENT, "unauthorized_client", 400, "The token was issued to another client") \
        X(OAUTH_UNAVAILABLE, "temporarily_unavailable", 503, "The service is temporarily unavailable")

enum oauth_error {
        OAUTH_OK,
#define OAUTH_ENUM(error, code, status, description) error,
        OAUTH_ERROR_LIST(OAUTH_ENUM)
#undef OAUTH_ENUM
};

const char *oauth_error_code(enum oauth_error error); /* "" for OAUTH_OK */
int oauth_error_status(enum oauth_error error);       /* 200 for OAUTH_OK */
const char *oauth_error_description(enum oauth_error error);

struct oauth_param {
        const char *name, *value;
};
struct oauth_params {
        const struct oauth_param *list;
        size_t count;
        bool broken; /* could not be decoded */
};
struct oauth_input {
        bool is_form; /* the body says it is application/x-www-form-urlencoded */
        struct oauth_params body, query;
        const char *authorization; /* that header's value, or NULL */
        size_t authorization_count;
};

struct oauth_credentials {
        const char *client_id;
        const char *client_secret;
};
struct token_request {
        struct oauth_credentials credentials;
        const char *scope; /* as asked for, or the default */
};

#define TOKEN_DEFAULT_SCOPE "api_access"

/* On an error `ret_description` says in plain ASCII what is wrong. */
MUST_CHECK enum oauth_error token_request_check(struct arena *arena, const struct oauth_input *input,
                                                struct token_request *ret_request, const char **ret_description);

/* What introspection and revocation are asked about. A `token_type_hint` is of no use here, and ignored. */
struct token_reference {
        struct oauth_credentials credentials;
        const char *token;
};
MUST_CHECK enum oauth_error token_reference_check(struct arena *arena, const struct oauth_input *input,
                                                  struct token_reference *ret_reference, const char **ret_description);

#endif
