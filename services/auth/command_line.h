/* `vr-auth editor …`, `vr-auth audit …` parsed: which command, on which editor, with which flags. */
#ifndef VR_AUTH_COMMAND_LINE_H
#define VR_AUTH_COMMAND_LINE_H

#include <stdbool.h>

#include "common/base/arena.h"
#include "common/base/err.h"

enum command_flag {
        FLAG_NAME,
        FLAG_CLIENT_ID,
        FLAG_CLIENT_SECRET_FILE,
        FLAG_WEBHOOK_URL,
        FLAG_WEBHOOK_SECRET_FILE,
        FLAG_RETURN_URL,
        FLAG_RETRY_SCHEDULE,
        FLAG_OVERLAP,
        FLAG_EDITOR,
        FLAG_SINCE,
        FLAG_COUNT,
};

struct command_line {
        const char *command;
        const char *editor;            /* NULL: the command takes none */
        const char *flags[FLAG_COUNT]; /* NULL: not given */
};

/* What a command takes. */
struct command_syntax {
        const char *command;
        bool editor;
        unsigned flags; /* bits 1 << FLAG_… */
};

/* Flags may stand before or after EDITOR, as `--flag value` or `--flag=value`; `--` ends them. ERR_INVALID: `ret_problem`. */
MUST_CHECK enum err command_line_parse(struct arena *arena, const struct command_syntax *syntax, int argc, char **argv,
                                       struct command_line *ret_line, const char **ret_problem);

#endif
