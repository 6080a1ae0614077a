#include "services/webhook/outcome_rules.h"

#include <string.h>
#include <time.h>

#include "common/base/str.h"

struct rule {
        enum transport transport;
        int from, to; /* status, of answers */
        struct outcome outcome;
};

/* The first row that fits decides. */
static const struct rule rules[] = {
        {TRANSPORT_ANSWER, 200, 299, {"success", VERDICT_SUCCESS, false}},
        {TRANSPORT_ANSWER, 300, 399, {"http_3xx", VERDICT_RETRY, false}}, /* never followed */
        {TRANSPORT_ANSWER, 400, 401, {"http_4xx", VERDICT_FINAL, false}},
        {TRANSPORT_ANSWER, 403, 405, {"http_4xx", VERDICT_FINAL, false}},
        {TRANSPORT_ANSWER, 410, 410, {"http_4xx", VERDICT_GONE, false}},
        {TRANSPORT_ANSWER, 422, 422, {"http_4xx", VERDICT_FINAL, false}},
        {TRANSPORT_ANSWER, 408, 408, {"http_4xx", VERDICT_RETRY, true}},
        {TRANSPORT_ANSWER, 429, 429, {"http_4xx", VERDICT_RETRY, true, true}},
        {TRANSPORT_ANSWER, 400, 499, {"http_4xx", VERDICT_RETRY, false}},
        {TRANSPORT_ANSWER, 500, 599, {"http_5xx", VERDICT_RETRY, true}},
        {TRANSPORT_TIMEOUT, 0, 0, {"timeout", VERDICT_RETRY, true, true}},
        {TRANSPORT_CONNECT, 0, 0, {"connect", VERDICT_RETRY, true}},
        {TRANSPORT_TLS, 0, 0, {"tls", VERDICT_FINAL, true}},
        {TRANSPORT_BLOCKED, 0, 0, {"blocked", VERDICT_FINAL, false}},
};
/* All else: not HTTP, or a status that no class holds. */
static const struct outcome protocol_outcome = {"protocol", VERDICT_RETRY, true};

const char *const outcome_names[] = {
        "success", "http_3xx", "http_4xx", "http_5xx", "timeout", "connect", "tls", "protocol", "blocked", NULL,
};

const struct outcome *outcome_of(enum transport transport, int status)
{
        for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
                const struct rule *rule = &rules[i];

                if (rule->transport != transport)
                        continue;
                if (transport != TRANSPORT_ANSWER || (status >= rule->from && status <= rule->to))
                        return &rule->outcome;
        }
        return &protocol_outcome;
}

static const char *answer_error(struct arena *arena, int status)
{
        if (status >= 200 && status <= 299)
                return NULL;
        if (status >= 300 && status <= 399)
                return arena_printf(arena, "the endpoint answered %d: redirects are not followed", status);
        if (status == 410)
                return "the endpoint answered 410: it is switched off until it is enabled again or gets a new URL";
        return arena_printf(arena, "the endpoint answered %d", status);
}

const char *outcome_error(struct arena *arena, enum transport transport, int status, const char *detail,
                          int64_t timeout_ms)
{
        static const char *const sentences[] = {
                [TRANSPORT_CONNECT] = "no connection to the endpoint",
                [TRANSPORT_TLS] = "no secure connection (TLS) to the endpoint",
                [TRANSPORT_PROTOCOL] = "the endpoint's answer is not complete HTTP",
                [TRANSPORT_BLOCKED] = "the endpoint's address is not allowed",
        };

        if (transport == TRANSPORT_ANSWER)
                return answer_error(arena, status);
        if (transport == TRANSPORT_TIMEOUT)
                return arena_printf(arena, "the endpoint did not answer in time (%lld s in all)",
                                    (long long)(timeout_ms / 1000));
        if (!detail || !*detail)
                return sentences[transport];
        return arena_printf(arena, "%s: %s", sentences[transport], detail);
}

bool retry_due(const struct retry_policy *policy, int64_t schedule_pos, int64_t ended_ms, double dice,
               int64_t retry_after, int64_t *ret_due_ms)
{
        if (schedule_pos < 0 || (size_t)schedule_pos >= policy->count)
                return false;

        double factor = 1 + policy->jitter * (2 * dice - 1);
        int64_t delay = (int64_t)((double)policy->delays_ms[schedule_pos] * factor);

        *ret_due_ms = ended_ms + (retry_after > delay ? retry_after : delay);
        return true;
}

/* ---- Retry-After ---- */

static bool digit(char c)
{
        return c >= '0' && c <= '9';
}

static bool take_number(const char **at, int digits, int *ret_number)
{
        int number = 0;

        for (int i = 0; i < digits; i++, (*at)++) {
                if (!digit(**at))
                        return false;
                number = number * 10 + (**at - '0');
        }
        *ret_number = number;
        return true;
}

static bool take(const char **at, const char *text)
{
        if (!str_starts_with(*at, text))
                return false;
        *at += strlen(text);
        return true;
}

static bool take_month(const char **at, int *ret_month)
{
        static const char *const months[] = {
                "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        };

        for (size_t i = 0; i < ARRAY_LEN(months); i++) {
                if (!take(at, months[i]))
                        continue;
                *ret_month = (int)i;
                return true;
        }
        return false;
}

static bool take_clock(const char **at, struct tm *tm)
{
        return take_number(at, 2, &tm->tm_hour) && take(at, ":") && take_number(at, 2, &tm->tm_min) && take(at, ":") &&
               take_number(at, 2, &tm->tm_sec);
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool take_imf(const char *at, struct tm *tm)
{
        return take_number(&at, 2, &tm->tm_mday) && take(&at, " ") && take_month(&at, &tm->tm_mon) && take(&at, " ") &&
               take_number(&at, 4, &tm->tm_year) && take(&at, " ") && take_clock(&at, tm) && take(&at, " GMT") && !*at;
}

/* "06-Nov-94 08:49:37 GMT": a year more than 50 ahead is of the last century; no date that old matters here. */
static bool take_rfc850(const char *at, struct tm *tm)
{
        if (!take_number(&at, 2, &tm->tm_mday) || !take(&at, "-") || !take_month(&at, &tm->tm_mon) || !take(&at, "-") ||
            !take_number(&at, 2, &tm->tm_year) || !take(&at, " ") || !take_clock(&at, tm) || !take(&at, " GMT") || *at)
                return false;
        tm->tm_year += tm->tm_year >= 80 ? 1900 : 2000;
        return true;
}

/* "Nov  6 08:49:37 1994" */
static bool take_asctime(const char *at, struct tm *tm)
{
        if (!take_month(&at, &tm->tm_mon) || !take(&at, " "))
                return false;
        if (!take_number(&at, take(&at, " ") ? 1 : 2, &tm->tm_mday))
                return false;
        return take(&at, " ") && take_clock(&at, tm) && take(&at, " ") && take_number(&at, 4, &tm->tm_year) && !*at;
}

static bool http_date(const char *text, int64_t *ret_ms)
{
        const char *comma = strchr(text, ','), *space = strchr(text, ' ');
        struct tm tm = {0};
        bool read = comma && comma[1] == ' '
                            ? take_imf(comma + 2, &tm) || (tm = (struct tm){0}, take_rfc850(comma + 2, &tm))
                            : space && take_asctime(space + 1, &tm);

        if (!read || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60 || tm.tm_mday < 1 || tm.tm_mday > 31)
                return false;
        tm.tm_year -= 1900;
        *ret_ms = (int64_t)timegm(&tm) * 1000;
        return true;
}

static bool delta_seconds(const char *text, int64_t *ret_ms)
{
        int64_t seconds = 0;

        if (!digit(*text))
                return false;
        for (; digit(*text); text++)
                if (seconds <= LIMIT_WEBHOOK_RETRY_AFTER_S)
                        seconds = seconds * 10 + (*text - '0');
        if (*text)
                return false;
        *ret_ms = seconds * 1000;
        return true;
}

int64_t retry_after_ms(const char *value, int64_t now_ms)
{
        const int64_t most = LIMIT_WEBHOOK_RETRY_AFTER_S * 1000LL;
        int64_t date_ms, wait_ms;

        if (!value)
                return 0;
        if (!delta_seconds(value, &wait_ms)) {
                if (!http_date(value, &date_ms))
                        return 0;
                wait_ms = date_ms - now_ms;
        }
        if (wait_ms <= 0)
                return 0;
        return wait_ms < most ? wait_ms : most;
}
