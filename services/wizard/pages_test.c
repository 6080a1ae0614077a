/*
 * Every page in both languages, from views like those of templates/README.md, made of the real catalogue. With VR_PAGES_DIR
 * set, the pages are also written there as HTML files, to look at: serve build/services/wizard/assets/files as /buyer/assets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/app/catalogue.h"
#include "common/app/public_market.h"
#include "common/app/template.h"
#include "services/wizard/pages.h"
#include "services/wizard/words.h"
#include "tests/support/unit.h"

struct sample {
        struct arena *arena;
        struct catalogue *catalogue;
        struct templates *templates;
        struct view *view;
        struct buf page;
        bool french;
};

static void sample_done(struct sample *s)
{
        buf_done(&s->page);
        templates_free(s->templates);
        catalogue_free(s->catalogue);
        arena_free(s->arena);
}

static void set_count(const struct sample *s, struct view *view, const char *key, size_t n)
{
        struct view *count = view_set_object(view, key);

        view_set_text(count, "n", arena_printf(s->arena, "%zu", n));
        view_set_bool(count, "plural", s->french ? n > 1 : n != 1);
}

static void set_market(struct sample *s)
{
        struct view *market = view_set_object(s->view, "market"), *types = view_set_list(market, "types");

        view_set_text(market, "identifier", "VR-2024-A1B2C3D4E5F6");
        view_set_text(market, "name", "Fourniture de <matériel> informatique pour les services municipaux");
        view_set_text(market, "lot_name", "Lot 1 - Ordinateurs portables et stations de travail");
        view_set_text(market, "deadline", "15/06/2024 23:59");
        view_set_text(market, "editor", "Plateforme de démonstration");
        view_set_text(view_add_object(types), "label", s->french ? "Fournitures" : "Supplies");
        view_set_text(view_add_object(types), "label", "Services");
        view_set_text(s->view, "base", "/buyer/public_markets/VR-2024-A1B2C3D4E5F6");
        view_set_text(s->view, "csrf_token", "csrf-of-this-page");
        view_set_text(s->view, "saved_at", "14:02");
}

static struct sample sample_new(const char *language)
{
        struct sample s = {.arena = arena_new(), .french = strcmp(language, "fr") == 0};
        const struct view *words = NULL;
        const char *detail = "";
        struct view *assets;

        s.view = view_object(s.arena);
        CHECK_INT(catalogue_load(&s.catalogue, &detail), ERR_OK);
        CHECK_INT(templates_load(wizard_templates, &s.templates, &detail), ERR_OK);
        CHECK_TEXT(detail, "");
        CHECK_INT(words_load(s.arena, language, &words), ERR_OK);
        view_set_view(s.view, "t", words);
        view_set_text(s.view, "lang", language);
        view_set_bool(s.view, s.french ? "french" : "english", true);
        view_set_bool(s.view, "dark", getenv("VR_PAGES_DARK") != NULL);
        view_set_bool(s.view, "brand_state", getenv("VR_PAGES_STATE") != NULL);
        view_set_text(s.view, "path", "/buyer/public_markets/VR-2024-A1B2C3D4E5F6/setup");
        assets = view_set_object(s.view, "assets");
        for (const struct wizard_asset *asset = wizard_asset_names; asset->name; asset++)
                view_set_text(assets, asset->name, arena_printf(s.arena, "/buyer/assets/%s", asset->file));
        set_market(&s);
        return s;
}

static void add_field(const struct sample *s, struct view *list, const struct catalogue_field *field, bool checked)
{
        struct view *view = view_add_object(list);

        view_set_text(view, "key", field->key);
        view_set_text(view, "label", s->french ? field->label_fr : field->label_en);
        view_set_text(view, "description", s->french ? field->description_fr : field->description_en);
        view_set_text(view, "legal_basis", field->legal_basis);
        view_set_text(view, "provider", field->provider);
        view_set_bool(view, "declaration", strcmp(field->source, "declaration") == 0);
        view_set_bool(view, "document", strcmp(field->source, "document") == 0);
        view_set_bool(view, "checked", checked);
}

/* The fields of supplies and services, grouped; every `step`-th is ticked (0: none). */
static size_t set_categories(const struct sample *s, struct view *view, bool required, size_t step)
{
        const unsigned types = MARKET_TYPE_SUPPLIES | MARKET_TYPE_SERVICES;
        struct view *categories = view_set_list(view, "categories"), *category = NULL, *sub = NULL, *fields = NULL;
        struct view *subs = NULL;
        const struct catalogue_category *last = NULL, *last_sub = NULL;
        size_t total = 0, in_category = 0, ticked = 0;

        for (size_t i = 0; i < s->catalogue->field_count; i++) {
                const struct catalogue_field *field = &s->catalogue->fields[i];
                bool checked = step && total % step == 0;

                if (!catalogue_field_applies(field, types) || catalogue_field_required(field, types) != required)
                        continue;
                if (field->category != last) {
                        category = view_add_object(categories);
                        view_set_text(category, "key", field->category->key);
                        view_set_text(category, "label",
                                      s->french ? field->category->label_fr : field->category->label_en);
                        subs = view_set_list(category, "subcategories");
                        in_category = ticked = 0;
                        last_sub = NULL;
                }
                if (field->subcategory != last_sub) {
                        sub = view_add_object(subs);
                        view_set_text(sub, "label",
                                      s->french ? field->subcategory->label_fr : field->subcategory->label_en);
                        fields = view_set_list(sub, "fields");
                }
                add_field(s, fields, field, checked);
                last = field->category;
                last_sub = field->subcategory;
                set_count(s, category, "count", ++in_category);
                set_count(s, category, "selected", ticked += checked);
                total++;
        }
        return total;
}

/* Renders, writes when asked, and holds what every page must have. */
static const char *render(struct sample *s, const char *page, const char *file)
{
        const char *folder = getenv("VR_PAGES_DIR"), *text;
        FILE *out;

        buf_reset(&s->page);
        CHECK_INT(template_render(s->templates, page, s->view, &s->page), ERR_OK);
        text = buf_text(&s->page);
        CHECK(!strstr(text, "{{"));
        CHECK(!strstr(text, "<matériel>"));
        CHECK(!strstr(text, "href=\"\"") && !strstr(text, "src=\"\""));
        CHECK(strstr(text, s->french ? "<html lang=\"fr\"" : "<html lang=\"en\""));
        CHECK(strstr(text, "</html>\n"));
        CHECK(strstr(text, "<h1"));
        if (folder) {
                out = fopen(arena_printf(s->arena, "%s/%s_%s.html", folder, file, s->french ? "fr" : "en"), "w");
                CHECK(out && fputs(text, out) >= 0 && fclose(out) == 0);
        }
        return text;
}

static size_t count_of(const char *text, const char *part)
{
        size_t count = 0;

        for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
                count++;
        return count;
}

static void setup_shows_the_market_and_the_defence_choice(void)
{
        static const char *const languages[] = {"fr", "en"};

        for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
                AUTO(sample_done) struct sample s = sample_new(languages[i]);
                const char *html;

                view_set_bool(view_set_object(s.view, "defense"), "checked", true);
                view_set_bool(view_set_object(s.view, "notice"), "resumed", true);
                html = render(&s, "pages/setup", "setup");
                CHECK(strstr(html, "name=\"defense\" value=\"yes\""));
                CHECK(strstr(html, "name=\"csrf_token\" value=\"csrf-of-this-page\""));
                CHECK(strstr(html, "15/06/2024 23:59"));

                view_set_bool(view_set_object(s.view, "defense"), "locked", true);
                view_set_bool(s.view, "notice", false);
                CHECK(!strstr(render(&s, "pages/setup", "setup_locked"), "name=\"defense\""));
        }
}

static void required_fields_are_listed_by_category(void)
{
        AUTO(sample_done) struct sample s = sample_new("fr");
        size_t total = set_categories(&s, s.view, true, 0);
        const char *html;

        set_count(&s, s.view, "total", total);
        set_count(&s, s.view, "automatic", 17);
        html = render(&s, "pages/required_fields", "required_fields");
        CHECK_INT(total, 32);
        CHECK_INT(count_of(html, "class=\"vr-field\""), total);
        CHECK(strstr(html, "Récupéré automatiquement (INSEE)"));
        CHECK(strstr(html, "32 champs sont demandés"));
}

static void set_choices(struct sample *s, size_t step)
{
        size_t available = set_categories(s, s->view, false, step);
        struct view *chosen = view_set_list(s->view, "chosen");
        size_t selected = step ? (available + step - 1) / step : 0;

        set_count(s, s->view, "available", available);
        set_count(s, s->view, "selected", selected);
        for (size_t i = 0; i < selected; i++) {
                struct view *item = view_add_object(chosen);

                view_set_text(item, "key", "turnover_total");
                view_set_text(item, "label", s->french ? "Chiffre d'affaires global" : "Overall turnover");
        }
}

static void additional_fields_keep_what_is_ticked(void)
{
        AUTO(sample_done) struct sample s = sample_new("fr");
        const char *html;

        set_choices(&s, 15);
        view_set_bool(s.view, "answer_yes", true);
        html = render(&s, "pages/additional_fields", "additional_fields");
        CHECK_INT(count_of(html, "name=\"choices\""), 54);
        CHECK_INT(count_of(html, " checked>"), 5);
        CHECK(strstr(html, "4 champs sélectionnés"));
        CHECK(!strstr(html, "id=\"errors\""));
}

static void additional_fields_say_what_is_wrong_at_the_top_and_at_the_field(void)
{
        AUTO(sample_done) struct sample s = sample_new("fr");
        const char *html, *first;

        set_choices(&s, 0);
        view_set_bool(view_set_object(s.view, "error"), "answer_missing", true);
        html = render(&s, "pages/additional_fields", "additional_fields_error");
        first = strstr(html, "<main");
        CHECK(first && strstr(first, "id=\"errors\"") < strstr(first, "<h1"));
        CHECK(strstr(html, "<title>Erreur\u00a0: "));
        CHECK_INT(count_of(html, "Indiquez si vous souhaitez"), 2);
        CHECK(strstr(html, "href=\"#answer-yes\"") && strstr(html, "id=\"answer-yes\""));

        view_set_bool(view_set_object(s.view, "error"), "none_chosen", true);
        view_set_bool(s.view, "answer_yes", true);
        html = render(&s, "pages/additional_fields", "additional_fields_none");
        CHECK(strstr(html, "href=\"#choices\"") && strstr(html, "id=\"choices\""));
}

static void summary_shows_everything_with_a_link_per_part(void)
{
        static const char *const languages[] = {"fr", "en"};

        for (size_t i = 0; i < ARRAY_LEN(languages); i++) {
                AUTO(sample_done) struct sample s = sample_new(languages[i]);
                struct view *required = view_set_object(s.view, "required");
                struct view *additional = view_set_object(s.view, "additional");
                const char *html;

                set_count(&s, required, "count", set_categories(&s, required, true, 0));
                set_count(&s, additional, "count", set_categories(&s, additional, false, 0));
                set_count(&s, s.view, "total", 86);
                view_set_bool(s.view, "defense", true);
                html = render(&s, "pages/summary", "summary");
                CHECK_INT(count_of(html, "?from=summary\""), 3);
                CHECK_INT(count_of(html, "vr-review__source"), 86);

                view_set_bool(view_set_object(s.view, "error"), "not_sent", true);
                additional = view_set_object(s.view, "additional");
                view_set_bool(additional, "none", true);
                set_count(&s, additional, "count", 0);
                html = render(&s, "pages/summary", "summary_not_sent");
                CHECK(strstr(html, s.french ? "n’a pas pu être validée" : "could not be confirmed"));
                CHECK(strstr(html, s.french ? "aucune information complémentaire" : "any additional information"));
        }
}

static void sync_status_says_the_state_in_words(void)
{
        static const struct {
                const char *state, *name, *words;
        } cases[] = {
                {"submitted", "", "enregistrement en cours"},
                {"pending", "sync_pending", "transmission en attente"},
                {"processing", "sync_processing", "transmission en cours"},
                {"completed", "sync_completed", "validée et transmise"},
                {"failed", "sync_failed", "pas encore transmise"},
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                AUTO(sample_done) struct sample s = sample_new("fr");
                const char *html;

                view_set_bool(s.view, cases[i].state, true);
                view_set_text(s.view, "status_name", cases[i].name);
                view_set_text(s.view, "completed_at", i ? "15/06/2024 16:30" : NULL);
                view_set_text(s.view, "next_attempt_at", "15/06/2024 16:40");
                view_set_text(s.view, "return_url", "https://editor.example/markets/VR-2024-A1B2C3D4E5F6");
                view_set_bool(s.view, "may_retry", true);
                set_count(&s, s.view, "fields", 36);
                html = render(&s, "pages/sync_status", arena_printf(s.arena, "sync_status_%s", cases[i].state));
                CHECK(strstr(html, cases[i].words));
                CHECK(strstr(html, arena_printf(s.arena, "data-status=\"%s\"", cases[i].name)));
                CHECK_INT(count_of(html, "retry_sync\""), strcmp(cases[i].state, "failed") == 0);
                CHECK(!strstr(html, "http-equiv"));
        }
}

static void a_refused_retry_says_why(void)
{
        AUTO(sample_done) struct sample s = sample_new("fr");
        struct view *error = view_set_object(s.view, "error");

        view_set_bool(s.view, "failed", true);
        view_set_bool(error, "retry_limit", true);
        set_count(&s, error, "minutes", 12);
        set_count(&s, s.view, "fields", 1);
        CHECK(strstr(render(&s, "pages/sync_status", "sync_status_refused"), "Réessayez dans 12 minutes."));
}

static void every_refusal_has_its_page(void)
{
        static const char *const kinds[] = {"bad_request", "csrf",         "forbidden",  "not_found",
                                            "method",      "conflict",     "too_large",  "media_type",
                                            "internal",    "rate_limited", "unavailable"};

        for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
                AUTO(sample_done) struct sample s = sample_new(i % 2 ? "en" : "fr");
                const char *html;

                view_set_bool(s.view, kinds[i], true);
                view_set_int(s.view, "status", 403);
                view_set_text(s.view, "request_id", "0d9c3a");
                view_set_text(s.view, "retry_path", "/buyer/public_markets/VR-2024-A1B2C3D4E5F6/setup");
                html = render(&s, "pages/error", arena_printf(s.arena, "error_%s", kinds[i]));
                CHECK(!strstr(html, "<h1></h1>"));
                CHECK(strstr(html, "0d9c3a"));
        }
}

static void footer_pages_can_be_the_deployers_own(void)
{
        static const char *const pages[] = {"accessibility", "legal_notice", "privacy", "cookies", "home"};
        AUTO(sample_done) struct sample s = sample_new("fr");

        for (size_t i = 0; i < ARRAY_LEN(pages); i++)
                render(&s, arena_printf(s.arena, "pages/%s", pages[i]), pages[i]);
        view_set_text(s.view, "deployer_html", "<p>Ville de <b>Nantes</b></p>");
        CHECK(strstr(render(&s, "pages/privacy", "privacy_own"), "<b>Nantes</b>"));
}

UNIT_TESTS(UNIT(setup_shows_the_market_and_the_defence_choice), UNIT(required_fields_are_listed_by_category),
           UNIT(additional_fields_keep_what_is_ticked),
           UNIT(additional_fields_say_what_is_wrong_at_the_top_and_at_the_field),
           UNIT(summary_shows_everything_with_a_link_per_part), UNIT(sync_status_says_the_state_in_words),
           UNIT(a_refused_retry_says_why), UNIT(every_refusal_has_its_page),
           UNIT(footer_pages_can_be_the_deployers_own))
