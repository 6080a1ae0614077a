#include "common/app/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/base/str.h"

#define SUFFIX     ".mustache"
#define VIEW_SLOTS 16

enum node_kind { NODE_TEXT, NODE_VARIABLE, NODE_RAW_VARIABLE, NODE_SECTION, NODE_INVERTED, NODE_PARTIAL };

/* One step of a dotted name. */
struct step {
        const char *name; /* in the template's text */
        size_t length;
        uint32_t hash;
};

struct node {
        enum node_kind kind;
        const char *text; /* NODE_TEXT: what is printed; NODE_PARTIAL: the name */
        size_t length;
        struct step *steps; /* none for "." */
        size_t step_count;
        const struct template *partial;
        struct node *child, *next;
};

struct template
{
        const char *name; /* without the suffix */
        const struct file *file;
        struct node *nodes;
};

struct templates {
        struct arena *arena;
        struct template *list;
        size_t count;
};

enum view_kind { VIEW_OBJECT, VIEW_LIST, VIEW_TEXT, VIEW_PHRASE, VIEW_TRUTH, VIEW_LINK };

struct view {
        enum view_kind kind;
        struct arena *arena;
        const char *key;
        uint32_t hash;
        bool truth;
        const char *text;
        const struct node *phrase;
        const struct view *link;
        struct view *slot_next; /* newest first, so that setting a key again replaces it */
        struct view **slots;    /* VIEW_OBJECT: VIEW_SLOTS chains */
        struct view *first, *last, *next;
};

/* Where a name is looked up: the innermost section first. */
struct frame {
        const struct view *view;
        const struct frame *outer;
};

struct rendering {
        struct buf *out;
        size_t limit; /* of out->length */
        int depth;
        enum err err;
};

static uint32_t hash_name(const char *name, size_t length)
{
        uint32_t hash = 2166136261u; /* FNV-1a: keys are ours, never a client's */

        for (size_t i = 0; i < length; i++)
                hash = (hash ^ (unsigned char)name[i]) * 16777619u;
        return hash;
}

/* --- Reading ------------------------------------------------------------------------------------------------------ */

struct parser {
        struct arena *arena;
        const char *start, *end, *at;
        bool partials; /* allowed? */
        struct node *nodes;
        struct node **tail; /* where the next node goes */
        struct {
                struct node *node;
                const char *name;
                size_t length;
        } open[LIMIT_TEMPLATE_DEPTH];
        int depth;
        const char *problem;
};

/* A tag between its braces, its name trimmed. */
struct tag {
        char sigil; /* 0 for an escaped variable */
        const char *name;
        size_t length;
        const char *start, *end; /* braces included */
};

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
        return is_blank(c) || c == '\n' || c == '\r';
}

static enum err parse_failed(struct parser *p, const char *problem)
{
        p->problem = problem;
        return ERR_CORRUPT;
}

static struct node *add_node(struct parser *p, enum node_kind kind, const char *text, size_t length)
{
        struct node *node = ARENA_NEW(p->arena, struct node);

        node->kind = kind;
        node->text = text;
        node->length = length;
        *p->tail = node;
        p->tail = &node->next;
        return node;
}

static bool name_is_sound(const char *name, size_t length, bool path)
{
        for (size_t i = 0; i < length; i++) {
                char c = name[i];
                bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                            c == '-' || (path && c == '/');
                bool inner_dot = c == '.' && i > 0 && i + 1 < length && name[i - 1] != '.';

                if (!word && !inner_dot)
                        return false;
        }
        return length > 0;
}

static void split_name(struct parser *p, struct node *node, const char *name, size_t length)
{
        size_t count = 1;

        for (size_t i = 0; i < length; i++)
                count += name[i] == '.';
        node->steps = ARENA_ARRAY(p->arena, struct step, count);
        for (size_t i = 0; i < count; i++) {
                const char *dot = memchr(name, '.', length);
                size_t part = dot ? (size_t)(dot - name) : length;

                node->steps[i] = (struct step){name, part, hash_name(name, part)};
                name += part + 1;
                length -= dot ? part + 1 : part;
        }
        node->step_count = count;
}

static enum err read_tag(struct parser *p, const char *start, struct tag *ret_tag)
{
        const char *name = start + 2, *close;
        struct tag tag = {.start = start};
        bool triple = name < p->end && *name == '{';

        if (name < p->end && strchr("{&#^/!>=<$", *name) && *name != '\0')
                tag.sigil = *name++;
        close = memmem(name, (size_t)(p->end - name), triple ? "}}}" : "}}", triple ? 3 : 2);
        if (!close)
                return parse_failed(p, "a tag is not closed");
        tag.end = close + (triple ? 3 : 2);
        while (name < close && is_space(*name))
                name++;
        while (close > name && is_space(close[-1]))
                close--;
        tag.name = name;
        tag.length = (size_t)(close - name);
        *ret_tag = tag;
        return ERR_OK;
}

/* A tag that prints nothing and has its line to itself takes the whole line away with it. */
static bool stands_alone(const struct parser *p, const struct tag *tag, const char **ret_from, const char **ret_to)
{
        const char *from = tag->start, *to = tag->end;

        if (!tag->sigil || !strchr("#^/!>", tag->sigil))
                return false;
        while (from > p->start && is_blank(from[-1]))
                from--;
        if (from > p->start && from[-1] != '\n')
                return false;
        while (to < p->end && is_blank(*to))
                to++;
        if (to + 1 < p->end && to[0] == '\r' && to[1] == '\n')
                to++;
        if (to < p->end && *to != '\n')
                return false;
        *ret_from = from;
        *ret_to = to < p->end ? to + 1 : to;
        return true;
}

static enum err open_section(struct parser *p, const struct tag *tag)
{
        struct node *node;

        if (p->depth == LIMIT_TEMPLATE_DEPTH)
                return parse_failed(p, "sections are nested too deep");
        node = add_node(p, tag->sigil == '#' ? NODE_SECTION : NODE_INVERTED, NULL, 0);
        if (!(tag->length == 1 && *tag->name == '.'))
                split_name(p, node, tag->name, tag->length);
        p->open[p->depth].node = node;
        p->open[p->depth].name = tag->name;
        p->open[p->depth].length = tag->length;
        p->depth++;
        p->tail = &node->child;
        return ERR_OK;
}

static enum err close_section(struct parser *p, const struct tag *tag)
{
        int last = p->depth - 1;

        if (last < 0)
                return parse_failed(p, "a section is closed that was not opened");
        if (p->open[last].length != tag->length || memcmp(p->open[last].name, tag->name, tag->length) != 0)
                return parse_failed(p, "a section is closed by another name");
        p->tail = &p->open[last].node->next;
        p->depth = last;
        return ERR_OK;
}

static enum err take_tag(struct parser *p, const struct tag *tag)
{
        bool dot = tag->length == 1 && *tag->name == '.';
        struct node *node;

        if (tag->sigil == '!')
                return ERR_OK;
        if (tag->sigil && strchr("=<$", tag->sigil))
                return parse_failed(p, "delimiters and inheritance are not supported");
        if (!(dot && tag->sigil != '>') && !name_is_sound(tag->name, tag->length, tag->sigil == '>'))
                return parse_failed(p, "a name is empty or has strange characters");
        if (tag->sigil == '#' || tag->sigil == '^')
                return open_section(p, tag);
        if (tag->sigil == '/')
                return close_section(p, tag);
        if (tag->sigil == '>') {
                add_node(p, NODE_PARTIAL, tag->name, tag->length);
                return p->partials ? ERR_OK : parse_failed(p, "a phrase has a partial");
        }
        node = add_node(p, tag->sigil ? NODE_RAW_VARIABLE : NODE_VARIABLE, NULL, 0);
        if (!dot)
                split_name(p, node, tag->name, tag->length);
        return ERR_OK;
}

static enum err parse(struct parser *p, struct node **ret_nodes)
{
        p->tail = &p->nodes;
        while (p->at < p->end) {
                const char *braces = memmem(p->at, (size_t)(p->end - p->at), "{{", 2);
                const char *text_end = braces ? braces : p->end, *after = p->end;
                struct tag tag = {0};
                enum err err;

                if (braces && (err = read_tag(p, braces, &tag)))
                        return err;
                if (braces && !stands_alone(p, &tag, &text_end, &after))
                        after = tag.end;
                if (text_end > p->at)
                        add_node(p, NODE_TEXT, p->at, (size_t)(text_end - p->at));
                if (braces && (err = take_tag(p, &tag)))
                        return err;
                p->at = after;
        }
        if (p->depth > 0)
                return parse_failed(p, "a section is not closed");
        *ret_nodes = p->nodes;
        return ERR_OK;
}

/* --- Views -------------------------------------------------------------------------------------------------------- */

static struct view *view_new(struct arena *arena, enum view_kind kind)
{
        struct view *view = ARENA_NEW(arena, struct view);

        view->kind = kind;
        view->arena = arena;
        if (kind == VIEW_OBJECT)
                view->slots = ARENA_ARRAY(arena, struct view *, VIEW_SLOTS);
        return view;
}

static struct view *set(struct view *object, const char *key, enum view_kind kind)
{
        struct view *child = view_new(object->arena, kind);
        struct view **slot;

        child->key = arena_strdup(object->arena, key);
        child->hash = hash_name(key, strlen(key));
        slot = &object->slots[child->hash % VIEW_SLOTS];
        child->slot_next = *slot;
        *slot = child;
        return child;
}

static struct view *add(struct view *list, enum view_kind kind)
{
        struct view *child = view_new(list->arena, kind);

        if (list->last)
                list->last->next = child;
        else
                list->first = child;
        list->last = child;
        return child;
}

struct view *view_object(struct arena *arena)
{
        return view_new(arena, VIEW_OBJECT);
}

void view_set_text(struct view *object, const char *key, const char *text)
{
        set(object, key, VIEW_TEXT)->text = arena_strdup(object->arena, text ? text : "");
}

void view_set_int(struct view *object, const char *key, int64_t number)
{
        struct view *child = set(object, key, VIEW_TEXT);

        child->text = arena_printf(object->arena, "%lld", (long long)number);
        child->truth = number == 0; /* marks the one text that is false though not empty */
}

void view_set_bool(struct view *object, const char *key, bool value)
{
        set(object, key, VIEW_TRUTH)->truth = value;
}

void view_set_phrase(struct view *object, const char *key, const char *mustache)
{
        struct view *child = set(object, key, VIEW_PHRASE);
        const char *text = mustache ? mustache : "";
        struct parser p = {.arena = object->arena, .start = text, .at = text, .end = text + strlen(text)};
        struct node *nodes;

        child->text = text;
        if (!parse(&p, &nodes)) {
                child->phrase = nodes;
                return;
        }
        /* A broken translation shows as it is written, which a reviewer sees. */
        nodes = ARENA_NEW(object->arena, struct node);
        *nodes = (struct node){.kind = NODE_TEXT, .text = text, .length = strlen(text)};
        child->phrase = nodes;
}

/* What is there already is added to: a page's errors come from more than one place. */
static struct view *child_of_kind(struct view *object, const char *key, enum view_kind kind)
{
        struct view *child = object->slots[hash_name(key, strlen(key)) % VIEW_SLOTS];

        while (child && strcmp(child->key, key) != 0)
                child = child->slot_next;
        return child && child->kind == kind ? child : set(object, key, kind);
}

struct view *view_set_object(struct view *object, const char *key)
{
        return child_of_kind(object, key, VIEW_OBJECT);
}

struct view *view_set_list(struct view *object, const char *key)
{
        return child_of_kind(object, key, VIEW_LIST);
}

struct view *view_add_object(struct view *list)
{
        return add(list, VIEW_OBJECT);
}

void view_add_text(struct view *list, const char *text)
{
        add(list, VIEW_TEXT)->text = arena_strdup(list->arena, text ? text : "");
}

void view_set_view(struct view *object, const char *key, const struct view *child)
{
        set(object, key, VIEW_LINK)->link = child;
}

static const struct view *follow(const struct view *view)
{
        while (view && view->kind == VIEW_LINK)
                view = view->link;
        return view;
}

static const struct view *member(const struct view *view, const struct step *step)
{
        if (!view || view->kind != VIEW_OBJECT)
                return NULL;
        for (const struct view *child = view->slots[step->hash % VIEW_SLOTS]; child; child = child->slot_next)
                if (child->hash == step->hash && strncmp(child->key, step->name, step->length) == 0 &&
                    child->key[step->length] == '\0')
                        return follow(child);
        return NULL;
}

/* The first step climbs out of the sections; the others only go down, as the specification has it. */
static const struct view *look_up(const struct frame *frame, const struct node *node)
{
        const struct view *found = NULL;

        if (node->step_count == 0)
                return frame->view;
        for (; frame && !found; frame = frame->outer)
                found = member(frame->view, &node->steps[0]);
        for (size_t i = 1; found && i < node->step_count; i++)
                found = member(found, &node->steps[i]);
        return found;
}

static bool is_true(const struct view *view)
{
        if (!view)
                return false;
        switch (view->kind) {
        case VIEW_OBJECT:
                return true;
        case VIEW_LIST:
                return view->first != NULL;
        case VIEW_TEXT:
                return view->text[0] != '\0' && !view->truth;
        case VIEW_PHRASE:
                return view->text[0] != '\0';
        default:
                return view->truth;
        }
}

/* --- Rendering ---------------------------------------------------------------------------------------------------- */

static void put_escaped(struct buf *out, const char *text)
{
        while (*text) {
                size_t plain = strcspn(text, "&<>\"'");

                buf_append(out, text, plain);
                text += plain;
                switch (*text) {
                case '&':
                        buf_puts(out, "&amp;");
                        break;
                case '<':
                        buf_puts(out, "&lt;");
                        break;
                case '>':
                        buf_puts(out, "&gt;");
                        break;
                case '"':
                        buf_puts(out, "&quot;");
                        break;
                case '\'':
                        buf_puts(out, "&#39;");
                        break;
                default:
                        return;
                }
                text++;
        }
}

static void render_nodes(struct rendering *r, const struct node *nodes, const struct frame *frame);

static void render_variable(struct rendering *r, const struct node *node, const struct frame *frame)
{
        const struct view *view = look_up(frame, node);

        if (view && view->kind == VIEW_PHRASE)
                render_nodes(r, view->phrase, frame);
        else if (view && view->kind == VIEW_TEXT && node->kind == NODE_RAW_VARIABLE)
                buf_puts(r->out, view->text);
        else if (view && view->kind == VIEW_TEXT)
                put_escaped(r->out, view->text);
}

static void render_section(struct rendering *r, const struct node *node, const struct frame *frame)
{
        const struct view *view = look_up(frame, node);
        struct frame inner = {view, frame};

        if (!is_true(view))
                return;
        if (view->kind != VIEW_LIST) {
                render_nodes(r, node->child, &inner);
                return;
        }
        for (const struct view *item = view->first; item && !r->err; item = item->next) {
                inner.view = item;
                render_nodes(r, node->child, &inner);
        }
}

static void render_node(struct rendering *r, const struct node *node, const struct frame *frame)
{
        switch (node->kind) {
        case NODE_TEXT:
                buf_append(r->out, node->text, node->length);
                break;
        case NODE_VARIABLE:
        case NODE_RAW_VARIABLE:
                render_variable(r, node, frame);
                break;
        case NODE_SECTION:
                render_section(r, node, frame);
                break;
        case NODE_INVERTED:
                if (!is_true(look_up(frame, node)))
                        render_nodes(r, node->child, frame);
                break;
        case NODE_PARTIAL:
                render_nodes(r, node->partial->nodes, frame);
                break;
        }
}

static void render_nodes(struct rendering *r, const struct node *nodes, const struct frame *frame)
{
        /* Templates were measured when read; a phrase that names itself was not. */
        if (r->depth == LIMIT_TEMPLATE_DEPTH) {
                r->err = ERR_CORRUPT;
                return;
        }
        r->depth++;
        for (const struct node *node = nodes; node && !r->err; node = node->next) {
                render_node(r, node, frame);
                if (r->out->length > r->limit)
                        r->err = ERR_FULL;
        }
        r->depth--;
}

/* --- The table ---------------------------------------------------------------------------------------------------- */

static const struct template *find(const struct templates *templates, const char *name, size_t length)
{
        for (size_t i = 0; i < templates->count; i++) {
                const struct template *template = &templates->list[i];

                if (strlen(template->name) == length && memcmp(template->name, name, length) == 0)
                        return template;
        }
        return NULL;
}

/* Finds each partial's template, and refuses what would be rendered too deep: circles above all. */
static enum err link_nodes(const struct templates *templates, struct node *nodes, int depth, const char **ret_problem)
{
        enum err err = ERR_OK;

        if (depth == LIMIT_TEMPLATE_DEPTH) {
                *ret_problem = "partials go in a circle, or too deep";
                return ERR_CORRUPT;
        }
        for (struct node *node = nodes; node && !err; node = node->next) {
                if (node->kind == NODE_PARTIAL) {
                        node->partial = find(templates, node->text, node->length);
                        if (!node->partial) {
                                *ret_problem = "a partial does not exist";
                                return ERR_CORRUPT;
                        }
                        err = link_nodes(templates, node->partial->nodes, depth + 1, ret_problem);
                } else if (node->child) {
                        err = link_nodes(templates, node->child, depth + 1, ret_problem);
                }
        }
        return err;
}

static void explain(const char **ret_detail, const char *name, long line, const char *problem)
{
        static _Thread_local char detail[256]; /* outlives the templates, which are gone when it is read */

        if (line)
                snprintf(detail, sizeof(detail), "%s" SUFFIX ":%ld: %s", name, line, problem);
        else
                snprintf(detail, sizeof(detail), "%s" SUFFIX ": %s", name, problem);
        *ret_detail = detail;
}

static enum err read_template(struct arena *arena, struct template *template, const char **ret_detail)
{
        const char *text = template->file->data;
        struct parser p = {
                .arena = arena, .start = text, .at = text, .end = text + template->file->size, .partials = true};
        long line = 1;
        enum err err = parse(&p, &template->nodes);

        if (!err)
                return ERR_OK;
        for (const char *c = text; c < p.at; c++)
                line += *c == '\n';
        explain(ret_detail, template->name, line, p.problem);
        return err;
}

static void list_templates(struct templates *templates, const struct file *files)
{
        size_t count = 0;

        while (files[count].name)
                count++;
        templates->list = ARENA_ARRAY(templates->arena, struct template, count + 1);
        for (; files->name; files++) {
                struct template *template = &templates->list[templates->count];

                if (!str_ends_with(files->name, SUFFIX))
                        continue;
                template->name = arena_strndup(templates->arena, files->name, strlen(files->name) - strlen(SUFFIX));
                template->file = files;
                templates->count++;
        }
}

enum err templates_load(const struct file *files, struct templates **ret_templates, const char **ret_detail)
{
        AUTO(templates_freep) struct templates *templates = calloc(1, sizeof(*templates));
        const char *problem = NULL;
        enum err err;

        if (!templates)
                return ERR_NO_MEMORY;
        templates->arena = arena_new();
        list_templates(templates, files);
        for (size_t i = 0; i < templates->count; i++)
                if ((err = read_template(templates->arena, &templates->list[i], ret_detail)))
                        return err;
        for (size_t i = 0; i < templates->count; i++) {
                err = link_nodes(templates, templates->list[i].nodes, 0, &problem);
                if (err) {
                        explain(ret_detail, templates->list[i].name, 0, problem);
                        return err;
                }
        }
        *ret_templates = TAKE(templates);
        return ERR_OK;
}

void templates_free(struct templates *templates)
{
        if (!templates)
                return;
        arena_free(templates->arena);
        free(templates);
}

enum err template_render(const struct templates *templates, const char *name, const struct view *view, struct buf *out)
{
        const struct template *template = find(templates, name, strlen(name));
        struct frame frame = {follow(view), NULL};
        struct rendering r = {.out = out, .limit = out->length + LIMIT_HTTP_RESPONSE_BYTES};

        if (!template)
                return ERR_NOT_FOUND;
        render_nodes(&r, template->nodes, &frame);
        return r.err ? r.err : buf_err(out);
}
