#include "services/auth/token_rules.h"

#include <string.h>

#include "common/base/str.h"
#include "tests/support/unit.h"

#define PARAMS_MAX 6
#define GRANT                                      \
        {                                          \
                "grant_type", "client_credentials" \
        }
#define ID                          \
        {                           \
                "client_id", "demo" \
        }
#define SECRET                            \
        {                                 \
                "client_secret", "s3cret" \
        }
#define BASIC_DEMO "Basic ZGVtbzpzM2NyZXQ=" /* demo:s3cret */

struct row {
        const char *what;
        enum oauth_error expected;
        const char *description; /* of a refusal; else "id|secret|scope" */
        struct oauth_param body[PARAMS_MAX], query[PARAMS_MAX];
        const char *authorization;
        size_t authorizations; /* 0: as many as there are */
        bool no_form, broken_body, broken_query;
};

static const struct row rows[] = {
        {"credentials in the form", OAUTH_OK, "demo|s3cret|api_access", {GRANT, ID, SECRET}},
        {"a scope", OAUTH_OK, "demo|s3cret|api_read", {GRANT, ID, SECRET, {"scope", "api_read"}}},
        {"an empty scope is none", OAUTH_OK, "demo|s3cret|api_access", {GRANT, ID, SECRET, {"scope", ""}}},
        {"unknown parameters", OAUTH_OK, "demo|s3cret|api_access", {GRANT, ID, SECRET, {"audience", "x"}}},
        {"Basic", OAUTH_OK, "demo|s3cret|api_access", {GRANT}, {}, BASIC_DEMO},
        {"Basic in any case", OAUTH_OK, "demo|s3cret|api_access", {GRANT}, {}, "basic ZGVtbzpzM2NyZXQ="},
        /* my%3Aid:p%2Bq+r */
        {"Basic is form-encoded inside", OAUTH_OK, "my:id|p+q r|api_access", {GRANT}, {}, "Basic bXklM0FpZDpwJTJCcSty"},
        /* demo:a:b */
        {"a colon in the secret", OAUTH_OK, "demo|a:b|api_access", {GRANT}, {}, "Basic ZGVtbzphOmI="},
        {"the same id beside Basic", OAUTH_OK, "demo|s3cret|api_access", {GRANT, ID}, {}, BASIC_DEMO},

        {"another media type",
         OAUTH_INVALID_REQUEST,
         "The body must be application/x-www-form-urlencoded",
         {GRANT, ID, SECRET},
         .no_form = true},
        {"a broken body", OAUTH_INVALID_REQUEST, "The body is not a well-formed form", {}, .broken_body = true},
        {"a broken query", OAUTH_INVALID_REQUEST, "The query is malformed", {GRANT, ID, SECRET}, .broken_query = true},
        {"a repeated grant", OAUTH_INVALID_REQUEST, "A parameter is repeated", {GRANT, GRANT, ID, SECRET}},
        {"a repeated secret", OAUTH_INVALID_REQUEST, "A parameter is repeated", {GRANT, ID, SECRET, SECRET}},
        {"a repeated unknown one", OAUTH_INVALID_REQUEST, "A parameter is repeated", {GRANT, {"x", ""}, {"x", "1"}}},
        {"repeated before a wrong grant",
         OAUTH_INVALID_REQUEST,
         "A parameter is repeated",
         {{"grant_type", "password"}, {"grant_type", "password"}}},
        {"two headers",
         OAUTH_INVALID_REQUEST,
         "The Authorization header is repeated",
         {GRANT},
         {},
         BASIC_DEMO,
         .authorizations = 2},
        {"no grant", OAUTH_INVALID_REQUEST, "The grant_type parameter is missing", {ID, SECRET}},
        {"an empty grant", OAUTH_INVALID_REQUEST, "The grant_type parameter is missing", {{"grant_type", ""}}},
        {"a grant in the query", OAUTH_INVALID_REQUEST, "The grant_type parameter is missing", {ID, SECRET}, {GRANT}},
        {"another grant",
         OAUTH_UNSUPPORTED_GRANT_TYPE,
         "The only supported grant type is client_credentials",
         {{"grant_type", "password"}}},
        {"the grant in another case",
         OAUTH_UNSUPPORTED_GRANT_TYPE,
         "The only supported grant type is client_credentials",
         {{"grant_type", "Client_Credentials"}}},
        {"credentials twice",
         OAUTH_INVALID_REQUEST,
         "Only one way of client authentication may be used",
         {GRANT, ID, SECRET},
         {},
         BASIC_DEMO},
        {"another id beside Basic",
         OAUTH_INVALID_REQUEST,
         "The client_id is not that of the Authorization header",
         {GRANT, {"client_id", "other"}},
         {},
         BASIC_DEMO},
        {"a secret in the query",
         OAUTH_INVALID_REQUEST,
         "Client credentials must not be in the query",
         {GRANT, ID},
         {SECRET}},
        {"an id in the query",
         OAUTH_INVALID_REQUEST,
         "Client credentials must not be in the query",
         {GRANT, ID, SECRET},
         {ID}},
        {"no credentials", OAUTH_INVALID_CLIENT, "Client credentials are missing", {GRANT}},
        {"no secret", OAUTH_INVALID_CLIENT, "Client credentials are missing", {GRANT, ID}},
        {"an empty secret", OAUTH_INVALID_CLIENT, "Client credentials are missing", {GRANT, ID, {"client_secret", ""}}},
        {"Bearer",
         OAUTH_INVALID_CLIENT,
         "The Authorization header must be Basic client credentials",
         {GRANT},
         {},
         "Bearer vr_at_x"},
        {"Basic that is not base64",
         OAUTH_INVALID_CLIENT,
         "The Authorization header must be Basic client credentials",
         {GRANT},
         {},
         "Basic !!!"},
        {"Basic without a colon", /* demo */
         OAUTH_INVALID_CLIENT,
         "The Authorization header must be Basic client credentials",
         {GRANT},
         {},
         "Basic ZGVtbw=="},
        {"Basic without a secret", /* demo: */
         OAUTH_INVALID_CLIENT,
         "The Authorization header must be Basic client credentials",
         {GRANT},
         {},
         "Basic ZGVtbzo="},
        {"Basic with a NUL", /* demo:a\0b */
         OAUTH_INVALID_CLIENT,
         "The Authorization header must be Basic client credentials",
         {GRANT},
         {},
         "Basic ZGVtbzphAGI="},
};

static struct oauth_params params_of(const struct oauth_param list[PARAMS_MAX])
{
        struct oauth_params params = {.list = list};

        while (params.count < PARAMS_MAX && list[params.count].name)
                params.count++;
        return params;
}

static void judges_each_request_as_the_table_says(void)
{
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(arena_freep) struct arena *arena = arena_new();
                const struct row *row = &rows[i];
                struct oauth_input input = {
                        .is_form = !row->no_form,
                        .body = params_of(row->body),
                        .query = params_of(row->query),
                        .authorization = row->authorization,
                        .authorization_count = row->authorizations ? row->authorizations : row->authorization != NULL,
                };
                struct token_request request = {0};
                const char *told = NULL;
                enum oauth_error error;

                input.body.broken = row->broken_body;
                input.query.broken = row->broken_query;
                error = token_request_check(arena, &input, &request, &told);
                if (!error)
                        told = arena_printf(arena, "%s|%s|%s", request.credentials.client_id,
                                            request.credentials.client_secret, request.scope);
                if (error != row->expected || !str_equal(told, row->description))
                        unit_fail(__FILE__, __LINE__, "%s: %s \"%s\"", row->what, oauth_error_code(error), told);
        }
}

static void says_everything_in_plain_ascii(void)
{
        for (enum oauth_error error = OAUTH_OK; error <= OAUTH_UNAVAILABLE; error++)
                for (const char *p = oauth_error_description(error); *p; p++)
                        CHECK(*p >= ' ' && *p <= '~' && *p != '"' && *p != '\\');
}

static void knows_the_status_of_each_error(void)
{
        CHECK_INT(oauth_error_status(OAUTH_OK), 200);
        CHECK_INT(oauth_error_status(OAUTH_INVALID_REQUEST), 400);
        CHECK_INT(oauth_error_status(OAUTH_UNSUPPORTED_GRANT_TYPE), 400);
        CHECK_INT(oauth_error_status(OAUTH_INVALID_SCOPE), 400);
        CHECK_INT(oauth_error_status(OAUTH_INVALID_CLIENT), 401);
        CHECK_INT(oauth_error_status(OAUTH_UNAVAILABLE), 503);
}

UNIT_TESTS(UNIT(judges_each_request_as_the_table_says), UNIT(says_everything_in_plain_ascii),
           UNIT(knows_the_status_of_each_error))
