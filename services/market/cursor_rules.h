/* The place of a market in the list, newest first. Opaque to callers: only their own markets are ever looked for with it. */
#ifndef VR_MARKET_CURSOR_RULES_H
#define VR_MARKET_CURSOR_RULES_H

#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"

struct cursor {
        int64_t created_ms;
        const char *identifier;
};

char *cursor_text(struct arena *arena, const struct cursor *cursor);
/* ERR_BAD_REQUEST: not one of ours. */
MUST_CHECK enum err cursor_parse(struct arena *arena, const char *text, struct cursor *ret_cursor);

#endif
