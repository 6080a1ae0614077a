#include "services/webhook/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/str.h"
#include "services/webhook/command.h"

#define TIMEOUT_MS 5000

static enum err migrate_only(struct run *run)
{
        (void)run; /* it is done before every command */
        return ERR_OK;
}

static const struct command {
        const char *name, *verb; /* verb NULL: none */
        int min_args, max_args;
        const char *flags; /* it takes: " --state --since " */
        bool database;
        command_act act;
} commands[] = {
        {"migrate", NULL, 0, 0, "", true, migrate_only},
        {"endpoints", "list", 0, 0, "", true, command_list_endpoints},
        {"endpoints", "enable", 1, 1, "", true, command_enable_endpoint},
        {"deliveries", "list", 0, 1, " --state ", true, command_list_deliveries},
        {"deliveries", "show", 1, 1, "", true, command_show_delivery},
        {"deliveries", "replay", 0, 1, " --failed --since ", true, command_replay},
        {"secrets", "reencrypt", 0, 0, "", true, command_reencrypt},
        {"simulate", NULL, 0, 0, " --schedule --jitter --outcome ", false, command_simulate},
        {"doctor", NULL, 0, 0, " --overdue ", true, command_doctor},
};

enum err command_fails(struct run *run, enum err err, const char *complaint)
{
        run->complaint = complaint;
        return err;
}

static const struct command *find(int argc, char **argv, int *ret_used)
{
        for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
                const struct command *command = &commands[i];
                int used = command->verb ? 2 : 1;

                if (argc < used || !str_equal(argv[0], command->name) ||
                    (command->verb && !str_equal(argv[1], command->verb)))
                        continue;
                *ret_used = used;
                return command;
        }
        return NULL;
}

/* Where a flag's value goes; NULL: no such flag. */
static const char **place_of(struct run *run, const char *flag)
{
        const struct {
                const char *name;
                const char **place;
        } flags[] = {{"--state", &run->state},       {"--since", &run->since},   {"--overdue", &run->overdue},
                     {"--schedule", &run->schedule}, {"--jitter", &run->jitter}, {"--outcome", &run->outcome}};

        for (size_t i = 0; i < ARRAY_LEN(flags); i++)
                if (str_equal(flags[i].name, flag))
                        return flags[i].place;
        return NULL;
}

static bool takes(const struct run *run, const struct command *command, const char *flag)
{
        return strstr(command->flags, arena_printf(run->arena, " %s ", flag)) != NULL;
}

static enum err read_line(struct run *run, const struct command *command, int argc, char **argv)
{
        int args = 0;

        for (int i = 0; i < argc; i++) {
                const char **place = place_of(run, argv[i]);

                if (!str_starts_with(argv[i], "--")) {
                        run->argument = argv[i];
                        args++;
                        continue;
                }
                if (!takes(run, command, argv[i]))
                        return command_fails(run, ERR_INVALID, "a flag that this command does not take");
                if (!place) {
                        run->failed = true;
                        continue;
                }
                if (i + 1 == argc)
                        return command_fails(run, ERR_INVALID, "a flag without its value");
                *place = argv[++i];
        }
        if (args < command->min_args || args > command->max_args)
                return command_fails(run, ERR_INVALID, "too few or too many arguments");
        return ERR_OK;
}

static enum err act(struct run *run, const struct command *command)
{
        const struct db_config config = {.url = run->settings->database_url, .readers = 1, .timeout_ms = TIMEOUT_MS};
        enum err err;

        if (!command->database)
                return command->act(run);
        err = db_open(&config, &run->db);
        if (!err)
                err = db_migrate(run->db, webhook_migrations);
        if (!err)
                err = command->act(run);
        db_close(run->db);
        return err;
}

static int status_of(const struct command *command, enum err err)
{
        if (err == ERR_INVALID)
                return EXIT_USAGE;
        return command->act == command_doctor ? EXIT_BLIND : EXIT_FAILURE;
}

int webhook_command(const struct webhook_settings *settings, int argc, char **argv)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct run run = {.settings = settings, .arena = arena, .status = EXIT_SUCCESS};
        int used = 0;
        const struct command *command = find(argc, argv, &used);
        enum err err;

        if (!command) {
                fprintf(stderr, "vr-webhook: unknown command; see --help\n");
                return EXIT_USAGE;
        }
        err = read_line(&run, command, argc - used, argv + used);
        if (!err)
                err = act(&run, command);
        if (err) {
                fprintf(stderr, "vr-webhook: %s: %s\n", run.argument ? run.argument : argv[0],
                        run.complaint ? run.complaint : err_name(err));
                run.status = status_of(command, err);
        } else if (run.out.length > 0) {
                puts(buf_text(&run.out));
        }
        buf_done(&run.out);
        return run.status;
}
