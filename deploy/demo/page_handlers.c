#include <string.h>

#include "common/app/form.h"
#include "common/app/public_market.h"
#include "common/app/reply.h"
#include "common/base/clock.h"
#include "common/base/json_write.h"
#include "common/base/str.h"
#include "common/io/json.h"
#include "deploy/demo/demo_app.h"

#define EXAMPLE_NAME "Fourniture de matériel informatique pour les services municipaux"
#define EXAMPLE_LOT  "Lot 1 - Ordinateurs portables et stations de travail"
#define EXAMPLE_DAYS 30
#define DAY_MS       86400000LL
#define FORM_TYPES   4

extern const struct file demo_files[];

static enum err render(struct demo_app *app, struct exchange *x, int status, const char *name, const struct view *view)
{
        AUTO(buf_done) struct buf html = {0};
        enum err err = template_render(app->templates, name, view, &html);

        if (err)
                return err;
        return reply_html(x, status, &html);
}

static const char *date_text(struct arena *arena, int64_t wall_ms)
{
        struct paris_time t = clock_paris(wall_ms);

        return arena_printf(arena, "%02d/%02d/%04d %02d:%02d:%02d", t.day, t.month, t.year, t.hour, t.minute, t.second);
}

static void set_entry(struct view *view, struct arena *arena, const struct ledger_entry *entry)
{
        view_set_text(view, "identifier", entry->identifier);
        view_set_text(view, "name", entry->name);
        view_set_text(view, "configuration_url", entry->configuration_url);
        if (entry->created_ms)
                view_set_text(view, "created_at", date_text(arena, entry->created_ms));
        view_set_bool(view, "received", entry->body != NULL);
        view_set_bool(view, "valid", entry->body && entry->seed_valid && entry->standard_valid);
        if (entry->received_ms)
                view_set_text(view, "received_at", date_text(arena, entry->received_ms));
}

static const struct {
        const char *code, *label;
} types[FORM_TYPES] = {
        {"supplies", "Fournitures"}, {"services", "Services"}, {"works", "Travaux"}, {"defense", "Défense"}};

static void set_form(struct view *view, const struct form *form)
{
        char deadline[CLOCK_TEXT_MAX];
        struct view *list = view_set_list(view, "types");

        clock_format_s(clock_wall_ms() + EXAMPLE_DAYS * DAY_MS, deadline);
        view_set_text(view, "form_name", form ? form_get(form, "name") : EXAMPLE_NAME);
        view_set_text(view, "form_lot_name", form ? form_get(form, "lot_name") : EXAMPLE_LOT);
        view_set_text(view, "form_deadline", form ? form_get(form, "deadline") : deadline);
        for (size_t i = 0; i < FORM_TYPES; i++) {
                struct view *type = view_add_object(list);
                bool ticked = i < 2;
                for (size_t j = 0; form && j < form->count; j++) {
                        ticked = str_equal(form->fields[j].name, "types") &&
                                 str_equal(form->fields[j].value, types[i].code);
                        if (ticked)
                                break;
                }
                view_set_text(type, "code", types[i].code);
                view_set_text(type, "label", types[i].label);
                view_set_bool(type, "checked", ticked);
        }
}

static struct view *home_view(struct demo_app *app, struct exchange *x, const struct form *form)
{
        struct view *view = view_object(x->arena), *list = view_set_list(view, "markets");
        size_t count = 0;
        const struct ledger_entry *entries = ledger_list(app->ledger, x->arena, &count);

        set_form(view, form);
        for (size_t i = 0; i < count; i++)
                set_entry(view_add_object(list), x->arena, &entries[i]);
        view_set_bool(view, "any", count > 0);
        return view;
}

enum err demo_home(void *arg, struct exchange *x)
{
        return render(arg, x, 200, "home", home_view(arg, x, NULL));
}

static struct platform_market market_of(struct arena *arena, const struct form *form)
{
        struct platform_market market = {
                .name = form_get(form, "name"),
                .lot_name = str_is_blank(form_get(form, "lot_name")) ? NULL : form_get(form, "lot_name"),
                .deadline = form_get(form, "deadline"),
        };
        const char **codes = ARENA_ARRAY(arena, const char *, form->count + 1);

        for (size_t i = 0; i < form->count; i++)
                if (str_equal(form->fields[i].name, "types"))
                        codes[market.type_code_count++] = form->fields[i].value;
        market.type_codes = codes;
        return market;
}

static enum err show_refusal(struct demo_app *app, struct exchange *x, const struct form *form,
                             const struct platform_answer *answer, int status)
{
        struct view *view = home_view(app, x, form), *list = view_set_list(view, "errors");

        view_set_bool(view, "refused", true);
        view_set_int(view, "status", answer->status);
        view_set_bool(view, "unreachable", answer->error_count == 0);
        for (size_t i = 0; i < answer->error_count; i++)
                view_add_text(list, answer->errors[i]);
        return render(app, x, status, "home", view);
}

enum err demo_create(void *arg, struct exchange *x)
{
        struct demo_app *app = arg;
        const char *site = http_request_header(x->request, "Sec-Fetch-Site");
        struct platform_answer answer = {0};
        struct platform_market market;
        struct ledger_entry entry = {0};
        struct form form = {0};
        enum err err;

        if (site && !str_equal(site, "same-origin"))
                return ERR_FORBIDDEN;
        err = form_read(x, &form);
        if (err)
                return err;
        market = market_of(x->arena, &form);
        err = platform_create_market(app->platform, x->arena, &market, &answer);
        if (err)
                return show_refusal(app, x, &form, &(struct platform_answer){.status = 503}, 503);
        if (!answer.identifier)
                return show_refusal(app, x, &form, &answer, 422);
        entry.identifier = answer.identifier;
        entry.name = market.name;
        entry.configuration_url = answer.configuration_url;
        entry.created_ms = clock_wall_ms();
        ledger_add(app->ledger, &entry);
        return reply_see_other(x, arena_printf(x->arena, "/markets/%s", answer.identifier));
}

static const char *pretty(struct arena *arena, const char *body)
{
        AUTO(json_freep) struct json *root = NULL;

        if (json_parse(body, strlen(body), &root))
                return body;
        return json_print_pretty(arena, root);
}

enum err demo_market(void *arg, struct exchange *x)
{
        struct demo_app *app = arg;
        struct view *view = view_object(x->arena);
        struct ledger_entry entry = {0};

        if (!ledger_find(app->ledger, x->arena, exchange_param(x, "identifier"), &entry))
                return ERR_NOT_FOUND;
        set_entry(view, x->arena, &entry);
        view_set_int(view, "receptions", entry.receptions);
        view_set_bool(view, "repeated", entry.receptions > 1);
        if (entry.body) {
                view_set_text(view, "body", pretty(x->arena, entry.body));
                view_set_text(view, "webhook_id", entry.webhook_id);
                view_set_text(view, "signature", entry.signature);
                view_set_text(view, "standard_signature", entry.standard_signature);
                view_set_bool(view, "seed_valid", entry.seed_valid);
                view_set_bool(view, "standard_valid", entry.standard_valid);
        }
        return render(app, x, 200, "market", view);
}

/* For the page's script: has the webhook come? */
enum err demo_received(void *arg, struct exchange *x)
{
        struct demo_app *app = arg;
        AUTO(buf_done) struct buf json = {0};
        struct json_write w = json_write_to(&json);
        struct ledger_entry entry = {0};

        if (!ledger_find(app->ledger, x->arena, exchange_param(x, "identifier"), &entry))
                return ERR_NOT_FOUND;
        json_object(&w, NULL);
        json_int(&w, "receptions", entry.receptions);
        json_end(&w);
        return reply_json(x, 200, &json);
}

/* The link of the status page leads here: ?marche=VR-… */
enum err demo_return(void *arg, struct exchange *x)
{
        struct demo_app *app = arg;
        const char *identifier = NULL;
        struct ledger_entry entry = {0};
        enum err err = exchange_query(x, "marche", &identifier);

        if (err)
                return err;
        if (!identifier || !market_identifier_valid(identifier) ||
            !ledger_find(app->ledger, x->arena, identifier, &entry))
                return reply_see_other(x, "/");
        return reply_see_other(x, arena_printf(x->arena, "/markets/%s", identifier));
}

enum err demo_file(void *arg, struct exchange *x)
{
        const char *name = exchange_param(x, "file");
        const struct file *file = file_find(demo_files, name);

        (void)arg;
        if (!file)
                return ERR_NOT_FOUND;
        return reply_static(x,
                            str_ends_with(name, ".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8",
                            file->data, file->size);
}
