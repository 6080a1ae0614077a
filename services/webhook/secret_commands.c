/*
 * `vr-webhook secrets reencrypt`: every stored secret under the first key of VR_SECRET_KEYS, while the service runs. Then the
 * keys behind it can be taken away, once auth's database and the topic hold none of theirs either.
 */
#include <stdlib.h>
#include <string.h>

#include "common/app/sealed.h"
#include "common/base/json_write.h"
#include "common/io/crypto.h"
#include "services/webhook/command.h"

#define BATCH 100 /* endpoints a transaction: the sender waits for no more */

struct work {
        const struct keyring *keyring;
        struct arena *arena; /* outlives the batches */
        const char *after_id;
        size_t found;
        /* of this batch, set afresh by each run */
        int64_t secrets, reencrypted, unreadable;
        const char *last_id, *unreadable_id;
};

/* `*secret` sealed anew when it has to be. */
static enum err renew(struct work *work, struct arena *arena, const char *editor_id, const char **secret, bool *changed)
{
        const char *plain = NULL;
        enum err err;

        if (!*secret)
                return ERR_OK;
        work->secrets++;
        if (sealed_is_current(work->keyring, *secret))
                return ERR_OK;
        err = sealed_open(work->keyring, arena, editor_id, *secret, &plain);
        if (err == ERR_NOT_FOUND || err == ERR_CORRUPT) {
                work->unreadable++;
                work->unreadable_id = arena_strdup(work->arena, editor_id);
                return ERR_OK;
        }
        if (err)
                return err;
        err = sealed_seal(work->keyring, arena, editor_id, plain, secret);
        crypto_wipe((char *)plain, strlen(plain));
        work->reencrypted += !err;
        *changed = true;
        return err;
}

static enum err renew_batch(struct db_tx *tx, void *arg)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct work *work = arg;
        struct endpoint *list = ARENA_ARRAY(arena, struct endpoint, BATCH);
        enum err err = store_endpoints_after(tx, arena, work->after_id, BATCH, list, &work->found);

        work->secrets = work->reencrypted = work->unreadable = 0;
        for (size_t i = 0; !err && i < work->found; i++) {
                bool changed = false;

                err = renew(work, arena, list[i].editor_id, &list[i].secret, &changed);
                if (!err)
                        err = renew(work, arena, list[i].editor_id, &list[i].old_secret, &changed);
                if (!err && changed)
                        err = store_save_secrets(tx, &list[i]);
                work->last_id = arena_strdup(work->arena, list[i].editor_id);
        }
        return err;
}

enum err command_reencrypt(struct run *run)
{
        AUTO(keyring_freep) struct keyring *keyring = NULL;
        struct json_write w = json_write_to(&run->out);
        struct work work = {.arena = run->arena, .after_id = ""};
        int64_t secrets = 0, reencrypted = 0, unreadable = 0;
        const char *detail = NULL;
        enum err err = keyring_new(run->settings->secret_keys, &keyring, &detail);

        if (err)
                return command_fails(run, err, detail ? detail : "VR_SECRET_KEYS can't be used");
        work.keyring = keyring;
        do {
                err = db_write(run->db, renew_batch, &work);
                if (err)
                        return err;
                work.after_id = work.last_id;
                secrets += work.secrets;
                reencrypted += work.reencrypted;
                unreadable += work.unreadable;
        } while (work.found == BATCH);
        json_object(&w, NULL);
        json_int(&w, "secrets", secrets);
        json_int(&w, "reencrypted", reencrypted);
        json_int(&w, "unreadable", unreadable);
        json_string(&w, "unreadable_editor", work.unreadable_id);
        json_end(&w);
        run->status = unreadable ? EXIT_FAILURE : EXIT_SUCCESS;
        return buf_err(&run->out);
}
