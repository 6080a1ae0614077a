#include "common/io/http_multi.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/str.h"
#include "common/base/utf8.h"

#define LANE_BUCKETS          256
#define LANE_CONNECTIONS_MAX  16    /* idle ones kept per endpoint */
#define LANE_IDLE_MS          30000 /* an endpoint's connections are dropped after so long without a transfer */
#define SWEEP_MS              5000
#define RETRY_AFTER_BYTES_MAX 128

/*
 * What one endpoint keeps between its transfers. Curl looks for a connection to use again by host and port, whoever
 * opened it; a share of its own for each endpoint is a connection cache (and TLS session cache) of its own. All shares
 * are used by the loop's thread only, so they need no locks.
 */
struct lane {
        char *endpoint;
        CURLSH *share;
        int running;
        int64_t used_ms; /* monotonic: end of its last transfer */
        struct lane *next_in_bucket;
};

struct transfer {
        struct transfer *next; /* in the line, then in the list of the running */
        struct transfer *previous;
        struct http_multi *multi;
        http_multi_done done;
        void *arg;

        char *endpoint;
        char *url;
        char *body;
        size_t body_length;
        struct curl_slist *headers;

        CURL *curl;
        struct lane *lane;
        int64_t started_ms;
        int allowed, refused; /* addresses that `allow` was asked about */
        size_t header_bytes, body_bytes;
        bool answered; /* the headers of the final answer are in */
        char retry_after[RETRY_AFTER_BYTES_MAX];
        char excerpt[LIMIT_WEBHOOK_EXCERPT_BYTES];
        size_t excerpt_length;
        char error[CURL_ERROR_SIZE];
};

struct http_multi {
        struct http_multi_config config; /* texts are our own copies */
        char *user_agent, *ca_file;
        const char *ca_path;
        pthread_t thread;
        CURLM *curl;

        pthread_mutex_t lock; /* of these */
        struct transfer *line, *line_end;
        int waiting;
        bool stopping;
        int64_t stop_at_ms;

        atomic_int inflight; /* waiting and running */

        /* the loop's thread only */
        struct transfer *running;
        int running_count;
        struct lane *lanes[LANE_BUCKETS];
        int lane_count;
        int64_t sweep_at_ms;
};

/* ---- lanes ---- */

static struct lane **bucket_of(struct http_multi *multi, const char *endpoint)
{
        uint32_t hash = 2166136261U; /* FNV-1a */

        for (const char *p = endpoint; *p; p++)
                hash = (hash ^ (unsigned char)*p) * 16777619U;
        return &multi->lanes[hash % LANE_BUCKETS];
}

static void lane_free(struct lane *lane)
{
        if (!lane)
                return;
        curl_share_cleanup(lane->share); /* closes its connections */
        free(lane->endpoint);
        free(lane);
}

/* Drops the lanes that nothing has used since `before_ms`. */
static void sweep_lanes(struct http_multi *multi, int64_t before_ms)
{
        for (size_t i = 0; i < LANE_BUCKETS; i++) {
                struct lane **place = &multi->lanes[i];

                while (*place) {
                        struct lane *lane = *place;

                        if (lane->running > 0 || lane->used_ms > before_ms) {
                                place = &lane->next_in_bucket;
                                continue;
                        }
                        *place = lane->next_in_bucket;
                        lane_free(lane);
                        multi->lane_count--;
                }
        }
}

static struct lane *lane_new(const char *endpoint)
{
        struct lane *lane = calloc(1, sizeof(*lane));

        if (!lane)
                return NULL;
        lane->endpoint = strdup(endpoint);
        lane->share = curl_share_init();
        if (!lane->endpoint || !lane->share ||
            curl_share_setopt(lane->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) ||
            curl_share_setopt(lane->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION)) {
                lane_free(lane);
                return NULL;
        }
        return lane;
}

static struct lane *lane_for(struct http_multi *multi, const char *endpoint)
{
        struct lane **bucket = bucket_of(multi, endpoint), *lane;

        for (lane = *bucket; lane; lane = lane->next_in_bucket) {
                if (str_equal(lane->endpoint, endpoint))
                        return lane;
        }
        if (multi->lane_count >= LIMIT_WEBHOOK_LANES)
                sweep_lanes(multi, clock_mono_ms()); /* all that rest: rare, and cheaper than to order them */
        lane = lane_new(endpoint);
        if (!lane)
                return NULL;
        lane->next_in_bucket = *bucket;
        *bucket = lane;
        multi->lane_count++;
        return lane;
}

/* ---- curl's callbacks ---- */

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
        struct transfer *t = arg;
        const struct http_multi_config *config = &t->multi->config;

        if (purpose != CURLSOCKTYPE_IPCXN || !config->allow(config->arg, &address->addr, address->addrlen)) {
                t->refused++;
                return CURL_SOCKET_BAD;
        }
        t->allowed++;
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void keep_retry_after(struct transfer *t, const char *line, size_t length)
{
        static const char name[] = "Retry-After:";
        size_t name_length = sizeof(name) - 1;

        if (length <= name_length || strncasecmp(line, name, name_length) != 0)
                return;
        line += name_length;
        length -= name_length;
        while (length > 0 && (*line == ' ' || *line == '\t'))
                line++, length--;
        while (length > 0 && (unsigned char)line[length - 1] <= ' ')
                length--;
        if (length >= sizeof(t->retry_after) || memchr(line, '\0', length))
                return;
        memcpy(t->retry_after, line, length);
        t->retry_after[length] = '\0';
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
        struct transfer *t = arg;
        size_t length = size * count;
        long status = 0;

        if (t->answered)
                return length; /* trailers */
        t->header_bytes += length;
        if (t->header_bytes > LIMIT_WEBHOOK_HEADER_BYTES)
                return 0;
        if (length >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
                t->retry_after[0] = '\0'; /* what came before was a 1xx */
        keep_retry_after(t, bytes, length);
        if (*bytes != '\r' && *bytes != '\n')
                return length;
        curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
        t->answered = status >= 200;
        return length;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
        struct transfer *t = arg;
        size_t length = size * count, room = sizeof(t->excerpt) - t->excerpt_length;
        size_t kept = length < room ? length : room;

        memcpy(t->excerpt + t->excerpt_length, bytes, kept);
        t->excerpt_length += kept;
        t->body_bytes += length;
        /* enough: the answer is judged by its status, which is in */
        return t->body_bytes > LIMIT_WEBHOOK_RESPONSE_BYTES ? 0 : length;
}

/* ---- one transfer ---- */

static void transfer_free(struct transfer *t)
{
        if (!t)
                return;
        curl_easy_cleanup(t->curl);
        curl_slist_free_all(t->headers);
        free(t->endpoint);
        free(t->url);
        free(t->body);
        free(t);
}
DEFINE_FREEP(struct transfer, transfer)

static void set_safety(CURL *curl, const struct http_multi *multi)
{
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "");
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* a proxy would connect for us, past `allow` */
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
        curl_easy_setopt(curl, CURLOPT_ALTSVC_CTRL, 0L);
        curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(curl, CURLOPT_HTTP09_ALLOWED, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
        curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        /* the folder of authorities only beside a file of more: without it curl keeps the parsed system's file */
        curl_easy_setopt(curl, CURLOPT_CAPATH, multi->ca_path);
        if (multi->ca_file)
                curl_easy_setopt(curl, CURLOPT_CAINFO, multi->ca_file);
}

static void set_limits(CURL *curl, const struct http_multi_config *config)
{
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)config->timeout_ms);
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_timeout_ms);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)(config->timeout_ms / 1000 + 1));
        /* else giving up on a name would wait for the resolver's thread, and hold up everybody */
        curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
}

static void set_request(struct transfer *t)
{
        CURL *curl = t->curl;

        curl_easy_setopt(curl, CURLOPT_PRIVATE, t);
        curl_easy_setopt(curl, CURLOPT_SHARE, t->lane->share);
        curl_easy_setopt(curl, CURLOPT_URL, t->url);
        curl_easy_setopt(curl, CURLOPT_USERAGENT, t->multi->user_agent);
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_length);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, t->body);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, t->headers);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->error);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, t);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
}

/* Curl has one code for a refused handshake and for a connection that broke during it; the latter is worth a retry. */
static enum http_outcome outcome_of_handshake(const struct transfer *t)
{
        static const char *const broken[] = {"Connection reset", "Broken pipe", "SSL_ERROR_SYSCALL", "unexpected eof"};

        for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
                if (strstr(t->error, broken[i]))
                        return HTTP_OUTCOME_CONNECT;
        }
        return HTTP_OUTCOME_TLS;
}

static enum http_outcome outcome_of(const struct transfer *t, CURLcode code)
{
        /* judged by the status, whatever became of the body */
        if (t->answered)
                return HTTP_OUTCOME_ANSWER;
        switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
                return HTTP_OUTCOME_TIMEOUT;
        case CURLE_COULDNT_CONNECT:
                return t->refused > 0 && t->allowed == 0 ? HTTP_OUTCOME_BLOCKED : HTTP_OUTCOME_CONNECT;
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_SEND_ERROR:
        case CURLE_FAILED_INIT:
        case CURLE_OUT_OF_MEMORY:
                return HTTP_OUTCOME_CONNECT;
        case CURLE_SSL_CONNECT_ERROR:
                return outcome_of_handshake(t);
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CRL_BADFILE:
        case CURLE_SSL_ENGINE_INITFAILED:
        case CURLE_SSL_ENGINE_NOTFOUND:
        case CURLE_SSL_ENGINE_SETFAILED:
        case CURLE_SSL_INVALIDCERTSTATUS:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        case CURLE_USE_SSL_FAILED:
                return HTTP_OUTCOME_TLS;
        default:
                return HTTP_OUTCOME_PROTOCOL;
        }
}

static const char *words_of(const struct transfer *t, enum http_outcome outcome, CURLcode code)
{
        if (outcome == HTTP_OUTCOME_ANSWER)
                return "";
        if (outcome == HTTP_OUTCOME_BLOCKED)
                return "The host's address is not a public one";
        if (t->header_bytes > LIMIT_WEBHOOK_HEADER_BYTES)
                return "The answer's headers are too large";
        return t->error[0] ? t->error : curl_easy_strerror(code);
}

/* Strangers' bytes as UTF-8 without NUL, within the same size. */
static void make_readable(const struct transfer *t, char text[LIMIT_WEBHOOK_EXCERPT_BYTES + 1])
{
        static const char instead[] = "\xEF\xBF\xBD";
        size_t used = 0;

        for (size_t i = 0; i < t->excerpt_length;) {
                uint32_t code;
                size_t size = utf8_char(t->excerpt + i, t->excerpt_length - i, &code);
                bool good = size > 0 && code != 0;
                size_t wanted = good ? size : sizeof(instead) - 1;

                if (used + wanted > LIMIT_WEBHOOK_EXCERPT_BYTES)
                        break;
                /* a character cut by the end of the excerpt is no error of the sender's */
                if (!good && t->excerpt_length == sizeof(t->excerpt) && t->excerpt_length - i < 4 &&
                    (unsigned char)t->excerpt[i] >= 0xC2)
                        break;
                memcpy(text + used, good ? t->excerpt + i : instead, wanted);
                used += wanted;
                i += size ? size : 1;
        }
        text[used] = '\0';
}

/* Off the list, told, gone. */
static void finish(struct transfer *t, enum http_outcome outcome, const char *error)
{
        struct http_multi *multi = t->multi;
        char excerpt[LIMIT_WEBHOOK_EXCERPT_BYTES + 1];
        long status = 0;
        int64_t now_ms = clock_mono_ms();

        if (t->curl)
                curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
        make_readable(t, excerpt);
        const struct http_multi_result result = {
                .outcome = outcome,
                .status = outcome == HTTP_OUTCOME_ANSWER ? (int)status : 0,
                .duration_ms = t->started_ms ? now_ms - t->started_ms : 0,
                .error = error,
                .retry_after = t->answered && t->retry_after[0] ? t->retry_after : NULL,
                .excerpt = t->answered ? excerpt : "",
        };

        if (t->previous)
                t->previous->next = t->next;
        else
                multi->running = t->next;
        if (t->next)
                t->next->previous = t->previous;
        multi->running_count--;
        if (t->lane) {
                t->lane->running--;
                t->lane->used_ms = now_ms;
        }
        atomic_fetch_sub(&multi->inflight, 1);
        t->done(t->arg, &result);
        transfer_free(t);
}

static void start(struct http_multi *multi, struct transfer *t)
{
        t->previous = NULL;
        t->next = multi->running;
        if (t->next)
                t->next->previous = t;
        multi->running = t;
        multi->running_count++;

        t->started_ms = clock_mono_ms();
        t->lane = lane_for(multi, t->endpoint);
        if (t->lane)
                t->lane->running++;
        t->curl = curl_easy_init();
        if (!t->lane || !t->curl) {
                finish(t, HTTP_OUTCOME_CONNECT, "out of memory");
                return;
        }
        set_safety(t->curl, multi);
        set_limits(t->curl, &multi->config);
        set_request(t);
        if (curl_multi_add_handle(multi->curl, t->curl) != CURLM_OK)
                finish(t, HTTP_OUTCOME_CONNECT, "the transfer could not be started");
}

/* ---- the loop ---- */

static struct transfer *next_in_line(struct http_multi *multi)
{
        struct transfer *t = NULL;

        pthread_mutex_lock(&multi->lock);
        if (multi->line && multi->running_count < multi->config.max_inflight) {
                t = multi->line;
                multi->line = t->next;
                if (!multi->line)
                        multi->line_end = NULL;
                multi->waiting--;
        }
        pthread_mutex_unlock(&multi->lock);
        return t;
}

static bool may_start(struct http_multi *multi)
{
        bool may;

        pthread_mutex_lock(&multi->lock);
        may = multi->line && multi->running_count < multi->config.max_inflight;
        pthread_mutex_unlock(&multi->lock);
        return may;
}

static void collect(struct http_multi *multi)
{
        const CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(multi->curl, &left))) {
                CURLcode code = message->data.result;
                CURL *curl = message->easy_handle;
                struct transfer *t = NULL;
                enum http_outcome outcome;

                if (message->msg != CURLMSG_DONE || curl_easy_getinfo(curl, CURLINFO_PRIVATE, &t) != CURLE_OK)
                        continue;
                curl_multi_remove_handle(multi->curl, curl);
                outcome = outcome_of(t, code);
                finish(t, outcome, words_of(t, outcome, code));
        }
}

/* Is it time to go? When so, `ret_wait_ms` is not set. */
static bool may_leave(struct http_multi *multi, int64_t now_ms, int *ret_wait_ms)
{
        bool stopping, idle;
        int64_t stop_at_ms;

        pthread_mutex_lock(&multi->lock);
        stopping = multi->stopping;
        stop_at_ms = multi->stop_at_ms;
        idle = !multi->line && multi->running_count == 0;
        pthread_mutex_unlock(&multi->lock);
        if (stopping && (idle || now_ms >= stop_at_ms))
                return true;
        *ret_wait_ms = stopping && stop_at_ms - now_ms < SWEEP_MS ? (int)(stop_at_ms - now_ms) : SWEEP_MS;
        return false;
}

static void give_up_the_rest(struct http_multi *multi)
{
        struct transfer *t;

        multi->config.max_inflight = INT32_MAX;
        while (multi->running) {
                t = multi->running;
                curl_multi_remove_handle(multi->curl, t->curl);
                finish(t, t->answered ? HTTP_OUTCOME_ANSWER : HTTP_OUTCOME_TIMEOUT,
                       t->answered ? "" : "stopped before the answer came");
        }
        while ((t = next_in_line(multi))) {
                t->previous = NULL;
                t->next = NULL;
                multi->running = t;
                multi->running_count = 1;
                finish(t, HTTP_OUTCOME_TIMEOUT, "stopped before it was sent");
        }
}

static void *loop(void *arg)
{
        struct http_multi *multi = arg;
        struct transfer *t;
        int wait_ms, ignored;

        while (true) {
                int64_t now_ms = clock_mono_ms();

                while ((t = next_in_line(multi)))
                        start(multi, t);
                curl_multi_perform(multi->curl, &ignored);
                collect(multi);
                if (now_ms >= multi->sweep_at_ms) {
                        sweep_lanes(multi, now_ms - LANE_IDLE_MS);
                        multi->sweep_at_ms = now_ms + SWEEP_MS;
                }
                if (may_leave(multi, now_ms, &wait_ms))
                        break;
                if (!may_start(multi))
                        curl_multi_poll(multi->curl, NULL, 0, wait_ms, NULL);
        }
        give_up_the_rest(multi);
        return NULL;
}

/* ---- from other threads ---- */

static void multi_free(struct http_multi *multi)
{
        if (!multi)
                return;
        sweep_lanes(multi, INT64_MAX);
        curl_multi_cleanup(multi->curl);
        pthread_mutex_destroy(&multi->lock);
        free(multi->user_agent);
        free(multi->ca_file);
        free(multi);
}
DEFINE_FREEP(struct http_multi, multi)

static const char *system_ca_path(void)
{
        const char *path = curl_version_info(CURLVERSION_NOW)->capath;

        return path ? path : "/etc/ssl/certs";
}

enum err http_multi_start(const struct http_multi_config *config, struct http_multi **ret_multi)
{
        AUTO(multi_freep) struct http_multi *multi = calloc(1, sizeof(*multi));

        if (!multi)
                return ERR_NO_MEMORY;
        pthread_mutex_init(&multi->lock, NULL);
        multi->config = *config;
        if (config->max_inflight < 1)
                multi->config.max_inflight = 1;
        multi->user_agent = strdup(config->user_agent ? config->user_agent : "");
        if (config->ca_file && *config->ca_file) {
                multi->ca_file = strdup(config->ca_file);
                multi->ca_path = system_ca_path();
                if (!multi->ca_file)
                        return ERR_NO_MEMORY;
                if (access(multi->ca_file, R_OK) != 0)
                        return ERR_INVALID; /* better now than as a TLS failure of every delivery */
        }
        multi->curl = curl_multi_init();
        if (!multi->user_agent || !multi->curl)
                return ERR_NO_MEMORY;
        curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, (long)LANE_CONNECTIONS_MAX);
        if (pthread_create(&multi->thread, NULL, loop, multi))
                return ERR_NO_MEMORY;
        *ret_multi = TAKE(multi);
        return ERR_OK;
}

static enum err append_line(struct transfer *t, const char *line)
{
        struct curl_slist *longer = curl_slist_append(t->headers, line);

        if (!longer)
                return ERR_NO_MEMORY;
        t->headers = longer;
        return ERR_OK;
}

static enum err copy_headers(struct transfer *t, const struct http_multi_job *job)
{
        AUTO(buf_done) struct buf line = {0};
        enum err err = append_line(t, "Expect:"); /* no waiting for a 100 */

        for (size_t i = 0; i < job->header_count && !err; i++) {
                const struct http_header *header = &job->headers[i];

                if (strpbrk(header->name, "\r\n:") || strpbrk(header->value, "\r\n"))
                        return ERR_INVALID;
                buf_reset(&line);
                buf_printf(&line, *header->value ? "%s: %s" : "%s;", header->name, header->value);
                err = buf_err(&line) ? buf_err(&line) : append_line(t, buf_text(&line));
        }
        return err;
}

static enum err transfer_new(struct http_multi *multi, const struct http_multi_job *job, struct transfer **ret_transfer)
{
        AUTO(transfer_freep) struct transfer *t = calloc(1, sizeof(*t));
        enum err err;

        if (!t)
                return ERR_NO_MEMORY;
        t->multi = multi;
        t->endpoint = strdup(job->endpoint);
        t->url = strdup(job->url);
        t->body = malloc(job->body_length + 1);
        t->body_length = job->body_length;
        if (!t->endpoint || !t->url || !t->body)
                return ERR_NO_MEMORY;
        memcpy(t->body, job->body ? job->body : "", job->body_length);
        t->body[job->body_length] = '\0';
        err = copy_headers(t, job);
        if (err)
                return err;
        *ret_transfer = TAKE(t);
        return ERR_OK;
}

enum err http_multi_submit(struct http_multi *multi, const struct http_multi_job *job, http_multi_done done, void *arg)
{
        AUTO(transfer_freep) struct transfer *t = NULL;
        enum err err = transfer_new(multi, job, &t);

        if (err)
                return err;
        t->done = done;
        t->arg = arg;
        pthread_mutex_lock(&multi->lock);
        if (multi->stopping)
                err = ERR_STOPPING;
        else if (multi->waiting >= LIMIT_WEBHOOK_QUEUE)
                err = ERR_FULL;
        if (!err) {
                if (multi->line_end)
                        multi->line_end->next = t;
                else
                        multi->line = t;
                multi->line_end = TAKE(t);
                multi->waiting++;
                atomic_fetch_add(&multi->inflight, 1);
        }
        pthread_mutex_unlock(&multi->lock);
        if (err)
                return err;
        curl_multi_wakeup(multi->curl);
        return ERR_OK;
}

int http_multi_inflight(const struct http_multi *multi)
{
        return atomic_load(&((struct http_multi *)(uintptr_t)multi)->inflight);
}

void http_multi_stop(struct http_multi *multi, int64_t drain_ms)
{
        if (!multi)
                return;
        pthread_mutex_lock(&multi->lock);
        multi->stopping = true;
        multi->stop_at_ms = clock_mono_ms() + drain_ms;
        pthread_mutex_unlock(&multi->lock);
        curl_multi_wakeup(multi->curl);
        pthread_join(multi->thread, NULL);
        multi_free(multi);
}
