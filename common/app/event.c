#include "common/app/event.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/base/utf8.h"

#define PARTITIONS     12
#define TEXT_MAX_BYTES 256 /* of an attribute */
#define DAY_MS         (24 * 3600 * 1000LL)

const struct bus_topic event_topics[] = {
        {.name = TOPIC_MARKET, .partitions = PARTITIONS, .retention_ms = 30 * DAY_MS},
        {.name = TOPIC_CONFIGURATION, .partitions = PARTITIONS, .retention_ms = 30 * DAY_MS},
        {.name = TOPIC_DELIVERY, .partitions = PARTITIONS, .retention_ms = 30 * DAY_MS},
        {.name = TOPIC_EDITOR, .partitions = PARTITIONS, .compacted = true},
};
const size_t event_topic_count = ARRAY_LEN(event_topics);

static void add(struct bus_message *message, const char *name, const char *value)
{
        message->headers[message->header_count++] = (struct bus_header){.name = name, .value = value};
}

enum err event_to_message(struct arena *arena, const struct event *event, struct bus_message *ret_message)
{
        struct bus_message message = {
                .topic = event->topic, .key = event->subject, .value = event->data, .length = event->data_length};

        if (!event->id || !event->source || !event->type || !event->subject || !event->topic || !event->data)
                return ERR_INVALID;
        if (event->data_length == 0) /* that would be a tombstone */
                return ERR_INVALID;
        if (event->data_length > LIMIT_EVENT_BYTES)
                return ERR_TOO_LARGE;
        add(&message, "ce_specversion", "1.0");
        add(&message, "ce_id", event->id);
        add(&message, "ce_source", event->source);
        add(&message, "ce_type", event->type);
        add(&message, "ce_time", clock_format_ms(event->time_ms, arena_alloc(arena, CLOCK_TEXT_MAX)));
        add(&message, "ce_subject", event->subject);
        add(&message, "content-type", "application/json");
        if (event->traceparent)
                add(&message, "traceparent", event->traceparent);
        *ret_message = message;
        return ERR_OK;
}

/* NULL when absent, or when it is no plain text of a sane size. */
static const char *header(const struct bus_message *message, const char *name)
{
        for (size_t i = 0; i < message->header_count; i++) {
                const struct bus_header *one = &message->headers[i];
                size_t length;

                if (!str_equal(one->name, name) || !one->value)
                        continue;
                length = strlen(one->value);
                if (length == 0 || length > TEXT_MAX_BYTES || (one->length && one->length != length) ||
                    !utf8_valid(one->value, length) || utf8_has_control(one->value))
                        return NULL;
                return one->value;
        }
        return NULL;
}

/* The milliseconds that clock_parse_iso8601 leaves out. */
static int64_t fraction_ms(const char *time)
{
        const char *dot = strchr(time, '.');
        int64_t ms = 0, unit = 100;

        for (const char *at = dot ? dot + 1 : ""; *at >= '0' && *at <= '9' && unit > 0; at++, unit /= 10)
                ms += (*at - '0') * unit;
        return ms;
}

static const char *why_unreadable(const struct bus_message *message, const struct event *event, const char *time)
{
        if (!str_equal(header(message, "ce_specversion"), "1.0"))
                return "ce_specversion is not 1.0";
        if (!event->id)
                return "ce_id is missing or malformed";
        if (!event->source)
                return "ce_source is missing or malformed";
        if (!event->type)
                return "ce_type is missing or malformed";
        if (!event->subject)
                return "ce_subject and the key are missing or malformed";
        if (!time)
                return "ce_time is missing or malformed";
        if (!message->value || message->length == 0)
                return "the value is empty";
        if (message->length > LIMIT_EVENT_BYTES)
                return "the value is too large";
        if (strlen(message->value) != message->length || !utf8_valid(message->value, message->length))
                return "the value is not text in UTF-8";
        return NULL;
}

static const char *key_text(const struct bus_message *message)
{
        const char *key = message->key;
        size_t length = key ? strlen(key) : 0;

        if (length == 0 || length > TEXT_MAX_BYTES || (message->key_length && message->key_length != length) ||
            !utf8_valid(key, length) || utf8_has_control(key))
                return NULL;
        return key;
}

enum err event_from_message(struct arena *arena, const struct bus_message *message, struct event *ret_event,
                            const char **ret_reason)
{
        struct event event = {.id = header(message, "ce_id"),
                              .source = header(message, "ce_source"),
                              .type = header(message, "ce_type"),
                              .subject = header(message, "ce_subject"),
                              .topic = message->topic,
                              .traceparent = header(message, "traceparent"),
                              .data = message->value,
                              .data_length = message->length};
        const char *time = header(message, "ce_time"), *reason;

        (void)arena; /* everything points into the message, which lives in one */
        if (!event.subject)
                event.subject = key_text(message);
        reason = why_unreadable(message, &event, time);
        if (!reason && clock_parse_iso8601(time, &event.time_ms))
                reason = "ce_time is no time";
        if (reason) {
                *ret_reason = reason;
                return ERR_CORRUPT;
        }
        event.time_ms += fraction_ms(time);
        *ret_event = event;
        return ERR_OK;
}
