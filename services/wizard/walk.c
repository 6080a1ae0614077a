#include "services/wizard/walk.h"

#include <string.h>

#include "common/app/reply.h"
#include "common/base/clock.h"
#include "common/base/str.h"
#include "services/wizard/publisher.h"

#define CONFLICT_TRIES 4

unsigned walk_types(const struct walk *walk)
{
        return progress_types(&walk->progress, walk->page.market.types);
}

const struct wizard_event_context *walk_event_context(const struct walk *walk)
{
        struct wizard_event_context *context = ARENA_NEW(walk->page.x->arena, struct wizard_event_context);

        *context = (struct wizard_event_context){
                .arena = walk->page.x->arena,
                .identifier = walk->page.market.identifier,
                .traceparent = walk->page.x->traceparent,
                .now_ms = walk->now_ms,
        };
        return context;
}

static enum err redirect(struct walk *walk, const char *target, const char *query)
{
        walk->answered = true;
        return page_redirect(&walk->page, target, query);
}

/* The market is done with, or on its way: every step leads to the status page. `confirming`: that is up to the confirmation. */
static enum err leave_if_confirmed(struct walk *walk, bool confirming)
{
        bool confirmed = walk->page.market.completed || (walk->page.visit.submitted && !confirming);

        return confirmed ? redirect(walk, "sync_status", NULL) : ERR_OK;
}

static enum err open_walk(void *app, struct exchange *x, enum step step, bool confirming, struct walk *walk)
{
        enum err err = page_open(app, x, &walk->page);

        walk->step = step;
        walk->now_ms = clock_wall_ms();
        if (!err)
                err = leave_if_confirmed(walk, confirming);
        if (err || walk->answered)
                return err;
        err = progress_of(&walk->page.app->store, x->arena, &walk->page.visit, walk->now_ms, &walk->progress);
        walk->begun = !err;
        if (err == ERR_CORRUPT) /* written by another version: as if it had lapsed */
                err = ERR_NOT_FOUND;
        return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err add_event(struct walk *walk, enum err err)
{
        if (!err)
                walk->event_count++;
        return err;
}

/* First look at the market, ever or since the last progress lapsed. */
static enum err begin(struct walk *walk, bool *ret_lapsed)
{
        const struct wizard_event_context *context = walk_event_context(walk);
        enum err err = progress_was_started(&walk->page.app->store, context->arena, context->identifier, ret_lapsed);

        if (err)
                return err;
        walk->progress.started_ms = walk->now_ms;
        return add_event(walk, wizard_event_started(context, &walk->events[walk->event_count]));
}

static enum err enter_step(struct walk *walk)
{
        bool lapsed = false;
        enum err err = walk->begun ? ERR_OK : begin(walk, &lapsed);

        if (err || walk->progress.entered_ms[walk->step])
                return err;
        walk->progress.entered_ms[walk->step] = walk->now_ms;
        metric_inc(walk->page.app->metrics.entered, step_name(walk->step));
        err = walk_save(walk);
        if (err) /* another tab entered it first: nothing lapsed */
                return err == ERR_CONFLICT ? ERR_OK : err;
        if (lapsed)
                page_set_notice(&walk->page, "expired");
        return ERR_OK;
}

/* Who has a session was here before; whether progress lapsed or Redis lost it is the same to him. */
static enum err show_open_step(struct walk *walk)
{
        bool lost = !walk->begun && !walk->page.session.fresh;

        return redirect(walk, step_name(progress_step(&walk->progress)), lost ? "notice=expired" : NULL);
}

static void set_shared(struct walk *walk)
{
        struct exchange *x = walk->page.x;
        const struct paris_time saved = clock_paris(walk->progress.updated_ms);
        const char *notice = NULL;

        view_set_bool(walk->page.view, "from_summary", walk->from_summary);
        if (walk->progress.done > 0)
                view_set_text(walk->page.view, "saved_at",
                              arena_printf(x->arena, "%02d:%02d", saved.hour, saved.minute));
        if (exchange_query(x, "notice", &notice) || !notice)
                return;
        if (str_equal(notice, "resumed") || str_equal(notice, "saved") || str_equal(notice, "expired") ||
            str_equal(notice, "changed"))
                page_set_notice(&walk->page, notice);
}

enum err walk_show(void *app, struct exchange *x, enum step step, struct walk *ret_walk)
{
        struct walk *walk = ret_walk;
        const char *from = NULL;
        enum err err;

        walk->answered = page_takes_preference(app, x);
        if (walk->answered)
                return ERR_OK;
        err = open_walk(app, x, step, false, walk);
        if (err || walk->answered)
                return err;
        if (!exchange_query(x, "from", &from))
                walk->from_summary = str_equal(from, "summary");
        if (step == STEP_SETUP && walk->page.session.fresh && walk->begun && walk->progress.done > 0)
                return redirect(walk, step_name(progress_step(&walk->progress)), "notice=resumed");
        if (!progress_opens(&walk->progress, step))
                return show_open_step(walk);
        set_shared(walk);
        return enter_step(walk);
}

enum err walk_post(void *app, struct exchange *x, enum step step, struct walk *ret_walk, struct form *ret_form)
{
        struct walk *walk = ret_walk;
        enum err err = open_walk(app, x, step, step == STEP_SUMMARY, walk);

        if (err || walk->answered)
                return err;
        err = page_read_form(&walk->page, ret_form);
        if (err)
                return err;
        walk->from_summary = str_equal(form_get(ret_form, "from"), "summary");
        if (!walk->begun)
                return redirect(walk, "setup", "notice=expired");
        if (!progress_opens(&walk->progress, step))
                return redirect(walk, step_name(progress_step(&walk->progress)), NULL);
        set_shared(walk);
        return ERR_OK;
}

enum err walk_save(struct walk *walk)
{
        struct arena *arena = walk->page.x->arena;
        enum err err;

        walk->progress.updated_ms = walk->now_ms;
        err = progress_save(&walk->page.app->store, arena, walk->page.market.identifier, &walk->progress, walk->events,
                            walk->event_count);
        if (err)
                return err;
        publisher_send(walk->page.app->publisher, arena, walk->events, walk->event_count);
        walk->event_count = 0;
        return ERR_OK;
}

enum err walk_finish_step(struct walk *walk)
{
        const struct wizard_event_context *context = walk_event_context(walk);
        int64_t entered_ms = walk->progress.entered_ms[walk->step];
        int64_t duration_ms = entered_ms && entered_ms < walk->now_ms ? walk->now_ms - entered_ms : 0;
        enum err err = add_event(
                walk, wizard_event_step_completed(context, walk->step, duration_ms, &walk->events[walk->event_count]));

        if (!err)
                err = walk_save(walk);
        if (err)
                return err;
        metric_inc(walk->page.app->metrics.completed, step_name(walk->step));
        metric_observe(walk->page.app->metrics.duration, (double)duration_ms / 1000, step_name(walk->step));
        return ERR_OK;
}

enum err walk_retry(route_handler once, void *app, struct exchange *x)
{
        enum err err = ERR_CONFLICT;

        for (int tries = 0; err == ERR_CONFLICT && tries < CONFLICT_TRIES; tries++)
                err = once(app, x);
        return err;
}

enum err walk_forward(struct walk *walk, const char *query)
{
        enum step next = (enum step)(walk->step + 1);

        if (walk->from_summary && walk->progress.done == STEP_SUMMARY)
                next = STEP_SUMMARY;
        return redirect(walk, step_name(next), query);
}

void walk_error(struct walk *walk, const char *field, const char *error)
{
        page_set_error(&walk->page, error);
        metric_inc(walk->page.app->metrics.errors, step_name(walk->step), field);
}
