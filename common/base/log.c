#include "common/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"

#define TEXT_MAX 4096 /* bytes of one value: the rest is cut */
#define TEXT_MIN 64   /* a value that doesn't fit even so is left out */

static struct {
        const char *service;
        const char *version;
        enum log_level level;
        enum log_format format;
        bool colour;
} options = {.service = "-", .version = "-", .level = LOG_LEVEL_INFO, .format = LOG_FORMAT_JSON};

struct line {
        struct buf *out;
        struct json_write json; /* not for the pretty format */
        bool cut;               /* something was cut or left out */
};

void log_init(const char *service, const char *version, enum log_level level, enum log_format format)
{
        options.service = service;
        options.version = version;
        options.level = level;
        options.format = format;
        options.colour = format == LOG_FORMAT_PRETTY && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

bool log_enabled(enum log_level level)
{
        return level >= options.level;
}

/* Control characters of hostile text must not reach a terminal. */
static void put_plain(struct buf *out, const char *text, size_t length)
{
        for (size_t i = 0, size; i < length; i += size ? size : 1) {
                uint32_t code = 0;

                size = utf8_char(text + i, length - i, &code);
                if (size == 0)
                        buf_puts(out, "\xEF\xBF\xBD");
                else if (code < 0x20 || (code >= 0x7F && code <= 0x9F))
                        buf_printf(out, "\\x%02x", code);
                else
                        buf_append(out, text + i, size);
        }
}

static void put_pair(struct line *line, const char *key, const char *text, size_t length)
{
        if (options.format == LOG_FORMAT_JSON) {
                json_string_n(&line->json, key, text, length);
                return;
        }
        if (key)
                buf_printf(line->out, " %s=", key);
        put_plain(line->out, text, length);
}

/* Escapes can make a text six times longer: cut it until it fits, or leave it out, but keep the line whole. */
static void put_text(struct line *line, const char *key, const char *text)
{
        struct json_write before = line->json;
        size_t length_before = line->out->length;

        if (!text)
                return;
        for (size_t max = TEXT_MAX; max >= TEXT_MIN; max /= 4) {
                size_t length = utf8_prefix(text, max);

                line->cut = line->cut || text[length] != '\0';
                put_pair(line, key, text, length);
                if (!buf_err(line->out))
                        return;
                line->json = before;
                line->out->length = length_before;
                line->out->err = ERR_OK;
                line->cut = true;
        }
}

static void put_int(struct line *line, const char *key, int64_t number)
{
        struct json_write before = line->json;
        size_t length_before = line->out->length;

        if (options.format == LOG_FORMAT_JSON)
                json_int(&line->json, key, number);
        else
                buf_printf(line->out, " %s=%lld", key, (long long)number);
        if (!buf_err(line->out))
                return;
        line->json = before;
        line->out->length = length_before;
        line->out->err = ERR_OK;
        line->cut = true;
}

static void put_head(struct line *line, enum log_level level, const char *action, const char *message)
{
        static const char *const levels[] = {"debug", "info", "warn", "error"};
        static const char *const colours[] = {"\033[2m", "\033[32m", "\033[33m", "\033[31m"};
        char time[CLOCK_TEXT_MAX];

        clock_format_ms(clock_wall_ms(), time);
        if (options.format == LOG_FORMAT_PRETTY) {
                buf_printf(line->out, "%.12s %s%-5s%s %s: ", time + sizeof("2024-01-01T") - 1,
                           options.colour ? colours[level] : "", levels[level], options.colour ? "\033[0m" : "",
                           options.service);
                put_text(line, NULL, message);
                put_text(line, "action", action);
                return;
        }
        json_object(&line->json, NULL);
        put_text(line, "@timestamp", time);
        put_text(line, "log.level", levels[level]);
        put_text(line, "service.name", options.service);
        put_text(line, "service.version", options.version);
        put_text(line, "event.action", action);
        put_text(line, "message", message);
}

static void put_context(struct line *line, const struct log_ctx *ctx)
{
        char trace[33] = "";

        if (!ctx)
                return;
        put_text(line, "http.request.id", ctx->request_id);
        if (ctx->traceparent && strnlen(ctx->traceparent, 35) == 35) {
                memcpy(trace, ctx->traceparent + 3, 32);
                put_text(line, "trace.id", trace);
        }
        put_text(line, "vr.market", ctx->market);
        put_text(line, "vr.editor", ctx->editor);
        put_text(line, "vr.event", ctx->event_id);
}

static void put_fields(struct line *line, const struct log_field *fields)
{
        for (; fields && fields->type != LOG_TYPE_END; fields++) {
                if (fields->type == LOG_TYPE_INT)
                        put_int(line, fields->key, fields->number);
                else if (fields->type == LOG_TYPE_ERR)
                        put_text(line, fields->key, err_name((enum err)fields->number));
                else
                        put_text(line, fields->key, fields->text);
        }
}

/* The room kept back for the end of the line is open now. */
static void put_end(struct line *line, size_t whole)
{
        line->out->max = whole;
        if (options.format == LOG_FORMAT_JSON) {
                if (line->cut)
                        json_bool(&line->json, "vr.log_cut", true);
                json_end(&line->json);
        } else if (line->cut) {
                buf_puts(line->out, " …");
        }
        buf_putc(line->out, '\n');
}

static void write_out(const char *bytes, size_t length)
{
        while (length > 0) {
                ssize_t written = write(STDOUT_FILENO, bytes, length);

                if (written < 0 && errno == EINTR)
                        continue;
                if (written <= 0)
                        return; /* nowhere to complain */
                bytes += written;
                length -= (size_t)written;
        }
}

void log_write(enum log_level level, const struct log_ctx *ctx, const char *action, const char *message,
               const struct log_field *fields)
{
        /* on the stack: a line about missing memory must not need any */
        char room[LIMIT_LOG_LINE_BYTES];
        struct buf out = {
                .data = room, .capacity = sizeof(room), .max = sizeof(room) - sizeof(",\"vr.log_cut\":true}\n")};
        struct line line = {.out = &out, .json = json_write_to(&out)};
        int saved_errno = errno;

        if (!log_enabled(level))
                return;
        put_head(&line, level, action, message);
        put_context(&line, ctx);
        put_fields(&line, fields);
        put_end(&line, sizeof(room) - 1);
        write_out(out.data, out.length);
        errno = saved_errno;
}
