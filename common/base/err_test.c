#include "common/base/err.h"

#include "tests/support/unit.h"

static void fine_is_zero_and_200(void)
{
        CHECK_INT(ERR_OK, 0);
        CHECK_TEXT(err_name(ERR_OK), "ERR_OK");
        CHECK_INT(err_http_status(ERR_OK), 200);
        CHECK(!err_is_retryable(ERR_OK));
}

static void every_code_says_what_the_list_says(void)
{
#define CHECK_CODE(code, status, text, retryable) \
        CHECK_TEXT(err_name(code), #code);        \
        CHECK_INT(err_http_status(code), status); \
        CHECK_TEXT(err_public_text(code), text);  \
        CHECK_INT(err_is_retryable(code), retryable);
        ERR_LIST(CHECK_CODE)
#undef CHECK_CODE
}

static void the_seed_s_words_are_kept(void)
{
        CHECK_TEXT(err_public_text(ERR_UNAUTHORIZED), "Not authorized");
        CHECK_TEXT(err_public_text(ERR_FORBIDDEN), "Forbidden");
        CHECK_TEXT(err_public_text(ERR_NOT_FOUND), "Resource not found");
        CHECK_TEXT(err_public_text(ERR_RATE_LIMITED), "Rate limit exceeded");
}

static void a_stranger_is_an_internal_error(void)
{
        CHECK_INT(err_http_status((enum err)9999), 500);
        CHECK_INT(err_http_status((enum err) - 1), 500);
        CHECK_TEXT(err_public_text((enum err)9999), "Internal server error");
}

UNIT_TESTS(UNIT(fine_is_zero_and_200), UNIT(every_code_says_what_the_list_says), UNIT(the_seed_s_words_are_kept),
           UNIT(a_stranger_is_an_internal_error))
