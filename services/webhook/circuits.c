#include "services/webhook/circuits.h"

#include "common/base/file.h"

extern const struct file webhook_scripts[]; /* circuits.lua, built in */

static const struct cache_arg *arguments(struct arena *arena, const struct circuit_note *notes, size_t count,
                                         int64_t probe_ms)
{
        static const char *const words[] = {
                [CIRCUIT_OPENED] = "open", [CIRCUIT_CLOSED] = "closed", [CIRCUIT_PROBE] = "probe"};
        struct cache_arg *args = ARENA_ARRAY(arena, struct cache_arg, 1 + 3 * count);
        size_t used = 0;

        args[used++] = cache_int(arena, probe_ms);
        for (size_t i = 0; i < count; i++) {
                args[used++] = cache_text(words[notes[i].word]);
                args[used++] = cache_text(notes[i].editor_id);
                args[used++] = cache_int(arena, notes[i].left_ms);
        }
        return args;
}

static enum err read_open(struct arena *arena, const struct cache_value *list, struct circuits_heard *heard)
{
        struct circuit *open = ARENA_ARRAY(arena, struct circuit, list->length / 2 + 1);

        if (list->type != CACHE_LIST)
                return ERR_INTERNAL;
        for (size_t i = 0; i + 1 < list->length; i += 2) {
                if (list->list[i].type != CACHE_TEXT || list->list[i + 1].type != CACHE_INTEGER)
                        return ERR_INTERNAL;
                open[heard->open_count++] = (struct circuit){list->list[i].text, list->list[i + 1].integer};
        }
        heard->open = open;
        return ERR_OK;
}

static enum err read_granted(struct arena *arena, const struct cache_value *list, struct circuits_heard *heard)
{
        if (list->type != CACHE_LIST)
                return ERR_INTERNAL;
        heard->granted = ARENA_ARRAY(arena, const char *, list->length + 1);
        for (size_t i = 0; i < list->length; i++)
                if (list->list[i].type == CACHE_TEXT)
                        heard->granted[heard->granted_count++] = list->list[i].text;
        return ERR_OK;
}

enum err circuits_exchange(struct cache *cache, struct arena *arena, const struct circuit_note *notes, size_t count,
                           int64_t probe_ms, struct circuits_heard *ret_heard)
{
        const struct cache_script script = {"circuits", file_find(webhook_scripts, "circuits.lua")->data};
        const struct cache_arg keys[] = {cache_text("vr:webhook:circuits"), cache_text("vr:webhook:probes")};
        const struct cache_arg *args = arguments(arena, notes, count, probe_ms);
        struct circuits_heard heard = {0};
        struct cache_value answer;
        enum err err = cache_run(cache, arena, &script, keys, ARRAY_LEN(keys), args, 1 + 3 * count, &answer);

        if (err)
                return err;
        if (answer.type != CACHE_LIST || answer.length != 2)
                return ERR_INTERNAL;
        err = read_open(arena, &answer.list[0], &heard);
        if (!err)
                err = read_granted(arena, &answer.list[1], &heard);
        if (err)
                return err;
        *ret_heard = heard;
        return ERR_OK;
}
