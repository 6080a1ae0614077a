#ifndef VR_MARKET_HANDLERS_H
#define VR_MARKET_HANDLERS_H

#include "common/app/router.h"

extern const struct route market_routes[]; /* routes.c */

/* market_handlers.c */
enum err create_market(void *app, struct exchange *x);
enum err show_market(void *app, struct exchange *x);
enum err show_snapshot(void *app, struct exchange *x);

/* catalogue_handlers.c */
enum err show_fields(void *app, struct exchange *x);
enum err show_status(void *app, struct exchange *x);

#endif
