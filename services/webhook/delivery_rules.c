#include "services/webhook/delivery_rules.h"

#include <string.h>

#include "common/base/attr.h"

#define POSTPONE_FIRST_MS 1000
#define POSTPONE_LAST_MS  60000
#define POSTPONE_DAY_MS   (24 * 3600 * 1000LL)

enum what {
        IGNORE = 0, /* written down, nothing happens */
        GO,
};

struct transition {
        enum what what;
        enum delivery_state next;
};

/*
 * Every pair is here; those left out of a row are IGNORE, on purpose:
 * - WAITING: an outcome comes from a sender that lost the delivery meanwhile.
 * - LEASED: a manual retry or a replay meets an attempt that runs already. CLAIM, CLOSE and POSTPONE find a lease that has run out.
 * - SUCCEEDED: the end, but for the operator's replay.
 * - FAILED: only a manual retry or a replay leads out.
 */
static const struct transition transitions[DELIVERY_STATES][DELIVERY_EVENTS] = {
        [DELIVERY_WAITING] =
                {
                        [DELIVERY_CLAIM] = {GO, DELIVERY_LEASED},
                        [DELIVERY_CLOSE] = {GO, DELIVERY_FAILED},
                        [DELIVERY_POSTPONE] = {GO, DELIVERY_WAITING},
                        [DELIVERY_ASK_AGAIN] = {GO, DELIVERY_WAITING},
                        [DELIVERY_REPLAY] = {GO, DELIVERY_WAITING},
                },
        [DELIVERY_LEASED] =
                {
                        [DELIVERY_CLAIM] = {GO, DELIVERY_LEASED},
                        [DELIVERY_SUCCEED] = {GO, DELIVERY_SUCCEEDED},
                        [DELIVERY_FAIL] = {GO, DELIVERY_WAITING},
                        [DELIVERY_GIVE_UP] = {GO, DELIVERY_FAILED},
                        [DELIVERY_CLOSE] = {GO, DELIVERY_FAILED},
                        [DELIVERY_POSTPONE] = {GO, DELIVERY_WAITING},
                        [DELIVERY_RELEASE] = {GO, DELIVERY_WAITING},
                },
        [DELIVERY_SUCCEEDED] = {[DELIVERY_REPLAY] = {GO, DELIVERY_WAITING}},
        [DELIVERY_FAILED] =
                {
                        [DELIVERY_ASK_AGAIN] = {GO, DELIVERY_WAITING},
                        [DELIVERY_REPLAY] = {GO, DELIVERY_WAITING},
                },
};

static const char *const state_names[DELIVERY_STATES] = {
        [DELIVERY_WAITING] = "waiting",
        [DELIVERY_LEASED] = "leased",
        [DELIVERY_SUCCEEDED] = "succeeded",
        [DELIVERY_FAILED] = "failed",
};

static void change(struct delivery_progress *p, enum delivery_event event, int64_t at_ms, int64_t due_ms)
{
        bool attempted = event == DELIVERY_SUCCEED || event == DELIVERY_FAIL || event == DELIVERY_GIVE_UP;

        p->attempts += attempted;
        switch (event) {
        case DELIVERY_CLAIM:
                p->fence++;
                p->due_at_ms = due_ms;
                break;
        case DELIVERY_FAIL:
                p->schedule_pos++;
                p->postponed = 0;
                p->due_at_ms = due_ms;
                break;
        case DELIVERY_POSTPONE:
                p->postponed++;
                p->due_at_ms = due_ms;
                break;
        case DELIVERY_RELEASE:
                p->due_at_ms = at_ms;
                break;
        case DELIVERY_ASK_AGAIN:
        case DELIVERY_REPLAY:
                p->schedule_pos = 0;
                p->postponed = 0;
                p->due_at_ms = at_ms;
                p->finished_at_ms = 0;
                break;
        case DELIVERY_SUCCEED:
        case DELIVERY_GIVE_UP:
        case DELIVERY_CLOSE:
                p->due_at_ms = 0;
                p->finished_at_ms = at_ms;
                break;
        }
}

bool delivery_step(struct delivery_progress *progress, enum delivery_event event, int64_t at_ms, int64_t due_ms)
{
        const struct transition *transition = &transitions[progress->state][event];

        if (transition->what == IGNORE)
                return false;
        progress->state = transition->next;
        change(progress, event, at_ms, due_ms);
        return true;
}

const char *delivery_state_name(enum delivery_state state)
{
        return state_names[state];
}

bool delivery_state_from_name(const char *name, enum delivery_state *ret_state)
{
        for (size_t i = 0; name && i < ARRAY_LEN(state_names); i++) {
                if (strcmp(state_names[i], name) != 0)
                        continue;
                *ret_state = (enum delivery_state)i;
                return true;
        }
        return false;
}

int64_t delivery_postpone_ms(int64_t postponed)
{
        int64_t delay = POSTPONE_FIRST_MS;

        if (postponed * POSTPONE_LAST_MS >= POSTPONE_DAY_MS)
                return 0;
        for (int64_t i = 0; i < postponed && delay < POSTPONE_LAST_MS; i++)
                delay *= 2;
        return delay < POSTPONE_LAST_MS ? delay : POSTPONE_LAST_MS;
}
