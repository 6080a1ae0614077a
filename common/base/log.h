/*
 * One JSON object a line on stdout, with the keys of conventions (ECS, OpenTelemetry). Any thread; a line is written
 * with one write(). Never a secret, a token or a body. `common/` never logs above debug: services decide.
 *
 *         log_info(&x->log, "market.created", "market created",
 *                  LOG_STR("vr.market_name", name), LOG_INT("http.response.status_code", 201));
 */
#ifndef VR_BASE_LOG_H
#define VR_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_PRETTY };

/* Start-up options, set once before threads start. The strings are not copied. */
void log_init(const char *service, const char *version, enum log_level level, enum log_format format);

/* What a line is about; unset members are left out. Points at memory that outlives the call. */
struct log_ctx {
        const char *request_id;  /* http.request.id */
        const char *traceparent; /* its trace id becomes trace.id */
        const char *market;      /* vr.market */
        const char *editor;      /* vr.editor */
        const char *event_id;    /* vr.event */
};

enum log_type { LOG_TYPE_END, LOG_TYPE_STR, LOG_TYPE_INT, LOG_TYPE_ERR };
struct log_field {
        enum log_type type;
        const char *key;
        const char *text;
        int64_t number;
};
#define LOG_STR(key, text)   ((struct log_field){LOG_TYPE_STR, (key), (text), 0})
#define LOG_INT(key, number) ((struct log_field){LOG_TYPE_INT, (key), NULL, (number)})
#define LOG_ERR(err)         ((struct log_field){LOG_TYPE_ERR, "error.type", NULL, (err)})
#define LOG_DETAIL(text)     LOG_STR("error.message", (text))

/* `action` is event.action, `message` a plain sentence. ctx may be NULL. `fields` ends with LOG_TYPE_END. */
void log_write(enum log_level level, const struct log_ctx *ctx, const char *action, const char *message,
               const struct log_field *fields);

/* Is a line of this level written at all? */
bool log_enabled(enum log_level level);

#define LOG_FIELDS_(...) ((const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){LOG_TYPE_END, 0, 0, 0}})
#define log_debug(ctx, action, message, ...) \
        log_write(LOG_LEVEL_DEBUG, (ctx), (action), (message), LOG_FIELDS_(__VA_ARGS__))
#define log_info(ctx, action, message, ...) \
        log_write(LOG_LEVEL_INFO, (ctx), (action), (message), LOG_FIELDS_(__VA_ARGS__))
#define log_warn(ctx, action, message, ...) \
        log_write(LOG_LEVEL_WARN, (ctx), (action), (message), LOG_FIELDS_(__VA_ARGS__))
#define log_error(ctx, action, message, ...) \
        log_write(LOG_LEVEL_ERROR, (ctx), (action), (message), LOG_FIELDS_(__VA_ARGS__))

#endif
