#include "services/wizard/page.h"

#include <stdio.h>
#include <string.h>

#include "common/app/reply.h"
#include "common/base/clock.h"
#include "common/base/str.h"
#include "services/wizard/pages.h"
#include "services/wizard/words.h"

#define PREFERENCES   "vr_preferences"
#define ASSET_PATH    "/buyer/assets/"
#define ASSET_URL_MAX 256
#define YEAR_S        "31536000"
#define CSP                                                                                                \
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; " \
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

static const char *const language_names[LANGUAGE_COUNT] = {"fr", "en"};

enum err page_load_words(struct wizard_app *app)
{
        for (int i = 0; i < LANGUAGE_COUNT; i++) {
                enum err err = words_load(app->words_arena, language_names[i], &app->words[i]);
                if (err)
                        return err;
        }
        return ERR_OK;
}

/* ---- preferences: language and theme, in a cookie only once the person chooses ---- */

/* "lang=en&theme=dark" */
static const char *preference(const struct exchange *x, const char *name)
{
        const char *cookie = exchange_cookie(x, PREFERENCES);
        size_t count = 0;
        char **parts = str_split(x->arena, cookie ? cookie : "", '&', &count);

        for (size_t i = 0; i < count; i++)
                if (str_starts_with(parts[i], name) && parts[i][strlen(name)] == '=')
                        return parts[i] + strlen(name) + 1;
        return "";
}

static const char *known(const char *value, const char *a, const char *b)
{
        return str_equal(value, a) ? a : str_equal(value, b) ? b : NULL;
}

bool page_takes_preference(const struct wizard_app *app, struct exchange *x)
{
        const char *lang = NULL, *theme = NULL;

        if (exchange_query(x, "lang", &lang) || exchange_query(x, "theme", &theme))
                return false;
        lang = known(lang, "fr", "en");
        theme = known(theme, "light", "dark");
        if (!lang && !theme)
                return false;
        if (!lang)
                lang = known(preference(x, "lang"), "fr", "en");
        if (!theme)
                theme = known(preference(x, "theme"), "light", "dark");
        http_response_add_header(x->request, x->response, "Set-Cookie",
                                 arena_printf(x->arena, "%s=%s%s%s%s; Path=/; Max-Age=%s; SameSite=Lax%s", PREFERENCES,
                                              lang ? "lang=" : "", lang ? lang : "", theme ? "&theme=" : "",
                                              theme ? theme : "", YEAR_S, app->secure ? "; Secure" : ""));
        return !reply_see_other(x, x->request->path);
}

/* ---- the view every page shares ---- */

static void set_assets(struct view *view)
{
        struct view *assets = view_set_object(view, "assets");

        for (const struct wizard_asset *asset = wizard_asset_names; asset->name; asset++) {
                char url[ASSET_URL_MAX];
                snprintf(url, sizeof(url), ASSET_PATH "%s", asset->file);
                view_set_text(assets, asset->name, url);
        }
}

/* Where a GET shows this page: what the retry button is answered with is the status page. */
static const char *shown_path(const struct exchange *x)
{
        const char *path = x->request->path;

        if (!str_ends_with(path, "/retry_sync"))
                return path;
        return arena_printf(x->arena, "%.*ssync_status", (int)(strlen(path) - strlen("retry_sync")), path);
}

/* Never compliant by default, nor without a statement of the deployer's own. */
static void set_accessibility(struct page *page)
{
        const char *status = page->app->settings->accessibility_status;
        bool stated = page->app->deployer.html[DEPLOYER_ACCESSIBILITY] != NULL;

        view_set_bool(page->view, "accessible_partly", stated && str_equal(status, "partial"));
        view_set_bool(page->view, "accessible", stated && str_equal(status, "full"));
}

struct page page_new(struct wizard_app *app, struct exchange *x)
{
        struct page page = {.app = app, .x = x, .language = app->fallback, .view = view_object(x->arena)};
        const char *language = preference(x, "lang"), *theme = preference(x, "theme");

        for (int i = 0; i < LANGUAGE_COUNT; i++)
                if (str_equal(language, language_names[i]))
                        page.language = (enum language)i;
        view_set_view(page.view, "t", app->words[page.language]);
        view_set_text(page.view, "lang", language_names[page.language]);
        view_set_bool(page.view, "french", page.language == LANGUAGE_FR);
        view_set_bool(page.view, "english", page.language == LANGUAGE_EN);
        view_set_bool(page.view, "dark", str_equal(theme, "dark"));
        view_set_text(page.view, "theme", str_equal(theme, "dark") || str_equal(theme, "light") ? theme : "");
        view_set_text(page.view, "path", shown_path(x));
        view_set_bool(page.view, "brand_state", str_equal(app->settings->brand, "state"));
        set_accessibility(&page);
        set_assets(page.view);
        return page;
}

static const char *const type_labels[LANGUAGE_COUNT][MARKET_TYPE_COUNT] = {
        {"Fournitures", "Services", "Travaux", "Défense"},
        {"Supplies", "Services", "Works", "Defence"},
};

static void set_market(struct page *page)
{
        const struct market_view *market = &page->market;
        struct view *view = view_set_object(page->view, "market"), *types;

        view_set_text(view, "identifier", market->identifier);
        view_set_text(view, "name", market->name);
        view_set_text(view, "lot_name", market->lot_name);
        view_set_text(view, "editor", market->editor_name);
        page_set_date(view, "deadline", page->x->arena, market->deadline_ms);
        types = view_set_list(view, "types");
        for (int i = 0; i < MARKET_TYPE_COUNT; i++)
                if (market->types & (1u << i))
                        view_set_text(view_add_object(types), "label", type_labels[page->language][i]);
}

static const char *base_of(struct arena *arena, const char *identifier)
{
        return arena_printf(arena, "/buyer/public_markets/%s", identifier);
}

enum err page_open(struct wizard_app *app, struct exchange *x, struct page *ret_page)
{
        const char *identifier = exchange_param(x, "identifier");
        struct page page = page_new(app, x);
        enum err err = market_identifier_valid(identifier) ? ERR_OK : ERR_NOT_FOUND;

        if (!err)
                err = visit_load(&app->store, x->arena, identifier, &page.visit);
        if (!err)
                err = market_read_snapshot(&app->markets, x->arena, identifier, page.visit.snapshot, &page.market);
        if (err)
                return err;
        x->log.market = page.market.identifier;
        x->log.editor = page.market.editor_id;
        page.session = session_open(x, identifier, app->secure);
        page.base = base_of(x->arena, identifier);
        view_set_text(page.view, "base", page.base);
        view_set_text(page.view, "csrf_token", session_csrf_token(x->arena, &page.session, identifier));
        set_market(&page);
        *ret_page = page;
        return ERR_OK;
}

enum err page_read_form(struct page *page, struct form *ret_form)
{
        enum err err = form_read(page->x, ret_form);

        if (err)
                return err;
        return session_check_form(page->x, &page->session, page->market.identifier, ret_form, &page->app->origins);
}

/* ---- values ---- */

void page_set_count(struct page *page, struct view *object, const char *key, size_t n)
{
        struct view *count = view_set_object(object, key);

        view_set_int(count, "n", (int64_t)n);
        view_set_bool(count, "plural", page->language == LANGUAGE_FR ? n > 1 : n != 1);
}

static void set_flag(struct page *page, const char *group, const char *name)
{
        view_set_bool(view_set_object(page->view, group), name, true);
}

void page_set_error(struct page *page, const char *name)
{
        set_flag(page, "error", name);
}

void page_set_notice(struct page *page, const char *name)
{
        set_flag(page, "notice", name);
}

void page_set_date(struct view *object, const char *key, struct arena *arena, int64_t wall_ms)
{
        struct paris_time time = clock_paris(wall_ms);

        view_set_text(object, key,
                      arena_printf(arena, "%02d/%02d/%04d %02d:%02d", time.day, time.month, time.year, time.hour,
                                   time.minute));
}

const char *page_label(const struct page *page, const struct catalogue_field *field)
{
        return page->language == LANGUAGE_FR ? field->label_fr : field->label_en;
}

static const char *category_label(const struct page *page, const struct catalogue_category *category)
{
        return page->language == LANGUAGE_FR ? category->label_fr : category->label_en;
}

static void add_field(struct page *page, struct view *list, const struct catalogue_field *field,
                      const struct field_filter *filter)
{
        struct view *view = view_add_object(list);

        view_set_text(view, "key", field->key);
        view_set_text(view, "label", page_label(page, field));
        view_set_text(view, "description",
                      page->language == LANGUAGE_FR ? field->description_fr : field->description_en);
        view_set_text(view, "legal_basis", field->legal_basis);
        view_set_text(view, "provider", field->provider);
        view_set_bool(view, "declaration", str_equal(field->source, "declaration"));
        view_set_bool(view, "document", str_equal(field->source, "document"));
        view_set_bool(view, "checked", filter->checked && filter->checked(field, filter->arg));
}

static size_t add_fields(struct page *page, struct view *parent, const struct catalogue_category *subcategory,
                         const struct field_filter *filter, size_t *selected)
{
        const struct catalogue *catalogue = page->app->catalogue;
        struct view *fields = view_set_list(parent, "fields");
        size_t count = 0;

        for (size_t i = 0; i < catalogue->field_count; i++) {
                const struct catalogue_field *field = &catalogue->fields[i];
                if (field->subcategory != subcategory || !filter->wanted(field, filter->arg))
                        continue;
                add_field(page, fields, field, filter);
                *selected += filter->checked && filter->checked(field, filter->arg);
                count++;
        }
        return count;
}

/* Is any field of this category or sub-category wanted? */
static bool category_wanted(const struct page *page, const struct catalogue_category *category,
                            const struct field_filter *filter)
{
        const struct catalogue *catalogue = page->app->catalogue;

        for (size_t i = 0; i < catalogue->field_count; i++) {
                const struct catalogue_field *field = &catalogue->fields[i];
                if ((field->category == category || field->subcategory == category) &&
                    filter->wanted(field, filter->arg))
                        return true;
        }
        return false;
}

static size_t add_category(struct page *page, struct view *list, const struct catalogue_category *category,
                           const struct field_filter *filter)
{
        const struct catalogue *catalogue = page->app->catalogue;
        struct view *view = view_add_object(list), *subcategories;
        size_t count = 0, selected = 0;

        view_set_text(view, "key", category->key);
        view_set_text(view, "label", category_label(page, category));
        subcategories = view_set_list(view, "subcategories");
        for (size_t i = 0; i < catalogue->category_count; i++) {
                const struct catalogue_category *sub = &catalogue->categories[i];
                struct view *subview;
                if (sub->parent != category || !category_wanted(page, sub, filter))
                        continue;
                subview = view_add_object(subcategories);
                view_set_text(subview, "key", sub->key);
                view_set_text(subview, "label", category_label(page, sub));
                count += add_fields(page, subview, sub, filter, &selected);
        }
        page_set_count(page, view, "count", count);
        page_set_count(page, view, "selected", selected);
        return count;
}

size_t page_set_categories(struct page *page, struct view *object, const char *key, const struct field_filter *filter)
{
        const struct catalogue *catalogue = page->app->catalogue;
        struct view *list = view_set_list(object, key);
        size_t count = 0;

        for (size_t i = 0; i < catalogue->category_count; i++)
                if (!catalogue->categories[i].parent && category_wanted(page, &catalogue->categories[i], filter))
                        count += add_category(page, list, &catalogue->categories[i], filter);
        return count;
}

/* ---- answers ---- */

enum err page_render(struct page *page, int status, const char *name)
{
        AUTO(buf_done) struct buf html = {0};
        enum err err;

        buf_init(&html, LIMIT_HTTP_RESPONSE_BYTES);
        err = template_render(page->app->templates, name, page->view, &html);
        if (err) {
                page->x->detail = name;
                return err;
        }
        return reply_html(page->x, status, &html);
}

enum err page_redirect(struct page *page, const char *step, const char *query)
{
        return reply_see_other(page->x, arena_printf(page->x->arena, "%s/%s%s%s", page->base, step, query ? "?" : "",
                                                     query ? query : ""));
}

static const char *error_flag(enum err err)
{
        switch (err_http_status(err)) {
        case 400:
        case 411:
        case 414:
        case 422:
        case 431:
                return "bad_request";
        case 403:
                return "csrf"; /* the only refusal of this kind in the wizard */
        case 404:
                return "not_found";
        case 405:
                return "method";
        case 409:
                return "conflict";
        case 413:
                return "too_large";
        case 415:
                return "media_type";
        case 429:
                return "rate_limited";
        case 503:
                return "unavailable";
        default:
                return "internal";
        }
}

void page_render_error(void *arg, struct exchange *x, enum err err)
{
        struct page page = page_new(arg, x);
        const char *identifier = x->param_count > 0 ? exchange_param(x, "identifier") : NULL;
        const char *accept = http_request_header(x->request, "Accept");

        if (str_ends_with(x->request->path, ".json") || (accept && str_starts_with(accept, "application/json"))) {
                reply_error_json(x, err);
                return;
        }
        /* The links of an error page work too. "//host/" must not become a redirect to that host. */
        if (str_equal(x->request->method, "GET") && str_starts_with(x->request->path, "/buyer/") &&
            page_takes_preference(arg, x))
                return;
        if (identifier && market_identifier_valid(identifier)) {
                page.base = base_of(x->arena, identifier);
                view_set_text(page.view, "base", page.base);
                view_set_bool(page.view, "market_not_found", err == ERR_NOT_FOUND);
        } else if (identifier) {
                view_set_bool(page.view, "market_not_found", err == ERR_NOT_FOUND);
        }
        view_set_bool(page.view, error_flag(err), true);
        view_set_int(page.view, "status", err_http_status(err));
        view_set_text(page.view, "request_id", x->request_id);
        if (err_is_retryable(err) || err == ERR_FORBIDDEN)
                view_set_text(page.view, "retry_path", shown_path(x));
        if (err_http_status(err) == 503)
                http_response_header(x->request, x->response, "Retry-After", "5");
        if (page_render(&page, err_http_status(err), "pages/error"))
                reply_error_json(x, err);
}

void page_finish(void *arg, struct exchange *x)
{
        const struct wizard_app *app = arg;
        struct http_request *request = x->request;
        struct http_response *response = x->response;

        http_response_header(request, response, "Content-Security-Policy", CSP);
        http_response_header(request, response, "Cross-Origin-Opener-Policy", "same-origin");
        http_response_header(request, response, "X-Frame-Options", "DENY");
        if (app->secure)
                http_response_header(request, response, "Strict-Transport-Security", "max-age=" YEAR_S);
        if (!response->static_body)
                http_response_header(request, response, "Cache-Control", "no-store");
}
