#include "services/wizard/deployer_pages.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/limits.h"
#include "common/base/utf8.h"

static const char *const names[DEPLOYER_PAGE_COUNT] = {
        [DEPLOYER_ACCESSIBILITY] = "accessibilite.html",
        [DEPLOYER_LEGAL_NOTICE] = "mentions-legales.html",
        [DEPLOYER_PRIVACY] = "donnees-personnelles.html",
        [DEPLOYER_COOKIES] = "cookies.html",
};

static enum err broken(struct arena *arena, const char *path, const char *why, const char **ret_detail)
{
        *ret_detail = arena_printf(arena, "%s: %s", path, why);
        return ERR_INVALID;
}

static enum err read_page(struct arena *arena, FILE *file, const char *path, const char **ret_html,
                          const char **ret_detail)
{
        char *text = arena_alloc(arena, LIMIT_DEPLOYER_PAGE_BYTES + 1);
        size_t length = fread(text, 1, LIMIT_DEPLOYER_PAGE_BYTES + 1, file);

        if (ferror(file))
                return broken(arena, path, "it can't be read", ret_detail);
        if (length > LIMIT_DEPLOYER_PAGE_BYTES)
                return broken(arena, path, "it is longer than 64 KiB", ret_detail);
        if (!utf8_valid(text, length) || memchr(text, '\0', length))
                return broken(arena, path, "it is not UTF-8 text", ret_detail);
        text[length] = '\0';
        *ret_html = text;
        return ERR_OK;
}

static enum err load_page(struct arena *arena, const char *path, const char **ret_html, const char **ret_detail)
{
        FILE *file = fopen(path, "re");
        enum err err;

        if (!file && errno == ENOENT)
                return ERR_OK;
        if (!file)
                return broken(arena, path, strerror(errno), ret_detail);
        err = read_page(arena, file, path, ret_html, ret_detail);
        fclose(file);
        return err;
}

enum err deployer_pages_load(struct arena *arena, const char *folder, struct deployer_pages *ret_pages,
                             const char **ret_detail)
{
        struct deployer_pages pages = {0};
        struct stat there;

        if (*folder && (stat(folder, &there) || !S_ISDIR(there.st_mode)))
                return broken(arena, folder, "there is no such folder", ret_detail);
        for (int i = 0; *folder && i < DEPLOYER_PAGE_COUNT; i++) {
                enum err err =
                        load_page(arena, arena_printf(arena, "%s/%s", folder, names[i]), &pages.html[i], ret_detail);
                if (err)
                        return err;
        }
        *ret_pages = pages;
        return ERR_OK;
}
