#include "services/webhook/commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/str.h"
#include "services/webhook/webhook_store.h"

#define TIMEOUT_MS 5000
#define EXIT_USAGE 2

struct command {
        const char *name, *verb; /* verb NULL: none */
        int min_args, max_args;
        db_work work;
        bool writes;
};

struct run {
        struct arena *arena;
        const char *argument; /* may be NULL */
        struct buf out;
};

static void write_endpoint(struct json_write *w, const struct endpoint *e)
{
        const char *words = NULL;

        json_object(w, NULL);
        json_string(w, "editor_id", e->editor_id);
        json_string(w, "client_id", e->client_id);
        json_string(w, "name", e->name);
        json_string(w, "url", e->url);
        json_bool(w, "active", e->active);
        json_bool(w, "authorized", e->authorized);
        json_bool(w, "enabled", endpoint_judge(e, &words) == ENDPOINT_SEND);
        json_string(w, "obstacle", words);
        json_time(w, "disabled_at", e->disabled_at_ms);
        json_end(w);
}

static enum err list_endpoints(struct db_tx *tx, void *arg)
{
        struct run *run = arg;
        struct json_write w = json_write_to(&run->out);
        struct endpoint *list;
        size_t count;
        enum err err = store_endpoints(tx, run->arena, &list, &count);

        if (err)
                return err;
        json_object(&w, NULL);
        json_array(&w, "endpoints");
        for (size_t i = 0; i < count; i++)
                write_endpoint(&w, &list[i]);
        json_end(&w);
        json_end(&w);
        return buf_err(&run->out);
}

static enum err enable_endpoint(struct db_tx *tx, void *arg)
{
        struct run *run = arg;
        struct json_write w;
        struct endpoint endpoint;
        enum err err = store_endpoint(tx, run->arena, run->argument, &endpoint);

        if (!err && !endpoint.known)
                err = store_endpoint_by_client(tx, run->arena, run->argument, &endpoint);
        if (err)
                return err;
        if (!endpoint.known)
                return ERR_NOT_FOUND;
        err = store_enable_endpoint(tx, endpoint.editor_id, clock_wall_ms());
        if (err)
                return err;
        endpoint.disabled_at_ms = 0;
        buf_reset(&run->out);
        w = json_write_to(&run->out);
        write_endpoint(&w, &endpoint);
        return buf_err(&run->out);
}

static void write_attempt(struct json_write *w, const struct attempt *a)
{
        json_object(w, NULL);
        json_int(w, "number", a->number);
        json_time(w, "started_at", a->started_at_ms);
        json_string(w, "outcome", a->outcome);
        if (a->status_code)
                json_int(w, "status_code", a->status_code);
        else
                json_null(w, "status_code");
        json_int(w, "duration_ms", a->duration_ms);
        json_string(w, "error", a->error);
        json_string(w, "response_excerpt", a->response_excerpt);
        json_end(w);
}

static enum err write_delivery(struct db_tx *tx, struct json_write *w, const struct delivery *d)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct attempt *attempts;
        size_t count;
        enum err err = store_attempts(tx, arena, d->id, &attempts, &count);

        if (err)
                return err;
        json_object(w, NULL);
        json_string(w, "id", d->id);
        json_string(w, "event_id", d->event_id);
        json_string(w, "market", d->market);
        json_string(w, "editor_id", d->editor_id);
        json_string(w, "state", delivery_state_name(d->progress.state));
        json_string(w, "reason", d->reason);
        json_string(w, "error", d->error);
        json_time(w, "created_at", d->created_at_ms);
        json_time(w, "finished_at", d->progress.finished_at_ms);
        json_time(w, "next_attempt_at", d->progress.state == DELIVERY_WAITING ? d->progress.due_at_ms : 0);
        json_array(w, "attempts");
        for (size_t i = 0; i < count; i++)
                write_attempt(w, &attempts[i]);
        json_end(w);
        json_end(w);
        return ERR_OK;
}

static enum err list_deliveries(struct db_tx *tx, void *arg)
{
        struct run *run = arg;
        struct json_write w = json_write_to(&run->out);
        struct delivery *list;
        size_t count;
        enum err err = store_deliveries(tx, run->arena, run->argument, &list, &count);

        if (err)
                return err;
        json_object(&w, NULL);
        json_array(&w, "deliveries");
        for (size_t i = 0; !err && i < count; i++)
                err = write_delivery(tx, &w, &list[i]);
        json_end(&w);
        json_end(&w);
        return err ? err : buf_err(&run->out);
}

static const struct command commands[] = {
        {"migrate", NULL, 0, 0, NULL, true},
        {"endpoints", "list", 0, 0, list_endpoints, false},
        {"endpoints", "enable", 1, 1, enable_endpoint, true},
        {"deliveries", "list", 0, 1, list_deliveries, false},
};

static const struct command *find(int argc, char **argv, int *ret_used)
{
        for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
                const struct command *command = &commands[i];
                int used = command->verb ? 2 : 1, args = argc - used;

                if (argc < used || !str_equal(argv[0], command->name) ||
                    (command->verb && !str_equal(argv[1], command->verb)))
                        continue;
                if (args < command->min_args || args > command->max_args)
                        return NULL;
                *ret_used = used;
                return command;
        }
        return NULL;
}

static enum err run_on(struct db *db, const struct command *command, struct run *run)
{
        enum err err = db_migrate(db, webhook_migrations);

        if (err || !command->work)
                return err;
        return command->writes ? db_write(db, command->work, run) : db_read(db, command->work, run);
}

int webhook_command(const struct webhook_settings *settings, int argc, char **argv)
{
        const struct db_config config = {.url = settings->database_url, .readers = 1, .timeout_ms = TIMEOUT_MS};
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct run run = {.arena = arena};
        struct db *db = NULL;
        int used = 0;
        const struct command *command = find(argc, argv, &used);
        enum err err;

        if (!command) {
                fprintf(stderr, "vr-webhook: unknown command; see --help\n");
                return EXIT_USAGE;
        }
        run.argument = used < argc ? argv[used] : NULL;
        err = db_open(&config, &db);
        if (!err)
                err = run_on(db, command, &run);
        db_close(db);
        if (err)
                fprintf(stderr, "vr-webhook: %s: %s\n", run.argument ? run.argument : argv[0],
                        err == ERR_NOT_FOUND ? "no such editor" : err_name(err));
        else if (run.out.length > 0)
                puts(buf_text(&run.out));
        buf_done(&run.out);
        return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
