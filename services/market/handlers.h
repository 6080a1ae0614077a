#ifndef VR_MARKET_HANDLERS_H
#define VR_MARKET_HANDLERS_H

#include "common/app/router.h"

extern const struct route market_routes[]; /* routes.c */

/* market_handlers.c */
enum err create_market(void *app, struct exchange *x);
enum err show_market(void *app, struct exchange *x);
enum err show_snapshot(void *app, struct exchange *x);

/* The identifier of the path, which goes to the log. ERR_NOT_FOUND when it can't be one. */
enum err exchange_market(struct exchange *x, const char **ret_identifier);

/* list_handlers.c */
enum err list_markets(void *app, struct exchange *x);

/* delivery_handlers.c */
enum err show_deliveries(void *app, struct exchange *x);
enum err retry_sync(void *app, struct exchange *x);

/* stats_handlers.c */
enum err show_stats(void *app, struct exchange *x);

/* catalogue_handlers.c */
enum err show_fields(void *app, struct exchange *x);
enum err show_status(void *app, struct exchange *x);
enum err show_openapi(void *app, struct exchange *x);

#endif
