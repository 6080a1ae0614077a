/* What a buyer's confirmation amounts to: types and fields, recomputed from the catalogue. Pure. */
#ifndef VR_MARKET_CONFIGURATION_RULES_H
#define VR_MARKET_CONFIGURATION_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/app/catalogue.h"
#include "common/base/arena.h"
#include "common/base/err.h"

struct configuration_choice {
        unsigned types; /* as created: mask of enum market_type */
        bool add_defense;
        const char *const *additional_keys; /* as submitted: may repeat, may name required ones */
        size_t additional_count;
};

struct configuration {
        unsigned types;
        const char *const *field_keys; /* in the catalogue's order; point into the catalogue */
        size_t field_count;
};

/* ERR_INVALID for a key that is unknown or that no type of the market carries; required and repeated ones are dropped. */
MUST_CHECK enum err configuration_decide(struct arena *arena, const struct catalogue *catalogue,
                                         const struct configuration_choice *choice,
                                         struct configuration *ret_configuration);

#endif
