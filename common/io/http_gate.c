#include "common/io/http_gate.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

#define CONTENT_LENGTH_DIGITS 7 /* far above any maximum, far below any overflow */

static const char *const known_methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
static const char *const body_methods[] = {"POST", "PUT", "PATCH"};

static bool is_one_of(const char *text, const char *const *list, size_t count)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(text, list[i]) == 0)
                        return true;
        return false;
}

static bool is_control(unsigned char c)
{
        return c < 0x20 || c == 0x7f;
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

/* One character of a path, decoded: how many bytes it took, 0 when its escape is broken. */
static size_t decode_one(const char *at, unsigned char *ret_c)
{
        if (*at != '%') {
                *ret_c = (unsigned char)*at;
                return 1;
        }
        int high = hex_value(at[1]);
        int low = high < 0 ? -1 : hex_value(at[2]);
        if (low < 0)
                return 0;
        *ret_c = (unsigned char)(high << 4 | low);
        return 3;
}

/* Dot segments are looked for after decoding, for that is what a handler would see. An escaped slash is a slash here. */
static enum err check_path(const char *target)
{
        if (target[0] != '/')
                return ERR_BAD_REQUEST;
        size_t dots = 0, others = 0;
        for (const char *at = target; *at != '\0';) {
                unsigned char c;
                size_t step = decode_one(at, &c);
                if (step == 0 || is_control(c) || c == '\\' || (c == ' ' && step == 1) || (c == '#' && step == 1))
                        return ERR_BAD_REQUEST;
                at += step;
                if (c == '/') {
                        if (others == 0 && (dots == 1 || dots == 2))
                                return ERR_BAD_REQUEST;
                        dots = others = 0;
                } else if (c == '.') {
                        dots++;
                } else {
                        others++;
                }
        }
        return others == 0 && (dots == 1 || dots == 2) ? ERR_BAD_REQUEST : ERR_OK;
}

static enum err check_query(const char *query)
{
        if (query == NULL)
                return ERR_OK;
        for (const char *at = query; *at != '\0';) {
                unsigned char c;
                size_t step = decode_one(at, &c);
                if (step == 0 || c == '\0' || (step == 1 && (is_control(c) || c == ' ' || c == '#')))
                        return ERR_BAD_REQUEST;
                at += step;
        }
        return ERR_OK;
}

static enum err check_target(const struct http_gate_input *input)
{
        size_t length = strlen(input->target) + (input->query ? strlen(input->query) : 0);
        if (length > LIMIT_HTTP_TARGET_BYTES)
                return ERR_URI_TOO_LONG;
        enum err err = check_path(input->target);
        if (err)
                return err;
        return check_query(input->query);
}

/* RFC 9110 §5.6.2: a header's name is a token. */
static bool is_token(const char *text)
{
        if (*text == '\0')
                return false;
        for (const char *at = text; *at != '\0'; at++) {
                unsigned char c = (unsigned char)*at;
                bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
                if (!alphanumeric && strchr("!#$%&'*+-.^_`|~", c) == NULL)
                        return false;
        }
        return true;
}

static enum err check_headers(const struct http_gate_input *input)
{
        if (input->header_count > LIMIT_HTTP_HEADERS)
                return ERR_HEADERS_TOO_LARGE;
        for (size_t i = 0; i < input->header_count; i++) {
                if (!is_token(input->headers[i].name))
                        return ERR_BAD_REQUEST;
                for (const char *at = input->headers[i].value; *at != '\0'; at++)
                        if (is_control((unsigned char)*at) && *at != '\t')
                                return ERR_BAD_REQUEST;
        }
        return ERR_OK;
}

/* The one header of that name; ERR_BAD_REQUEST when there are several. */
static enum err single_header(const struct http_gate_input *input, const char *name, const char **ret_value)
{
        const char *value = NULL;
        for (size_t i = 0; i < input->header_count; i++) {
                if (!str_equal_nocase(input->headers[i].name, name))
                        continue;
                if (value != NULL)
                        return ERR_BAD_REQUEST;
                value = input->headers[i].value;
        }
        *ret_value = value;
        return ERR_OK;
}

static enum err check_host(const struct http_gate_input *input)
{
        const char *host;
        enum err err = single_header(input, "Host", &host);
        if (err)
                return err;
        return str_is_blank(host) ? ERR_BAD_REQUEST : ERR_OK;
}

static enum err check_expect(const struct http_gate_input *input)
{
        const char *expect;
        enum err err = single_header(input, "Expect", &expect);
        if (err)
                return err;
        return expect == NULL || str_equal_nocase(expect, "100-continue") ? ERR_OK : ERR_BAD_REQUEST;
}

static enum err read_content_length(const struct http_gate_input *input, size_t *ret_bytes)
{
        const char *text;
        enum err err = single_header(input, "Content-Length", &text);
        if (err)
                return err;
        if (text == NULL) {
                if (is_one_of(input->method, body_methods, ARRAY_LEN(body_methods)))
                        return ERR_LENGTH_REQUIRED;
                *ret_bytes = 0;
                return ERR_OK;
        }
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || text[digits] != '\0')
                return ERR_BAD_REQUEST;
        if (digits > CONTENT_LENGTH_DIGITS) /* a clear number, and clearly too big */
                return ERR_TOO_LARGE;
        size_t bytes = 0;
        for (size_t i = 0; i < digits; i++)
                bytes = bytes * 10 + (size_t)(text[i] - '0');
        if (bytes > input->max_body_bytes)
                return ERR_TOO_LARGE;
        *ret_bytes = bytes;
        return ERR_OK;
}

static enum err check_framing(const struct http_gate_input *input, size_t *ret_body_bytes)
{
        for (size_t i = 0; i < input->header_count; i++)
                if (str_equal_nocase(input->headers[i].name, "Transfer-Encoding"))
                        return ERR_BAD_REQUEST;
        return read_content_length(input, ret_body_bytes);
}

enum err http_gate(const struct http_gate_input *input, size_t *ret_body_bytes)
{
        if (strcmp(input->version, "1.1") != 0 && strcmp(input->version, "1.0") != 0)
                return ERR_BAD_REQUEST;
        enum err err = check_target(input);
        if (err == ERR_OK)
                err = check_headers(input);
        if (err == ERR_OK)
                err = check_host(input);
        if (err == ERR_OK && !is_one_of(input->method, known_methods, ARRAY_LEN(known_methods)))
                err = ERR_METHOD_NOT_ALLOWED;
        if (err == ERR_OK)
                err = check_expect(input);
        if (err)
                return err;
        return check_framing(input, ret_body_bytes);
}
