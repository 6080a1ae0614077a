#include <string.h>

#include "common/app/reply.h"
#include "common/base/str.h"
#include "services/wizard/handlers.h"
#include "services/wizard/walk.h"

/* ---- which fields a step shows ---- */

static bool is_required(const struct catalogue_field *field, const void *arg)
{
        return catalogue_field_required(field, walk_types(arg));
}

static bool is_choosable(const struct catalogue_field *field, const void *arg)
{
        unsigned types = walk_types(arg);

        return catalogue_field_applies(field, types) && !catalogue_field_required(field, types);
}

static bool is_chosen(const struct catalogue_field *field, const void *arg)
{
        const struct walk *walk = arg;

        return progress_has_chosen(&walk->progress, field->key);
}

/* ---- step 1: setup ---- */

static enum err setup_render(struct walk *walk, int status)
{
        struct view *defense = view_set_object(walk->page.view, "defense");
        const struct catalogue *catalogue = walk->page.app->catalogue;
        size_t required = 0;

        view_set_bool(defense, "locked", walk->page.market.types & MARKET_TYPE_DEFENSE);
        view_set_bool(defense, "checked", walk_types(walk) & MARKET_TYPE_DEFENSE);
        for (size_t i = 0; i < catalogue->field_count; i++)
                required += is_required(&catalogue->fields[i], walk);
        page_set_count(&walk->page, walk->page.view, "required", required);
        return page_render(&walk->page, status, "pages/setup");
}

enum err setup_show(void *app, struct exchange *x)
{
        struct walk walk = {0};
        enum err err = walk_show(app, x, STEP_SETUP, &walk);

        if (err || walk.answered)
                return err;
        return setup_render(&walk, 200);
}

static enum err setup_once(void *app, struct exchange *x)
{
        struct walk walk = {0};
        struct form form = {0};
        const char *defense, *query = NULL;
        size_t dropped;
        enum err err = walk_post(app, x, STEP_SETUP, &walk, &form);

        if (err || walk.answered)
                return err;
        defense = form_get(&form, "defense");
        if (defense && !str_equal(defense, "yes")) {
                walk_error(&walk, "defense", "defense_invalid");
                return setup_render(&walk, 422);
        }
        dropped = progress_accept_setup(&walk.progress, walk.page.app->catalogue, walk.page.market.types,
                                        defense != NULL);
        err = walk_finish_step(&walk);
        if (err)
                return err;
        if (dropped > 0)
                query = arena_printf(x->arena, "dropped=%zu", dropped);
        return walk_forward(&walk, query);
}

enum err setup_post(void *app, struct exchange *x)
{
        return walk_retry(setup_once, app, x);
}

/* ---- step 2: required fields ---- */

/* "dropped=3" from setup: defence was undone, and took three choices with it. */
static void show_dropped(struct walk *walk)
{
        const char *text = NULL;
        int64_t dropped = 0;
        struct view *notice;

        if (exchange_query(walk->page.x, "dropped", &text) || !text ||
            str_to_i64(text, 1, LIMIT_CATALOGUE_FIELDS, &dropped))
                return;
        notice = view_set_object(walk->page.view, "notice");
        view_set_bool(notice, "defense_dropped", true);
        page_set_count(&walk->page, notice, "dropped", (size_t)dropped);
}

enum err required_show(void *app, struct exchange *x)
{
        struct walk walk = {0};
        const struct field_filter filter = {.wanted = is_required, .arg = &walk};
        const struct catalogue *catalogue;
        size_t automatic = 0, total;
        enum err err = walk_show(app, x, STEP_REQUIRED, &walk);

        if (err || walk.answered)
                return err;
        catalogue = walk.page.app->catalogue;
        show_dropped(&walk);
        total = page_set_categories(&walk.page, walk.page.view, "categories", &filter);
        for (size_t i = 0; i < catalogue->field_count; i++)
                automatic += catalogue->fields[i].provider && is_required(&catalogue->fields[i], &walk);
        page_set_count(&walk.page, walk.page.view, "total", total);
        page_set_count(&walk.page, walk.page.view, "automatic", automatic);
        return page_render(&walk.page, 200, "pages/required_fields");
}

static enum err required_once(void *app, struct exchange *x)
{
        struct walk walk = {0};
        struct form form = {0};
        enum err err = walk_post(app, x, STEP_REQUIRED, &walk, &form);

        if (err || walk.answered)
                return err;
        progress_accept_required(&walk.progress);
        err = walk_finish_step(&walk);
        if (err)
                return err;
        return walk_forward(&walk, NULL);
}

enum err required_post(void *app, struct exchange *x)
{
        return walk_retry(required_once, app, x);
}

/* ---- step 3: additional fields ---- */

static void set_chosen(struct walk *walk)
{
        struct view *list = view_set_list(walk->page.view, "chosen");

        for (size_t i = 0; i < walk->progress.chosen_count; i++) {
                const struct catalogue_field *field =
                        catalogue_find(walk->page.app->catalogue, walk->progress.chosen[i]);
                struct view *item;
                if (!field) /* of another version's catalogue; goes with the next save */
                        continue;
                item = view_add_object(list);
                view_set_text(item, "key", field->key);
                view_set_text(item, "label", page_label(&walk->page, field));
        }
}

static enum err additional_render(struct walk *walk, int status)
{
        const struct field_filter filter = {.wanted = is_choosable, .checked = is_chosen, .arg = walk};
        struct view *view = walk->page.view;
        size_t available = page_set_categories(&walk->page, view, "categories", &filter);

        view_set_bool(view, "answer_yes", walk->progress.answer == ANSWER_YES);
        view_set_bool(view, "answer_no", walk->progress.answer == ANSWER_NO);
        page_set_count(&walk->page, view, "available", available);
        page_set_count(&walk->page, view, "selected", walk->progress.chosen_count);
        set_chosen(walk);
        return page_render(&walk->page, status, "pages/additional_fields");
}

enum err additional_show(void *app, struct exchange *x)
{
        struct walk walk = {0};
        enum err err = walk_show(app, x, STEP_ADDITIONAL, &walk);

        if (err || walk.answered)
                return err;
        return additional_render(&walk, 200);
}

/* Yes and no at once is no answer. */
static enum answer answer_of(const struct form *form)
{
        const char *text = form_get(form, "answer");

        if (form_count(form, "answer") != 1)
                return ANSWER_NONE;
        return str_equal(text, "yes") ? ANSWER_YES : str_equal(text, "no") ? ANSWER_NO : ANSWER_NONE;
}

/* The boxes as sent; false when one of them can't be. */
static bool take_choices(struct walk *walk, const struct form *form)
{
        const char **keys = ARENA_ARRAY(walk->page.x->arena, const char *, form->count + 1);
        enum answer answer = answer_of(form);
        size_t count = 0;

        for (size_t i = 0; i < form->count; i++)
                if (str_equal(form->fields[i].name, "choices"))
                        keys[count++] = form->fields[i].value;
        return progress_set_choices(&walk->progress, walk->page.x->arena, walk->page.app->catalogue,
                                    walk->page.market.types, answer, keys, count);
}

/* "Save and preview": keeps what is ticked without judging it. */
static enum err additional_save(struct walk *walk)
{
        enum err err;

        if (progress_check_additional(&walk->progress) != ADDITIONAL_OK)
                progress_reopen_additional(&walk->progress);
        err = walk_save(walk);
        if (err)
                return err;
        return page_redirect(&walk->page, "additional_fields",
                             walk->from_summary ? "notice=saved&from=summary" : "notice=saved");
}

static enum err additional_once(void *app, struct exchange *x)
{
        struct walk walk = {0};
        struct form form = {0};
        enum additional_error wrong;
        enum err err = walk_post(app, x, STEP_ADDITIONAL, &walk, &form);

        if (err || walk.answered)
                return err;
        if (!take_choices(&walk, &form)) {
                walk_error(&walk, "choices", "unknown_choice");
                return additional_render(&walk, 422);
        }
        if (str_equal(form_get(&form, "action"), "save"))
                return additional_save(&walk);
        wrong = progress_check_additional(&walk.progress);
        if (wrong != ADDITIONAL_OK) {
                walk_error(&walk, wrong == ADDITIONAL_ANSWER_MISSING ? "answer" : "choices",
                           wrong == ADDITIONAL_ANSWER_MISSING ? "answer_missing" : "none_chosen");
                return additional_render(&walk, 422);
        }
        progress_accept_additional(&walk.progress);
        err = walk_finish_step(&walk);
        if (err)
                return err;
        return walk_forward(&walk, NULL);
}

enum err additional_post(void *app, struct exchange *x)
{
        return walk_retry(additional_once, app, x);
}
