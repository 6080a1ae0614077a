/*
 * The first look at a request, before anything acts on it: framing that two parsers could read differently is refused
 * (request smuggling), as is what CivetWeb 1.15 lets through. Pure: no I/O. RFC 9112 §2–§6, RFC 9110 §8.6.
 */
#ifndef VR_IO_HTTP_GATE_H
#define VR_IO_HTTP_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

struct http_header {
        const char *name;
        const char *value;
};

struct http_gate_input {
        const char *method;
        const char *target;  /* path as sent, without the query */
        const char *query;   /* NULL or "" for none */
        const char *version; /* "1.1" */
        const struct http_header *headers;
        size_t header_count;
        size_t max_body_bytes;
};

/*
 * Refuses: unknown methods (ERR_METHOD_NOT_ALLOWED); control bytes, `%00`, a backslash, broken escapes, `..` or `.`
 * segments (also escaped) in the target; more than LIMIT_HTTP_HEADERS headers (ERR_HEADERS_TOO_LARGE); control bytes in
 * a header; any Transfer-Encoding; two Content-Length, or one that is not ^[0-9]{1,7}$; a POST, PUT or PATCH without one
 * (ERR_LENGTH_REQUIRED); Host count ≠ 1 or an empty Host; Expect other than 100-continue; a body above the maximum (ERR_TOO_LARGE).
 * `ret_body_bytes`: how much body follows (0 on methods without one and no Content-Length).
 */
MUST_CHECK enum err http_gate(const struct http_gate_input *input, size_t *ret_body_bytes);

#endif
