#include "services/webhook/endpoint_rules.h"

#include "tests/support/unit.h"

static struct endpoint well(void)
{
        return (struct endpoint){.known = true,
                                 .version = 3,
                                 .active = true,
                                 .authorized = true,
                                 .url = "https://editeur.example.fr/webhooks",
                                 .secret = "k1.AAAA"};
}

static enum endpoint_verdict judge(struct endpoint endpoint)
{
        const char *words = "untouched";
        enum endpoint_verdict verdict = endpoint_judge(&endpoint, &words);

        CHECK((verdict == ENDPOINT_SEND) == (words == NULL));
        return verdict;
}

static void verdicts(void)
{
        struct endpoint e = well();

        CHECK_INT(judge(e), ENDPOINT_SEND);
        CHECK_INT(judge((struct endpoint){0}), ENDPOINT_UNKNOWN);
        e.url = NULL;
        CHECK_INT(judge(e), ENDPOINT_MISSING);
        e = well(), e.secret = NULL;
        CHECK_INT(judge(e), ENDPOINT_MISSING);
        e = well(), e.removed = true;
        CHECK_INT(judge(e), ENDPOINT_MISSING);
        e = well(), e.active = false;
        CHECK_INT(judge(e), ENDPOINT_DISABLED);
        e = well(), e.authorized = false;
        CHECK_INT(judge(e), ENDPOINT_DISABLED);
        e = well(), e.disabled_at_ms = 5;
        CHECK_INT(judge(e), ENDPOINT_DISABLED);
}

static void an_older_version_changes_nothing(void)
{
        struct endpoint before = well(), next = well();

        CHECK(!endpoint_update(&before, &next));
        next.version = 2;
        CHECK(!endpoint_update(&before, &next));
        next.version = 4;
        CHECK(endpoint_update(&before, &next));
}

static void a_new_url_enables_again(void)
{
        struct endpoint before = well(), next = well();

        before.disabled_at_ms = 77;
        next.version = 4;
        CHECK(endpoint_update(&before, &next));
        CHECK_INT(next.disabled_at_ms, 77);
        next.url = "https://editeur.example.fr/new";
        CHECK(endpoint_update(&before, &next));
        CHECK_INT(next.disabled_at_ms, 0);
}

static void a_removed_editor_stays_removed(void)
{
        struct endpoint before = well(), next = well();

        before.removed = true;
        next.version = 9;
        CHECK(!endpoint_update(&before, &next));
}

static void the_overlap_ends(void)
{
        struct endpoint e = well();

        CHECK(!endpoint_in_overlap(&e, 0));
        e.old_secret = "k1.BBBB";
        e.old_secret_expires_ms = 1000;
        CHECK(endpoint_in_overlap(&e, 999));
        CHECK(!endpoint_in_overlap(&e, 1000));
}

UNIT_TESTS(UNIT(verdicts), UNIT(an_older_version_changes_nothing), UNIT(a_new_url_enables_again),
           UNIT(a_removed_editor_stays_removed), UNIT(the_overlap_ends))
