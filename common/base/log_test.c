#include "common/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "common/base/utf8.h"
#include "tests/support/unit.h"

static char line[4 * LIMIT_LOG_LINE_BYTES];
static int saved_stdout, captured;

static void capture(void)
{
        fflush(stdout);
        saved_stdout = dup(STDOUT_FILENO);
        captured = memfd_create("log", 0);
        dup2(captured, STDOUT_FILENO);
}

/* What was written since capture(), less the time, which is checked for its form. */
static const char *release(void)
{
        ssize_t length = pread(captured, line, sizeof(line) - 1, 0);

        line[length > 0 ? length : 0] = '\0';
        dup2(saved_stdout, STDOUT_FILENO);
        close(saved_stdout);
        close(captured);
        return line;
}

#define HEAD_BYTES (sizeof("{\"@timestamp\":\"2024-06-15T14:30:45.123Z\",") - 1)

static const char *less_time(const char *text)
{
        CHECK(strncmp(text, "{\"@timestamp\":\"20", 17) == 0);
        CHECK(strlen(text) > HEAD_BYTES && strncmp(text + HEAD_BYTES - 3, "Z\",", 3) == 0);
        return text + (strlen(text) > HEAD_BYTES ? HEAD_BYTES : 0);
}

static void before_the_start_it_is_info_of_nobody(void)
{
        CHECK(log_enabled(LOG_LEVEL_INFO));
        CHECK(!log_enabled(LOG_LEVEL_DEBUG));
        capture();
        log_info(NULL, "a.b", "hello");
        CHECK_TEXT(less_time(release()), "\"log.level\":\"info\",\"service.name\":\"-\",\"service.version\":\"-\","
                                         "\"event.action\":\"a.b\",\"message\":\"hello\"}\n");
}

static void a_line_has_the_agreed_keys(void)
{
        const struct log_ctx ctx = {
                .request_id = "r-1",
                .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                .market = "VR-2024-A1B2C3D4E5F6",
                .editor = "ed-1",
                .event_id = "ev-1",
        };

        log_init("market", "1.2.3", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        capture();
        log_warn(&ctx, "market.created", "market created", LOG_STR("vr.market_name", "Marché \"A\"\n"),
                 LOG_INT("http.response.status_code", 201), LOG_ERR(ERR_TIMEOUT), LOG_DETAIL("slow"),
                 LOG_STR("absent", NULL));
        CHECK_TEXT(less_time(release()),
                   "\"log.level\":\"warn\",\"service.name\":\"market\",\"service.version\":\"1.2.3\","
                   "\"event.action\":\"market.created\",\"message\":\"market created\",\"http.request.id\":\"r-1\","
                   "\"trace.id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"vr.market\":\"VR-2024-A1B2C3D4E5F6\","
                   "\"vr.editor\":\"ed-1\",\"vr.event\":\"ev-1\",\"vr.market_name\":\"Marché \\\"A\\\"\\n\","
                   "\"http.response.status_code\":201,\"error.type\":\"ERR_TIMEOUT\",\"error.message\":\"slow\"}\n");
}

static void levels_below_are_not_written(void)
{
        log_init("market", "1", LOG_LEVEL_WARN, LOG_FORMAT_JSON);
        capture();
        log_debug(NULL, "a", "b");
        log_info(NULL, "a", "b");
        CHECK_TEXT(release(), "");
        CHECK(!log_enabled(LOG_LEVEL_INFO));
        CHECK(log_enabled(LOG_LEVEL_ERROR));
}

/* One line, within the limit, UTF-8, that ends as an object does. */
static void check_whole(const char *text)
{
        size_t length = strlen(text);

        CHECK(length < LIMIT_LOG_LINE_BYTES);
        CHECK(utf8_valid(text, length));
        CHECK(length > 2 && strcmp(text + length - 2, "}\n") == 0);
        CHECK(strchr(text, '\n') == text + length - 1);
}

static void ill_formed_text_is_replaced(void)
{
        log_init("market", "1", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
        capture();
        log_info(NULL, "a", "bad \xFF\xC3 text", LOG_STR("k", "\xED\xA0\x80"));
        check_whole(release());
        CHECK(strstr(line, "\"message\":\"bad \xEF\xBF\xBD\xEF\xBF\xBD text\"") != NULL);
}

static void long_text_is_cut_between_characters(void)
{
        char *text = calloc(1, 100001);

        for (int i = 0; i < 50000; i++)
                memcpy(text + 2 * i, "é", 2);
        text[0] = 'a';
        text[1] = 'b';
        text[2] = 'c'; /* an odd start, so that the cut would fall within a character */
        memmove(text + 3, text + 4, 99997);
        capture();
        log_info(NULL, "a", text, LOG_STR("k", text), LOG_INT("after", 1));
        check_whole(release());
        CHECK(strlen(line) > 8000);
        CHECK(strstr(line, "\xEF\xBF\xBD") == NULL);
        CHECK(strstr(line, ",\"after\":1,\"vr.log_cut\":true}\n") != NULL);
        free(text);
}

static void text_that_grows_by_escaping_is_cut_until_it_fits(void)
{
        char text[4097] = "";

        memset(text, 1, 4096); /* six bytes each when escaped */
        capture();
        log_info(NULL, "a", "b", LOG_STR("k", text), LOG_STR("l", text), LOG_STR("m", text), LOG_STR("n", text),
                 LOG_INT("after", 1));
        check_whole(release());
        CHECK(strstr(line, "\"k\":\"\\u0001") != NULL);
        CHECK(strstr(line, "\"vr.log_cut\":true") != NULL);
}

static void more_fields_than_fit_are_left_out(void)
{
        struct log_field fields[2000] = {0};

        for (size_t i = 0; i + 1 < ARRAY_LEN(fields); i++)
                fields[i] = i > 10 ? LOG_INT("a.number", (int64_t)i) : LOG_STR("a.text", "twenty bytes of text");
        capture();
        log_write(LOG_LEVEL_INFO, NULL, "a", "b", fields);
        check_whole(release());
        CHECK(strlen(line) > LIMIT_LOG_LINE_BYTES - 100);
        CHECK(strstr(line, ",\"vr.log_cut\":true}\n") != NULL);
}

static void pretty_is_for_people(void)
{
        log_init("market", "1", LOG_LEVEL_DEBUG, LOG_FORMAT_PRETTY);
        capture();
        log_debug(&(struct log_ctx){.market = "VR-1"}, "a.b", "it \033[31mworks\n\xFF", LOG_INT("n", 3));
        release();
        CHECK(strlen(line) > 13 && line[2] == ':' && line[8] == '.');
        CHECK_TEXT(line + 12, " debug market: it \\x1b[31mworks\\x0a\xEF\xBF\xBD action=a.b vr.market=VR-1 n=3\n");
        log_init("market", "1", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
}

static void a_short_traceparent_is_left_out(void)
{
        capture();
        log_info(&(struct log_ctx){.traceparent = "00-4bf9"}, "a", "b");
        CHECK(strstr(release(), "trace.id") == NULL);
}

static void errno_survives(void)
{
        capture();
        errno = ENOENT;
        log_info(NULL, "a", "b");
        CHECK_INT(errno, ENOENT);
        release();
}

UNIT_TESTS(UNIT(before_the_start_it_is_info_of_nobody), UNIT(a_line_has_the_agreed_keys),
           UNIT(levels_below_are_not_written), UNIT(ill_formed_text_is_replaced),
           UNIT(long_text_is_cut_between_characters), UNIT(text_that_grows_by_escaping_is_cut_until_it_fits),
           UNIT(more_fields_than_fit_are_left_out), UNIT(pretty_is_for_people), UNIT(a_short_traceparent_is_left_out),
           UNIT(errno_survives))
