#include "services/auth/editor_rules.h"

#include <string.h>

#include "tests/support/unit.h"

static const char *repeat(struct arena *arena, const char *text, int times)
{
        const char *all = "";

        for (int i = 0; i < times; i++)
                all = arena_printf(arena, "%s%s", all, text);
        return all;
}

static void counts_a_name_in_characters(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK(!editor_name_problem("Éditeur de démonstration"));
        CHECK(!editor_name_problem(repeat(arena, "é", 255)));
        CHECK_TEXT(editor_name_problem(repeat(arena, "é", 256)), "the name is longer than 255 characters");
        CHECK_TEXT(editor_name_problem(""), "the name is empty");
        CHECK_TEXT(editor_name_problem(" \t"), "the name is empty");
        CHECK_TEXT(editor_name_problem("a\nb"), "the name contains control characters");
        CHECK_TEXT(editor_name_problem("\xff"), "the name is not UTF-8");
}

static void takes_a_client_id_of_printable_ascii(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK(!editor_client_id_problem("demo-editor"));
        CHECK(!editor_client_id_problem("urn:client:42"));
        CHECK(!editor_client_id_problem(repeat(arena, "x", 128)));
        CHECK(editor_client_id_problem(repeat(arena, "x", 129)) != NULL);
        CHECK(editor_client_id_problem("") != NULL);
        CHECK(editor_client_id_problem("a b") != NULL);
        CHECK(editor_client_id_problem("é") != NULL);
}

static void takes_a_secret_of_printable_ascii(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK(!editor_secret_problem("correct horse battery staple"));
        CHECK(!editor_secret_problem(repeat(arena, "x", 256)));
        CHECK(editor_secret_problem(repeat(arena, "x", 257)) != NULL);
        CHECK(editor_secret_problem("") != NULL);
        CHECK(editor_secret_problem("a\tb") != NULL);
}

static void judges_return_urls(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        static const char *const good[] = {
                "https://editeur.example.fr/marches/{market_identifier}",
                "http://localhost:4567/retour?id={market_identifier}&x=1#y",
                "https://editeur.example.fr",
        };
        static const char *const bad[] = {
                "",
                "javascript://alert(1)",
                "ftp://editeur.example.fr/",
                "https://",
                "https:///chemin",
                "https://:80/",
                "https://user@host/",
                "https://{market_identifier}.example.fr/",
                "https://host/{other}",
                "https://host/{market_identifier}/{market_identifier}",
                "https://host/{",
                "https://host/a b",
                "https://host/\"onmouseover",
                "https://h\xc3\xa9te/",
        };

        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                if (editor_return_url_problem(good[i]))
                        unit_fail(__FILE__, __LINE__, "%s: %s", good[i], editor_return_url_problem(good[i]));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (!editor_return_url_problem(bad[i]))
                        unit_fail(__FILE__, __LINE__, "%s is taken", bad[i]);
        CHECK(editor_return_url_problem(arena_printf(arena, "https://h/%s", repeat(arena, "x", 2048))) != NULL);
}

static void reads_times_with_their_unit(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        int64_t seconds = -1;

        CHECK_INT(editor_duration_parse(arena, "0", 100, &seconds), ERR_OK);
        CHECK_INT(seconds, 0);
        CHECK_INT(editor_duration_parse(arena, "7d", OVERLAP_MAX_S, &seconds), ERR_OK);
        CHECK_INT(seconds, 7 * 86400);
        CHECK_INT(editor_duration_parse(arena, "24h", OVERLAP_MAX_S, &seconds), ERR_OK);
        CHECK_INT(seconds, 86400);
        CHECK_INT(editor_duration_parse(arena, "90d", OVERLAP_MAX_S, &seconds), ERR_OK);
        CHECK_INT(editor_duration_parse(arena, "91d", OVERLAP_MAX_S, &seconds), ERR_INVALID);
        CHECK_INT(editor_duration_parse(arena, "7", OVERLAP_MAX_S, &seconds), ERR_INVALID);
        CHECK_INT(editor_duration_parse(arena, "-1d", OVERLAP_MAX_S, &seconds), ERR_INVALID);
        CHECK_INT(editor_duration_parse(arena, "d", OVERLAP_MAX_S, &seconds), ERR_INVALID);
        CHECK_INT(editor_duration_parse(arena, "99999999999999999999d", OVERLAP_MAX_S, &seconds), ERR_INVALID);
}

static void keeps_a_schedule_in_seconds(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const char *schedule = NULL;

        CHECK_INT(editor_schedule_parse(arena, "5s, 30s,2m,1h,1d", &schedule), ERR_OK);
        CHECK_TEXT(schedule, "5,30,120,3600,86400");
        CHECK_INT(editor_schedule_parse(arena, "5s,,2m", &schedule), ERR_INVALID);
        CHECK_INT(editor_schedule_parse(arena, "0", &schedule), ERR_INVALID);
        CHECK_INT(editor_schedule_parse(arena, "8d", &schedule), ERR_INVALID);
        CHECK_INT(editor_schedule_parse(arena, "", &schedule), ERR_INVALID);
        CHECK_INT(editor_schedule_parse(arena, arena_printf(arena, "1s%s", repeat(arena, ",1s", 31)), &schedule),
                  ERR_OK);
        CHECK_INT(editor_schedule_parse(arena, arena_printf(arena, "1s%s", repeat(arena, ",1s", 32)), &schedule),
                  ERR_INVALID);
}

UNIT_TESTS(UNIT(counts_a_name_in_characters), UNIT(takes_a_client_id_of_printable_ascii),
           UNIT(takes_a_secret_of_printable_ascii), UNIT(judges_return_urls), UNIT(reads_times_with_their_unit),
           UNIT(keeps_a_schedule_in_seconds))
