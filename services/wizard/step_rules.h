/*
 * The four steps of the seed ("Interface de configuration") and what may happen in them. Pure.
 * A step opens once those before it are done; changing what an earlier answer decided closes the later ones again.
 */
#ifndef VR_WIZARD_STEP_RULES_H
#define VR_WIZARD_STEP_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/app/catalogue.h"
#include "common/app/public_market.h"
#include "common/base/arena.h"

enum step { STEP_SETUP, STEP_REQUIRED, STEP_ADDITIONAL, STEP_SUMMARY };
#define STEP_COUNT 4

/* "setup", "required_fields", "additional_fields", "summary": in paths, events and metrics. */
const char *step_name(enum step step);

enum answer { ANSWER_NONE, ANSWER_YES, ANSWER_NO };

/* A buyer's progress in one market. Keys point into the catalogue or the arena it was read into. */
struct progress {
        int64_t version; /* 0: not saved yet */
        int64_t started_ms, updated_ms;
        int64_t entered_ms[STEP_COUNT]; /* first display; 0: not yet */
        int done;                       /* steps done, from the first: 0 to 3 */
        bool add_defense;
        enum answer answer;
        const char **chosen; /* in the catalogue's order */
        size_t chosen_count;
};

/* Where the buyer stands: the first step that is not done. */
enum step progress_step(const struct progress *progress);
bool progress_opens(const struct progress *progress, enum step step);

/* The market's types with what the buyer added. `editor_types`: as created. */
unsigned progress_types(const struct progress *progress, unsigned editor_types);

/* Step 1 accepted. Undoing defence drops the defence fields chosen since: how many. Changed types reopen step 2. */
size_t progress_accept_setup(struct progress *progress, const struct catalogue *catalogue, unsigned editor_types,
                             bool add_defense);
void progress_accept_required(struct progress *progress);

/*
 * What was posted in step 3: the choices become those that may be chosen (known, of the market's types), each once,
 * without required ones, in the catalogue's order; none when the answer is no. False when one is unknown or of another
 * type: then `progress` is good for showing the rest of the input again, not for saving.
 */
bool progress_set_choices(struct progress *progress, struct arena *arena, const struct catalogue *catalogue,
                          unsigned editor_types, enum answer answer, const char *const *keys, size_t count);
enum additional_error { ADDITIONAL_OK, ADDITIONAL_ANSWER_MISSING, ADDITIONAL_NONE_CHOSEN };
enum additional_error progress_check_additional(const struct progress *progress);
void progress_accept_additional(struct progress *progress);
/* The answers no longer make a whole: the summary closes again. */
void progress_reopen_additional(struct progress *progress);

/* The last check before the confirmation: is everything that was saved still right? */
bool progress_confirmable(const struct progress *progress, const struct catalogue *catalogue, unsigned editor_types);

/* Takes out the choices that are not allowed (any more), and closes the summary when nothing is left of a "yes". */
void progress_drop_unfit(struct progress *progress, const struct catalogue *catalogue, unsigned editor_types);

bool progress_has_chosen(const struct progress *progress, const char *key);

/* May the buyer ask for another notification? By the state alone: only after a failure (seed, "Conditions d'utilisation"). */
bool retry_allowed(enum sync_status status);

#endif
