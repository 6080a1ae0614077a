/* The wizard's handlers, by file. Each is a route_handler. */
#ifndef VR_WIZARD_HANDLERS_H
#define VR_WIZARD_HANDLERS_H

#include "services/wizard/app.h"

/* step_handlers.c: the four steps */
enum err setup_show(void *app, struct exchange *x);
enum err setup_post(void *app, struct exchange *x);
enum err required_show(void *app, struct exchange *x);
enum err required_post(void *app, struct exchange *x);
enum err additional_show(void *app, struct exchange *x);
enum err additional_post(void *app, struct exchange *x);

/* summary_handlers.c: the last check and the confirmation */
enum err summary_show(void *app, struct exchange *x);
enum err summary_post(void *app, struct exchange *x);

/* status_handlers.c: what became of it */
enum err status_show(void *app, struct exchange *x);
enum err status_json(void *app, struct exchange *x);
enum err retry_post(void *app, struct exchange *x);

/* site_handlers.c: assets, footer pages */
enum err asset_show(void *app, struct exchange *x);
enum err accessibility_show(void *app, struct exchange *x);
enum err legal_notice_show(void *app, struct exchange *x);
enum err privacy_show(void *app, struct exchange *x);
enum err cookies_show(void *app, struct exchange *x);
enum err home_show(void *app, struct exchange *x);

#endif
