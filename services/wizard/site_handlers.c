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

static enum err show(struct wizard_app *app, struct exchange *x, const char *name, const char *deployer_html)
{
        struct page page;

        if (page_takes_preference(app, x))
                return ERR_OK;
        page = page_new(app, x);
        view_set_text(page.view, "deployer_html", deployer_html);
        return page_render(&page, 200, name);
}

static enum err show_footer_page(struct wizard_app *app, struct exchange *x, const char *name, enum deployer_page page)
{
        return show(app, x, name, app->deployer.html[page]);
}

enum err accessibility_show(void *app, struct exchange *x)
{
        return show_footer_page(app, x, "pages/accessibility", DEPLOYER_ACCESSIBILITY);
}

enum err legal_notice_show(void *app, struct exchange *x)
{
        return show_footer_page(app, x, "pages/legal_notice", DEPLOYER_LEGAL_NOTICE);
}

enum err privacy_show(void *app, struct exchange *x)
{
        return show_footer_page(app, x, "pages/privacy", DEPLOYER_PRIVACY);
}

enum err cookies_show(void *app, struct exchange *x)
{
        return show_footer_page(app, x, "pages/cookies", DEPLOYER_COOKIES);
}

enum err home_show(void *app, struct exchange *x)
{
        return show(app, x, "pages/home", NULL);
}
