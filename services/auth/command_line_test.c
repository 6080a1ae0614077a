#include "services/auth/command_line.h"

#include "tests/support/unit.h"

static const struct command_syntax update = {"update", true, 1u << FLAG_NAME | 1u << FLAG_WEBHOOK_URL};
static const struct command_syntax list = {"list", false, 0};

#define PARSE(syntax, ...)                                                                                       \
        command_line_parse(arena, &(syntax), (int)ARRAY_LEN(((char *[]){__VA_ARGS__})), (char *[]){__VA_ARGS__}, \
                           &line, &problem)

static void takes_flags_before_and_after_the_editor(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct command_line line = {0};
        const char *problem = NULL;

        CHECK_INT(PARSE(update, (char *)"--name", (char *)"N", (char *)"demo", (char *)"--webhook-url="), ERR_OK);
        CHECK_TEXT(line.command, "update");
        CHECK_TEXT(line.editor, "demo");
        CHECK_TEXT(line.flags[FLAG_NAME], "N");
        CHECK_TEXT(line.flags[FLAG_WEBHOOK_URL], "");
        CHECK(!line.flags[FLAG_RETURN_URL]);
        CHECK_INT(PARSE(update, (char *)"--", (char *)"--name"), ERR_OK);
        CHECK_TEXT(line.editor, "--name");
}

static void says_what_is_wrong(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct command_line line = {0};
        const char *problem = NULL;

        CHECK_INT(PARSE(update, (char *)"demo", (char *)"--colour=red"), ERR_INVALID);
        CHECK_TEXT(problem, "update does not know --colour");
        CHECK_INT(PARSE(update, (char *)"demo", (char *)"--overlap", (char *)"7d"), ERR_INVALID);
        CHECK_TEXT(problem, "update does not know --overlap");
        CHECK_INT(PARSE(update, (char *)"demo", (char *)"--name"), ERR_INVALID);
        CHECK_TEXT(problem, "--name wants a value");
        CHECK_INT(PARSE(update, (char *)"demo", (char *)"--name=a", (char *)"--name=b"), ERR_INVALID);
        CHECK_TEXT(problem, "--name is given twice");
        CHECK_INT(PARSE(update, (char *)"demo", (char *)"other"), ERR_INVALID);
        CHECK_TEXT(problem, "update does not expect \"other\"");
        CHECK_INT(PARSE(update, (char *)"--name=a"), ERR_INVALID);
        CHECK_TEXT(problem, "update wants an EDITOR: its id or its client id");
        CHECK_INT(PARSE(update, (char *)""), ERR_INVALID);
        CHECK_INT(PARSE(list, (char *)"demo"), ERR_INVALID);
        CHECK_TEXT(problem, "list does not expect \"demo\"");
}

UNIT_TESTS(UNIT(takes_flags_before_and_after_the_editor), UNIT(says_what_is_wrong))
