#include "common/app/template.h"

#include <string.h>

#include "common/base/limits.h"
#include "tests/support/unit.h"

struct fixture {
        struct arena *arena;
        struct view *view;
        struct buf out;
};

static void fixture_done(struct fixture *f)
{
        arena_free(f->arena);
        buf_done(&f->out);
}

static struct fixture fixture_new(void)
{
        struct fixture f = {.arena = arena_new()};

        f.view = view_object(f.arena);
        return f;
}

/* Renders `text` as the template "page", with `partial` as "parts/one". */
static const char *render_with(struct fixture *f, const char *text, const char *partial)
{
        const struct file files[] = {
                {"page.mustache", text, strlen(text)},
                {"parts/one.mustache", partial, strlen(partial)},
                {"README.md", "{{#", 3},
                {0},
        };
        AUTO(templates_freep) struct templates *templates = NULL;
        const char *detail = NULL;
        enum err err = templates_load(files, &templates, &detail);

        buf_reset(&f->out);
        if (err)
                return detail;
        err = template_render(templates, "page", f->view, &f->out);
        return err ? err_name(err) : buf_text(&f->out);
}

static const char *render(struct fixture *f, const char *text)
{
        return render_with(f, text, "");
}

static void escapes_variables(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();

        view_set_text(f.view, "name", "<b a=\"1\" c='2'>&é");
        CHECK_TEXT(render(&f, "{{name}}"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;é");
        CHECK_TEXT(render(&f, "{{{name}}}|{{& name }}"), "<b a=\"1\" c='2'>&é|<b a=\"1\" c='2'>&é");
}

static void prints_nothing_for_what_is_absent(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();

        view_set_text(f.view, "null", NULL);
        CHECK_TEXT(render(&f, "[{{none}}{{null}}{{a.b}}]"), "[]");
}

static void keeps_the_last_value_of_a_key(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();

        view_set_text(f.view, "a", "old");
        view_set_text(f.view, "a", "new");
        CHECK_TEXT(render(&f, "{{a}}"), "new");
}

static void adds_to_the_object_or_list_that_is_there(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();

        view_set_text(view_set_object(f.view, "a"), "x", "1");
        view_set_text(view_set_object(f.view, "a"), "y", "2");
        view_add_text(view_set_list(f.view, "l"), "3");
        view_add_text(view_set_list(f.view, "l"), "4");
        CHECK_TEXT(render(&f, "{{a.x}}{{a.y}}{{#l}}{{.}}{{/l}}"), "1234");
        view_set_text(view_set_object(f.view, "l"), "z", "5");
        CHECK_TEXT(render(&f, "{{l.z}}"), "5");
}

static void tells_truth_from_falsehood(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();

        view_set_bool(f.view, "yes", true);
        view_set_bool(f.view, "no", false);
        view_set_text(f.view, "empty", "");
        view_set_int(f.view, "zero", 0);
        view_set_int(f.view, "one", 1);
        view_set_list(f.view, "nobody");
        CHECK_TEXT(
                render(&f, "{{#yes}}a{{/yes}}{{#no}}b{{/no}}{{#empty}}c{{/empty}}{{#zero}}d{{/zero}}{{#one}}e{{/one}}"),
                "ae");
        CHECK_TEXT(render(&f, "{{^yes}}a{{/yes}}{{^no}}b{{/no}}{{^empty}}c{{/empty}}{{^zero}}{{zero}}{{/zero}}"
                              "{{^nobody}}d{{/nobody}}{{^unknown}}e{{/unknown}}"),
                   "bc0de");
}

static void repeats_a_section_for_each_item(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        struct view *list = view_set_list(f.view, "items");
        struct view *texts = view_set_list(f.view, "texts");

        view_set_text(view_add_object(list), "name", "a");
        view_set_text(view_add_object(list), "name", "b");
        view_add_text(texts, "<");
        view_add_text(texts, "y");
        view_set_text(f.view, "outer", "!");
        CHECK_TEXT(render(&f, "{{#items}}{{name}}{{outer}}{{/items}} {{#texts}}{{.}},{{/texts}}"), "a!b! &lt;,y,");
}

static void goes_down_dotted_names_without_climbing_back(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        struct view *a = view_set_object(f.view, "a");

        view_set_text(view_set_object(a, "b"), "c", "deep");
        view_set_text(f.view, "c", "outer");
        CHECK_TEXT(render(&f, "{{a.b.c}}{{#a}}{{b.c}}{{b.x}}{{#b}}{{c}}{{/b}}{{/a}}"), "deepdeepdeep");
        CHECK_TEXT(render(&f, "{{#a.b}}{{c}}{{/a.b}}{{a.c}}"), "deep");
}

static void takes_standalone_lines_away(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();

        view_set_bool(f.view, "yes", true);
        CHECK_TEXT(render(&f, "a\n  {{#yes}}  \nb\n{{/yes}}\nc"), "a\nb\nc");
        CHECK_TEXT(render(&f, "a\r\n{{#yes}}\r\nb\r\n{{/yes}}\r\nc"), "a\r\nb\r\nc");
        CHECK_TEXT(render(&f, "{{#yes}}\nb\n  {{/yes}}"), "b\n");
        CHECK_TEXT(render(&f, "a\n {{! several\n lines }}\nb\n{{!}}"), "a\nb\n");
        CHECK_TEXT(render(&f, "a {{#yes}}\nb{{/yes}}\n"), "a \nb\n");
        CHECK_TEXT(render(&f, "{{#yes}} {{/yes}}\n {{yes}}\n"), " \n \n");
        CHECK_TEXT(render_with(&f, "a\n  {{>parts/one}}\nb", "one\n"), "a\none\nb");
}

static void includes_partials_in_the_context_of_their_place(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        struct view *list = view_set_list(f.view, "items");

        view_set_text(view_add_object(list), "name", "a");
        view_set_text(view_add_object(list), "name", "b");
        CHECK_TEXT(render_with(&f, "{{#items}}{{> parts/one }}{{/items}}", "<{{name}}>"), "<a><b>");
}

static void renders_a_phrase_where_it_stands(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        struct view *words = view_object(f.arena);

        view_set_phrase(words, "hello", "Bonjour <b>{{name}}</b>{{#many}}s{{/many}}");
        view_set_phrase(words, "broken", "{{#a}}");
        view_set_phrase(words, "empty", "");
        view_set_view(f.view, "t", words);
        view_set_text(f.view, "name", "<x>");
        view_set_bool(f.view, "many", true);
        CHECK_TEXT(render(&f, "{{t.hello}}"), "Bonjour <b>&lt;x&gt;</b>s");
        CHECK_TEXT(render(&f, "{{#t}}{{broken}}{{/t}}{{#t.empty}}no{{/t.empty}}{{^t.empty}}yes{{/t.empty}}"),
                   "{{#a}}yes");
}

static void ends_a_phrase_that_names_itself(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();

        view_set_phrase(f.view, "loop", "{{loop}}{{loop}}");
        CHECK_TEXT(render(&f, "{{loop}}"), "ERR_CORRUPT");
}

static void refuses_broken_templates_and_says_where(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();

        CHECK_TEXT(render(&f, "a\n{{#a}}\n"), "page.mustache:3: a section is not closed");
        CHECK_TEXT(render(&f, "{{/a}}"), "page.mustache:1: a section is closed that was not opened");
        CHECK_TEXT(render(&f, "\n{{#a}}{{#b}}{{/a}}{{/b}}"), "page.mustache:2: a section is closed by another name");
        CHECK_TEXT(render(&f, "{{a"), "page.mustache:1: a tag is not closed");
        CHECK_TEXT(render(&f, "{{{a}}"), "page.mustache:1: a tag is not closed");
        CHECK_TEXT(render(&f, "{{}}"), "page.mustache:1: a name is empty or has strange characters");
        CHECK_TEXT(render(&f, "{{a b}}"), "page.mustache:1: a name is empty or has strange characters");
        CHECK_TEXT(render(&f, "{{a..b}}"), "page.mustache:1: a name is empty or has strange characters");
        CHECK_TEXT(render(&f, "{{=<% %>=}}"), "page.mustache:1: delimiters and inheritance are not supported");
        CHECK_TEXT(render(&f, "{{>none}}"), "page.mustache: a partial does not exist");
}

static void refuses_partials_in_a_circle(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();

        CHECK_TEXT(render_with(&f, "{{>parts/one}}", "{{#a}}{{>page}}{{>page}}{{/a}}"),
                   "page.mustache: partials go in a circle, or too deep");
}

static void refuses_sections_too_deep(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        AUTO(buf_done) struct buf text = {0};

        for (int i = 0; i <= LIMIT_TEMPLATE_DEPTH; i++)
                buf_puts(&text, "{{#a}}");
        CHECK_TEXT(render(&f, buf_text(&text)), "page.mustache:1: sections are nested too deep");
}

static void refuses_a_page_above_the_maximum(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        struct view *list = view_set_list(f.view, "items");
        AUTO(buf_done) struct buf kilobyte = {0};

        for (int i = 0; i < 1024; i++)
                buf_putc(&kilobyte, 'x');
        view_set_text(f.view, "kilobyte", buf_text(&kilobyte));
        for (int i = 0; i < LIMIT_HTTP_RESPONSE_BYTES / 1024 + 1; i++)
                view_add_text(list, "x");
        CHECK_TEXT(render(&f, "{{#items}}{{kilobyte}}{{/items}}"), "ERR_FULL");
}

static void knows_no_other_template(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        const struct file files[] = {{"a.mustache", "x", 1}, {0}};
        AUTO(templates_freep) struct templates *templates = NULL;
        const char *detail = NULL;

        CHECK_INT(templates_load(files, &templates, &detail), ERR_OK);
        CHECK_INT(template_render(templates, "b", f.view, &f.out), ERR_NOT_FOUND);
        CHECK_INT(template_render(templates, "a", f.view, &f.out), ERR_OK);
        CHECK_TEXT(buf_text(&f.out), "x");
}

static void finds_each_of_many_keys(void)
{
        AUTO(fixture_done) struct fixture f = fixture_new();
        AUTO(buf_done) struct buf text = {0}, expected = {0};

        for (int i = 0; i < 500; i++) {
                view_set_int(f.view, arena_printf(f.arena, "key_%d", i), i);
                buf_printf(&text, "{{key_%d}} ", i);
                buf_printf(&expected, "%d ", i);
        }
        CHECK_TEXT(render(&f, buf_text(&text)), buf_text(&expected));
}

UNIT_TESTS(UNIT(escapes_variables), UNIT(prints_nothing_for_what_is_absent), UNIT(keeps_the_last_value_of_a_key),
           UNIT(adds_to_the_object_or_list_that_is_there), UNIT(tells_truth_from_falsehood),
           UNIT(repeats_a_section_for_each_item), UNIT(goes_down_dotted_names_without_climbing_back),
           UNIT(takes_standalone_lines_away), UNIT(includes_partials_in_the_context_of_their_place),
           UNIT(renders_a_phrase_where_it_stands), UNIT(ends_a_phrase_that_names_itself),
           UNIT(refuses_broken_templates_and_says_where), UNIT(refuses_partials_in_a_circle),
           UNIT(refuses_sections_too_deep), UNIT(refuses_a_page_above_the_maximum), UNIT(knows_no_other_template),
           UNIT(finds_each_of_many_keys))
