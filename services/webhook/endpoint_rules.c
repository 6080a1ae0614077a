#include "services/webhook/endpoint_rules.h"

#include "common/base/str.h"

enum endpoint_verdict endpoint_judge(const struct endpoint *endpoint, const char **ret_words)
{
        const char *words = NULL;
        enum endpoint_verdict verdict = ENDPOINT_SEND;

        if (!endpoint->known) {
                verdict = ENDPOINT_UNKNOWN;
                words = "the editor's endpoint is not known";
        } else if (endpoint->removed) {
                verdict = ENDPOINT_MISSING;
                words = "the editor was removed";
        } else if (!endpoint->url) {
                verdict = ENDPOINT_MISSING;
                words = "no webhook URL is registered";
        } else if (!endpoint->secret) {
                verdict = ENDPOINT_MISSING; /* unsigned, it would prove nothing */
                words = "no webhook secret is registered";
        } else if (!endpoint->active || !endpoint->authorized) {
                verdict = ENDPOINT_DISABLED;
                words = "the editor is not authorized or active";
        } else if (endpoint->disabled_at_ms) {
                verdict = ENDPOINT_DISABLED;
                words = "the endpoint is switched off since it answered 410, until it is enabled again or gets a new "
                        "URL";
        }
        *ret_words = words;
        return verdict;
}

bool endpoint_in_overlap(const struct endpoint *endpoint, int64_t now_ms)
{
        return endpoint->old_secret && endpoint->old_secret_expires_ms > now_ms;
}

bool endpoint_update(const struct endpoint *before, struct endpoint *next)
{
        if (before->known && (before->removed || before->version >= next->version))
                return false;
        next->known = true;
        next->disabled_at_ms = before->known && str_equal(before->url, next->url) ? before->disabled_at_ms : 0;
        return true;
}
