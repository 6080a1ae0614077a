#include "common/app/event.h"

#include <string.h>

#include "common/base/str.h"
#include "tests/support/unit.h"

static const struct event sample = {.id = "0190-x",
                                    .source = "/voie-rapide/market",
                                    .type = "market.completed",
                                    .subject = "VR-2024-A1B2C3D4E5F6",
                                    .topic = TOPIC_MARKET,
                                    .time_ms = 1718461845123,
                                    .data = "{\"é\":1}",
                                    .data_length = 8};

static const char *header(const struct bus_message *message, const char *name)
{
        for (size_t i = 0; i < message->header_count; i++)
                if (str_equal(message->headers[i].name, name))
                        return message->headers[i].value;
        return NULL;
}

static void set_header(struct bus_message *message, const char *name, const char *value)
{
        for (size_t i = 0; i < message->header_count; i++)
                if (str_equal(message->headers[i].name, name))
                        message->headers[i].value = value;
}

static struct bus_message message_of(struct arena *arena)
{
        struct bus_message message = {0};

        CHECK_INT(event_to_message(arena, &sample, &message), ERR_OK);
        return message;
}

static void attributes_are_headers_and_the_value_is_plain(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct bus_message message = message_of(arena);

        CHECK_TEXT(message.topic, "voie-rapide.market.v1");
        CHECK_TEXT(message.key, "VR-2024-A1B2C3D4E5F6");
        CHECK_TEXT(message.value, "{\"é\":1}");
        CHECK_TEXT(header(&message, "ce_specversion"), "1.0");
        CHECK_TEXT(header(&message, "ce_id"), "0190-x");
        CHECK_TEXT(header(&message, "ce_source"), "/voie-rapide/market");
        CHECK_TEXT(header(&message, "ce_type"), "market.completed");
        CHECK_TEXT(header(&message, "ce_time"), "2024-06-15T14:30:45.123Z");
        CHECK_TEXT(header(&message, "ce_subject"), "VR-2024-A1B2C3D4E5F6");
        CHECK_TEXT(header(&message, "content-type"), "application/json");
        CHECK_TEXT(header(&message, "traceparent"), NULL);
}

static void what_goes_out_comes_back(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct bus_message message;
        struct event event = sample;
        const char *reason = NULL;

        event.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        CHECK_INT(event_to_message(arena, &event, &message), ERR_OK);
        event = (struct event){0};
        CHECK_INT(event_from_message(arena, &message, &event, &reason), ERR_OK);
        CHECK_TEXT(event.id, sample.id);
        CHECK_TEXT(event.source, sample.source);
        CHECK_TEXT(event.type, sample.type);
        CHECK_TEXT(event.subject, sample.subject);
        CHECK_TEXT(event.topic, sample.topic);
        CHECK_TEXT(event.data, sample.data);
        CHECK_INT(event.data_length, sample.data_length);
        CHECK_INT(event.time_ms, sample.time_ms);
        CHECK_TEXT(event.traceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        CHECK_TEXT(reason, NULL);
}

static void others_leave_the_subject_to_the_key(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct bus_message message = message_of(arena);
        struct event event = {0};
        const char *reason = NULL;

        set_header(&message, "ce_subject", NULL);
        set_header(&message, "ce_time", "2024-06-15T16:30:45+02:00");
        CHECK_INT(event_from_message(arena, &message, &event, &reason), ERR_OK);
        CHECK_TEXT(event.subject, "VR-2024-A1B2C3D4E5F6");
        CHECK_INT(event.time_ms, 1718461845000);
}

static void refuses_what_is_no_event(void)
{
        static const struct {
                const char *name, *value;
        } broken[] = {{"ce_specversion", "0.3"}, {"ce_specversion", NULL}, {"ce_id", NULL},         {"ce_id", ""},
                      {"ce_id", "a\nb"},         {"ce_source", NULL},      {"ce_type", "\xff"},     {"ce_type", NULL},
                      {"ce_time", NULL},         {"ce_time", "yesterday"}, {"ce_id", "a\x1b[31m b"}};
        AUTO(arena_freep) struct arena *arena = arena_new();

        for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
                struct bus_message message = message_of(arena);
                struct event event = {0};
                const char *reason = NULL;

                set_header(&message, broken[i].name, broken[i].value);
                CHECK_INT(event_from_message(arena, &message, &event, &reason), ERR_CORRUPT);
                CHECK(reason && strstr(reason, broken[i].name));
                CHECK(event.id == NULL);
        }
}

static void refuses_values_that_are_no_text(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct bus_message message = message_of(arena);
        struct event event = {0};
        const char *reason = NULL;

        message.value = NULL;
        message.length = 0;
        CHECK_INT(event_from_message(arena, &message, &event, &reason), ERR_CORRUPT);
        message.value = "{}\0";
        message.length = 3;
        CHECK_INT(event_from_message(arena, &message, &event, &reason), ERR_CORRUPT);
        message.value = "\xc3";
        message.length = 1;
        CHECK_INT(event_from_message(arena, &message, &event, &reason), ERR_CORRUPT);
        message = message_of(arena);
        message.headers[1].length = 100; /* ce_id, with a NUL in it */
        CHECK_INT(event_from_message(arena, &message, &event, &reason), ERR_CORRUPT);
}

static void never_sends_a_tombstone_or_half_an_event(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct bus_message message = {0};
        struct event event = sample;

        event.data_length = 0;
        CHECK_INT(event_to_message(arena, &event, &message), ERR_INVALID);
        event = sample;
        event.id = NULL;
        CHECK_INT(event_to_message(arena, &event, &message), ERR_INVALID);
        event = sample;
        event.data_length = LIMIT_EVENT_BYTES + 1;
        CHECK_INT(event_to_message(arena, &event, &message), ERR_TOO_LARGE);
        CHECK(message.topic == NULL);
}

static void the_topics_are_those_of_the_design(void)
{
        CHECK_INT(event_topic_count, 4);
        for (size_t i = 0; i < event_topic_count; i++) {
                CHECK_INT(event_topics[i].partitions, 12);
                CHECK_INT(event_topics[i].compacted, str_equal(event_topics[i].name, TOPIC_EDITOR));
        }
}

UNIT_TESTS(UNIT(attributes_are_headers_and_the_value_is_plain), UNIT(what_goes_out_comes_back),
           UNIT(others_leave_the_subject_to_the_key), UNIT(refuses_what_is_no_event),
           UNIT(refuses_values_that_are_no_text), UNIT(never_sends_a_tombstone_or_half_an_event),
           UNIT(the_topics_are_those_of_the_design))
