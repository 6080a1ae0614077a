#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/id.h"
#include "services/auth/editor_commands.h"
#include "services/auth/editor_rules.h"

#define LIST_PAGE   100
#define SINCE_MAX_S (3650 * INT64_C(86400))

struct audit_reading {
        struct arena *arena;
        struct audit_page page;
        struct audit_entry entries[LIST_PAGE];
        size_t count;
};

static enum err read_page(struct db_tx *tx, void *arg)
{
        struct audit_reading *reading = arg;

        return auth_store_list_audit(tx, reading->arena, &reading->page, reading->entries, &reading->count);
}

/* Just before that moment; -1: from the beginning. */
static int take_since(struct cli *cli, int64_t *ret_after_ms)
{
        const char *given = cli->line.flags[FLAG_SINCE];
        int64_t seconds = 0, at_ms = 0;

        if (!given)
                *ret_after_ms = -1;
        else if (!editor_duration_parse(cli->arena, given, SINCE_MAX_S, &seconds))
                *ret_after_ms = cli->change.now_ms - seconds * 1000 - 1;
        else if (!clock_parse_iso8601(given, &at_ms))
                *ret_after_ms = at_ms - 1;
        else
                return cli_fail(EXIT_FAILURE,
                                "--since: expected a time such as 7d or 12h, or a moment such as 2026-01-31T00:00:00Z");
        return EXIT_SUCCESS;
}

/* One that is gone has lines too: under its id. */
static int take_editor(struct cli *cli, const char **ret_editor_id)
{
        const char *given = cli->line.flags[FLAG_EDITOR];
        struct editor editor = {.id = given};
        enum err err = given ? editor_read(cli->db, cli->arena, given, &editor) : ERR_OK;

        if (err && err != ERR_NOT_FOUND)
                return cli_refuse(cli, err);
        *ret_editor_id = editor.id;
        return EXIT_SUCCESS;
}

static void write_entry(struct json_write *w, const struct audit_entry *entry)
{
        json_object(w, NULL);
        json_time(w, "at", entry->at_ms);
        json_string(w, "who", entry->who);
        json_string(w, "action", entry->action);
        json_string(w, "editor_id", *entry->editor_id ? entry->editor_id : NULL);
        json_string(w, "client_id", entry->client_id);
        if (entry->detail)
                json_raw(w, "detail", entry->detail);
        else
                json_null(w, "detail");
        json_end(w);
}

/* Page by page: the log is longer than what fits into memory. */
int cli_audit_list(struct cli *cli)
{
        AUTO(buf_done) struct buf json = {0};
        struct audit_reading *reading = ARENA_NEW(cli->arena, struct audit_reading);
        struct json_write w = cli_open_json(&json);
        char last_id[ID_UUID_MAX] = "";
        int status = take_since(cli, &reading->page.after_ms);

        if (!status)
                status = take_editor(cli, &reading->page.editor_id);
        if (status)
                return status;
        json_object(&w, NULL);
        json_array(&w, "entries");
        reading->page.after_id = last_id;
        reading->page.max = LIST_PAGE;
        do {
                AUTO(arena_freep) struct arena *arena = arena_new();
                enum err err;

                reading->arena = arena;
                err = db_read(cli->db, read_page, reading);
                if (err)
                        return cli_refuse(cli, err);
                for (size_t i = 0; i < reading->count; i++)
                        write_entry(&w, &reading->entries[i]);
                if (reading->count > 0) {
                        reading->page.after_ms = reading->entries[reading->count - 1].at_ms;
                        (void)snprintf(last_id, sizeof(last_id), "%s", reading->entries[reading->count - 1].id);
                }
                status = cli_print(&json);
                buf_reset(&json);
        } while (!status && reading->count == LIST_PAGE);
        json_end(&w);
        json_end(&w);
        buf_putc(&json, '\n');
        return status ? status : cli_print(&json);
}
