#include "services/auth/client_check.h"

#include <time.h>

#include "common/base/clock.h"
#include "common/base/str.h"
#include "services/auth/client_secret.h"
#include "services/auth/editor_rules.h"

struct lookup {
        struct arena *arena;
        const char *client_id;
        int64_t now_ms;
        struct editor editor; /* without an id: there is none */
};

static enum err look_up(struct db_tx *tx, void *arg)
{
        struct lookup *lookup = arg;
        enum err err;

        lookup->editor = (struct editor){0};
        err = auth_store_find_client(tx, lookup->arena, lookup->client_id, lookup->now_ms, &lookup->editor);
        return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err look_for_imported(struct db_tx *tx, void *arg)
{
        return auth_store_has_imported(tx, arg);
}

static bool has_imported(const struct editor *editor)
{
        for (size_t i = 0; i < editor->client_secret_count; i++)
                if (editor->client_secrets[i].kind == SECRET_PBKDF2)
                        return true;
        return false;
}

/* Sleeps rather than computes: strangers must not get to keep the processor busy. */
static void wait_as_long_as_imported(struct client_checker *checker, int64_t started_ns)
{
        int64_t slow_ns = atomic_load(&checker->slow_ns);
        struct client_secret unused;

        if (slow_ns == 0) {
                int64_t from_ns = clock_mono_ns();

                if (!client_secret_import("", 0, &unused))
                        atomic_store(&checker->slow_ns, clock_mono_ns() - from_ns);
                return;
        }
        int64_t left_ns = started_ns + slow_ns - clock_mono_ns();
        if (left_ns <= 0)
                return;
        struct timespec pause = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
        nanosleep(&pause, NULL);
}

enum err client_check(struct client_checker *checker, struct arena *arena, const struct oauth_credentials *credentials,
                      struct editor *ret_editor)
{
        struct lookup lookup = {.arena = arena, .client_id = credentials->client_id, .now_ms = clock_wall_ms()};
        int64_t started_ns = clock_mono_ns();
        bool right = false, imported_exist = false, slow;
        enum err err;

        if (editor_client_id_problem(credentials->client_id))
                lookup.client_id = ""; /* nobody's, and fit for the database */
        err = db_read(checker->db, look_up, &lookup);
        if (err)
                return err;
        started_ns = clock_mono_ns();
        err = client_secret_check(credentials->client_secret, lookup.editor.client_secrets,
                                  lookup.editor.client_secret_count, &right);
        if (err)
                return err;
        slow = has_imported(&lookup.editor);
        if (slow)
                atomic_store(&checker->slow_ns, (clock_mono_ns() - started_ns) / lookup.editor.client_secret_count);
        if (!right && !slow) { /* whether there is such a client or not: both cost the same */
                err = db_read(checker->db, look_for_imported, &imported_exist);
                if (err)
                        return err;
        }
        if (imported_exist)
                wait_as_long_as_imported(checker, started_ns);
        *ret_editor = lookup.editor;
        if (!right)
                return ERR_UNAUTHORIZED;
        return lookup.editor.active && lookup.editor.authorized ? ERR_OK : ERR_FORBIDDEN;
}
