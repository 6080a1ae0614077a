/*
 * What the demonstration remembers: the last LEDGER_MAX markets and what came back for each. In memory, any thread;
 * what is returned is a copy in the caller's arena.
 */
#ifndef VR_DEMO_LEDGER_H
#define VR_DEMO_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"

#define LEDGER_MAX 100

struct ledger_entry {
        const char *identifier, *name, *configuration_url;
        int64_t created_ms;
        /* the last webhook; NULL and 0 before it arrives */
        const char *webhook_id, *body, *signature, *standard_signature;
        bool seed_valid, standard_valid;
        int64_t received_ms;
        int receptions; /* the same webhook may come more than once: same id, same bytes */
};

struct ledger;
MUST_CHECK enum err ledger_new(struct ledger **ret_ledger);
void ledger_free(struct ledger *ledger);

/* Copies. The oldest goes when it is full. */
void ledger_add(struct ledger *ledger, const struct ledger_entry *entry);
/* False: a market that this demonstration has not created (or has forgotten); it is added then. */
bool ledger_receive(struct ledger *ledger, const struct ledger_entry *webhook);
/* Newest first. */
struct ledger_entry *ledger_list(struct ledger *ledger, struct arena *arena, size_t *ret_count);
bool ledger_find(struct ledger *ledger, struct arena *arena, const char *identifier, struct ledger_entry *ret_entry);

#endif
