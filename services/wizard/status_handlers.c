#include <string.h>

#include "common/app/reply.h"
#include "common/app/tokens.h"
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/str.h"
#include "services/wizard/handlers.h"
#include "services/wizard/publisher.h"
#include "services/wizard/walk.h"

#define MARKER "{market_identifier}"

/* The editor's page about this market: the identifier takes the marker's place, else it becomes a parameter. */
static const char *return_url(struct arena *arena, const struct market_view *market)
{
        const char *url = market->return_url, *marker, *separator;

        if (!url || !*url)
                return NULL;
        marker = strstr(url, MARKER);
        if (marker)
                return arena_printf(arena, "%.*s%s%s", (int)(marker - url), url, market->identifier,
                                    marker + sizeof(MARKER) - 1);
        separator = strchr(url, '?') ? "&" : "?";
        return arena_printf(arena, "%s%smarket_identifier=%s", url, separator, market->identifier);
}

static size_t minutes_up(int64_t wait_s)
{
        return (size_t)((wait_s + 59) / 60);
}

/* When looking fails, the button is offered: pressing it tells more. */
static void set_may_retry(struct page *page)
{
        struct rate_limit retries = {0};
        enum err err;

        if (!retry_allowed(page->market.sync))
                return;
        err = rate_limit_peek(&page->app->retries, page->x->arena, page->market.identifier, &retries);
        view_set_bool(page->view, "may_retry", err != ERR_RATE_LIMITED);
        if (err == ERR_RATE_LIMITED)
                page_set_count(page, page->view, "retry_minutes", minutes_up(retries.wait_s));
}

static enum err status_render(struct page *page, int status)
{
        const struct market_view *market = &page->market;
        struct view *view = page->view;
        struct arena *arena = page->x->arena;
        const char *name = sync_status_name(market->sync);

        view_set_bool(view, "submitted", !market->completed);
        view_set_bool(view, "pending", market->completed && market->sync == SYNC_PENDING);
        view_set_bool(view, "processing", market->sync == SYNC_PROCESSING);
        view_set_bool(view, "completed", market->sync == SYNC_COMPLETED);
        view_set_bool(view, "failed", market->sync == SYNC_FAILED);
        view_set_text(view, "status_name", name ? name : "");
        view_set_text(view, "return_url", return_url(arena, market));
        set_may_retry(page);
        if (market->completed)
                page_set_date(view, "completed_at", arena, market->completed_ms);
        if (market->completed)
                page_set_count(page, view, "fields", market->field_count);
        if (market->sync == SYNC_FAILED && market->next_attempt_ms)
                page_set_date(view, "next_attempt_at", arena, market->next_attempt_ms);
        return page_render(page, status, "pages/sync_status");
}

/* Neither completed nor confirmed: there is no status to show yet. */
static enum err send_back(struct page *page, bool *ret_sent_back)
{
        struct wizard_app *app = page->app;
        struct progress progress = {0};
        enum err err;

        *ret_sent_back = false;
        if (page->market.completed || page->visit.submitted)
                return ERR_OK;
        err = progress_of(&app->store, page->x->arena, &page->visit, clock_wall_ms(), &progress);
        if (err && err != ERR_NOT_FOUND)
                return err;
        *ret_sent_back = true;
        return page_redirect(page, step_name(err ? STEP_SETUP : progress_step(&progress)), NULL);
}

static bool wants_json(const struct exchange *x)
{
        const char *accept = http_request_header(x->request, "Accept");

        return accept && str_starts_with(accept, "application/json");
}

enum err status_json(void *arg, struct exchange *x)
{
        struct wizard_app *app = arg;
        AUTO(buf_done) struct buf json = {0};
        struct json_write w = json_write_to(&json);
        struct market_view market = {0};
        enum err err = market_read(&app->markets, x->arena, exchange_param(x, "identifier"), &market);

        if (err)
                return err;
        x->log.market = market.identifier;
        json_object(&w, NULL);
        json_string(&w, "sync_status", sync_status_name(market.sync));
        json_end(&w);
        return reply_json(x, 200, &json);
}

enum err status_show(void *app, struct exchange *x)
{
        struct page page;
        const char *notice = NULL;
        bool sent_back = false;
        enum err err;

        if (wants_json(x))
                return status_json(app, x);
        if (page_takes_preference(app, x))
                return ERR_OK;
        err = page_open(app, x, &page);
        if (!err)
                err = send_back(&page, &sent_back);
        if (err || sent_back)
                return err;
        if (!exchange_query(x, "notice", &notice) && str_equal(notice, "retry_requested"))
                page_set_notice(&page, "retry_requested");
        return status_render(&page, 200);
}

/* ---- retry ---- */

static enum err refuse_retry(struct page *page, int status, const char *error, int64_t wait_s)
{
        struct exchange *x = page->x;
        struct view *view = view_set_object(page->view, "error");

        view_set_bool(view, error, true);
        if (wait_s > 0) {
                page_set_count(page, view, "minutes", minutes_up(wait_s));
                http_response_header(x->request, x->response, "Retry-After",
                                     arena_printf(x->arena, "%lld", (long long)wait_s));
        }
        return status_render(page, status);
}

/* Waits in the outbox until Kafka has it: pressing the button is not lost. */
static enum err request_retry(struct page *page)
{
        struct wizard_app *app = page->app;
        struct exchange *x = page->x;
        const struct wizard_event_context context = {
                .arena = x->arena,
                .identifier = page->market.identifier,
                .traceparent = x->traceparent,
                .now_ms = clock_wall_ms(),
        };
        struct event event = {0};
        enum err err = wizard_event_retry_requested(&context, &event);

        if (!err)
                err = waiting_add(&app->store, x->arena, &event);
        if (err)
                return err;
        publisher_send(app->publisher, x->arena, &event, 1);
        log_info(&x->log, "market.retry_requested", "the buyer asked for another notification");
        return page_redirect(page, "sync_status", "notice=retry_requested");
}

enum err retry_post(void *arg, struct exchange *x)
{
        struct wizard_app *app = arg;
        struct page page;
        struct form form = {0};
        bool usable = true, sent_back = false;
        struct rate_limit retries = {0};
        enum err err = page_open(app, x, &page);

        if (!err)
                err = page_read_form(&page, &form);
        if (!err) /* a snapshot may be seconds old: not here */
                err = market_read_fresh(&app->markets, x->arena, page.market.identifier, &page.market);
        if (!err)
                err = send_back(&page, &sent_back);
        if (err || sent_back)
                return err;
        if (!retry_allowed(page.market.sync))
                return refuse_retry(&page, 409, "retry_not_failed", 0);
        err = tokens_editor_usable(app->cache, x->arena, page.market.editor_id, &usable);
        if (err)
                return err;
        if (!usable)
                return refuse_retry(&page, 403, "retry_forbidden", 0);
        err = rate_limit_count(&app->retries, x->arena, page.market.identifier, &retries);
        if (err == ERR_RATE_LIMITED)
                return refuse_retry(&page, 429, "retry_limit", retries.wait_s);
        if (err)
                return err;
        return request_retry(&page);
}
