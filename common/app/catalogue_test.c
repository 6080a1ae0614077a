#include "common/app/catalogue.h"

#include <string.h>

#include "common/app/public_market.h"
#include "tests/support/unit.h"

static struct catalogue *built_in(void)
{
        struct catalogue *catalogue = NULL;
        const char *detail = "";

        if (catalogue_load(&catalogue, &detail))
                unit_fail(__FILE__, __LINE__, "%s", detail);
        return catalogue;
}

static size_t count(const struct catalogue *catalogue, unsigned types, bool required)
{
        size_t n = 0;

        for (size_t i = 0; i < catalogue->field_count; i++)
                n += required ? catalogue_field_required(&catalogue->fields[i], types)
                              : catalogue_field_applies(&catalogue->fields[i], types);
        return n;
}

static void counts_are_those_of_its_readme(void)
{
        AUTO(catalogue_freep) struct catalogue *catalogue = built_in();
        size_t categories = 0;

        CHECK_INT(catalogue->field_count, 120);
        CHECK_INT(catalogue->category_count, 7 + 26);
        for (size_t i = 0; i < catalogue->category_count; i++)
                categories += !catalogue->categories[i].parent;
        CHECK_INT(categories, 7);
        CHECK_INT(count(catalogue, MARKET_TYPE_SUPPLIES, false), 74);
        CHECK_INT(count(catalogue, MARKET_TYPE_SUPPLIES, true), 32);
        CHECK_INT(count(catalogue, MARKET_TYPE_SERVICES, false), 81);
        CHECK_INT(count(catalogue, MARKET_TYPE_SERVICES, true), 32);
        CHECK_INT(count(catalogue, MARKET_TYPE_WORKS, false), 80);
        CHECK_INT(count(catalogue, MARKET_TYPE_WORKS, true), 34);
        CHECK_INT(count(catalogue, MARKET_TYPE_DEFENSE, false), 24);
        CHECK_INT(count(catalogue, MARKET_TYPE_DEFENSE, true), 4);
        CHECK_INT(count(catalogue, MARKET_TYPE_SUPPLIES | MARKET_TYPE_SERVICES, false), 86);
        CHECK_INT(count(catalogue, MARKET_TYPE_SUPPLIES | MARKET_TYPE_SERVICES, true), 32);
        CHECK_INT(count(catalogue, MARKET_TYPE_WORKS | MARKET_TYPE_DEFENSE, false), 104);
        CHECK_INT(count(catalogue, MARKET_TYPE_WORKS | MARKET_TYPE_DEFENSE, true), 38);
}

static void the_seeds_keys_are_there(void)
{
        AUTO(catalogue_freep) struct catalogue *catalogue = built_in();
        static const char *const keys[] = {
                "company_name",       "siret", "legal_form", "turnover_year_n_minus_1", "employee_count",
                "certifications_iso",
        };

        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                if (!catalogue_find(catalogue, keys[i]))
                        unit_fail(__FILE__, __LINE__, "no field %s", keys[i]);
        }
        CHECK(!catalogue_find(catalogue, "Siret"));
        CHECK(!catalogue_find(catalogue, ""));
        CHECK(!catalogue_find(catalogue, NULL));
}

static void a_field_knows_its_place_and_source(void)
{
        AUTO(catalogue_freep) struct catalogue *catalogue = built_in();
        const struct catalogue_field *siret = catalogue_find(catalogue, "siret");
        const struct catalogue_field *contact = catalogue_find(catalogue, "contact_name");

        CHECK_TEXT(siret->category->key, "company_identity");
        CHECK_TEXT(siret->subcategory->key, "identification");
        CHECK(siret->subcategory->parent == siret->category);
        CHECK_TEXT(siret->label_fr, "Numéro SIRET");
        CHECK_TEXT(siret->provider, "INSEE");
        CHECK_TEXT(contact->source, "declaration");
        CHECK_TEXT(contact->provider, NULL);
        CHECK_TEXT(contact->description_fr, "Nom, prénom et fonction de la personne chargée de suivre la candidature.");
}

static void the_etag_is_quoted(void)
{
        AUTO(catalogue_freep) struct catalogue *catalogue = built_in();

        CHECK_INT(strlen(catalogue->etag), 34);
        CHECK(catalogue->etag[0] == '"' && catalogue->etag[33] == '"');
}

/* ---- what is refused ---- */

#define CATEGORY_NAMES "kind,key,parent,label_fr,label_en,position\n"
#define CATEGORIES                                 \
        CATEGORY_NAMES "category,one,,Un,One,1\n"  \
                       "subcategory,a,one,A,A,1\n" \
                       "subcategory,b,one,B,B,2\n"
#define FIELD_NAMES                                                                                                  \
        "key,category,subcategory,label_fr,description_fr,label_en,description_en,input_type,required,market_types," \
        "source,legal_basis\n"
#define FIELD(key, sub, types) key ",one," sub ",L,D,L,D,text,true," types ",document,CCP\n"

static const char *why(struct arena *arena, const char *categories, const char *fields)
{
        struct catalogue catalogue = {0};
        const char *detail = NULL;

        if (catalogue_parse(arena, categories, fields, &catalogue, &detail) == ERR_OK)
                return NULL;
        return detail;
}

static void a_small_one_is_read(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();
        struct catalogue catalogue = {0};
        const char *detail = NULL;

        CHECK_INT(catalogue_parse(arena, CATEGORIES,
                                  FIELD_NAMES FIELD("x", "a", "supplies|works") "y,one,b,\"L, \"\"q\"\"\",D,L,D,"
                                                                                "date,false,defense,authentic:X,CCP\n",
                                  &catalogue, &detail),
                  ERR_OK);
        CHECK_INT(catalogue.field_count, 2);
        CHECK_INT(catalogue.fields[0].types, MARKET_TYPE_SUPPLIES | MARKET_TYPE_WORKS);
        CHECK_TEXT(catalogue.fields[1].label_fr, "L, \"q\"");
        CHECK_TEXT(catalogue.fields[1].provider, "X");
}

static void broken_categories_are_told(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_TEXT(why(arena, "", FIELD_NAMES), "categories.csv, row 0: empty");
        CHECK_TEXT(why(arena, "kind,key\n", FIELD_NAMES), "categories.csv, row 1: not as many cells as columns");
        CHECK_TEXT(why(arena, "kind,key,parent,label_en,label_fr,position\n", FIELD_NAMES),
                   "categories.csv, row 1: not the column names expected");
        CHECK_TEXT(why(arena, CATEGORY_NAMES "kategory,one,,Un,One,1\n", FIELD_NAMES),
                   "categories.csv, row 2: the kind is neither category nor subcategory");
        CHECK_TEXT(why(arena, CATEGORY_NAMES "category,One,,Un,One,1\n", FIELD_NAMES),
                   "categories.csv, row 2: a malformed key");
        CHECK_TEXT(why(arena, CATEGORIES "subcategory,a,one,A,A,3\n", FIELD_NAMES),
                   "categories.csv, row 5: a key that was there before");
        CHECK_TEXT(why(arena, CATEGORIES "subcategory,c,two,A,A,3\n", FIELD_NAMES),
                   "categories.csv, row 5: an unknown parent");
        CHECK_TEXT(why(arena, CATEGORIES "subcategory,c,a,A,A,1\n", FIELD_NAMES),
                   "categories.csv, row 5: an unknown parent");
        CHECK_TEXT(why(arena, CATEGORIES "subcategory,c,one,A,A,4\n", FIELD_NAMES),
                   "categories.csv, row 5: the position is not the next one");
        CHECK_TEXT(why(arena, CATEGORIES "subcategory,c,one,,A,3\n", FIELD_NAMES),
                   "categories.csv, row 5: an empty label");
        CHECK_TEXT(why(arena, CATEGORIES "category,two,,Deux,Two,2\nsubcategory,c,one,C,C,3\n", FIELD_NAMES),
                   "categories.csv, row 6: a subcategory away from its category");
}

static void broken_fields_are_told(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES FIELD("x", "a", "works") FIELD("x", "a", "works")),
                   "fields.csv, row 3: a key that was there before");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES FIELD("x", "c", "works")),
                   "fields.csv, row 2: an unknown subcategory of that category");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES FIELD("x", "one", "works")),
                   "fields.csv, row 2: an unknown subcategory of that category");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES FIELD("x", "b", "works") FIELD("y", "a", "works")),
                   "fields.csv, row 3: out of the order of its subcategories");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES FIELD("x", "a", "work")),
                   "fields.csv, row 2: malformed market_types");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES FIELD("x", "a", "works|works")),
                   "fields.csv, row 2: malformed market_types");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES FIELD("x", "a", "works|defense")),
                   "fields.csv, row 2: malformed market_types");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES "x,one,a,L,D,L,D,txt,true,works,document,C\n"),
                   "fields.csv, row 2: an unknown input_type");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES "x,one,a,L,D,L,D,text,yes,works,document,C\n"),
                   "fields.csv, row 2: required is neither true nor false");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES "x,one,a,L,D,L,D,text,true,works,authentic:,C\n"),
                   "fields.csv, row 2: an unknown source");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES "x,one,a,L, ,L,D,text,true,works,document,C\n"),
                   "fields.csv, row 2: an empty description_fr");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES "x,one,a,\"L,D\n"), "fields.csv, row 2: a quote is not closed");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES "x,one,a,\"L\"D\n"),
                   "fields.csv, row 2: text after a quoted cell, or no line end");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES "x,one,a,L,D,L,D,text,true,works,document,C\r\n"),
                   "fields.csv, row 2: a control character");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES "x,one,a,L,D,L,D,text,true,works,document,C"),
                   "fields.csv, row 2: text after a quoted cell, or no line end");
        CHECK_TEXT(why(arena, CATEGORIES, "\xEF\xBB\xBF" FIELD_NAMES),
                   "fields.csv, row 1: not the column names expected");
        CHECK_TEXT(why(arena, CATEGORIES, FIELD_NAMES "x,\xFF\n"), "fields.csv, row 0: not UTF-8");
}

UNIT_TESTS(UNIT(counts_are_those_of_its_readme), UNIT(the_seeds_keys_are_there),
           UNIT(a_field_knows_its_place_and_source), UNIT(the_etag_is_quoted), UNIT(a_small_one_is_read),
           UNIT(broken_categories_are_told), UNIT(broken_fields_are_told))
