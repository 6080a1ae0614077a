#include "common/app/reply.h"
#include "common/base/str.h"
#include "services/wizard/handlers.h"
#include "services/wizard/publisher.h"
#include "services/wizard/walk.h"

static bool is_required(const struct catalogue_field *field, const void *arg)
{
        return catalogue_field_required(field, walk_types(arg));
}

static bool is_chosen(const struct catalogue_field *field, const void *arg)
{
        const struct walk *walk = arg;

        return progress_has_chosen(&walk->progress, field->key);
}

/* A part of the summary: its fields by category, and how many. */
static size_t set_part(struct walk *walk, const char *key, bool (*wanted)(const struct catalogue_field *, const void *))
{
        const struct field_filter filter = {.wanted = wanted, .arg = walk};
        struct view *part = view_set_object(walk->page.view, key);
        size_t count = page_set_categories(&walk->page, part, "categories", &filter);

        view_set_bool(part, "none", count == 0);
        page_set_count(&walk->page, part, "count", count);
        return count;
}

static enum err summary_render(struct walk *walk, int status)
{
        size_t total = set_part(walk, "required", is_required) + set_part(walk, "additional", is_chosen);

        view_set_bool(walk->page.view, "defense", walk_types(walk) & MARKET_TYPE_DEFENSE);
        view_set_bool(walk->page.view, "defense_locked", walk->page.market.types & MARKET_TYPE_DEFENSE);
        page_set_count(&walk->page, walk->page.view, "total", total);
        return page_render(&walk->page, status, "pages/summary");
}

enum err summary_show(void *app, struct exchange *x)
{
        struct walk walk = {0};
        enum err err = walk_show(app, x, STEP_SUMMARY, &walk);

        if (err || walk.answered)
                return err;
        return summary_render(&walk, 200);
}

/* Kafka may have the confirmation, or get it yet: then it counts, for what is confirmed afterwards would not. */
static bool is_in_doubt(enum err err)
{
        return err == ERR_IN_DOUBT || err == ERR_TIMEOUT;
}

/* The progress is kept, and the button may be pressed again. */
static enum err not_sent(struct walk *walk, enum err why)
{
        struct exchange *x = walk->page.x;

        log_error(&x->log, "configuration.not_sent", "Kafka did not take the confirmation", LOG_ERR(why));
        http_response_header(x->request, x->response, "Retry-After", "5");
        walk_error(walk, "confirmation", "not_sent");
        walk->answered = true;
        return summary_render(walk, 503);
}

/* The first time it was pressed: the step is done when the confirmation counts, else as if it had not been pressed. */
static void settle(struct walk *walk, const char *event_id, enum err err)
{
        struct exchange *x = walk->page.x;

        if (err && !is_in_doubt(err)) {
                if (submission_forget(&walk->page.app->store, x->arena, walk->page.market.identifier, event_id))
                        x->detail = "the confirmation stays in Redis and will be sent later";
        } else if (walk_finish_step(walk)) { /* only its figures are at stake by now */
                x->detail = "the step's event was not kept";
        }
}

/* Under the kept id: pressing twice, or in two tabs, is one confirmation. */
static enum err confirm(struct walk *walk)
{
        struct exchange *x = walk->page.x;
        struct wizard_app *app = walk->page.app;
        struct event event = {0};
        const char *kept_id = NULL;
        bool first;
        enum err err = wizard_event_submitted(walk_event_context(walk), &walk->progress, &event);

        if (!err)
                err = submission_keep(&app->store, x->arena, &event, &kept_id);
        if (err)
                return err;
        first = str_equal(kept_id, event.id);
        if (!first) {
                err = waiting_get(&app->store, x->arena, kept_id, &event);
                if (err == ERR_NOT_FOUND)
                        return ERR_OK; /* market has it already */
                if (err)
                        return err;
        }
        err = publisher_send_wait(app->publisher, x->arena, &event, (int)app->settings->confirm_timeout_ms);
        if (first)
                settle(walk, event.id, err);
        if (err)
                return not_sent(walk, err);
        x->log.event_id = event.id;
        log_info(&x->log, "configuration.submitted", "the buyer confirmed the configuration",
                 LOG_INT("vr.additional_field_count", (int64_t)walk->progress.chosen_count));
        return ERR_OK;
}

/* Another catalogue since they were saved, say: what no longer fits goes, and the buyer reads the rest again. */
static enum err changed(struct walk *walk)
{
        enum err err;

        progress_drop_unfit(&walk->progress, walk->page.app->catalogue, walk->page.market.types);
        err = walk_save(walk);
        if (err)
                return err;
        if (!progress_opens(&walk->progress, STEP_SUMMARY))
                return page_redirect(&walk->page, "additional_fields", "notice=changed");
        walk_error(walk, "confirmation", "changed");
        return summary_render(walk, 422);
}

static enum err summary_once(void *app, struct exchange *x)
{
        struct walk walk = {0};
        struct form form = {0};
        enum err err = walk_post(app, x, STEP_SUMMARY, &walk, &form);

        if (err || walk.answered)
                return err;
        if (!progress_confirmable(&walk.progress, walk.page.app->catalogue, walk.page.market.types))
                return changed(&walk);
        err = confirm(&walk);
        if (err || walk.answered)
                return err;
        return page_redirect(&walk.page, "sync_status", NULL);
}

enum err summary_post(void *app, struct exchange *x)
{
        return walk_retry(summary_once, app, x);
}
