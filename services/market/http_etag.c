#include "services/market/http_etag.h"

#include "common/base/str.h"

/* One entity tag of the list; the comparison is the weak one. */
static bool names(struct exchange *x, const char *part, const char *etag)
{
        const char *tag = str_trim(x->arena, part);

        if (str_starts_with(tag, "W/"))
                tag += 2;
        return str_equal(tag, etag) || str_equal(tag, "*");
}

bool etag_matches(struct exchange *x, const char *etag)
{
        const char *list = http_request_header(x->request, "If-None-Match");
        size_t count = 0;
        char **parts;

        http_response_header(x->request, x->response, "ETag", etag);
        if (!list)
                return false;
        parts = str_split(x->arena, list, ',', &count);
        for (size_t i = 0; i < count; i++) {
                if (!names(x, parts[i], etag))
                        continue;
                x->response->status = 304;
                return true;
        }
        return false;
}
