#include "services/auth/auth_store.h"

#include <string.h>

#include "common/base/id.h"
#include "common/base/str.h"

#define EDITOR_COLUMNS                                                                                            \
        "id, client_id, name, active, authorized, webhook_url, return_url, retry_schedule, version, created_at, " \
        "updated_at"

static const struct db_query select_editor = {"select_editor",
                                              "SELECT " EDITOR_COLUMNS " FROM editors WHERE id = $1 OR client_id = $1 "
                                              "ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1"};
static const struct db_query select_editors = {
        "select_editors", "SELECT " EDITOR_COLUMNS " FROM editors "
                          "WHERE created_at > $1 OR (created_at = $1 AND id > $2) ORDER BY created_at, id LIMIT $3"};
static const struct db_query insert_editor = {"insert_editor",
                                              "INSERT INTO editors (" EDITOR_COLUMNS
                                              ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};
static const struct db_query update_editor = {
        "update_editor",
        "UPDATE editors SET name = $2, active = $3, authorized = $4, webhook_url = $5, return_url = $6, "
        "retry_schedule = $7, version = $8, updated_at = $9 WHERE id = $1 AND version = $8 - 1"};

static const struct db_query select_client_secrets = {
        "select_client_secrets", "SELECT kind, hash, salt, iterations, created_at, expires_at FROM client_secrets "
                                 "WHERE editor_id = $1 AND (expires_at IS NULL OR expires_at > $2) "
                                 "ORDER BY CASE WHEN expires_at IS NULL THEN 0 ELSE 1 END, expires_at DESC LIMIT 2"};
static const struct db_query insert_client_secret = {
        "insert_client_secret",
        "INSERT INTO client_secrets (id, editor_id, kind, hash, salt, iterations, created_at, expires_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"};
static const struct db_query delete_old_client_secrets = {
        "delete_old_client_secrets",
        "DELETE FROM client_secrets WHERE editor_id = $1 AND ($2 = 0 OR expires_at IS NOT NULL)"};
static const struct db_query expire_client_secret = {
        "expire_client_secret",
        "UPDATE client_secrets SET expires_at = $2 WHERE editor_id = $1 AND expires_at IS NULL"};
static const struct db_query select_client = {
        "select_client",
        "SELECT s.kind, s.hash, s.salt, s.iterations, s.created_at, s.expires_at, e.id, e.active, e.authorized, e.name "
        "FROM editors e JOIN client_secrets s ON s.editor_id = e.id "
        "WHERE e.client_id = $1 AND (s.expires_at IS NULL OR s.expires_at > $2) LIMIT 2"};
static const struct db_query select_imported = {"select_imported",
                                                "SELECT 1 FROM client_secrets WHERE kind = 'pbkdf2' LIMIT 1"};

static const struct db_query select_webhook_secrets = {
        "select_webhook_secrets", "SELECT sealed, created_at, expires_at FROM webhook_secrets "
                                  "WHERE editor_id = $1 AND (expires_at IS NULL OR expires_at > $2) "
                                  "ORDER BY CASE WHEN expires_at IS NULL THEN 0 ELSE 1 END, expires_at DESC LIMIT 2"};
static const struct db_query insert_webhook_secret = {
        "insert_webhook_secret", "INSERT INTO webhook_secrets (id, editor_id, sealed, created_at, expires_at) "
                                 "VALUES ($1, $2, $3, $4, $5)"};
static const struct db_query delete_old_webhook_secrets = {
        "delete_old_webhook_secrets",
        "DELETE FROM webhook_secrets WHERE editor_id = $1 AND ($2 = 0 OR expires_at IS NOT NULL)"};
static const struct db_query expire_webhook_secret = {
        "expire_webhook_secret",
        "UPDATE webhook_secrets SET expires_at = $2 WHERE editor_id = $1 AND expires_at IS NULL"};

static const struct db_query insert_audit = {
        "insert_audit",
        "INSERT INTO audit_log (id, at, who, action, editor_id, detail) VALUES ($1, $2, $3, $4, $5, $6)"};

static const struct db_query put_audit = {
        "put_audit", "INSERT INTO audit_log (id, at, who, action, editor_id, detail) VALUES ($1, $2, $3, $4, $5, $6) "
                     "ON CONFLICT (id) DO UPDATE SET detail = excluded.detail"};
#define SELECT_AUDIT                                                              \
        "SELECT a.id, a.at, a.who, a.action, a.editor_id, a.detail, e.client_id " \
        "FROM audit_log a LEFT JOIN editors e ON e.id = a.editor_id "             \
        "WHERE (a.at > $1 OR (a.at = $1 AND a.id > $2))"
static const struct db_query select_audit = {"select_audit", SELECT_AUDIT " ORDER BY a.at, a.id LIMIT $3"};
static const struct db_query select_audit_of_editor = {"select_audit_of_editor", SELECT_AUDIT
                                                       " AND a.editor_id = $4 ORDER BY a.at, a.id LIMIT $3"};
static const struct db_query prune_audit = {
        "prune_audit", "DELETE FROM audit_log WHERE id IN "
                       "(SELECT id FROM audit_log WHERE at < $2 AND who = $1 ORDER BY at LIMIT $3)"};

static const struct db_query delete_editor = {"delete_editor", "DELETE FROM editors WHERE id = $1 AND version = $2"};
static const struct db_query delete_client_secrets = {"delete_client_secrets",
                                                      "DELETE FROM client_secrets WHERE editor_id = $1"};
static const struct db_query delete_webhook_secrets = {"delete_webhook_secrets",
                                                       "DELETE FROM webhook_secrets WHERE editor_id = $1"};

static const struct db_query select_to_assert = {
        "select_to_assert", "SELECT id, version, active, authorized FROM editors "
                            "WHERE asserted_version < version OR updated_at > $1 ORDER BY id LIMIT $2"};
static const struct db_query update_asserted = {
        "update_asserted", "UPDATE editors SET asserted_version = $2 WHERE id = $1 AND asserted_version < $2"};

static const char *const kinds[] = {[SECRET_SHA256] = "sha256", [SECRET_PBKDF2] = "pbkdf2"};

static struct db_value time_or_null(int64_t ms)
{
        return ms ? DB_INT(ms) : DB_NULL;
}

/* ---- reading ---- */

static void read_editor(const struct db_rows *rows, struct arena *arena, struct editor *ret_editor)
{
        *ret_editor = (struct editor){
                .id = arena_strdup(arena, db_text(rows, 0)),
                .client_id = arena_strdup(arena, db_text(rows, 1)),
                .name = arena_strdup(arena, db_text(rows, 2)),
                .active = db_int(rows, 3) != 0,
                .authorized = db_int(rows, 4) != 0,
                .webhook_url = arena_strdup(arena, db_text(rows, 5)),
                .return_url = arena_strdup(arena, db_text(rows, 6)),
                .retry_schedule = arena_strdup(arena, db_text(rows, 7)),
                .version = db_int(rows, 8),
                .created_ms = db_int(rows, 9),
                .updated_ms = db_int(rows, 10),
        };
}

/* ERR_CORRUPT when the column is not of that size. */
static enum err read_bytes(const struct db_rows *rows, int column, void *ret_bytes, size_t size)
{
        size_t length = 0;
        const void *bytes = db_blob(rows, column, &length);

        if (!bytes || length != size)
                return ERR_CORRUPT;
        memcpy(ret_bytes, bytes, size);
        return ERR_OK;
}

static enum err read_client_secret(const struct db_rows *rows, struct client_secret *ret_secret)
{
        struct client_secret secret = {
                .kind = str_equal(db_text(rows, 0), kinds[SECRET_PBKDF2]) ? SECRET_PBKDF2 : SECRET_SHA256,
                .iterations = db_int(rows, 3),
                .created_ms = db_int(rows, 4),
                .expires_ms = db_int(rows, 5),
        };
        enum err err = read_bytes(rows, 1, secret.hash, sizeof(secret.hash));

        if (!err && secret.kind == SECRET_PBKDF2)
                err = read_bytes(rows, 2, secret.salt, sizeof(secret.salt));
        if (err)
                return err;
        *ret_secret = secret;
        return ERR_OK;
}

static enum err load_client_secrets(struct db_tx *tx, int64_t now_ms, struct editor *editor)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_client_secrets, DB_PARAMS(DB_TEXT(editor->id), DB_INT(now_ms)), &rows);

        editor->client_secret_count = 0;
        while (!err && editor->client_secret_count < EDITOR_SECRETS_MAX && db_next(&rows, &err)) {
                err = read_client_secret(&rows, &editor->client_secrets[editor->client_secret_count]);
                editor->client_secret_count++;
        }
        return err;
}

static enum err load_webhook_secrets(struct db_tx *tx, struct arena *arena, int64_t now_ms, struct editor *editor)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_webhook_secrets, DB_PARAMS(DB_TEXT(editor->id), DB_INT(now_ms)), &rows);

        editor->webhook_secret_count = 0;
        while (!err && editor->webhook_secret_count < EDITOR_SECRETS_MAX && db_next(&rows, &err))
                editor->webhook_secrets[editor->webhook_secret_count++] = (struct webhook_secret){
                        .sealed = arena_strdup(arena, db_text(&rows, 0)),
                        .created_ms = db_int(&rows, 1),
                        .expires_ms = db_int(&rows, 2),
                };
        return err;
}

static enum err load_editor(struct db_tx *tx, struct arena *arena, const char *ref, struct editor *ret_editor)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_editor, DB_PARAMS(DB_TEXT(ref)), &rows);

        if (err)
                return err;
        if (!db_next(&rows, &err))
                return err ? err : ERR_NOT_FOUND;
        read_editor(&rows, arena, ret_editor);
        return ERR_OK;
}

enum err auth_store_find(struct db_tx *tx, struct arena *arena, const char *ref, int64_t now_ms,
                         struct editor *ret_editor)
{
        struct editor editor;
        enum err err = load_editor(tx, arena, ref, &editor);

        if (!err)
                err = load_client_secrets(tx, now_ms, &editor);
        if (!err)
                err = load_webhook_secrets(tx, arena, now_ms, &editor);
        if (err)
                return err;
        *ret_editor = editor;
        return ERR_OK;
}

enum err auth_store_find_client(struct db_tx *tx, struct arena *arena, const char *client_id, int64_t now_ms,
                                struct editor *ret_editor)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        struct editor editor = {.client_id = arena_strdup(arena, client_id)};
        enum err err = db_select(tx, &select_client, DB_PARAMS(DB_TEXT(client_id), DB_INT(now_ms)), &rows);

        while (!err && editor.client_secret_count < EDITOR_SECRETS_MAX && db_next(&rows, &err)) {
                err = read_client_secret(&rows, &editor.client_secrets[editor.client_secret_count]);
                editor.client_secret_count++;
                editor.id = arena_strdup(arena, db_text(&rows, 6));
                editor.active = db_int(&rows, 7) != 0;
                editor.authorized = db_int(&rows, 8) != 0;
                editor.name = arena_strdup(arena, db_text(&rows, 9));
        }
        if (err)
                return err;
        if (!editor.id)
                return ERR_NOT_FOUND;
        *ret_editor = editor;
        return ERR_OK;
}

enum err auth_store_list(struct db_tx *tx, struct arena *arena, int64_t after_ms, const char *after_id, size_t max,
                         struct editor *ret_editors, size_t *ret_count)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        size_t count = 0;
        enum err err = db_select(tx, &select_editors,
                                 DB_PARAMS(DB_INT(after_ms), DB_TEXT(after_id), DB_INT((int64_t)max)), &rows);

        while (!err && count < max && db_next(&rows, &err))
                read_editor(&rows, arena, &ret_editors[count++]);
        if (err)
                return err;
        *ret_count = count;
        return ERR_OK;
}

enum err auth_store_has_imported(struct db_tx *tx, bool *ret_imported)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        enum err err = db_select(tx, &select_imported, DB_NO_PARAMS, &rows);
        bool found;

        if (err)
                return err;
        found = db_next(&rows, &err);
        if (err)
                return err;
        *ret_imported = found;
        return ERR_OK;
}

/* ---- writing ---- */

enum err auth_store_insert(struct db_tx *tx, const struct editor *editor)
{
        return db_exec(tx, &insert_editor,
                       DB_PARAMS(DB_TEXT(editor->id), DB_TEXT(editor->client_id), DB_TEXT(editor->name),
                                 DB_INT(editor->active), DB_INT(editor->authorized), DB_TEXT(editor->webhook_url),
                                 DB_TEXT(editor->return_url), DB_TEXT(editor->retry_schedule), DB_INT(editor->version),
                                 DB_INT(editor->created_ms), DB_INT(editor->updated_ms)),
                       NULL);
}

enum err auth_store_update(struct db_tx *tx, const struct editor *editor)
{
        int64_t changes = 0;
        enum err err =
                db_exec(tx, &update_editor,
                        DB_PARAMS(DB_TEXT(editor->id), DB_TEXT(editor->name), DB_INT(editor->active),
                                  DB_INT(editor->authorized), DB_TEXT(editor->webhook_url), DB_TEXT(editor->return_url),
                                  DB_TEXT(editor->retry_schedule), DB_INT(editor->version), DB_INT(editor->updated_ms)),
                        &changes);

        if (err)
                return err;
        return changes == 1 ? ERR_OK : ERR_CONFLICT;
}

enum err auth_store_add_client_secret(struct db_tx *tx, const char *editor_id, const struct client_secret *secret)
{
        char id[ID_UUID_MAX];
        bool imported = secret->kind == SECRET_PBKDF2;

        return db_exec(tx, &insert_client_secret,
                       DB_PARAMS(DB_TEXT(id_uuid7(id)), DB_TEXT(editor_id), DB_TEXT(kinds[secret->kind]),
                                 DB_BLOB(secret->hash, sizeof(secret->hash)),
                                 imported ? DB_BLOB(secret->salt, sizeof(secret->salt)) : DB_NULL,
                                 imported ? DB_INT(secret->iterations) : DB_NULL, DB_INT(secret->created_ms),
                                 time_or_null(secret->expires_ms)),
                       NULL);
}

enum err auth_store_add_webhook_secret(struct db_tx *tx, const char *editor_id, const struct webhook_secret *secret)
{
        char id[ID_UUID_MAX];

        return db_exec(tx, &insert_webhook_secret,
                       DB_PARAMS(DB_TEXT(id_uuid7(id)), DB_TEXT(editor_id), DB_TEXT(secret->sealed),
                                 DB_INT(secret->created_ms), time_or_null(secret->expires_ms)),
                       NULL);
}

static enum err end_secrets(struct db_tx *tx, const struct db_query *drop, const struct db_query *expire,
                            const char *editor_id, int64_t expires_ms)
{
        enum err err = db_exec(tx, drop, DB_PARAMS(DB_TEXT(editor_id), DB_INT(expires_ms)), NULL);

        if (err || expires_ms == 0)
                return err;
        return db_exec(tx, expire, DB_PARAMS(DB_TEXT(editor_id), DB_INT(expires_ms)), NULL);
}

enum err auth_store_end_client_secrets(struct db_tx *tx, const char *editor_id, int64_t expires_ms)
{
        return end_secrets(tx, &delete_old_client_secrets, &expire_client_secret, editor_id, expires_ms);
}

enum err auth_store_end_webhook_secrets(struct db_tx *tx, const char *editor_id, int64_t expires_ms)
{
        return end_secrets(tx, &delete_old_webhook_secrets, &expire_webhook_secret, editor_id, expires_ms);
}

enum err auth_store_add_audit(struct db_tx *tx, const struct audit_entry *entry)
{
        char id[ID_UUID_MAX];

        return db_exec(tx, &insert_audit,
                       DB_PARAMS(DB_TEXT(id_uuid7(id)), DB_INT(entry->at_ms), DB_TEXT(entry->who),
                                 DB_TEXT(entry->action), DB_TEXT(entry->editor_id), DB_TEXT(entry->detail)),
                       NULL);
}

enum err auth_store_put_audit(struct db_tx *tx, const char *id, const struct audit_entry *entry)
{
        return db_exec(tx, &put_audit,
                       DB_PARAMS(DB_TEXT(id), DB_INT(entry->at_ms), DB_TEXT(entry->who), DB_TEXT(entry->action),
                                 DB_TEXT(entry->editor_id), DB_TEXT(entry->detail)),
                       NULL);
}

enum err auth_store_list_audit(struct db_tx *tx, struct arena *arena, const struct audit_page *page,
                               struct audit_entry *ret_entries, size_t *ret_count)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        const struct db_value params[] = {DB_INT(page->after_ms), DB_TEXT(page->after_id), DB_INT((int64_t)page->max),
                                          DB_TEXT(page->editor_id)};
        size_t count = 0;
        enum err err = page->editor_id ? db_select(tx, &select_audit_of_editor, params, 4, &rows)
                                       : db_select(tx, &select_audit, params, 3, &rows);

        while (!err && count < page->max && db_next(&rows, &err))
                ret_entries[count++] = (struct audit_entry){
                        .id = arena_strdup(arena, db_text(&rows, 0)),
                        .at_ms = db_int(&rows, 1),
                        .who = arena_strdup(arena, db_text(&rows, 2)),
                        .action = arena_strdup(arena, db_text(&rows, 3)),
                        .editor_id = arena_strdup(arena, db_text(&rows, 4)),
                        .detail = arena_strdup(arena, db_text(&rows, 5)),
                        .client_id = arena_strdup(arena, db_text(&rows, 6)),
                };
        if (err)
                return err;
        *ret_count = count;
        return ERR_OK;
}

enum err auth_store_prune_audit(struct db_tx *tx, const char *who, int64_t before_ms, size_t max)
{
        return db_exec(tx, &prune_audit, DB_PARAMS(DB_TEXT(who), DB_INT(before_ms), DB_INT((int64_t)max)), NULL);
}

enum err auth_store_remove(struct db_tx *tx, const struct editor *editor)
{
        int64_t changes = 0;
        enum err err = db_exec(tx, &delete_editor, DB_PARAMS(DB_TEXT(editor->id), DB_INT(editor->version)), &changes);

        if (!err && changes != 1)
                return ERR_CONFLICT;
        if (!err)
                err = db_exec(tx, &delete_client_secrets, DB_PARAMS(DB_TEXT(editor->id)), NULL);
        if (!err)
                err = db_exec(tx, &delete_webhook_secrets, DB_PARAMS(DB_TEXT(editor->id)), NULL);
        return err;
}

/* ---- what Redis is told ---- */

enum err auth_store_to_assert(struct db_tx *tx, struct arena *arena, int64_t since_ms, size_t max,
                              struct editor_state *ret_states, size_t *ret_count)
{
        AUTO(db_rows_done) struct db_rows rows = {0};
        size_t count = 0;
        enum err err = db_select(tx, &select_to_assert, DB_PARAMS(DB_INT(since_ms), DB_INT((int64_t)max)), &rows);

        while (!err && count < max && db_next(&rows, &err))
                ret_states[count++] = (struct editor_state){
                        .id = arena_strdup(arena, db_text(&rows, 0)),
                        .version = db_int(&rows, 1),
                        .usable = db_int(&rows, 2) && db_int(&rows, 3),
                };
        if (err)
                return err;
        *ret_count = count;
        return ERR_OK;
}

enum err auth_store_mark_asserted(struct db_tx *tx, const struct editor_state *state)
{
        return db_exec(tx, &update_asserted, DB_PARAMS(DB_TEXT(state->id), DB_INT(state->version)), NULL);
}
