#include "services/wizard/handlers.h"

#define MARKET "/buyer/public_markets/{identifier}"

const struct route wizard_routes[] = {
        {"GET", MARKET "/setup", ROUTE_OPEN, setup_show},
        {"POST", MARKET "/setup", ROUTE_OPEN, setup_post},
        {"GET", MARKET "/required_fields", ROUTE_OPEN, required_show},
        {"POST", MARKET "/required_fields", ROUTE_OPEN, required_post},
        {"GET", MARKET "/additional_fields", ROUTE_OPEN, additional_show},
        {"POST", MARKET "/additional_fields", ROUTE_OPEN, additional_post},
        {"GET", MARKET "/summary", ROUTE_OPEN, summary_show},
        {"POST", MARKET "/summary", ROUTE_OPEN, summary_post},
        {"GET", MARKET "/sync_status", ROUTE_OPEN, status_show},
        {"GET", MARKET "/sync_status.json", ROUTE_OPEN, status_json},
        {"POST", MARKET "/retry_sync", ROUTE_OPEN, retry_post},
        {"GET", "/buyer/assets/{file}", ROUTE_OPEN, asset_show},
        {"GET", "/buyer/accessibilite", ROUTE_OPEN, accessibility_show},
        {"GET", "/buyer/mentions-legales", ROUTE_OPEN, legal_notice_show},
        {"GET", "/buyer/donnees-personnelles", ROUTE_OPEN, privacy_show},
        {"GET", "/buyer/cookies", ROUTE_OPEN, cookies_show},
        {"GET", "/", ROUTE_OPEN, home_show},
        {0},
};
