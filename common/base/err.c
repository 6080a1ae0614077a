#include "common/base/err.h"

#include <stddef.h>

struct err_info {
        const char *name;
        int http_status;
        const char *public_text;
        bool retryable;
};

static const struct err_info infos[] = {[ERR_OK] = {"ERR_OK", 200, "OK", false},
#define ERR_INFO(code, status, text, again) [code] = {#code, status, text, again},
                                        ERR_LIST(ERR_INFO)
#undef ERR_INFO
};

/* A value that is no error of ours counts as an internal one: never an out-of-bounds read. */
static const struct err_info *info_of(enum err err)
{
        return (size_t)err < ARRAY_LEN(infos) ? &infos[err] : &infos[ERR_INTERNAL];
}

const char *err_name(enum err err)
{
        return info_of(err)->name;
}

int err_http_status(enum err err)
{
        return info_of(err)->http_status;
}

const char *err_public_text(enum err err)
{
        return info_of(err)->public_text;
}

bool err_is_retryable(enum err err)
{
        return info_of(err)->retryable;
}
