#include <string.h>

#include "common/app/reply.h"
#include "common/base/str.h"
#include "services/wizard/handlers.h"
#include "services/wizard/page.h"
#include "services/wizard/pages.h"

static const char *asset_type(const char *file)
{
        for (const struct wizard_asset *asset = wizard_asset_names; asset->name; asset++)
                if (str_equal(asset->file, file))
                        return asset->type;
        return NULL;
}

static bool takes_gzip(const struct exchange *x)
{
        const char *accept = http_request_header(x->request, "Accept-Encoding");

        return accept && strstr(accept, "gzip") && !strstr(accept, "gzip;q=0");
}

enum err asset_show(void *app, struct exchange *x)
{
        const char *name = exchange_param(x, "file"), *type = asset_type(name);
        const struct file *file = file_find(wizard_assets, name), *packed;

        (void)app;
        if (!file || !type)
                return ERR_NOT_FOUND;
        packed = file_find(wizard_assets, arena_printf(x->arena, "%s.gz", name));
        http_response_header(x->request, x->response, "Cache-Control", "public, max-age=31536000, immutable");
        if (packed)
                http_response_header(x->request, x->response, "Vary", "Accept-Encoding");
        if (packed && takes_gzip(x)) {
                http_response_header(x->request, x->response, "Content-Encoding", "gzip");
                file = packed;
        }
        return reply_static(x, type, file->data, file->size);
}

static enum err show(void *app, struct exchange *x, const char *name)
{
        struct page page;

        if (page_takes_preference(app, x))
                return ERR_OK;
        page = page_new(app, x);
        return page_render(&page, 200, name);
}

enum err accessibility_show(void *app, struct exchange *x)
{
        return show(app, x, "pages/accessibility");
}

enum err legal_notice_show(void *app, struct exchange *x)
{
        return show(app, x, "pages/legal_notice");
}

enum err privacy_show(void *app, struct exchange *x)
{
        return show(app, x, "pages/privacy");
}

enum err cookies_show(void *app, struct exchange *x)
{
        return show(app, x, "pages/cookies");
}

enum err home_show(void *app, struct exchange *x)
{
        return show(app, x, "pages/home");
}
