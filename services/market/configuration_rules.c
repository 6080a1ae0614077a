#include "services/market/configuration_rules.h"

#include "common/app/public_market.h"

enum err configuration_decide(struct arena *arena, const struct catalogue *catalogue,
                              const struct configuration_choice *choice, struct configuration *ret_configuration)
{
        unsigned types = choice->types | (choice->add_defense ? MARKET_TYPE_DEFENSE : 0);
        bool *chosen = ARENA_ARRAY(arena, bool, catalogue->field_count + 1);
        const char **keys = ARENA_ARRAY(arena, const char *, catalogue->field_count + 1);
        size_t count = 0;

        for (size_t i = 0; i < choice->additional_count; i++) {
                const struct catalogue_field *field = catalogue_find(catalogue, choice->additional_keys[i]);

                if (!field || !catalogue_field_applies(field, types))
                        return ERR_INVALID;
                chosen[field - catalogue->fields] = true;
        }
        for (size_t i = 0; i < catalogue->field_count; i++)
                if (chosen[i] || catalogue_field_required(&catalogue->fields[i], types))
                        keys[count++] = catalogue->fields[i].key;
        *ret_configuration = (struct configuration){.types = types, .field_keys = keys, .field_count = count};
        return ERR_OK;
}
