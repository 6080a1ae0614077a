#include "common/app/reply.h"
#include "common/base/file.h"
#include "common/base/json_write.h"
#include "services/market/app.h"
#include "services/market/handlers.h"
#include "services/market/http_etag.h"
#include "version.h"

extern const struct file market_contracts[]; /* proto/openapi/, embedded */

enum err show_fields(void *arg, struct exchange *x)
{
        struct market_app *app = arg;

        if (etag_matches(x, app->catalogue->etag))
                return ERR_OK;
        return reply_static(x, "application/json; charset=utf-8", buf_text(&app->catalogue_json),
                            app->catalogue_json.length);
}

/* RFC 9512. The same for everybody: its servers are "where this was read from". */
enum err show_openapi(void *arg, struct exchange *x)
{
        const struct file *contract = file_find(market_contracts, "openapi.yaml");

        (void)arg;
        http_response_header(x->request, x->response, "Cache-Control", "no-cache");
        return reply_static(x, "application/yaml", contract->data, contract->size);
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
