#include "services/auth/handlers.h"

const struct route auth_routes[] = {
        {"POST", "/oauth/token", ROUTE_OPEN, create_token},
        {"POST", "/oauth/introspect", ROUTE_OPEN, introspect_token},
        {"POST", "/oauth/revoke", ROUTE_OPEN, revoke_token},
        {"GET", "/.well-known/oauth-authorization-server", ROUTE_OPEN, show_metadata},
        {NULL},
};
