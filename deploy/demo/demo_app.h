/* Everything the demonstration holds open, and its routes. */
#ifndef VR_DEMO_APP_H
#define VR_DEMO_APP_H

#include "common/app/router.h"
#include "common/app/template.h"
#include "common/base/metrics.h"
#include "deploy/demo/demo_settings.h"
#include "deploy/demo/ledger.h"
#include "deploy/demo/platform_client.h"

struct demo_app {
        const struct demo_settings *settings;
        struct metrics *metrics;
        struct templates *templates;
        struct ledger *ledger;
        struct platform_client *platform;
        struct router *router;
        struct http_server *http;
};

MUST_CHECK enum err demo_app_open(struct demo_app *app, const struct demo_settings *settings);
void demo_app_close(struct demo_app *app);

extern const struct route demo_routes[];

enum err demo_home(void *app, struct exchange *x);
enum err demo_create(void *app, struct exchange *x);
enum err demo_market(void *app, struct exchange *x);
enum err demo_return(void *app, struct exchange *x);
enum err demo_file(void *app, struct exchange *x);
enum err demo_webhook(void *app, struct exchange *x);
enum err demo_received(void *app, struct exchange *x);

#endif
