#include "services/wizard/step_rules.h"

#include <string.h>

static const char *const names[STEP_COUNT] = {"setup", "required_fields", "additional_fields", "summary"};

const char *step_name(enum step step)
{
        return names[step];
}

enum step progress_step(const struct progress *progress)
{
        return (enum step)progress->done;
}

bool progress_opens(const struct progress *progress, enum step step)
{
        return (int)step <= progress->done;
}

unsigned progress_types(const struct progress *progress, unsigned editor_types)
{
        return editor_types | (progress->add_defense ? MARKET_TYPE_DEFENSE : 0u);
}

static bool choosable(const struct catalogue_field *field, unsigned types)
{
        return field && catalogue_field_applies(field, types) && !catalogue_field_required(field, types);
}

/* Keeps the choices that the types still allow; how many went. */
static size_t drop_choices(struct progress *progress, const struct catalogue *catalogue, unsigned types)
{
        size_t kept = 0, before = progress->chosen_count;

        for (size_t i = 0; i < before; i++)
                if (choosable(catalogue_find(catalogue, progress->chosen[i]), types))
                        progress->chosen[kept++] = progress->chosen[i];
        progress->chosen_count = kept;
        return before - kept;
}

size_t progress_accept_setup(struct progress *progress, const struct catalogue *catalogue, unsigned editor_types,
                             bool add_defense)
{
        unsigned before = progress_types(progress, editor_types);
        size_t dropped;

        progress->add_defense = add_defense && !(editor_types & MARKET_TYPE_DEFENSE);
        dropped = drop_choices(progress, catalogue, progress_types(progress, editor_types));
        if (progress_types(progress, editor_types) != before && progress->done > STEP_REQUIRED)
                progress->done = STEP_REQUIRED;
        if (progress->done < STEP_REQUIRED)
                progress->done = STEP_REQUIRED;
        return dropped;
}

void progress_accept_required(struct progress *progress)
{
        if (progress->done < STEP_ADDITIONAL)
                progress->done = STEP_ADDITIONAL;
}

static bool listed(const char *const *keys, size_t count, const char *key)
{
        for (size_t i = 0; i < count; i++)
                if (strcmp(keys[i], key) == 0)
                        return true;
        return false;
}

bool progress_set_choices(struct progress *progress, struct arena *arena, const struct catalogue *catalogue,
                          unsigned editor_types, enum answer answer, const char *const *keys, size_t count)
{
        unsigned types = progress_types(progress, editor_types);
        const char **chosen = ARENA_ARRAY(arena, const char *, catalogue->field_count);
        size_t chosen_count = 0;
        bool good = true;

        for (size_t i = 0; i < count; i++) {
                const struct catalogue_field *field = catalogue_find(catalogue, keys[i]);
                good = good && field && catalogue_field_applies(field, types);
        }
        for (size_t i = 0; answer != ANSWER_NO && i < catalogue->field_count; i++)
                if (choosable(&catalogue->fields[i], types) && listed(keys, count, catalogue->fields[i].key))
                        chosen[chosen_count++] = catalogue->fields[i].key;
        progress->answer = answer;
        progress->chosen = chosen;
        progress->chosen_count = chosen_count;
        return good;
}

enum additional_error progress_check_additional(const struct progress *progress)
{
        if (progress->answer == ANSWER_NONE)
                return ADDITIONAL_ANSWER_MISSING;
        if (progress->answer == ANSWER_YES && progress->chosen_count == 0)
                return ADDITIONAL_NONE_CHOSEN;
        return ADDITIONAL_OK;
}

void progress_accept_additional(struct progress *progress)
{
        if (progress->done < STEP_SUMMARY)
                progress->done = STEP_SUMMARY;
}

void progress_reopen_additional(struct progress *progress)
{
        if (progress->done > STEP_ADDITIONAL)
                progress->done = STEP_ADDITIONAL;
}

bool progress_confirmable(const struct progress *progress, const struct catalogue *catalogue, unsigned editor_types)
{
        unsigned types = progress_types(progress, editor_types);

        if (progress->done < STEP_SUMMARY || progress_check_additional(progress) != ADDITIONAL_OK)
                return false;
        for (size_t i = 0; i < progress->chosen_count; i++)
                if (!choosable(catalogue_find(catalogue, progress->chosen[i]), types))
                        return false;
        return true;
}

void progress_drop_unfit(struct progress *progress, const struct catalogue *catalogue, unsigned editor_types)
{
        drop_choices(progress, catalogue, progress_types(progress, editor_types));
        if (progress_check_additional(progress) != ADDITIONAL_OK)
                progress_reopen_additional(progress);
}

bool progress_has_chosen(const struct progress *progress, const char *key)
{
        return listed(progress->chosen, progress->chosen_count, key);
}

bool retry_allowed(enum sync_status status)
{
        return status == SYNC_FAILED;
}
