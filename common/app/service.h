/*
 * The skeleton of a process: settings all services share, log, metrics, the management port (/metrics, /livez, /readyz),
 * signals, and the order of the end: not ready → wait → stop taking work → drain → exit 0.
 */
#ifndef VR_APP_SERVICE_H
#define VR_APP_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/base/metrics.h"
#include "common/base/settings.h"
#include "common/io/http_server.h"

struct service_settings {
        int64_t http_port, management_port, http_threads;
        const char *http_address;
        const char *public_url;
        const char *redis_url;
        const char *kafka_brokers;
        const char *log_level, *log_format;
        int64_t drain_ms; /* between "not ready" and "stop listening" */
};
/* Their rows in a program's table: `SERVICE_SETTINGS(struct market_settings, service),` */
/* clang-format off */
#define SERVICE_SETTINGS(type, member)                                                                                 \
        {"VR_HTTP_PORT", SETTING_INT, offsetof(type, member.http_port), "8080", "", false, 0, 65535, NULL,             \
         "Port of the public HTTP interface; 0 takes a free one."},                                                    \
        {"VR_HTTP_ADDRESS", SETTING_TEXT, offsetof(type, member.http_address), "127.0.0.1", "", false, 0, 0, NULL,     \
         "Address both ports listen on."},                                                                             \
        {"VR_HTTP_THREADS", SETTING_INT, offsetof(type, member.http_threads), "64", "threads", false, 1, 2000, NULL,   \
         "Worker threads: one per open connection, so more than the front door keeps open."},                          \
        {"VR_MANAGEMENT_PORT", SETTING_INT, offsetof(type, member.management_port), "9080", "", false, 0, 65535, NULL, \
         "Port of /metrics, /livez and /readyz; never published."},                                                    \
        {"VR_PUBLIC_URL", SETTING_TEXT, offsetof(type, member.public_url), "http://localhost:8080", "", false, 0, 0,   \
         NULL, "Where the outside world reaches us, without a trailing slash."},                                       \
        {"VR_REDIS_URL", SETTING_TEXT, offsetof(type, member.redis_url), "redis://127.0.0.1:6379/0", "", true, 0, 0,   \
         NULL, "Redis: tokens, snapshots, progress, limits."},                                                         \
        {"VR_KAFKA_BROKERS", SETTING_TEXT, offsetof(type, member.kafka_brokers), "127.0.0.1:9092", "", false, 0, 0,    \
         NULL, "Kafka's bootstrap servers; further librdkafka properties as VR_KAFKA_<PROPERTY>."},                    \
        {"VR_LOG_LEVEL", SETTING_CHOICE, offsetof(type, member.log_level), "info", "", false, 0, 0,                    \
         "debug|info|warn|error", "Lines below this level are not written."},                                          \
        {"VR_LOG_FORMAT", SETTING_CHOICE, offsetof(type, member.log_format), "json", "", false, 0, 0, "json|pretty",   \
         "json: one object a line; pretty: for people at a terminal."},                                                \
        {"VR_DRAIN_MS", SETTING_INT, offsetof(type, member.drain_ms), "0", "ms", false, 0, 60000, NULL,                \
         "After SIGTERM: not ready for this long before it stops listening."}
/* clang-format on */

#define SERVICE_CHECKS 8

/* A readiness check: ERR_OK, or why not. Called at most every 500 ms, by the management thread. */
typedef enum err (*service_check)(void *arg);

struct service {
        const char *name; /* "vr-market" */
        const struct service_settings *settings;
        struct metrics *metrics;
        struct http_server *management;
        struct service_state *state; /* service.c's own */
        struct {
                const char *name;
                service_check check;
                void *arg;
                bool liveness; /* a part of /livez (does this process make progress?) instead of /readyz */
        } checks[SERVICE_CHECKS];
        size_t check_count;
};

/* Log, signals (SIGPIPE ignored, SIGTERM and SIGINT caught), metrics, management port (not ready yet). */
MUST_CHECK enum err service_open(struct service *service, const char *name, const struct service_settings *settings);
void service_add_check(struct service *service, const char *check_name, service_check check, void *arg, bool liveness);
/* Ready → waits for a signal → not ready → VR_DRAIN_MS → returns EXIT_SUCCESS for main. `http` may be NULL. */
int service_run(struct service *service, struct http_server *http);
void service_close(struct service *service);

#endif
