/*
 * A public market as the outside world states it: types of market, validation in the seed's words and order, sync
 * status names. Pure; shared by the market service, the wizard and the command line.
 * Source: seed/flux-acheteur "Paramètres requis"; design §3.
 */
#ifndef VR_APP_PUBLIC_MARKET_H
#define VR_APP_PUBLIC_MARKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"

/* A set of types is a bit mask. */
enum market_type {
        MARKET_TYPE_SUPPLIES = 1 << 0,
        MARKET_TYPE_SERVICES = 1 << 1,
        MARKET_TYPE_WORKS = 1 << 2,
        MARKET_TYPE_DEFENSE = 1 << 3,
};
#define MARKET_TYPE_COUNT 4

/* 0 for an unknown code. */
unsigned market_type_from_code(const char *code);
/* "supplies"; NULL unless exactly one bit. */
const char *market_type_code(unsigned type);
/* The codes of a set in the order of the enum; NULL-ended. */
const char *const *market_type_codes(struct arena *arena, unsigned types, size_t *ret_count);
/* Back from "supplies,services"; unknown codes are ERR_CORRUPT (it reads our own store). */
MUST_CHECK enum err market_types_parse(const char *list, unsigned *ret_types);
char *market_types_join(struct arena *arena, unsigned types);

/* "VR-2024-A1B2C3D4E5F6" and nothing else. */
bool market_identifier_valid(const char *text);

enum sync_status { SYNC_NONE, SYNC_PENDING, SYNC_PROCESSING, SYNC_COMPLETED, SYNC_FAILED };
/* "sync_pending" …; NULL for SYNC_NONE. */
const char *sync_status_name(enum sync_status status);
/* SYNC_NONE for NULL or an unknown name. */
enum sync_status sync_status_from_name(const char *name);

/* What a creation asks for, after JSON types were looked at (a wrong type is told apart from an absent member). */
enum member_state { MEMBER_ABSENT, MEMBER_WRONG_TYPE, MEMBER_PRESENT };
struct market_request {
        enum member_state name_state, lot_name_state, deadline_state, types_state;
        const char *name;
        const char *lot_name;
        const char *deadline;
        const char *const *type_codes; /* as sent, with repetitions */
        size_t type_code_count;
};
struct market_draft {
        const char *name;     /* trimmed? no: as sent */
        const char *lot_name; /* NULL when absent */
        int64_t deadline_ms;
        unsigned types;
};
/*
 * ERR_INVALID with every message in the seed's words and order, NULL-ended; else the draft. `now_ms` is looked at only
 * when `require_future_deadline`.
 */
MUST_CHECK enum err market_request_validate(struct arena *arena, const struct market_request *request,
                                            bool require_future_deadline, int64_t now_ms,
                                            const char *const **ret_messages, struct market_draft *ret_draft);

#endif
