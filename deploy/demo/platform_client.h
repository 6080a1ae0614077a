/*
 * The two calls an editor makes: a token (kept until it is refused or nearly over), a market. Any thread.
 */
#ifndef VR_DEMO_PLATFORM_CLIENT_H
#define VR_DEMO_PLATFORM_CLIENT_H

#include "common/base/arena.h"
#include "common/io/http_client.h"

struct platform_client;
struct platform_config {
        const char *base_url, *client_id, *client_secret;
};
MUST_CHECK enum err platform_client_new(const struct platform_config *config, struct platform_client **ret_client);
void platform_client_free(struct platform_client *client);

struct platform_market {
        const char *name, *lot_name, *deadline;
        const char *const *type_codes;
        size_t type_code_count;
};
/* What came back: 201 with identifier and URL, or the refusal in the API's own words. */
struct platform_answer {
        int status;
        const char *identifier, *configuration_url;
        const char *const *errors;
        size_t error_count;
};
/* ERR_UNAVAILABLE, ERR_TIMEOUT: nobody answered. */
MUST_CHECK enum err platform_create_market(struct platform_client *client, struct arena *arena,
                                           const struct platform_market *market, struct platform_answer *ret_answer);

#endif
