/* What each `vr-auth editor …` and `vr-auth audit …` does. They return the exit status; on failure stderr has been told why. */
#ifndef VR_AUTH_EDITOR_COMMANDS_H
#define VR_AUTH_EDITOR_COMMANDS_H

#include "common/base/json_write.h"
#include "services/auth/command_line.h"
#include "services/auth/editor_changes.h"
#include "services/auth/settings.h"

struct cli {
        const struct auth_settings *settings;
        struct arena *arena;
        struct db *db;
        struct command_line line;
        struct editor_change change;
};

int cli_create(struct cli *cli);
int cli_remove(struct cli *cli);
int cli_list(struct cli *cli);
int cli_show(struct cli *cli);
int cli_update(struct cli *cli);
int cli_deactivate(struct cli *cli);
int cli_activate(struct cli *cli);
int cli_authorize(struct cli *cli);
int cli_deauthorize(struct cli *cli);
int cli_revoke_tokens(struct cli *cli);
int cli_rotate_secret(struct cli *cli);
int cli_rotate_webhook_secret(struct cli *cli);

/* audit_commands.c */
int cli_audit_list(struct cli *cli);

/* What the database's refusal means to whoever gave the command. */
int cli_refuse(struct cli *cli, enum err err);
/* To stdout: pretty on a terminal. */
struct json_write cli_open_json(struct buf *json);
int cli_print(const struct buf *json);

/* Says so on stderr, "vr-auth: …", and returns the exit status. */
int cli_fail(int status, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
