#include "services/wizard/progress_store.h"

#include <string.h>

#include "common/base/file.h"
#include "common/base/json_write.h"
#include "common/io/json.h"
#include "services/wizard/wizard_events.h"

#define KEY_WAITING  "vr:wizard:outbox"
#define KEY_LAPSES   "vr:wizard:lapses"
#define KEY_SWEEP    "vr:wizard:sweep"
#define MARKER_MS    (30LL * 86400 * 1000)
#define SUBMITTED_MS (30LL * 86400 * 1000)
#define GRACE_MS     (3600LL * 1000) /* lapsed progress stays readable this long, for the sweep */
#define WAITING_MAX  100000
#define EVENTS_MAX   4

extern const struct file wizard_scripts[];

static struct cache_script script(const char *name)
{
        const struct file *file = file_find(wizard_scripts, name);

        return (struct cache_script){.name = name, .source = file->data};
}

static struct cache_arg key_of(struct arena *arena, const char *kind, const char *identifier)
{
        return cache_text(arena_printf(arena, "vr:%s:%s", kind, identifier));
}

static const char *progress_write(struct arena *arena, const struct progress *progress)
{
        AUTO(buf_done) struct buf out = {0};
        struct json_write w = json_write_to(&out);

        json_object(&w, NULL);
        json_int(&w, "version", progress->version);
        json_int(&w, "started_ms", progress->started_ms);
        json_int(&w, "updated_ms", progress->updated_ms);
        json_array(&w, "entered_ms");
        for (int i = 0; i < STEP_COUNT; i++)
                json_int(&w, NULL, progress->entered_ms[i]);
        json_end(&w);
        json_int(&w, "done", progress->done);
        json_bool(&w, "add_defense", progress->add_defense);
        json_int(&w, "answer", progress->answer);
        json_strings(&w, "chosen", progress->chosen, progress->chosen_count);
        json_end(&w);
        return arena_strdup(arena, buf_text(&out));
}

static enum err progress_read(struct arena *arena, const char *text, struct progress *ret_progress)
{
        AUTO(json_freep) struct json *root = NULL;
        struct progress progress = {0};
        const struct json *entered, *item = NULL;
        const char *const *chosen = NULL;

        if (json_parse(text, strlen(text), &root))
                return ERR_CORRUPT;
        progress.version = json_get_int(root, "version", 0);
        progress.started_ms = json_get_int(root, "started_ms", 0);
        progress.updated_ms = json_get_int(root, "updated_ms", 0);
        entered = json_get(root, "entered_ms");
        for (int i = 0; i < STEP_COUNT && (item = json_next(entered, item)); i++)
                if (json_to_int(item, &progress.entered_ms[i]))
                        return ERR_CORRUPT;
        progress.done = (int)json_get_int(root, "done", 0);
        progress.add_defense = json_get_bool(root, "add_defense", false);
        progress.answer = (enum answer)json_get_int(root, "answer", ANSWER_NONE);
        if (progress.done < 0 || progress.done > STEP_SUMMARY ||
            json_to_texts(arena, json_get(root, "chosen"), &chosen, &progress.chosen_count))
                return ERR_CORRUPT;
        progress.chosen = ARENA_ARRAY(arena, const char *, progress.chosen_count + 1);
        memcpy(progress.chosen, chosen, progress.chosen_count * sizeof(*chosen));
        *ret_progress = progress;
        return ERR_OK;
}

enum err lapsed_load(const struct progress_store *store, struct arena *arena, const char *identifier,
                     struct progress *ret_progress)
{
        const char *text = NULL;
        enum err err = cache_get(store->cache, arena, arena_printf(arena, "vr:progress:%s", identifier), &text);

        if (err)
                return err;
        return progress_read(arena, text, ret_progress);
}

static const char *text_or_null(const struct cache_value *value)
{
        return value->type == CACHE_TEXT ? value->text : NULL;
}

enum err visit_load(const struct progress_store *store, struct arena *arena, const char *identifier,
                    struct visit *ret_visit)
{
        const struct cache_arg snapshot[] = {cache_text("GET"), key_of(arena, "market", identifier)};
        const struct cache_arg progress[] = {cache_text("GET"), key_of(arena, "progress", identifier)};
        const struct cache_arg submission[] = {cache_text("EXISTS"), key_of(arena, "submission", identifier)};
        struct cache_batch_item items[] = {
                {.args = snapshot, .count = 2}, {.args = progress, .count = 2}, {.args = submission, .count = 2}};
        enum err err = cache_pipeline(store->cache, arena, items, ARRAY_LEN(items));

        if (err)
                return err;
        *ret_visit = (struct visit){
                .snapshot = text_or_null(&items[0].value),
                .progress = text_or_null(&items[1].value),
                .submitted = items[2].value.integer == 1,
        };
        return ERR_OK;
}

enum err progress_of(const struct progress_store *store, struct arena *arena, const struct visit *visit, int64_t now_ms,
                     struct progress *ret_progress)
{
        struct progress progress = {0};
        enum err err = visit->progress ? progress_read(arena, visit->progress, &progress) : ERR_NOT_FOUND;

        if (err)
                return err;
        if (progress.updated_ms + store->ttl_ms < now_ms)
                return ERR_NOT_FOUND;
        *ret_progress = progress;
        return ERR_OK;
}

static enum err exists(const struct progress_store *store, struct arena *arena, const char *kind,
                       const char *identifier, bool *ret_exists)
{
        struct cache_value value = {0};
        enum err err = cache_command(store->cache, arena,
                                     CACHE_ARGS(cache_text("EXISTS"), key_of(arena, kind, identifier)), &value);

        if (err)
                return err;
        *ret_exists = value.integer == 1;
        return ERR_OK;
}

enum err progress_was_started(const struct progress_store *store, struct arena *arena, const char *identifier,
                              bool *ret_started)
{
        return exists(store, arena, "started", identifier, ret_started);
}

/* A lapsed progress that the sweep has not ended yet is in the way of a fresh one: its version is the one to replace. */
static enum err version_in_redis(const struct progress_store *store, struct arena *arena, const char *identifier,
                                 const struct progress *progress, int64_t *ret_version)
{
        struct progress there = {0};
        enum err err;

        *ret_version = progress->version;
        if (progress->version > 0)
                return ERR_OK;
        err = lapsed_load(store, arena, identifier, &there);
        if (err == ERR_NOT_FOUND)
                return ERR_OK;
        if (!err && there.updated_ms + store->ttl_ms < progress->updated_ms)
                *ret_version = there.version;
        return err;
}

enum err progress_save(const struct progress_store *store, struct arena *arena, const char *identifier,
                       struct progress *progress, const struct event *events, size_t count)
{
        const struct cache_script save = script("save_progress.lua");
        struct cache_arg args[7 + 2 * EVENTS_MAX];
        struct cache_value value = {0};
        struct progress next = *progress;
        int64_t expected = 0;
        size_t n = 0;
        enum err err = version_in_redis(store, arena, identifier, progress, &expected);

        if (err)
                return err;
        next.version = expected + 1;
        args[n++] = cache_int(arena, expected);
        args[n++] = cache_text(progress_write(arena, &next));
        args[n++] = cache_int(arena, store->ttl_ms + GRACE_MS);
        args[n++] = cache_text(identifier);
        args[n++] = cache_int(arena, next.updated_ms + store->ttl_ms);
        args[n++] = cache_int(arena, MARKER_MS);
        args[n++] = cache_int(arena, WAITING_MAX);
        for (size_t i = 0; i < count && i < EVENTS_MAX; i++) {
                const char *json = NULL;
                err = wizard_event_write(arena, &events[i], &json);
                if (err)
                        return err;
                args[n++] = cache_text(events[i].id);
                args[n++] = cache_text(json);
        }
        err = cache_run(store->cache, arena, &save,
                        CACHE_ARGS(key_of(arena, "progress", identifier), cache_text(KEY_WAITING),
                                   cache_text(KEY_LAPSES), key_of(arena, "started", identifier)),
                        args, n, &value);
        if (err)
                return err;
        if (value.integer != 1)
                return ERR_CONFLICT;
        progress->version = next.version;
        return ERR_OK;
}

enum err submission_keep(const struct progress_store *store, struct arena *arena, const struct event *event,
                         const char **ret_id)
{
        const struct cache_script keep = script("keep_submission.lua");
        struct cache_value value = {0};
        const char *json = NULL;
        enum err err = wizard_event_write(arena, event, &json);

        if (!err)
                err = cache_run(store->cache, arena, &keep,
                                CACHE_ARGS(key_of(arena, "submission", event->subject), cache_text(KEY_WAITING)),
                                CACHE_ARGS(cache_text(event->id), cache_text(json), cache_int(arena, SUBMITTED_MS)),
                                &value);
        if (err)
                return err;
        *ret_id = value.text;
        return ERR_OK;
}

enum err submission_forget(const struct progress_store *store, struct arena *arena, const char *identifier,
                           const char *id)
{
        const struct cache_arg forget[] = {cache_text("DEL"), key_of(arena, "submission", identifier)};
        const struct cache_arg drop[] = {cache_text("HDEL"), cache_text(KEY_WAITING), cache_text(id)};
        struct cache_batch_item items[] = {{.args = drop, .count = 3}, {.args = forget, .count = 2}};

        return cache_pipeline(store->cache, arena, items, 2);
}

enum err submission_exists(const struct progress_store *store, struct arena *arena, const char *identifier,
                           bool *ret_exists)
{
        return exists(store, arena, "submission", identifier, ret_exists);
}

enum err waiting_add(const struct progress_store *store, struct arena *arena, const struct event *event)
{
        struct cache_value value = {0};
        const char *json = NULL;
        enum err err = wizard_event_write(arena, event, &json);

        if (err)
                return err;
        return cache_command(
                store->cache, arena,
                CACHE_ARGS(cache_text("HSET"), cache_text(KEY_WAITING), cache_text(event->id), cache_text(json)),
                &value);
}

enum err waiting_get(const struct progress_store *store, struct arena *arena, const char *id, struct event *ret_event)
{
        struct cache_value value = {0};
        enum err err = cache_command(store->cache, arena,
                                     CACHE_ARGS(cache_text("HGET"), cache_text(KEY_WAITING), cache_text(id)), &value);

        if (err)
                return err;
        if (value.type != CACHE_TEXT)
                return ERR_NOT_FOUND;
        return wizard_event_read(arena, id, value.text, ret_event);
}

enum err waiting_remove(const struct progress_store *store, struct arena *arena, const char *id)
{
        struct cache_value value = {0};

        return cache_command(store->cache, arena,
                             CACHE_ARGS(cache_text("HDEL"), cache_text(KEY_WAITING), cache_text(id)), &value);
}

enum err waiting_scan(const struct progress_store *store, struct arena *arena, const char **cursor,
                      struct event **ret_events, size_t *ret_count)
{
        struct cache_value value = {0};
        struct event *events;
        size_t count = 0;
        enum err err = cache_command(store->cache, arena,
                                     CACHE_ARGS(cache_text("HSCAN"), cache_text(KEY_WAITING), cache_text(*cursor),
                                                cache_text("COUNT"), cache_text("200")),
                                     &value);

        if (err)
                return err;
        if (value.type != CACHE_LIST || value.length != 2)
                return ERR_CORRUPT;
        events = ARENA_ARRAY(arena, struct event, value.list[1].length / 2 + 1);
        for (size_t i = 0; i + 1 < value.list[1].length; i += 2)
                if (!wizard_event_read(arena, value.list[1].list[i].text, value.list[1].list[i + 1].text,
                                       &events[count]))
                        count++;
        *cursor = value.list[0].text;
        *ret_events = events;
        *ret_count = count;
        return ERR_OK;
}

enum err lapsed_list(const struct progress_store *store, struct arena *arena, int64_t now_ms,
                     const char *const **ret_identifiers, size_t *ret_count)
{
        struct cache_value value = {0};
        const char **identifiers;
        enum err err = cache_command(store->cache, arena,
                                     CACHE_ARGS(cache_text("ZRANGEBYSCORE"), cache_text(KEY_LAPSES), cache_text("-inf"),
                                                cache_int(arena, now_ms), cache_text("LIMIT"), cache_text("0"),
                                                cache_text("100")),
                                     &value);

        if (err)
                return err;
        identifiers = ARENA_ARRAY(arena, const char *, value.length + 1);
        for (size_t i = 0; i < value.length; i++)
                identifiers[i] = value.list[i].text;
        *ret_identifiers = identifiers;
        *ret_count = value.length;
        return ERR_OK;
}

enum err lapsed_end(const struct progress_store *store, struct arena *arena, const char *identifier,
                    const struct event *event, bool *ret_ended)
{
        const struct cache_script end = script("end_lapsed.lua");
        struct cache_value value = {0};
        const char *json = "";
        enum err err = event ? wizard_event_write(arena, event, &json) : ERR_OK;

        if (!err)
                err = cache_run(store->cache, arena, &end,
                                CACHE_ARGS(cache_text(KEY_LAPSES), key_of(arena, "progress", identifier),
                                           cache_text(KEY_WAITING)),
                                CACHE_ARGS(cache_text(identifier), cache_text(event ? event->id : ""), cache_text(json),
                                           cache_int(arena, event ? event->time_ms : INT64_MAX)),
                                &value);
        if (err)
                return err;
        *ret_ended = value.integer == 1;
        return ERR_OK;
}

enum err sweep_turn(const struct progress_store *store, struct arena *arena, int64_t ms, bool *ret_mine)
{
        struct cache_value value = {0};
        enum err err = cache_command(store->cache, arena,
                                     CACHE_ARGS(cache_text("SET"), cache_text(KEY_SWEEP), cache_text("1"),
                                                cache_text("NX"), cache_text("PX"), cache_int(arena, ms)),
                                     &value);

        if (err)
                return err;
        *ret_mine = value.type != CACHE_NIL;
        return ERR_OK;
}
