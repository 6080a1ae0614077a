#include "services/market/cursor_rules.h"

#include <string.h>

#include "common/base/attr.h"
#include "common/base/str.h"
#include "tests/support/unit.h"

static void comes_back_as_it_went(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        const struct cursor cursor = {.created_ms = INT64_C(1718461845123), .identifier = "VR-2024-A1B2C3D4E5F6"};
        struct cursor back = {0};

        CHECK_INT(cursor_parse(arena, cursor_text(arena, &cursor), &back), ERR_OK);
        CHECK_INT(back.created_ms, cursor.created_ms);
        CHECK_TEXT(back.identifier, cursor.identifier);
}

static void what_is_not_ours_is_refused(void)
{
        static const char *const plain[] = {"",
                                            ".",
                                            "1",
                                            "x.VR-2024-A1B2C3D4E5F6",
                                            "-1.VR-2024-A1B2C3D4E5F6",
                                            "1.VR-2024-A1B2C3D4E5F6.2",
                                            "1.' OR 1=1",
                                            "99999999999999999999.VR"};
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct cursor back = {0};

        for (size_t i = 0; i < ARRAY_LEN(plain); i++)
                CHECK_INT(cursor_parse(arena, str_hex(arena, plain[i], strlen(plain[i])), &back), ERR_BAD_REQUEST);
        CHECK_INT(cursor_parse(arena, "zz", &back), ERR_BAD_REQUEST);
        CHECK_INT(cursor_parse(arena, "abc", &back), ERR_BAD_REQUEST);
        CHECK_TEXT(back.identifier, NULL);
}

UNIT_TESTS(UNIT(comes_back_as_it_went), UNIT(what_is_not_ours_is_refused))
