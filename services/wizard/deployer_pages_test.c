#include "services/wizard/deployer_pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/limits.h"
#include "tests/support/unit.h"

struct place {
        struct arena *arena;
        char folder[32];
        const char *detail;
        struct deployer_pages pages;
};

static void place_open(struct place *place)
{
        place->arena = arena_new();
        strncpy(place->folder, "/tmp/vr-deployer-XXXXXX", sizeof(place->folder) - 1);
        CHECK(mkdtemp(place->folder) != NULL);
}

static const char *path_of(struct place *place, const char *name)
{
        return arena_printf(place->arena, "%s/%s", place->folder, name);
}

static void place_done(struct place *place)
{
        unlink(path_of(place, "cookies.html"));
        unlink(path_of(place, "accessibilite.html"));
        rmdir(place->folder);
        arena_free(place->arena);
}

static void write_page(struct place *place, const char *name, const char *text, size_t length)
{
        FILE *file = fopen(path_of(place, name), "w");

        CHECK(file && fwrite(text, 1, length, file) == length && fclose(file) == 0);
}

static enum err load(struct place *place)
{
        return deployer_pages_load(place->arena, place->folder, &place->pages, &place->detail);
}

static void without_a_folder_all_pages_are_ours(void)
{
        AUTO(place_done) struct place place = {0};

        place_open(&place);
        CHECK_INT(deployer_pages_load(place.arena, "", &place.pages, &place.detail), ERR_OK);
        CHECK(!place.pages.html[DEPLOYER_COOKIES]);
}

static void a_page_that_is_there_is_taken_the_others_are_ours(void)
{
        AUTO(place_done) struct place place = {0};
        const char *text = "<p>Cookies de la ville d’Évry</p>\n";

        place_open(&place);
        write_page(&place, "cookies.html", text, strlen(text));
        CHECK_INT(load(&place), ERR_OK);
        CHECK_TEXT(place.pages.html[DEPLOYER_COOKIES], text);
        CHECK(!place.pages.html[DEPLOYER_ACCESSIBILITY] && !place.pages.html[DEPLOYER_PRIVACY]);
}

static void a_page_that_is_no_text_or_too_long_is_refused_by_name(void)
{
        AUTO(place_done) struct place place = {0};
        char *text;

        place_open(&place);
        write_page(&place, "accessibilite.html", "\xff", 1);
        CHECK_INT(load(&place), ERR_INVALID);
        CHECK(place.detail && strstr(place.detail, "accessibilite.html: it is not UTF-8 text"));
        write_page(&place, "accessibilite.html", "a\0b", 3);
        CHECK_INT(load(&place), ERR_INVALID);

        text = arena_alloc(place.arena, LIMIT_DEPLOYER_PAGE_BYTES + 1);
        memset(text, 'a', LIMIT_DEPLOYER_PAGE_BYTES + 1);
        write_page(&place, "accessibilite.html", text, LIMIT_DEPLOYER_PAGE_BYTES);
        CHECK_INT(load(&place), ERR_OK);
        CHECK_INT(strlen(place.pages.html[DEPLOYER_ACCESSIBILITY]), LIMIT_DEPLOYER_PAGE_BYTES);
        write_page(&place, "accessibilite.html", text, LIMIT_DEPLOYER_PAGE_BYTES + 1);
        CHECK_INT(load(&place), ERR_INVALID);
        CHECK(strstr(place.detail, "longer than 64 KiB") != NULL);
}

static void a_folder_that_is_not_there_is_an_error(void)
{
        AUTO(place_done) struct place place = {0};

        place_open(&place);
        CHECK_INT(deployer_pages_load(place.arena, "/no/such/folder", &place.pages, &place.detail), ERR_INVALID);
        CHECK_TEXT(place.detail, "/no/such/folder: there is no such folder");
}

UNIT_TESTS(UNIT(without_a_folder_all_pages_are_ours), UNIT(a_page_that_is_there_is_taken_the_others_are_ours),
           UNIT(a_page_that_is_no_text_or_too_long_is_refused_by_name), UNIT(a_folder_that_is_not_there_is_an_error))
