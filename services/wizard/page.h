/*
 * From values to a page: the view every page shares (templates/README.md), translations, refusals, headers.
 * A handler makes a page, fills what its template wants, and renders it.
 */
#ifndef VR_WIZARD_PAGE_H
#define VR_WIZARD_PAGE_H

#include "services/wizard/app.h"

/* One request for a buyer's page. Lives in the request's arena. */
struct page {
        struct wizard_app *app;
        struct exchange *x;
        enum language language;
        struct view *view;
        struct market_view market; /* of pages with a market */
        struct visit visit;        /* what Redis knew of it */
        struct session session;
        const char *base; /* "/buyer/public_markets/VR-…" */
};

/* Both languages, once at start. */
MUST_CHECK enum err page_load_words(struct wizard_app *app);

/* `?lang=en`, `?theme=dark`: remembered in a cookie, and a 303 to the same page went out. For GETs of pages. */
bool page_takes_preference(const struct wizard_app *app, struct exchange *x);

/* A page without a market. */
struct page page_new(struct wizard_app *app, struct exchange *x);
/* A page of the market in the path: reads it, opens the session. ERR_NOT_FOUND, ERR_UNAVAILABLE. */
MUST_CHECK enum err page_open(struct wizard_app *app, struct exchange *x, struct page *ret_page);

/* The form of a POST, from one of our own pages (session.h). ERR_FORBIDDEN otherwise. */
MUST_CHECK enum err page_read_form(struct page *page, struct form *ret_form);

void page_set_count(struct page *page, struct view *object, const char *key, size_t n);
/* `error.<name>` for the template. */
void page_set_error(struct page *page, const char *name);
void page_set_notice(struct page *page, const char *name);
/* "15/06/2024 16:30", Paris. */
void page_set_date(struct view *object, const char *key, struct arena *arena, int64_t wall_ms);

/* Fields for which `wanted` says yes, grouped by category and sub-category, under `key`; how many. */
struct field_filter {
        bool (*wanted)(const struct catalogue_field *field, const void *arg);
        bool (*checked)(const struct catalogue_field *field, const void *arg); /* may be NULL */
        const void *arg;
};
size_t page_set_categories(struct page *page, struct view *object, const char *key, const struct field_filter *filter);
const char *page_label(const struct page *page, const struct catalogue_field *field);

MUST_CHECK enum err page_render(struct page *page, int status, const char *name);
MUST_CHECK enum err page_redirect(struct page *page, const char *step, const char *query);

/* For the router. */
void page_render_error(void *app, struct exchange *x, enum err err);
void page_finish(void *app, struct exchange *x);

#endif
