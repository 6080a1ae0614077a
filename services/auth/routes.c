#include "services/auth/handlers.h"

const struct route auth_routes[] = {
        {"POST", "/oauth/token", ROUTE_OPEN, create_token},
        {NULL},
};
