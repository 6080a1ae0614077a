/* Conditional reads: RFC 9110 §13.1.2. */
#ifndef VR_MARKET_HTTP_ETAG_H
#define VR_MARKET_HTTP_ETAG_H

#include <stdbool.h>

#include "common/app/router.h"

/* Sets ETag (`etag` is quoted). true: the caller's If-None-Match names it, and 304 was answered. */
bool etag_matches(struct exchange *x, const char *etag);

#endif
