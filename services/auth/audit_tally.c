#include "services/auth/audit_tally.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/id.h"
#include "common/base/json_write.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "services/auth/auth_store.h"

#define WINDOW_MS (60 * INT64_C(1000))
#define OVERFLOW  "too_many_kinds" /* the reason of what found no room */

struct line {
        char id[ID_UUID_MAX];
        const char *action, *reason;
        char editor_id[ID_UUID_MAX]; /* "": nobody's that we know */
        int64_t first_ms, last_ms;
        int64_t count, written; /* written: the count that the database has */
};

struct audit_tally {
        pthread_mutex_t lock;
        size_t used;
        struct line lines[LIMIT_AUDIT_TALLY + 1]; /* the last one is for the overflow */
};

enum err audit_tally_new(struct audit_tally **ret_tally)
{
        struct audit_tally *tally = calloc(1, sizeof(*tally));

        if (!tally)
                return ERR_NO_MEMORY;
        pthread_mutex_init(&tally->lock, NULL);
        *ret_tally = tally;
        return ERR_OK;
}

void audit_tally_free(struct audit_tally *tally)
{
        if (!tally)
                return;
        pthread_mutex_destroy(&tally->lock);
        free(tally);
}

/* ---- counting ---- */

static struct line *find(struct audit_tally *tally, const struct line *wanted)
{
        for (size_t i = 0; i < tally->used; i++) {
                struct line *line = &tally->lines[i];

                if (str_equal(line->editor_id, wanted->editor_id) && str_equal(line->reason, wanted->reason) &&
                    str_equal(line->action, wanted->action))
                        return line;
        }
        return NULL;
}

static struct line *add(struct audit_tally *tally, const struct line *wanted)
{
        struct line *line = &tally->lines[tally->used++];

        *line = *wanted;
        id_uuid7(line->id);
        return line;
}

/* A full table has one line left, which takes whatever comes. */
static struct line *find_or_add(struct audit_tally *tally, struct line *wanted)
{
        struct line *line = find(tally, wanted);

        if (line)
                return line;
        if (tally->used < LIMIT_AUDIT_TALLY)
                return add(tally, wanted);
        wanted->reason = OVERFLOW;
        wanted->editor_id[0] = '\0';
        line = find(tally, wanted);
        if (line)
                return line;
        return tally->used <= LIMIT_AUDIT_TALLY ? add(tally, wanted) : &tally->lines[LIMIT_AUDIT_TALLY];
}

void audit_tally_count(struct audit_tally *tally, const char *action, const char *reason, const char *editor_id,
                       int64_t now_ms)
{
        struct line wanted = {.action = action, .reason = reason, .first_ms = now_ms}, *line;

        (void)snprintf(wanted.editor_id, sizeof(wanted.editor_id), "%s", editor_id ? editor_id : "");
        pthread_mutex_lock(&tally->lock);
        line = find_or_add(tally, &wanted);
        line->count++;
        line->last_ms = now_ms;
        pthread_mutex_unlock(&tally->lock);
}

/* ---- writing ---- */

struct batch {
        struct arena *arena;
        struct line *lines;
        size_t count;
};

static enum err write_line(struct db_tx *tx, struct arena *arena, const struct line *line)
{
        AUTO(buf_done) struct buf json = {0};
        struct json_write w = json_write_to(&json);
        enum err err;

        json_object(&w, NULL);
        json_string(&w, "reason", line->reason);
        json_int(&w, "count", line->count);
        json_time(&w, "last_at", line->last_ms);
        json_end(&w);
        err = buf_err(&json);
        if (err)
                return err;
        return auth_store_put_audit(tx, line->id,
                                    &(struct audit_entry){.who = AUDIT_TALLY_WHO,
                                                          .action = line->action,
                                                          .editor_id = line->editor_id,
                                                          .detail = arena_strdup(arena, buf_text(&json)),
                                                          .at_ms = line->first_ms});
}

static enum err write_batch(struct db_tx *tx, void *arg)
{
        const struct batch *batch = arg;
        enum err err = ERR_OK;

        for (size_t i = 0; !err && i < batch->count; i++)
                err = write_line(tx, batch->arena, &batch->lines[i]);
        return err;
}

static void copy_changed(struct audit_tally *tally, struct batch *batch)
{
        pthread_mutex_lock(&tally->lock);
        batch->lines = ARENA_ARRAY(batch->arena, struct line, tally->used + 1);
        for (size_t i = 0; i < tally->used; i++)
                if (tally->lines[i].count > tally->lines[i].written)
                        batch->lines[batch->count++] = tally->lines[i];
        pthread_mutex_unlock(&tally->lock);
}

static void mark_written(struct audit_tally *tally, const struct batch *batch)
{
        for (size_t i = 0; i < batch->count; i++) {
                struct line *line = find(tally, &batch->lines[i]);

                if (line)
                        line->written = batch->lines[i].count;
        }
}

/* A line whose minute is over, and which the database has whole, makes room. */
static void drop_finished(struct audit_tally *tally, int64_t now_ms)
{
        size_t kept = 0;

        for (size_t i = 0; i < tally->used; i++) {
                const struct line *line = &tally->lines[i];
                bool over = now_ms < line->first_ms || now_ms - line->first_ms >= WINDOW_MS;

                if (!over || line->count > line->written)
                        tally->lines[kept++] = *line;
        }
        tally->used = kept;
}

enum err audit_tally_flush(struct audit_tally *tally, struct db *db, int64_t now_ms)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct batch batch = {.arena = arena};
        enum err err = ERR_OK;

        copy_changed(tally, &batch);
        if (batch.count > 0)
                err = db_write(db, write_batch, &batch);
        if (err)
                return err;
        pthread_mutex_lock(&tally->lock);
        mark_written(tally, &batch);
        drop_finished(tally, now_ms);
        pthread_mutex_unlock(&tally->lock);
        return ERR_OK;
}
