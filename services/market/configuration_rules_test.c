#include "services/market/configuration_rules.h"

#include "common/app/public_market.h"
#include "common/base/str.h"
#include "tests/support/unit.h"

/* Two required, two optional; the last of each of defence alone. */
static const struct catalogue_field fields[] = {
        {.key = "siret", .required = true, .types = MARKET_TYPE_SUPPLIES | MARKET_TYPE_WORKS},
        {.key = "turnover", .required = false, .types = MARKET_TYPE_SUPPLIES},
        {.key = "insurance", .required = false, .types = MARKET_TYPE_WORKS},
        {.key = "clearance", .required = true, .types = MARKET_TYPE_DEFENSE},
        {.key = "arms_permit", .required = false, .types = MARKET_TYPE_DEFENSE},
};
static const struct catalogue catalogue = {.fields = fields, .field_count = ARRAY_LEN(fields)};

static const char *decide(struct arena *arena, unsigned types, bool add_defense, const char *const *keys, size_t count)
{
        const struct configuration_choice choice = {types, add_defense, keys, count};
        struct configuration configuration;
        char *list = arena_strdup(arena, "");

        if (configuration_decide(arena, &catalogue, &choice, &configuration))
                return "refused";
        for (size_t i = 0; i < configuration.field_count; i++)
                list = arena_printf(arena, "%s%s ", list, configuration.field_keys[i]);
        return arena_printf(arena, "%s/ %s", list, market_types_join(arena, configuration.types));
}
#define DECIDE(types, add_defense, ...)                                           \
        decide(arena, (types), (add_defense), (const char *const[]){__VA_ARGS__}, \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void takes_what_the_types_require(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_TEXT(decide(arena, MARKET_TYPE_SUPPLIES, false, NULL, 0), "siret / supplies");
}

static void keeps_the_order_of_the_catalogue(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_TEXT(DECIDE(MARKET_TYPE_SUPPLIES | MARKET_TYPE_WORKS, false, "insurance", "turnover"),
                   "siret turnover insurance / supplies,works");
}

static void drops_required_and_repeated_keys(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_TEXT(DECIDE(MARKET_TYPE_SUPPLIES, false, "turnover", "siret", "turnover"), "siret turnover / supplies");
}

static void adding_defense_brings_its_fields(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_TEXT(DECIDE(MARKET_TYPE_SUPPLIES, true, "arms_permit"), "siret clearance arms_permit / supplies,defense");
}

static void refuses_unknown_and_foreign_keys(void)
{
        AUTO(arena_freep) struct arena *arena = arena_new();

        CHECK_TEXT(DECIDE(MARKET_TYPE_SUPPLIES, false, "no_such_field"), "refused");
        CHECK_TEXT(DECIDE(MARKET_TYPE_SUPPLIES, false, "insurance"), "refused");
        CHECK_TEXT(DECIDE(MARKET_TYPE_SUPPLIES, false, "arms_permit"), "refused");
}

UNIT_TESTS(UNIT(takes_what_the_types_require), UNIT(keeps_the_order_of_the_catalogue),
           UNIT(drops_required_and_repeated_keys), UNIT(adding_defense_brings_its_fields),
           UNIT(refuses_unknown_and_foreign_keys))
