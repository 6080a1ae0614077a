/*
 * Where webhooks may go: robustness §2 (egress rules), judged when a URL is registered (auth), at each send, and on the
 * real socket address at connect time (webhook), which has the last word.
 */
#ifndef VR_APP_EGRESS_H
#define VR_APP_EGRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "common/base/arena.h"
#include "common/base/err.h"

struct egress; /* the policy; never changed after */

/* `allow_cidrs`: "127.0.0.0/8,::1/128" or ""; `allow_ports`: "443,8443", "" for any. ERR_INVALID, `ret_detail` names the part. */
MUST_CHECK enum err egress_new(const char *allow_cidrs, bool allow_http, const char *allow_ports,
                               struct egress **ret_egress, const char **ret_detail);
void egress_free(struct egress *egress);
DEFINE_FREEP(struct egress, egress)

/* Loop and any other thread. */
bool egress_allows(const struct egress *egress, const struct sockaddr *address, socklen_t length);

/*
 * The URL's normalised form; ERR_INVALID with a sentence that says what is wrong with it. Literal addresses only when the
 * allow-list holds them; "localhost" when it holds 127.0.0.1; single-label, .local, .internal… names when it holds a
 * block that is not loopback: the socket's address decides anyway.
 */
MUST_CHECK enum err egress_check_url(const struct egress *egress, struct arena *arena, const char *url,
                                     const char **ret_normalised, const char **ret_reason);

#endif
