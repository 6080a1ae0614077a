#include "services/auth/editor_commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/app/egress.h"
#include "common/app/sealed.h"
#include "common/app/tokens.h"
#include "common/app/webhook_signature.h"
#include "common/base/clock.h"
#include "common/base/id.h"
#include "common/base/str.h"
#include "services/auth/client_secret.h"
#include "services/auth/commands.h"
#include "services/auth/editor_json.h"
#include "services/auth/editor_rules.h"

#define CACHE_TIMEOUT_MS        1000
#define LIST_PAGE               100
#define CLIENT_ID_BYTES         16
#define CLIENT_OVERLAP_DEFAULT  "7d"
#define WEBHOOK_OVERLAP_DEFAULT "24h"

/* ---- answers ---- */

int cli_refuse(struct cli *cli, enum err err)
{
        switch (err) {
        case ERR_NOT_FOUND:
                return cli_fail(EXIT_FAILURE, "no editor has the id or client id \"%s\"", cli->line.editor);
        case ERR_CONFLICT:
                return cli_fail(EXIT_FAILURE,
                                "the editor was changed by someone else at the same time; run this again");
        case ERR_UNAVAILABLE:
        case ERR_TIMEOUT:
                return cli_fail(EXIT_FAILURE, "the database can't be reached or is busy; nothing was changed");
        case ERR_FULL:
                return cli_fail(EXIT_FAILURE, "the database's disk is full; nothing was changed");
        case ERR_IN_DOUBT:
                return cli_fail(EXIT_FAILURE, "the database did not say whether the change was made; see editor show");
        default:
                return cli_fail(EXIT_FAILURE, "the database refused: %s", err_name(err));
        }
}

int cli_print(const struct buf *json)
{
        if (buf_err(json))
                return cli_fail(EXIT_FAILURE, "out of memory");
        if (fwrite(json->data, 1, json->length, stdout) != json->length || fflush(stdout))
                return cli_fail(EXIT_FAILURE, "the result can't be written: %s", strerror(errno));
        return EXIT_SUCCESS;
}

struct json_write cli_open_json(struct buf *json)
{
        struct json_write w = json_write_to(json);

        w.pretty = isatty(STDOUT_FILENO);
        return w;
}

/* A secret in clear that is not NULL is shown: only who has just made it has it. */
static int print_editor(const struct editor *editor, const char *client_secret, const char *webhook_secret)
{
        AUTO(buf_done) struct buf json = {0};
        struct json_write w = cli_open_json(&json);

        json_object(&w, NULL);
        editor_json_members(&w, editor);
        if (client_secret)
                json_string(&w, "client_secret", client_secret);
        if (webhook_secret)
                json_string(&w, "webhook_secret", webhook_secret);
        editor_json_secrets(&w, editor);
        json_end(&w);
        buf_putc(&json, '\n');
        return cli_print(&json);
}

/* ---- what is given ---- */

/* NULL when stderr has been told what is wrong. */
static const char *read_secret(struct cli *cli, enum command_flag flag)
{
        const char *path = cli->line.flags[flag], *problem;
        char text[SECRET_MAX_BYTES + 8];
        FILE *file = fopen(path, "re");
        size_t length;

        if (!file) {
                (void)cli_fail(EXIT_FAILURE, "%s: %s", path, strerror(errno));
                return NULL;
        }
        length = fread(text, 1, sizeof(text) - 1, file);
        fclose(file);
        if (length > 0 && text[length - 1] == '\n')
                length--;
        if (length > 0 && text[length - 1] == '\r')
                length--;
        text[length] = '\0';
        problem = editor_secret_problem(text);
        if (problem || strlen(text) != length) {
                (void)cli_fail(EXIT_FAILURE, "%s: %s", path, problem ? problem : "a secret has no NUL in it");
                return NULL;
        }
        return arena_strdup(cli->arena, text);
}

/* The URL in its normal form. "" stays: it takes the URL away. */
static int take_webhook_url(struct cli *cli, const char **ret_url)
{
        AUTO(egress_freep) struct egress *egress = NULL;
        const char *url = cli->line.flags[FLAG_WEBHOOK_URL], *detail = "";

        if (!url || !*url) {
                *ret_url = url;
                return EXIT_SUCCESS;
        }
        if (egress_new(cli->settings->webhook_allow_cidrs, cli->settings->webhook_allow_http,
                       cli->settings->webhook_allow_ports, &egress, &detail))
                return cli_fail(EXIT_FAILURE, "VR_WEBHOOK_ALLOW_CIDRS or VR_WEBHOOK_ALLOW_PORTS is malformed: %s",
                                detail);
        if (egress_check_url(egress, cli->arena, url, ret_url, &detail))
                return cli_fail(EXIT_FAILURE, "--webhook-url: %s", detail);
        return EXIT_SUCCESS;
}

/* All flags that describe an editor, judged; "" takes a URL or the schedule away. */
static int take_description(struct cli *cli, struct editor_update *ret_update)
{
        const char *const *flags = cli->line.flags, *problem;
        struct editor_update update = {.name = flags[FLAG_NAME], .return_url = flags[FLAG_RETURN_URL]};

        if (update.name && (problem = editor_name_problem(update.name)))
                return cli_fail(EXIT_FAILURE, "--name: %s", problem);
        if (update.return_url && *update.return_url && (problem = editor_return_url_problem(update.return_url)))
                return cli_fail(EXIT_FAILURE, "--return-url: %s", problem);
        if (flags[FLAG_RETRY_SCHEDULE] && !*flags[FLAG_RETRY_SCHEDULE])
                update.retry_schedule = "";
        else if (flags[FLAG_RETRY_SCHEDULE] &&
                 editor_schedule_parse(cli->arena, flags[FLAG_RETRY_SCHEDULE], &update.retry_schedule))
                return cli_fail(EXIT_FAILURE,
                                "--retry-schedule: expected 1 to 32 delays from 1s to 7d, as in 5s,30s,2m");
        *ret_update = update;
        return take_webhook_url(cli, &ret_update->webhook_url);
}

static int open_keyring(struct cli *cli, struct keyring **ret_keyring)
{
        const char *detail = "";

        if (!*cli->settings->secret_keys)
                return cli_fail(EXIT_FAILURE, "VR_SECRET_KEYS is not set: it seals webhook secrets");
        if (keyring_new(cli->settings->secret_keys, ret_keyring, &detail))
                return cli_fail(EXIT_FAILURE, "VR_SECRET_KEYS is malformed: %s", detail);
        return EXIT_SUCCESS;
}

/* ---- create ---- */

struct fresh_secrets {
        const char *client, *webhook; /* in clear */
};

static int make_client_secret(struct cli *cli, struct editor *editor, const char **ret_plain)
{
        struct client_secret *secret = &editor->client_secrets[0];

        editor->client_secret_count = 1;
        if (!cli->line.flags[FLAG_CLIENT_SECRET_FILE]) {
                client_secret_new(cli->arena, cli->change.now_ms, secret, ret_plain);
                return EXIT_SUCCESS;
        }
        *ret_plain = read_secret(cli, FLAG_CLIENT_SECRET_FILE);
        if (!*ret_plain)
                return EXIT_FAILURE;
        if (client_secret_import(*ret_plain, cli->change.now_ms, secret))
                return cli_fail(EXIT_FAILURE, "the client secret can't be hashed");
        return EXIT_SUCCESS;
}

static int make_webhook_secret(struct cli *cli, struct editor *editor, const char **ret_plain)
{
        AUTO(keyring_freep) struct keyring *keyring = NULL;
        struct webhook_secret *secret = &editor->webhook_secrets[0];
        int status = open_keyring(cli, &keyring);

        if (status)
                return status;
        *ret_plain = cli->line.flags[FLAG_WEBHOOK_SECRET_FILE] ? read_secret(cli, FLAG_WEBHOOK_SECRET_FILE)
                                                               : webhook_secret_new(cli->arena);
        if (!*ret_plain)
                return EXIT_FAILURE;
        if (sealed_seal(keyring, cli->arena, editor->id, *ret_plain, &secret->sealed))
                return cli_fail(EXIT_FAILURE, "the webhook secret can't be sealed");
        secret->created_ms = cli->change.now_ms;
        editor->webhook_secret_count = 1;
        return EXIT_SUCCESS;
}

static const char *new_client_id(struct arena *arena)
{
        unsigned char bytes[CLIENT_ID_BYTES];

        id_random(bytes, sizeof(bytes));
        return arena_printf(arena, "vr_ed_%s", str_base64url(arena, bytes, sizeof(bytes)));
}

static int describe_new(struct cli *cli, struct editor *ret_editor)
{
        const char *client_id = cli->line.flags[FLAG_CLIENT_ID];
        struct editor_update description = {0};
        const char *problem = client_id ? editor_client_id_problem(client_id) : NULL;
        char id[ID_UUID_MAX];
        int status;

        if (!cli->line.flags[FLAG_NAME])
                return cli_fail(EXIT_USAGE, "create wants --name; see vr-auth --help");
        if (problem)
                return cli_fail(EXIT_FAILURE, "--client-id: %s", problem);
        status = take_description(cli, &description);
        if (status)
                return status;
        *ret_editor = (struct editor){
                .id = arena_strdup(cli->arena, id_uuid7(id)),
                .client_id = client_id ? client_id : new_client_id(cli->arena),
                .name = description.name,
                .active = true,
                .authorized = true,
                .webhook_url = description.webhook_url && *description.webhook_url ? description.webhook_url : NULL,
                .return_url = description.return_url && *description.return_url ? description.return_url : NULL,
                .version = 1,
                .created_ms = cli->change.now_ms,
                .updated_ms = cli->change.now_ms,
        };
        return EXIT_SUCCESS;
}

int cli_create(struct cli *cli)
{
        struct editor editor = {0};
        struct fresh_secrets secrets = {0};
        int status = describe_new(cli, &editor);
        enum err err;

        if (!status)
                status = make_client_secret(cli, &editor, &secrets.client);
        if (!status)
                status = make_webhook_secret(cli, &editor, &secrets.webhook);
        if (status)
                return status;
        err = editor_create(&cli->change, &editor);
        if (err == ERR_CONFLICT)
                return cli_fail(EXIT_FAILURE, "the client id \"%s\" is taken", editor.client_id);
        if (err)
                return cli_refuse(cli, err);
        return print_editor(&editor, secrets.client, secrets.webhook);
}

/* ---- list, show, update ---- */

struct page {
        struct arena *arena;
        int64_t after_ms;
        const char *after_id;
        struct editor editors[LIST_PAGE];
        size_t count;
};

static enum err read_page(struct db_tx *tx, void *arg)
{
        struct page *page = arg;

        return auth_store_list(tx, page->arena, page->after_ms, page->after_id, LIST_PAGE, page->editors, &page->count);
}

/* Page by page: there may be more editors than fit into memory. */
int cli_list(struct cli *cli)
{
        AUTO(buf_done) struct buf json = {0};
        struct page *page = ARENA_NEW(cli->arena, struct page);
        struct json_write w = cli_open_json(&json);
        char last_id[ID_UUID_MAX] = "";
        int status = EXIT_SUCCESS;

        json_object(&w, NULL);
        json_array(&w, "editors");
        page->after_ms = -1;
        page->after_id = last_id;
        do {
                AUTO(arena_freep) struct arena *arena = arena_new();
                enum err err;

                page->arena = arena;
                err = db_read(cli->db, read_page, page);
                if (err)
                        return cli_refuse(cli, err);
                for (size_t i = 0; i < page->count; i++) {
                        json_object(&w, NULL);
                        editor_json_members(&w, &page->editors[i]);
                        json_end(&w);
                        page->after_ms = page->editors[i].created_ms;
                        (void)snprintf(last_id, sizeof(last_id), "%s", page->editors[i].id);
                }
                status = cli_print(&json);
                buf_reset(&json);
        } while (!status && page->count == LIST_PAGE);
        json_end(&w);
        json_end(&w);
        buf_putc(&json, '\n');
        return status ? status : cli_print(&json);
}

int cli_show(struct cli *cli)
{
        struct editor editor;
        enum err err = editor_read(cli->db, cli->arena, cli->line.editor, &editor);

        return err ? cli_refuse(cli, err) : print_editor(&editor, NULL, NULL);
}

int cli_update(struct cli *cli)
{
        struct editor_update update = {0};
        struct editor editor;
        int status = take_description(cli, &update);
        enum err err;

        if (status)
                return status;
        if (!update.name && !update.webhook_url && !update.return_url && !update.retry_schedule)
                return cli_fail(EXIT_USAGE, "update wants at least one flag; see vr-auth --help");
        err = editor_update(&cli->change, cli->line.editor, &update, &editor);
        return err ? cli_refuse(cli, err) : print_editor(&editor, NULL, NULL);
}

/* ---- rights and tokens ---- */

static enum err open_cache(struct cli *cli, struct cache **ret_cache)
{
        const struct cache_config config = {
                .url = cli->settings->service.redis_url, .pool = 1, .timeout_ms = CACHE_TIMEOUT_MS};

        return cache_open(&config, ret_cache);
}

static enum err tell_redis(struct cli *cli, const struct editor *editor)
{
        struct cache *cache = NULL;
        enum err err = open_cache(cli, &cache);

        if (!err)
                err = tokens_set_editor(cache, editor->id, editor->active && editor->authorized);
        cache_close(cache);
        return err;
}

static int set_flag(struct cli *cli, enum editor_flag flag, bool value)
{
        struct editor editor;
        enum err err = editor_set_flag(&cli->change, cli->line.editor, flag, value, &editor);

        if (err)
                return cli_refuse(cli, err);
        /* nothing to tell when it gains one right and still lacks the other */
        if (value && !(editor.active && editor.authorized))
                return print_editor(&editor, NULL, NULL);
        err = tell_redis(cli, &editor);
        if (err)
                return cli_fail(EXIT_FAILURE,
                                "the database says so now, but Redis (VR_REDIS_URL) can't be told: %s. Until then %s. "
                                "The running auth service tells it as soon as it can; or run this again",
                                err_name(err),
                                value ? "the editor gets no token" : "tokens that the editor has go on working");
        return print_editor(&editor, NULL, NULL);
}

int cli_deactivate(struct cli *cli)
{
        return set_flag(cli, EDITOR_ACTIVE, false);
}

int cli_activate(struct cli *cli)
{
        return set_flag(cli, EDITOR_ACTIVE, true);
}

int cli_authorize(struct cli *cli)
{
        return set_flag(cli, EDITOR_AUTHORIZED, true);
}

int cli_deauthorize(struct cli *cli)
{
        return set_flag(cli, EDITOR_AUTHORIZED, false);
}

int cli_revoke_tokens(struct cli *cli)
{
        struct cache *cache = NULL;
        struct editor editor;
        enum err err = editor_read(cli->db, cli->arena, cli->line.editor, &editor);

        if (err)
                return cli_refuse(cli, err);
        err = open_cache(cli, &cache);
        if (!err)
                err = tokens_revoke_all(cache, editor.id);
        cache_close(cache);
        if (err)
                return cli_fail(EXIT_FAILURE,
                                "Redis (VR_REDIS_URL) can't be told: %s; no token was ended, run this again",
                                err_name(err));
        err = editor_tokens_revoked(&cli->change, editor.id, &editor);
        return err ? cli_refuse(cli, err) : print_editor(&editor, NULL, NULL);
}

/* ---- removal ---- */

/*
 * First it loses its rights, and Redis is told: a token that outlived its editor could be ended by nobody. Should that fail
 * half-way, the editor is switched off, and the command can be given again.
 */
int cli_remove(struct cli *cli)
{
        struct editor editor;
        enum err err = editor_set_flag(&cli->change, cli->line.editor, EDITOR_ACTIVE, false, &editor);

        if (err)
                return cli_refuse(cli, err);
        err = tell_redis(cli, &editor);
        if (err)
                return cli_fail(
                        EXIT_FAILURE,
                        "Redis (VR_REDIS_URL) can't be told: %s. The editor is deactivated but not removed; run "
                        "this again",
                        err_name(err));
        cli->change.now_ms = clock_wall_ms();
        err = editor_remove(&cli->change, &editor);
        return err ? cli_refuse(cli, err) : print_editor(&editor, NULL, NULL);
}

/* ---- rotations ---- */

static int take_overlap(struct cli *cli, const char *by_default, int64_t *ret_ms)
{
        const char *given = cli->line.flags[FLAG_OVERLAP];
        int64_t seconds;

        if (editor_duration_parse(cli->arena, given ? given : by_default, OVERLAP_MAX_S, &seconds))
                return cli_fail(EXIT_FAILURE, "--overlap: expected 0, or a time up to 90d such as 24h or 7d");
        *ret_ms = seconds * 1000;
        return EXIT_SUCCESS;
}

int cli_rotate_secret(struct cli *cli)
{
        struct client_secret secret;
        struct editor editor;
        const char *plain = NULL;
        int64_t overlap_ms = 0;
        int status = take_overlap(cli, CLIENT_OVERLAP_DEFAULT, &overlap_ms);
        enum err err;

        if (status)
                return status;
        client_secret_new(cli->arena, cli->change.now_ms, &secret, &plain);
        err = editor_rotate_client_secret(&cli->change, cli->line.editor, &secret, overlap_ms, &editor);
        return err ? cli_refuse(cli, err) : print_editor(&editor, plain, NULL);
}

struct sealing {
        struct arena *arena;
        struct keyring *keyring;
        const char *plain;
};

static enum err seal(void *arg, const char *editor_id, const char **ret_sealed)
{
        const struct sealing *sealing = arg;

        return sealed_seal(sealing->keyring, sealing->arena, editor_id, sealing->plain, ret_sealed);
}

int cli_rotate_webhook_secret(struct cli *cli)
{
        AUTO(keyring_freep) struct keyring *keyring = NULL;
        struct sealing sealing = {.arena = cli->arena, .plain = webhook_secret_new(cli->arena)};
        struct editor editor;
        int64_t overlap_ms = 0;
        int status = take_overlap(cli, WEBHOOK_OVERLAP_DEFAULT, &overlap_ms);
        enum err err;

        if (!status)
                status = open_keyring(cli, &keyring);
        if (status)
                return status;
        sealing.keyring = keyring;
        err = editor_rotate_webhook_secret(&cli->change, cli->line.editor, seal, &sealing, overlap_ms, &editor);
        return err ? cli_refuse(cli, err) : print_editor(&editor, NULL, sealing.plain);
}
