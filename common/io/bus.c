#include "common/io/bus_internal.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/str.h"

#define ENV_PREFIX         "VR_KAFKA_"
#define NAME_BYTES         128
#define SECRET_BYTES       16384
#define WAIT_FOR_TOPICS_MS 100
#define CONTROLLER_MS      500

extern char **environ;

static const struct bus_property common_defaults[] = {
        {"socket.keepalive.enable", "true"},
        {"socket.connection.setup.timeout.ms", "5000"},
        {"reconnect.backoff.ms", "50"},
        {"reconnect.backoff.max.ms", "2000"},
        {"topic.metadata.refresh.interval.ms", "30000"},
        {0},
};

enum err bus_err(rd_kafka_resp_err_t code)
{
        switch (code) {
        case RD_KAFKA_RESP_ERR_NO_ERROR:
                return ERR_OK;
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
                return ERR_TOO_LARGE;
        case RD_KAFKA_RESP_ERR__QUEUE_FULL:
                return ERR_FULL;
        case RD_KAFKA_RESP_ERR__INVALID_ARG:
                return ERR_INVALID;
        default:
                return ERR_UNAVAILABLE;
        }
}

/* ---- configuration ---- */

static void log_line(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
        (void)client;
        (void)level;
        log_debug(NULL, "bus.librdkafka", text, LOG_STR("vr.facility", facility));
}

/* Without one, librdkafka writes errors to stderr; that a broker is away is told by reports, lag and readiness. */
static void error_line(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
        (void)client;
        (void)opaque;
        log_debug(NULL, "bus.error", reason, LOG_STR("vr.code", rd_kafka_err2name((rd_kafka_resp_err_t)code)));
}

static enum err set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
        char reason[256];

        if (rd_kafka_conf_set(conf, name, value, reason, sizeof(reason)) == RD_KAFKA_CONF_OK)
                return ERR_OK;
        /* never the value: it may be a password */
        (void)fprintf(stderr, "Kafka property %s: librdkafka does not know it, or does not take this value\n", name);
        return ERR_INVALID;
}

static enum err set_all(rd_kafka_conf_t *conf, const struct bus_property *properties)
{
        enum err err = ERR_OK;

        for (; !err && properties->name; properties++)
                err = set(conf, properties->name, properties->value);
        return err;
}

static enum err set_from_file(rd_kafka_conf_t *conf, const char *name, const char *path)
{
        char text[SECRET_BYTES];
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        enum err err;

        if (fd >= 0)
                close(fd);
        if (length < 0) {
                (void)fprintf(stderr, "Kafka property %s: can't read its file %s\n", name, path);
                return ERR_INVALID;
        }
        if (length > 0 && text[length - 1] == '\n')
                length--;
        text[length] = '\0';
        err = set(conf, name, text);
        explicit_bzero(text, sizeof(text));
        return err;
}

/* VR_KAFKA_SASL_MECHANISM=PLAIN, VR_KAFKA_SASL_PASSWORD_FILE=/run/secrets/kafka */
static enum err set_from_variable(rd_kafka_conf_t *conf, const char *variable)
{
        const char *equals = strchr(variable, '=');
        char name[NAME_BYTES];
        size_t length;
        bool is_file;

        if (!equals || str_starts_with(variable, ENV_PREFIX "BROKERS="))
                return ERR_OK;
        variable += strlen(ENV_PREFIX);
        length = (size_t)(equals - variable);
        if (length == 0 || length >= sizeof(name))
                return ERR_INVALID;
        for (size_t i = 0; i < length; i++)
                name[i] = variable[i] == '_' ? '.' : (char)tolower((unsigned char)variable[i]);
        name[length] = '\0';
        is_file = str_ends_with(name, ".file");
        if (!is_file)
                return set(conf, name, equals + 1);
        name[length - strlen(".file")] = '\0';
        return set_from_file(conf, name, equals + 1);
}

static enum err set_from_environment(rd_kafka_conf_t *conf)
{
        enum err err = ERR_OK;

        for (char **variable = environ; !err && *variable; variable++)
                if (str_starts_with(*variable, ENV_PREFIX))
                        err = set_from_variable(conf, *variable);
        return err;
}

enum err bus_conf(const struct bus_config *config, const struct bus_property *defaults,
                  const struct bus_property *fixed, rd_kafka_conf_t **ret_conf)
{
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        enum err err;

        rd_kafka_conf_set_log_cb(conf, log_line);
        rd_kafka_conf_set_error_cb(conf, error_line);
        err = set_all(conf, common_defaults);
        if (!err)
                err = set(conf, "client.id", config->client_id ? config->client_id : "voie-rapide");
        if (!err)
                err = set_all(conf, defaults);
        if (!err)
                err = set_from_environment(conf);
        if (!err)
                err = set(conf, "bootstrap.servers", config->brokers);
        if (!err)
                err = set_all(conf, fixed);
        if (err) {
                rd_kafka_conf_destroy(conf);
                return err;
        }
        *ret_conf = conf;
        return ERR_OK;
}

enum err bus_client(rd_kafka_type_t type, rd_kafka_conf_t **conf, rd_kafka_t **ret_client)
{
        char reason[256];
        rd_kafka_t *client = rd_kafka_new(type, *conf, reason, sizeof(reason));

        if (!client) { /* properties that don't go together; the text holds no values of secrets */
                (void)fprintf(stderr, "Kafka client: %s\n", reason);
                rd_kafka_conf_destroy(TAKE(*conf));
                return ERR_INVALID;
        }
        *conf = NULL;
        *ret_client = client;
        return ERR_OK;
}

struct metric *bus_messages_metric(const struct bus_config *config)
{
        if (!config->metrics)
                return NULL;
        return metrics_counter(config->metrics, "vr_kafka_messages_total", "topic,direction,result",
                               "Kafka messages, by topic, direction (in, out) and result (ok, failed).");
}

/* A client for questions; no group, nothing to produce. */
static enum err open_asker(const struct bus_config *config, rd_kafka_t **ret_client)
{
        static const struct bus_property none[] = {{0}}, fixed[] = {{"allow.auto.create.topics", "true"}, {0}};
        rd_kafka_conf_t *conf = NULL;
        enum err err = bus_conf(config, none, fixed, &conf); /* for make_by_asking */

        return err ? err : bus_client(RD_KAFKA_PRODUCER, &conf, ret_client);
}

/* ---- is it there? ---- */

enum err bus_ask(rd_kafka_t *client, int timeout_ms)
{
        const struct rd_kafka_metadata *answer = NULL;
        rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, NULL, &answer, timeout_ms);

        if (code)
                return ERR_UNAVAILABLE;
        rd_kafka_metadata_destroy(answer);
        return ERR_OK;
}

enum err bus_ping(const struct bus_config *config, int timeout_ms)
{
        rd_kafka_t *client = NULL;
        enum err err = open_asker(config, &client);

        if (err)
                return err;
        err = bus_ask(client, timeout_ms);
        rd_kafka_destroy(client);
        return err;
}

/* ---- topics ---- */

/* Partitions of each, 0 for those not there. Asks for all topics: asking for one by name may make it. */
static enum err count_partitions(rd_kafka_t *client, const struct bus_topic *topics, size_t count, int timeout_ms,
                                 int *partitions)
{
        const struct rd_kafka_metadata *answer = NULL;

        if (timeout_ms <= 0 || rd_kafka_metadata(client, 1, NULL, &answer, timeout_ms))
                return ERR_UNAVAILABLE;
        for (size_t i = 0; i < count; i++) {
                partitions[i] = 0;
                for (int j = 0; j < answer->topic_cnt; j++)
                        if (str_equal(answer->topics[j].topic, topics[i].name) && !answer->topics[j].err)
                                partitions[i] = answer->topics[j].partition_cnt;
        }
        rd_kafka_metadata_destroy(answer);
        return ERR_OK;
}

/* The embedded broker can't make topics when told to, but does when asked about one. */
static void make_by_asking(rd_kafka_t *client, const char *name, int timeout_ms)
{
        rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
        const struct rd_kafka_metadata *answer = NULL;

        if (topic && !rd_kafka_metadata(client, 0, topic, &answer, timeout_ms))
                rd_kafka_metadata_destroy(answer);
        if (topic)
                rd_kafka_topic_destroy(topic);
}

static rd_kafka_NewTopic_t *describe(const struct bus_topic *topic)
{
        char text[256], number[24];
        /* -1: the broker's own replication factor */
        rd_kafka_NewTopic_t *made = rd_kafka_NewTopic_new(topic->name, topic->partitions, -1, text, sizeof(text));

        if (made && topic->compacted)
                (void)rd_kafka_NewTopic_set_config(made, "cleanup.policy", "compact");
        if (made && topic->retention_ms > 0) {
                (void)snprintf(number, sizeof(number), "%lld", (long long)topic->retention_ms);
                (void)rd_kafka_NewTopic_set_config(made, "retention.ms", number);
        }
        return made;
}

/* The embedded broker names a controller that is none of its brokers. */
static bool has_controller(rd_kafka_t *client, int timeout_ms)
{
        int32_t controller = rd_kafka_controllerid(client, CONTROLLER_MS);
        const struct rd_kafka_metadata *answer = NULL;
        bool found = false;

        if (controller < 0 || rd_kafka_metadata(client, 0, NULL, &answer, timeout_ms))
                return false;
        for (int i = 0; i < answer->broker_cnt; i++)
                found = found || answer->brokers[i].id == controller;
        rd_kafka_metadata_destroy(answer);
        return found;
}

/* Whoever made it first, the count afterwards decides. */
static rd_kafka_resp_err_t create(rd_kafka_t *client, rd_kafka_NewTopic_t *wanted, int timeout_ms)
{
        rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
        rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
        rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
        rd_kafka_event_t *event;

        (void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
        rd_kafka_CreateTopics(client, &wanted, 1, options, queue);
        event = rd_kafka_queue_poll(queue, timeout_ms + 1000);
        if (event) {
                code = rd_kafka_event_error(event);
                rd_kafka_event_destroy(event);
        }
        rd_kafka_queue_destroy(queue);
        rd_kafka_AdminOptions_destroy(options);
        return code;
}

static enum err make_topic(rd_kafka_t *client, const struct bus_topic *topic, int timeout_ms)
{
        rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
        rd_kafka_NewTopic_t *wanted = describe(topic);

        if (!wanted)
                return ERR_INVALID;
        if (has_controller(client, timeout_ms))
                code = create(client, wanted, timeout_ms);
        rd_kafka_NewTopic_destroy(wanted);
        if (code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
                make_by_asking(client, topic->name, timeout_ms);
        log_debug(NULL, "bus.topic", "asked for a topic", LOG_STR("vr.topic", topic->name),
                  LOG_STR("vr.code", rd_kafka_err2name(code)));
        return ERR_OK;
}

static enum err ensure(rd_kafka_t *client, const struct bus_topic *topics, size_t count, int timeout_ms)
{
        int64_t until_ms = clock_mono_ms() + timeout_ms;
        struct timespec pause = {.tv_nsec = WAIT_FOR_TOPICS_MS * 1000000L};
        int partitions[LIMIT_BUS_TOPICS];

        for (bool first = true;; first = false) {
                int left_ms = (int)(until_ms - clock_mono_ms());
                bool complete = true;
                enum err err = count_partitions(client, topics, count, left_ms, partitions);

                for (size_t i = 0; !err && i < count; i++) {
                        if (partitions[i] > 0)
                                continue;
                        complete = false;
                        if (first)
                                err = make_topic(client, &topics[i], left_ms);
                }
                if (err)
                        return err;
                if (complete)
                        break;
                nanosleep(&pause, NULL);
        }
        for (size_t i = 0; i < count; i++)
                if (partitions[i] < topics[i].partitions) { /* more is fine: the platform team has grown it */
                        (void)fprintf(stderr, "Kafka topic %s has %d partitions, %d are needed\n", topics[i].name,
                                      partitions[i], topics[i].partitions);
                        return ERR_INVALID;
                }
        return ERR_OK;
}

enum err bus_ensure_topics(const struct bus_config *config, const struct bus_topic *topics, size_t count,
                           int timeout_ms)
{
        rd_kafka_t *client = NULL;
        enum err err = count > LIMIT_BUS_TOPICS ? ERR_FULL : open_asker(config, &client);

        if (err)
                return err;
        err = ensure(client, topics, count, timeout_ms);
        rd_kafka_destroy(client);
        return err;
}
