#include "services/market/handlers.h"

const struct route market_routes[] = {
        {"POST", "/api/v1/public_markets", ROUTE_API_WRITE, create_market},
        {"GET", "/api/v1/public_markets/{identifier}", ROUTE_API_READ, show_market},
        {"GET", "/api/v1/fields", ROUTE_API_READ, show_fields},
        {"GET", "/api/v1/status", ROUTE_OPEN, show_status},
        /* For the wizard; the front door never routes /internal. */
        {"GET", "/internal/markets/{identifier}", ROUTE_OPEN, show_snapshot},
        {NULL},
};
