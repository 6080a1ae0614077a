#include "services/auth/editor_changes.h"

#include "common/app/outbox.h"
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/str.h"
#include "services/auth/auth_events.h"
#include "services/auth/editor_json.h"

/* One change of an editor that exists. `apply` changes `editor`, or rows beside it, and says so in `changed`. */
struct work {
        const struct editor_change *change;
        const char *ref, *action;
        enum err (*apply)(struct db_tx *tx, struct work *work);
        struct editor editor;
        bool changed;

        const struct editor_update *update;
        enum editor_flag flag;
        bool value;
        const struct client_secret *secret;
        editor_seal seal;
        void *seal_arg;
        int64_t overlap_ms;
};

/* ---- what each change leaves behind ---- */

/* The state that results, as JSON: what an auditor wants to see, and nothing secret. */
static enum err describe(struct arena *arena, const struct editor *editor, const char **ret_detail)
{
        AUTO(buf_done) struct buf json = {0};
        struct json_write w = json_write_to(&json);
        enum err err;

        json_object(&w, NULL);
        editor_json_members(&w, editor);
        editor_json_secrets(&w, editor);
        json_end(&w);
        err = buf_err(&json);
        if (err)
                return err;
        *ret_detail = arena_strdup(arena, buf_text(&json));
        return ERR_OK;
}

static enum err record(struct db_tx *tx, const struct editor_change *change, const struct editor *editor,
                       const char *action)
{
        struct audit_entry entry = {
                .who = change->who, .action = action, .editor_id = editor->id, .at_ms = change->now_ms};
        enum err err = describe(change->arena, editor, &entry.detail);

        return err ? err : auth_store_add_audit(tx, &entry);
}

static enum err announce(struct db_tx *tx, const struct editor_change *change, const struct editor *editor)
{
        struct event event;
        enum err err = auth_event_updated(change->arena, editor, &event);

        return err ? err : outbox_add(tx, &event);
}

/* ---- creation ---- */

/* What is made or removed. */
struct whole {
        const struct editor_change *change;
        const struct editor *editor;
};

static enum err insert(struct db_tx *tx, const struct editor *editor)
{
        enum err err = auth_store_insert(tx, editor);

        if (!err)
                err = auth_store_add_client_secret(tx, editor->id, &editor->client_secrets[0]);
        if (!err)
                err = auth_store_add_webhook_secret(tx, editor->id, &editor->webhook_secrets[0]);
        return err;
}

static enum err create(struct db_tx *tx, void *arg)
{
        const struct whole *creation = arg;
        struct editor namesake;
        /* a client id that is another editor's id would make `EDITOR` ambiguous */
        enum err err = auth_store_find(tx, creation->change->arena, creation->editor->client_id,
                                       creation->change->now_ms, &namesake);

        if (err != ERR_NOT_FOUND)
                return err ? err : ERR_CONFLICT;
        err = insert(tx, creation->editor);
        if (!err)
                err = record(tx, creation->change, creation->editor, "editor.create");
        if (!err)
                err = announce(tx, creation->change, creation->editor);
        return err;
}

enum err editor_create(const struct editor_change *change, const struct editor *editor)
{
        struct whole creation = {change, editor};

        return db_write(change->db, create, &creation);
}

/* ---- changes of one that exists ---- */

static enum err change_editor(struct db_tx *tx, void *arg)
{
        struct work *work = arg;
        const struct editor_change *change = work->change;
        enum err err = auth_store_find(tx, change->arena, work->ref, change->now_ms, &work->editor);

        work->changed = false;
        if (!err)
                err = work->apply(tx, work);
        if (err || !work->changed)
                return err;
        work->editor.version++;
        work->editor.updated_ms = change->now_ms;
        err = auth_store_update(tx, &work->editor);
        if (!err) /* again, for the secrets as they are now */
                err = auth_store_find(tx, change->arena, work->editor.id, change->now_ms, &work->editor);
        if (!err)
                err = record(tx, change, &work->editor, work->action);
        if (!err)
                err = announce(tx, change, &work->editor);
        return err;
}

static enum err run(struct work *work, struct editor *ret_editor)
{
        enum err err = db_write(work->change->db, change_editor, work);

        if (err)
                return err;
        *ret_editor = work->editor;
        return ERR_OK;
}

/* `value` NULL: left alone; "": becomes null. */
static void set_text(struct work *work, const char **member, const char *value)
{
        const char *wanted = value && *value ? value : NULL;

        if (!value || str_equal(*member, wanted))
                return;
        *member = wanted;
        work->changed = true;
}

static enum err apply_update(struct db_tx *tx, struct work *work)
{
        (void)tx;
        set_text(work, &work->editor.name, work->update->name);
        set_text(work, &work->editor.webhook_url, work->update->webhook_url);
        set_text(work, &work->editor.return_url, work->update->return_url);
        set_text(work, &work->editor.retry_schedule, work->update->retry_schedule);
        return ERR_OK;
}

enum err editor_update(const struct editor_change *change, const char *ref, const struct editor_update *update,
                       struct editor *ret_editor)
{
        struct work work = {
                .change = change, .ref = ref, .action = "editor.update", .apply = apply_update, .update = update};

        return run(&work, ret_editor);
}

static enum err apply_flag(struct db_tx *tx, struct work *work)
{
        bool *member = work->flag == EDITOR_ACTIVE ? &work->editor.active : &work->editor.authorized;

        (void)tx;
        work->changed = *member != work->value;
        *member = work->value;
        return ERR_OK;
}

enum err editor_set_flag(const struct editor_change *change, const char *ref, enum editor_flag flag, bool value,
                         struct editor *ret_editor)
{
        static const char *const actions[][2] = {
                [EDITOR_ACTIVE] = {"editor.deactivate", "editor.activate"},
                [EDITOR_AUTHORIZED] = {"editor.deauthorize", "editor.authorize"},
        };
        struct work work = {.change = change,
                            .ref = ref,
                            .action = actions[flag][value],
                            .apply = apply_flag,
                            .flag = flag,
                            .value = value};

        return run(&work, ret_editor);
}

static int64_t end_of_overlap(const struct work *work)
{
        return work->overlap_ms ? work->change->now_ms + work->overlap_ms : 0;
}

static enum err apply_client_secret(struct db_tx *tx, struct work *work)
{
        enum err err = auth_store_end_client_secrets(tx, work->editor.id, end_of_overlap(work));

        work->changed = true;
        return err ? err : auth_store_add_client_secret(tx, work->editor.id, work->secret);
}

enum err editor_rotate_client_secret(const struct editor_change *change, const char *ref,
                                     const struct client_secret *secret, int64_t overlap_ms, struct editor *ret_editor)
{
        struct work work = {.change = change,
                            .ref = ref,
                            .action = "editor.rotate_secret",
                            .apply = apply_client_secret,
                            .secret = secret,
                            .overlap_ms = overlap_ms};

        return run(&work, ret_editor);
}

static enum err apply_webhook_secret(struct db_tx *tx, struct work *work)
{
        struct webhook_secret secret = {.created_ms = work->change->now_ms};
        enum err err = work->seal(work->seal_arg, work->editor.id, &secret.sealed);

        if (!err)
                err = auth_store_end_webhook_secrets(tx, work->editor.id, end_of_overlap(work));
        work->changed = true;
        return err ? err : auth_store_add_webhook_secret(tx, work->editor.id, &secret);
}

enum err editor_rotate_webhook_secret(const struct editor_change *change, const char *ref, editor_seal seal, void *arg,
                                      int64_t overlap_ms, struct editor *ret_editor)
{
        struct work work = {.change = change,
                            .ref = ref,
                            .action = "editor.rotate_webhook_secret",
                            .apply = apply_webhook_secret,
                            .seal = seal,
                            .seal_arg = arg,
                            .overlap_ms = overlap_ms};

        return run(&work, ret_editor);
}

static enum err audit_revocation(struct db_tx *tx, void *arg)
{
        struct work *work = arg;
        enum err err = auth_store_find(tx, work->change->arena, work->ref, work->change->now_ms, &work->editor);

        return err ? err : record(tx, work->change, &work->editor, work->action);
}

enum err editor_tokens_revoked(const struct editor_change *change, const char *ref, struct editor *ret_editor)
{
        struct work work = {.change = change, .ref = ref, .action = "editor.revoke_tokens"};
        enum err err = db_write(change->db, audit_revocation, &work);

        if (err)
                return err;
        *ret_editor = work.editor;
        return ERR_OK;
}

/* ---- removal ---- */

static enum err remove_editor(struct db_tx *tx, void *arg)
{
        const struct whole *removal = arg;
        struct event event;
        enum err err = auth_store_remove(tx, removal->editor);

        if (!err)
                err = record(tx, removal->change, removal->editor, "editor.remove");
        if (!err)
                err = auth_event_removed(removal->change->arena, removal->editor->id, removal->change->now_ms, &event);
        return err ? err : outbox_add(tx, &event);
}

enum err editor_remove(const struct editor_change *change, const struct editor *editor)
{
        struct whole removal = {change, editor};

        return db_write(change->db, remove_editor, &removal);
}

/* ---- reading ---- */

struct reading {
        struct arena *arena;
        const char *ref;
        struct editor editor;
};

static enum err read_editor(struct db_tx *tx, void *arg)
{
        struct reading *reading = arg;

        return auth_store_find(tx, reading->arena, reading->ref, clock_wall_ms(), &reading->editor);
}

enum err editor_read(struct db *db, struct arena *arena, const char *ref, struct editor *ret_editor)
{
        struct reading reading = {.arena = arena, .ref = ref};
        enum err err = db_read(db, read_editor, &reading);

        if (err)
                return err;
        *ret_editor = reading.editor;
        return ERR_OK;
}
