#include "common/io/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/str.h"

#define IDLE_HANDLES_MAX      16
#define CONNECT_TIMEOUT_MS    2000
#define HEADER_LINE_BYTES_MAX 8192

enum err http_client_global_init(void)
{
        return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? ERR_OK : ERR_INTERNAL;
}

void http_client_global_done(void)
{
        curl_global_cleanup();
}

/* ---- the pool: a handle keeps its connections while it rests ---- */

struct http_client {
        int timeout_ms;
        pthread_mutex_t lock;
        CURL *idle[IDLE_HANDLES_MAX];
        size_t idle_count;
};

enum err http_client_new(int timeout_ms, struct http_client **ret_client)
{
        struct http_client *client = calloc(1, sizeof(*client));

        if (!client)
                return ERR_NO_MEMORY;
        client->timeout_ms = timeout_ms;
        pthread_mutex_init(&client->lock, NULL);
        *ret_client = client;
        return ERR_OK;
}

void http_client_free(struct http_client *client)
{
        if (!client)
                return;
        while (client->idle_count > 0)
                curl_easy_cleanup(client->idle[--client->idle_count]);
        pthread_mutex_destroy(&client->lock);
        free(client);
}

static CURL *borrow(struct http_client *client)
{
        CURL *curl = NULL;

        pthread_mutex_lock(&client->lock);
        if (client->idle_count > 0)
                curl = client->idle[--client->idle_count];
        pthread_mutex_unlock(&client->lock);
        return curl ? curl : curl_easy_init();
}

static void give_back(struct http_client *client, CURL *curl)
{
        curl_easy_reset(curl); /* options go, connections stay */
        pthread_mutex_lock(&client->lock);
        if (client->idle_count < IDLE_HANDLES_MAX)
                client->idle[client->idle_count++] = TAKE(curl);
        pthread_mutex_unlock(&client->lock);
        curl_easy_cleanup(curl);
}

/* ---- one exchange ---- */

struct answer {
        struct arena *arena;
        struct buf body;
        struct http_header headers[LIMIT_HTTP_CLIENT_HEADERS];
        size_t header_count;
};

static void answer_done(struct answer *answer)
{
        buf_done(&answer->body);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
        struct answer *answer = arg;

        buf_append(&answer->body, bytes, size * count);
        return buf_err(&answer->body) ? 0 : size * count;
}

/* "Name: value\r\n"; a status line begins anew (after a 1xx), the empty line ends. */
static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
        struct answer *answer = arg;
        size_t length = size * count;
        const char *colon = memchr(bytes, ':', length);
        char *value;

        if (length >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
                answer->header_count = 0;
                return length;
        }
        if (!colon || length > HEADER_LINE_BYTES_MAX || answer->header_count == LIMIT_HTTP_CLIENT_HEADERS)
                return length;
        value = arena_strndup(answer->arena, colon + 1, length - (size_t)(colon + 1 - bytes));
        answer->headers[answer->header_count++] = (struct http_header){
                .name = arena_strndup(answer->arena, bytes, (size_t)(colon - bytes)),
                .value = str_trim(answer->arena, value),
        };
        return length;
}

static bool has_header(const struct http_client_request *request, const char *name)
{
        for (size_t i = 0; i < request->header_count; i++) {
                if (str_equal_nocase(request->headers[i].name, name))
                        return true;
        }
        return false;
}

static void free_list(struct curl_slist **list)
{
        curl_slist_free_all(*list);
}

static enum err append_line(struct curl_slist **list, const char *line)
{
        struct curl_slist *longer = curl_slist_append(*list, line);

        if (!longer)
                return ERR_NO_MEMORY;
        *list = longer;
        return ERR_OK;
}

static enum err make_headers(struct arena *arena, const struct http_client_request *request,
                             struct curl_slist **ret_list)
{
        AUTO(free_list) struct curl_slist *list = NULL;
        enum err err = append_line(&list, "Expect:"); /* no waiting for a 100 */

        for (size_t i = 0; i < request->header_count && !err; i++) {
                const struct http_header *header = &request->headers[i];

                if (strpbrk(header->name, "\r\n:") || strpbrk(header->value, "\r\n"))
                        return ERR_INVALID;
                err = append_line(&list, *header->value ? arena_printf(arena, "%s: %s", header->name, header->value)
                                                        : arena_printf(arena, "%s;", header->name));
        }
        /* else curl calls every body a form */
        if (!err && !has_header(request, "Content-Type"))
                err = append_line(&list, "Content-Type:");
        if (err)
                return err;
        *ret_list = TAKE(list);
        return ERR_OK;
}

static void set_method(CURL *curl, const struct http_client_request *request)
{
        bool sends = request->body || str_equal(request->method, "POST") || str_equal(request->method, "PUT") ||
                     str_equal(request->method, "PATCH");

        if (sends) {
                curl_easy_setopt(curl, CURLOPT_POST, 1L);
                curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
                curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
        }
        if (str_equal(request->method, "HEAD"))
                curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        else
                curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_options(CURL *curl, const struct http_client *client, const char *url, struct curl_slist *headers,
                        struct answer *answer)
{
        long timeout_ms = client->timeout_ms;

        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "");
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                         timeout_ms < CONNECT_TIMEOUT_MS ? timeout_ms : (long)CONNECT_TIMEOUT_MS);
        curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L); /* don't wait for a resolver that hangs */
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
}

static enum err err_of(CURLcode code, const struct answer *answer)
{
        if (code == CURLE_OK)
                return ERR_OK;
        if (buf_err(&answer->body))
                return buf_err(&answer->body);
        switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
                return ERR_TIMEOUT;
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:
                return ERR_INVALID;
        case CURLE_OUT_OF_MEMORY:
                return ERR_NO_MEMORY;
        default:
                return ERR_UNAVAILABLE;
        }
}

enum err http_client_send(struct http_client *client, struct arena *arena, const struct http_client_request *request,
                          struct http_client_response *ret_response)
{
        AUTO(answer_done) struct answer answer = {.arena = arena, .body = {.max = LIMIT_HTTP_CLIENT_BYTES}};
        AUTO(free_list) struct curl_slist *headers = NULL;
        enum err err = make_headers(arena, request, &headers);
        CURL *curl = err ? NULL : borrow(client);
        long status = 0;

        if (err)
                return err;
        if (!curl)
                return ERR_NO_MEMORY;
        set_options(curl, client, request->url, headers, &answer);
        set_method(curl, request);
        err = err_of(curl_easy_perform(curl), &answer);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        give_back(client, curl);
        if (err)
                return err;
        *ret_response = (struct http_client_response){
                .status = (int)status,
                .headers = arena_memdup(arena, answer.headers, sizeof(answer.headers[0]) * answer.header_count),
                .header_count = answer.header_count,
                .body = arena_strndup(arena, buf_text(&answer.body), answer.body.length),
                .body_length = answer.body.length,
        };
        return ERR_OK;
}

/* ---- URLs ---- */

static void url_free(CURLU **url)
{
        curl_url_cleanup(*url);
}

/* A part's text in the arena; NULL when there is none. */
static char *part(struct arena *arena, CURLU *url, CURLUPart which, unsigned flags)
{
        char *text = NULL, *copy = NULL;

        if (curl_url_get(url, which, &text, flags) == CURLUE_OK && text)
                copy = arena_strdup(arena, text);
        curl_free(text);
        return copy;
}

static char *lower(char *text)
{
        for (char *p = text; *p; p++)
                *p = (char)(*p >= 'A' && *p <= 'Z' ? *p | 0x20 : *p);
        return text;
}

/* Curl forgets an empty user ("https://@host"), so the normalised text is looked at too. */
static bool has_userinfo(struct arena *arena, CURLU *url, const char *normalised)
{
        const char *authority = strstr(normalised, "://");

        if (part(arena, url, CURLUPART_USER, 0) || part(arena, url, CURLUPART_PASSWORD, 0) ||
            part(arena, url, CURLUPART_OPTIONS, 0) || !authority)
                return true;
        authority += 3;
        return memchr(authority, '@', strcspn(authority, "/?#")) != NULL;
}

/*
 * The last label decides, as in the WHATWG URL standard's "ends in a number": whatever ends in digits or 0x… is an
 * address for some resolver, or nothing.
 */
static bool is_ip(struct arena *arena, const char *host)
{
        char *name = arena_strdup(arena, host), *label;
        size_t length = strlen(name);

        if (*name == '[' || strchr(name, ':'))
                return true;
        while (length > 0 && name[length - 1] == '.')
                name[--length] = '\0';
        label = strrchr(name, '.') ? strrchr(name, '.') + 1 : name;
        if (*label && strspn(label, "0123456789") == strlen(label))
                return true;
        return str_starts_with(label, "0x") && strspn(label + 2, "0123456789abcdef") == strlen(label + 2);
}

/* The host in lower case, also inside the normalised form. */
static enum err normalise_host(struct arena *arena, CURLU *url, const char **ret_host)
{
        char *host = part(arena, url, CURLUPART_HOST, 0);

        if (!host || !*host || (*host == '[' && part(arena, url, CURLUPART_ZONEID, 0)))
                return ERR_INVALID;
        if (curl_url_set(url, CURLUPART_HOST, lower(host), 0) != CURLUE_OK)
                return ERR_INVALID;
        *ret_host = host;
        return ERR_OK;
}

enum err http_url_parse(struct arena *arena, const char *text, struct http_url *ret_url)
{
        AUTO(url_free) CURLU *url = curl_url();
        const char *host, *port, *path, *query;
        struct http_url parsed = {0};
        int64_t number;

        if (!url)
                return ERR_NO_MEMORY;
        if (!text || strlen(text) > LIMIT_HTTP_TARGET_BYTES || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
                return ERR_INVALID;
        if (normalise_host(arena, url, &host))
                return ERR_INVALID;
        port = part(arena, url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
        path = part(arena, url, CURLUPART_PATH, 0);
        query = part(arena, url, CURLUPART_QUERY, 0);
        if (!port || !path || str_to_i64(port, 1, 65535, &number))
                return ERR_INVALID;
        parsed.scheme = part(arena, url, CURLUPART_SCHEME, 0);
        parsed.normalised = part(arena, url, CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
        if (!parsed.scheme || !parsed.normalised)
                return ERR_INVALID;
        parsed.host = host;
        parsed.port = (int)number;
        parsed.path = query ? arena_printf(arena, "%s?%s", path, query) : path;
        parsed.has_userinfo = has_userinfo(arena, url, parsed.normalised);
        parsed.has_fragment = strchr(text, '#') != NULL;
        parsed.host_is_ip = is_ip(arena, host);
        *ret_url = parsed;
        return ERR_OK;
}
