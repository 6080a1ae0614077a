#include "services/auth/command_line.h"

#include <string.h>

#include "common/base/str.h"

static const char *const names[FLAG_COUNT] = {
        [FLAG_NAME] = "name",
        [FLAG_CLIENT_ID] = "client-id",
        [FLAG_CLIENT_SECRET_FILE] = "client-secret-file",
        [FLAG_WEBHOOK_URL] = "webhook-url",
        [FLAG_WEBHOOK_SECRET_FILE] = "webhook-secret-file",
        [FLAG_RETURN_URL] = "return-url",
        [FLAG_RETRY_SCHEDULE] = "retry-schedule",
        [FLAG_OVERLAP] = "overlap",
        [FLAG_EDITOR] = "editor",
        [FLAG_SINCE] = "since",
};

static enum err complain(const char *problem, const char **ret_problem)
{
        *ret_problem = problem;
        return ERR_INVALID;
}

/* FLAG_COUNT when the command knows none of that name. */
static size_t find_flag(const struct command_syntax *syntax, const char *text, size_t length)
{
        for (size_t i = 0; i < FLAG_COUNT; i++)
                if (syntax->flags & 1u << i && strlen(names[i]) == length && strncmp(names[i], text, length) == 0)
                        return i;
        return FLAG_COUNT;
}

/* At argv[*at]; moves on to the value when that stands apart. */
static enum err parse_flag(struct arena *arena, const struct command_syntax *syntax, int argc, char **argv, int *at,
                           struct command_line *line, const char **ret_problem)
{
        const char *text = argv[*at] + strlen("--");
        size_t length = strcspn(text, "="), flag = find_flag(syntax, text, length);
        const char *value = text[length] == '=' ? text + length + 1 : NULL;

        if (flag == FLAG_COUNT)
                return complain(arena_printf(arena, "%s does not know --%.*s", syntax->command, (int)length, text),
                                ret_problem);
        if (!value && *at + 1 == argc)
                return complain(arena_printf(arena, "--%s wants a value", names[flag]), ret_problem);
        if (line->flags[flag])
                return complain(arena_printf(arena, "--%s is given twice", names[flag]), ret_problem);
        line->flags[flag] = value ? value : argv[++*at];
        return ERR_OK;
}

static enum err take_editor(struct arena *arena, const struct command_syntax *syntax, const char *text,
                            struct command_line *line, const char **ret_problem)
{
        if (!syntax->editor || line->editor)
                return complain(arena_printf(arena, "%s does not expect \"%s\"", syntax->command, text), ret_problem);
        line->editor = text;
        return ERR_OK;
}

enum err command_line_parse(struct arena *arena, const struct command_syntax *syntax, int argc, char **argv,
                            struct command_line *ret_line, const char **ret_problem)
{
        struct command_line line = {.command = syntax->command};
        bool flags_end = false;

        for (int i = 0; i < argc; i++) {
                enum err err = ERR_OK;

                if (!flags_end && str_equal(argv[i], "--"))
                        flags_end = true;
                else if (!flags_end && str_starts_with(argv[i], "--"))
                        err = parse_flag(arena, syntax, argc, argv, &i, &line, ret_problem);
                else
                        err = take_editor(arena, syntax, argv[i], &line, ret_problem);
                if (err)
                        return err;
        }
        if (syntax->editor && (!line.editor || !*line.editor))
                return complain(arena_printf(arena, "%s wants an EDITOR: its id or its client id", syntax->command),
                                ret_problem);
        *ret_line = line;
        return ERR_OK;
}
