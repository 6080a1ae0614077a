/* The command line as people meet it: the real binary, its output, its exit status. AUTH_BINARY says where it is. */
#include "services/auth/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/app/tokens.h"
#include "common/base/str.h"
#include "common/io/json.h"
#include "services/auth/test_database.h"
#include "tests/support/redis_server.h"

#define ARGS_MAX 16
#define KEYS     "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

struct place {
        struct test_database database;
        struct redis_server redis;
        struct arena *arena;
};

struct result {
        int status;
        const char *out, *err;
        struct json *json; /* of out; NULL when it is none */
};

static void result_done(struct result *result)
{
        json_free(result->json);
}

static void place_open(struct place *place)
{
        test_database_open(&place->database);
        place->arena = arena_new();
        CHECK(redis_server_start(&place->redis, NULL));
}

static void place_done(struct place *place)
{
        static const char *const names[] = {"out", "err", "secret"};

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                (void)unlink(arena_printf(place->arena, "%s/%s", place->database.folder, names[i]));
        redis_server_stop(&place->redis);
        arena_free(place->arena);
        test_database_done(&place->database);
}

static const char *in_folder(struct place *place, const char *name)
{
        return arena_printf(place->arena, "%s/%s", place->database.folder, name);
}

static const char *read_all(struct place *place, const char *name)
{
        char text[16384];
        FILE *file = fopen(in_folder(place, name), "r");
        size_t length = file ? fread(text, 1, sizeof(text), file) : 0;

        if (file)
                fclose(file);
        return arena_strndup(place->arena, text, length);
}

static const char *write_secret(struct place *place, const char *text)
{
        const char *path = in_folder(place, "secret");
        FILE *file = fopen(path, "w");

        CHECK(file && fputs(text, file) >= 0);
        if (file)
                fclose(file);
        return path;
}

static struct result run(struct place *place, const char *const *args)
{
        const char *binary = getenv("AUTH_BINARY");
        char *argv[ARGS_MAX + 2] = {arena_strdup(place->arena, binary ? binary : "vr-auth")};
        char *env[] = {
                arena_printf(place->arena, "VR_DATABASE_URL=%s", place->database.url),
                arena_printf(place->arena, "VR_REDIS_URL=%s", place->redis.url),
                arena_printf(place->arena, "VR_SECRET_KEYS=%s", KEYS),
                arena_printf(place->arena, "ASAN_OPTIONS=%s", getenv("ASAN_OPTIONS") ? getenv("ASAN_OPTIONS") : ""),
                NULL,
        };
        struct result result = {.status = -1};
        posix_spawn_file_actions_t actions;
        int status = 0;
        pid_t pid;

        for (size_t i = 0; args[i] && i < ARGS_MAX; i++)
                argv[i + 1] = arena_strdup(place->arena, args[i]);
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 1, in_folder(place, "out"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        posix_spawn_file_actions_addopen(&actions, 2, in_folder(place, "err"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        CHECK_INT(posix_spawn(&pid, argv[0], &actions, NULL, argv, env), 0);
        posix_spawn_file_actions_destroy(&actions);
        if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
                result.status = WEXITSTATUS(status);
        result.out = read_all(place, "out");
        result.err = read_all(place, "err");
        if (json_parse(result.out, strlen(result.out), &result.json))
                result.json = NULL;
        return result;
}

#define RUN(...) run(&place, (const char *const[]){__VA_ARGS__, NULL})

static void check_refused(const struct result *result, int status, const char *said)
{
        CHECK_INT(result->status, status);
        CHECK_TEXT(result->out, "");
        if (!strstr(result->err, said))
                unit_fail(__FILE__, __LINE__, "stderr is \"%s\", not about \"%s\"", result->err, said);
}

static void creates_shows_and_deactivates(void)
{
        AUTO(place_done) struct place place = {0};

        place_open(&place);
        AUTO(result_done)
        struct result created = RUN("editor", "create", "--name", "Éditeur", "--client-id", "demo", "--webhook-url",
                                    "https://editeur.example.fr/webhooks", "--return-url",
                                    "https://editeur.example.fr/marches/{market_identifier}");
        CHECK_INT(created.status, 0);
        CHECK_TEXT(created.err, "");
        CHECK_TEXT(json_get_text(created.json, "client_id"), "demo");
        CHECK_TEXT(json_get_text(created.json, "name"), "Éditeur");
        CHECK_TEXT(json_get_text(created.json, "webhook_url"), "https://editeur.example.fr/webhooks");
        CHECK(json_get_bool(created.json, "active", false) && json_get_bool(created.json, "authorized", false));
        CHECK(str_starts_with(json_get_text(created.json, "client_secret"), "vr_cs_"));
        CHECK(str_starts_with(json_get_text(created.json, "webhook_secret"), "whsec_"));

        AUTO(result_done) struct result shown = RUN("editor", "show", json_get_text(created.json, "id"));
        CHECK_INT(shown.status, 0);
        CHECK_TEXT(json_get_text(shown.json, "return_url"), "https://editeur.example.fr/marches/{market_identifier}");
        CHECK(!json_get(shown.json, "client_secret") && !json_get(shown.json, "webhook_secret"));

        AUTO(result_done) struct result off = RUN("editor", "deactivate", "demo");
        CHECK_INT(off.status, 0);
        CHECK(!json_get_bool(off.json, "active", true));
        CHECK_INT(json_get_int(off.json, "version", 0), 2);

        AUTO(result_done) struct result listed = RUN("editor", "list");
        CHECK_INT(listed.status, 0);
        CHECK_INT(json_count(json_get(listed.json, "editors")), 1);
}

static void ends_tokens_at_once(void)
{
        AUTO(place_done) struct place place = {0};
        struct cache *cache = NULL;
        struct token_info info = {0};
        const char *token = NULL;

        place_open(&place);
        CHECK_INT(cache_open(&(struct cache_config){.url = place.redis.url, .pool = 1, .timeout_ms = 500}, &cache),
                  ERR_OK);
        AUTO(result_done) struct result created = RUN("editor", "create", "--name=N", "--client-id=demo");
        struct token_grant grant = {.editor_id = json_get_text(created.json, "id"),
                                    .client_id = "demo",
                                    .scopes = 1,
                                    .issued_ms = 1000,
                                    .ttl_ms = 60000};
        CHECK_INT(tokens_issue(cache, place.arena, &grant, &token), ERR_OK);
        AUTO(result_done) struct result off = RUN("editor", "deauthorize", "demo");
        CHECK_INT(off.status, 0);
        CHECK_INT(tokens_find(cache, place.arena, token, &info), ERR_OK);
        CHECK(!info.editor_usable);
        AUTO(result_done) struct result on = RUN("editor", "authorize", "demo");
        CHECK_INT(on.status, 0);
        CHECK_INT(tokens_find(cache, place.arena, token, &info), ERR_OK);
        CHECK(info.editor_usable && !info.alive);
        CHECK_INT(tokens_issue(cache, place.arena, &grant, &token), ERR_OK);
        AUTO(result_done) struct result revoked = RUN("editor", "revoke-tokens", "demo");
        CHECK_INT(revoked.status, 0);
        CHECK_INT(tokens_find(cache, place.arena, token, &info), ERR_OK);
        CHECK(info.editor_usable && !info.alive);
        cache_close(cache);
}

static void says_when_redis_can_not_be_told(void)
{
        AUTO(place_done) struct place place = {0};

        place_open(&place);
        AUTO(result_done) struct result created = RUN("editor", "create", "--name=N", "--client-id=demo");
        redis_server_stop(&place.redis);
        AUTO(result_done) struct result off = RUN("editor", "deactivate", "demo");
        check_refused(&off, 1, "Redis");
        AUTO(result_done) struct result shown = RUN("editor", "show", "demo");
        CHECK(!json_get_bool(shown.json, "active", true));
}

static void takes_secrets_from_files(void)
{
        AUTO(place_done) struct place place = {0};

        place_open(&place);
        AUTO(result_done)
        struct result created = RUN("editor", "create", "--name=N", "--client-id=demo", "--client-secret-file",
                                    write_secret(&place, "hunter2 hunter2\n"), "--webhook-secret-file",
                                    write_secret(&place, "hunter2 hunter2\n"));
        CHECK_INT(created.status, 0);
        CHECK_TEXT(json_get_text(created.json, "client_secret"), "hunter2 hunter2");
        CHECK_TEXT(json_get_text(created.json, "webhook_secret"), "hunter2 hunter2");
        AUTO(result_done)
        struct result bad = RUN("editor", "create", "--name=N", "--webhook-secret-file", write_secret(&place, "a\tb"));
        check_refused(&bad, 1, "printable");
        AUTO(result_done)
        struct result missing = RUN("editor", "create", "--name=N", "--webhook-secret-file", "/nowhere/at/all");
        check_refused(&missing, 1, "/nowhere/at/all");
}

static void rotates_secrets(void)
{
        AUTO(place_done) struct place place = {0};

        place_open(&place);
        AUTO(result_done) struct result created = RUN("editor", "create", "--name=N", "--client-id=demo");
        AUTO(result_done) struct result client = RUN("editor", "rotate-secret", "demo");
        CHECK_INT(client.status, 0);
        CHECK(str_starts_with(json_get_text(client.json, "client_secret"), "vr_cs_"));
        CHECK(!str_equal(json_get_text(client.json, "client_secret"), json_get_text(created.json, "client_secret")));
        CHECK_INT(json_count(json_get(client.json, "client_secrets")), 2);
        AUTO(result_done) struct result webhook = RUN("editor", "rotate-webhook-secret", "demo", "--overlap", "0");
        CHECK_INT(webhook.status, 0);
        CHECK(str_starts_with(json_get_text(webhook.json, "webhook_secret"), "whsec_"));
        CHECK_INT(json_count(json_get(webhook.json, "webhook_secrets")), 1);
        AUTO(result_done) struct result bad = RUN("editor", "rotate-secret", "demo", "--overlap", "soon");
        check_refused(&bad, 1, "--overlap");
}

static const char *action(const struct result *listed, size_t index)
{
        const struct json *entry = NULL;

        do
                entry = json_next(json_get(listed->json, "entries"), entry);
        while (index-- > 0);
        return json_get_text(entry, "action");
}

static void removes_an_editor_and_remembers_it(void)
{
        AUTO(place_done) struct place place = {0};
        struct cache *cache = NULL;
        struct token_info info = {0};
        const char *token = NULL, *id;

        place_open(&place);
        CHECK_INT(cache_open(&(struct cache_config){.url = place.redis.url, .pool = 1, .timeout_ms = 500}, &cache),
                  ERR_OK);
        AUTO(result_done) struct result created = RUN("editor", "create", "--name=N", "--client-id=demo");
        AUTO(result_done) struct result other = RUN("editor", "create", "--name=O", "--client-id=other");
        CHECK_INT(other.status, 0);
        id = json_get_text(created.json, "id");
        struct token_grant grant = {
                .editor_id = id, .client_id = "demo", .scopes = 1, .issued_ms = 1000, .ttl_ms = 60000};
        CHECK_INT(tokens_issue(cache, place.arena, &grant, &token), ERR_OK);
        AUTO(result_done) struct result removed = RUN("editor", "remove", "demo");
        CHECK_INT(removed.status, 0);
        CHECK_TEXT(json_get_text(removed.json, "id"), id);
        CHECK_INT(tokens_find(cache, place.arena, token, &info), ERR_OK);
        CHECK(!info.editor_usable);
        AUTO(result_done) struct result shown = RUN("editor", "show", "demo");
        check_refused(&shown, 1, "no editor");
        AUTO(result_done) struct result again = RUN("editor", "remove", "demo");
        check_refused(&again, 1, "no editor");

        AUTO(result_done) struct result listed = RUN("audit", "list", "--editor", id, "--since=1h");
        CHECK_INT(listed.status, 0);
        CHECK_INT(json_count(json_get(listed.json, "entries")), 3);
        CHECK_TEXT(action(&listed, 0), "editor.create");
        CHECK_TEXT(action(&listed, 1), "editor.deactivate");
        CHECK_TEXT(action(&listed, 2), "editor.remove");
        AUTO(result_done) struct result all = RUN("audit", "list");
        CHECK_INT(json_count(json_get(all.json, "entries")), 4);
        AUTO(result_done) struct result later = RUN("audit", "list", "--since=2999-01-01T00:00:00Z");
        CHECK_INT(json_count(json_get(later.json, "entries")), 0);
        cache_close(cache);
}

static void removes_nobody_whose_tokens_go_on(void)
{
        AUTO(place_done) struct place place = {0};

        place_open(&place);
        AUTO(result_done) struct result created = RUN("editor", "create", "--name=N", "--client-id=demo");
        redis_server_stop(&place.redis);
        AUTO(result_done) struct result removed = RUN("editor", "remove", "demo");
        check_refused(&removed, 1, "deactivated but not removed");
        AUTO(result_done) struct result shown = RUN("editor", "show", "demo");
        CHECK(!json_get_bool(shown.json, "active", true));
}

static void says_what_is_wrong(void)
{
        AUTO(place_done) struct place place = {0};
        static const struct {
                const char *args[6];
                int status;
                const char *said;
        } rows[] = {
                {{"editor"}, 2, "wants a command"},
                {{"editor", "dance"}, 2, "no command \"editor dance\""},
                {{"dance"}, 2, "no command \"dance\""},
                {{"audit"}, 2, "audit wants a command"},
                {{"audit", "create"}, 2, "no command \"audit create\""},
                {{"audit", "list", "--since=yesterday"}, 1, "--since"},
                {{"editor", "create"}, 2, "--name"},
                {{"editor", "create", "--nom", "N"}, 2, "--nom"},
                {{"editor", "show"}, 2, "EDITOR"},
                {{"editor", "show", "nobody"}, 1, "nobody"},
                {{"editor", "deactivate", "nobody"}, 1, "nobody"},
                {{"editor", "update", "nobody"}, 2, "at least one flag"},
                {{"editor", "create", "--name", ""}, 1, "the name is empty"},
                {{"editor", "create", "--name=N", "--client-id", "a b"}, 1, "client id"},
                {{"editor", "create", "--name=N", "--webhook-url", "http://127.0.0.1/"}, 1, "--webhook-url"},
                {{"editor", "create", "--name=N", "--return-url", "javascript:x"}, 1, "--return-url"},
                {{"editor", "update", "demo", "--retry-schedule", "5"}, 1, "--retry-schedule"},
                {{"editor", "create", "--name=N", "--client-id", "demo"}, 1, "\"demo\" is taken"},
        };

        place_open(&place);
        AUTO(result_done) struct result created = RUN("editor", "create", "--name=N", "--client-id=demo");
        CHECK_INT(created.status, 0);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                AUTO(result_done) struct result result = run(&place, rows[i].args);

                check_refused(&result, rows[i].status, rows[i].said);
        }
}

static void updates_what_is_given(void)
{
        AUTO(place_done) struct place place = {0};

        place_open(&place);
        AUTO(result_done)
        struct result created =
                RUN("editor", "create", "--name=N", "--client-id=demo", "--webhook-url=https://editeur.example.fr/w");
        AUTO(result_done)
        struct result updated = RUN("editor", "update", "demo", "--webhook-url=", "--retry-schedule=5s,2m");
        CHECK_INT(updated.status, 0);
        CHECK(json_is(json_get(updated.json, "webhook_url"), JSON_NULL));
        CHECK_INT(json_count(json_get(updated.json, "retry_schedule")), 2);
        CHECK_TEXT(json_get_text(updated.json, "name"), "N");
        AUTO(result_done) struct result usual = RUN("editor", "update", "demo", "--retry-schedule=");
        CHECK(json_is(json_get(usual.json, "retry_schedule"), JSON_NULL));
}

UNIT_TESTS(UNIT(creates_shows_and_deactivates), UNIT(ends_tokens_at_once), UNIT(says_when_redis_can_not_be_told),
           UNIT(takes_secrets_from_files), UNIT(rotates_secrets), UNIT(removes_an_editor_and_remembers_it),
           UNIT(removes_nobody_whose_tokens_go_on), UNIT(says_what_is_wrong), UNIT(updates_what_is_given))
