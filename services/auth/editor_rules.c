#include "services/auth/editor_rules.h"

#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/base/utf8.h"

/* `first` to '~' of ASCII. */
static bool is_ascii_from(char first, const char *text)
{
        for (; *text; text++)
                if (*text < first || *text > '~')
                        return false;
        return true;
}

const char *editor_name_problem(const char *name)
{
        if (!utf8_valid(name, strlen(name)))
                return "the name is not UTF-8";
        if (utf8_is_blank(name))
                return "the name is empty";
        if (utf8_has_control(name))
                return "the name contains control characters";
        if (utf8_length(name) > LIMIT_NAME_CHARS)
                return "the name is longer than 255 characters";
        return NULL;
}

const char *editor_client_id_problem(const char *client_id)
{
        if (!*client_id || strlen(client_id) > CLIENT_ID_MAX_CHARS || !is_ascii_from('!', client_id))
                return "the client id must be 1 to 128 printable ASCII characters without spaces";
        return NULL;
}

const char *editor_secret_problem(const char *secret)
{
        if (!*secret || strlen(secret) > SECRET_MAX_BYTES || !is_ascii_from(' ', secret))
                return "the secret must be 1 to 256 printable ASCII characters";
        return NULL;
}

static bool braces_are_the_parameter(struct arena *arena, const char *url)
{
        const char *at = strstr(url, RETURN_URL_PARAMETER);
        const char *rest = url;

        if (at)
                rest = arena_printf(arena, "%.*s%s", (int)(at - url), url, at + strlen(RETURN_URL_PARAMETER));
        return strpbrk(rest, "{}") == NULL;
}

const char *editor_return_url_problem(const char *url)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const char *authority = strstr(url, "://");
        size_t length;

        if (strlen(url) > LIMIT_URL_BYTES)
                return "the return URL is longer than 2048 bytes";
        if (!is_ascii_from('!', url) || strpbrk(url, "\"<>\\^`|"))
                return "the return URL contains characters that must be percent-encoded";
        if (!str_starts_with(url, "https://") && !str_starts_with(url, "http://"))
                return "the return URL must begin with https:// or http://";
        authority += strlen("://");
        length = strcspn(authority, "/?#");
        if (length == 0 || authority[0] == ':')
                return "the return URL has no host";
        if (memchr(authority, '@', length) || memchr(authority, '{', length))
                return "the return URL must have a plain host, without user or parameter";
        if (!braces_are_the_parameter(arena, url))
                return "the only parameter of a return URL is {market_identifier}, once";
        return NULL;
}

enum err editor_duration_parse(struct arena *arena, const char *text, int64_t max_s, int64_t *ret_seconds)
{
        static const struct {
                const char *unit;
                int64_t seconds;
        } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
        size_t digits = strspn(text, "0123456789");
        int64_t count;

        if (str_equal(text, "0")) {
                *ret_seconds = 0;
                return ERR_OK;
        }
        for (size_t i = 0; i < ARRAY_LEN(units); i++) {
                if (!str_equal(text + digits, units[i].unit))
                        continue;
                if (str_to_i64(arena_strndup(arena, text, digits), 0, max_s / units[i].seconds, &count))
                        return ERR_INVALID;
                *ret_seconds = count * units[i].seconds;
                return ERR_OK;
        }
        return ERR_INVALID;
}

enum err editor_schedule_parse(struct arena *arena, const char *text, const char **ret_seconds)
{
        size_t count = 0;
        char **parts = str_split(arena, text, ',', &count);
        const char *schedule = "";

        if (count > LIMIT_WEBHOOK_RETRIES)
                return ERR_INVALID;
        for (size_t i = 0; i < count; i++) {
                int64_t seconds = 0;

                if (editor_duration_parse(arena, str_trim(arena, parts[i]), RETRY_DELAY_MAX_S, &seconds) || seconds < 1)
                        return ERR_INVALID;
                schedule = arena_printf(arena, "%s%s%lld", schedule, i ? "," : "", (long long)seconds);
        }
        *ret_seconds = schedule;
        return ERR_OK;
}
