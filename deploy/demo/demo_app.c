#include "deploy/demo/demo_app.h"

#include "common/base/log.h"

#define THREADS       32
#define KEEP_ALIVE_MS 5000

extern const struct file demo_templates[];

const struct route demo_routes[] = {
        {"GET", "/", ROUTE_OPEN, demo_home},
        {"POST", "/markets", ROUTE_OPEN, demo_create},
        {"GET", "/markets/{identifier}", ROUTE_OPEN, demo_market},
        {"GET", "/markets/{identifier}/received", ROUTE_OPEN, demo_received},
        {"GET", "/retour", ROUTE_OPEN, demo_return},
        {"GET", "/files/{file}", ROUTE_OPEN, demo_file},
        {"POST", "/webhook", ROUTE_OPEN, demo_webhook},
        {0},
};

static void finish(void *app, struct exchange *x)
{
        (void)app;
        http_response_header(
                x->request, x->response, "Content-Security-Policy",
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
                "form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
        http_response_header(x->request, x->response, "X-Content-Type-Options", "nosniff");
        http_response_header(x->request, x->response, "Cache-Control", "no-store");
}

static enum err open_http(struct demo_app *app)
{
        const struct router_config routes = {
                .routes = demo_routes, .app = app, .metrics = app->metrics, .finish = finish};
        struct http_server_config http = {
                .address = "127.0.0.1",
                .port = (int)app->settings->port,
                .threads = THREADS,
                .keep_alive_ms = KEEP_ALIVE_MS,
                .handle = router_handle,
                .refuse = router_refuse,
        };
        enum err err = router_new(&routes, &app->router);

        if (err)
                return err;
        http.arg = app->router;
        return http_server_start(&http, &app->http);
}

enum err demo_app_open(struct demo_app *app, const struct demo_settings *settings)
{
        const struct platform_config platform = {
                .base_url = settings->base_url,
                .client_id = settings->client_id,
                .client_secret = settings->client_secret,
        };
        const char *detail = NULL;
        enum err err;

        app->settings = settings;
        app->metrics = metrics_new();
        err = templates_load(demo_templates, &app->templates, &detail);
        if (!err)
                err = ledger_new(&app->ledger);
        if (!err)
                err = http_client_global_init();
        if (!err)
                err = platform_client_new(&platform, &app->platform);
        if (!err)
                err = open_http(app);
        if (err)
                log_error(NULL, "demo.start", "the demonstration can't start", LOG_ERR(err), LOG_DETAIL(detail));
        return err;
}

void demo_app_close(struct demo_app *app)
{
        http_server_stop(app->http);
        router_free(app->router);
        platform_client_free(app->platform);
        http_client_global_done();
        ledger_free(app->ledger);
        templates_free(app->templates);
        metrics_free(app->metrics);
}
