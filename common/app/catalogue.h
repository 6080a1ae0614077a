/*
 * The field catalogue (proto/catalogue/fields.csv, categories.csv), built into the binary, read once at start,
 * never changed after: any thread. Rows lie in order of presentation, those of one sub-category together.
 * What a market of given types requires and allows: the union over its types (proto/catalogue/README.md §1).
 */
#ifndef VR_APP_CATALOGUE_H
#define VR_APP_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/arena.h"
#include "common/base/err.h"

struct catalogue_category {
        const char *key;
        const char *label_fr, *label_en;
        int position;
        const struct catalogue_category *parent; /* NULL for a category, set for a sub-category */
};

struct catalogue_field {
        const char *key; /* stable for ever: webhooks carry it */
        const struct catalogue_category *category, *subcategory;
        const char *label_fr, *label_en;
        const char *description_fr, *description_en;
        const char *input_type; /* proto/catalogue/README.md §1 */
        bool required;          /* comes with the type; else the buyer may add it */
        unsigned types;         /* mask of enum market_type */
        const char *source;     /* "authentic:INSEE", "declaration", "document" */
        const char *provider;   /* "INSEE" when the source is authentic, else NULL */
        const char *legal_basis;
};

struct catalogue {
        const struct catalogue_category *categories; /* categories and sub-categories, in order of presentation */
        size_t category_count;
        const struct catalogue_field *fields; /* in order of presentation */
        size_t field_count;
        const char *etag; /* of its content, quoted */
};

/*
 * ERR_CORRUPT when the files break a rule of their README (a duplicate key, an unknown category or type…);
 * `ret_detail` says where, and lives as long as the process.
 */
MUST_CHECK enum err catalogue_load(struct catalogue **ret_catalogue, const char **ret_detail);
/* The same from texts; all of it lives in the arena. For tests: what is built in does not break rules. */
MUST_CHECK enum err catalogue_parse(struct arena *arena, const char *categories_csv, const char *fields_csv,
                                    struct catalogue *ret_catalogue, const char **ret_detail);
void catalogue_free(struct catalogue *catalogue);
DEFINE_FREEP(struct catalogue, catalogue)

/* NULL when unknown. */
const struct catalogue_field *catalogue_find(const struct catalogue *catalogue, const char *key);
/* Does a market of these types carry the field at all? */
bool catalogue_field_applies(const struct catalogue_field *field, unsigned types);
bool catalogue_field_required(const struct catalogue_field *field, unsigned types);

#endif
