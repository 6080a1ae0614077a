#include "services/market/cursor_rules.h"

#include <inttypes.h>
#include <string.h>

#include "common/app/public_market.h"
#include "common/base/str.h"

#define SEPARATOR '.'

char *cursor_text(struct arena *arena, const struct cursor *cursor)
{
        const char *plain = arena_printf(arena, "%" PRId64 "%c%s", cursor->created_ms, SEPARATOR, cursor->identifier);

        return str_hex(arena, plain, strlen(plain));
}

enum err cursor_parse(struct arena *arena, const char *text, struct cursor *ret_cursor)
{
        unsigned char *bytes = NULL;
        size_t length = 0, count = 0;
        struct cursor cursor = {0};
        char **parts;

        if (str_unhex(arena, text, &bytes, &length))
                return ERR_BAD_REQUEST;
        parts = str_split(arena, arena_strndup(arena, (const char *)bytes, length), SEPARATOR, &count);
        if (count != 2 || str_to_i64(parts[0], 0, INT64_MAX, &cursor.created_ms) || !market_identifier_valid(parts[1]))
                return ERR_BAD_REQUEST;
        cursor.identifier = parts[1];
        *ret_cursor = cursor;
        return ERR_OK;
}
