#include "common/app/reply.h"
#include "common/base/json_write.h"
#include "services/market/app.h"
#include "services/market/handlers.h"
#include "services/market/http_etag.h"
#include "version.h"

enum err show_fields(void *arg, struct exchange *x)
{
        struct market_app *app = arg;

        if (etag_matches(x, app->catalogue->etag))
                return ERR_OK;
        return reply_static(x, "application/json; charset=utf-8", buf_text(&app->catalogue_json),
                            app->catalogue_json.length);
}

enum err show_status(void *arg, struct exchange *x)
{
        AUTO(buf_done) struct buf body = {0};
        struct json_write w = json_write_to(&body);

        (void)arg;
        json_object(&w, NULL);
        json_string(&w, "status", "ok");
        json_string(&w, "version", VR_VERSION);
        json_end(&w);
        return reply_json(x, 200, &body);
}
