#include "common/app/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "common/app/public_market.h"
#include "common/base/buf.h"
#include "common/base/file.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "common/base/utf8.h"
#include "common/io/crypto.h"

#define COLUMNS_MAX    12
#define CELL_BYTES_MAX 4096
#define KEY_BYTES_MAX  64
#define ETAG_CHARS     32

extern const struct file catalogue_files[]; /* proto/catalogue, built in */

struct reader {
        struct arena *arena;
        const char *name; /* of the file, for messages */
        const char *at;
        int row; /* 1 is the line of column names */
        const char *cells[COLUMNS_MAX];
        size_t cell_count;
        const char *detail; /* what was wrong */
};

static enum err broken(struct reader *r, const char *what)
{
        r->detail = arena_printf(r->arena, "%s, row %d: %s", r->name, r->row, what);
        return ERR_CORRUPT;
}

/* ---- RFC 4180, lines ended by LF ---- */

static enum err read_quoted(struct reader *r, struct buf *cell)
{
        for (r->at++; *r->at; r->at++) {
                if (*r->at == '"' && r->at[1] != '"')
                        break;
                r->at += *r->at == '"';
                buf_putc(cell, *r->at);
        }
        if (*r->at != '"')
                return broken(r, "a quote is not closed");
        r->at++;
        return ERR_OK;
}

static enum err read_cell(struct reader *r)
{
        AUTO(buf_done) struct buf cell = {.max = CELL_BYTES_MAX};

        if (r->cell_count == COLUMNS_MAX)
                return broken(r, "too many columns");
        if (*r->at == '"') {
                if (read_quoted(r, &cell))
                        return ERR_CORRUPT;
        } else {
                size_t length = strcspn(r->at, ",\n\"");

                buf_append(&cell, r->at, length);
                r->at += length;
        }
        if (buf_err(&cell))
                return broken(r, "a cell is too long");
        if (utf8_has_control(buf_text(&cell)))
                return broken(r, "a control character");
        r->cells[r->cell_count++] = arena_strdup(r->arena, buf_text(&cell));
        return ERR_OK;
}

/* The next row's cells; ERR_NOT_FOUND after the last. */
static enum err read_row(struct reader *r, size_t columns)
{
        if (!*r->at)
                return ERR_NOT_FOUND;
        r->row++;
        r->cell_count = 0;
        while (true) {
                if (read_cell(r))
                        return ERR_CORRUPT;
                if (*r->at != ',')
                        break;
                r->at++;
        }
        if (*r->at++ != '\n')
                return broken(r, "text after a quoted cell, or no line end");
        if (r->cell_count != columns)
                return broken(r, "not as many cells as columns");
        return ERR_OK;
}

static enum err read_names(struct reader *r, const char *const *names, size_t columns)
{
        if (!utf8_valid(r->at, strlen(r->at)))
                return broken(r, "not UTF-8");
        if (read_row(r, columns))
                return r->detail ? ERR_CORRUPT : broken(r, "empty");
        for (size_t i = 0; i < columns; i++) {
                if (!str_equal(r->cells[i], names[i]))
                        return broken(r, "not the column names expected");
        }
        return ERR_OK;
}

/* ---- the rules ---- */

static bool is_key(const char *text)
{
        size_t length = strlen(text);

        return length > 0 && length <= KEY_BYTES_MAX && text[0] >= 'a' && text[0] <= 'z' &&
               strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static const struct catalogue_category *find_category(const struct catalogue *catalogue, const char *key)
{
        for (size_t i = 0; i < catalogue->category_count; i++) {
                if (str_equal(catalogue->categories[i].key, key))
                        return &catalogue->categories[i];
        }
        return NULL;
}

static int siblings(const struct catalogue *catalogue, const struct catalogue_category *parent)
{
        int count = 0;

        for (size_t i = 0; i < catalogue->category_count; i++)
                count += catalogue->categories[i].parent == parent;
        return count;
}

enum { CATEGORY_KIND, CATEGORY_KEY, CATEGORY_PARENT, CATEGORY_LABEL_FR, CATEGORY_LABEL_EN, CATEGORY_POSITION };
static const char *const category_columns[] = {"kind", "key", "parent", "label_fr", "label_en", "position"};

static enum err add_category(struct reader *r, struct catalogue *catalogue, struct catalogue_category *place)
{
        const char *const *cells = r->cells;
        bool is_sub = str_equal(cells[CATEGORY_KIND], "subcategory");
        const struct catalogue_category *parent = is_sub ? find_category(catalogue, cells[CATEGORY_PARENT]) : NULL;
        int64_t position;

        if (!is_sub && !str_equal(cells[CATEGORY_KIND], "category"))
                return broken(r, "the kind is neither category nor subcategory");
        if (!is_key(cells[CATEGORY_KEY]))
                return broken(r, "a malformed key");
        if (find_category(catalogue, cells[CATEGORY_KEY]))
                return broken(r, "a key that was there before");
        if (is_sub ? !parent || parent->parent : *cells[CATEGORY_PARENT])
                return broken(r, "an unknown parent");
        if (utf8_is_blank(cells[CATEGORY_LABEL_FR]) || utf8_is_blank(cells[CATEGORY_LABEL_EN]))
                return broken(r, "an empty label");
        if (str_to_i64(cells[CATEGORY_POSITION], 1, LIMIT_CATALOGUE_CATEGORIES, &position) ||
            position != siblings(catalogue, parent) + 1)
                return broken(r, "the position is not the next one");
        if (parent && &catalogue->categories[catalogue->category_count - 1] != parent &&
            catalogue->categories[catalogue->category_count - 1].parent != parent)
                return broken(r, "a subcategory away from its category");
        *place = (struct catalogue_category){
                .key = cells[CATEGORY_KEY],
                .label_fr = cells[CATEGORY_LABEL_FR],
                .label_en = cells[CATEGORY_LABEL_EN],
                .position = (int)position,
                .parent = parent,
        };
        return ERR_OK;
}

static enum err read_categories(struct reader *r, struct catalogue *catalogue)
{
        struct catalogue_category *categories =
                ARENA_ARRAY(r->arena, struct catalogue_category, LIMIT_CATALOGUE_CATEGORIES);
        enum err err = read_names(r, category_columns, ARRAY_LEN(category_columns));

        catalogue->categories = categories;
        while (!err && (err = read_row(r, ARRAY_LEN(category_columns))) == ERR_OK) {
                if (catalogue->category_count == LIMIT_CATALOGUE_CATEGORIES)
                        return broken(r, "too many categories");
                err = add_category(r, catalogue, &categories[catalogue->category_count]);
                catalogue->category_count += !err;
        }
        return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static bool is_input_type(const char *text)
{
        static const char *const types[] = {
                "text",
                "textarea",
                "email",
                "phone",
                "number",
                "amount",
                "percentage",
                "date",
                "file",
                "checkbox",
                "checkbox_with_document",
                "list",
        };

        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                if (str_equal(text, types[i]))
                        return true;
        }
        return false;
}

/* "supplies|works" → mask; 0 when it is malformed, has one twice, or mixes defence with civil types. */
static unsigned read_types(struct arena *arena, const char *text)
{
        size_t count;
        char **codes = str_split(arena, text, '|', &count);
        unsigned types = 0;

        for (size_t i = 0; i < count; i++) {
                unsigned type = market_type_from_code(codes[i]);

                if (!type || types & type)
                        return 0;
                types |= type;
        }
        return types & MARKET_TYPE_DEFENSE && types != MARKET_TYPE_DEFENSE ? 0 : types;
}

static bool is_source(const char *text, const char **ret_provider)
{
        static const char authentic[] = "authentic:";

        *ret_provider = NULL;
        if (str_equal(text, "declaration") || str_equal(text, "document"))
                return true;
        *ret_provider = text + sizeof(authentic) - 1;
        return str_starts_with(text, authentic) && !str_is_blank(*ret_provider);
}

enum {
        FIELD_KEY,
        FIELD_CATEGORY,
        FIELD_SUBCATEGORY,
        FIELD_LABEL_FR,
        FIELD_DESCRIPTION_FR,
        FIELD_LABEL_EN,
        FIELD_DESCRIPTION_EN,
        FIELD_INPUT_TYPE,
        FIELD_REQUIRED,
        FIELD_MARKET_TYPES,
        FIELD_SOURCE,
        FIELD_LEGAL_BASIS,
        FIELD_COLUMNS,
};
static const char *const field_columns[FIELD_COLUMNS] = {
        "key",        "category", "subcategory",  "label_fr", "description_fr", "label_en", "description_en",
        "input_type", "required", "market_types", "source",   "legal_basis",
};

static enum err check_place(struct reader *r, const struct catalogue *catalogue, const struct catalogue_field *field)
{
        const struct catalogue_field *previous =
                catalogue->field_count ? &catalogue->fields[catalogue->field_count - 1] : NULL;

        if (!field->category || field->category->parent)
                return broken(r, "an unknown category");
        if (!field->subcategory || field->subcategory->parent != field->category)
                return broken(r, "an unknown subcategory of that category");
        /* the rows of one part lie together, in the order of categories.csv: pages are built by walking */
        if (previous && field->subcategory < previous->subcategory)
                return broken(r, "out of the order of its subcategories");
        return ERR_OK;
}

static enum err add_field(struct reader *r, struct catalogue *catalogue, struct catalogue_field *place)
{
        const char *const *cells = r->cells;
        struct catalogue_field field = {
                .key = cells[FIELD_KEY],
                .category = find_category(catalogue, cells[FIELD_CATEGORY]),
                .subcategory = find_category(catalogue, cells[FIELD_SUBCATEGORY]),
                .label_fr = cells[FIELD_LABEL_FR],
                .label_en = cells[FIELD_LABEL_EN],
                .description_fr = cells[FIELD_DESCRIPTION_FR],
                .description_en = cells[FIELD_DESCRIPTION_EN],
                .input_type = cells[FIELD_INPUT_TYPE],
                .required = str_equal(cells[FIELD_REQUIRED], "true"),
                .types = read_types(r->arena, cells[FIELD_MARKET_TYPES]),
                .source = cells[FIELD_SOURCE],
                .legal_basis = cells[FIELD_LEGAL_BASIS],
        };

        if (!is_key(field.key))
                return broken(r, "a malformed key");
        if (catalogue_find(catalogue, field.key))
                return broken(r, "a key that was there before");
        for (size_t i = 0; i < FIELD_COLUMNS; i++) {
                if (utf8_is_blank(cells[i]))
                        return broken(r, arena_printf(r->arena, "an empty %s", field_columns[i]));
        }
        if (!is_input_type(field.input_type))
                return broken(r, "an unknown input_type");
        if (!field.required && !str_equal(cells[FIELD_REQUIRED], "false"))
                return broken(r, "required is neither true nor false");
        if (!field.types)
                return broken(r, "malformed market_types");
        if (!is_source(field.source, &field.provider))
                return broken(r, "an unknown source");
        if (check_place(r, catalogue, &field))
                return ERR_CORRUPT;
        *place = field;
        return ERR_OK;
}

static enum err read_fields(struct reader *r, struct catalogue *catalogue)
{
        struct catalogue_field *fields = ARENA_ARRAY(r->arena, struct catalogue_field, LIMIT_CATALOGUE_FIELDS);
        enum err err = read_names(r, field_columns, FIELD_COLUMNS);

        catalogue->fields = fields;
        while (!err && (err = read_row(r, FIELD_COLUMNS)) == ERR_OK) {
                if (catalogue->field_count == LIMIT_CATALOGUE_FIELDS)
                        return broken(r, "too many fields");
                err = add_field(r, catalogue, &fields[catalogue->field_count]);
                catalogue->field_count += !err;
        }
        return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static const char *etag_of(struct arena *arena, const char *categories_csv, const char *fields_csv)
{
        const char *content = arena_printf(arena, "%s\n%s", categories_csv, fields_csv);
        char hex[CRYPTO_SHA256_HEX];

        crypto_sha256_hex(content, strlen(content), hex);
        return arena_printf(arena, "\"%.*s\"", ETAG_CHARS, hex);
}

enum err catalogue_parse(struct arena *arena, const char *categories_csv, const char *fields_csv,
                         struct catalogue *ret_catalogue, const char **ret_detail)
{
        struct reader categories = {.arena = arena, .name = "categories.csv", .at = categories_csv};
        struct reader fields = {.arena = arena, .name = "fields.csv", .at = fields_csv};
        struct catalogue catalogue = {.etag = etag_of(arena, categories_csv, fields_csv)};

        if (read_categories(&categories, &catalogue)) {
                *ret_detail = categories.detail;
                return ERR_CORRUPT;
        }
        if (read_fields(&fields, &catalogue)) {
                *ret_detail = fields.detail;
                return ERR_CORRUPT;
        }
        *ret_catalogue = catalogue;
        return ERR_OK;
}

/* ---- the one that is built in ---- */

struct loaded {
        struct catalogue catalogue; /* first: what callers hold */
        struct arena *arena;
};

enum err catalogue_load(struct catalogue **ret_catalogue, const char **ret_detail)
{
        const struct file *categories = file_find(catalogue_files, "categories.csv");
        const struct file *fields = file_find(catalogue_files, "fields.csv");
        struct loaded *loaded;

        if (!categories || !fields) {
                *ret_detail = "categories.csv or fields.csv is not built in";
                return ERR_CORRUPT;
        }
        loaded = calloc(1, sizeof(*loaded));
        if (!loaded)
                return ERR_NO_MEMORY;
        loaded->arena = arena_new();
        if (catalogue_parse(loaded->arena, categories->data, fields->data, &loaded->catalogue, ret_detail)) {
                free(loaded); /* the arena stays, for the detail is in it: a program that can't start */
                return ERR_CORRUPT;
        }
        *ret_catalogue = &loaded->catalogue;
        return ERR_OK;
}

void catalogue_free(struct catalogue *catalogue)
{
        struct loaded *loaded = (struct loaded *)catalogue;

        if (!loaded)
                return;
        arena_free(loaded->arena);
        free(loaded);
}

const struct catalogue_field *catalogue_find(const struct catalogue *catalogue, const char *key)
{
        for (size_t i = 0; i < catalogue->field_count; i++) {
                if (str_equal(catalogue->fields[i].key, key))
                        return &catalogue->fields[i];
        }
        return NULL;
}

bool catalogue_field_applies(const struct catalogue_field *field, unsigned types)
{
        return (field->types & types) != 0;
}

bool catalogue_field_required(const struct catalogue_field *field, unsigned types)
{
        return field->required && catalogue_field_applies(field, types);
}
