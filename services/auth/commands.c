#include "services/auth/commands.h"

#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "services/auth/editor_commands.h"
#include "version.h"

#define DB_TIMEOUT_MS 5000

const char auth_commands_usage[] =
        "  migrate                            bring the database's schema up to date, and exit\n"
        "  editor create --name N [--client-id I] [--client-secret-file F] [--webhook-url U]\n"
        "                [--webhook-secret-file F] [--return-url R]\n"
        "                                     add an editor; prints its secrets, this once\n"
        "  editor list                        all of them\n"
        "  editor show EDITOR                 one; EDITOR is its id or its client id\n"
        "  editor update EDITOR [--name N] [--webhook-url U] [--return-url R] [--retry-schedule 5s,30s,2m]\n"
        "                                     an empty value removes a URL, or returns to the usual schedule\n"
        "  editor activate|deactivate EDITOR  switch it on or off; off ends its tokens\n"
        "  editor authorize|deauthorize EDITOR\n"
        "                                     let it use the API or not; not ends its tokens\n"
        "  editor revoke-tokens EDITOR        end all its tokens\n"
        "  editor rotate-secret EDITOR [--overlap 7d]\n"
        "                                     new client secret; the old one stays good that long, 0: not at all\n"
        "  editor rotate-webhook-secret EDITOR [--overlap 24h]\n"
        "                                     new webhook secret, likewise\n"
        "  editor remove EDITOR               for good; ends its tokens, and its webhooks\n"
        "  audit list [--editor EDITOR] [--since 7d]\n"
        "                                     changes and refused credentials, oldest first; since: a time ago, or a\n"
        "                                     moment as 2026-01-31T00:00:00Z";

#define BIT(flag) (1u << (flag))

static const struct {
        const char *group;
        struct command_syntax syntax;
        int (*run)(struct cli *cli);
} commands[] = {
        {"editor",
         {"create", false,
          BIT(FLAG_NAME) | BIT(FLAG_CLIENT_ID) | BIT(FLAG_CLIENT_SECRET_FILE) | BIT(FLAG_WEBHOOK_URL) |
                  BIT(FLAG_WEBHOOK_SECRET_FILE) | BIT(FLAG_RETURN_URL)},
         cli_create},
        {"editor", {"list", false, 0}, cli_list},
        {"editor", {"show", true, 0}, cli_show},
        {"editor",
         {"update", true, BIT(FLAG_NAME) | BIT(FLAG_WEBHOOK_URL) | BIT(FLAG_RETURN_URL) | BIT(FLAG_RETRY_SCHEDULE)},
         cli_update},
        {"editor", {"activate", true, 0}, cli_activate},
        {"editor", {"deactivate", true, 0}, cli_deactivate},
        {"editor", {"authorize", true, 0}, cli_authorize},
        {"editor", {"deauthorize", true, 0}, cli_deauthorize},
        {"editor", {"revoke-tokens", true, 0}, cli_revoke_tokens},
        {"editor", {"rotate-secret", true, BIT(FLAG_OVERLAP)}, cli_rotate_secret},
        {"editor", {"rotate-webhook-secret", true, BIT(FLAG_OVERLAP)}, cli_rotate_webhook_secret},
        {"editor", {"remove", true, 0}, cli_remove},
        {"audit", {"list", false, BIT(FLAG_EDITOR) | BIT(FLAG_SINCE)}, cli_audit_list},
};

int cli_fail(int status, const char *format, ...)
{
        va_list arguments;

        fprintf(stderr, "vr-auth: ");
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fprintf(stderr, "\n");
        return status;
}

/* Opened and brought up to date: an operator may come before the service's first start. */
static int open_database(const struct auth_settings *settings, struct db **ret_db)
{
        const struct db_config config = {.url = settings->database_url, .readers = 1, .timeout_ms = DB_TIMEOUT_MS};
        enum err err = db_open(&config, ret_db);

        if (err)
                return cli_fail(EXIT_FAILURE, "the database (VR_DATABASE_URL) can't be opened: %s", err_name(err));
        err = db_migrate(*ret_db, auth_migrations);
        if (err == ERR_CORRUPT)
                return cli_fail(EXIT_FAILURE, "the database's schema is not one that this version knows");
        if (err)
                return cli_fail(EXIT_FAILURE, "the database's schema can't be brought up to date: %s", err_name(err));
        return EXIT_SUCCESS;
}

static const char *who(struct arena *arena)
{
        const struct passwd *user = getpwuid(getuid());

        return user ? arena_printf(arena, "cli/%s", user->pw_name) : arena_printf(arena, "cli/%u", getuid());
}

static int run(const struct auth_settings *settings, size_t command, int argc, char **argv)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct cli cli = {.settings = settings, .arena = arena};
        const char *problem = NULL;
        int status;

        if (command_line_parse(arena, &commands[command].syntax, argc, argv, &cli.line, &problem))
                return cli_fail(EXIT_USAGE, "%s; see vr-auth --help", problem);
        status = open_database(settings, &cli.db);
        if (status == EXIT_SUCCESS) {
                cli.change = (struct editor_change){
                        .db = cli.db, .arena = arena, .who = who(arena), .now_ms = clock_wall_ms()};
                status = commands[command].run(&cli);
        }
        db_close(cli.db);
        return status;
}

static int grouped_command(const struct auth_settings *settings, const char *group, int argc, char **argv)
{
        if (argc == 0)
                return cli_fail(EXIT_USAGE, "%s wants a command; see vr-auth --help", group);
        if (str_equal(argv[0], "--help") || str_equal(argv[0], "help")) {
                printf("%s\n", auth_commands_usage);
                return EXIT_SUCCESS;
        }
        for (size_t i = 0; i < ARRAY_LEN(commands); i++)
                if (str_equal(group, commands[i].group) && str_equal(argv[0], commands[i].syntax.command))
                        return run(settings, i, argc - 1, argv + 1);
        return cli_fail(EXIT_USAGE, "there is no command \"%s %s\"; see vr-auth --help", group, argv[0]);
}

static int migrate(const struct auth_settings *settings)
{
        struct db *db = NULL;
        int status = open_database(settings, &db);

        db_close(db);
        return status;
}

int auth_command(const struct auth_settings *settings, int argc, char **argv)
{
        const struct sigaction ignore = {.sa_handler = SIG_IGN};

        /* stdout is for the result alone */
        log_init("vr-auth", VR_VERSION, LOG_LEVEL_ERROR, LOG_FORMAT_JSON);
        (void)sigaction(SIGPIPE, &ignore, NULL);
        if (str_equal(argv[0], "migrate") && argc == 1)
                return migrate(settings);
        if (str_equal(argv[0], "editor") || str_equal(argv[0], "audit"))
                return grouped_command(settings, argv[0], argc - 1, argv + 1);
        return cli_fail(EXIT_USAGE, "there is no command \"%s\"; see vr-auth --help", argv[0]);
}
