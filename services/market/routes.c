#include "services/market/handlers.h"

const struct route market_routes[] = {
        {"POST", "/api/v1/public_markets", ROUTE_API_WRITE, create_market},
        {"GET", "/api/v1/public_markets", ROUTE_API_READ, list_markets},
        {"GET", "/api/v1/public_markets/{identifier}", ROUTE_API_READ, show_market},
        {"GET", "/api/v1/public_markets/{identifier}/deliveries", ROUTE_API_READ, show_deliveries},
        {"POST", "/api/v1/public_markets/{identifier}/retry_sync", ROUTE_API_WRITE, retry_sync},
        {"GET", "/api/v1/stats", ROUTE_API_READ, show_stats},
        {"GET", "/api/v1/fields", ROUTE_API_READ, show_fields},
        {"GET", "/api/v1/status", ROUTE_OPEN, show_status},
        {"GET", "/openapi.yaml", ROUTE_OPEN, show_openapi},
        /* For the wizard; the front door never routes /internal. */
        {"GET", "/internal/markets/{identifier}", ROUTE_OPEN, show_snapshot},
        {NULL},
};
