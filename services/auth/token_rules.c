#include "services/auth/token_rules.h"

#include <string.h>
#include <strings.h>

#include "common/base/str.h"

#define GRANT_TYPE   "client_credentials"
#define BASIC_SCHEME "Basic "

static const struct {
        const char *code;
        int status;
        const char *description;
} errors[] = {[OAUTH_OK] = {"", 200, ""},
#define OAUTH_ROW(error, code, status, description) [error] = {code, status, description},
              OAUTH_ERROR_LIST(OAUTH_ROW)
#undef OAUTH_ROW
};

const char *oauth_error_code(enum oauth_error error)
{
        return errors[error].code;
}

int oauth_error_status(enum oauth_error error)
{
        return errors[error].status;
}

const char *oauth_error_description(enum oauth_error error)
{
        return errors[error].description;
}

static enum oauth_error refuse(enum oauth_error error, const char *description, const char **ret_description)
{
        *ret_description = description;
        return error;
}

/* A parameter without a value counts as left out (RFC 6749 §3.2). */
static const char *param(const struct oauth_params *params, const char *name)
{
        for (size_t i = 0; i < params->count; i++)
                if (str_equal(params->list[i].name, name))
                        return params->list[i].value[0] ? params->list[i].value : NULL;
        return NULL;
}

static bool has_repetition(const struct oauth_params *params)
{
        for (size_t i = 0; i < params->count; i++)
                for (size_t j = 0; j < i; j++)
                        if (str_equal(params->list[i].name, params->list[j].name))
                                return true;
        return false;
}

static bool names_credentials(const struct oauth_params *params)
{
        for (size_t i = 0; i < params->count; i++)
                if (str_equal(params->list[i].name, "client_id") || str_equal(params->list[i].name, "client_secret"))
                        return true;
        return false;
}

static enum oauth_error check_form(const struct oauth_input *input, const char **ret_description)
{
        if (!input->is_form)
                return refuse(OAUTH_INVALID_REQUEST, "The body must be application/x-www-form-urlencoded",
                              ret_description);
        if (input->body.broken)
                return refuse(OAUTH_INVALID_REQUEST, "The body is not a well-formed form", ret_description);
        if (input->query.broken)
                return refuse(OAUTH_INVALID_REQUEST, "The query is malformed", ret_description);
        if (has_repetition(&input->body))
                return refuse(OAUTH_INVALID_REQUEST, "A parameter is repeated", ret_description);
        if (input->authorization_count > 1)
                return refuse(OAUTH_INVALID_REQUEST, "The Authorization header is repeated", ret_description);
        return OAUTH_OK;
}

/* RFC 7617, with user and password form-encoded before (RFC 6749 §2.3.1). */
static bool read_basic(struct arena *arena, const char *header, struct oauth_credentials *ret_credentials)
{
        size_t scheme = strlen(BASIC_SCHEME), length = 0;
        unsigned char *bytes = NULL;
        char *id = NULL, *secret = NULL;
        const char *colon;

        if (strncasecmp(header, BASIC_SCHEME, scheme) != 0)
                return false;
        if (str_unbase64(arena, str_trim(arena, header + scheme), &bytes, &length))
                return false;
        colon = memchr(bytes, ':', length);
        if (!colon)
                return false;
        size_t id_length = (size_t)(colon - (const char *)bytes);
        if (str_url_decode(arena, (const char *)bytes, id_length, true, &id) ||
            str_url_decode(arena, colon + 1, length - id_length - 1, true, &secret))
                return false;
        *ret_credentials = (struct oauth_credentials){id, secret};
        return *id && *secret;
}

static enum oauth_error find_credentials(struct arena *arena, const struct oauth_input *input,
                                         struct oauth_credentials *ret_credentials, const char **ret_description)
{
        struct oauth_credentials found = {param(&input->body, "client_id"), param(&input->body, "client_secret")};
        const char *id_in_body = found.client_id;

        if (names_credentials(&input->query))
                return refuse(OAUTH_INVALID_REQUEST, "Client credentials must not be in the query", ret_description);
        /* the id alone, beside the header, is no second way */
        if (input->authorization && found.client_secret)
                return refuse(OAUTH_INVALID_REQUEST, "Only one way of client authentication may be used",
                              ret_description);
        if (!input->authorization && (!found.client_id || !found.client_secret))
                return refuse(OAUTH_INVALID_CLIENT, "Client credentials are missing", ret_description);
        if (input->authorization && !read_basic(arena, input->authorization, &found))
                return refuse(OAUTH_INVALID_CLIENT, "The Authorization header must be Basic client credentials",
                              ret_description);
        if (input->authorization && id_in_body && !str_equal(id_in_body, found.client_id))
                return refuse(OAUTH_INVALID_REQUEST, "The client_id is not that of the Authorization header",
                              ret_description);
        *ret_credentials = found;
        return OAUTH_OK;
}

enum oauth_error token_request_check(struct arena *arena, const struct oauth_input *input,
                                     struct token_request *ret_request, const char **ret_description)
{
        struct token_request request = {0};
        const char *grant_type = param(&input->body, "grant_type"), *scope = param(&input->body, "scope");
        enum oauth_error error = check_form(input, ret_description);

        if (error)
                return error;
        if (!grant_type)
                return refuse(OAUTH_INVALID_REQUEST, "The grant_type parameter is missing", ret_description);
        if (!str_equal(grant_type, GRANT_TYPE))
                return refuse(OAUTH_UNSUPPORTED_GRANT_TYPE, oauth_error_description(OAUTH_UNSUPPORTED_GRANT_TYPE),
                              ret_description);
        error = find_credentials(arena, input, &request.credentials, ret_description);
        if (error)
                return error;
        request.scope = scope ? scope : TOKEN_DEFAULT_SCOPE;
        *ret_request = request;
        return OAUTH_OK;
}

enum oauth_error token_reference_check(struct arena *arena, const struct oauth_input *input,
                                       struct token_reference *ret_reference, const char **ret_description)
{
        struct token_reference reference = {.token = param(&input->body, "token")};
        enum oauth_error error = check_form(input, ret_description);

        if (error)
                return error;
        if (!reference.token)
                return refuse(OAUTH_INVALID_REQUEST, "The token parameter is missing", ret_description);
        error = find_credentials(arena, input, &reference.credentials, ret_description);
        if (error)
                return error;
        *ret_reference = reference;
        return OAUTH_OK;
}
