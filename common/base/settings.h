/*
 * Settings: one table per program, read from flags and the environment into a plain struct.
 *
 * Precedence: flag > environment > default. For a service named "auth", VR_AUTH_DATABASE_URL goes before
 * VR_DATABASE_URL (so that one environment can serve all four). A secret also has a `…_FILE` form whose file's content,
 * less one trailing newline, is the value. A variable set to empty counts as set. Flags are the names in lower case
 * with dashes, less `VR_`: `--database-url X` or `--database-url=X` (never for a secret: only `--…-file`).
 *
 * An unknown VR_ variable is a warning on stderr, a malformed one an error that names it, its value (never a secret)
 * and what is expected. Names that other programs of the tree know are not unknown: base/settings_names.def.
 */
#ifndef VR_BASE_SETTINGS_H
#define VR_BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/arena.h"
#include "common/base/err.h"

enum setting_type {
        SETTING_TEXT,      /* const char * */
        SETTING_INT,       /* int64_t */
        SETTING_NUMBER,    /* double */
        SETTING_BOOL,      /* bool: 0 or 1 */
        SETTING_CHOICE,    /* const char *, one of `choices` ("json|pretty") */
        SETTING_DURATIONS, /* struct setting_durations: "5s,30s,2m,1h,1d" */
};

#define SETTING_DURATIONS_MAX 32
struct setting_durations {
        int64_t ms[SETTING_DURATIONS_MAX];
        size_t count;
};

struct setting {
        const char *name; /* "VR_DATABASE_URL" */
        enum setting_type type;
        size_t offset;             /* of the member in the program's struct */
        const char *default_value; /* NULL: the setting is required; "" for none */
        const char *unit;          /* "s", "ms", "bytes", "per hour", "" */
        bool secret;
        double min, max;     /* of numbers; both 0: no bounds */
        const char *choices; /* SETTING_CHOICE */
        const char *help;    /* one sentence */
};

struct settings_spec {
        const char *program;         /* "vr-market" */
        const char *service;         /* "MARKET": the prefix of its own names; NULL for tools */
        const char *summary;         /* one sentence for --help */
        const struct setting *table; /* ends with a NULL name */
        const char *usage;           /* sub-commands, for --help; may be NULL */
};

/*
 * Fills `target` (text points into memory kept until the process ends). Handles by itself, and then exits 0 (1 when
 * wrong): --help, --version, --check-config, --print-config (secrets as ***), --print-settings (the Markdown reference).
 * `ret_rest`: index in argv of the first argument that is no flag, or argc. Says on stderr what is wrong.
 */
MUST_CHECK enum err settings_load(const struct settings_spec *spec, void *target, int argc, char **argv, int *ret_rest);

/* For what commands are given: "30s", "7d"; a comma list of them, "" for none. ERR_INVALID. */
MUST_CHECK enum err settings_duration(struct arena *arena, const char *text, int64_t *ret_ms);
MUST_CHECK enum err settings_durations(struct arena *arena, const char *text, struct setting_durations *ret_value);

/* The Markdown table of the generated reference (docs/operations/settings.md). */
void settings_print_reference(const struct settings_spec *spec, FILE *out);

#endif
