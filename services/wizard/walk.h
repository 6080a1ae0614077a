/*
 * What the four steps share: read the market and the progress, send the buyer where he belongs, save with the events that
 * tell of it. A handler asks walk_open first; when that has answered already (a redirect), there is nothing left to do.
 */
#ifndef VR_WIZARD_WALK_H
#define VR_WIZARD_WALK_H

#include "services/wizard/page.h"
#include "services/wizard/wizard_events.h"

struct walk {
        struct page page;
        struct progress progress;
        enum step step;
        bool begun;    /* there was progress in Redis */
        bool answered; /* a redirect went out */
        bool from_summary;
        int64_t now_ms;
        struct event events[2]; /* waiting for the next save */
        size_t event_count;
};

/* For a GET: also counts the first display of the step, begins the configuration on setup, and resumes a new session. */
MUST_CHECK enum err walk_show(void *app, struct exchange *x, enum step step, struct walk *ret_walk);
/* For a POST: checks the form (CSRF) as well. */
MUST_CHECK enum err walk_post(void *app, struct exchange *x, enum step step, struct walk *ret_walk,
                              struct form *ret_form);

/* The step is done: saves progress with its event, counts it and its time. ERR_CONFLICT as walk_save. */
MUST_CHECK enum err walk_finish_step(struct walk *walk);
/* Saves progress with the waiting events, publishes them. ERR_CONFLICT: saved elsewhere since it was read (another tab). */
MUST_CHECK enum err walk_save(struct walk *walk);
/* Runs a POST's handler again while another tab keeps saving in between: it reads what is there now and applies its answer to it. */
MUST_CHECK enum err walk_retry(route_handler once, void *app, struct exchange *x);
/* 303 to the next step, or to the summary when the buyer came from there and nothing is missing. */
MUST_CHECK enum err walk_forward(struct walk *walk, const char *query);
/* Counts what the buyer got wrong, and shows it. */
void walk_error(struct walk *walk, const char *field, const char *error);

unsigned walk_types(const struct walk *walk);
/* For events of this request; in its arena. */
const struct wizard_event_context *walk_event_context(const struct walk *walk);

#endif
