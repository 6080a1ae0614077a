#include "services/market/sync_rules.h"

#include <string.h>

#define IGNORE SYNC_NONE

/* Every pair is written down; IGNORE is a decision. A market not completed has nothing to tell: SYNC_NONE is no row. */
static const enum sync_status next_status[][SYNC_EVENT_COUNT] = {
        [SYNC_NONE] = {IGNORE, IGNORE, IGNORE, IGNORE, IGNORE},
        [SYNC_PENDING] =
                {
                        [SYNC_EVENT_STARTED] = SYNC_PROCESSING,
                        [SYNC_EVENT_SUCCEEDED] = SYNC_COMPLETED, /* "started" was lost */
                        [SYNC_EVENT_FAILED] = SYNC_FAILED,
                        [SYNC_EVENT_EXHAUSTED] = SYNC_FAILED, /* also without any attempt: no endpoint */
                        [SYNC_EVENT_RETRY] = IGNORE,          /* it is on its way */
                },
        [SYNC_PROCESSING] =
                {
                        [SYNC_EVENT_STARTED] = SYNC_PROCESSING, /* the sender died, another one took over */
                        [SYNC_EVENT_SUCCEEDED] = SYNC_COMPLETED,
                        [SYNC_EVENT_FAILED] = SYNC_FAILED,
                        [SYNC_EVENT_EXHAUSTED] = SYNC_FAILED,
                        [SYNC_EVENT_RETRY] = IGNORE,
                },
        /* The editor knows: whatever is sent to it after that takes nothing back. */
        [SYNC_COMPLETED] = {IGNORE, IGNORE, IGNORE, IGNORE, IGNORE},
        [SYNC_FAILED] =
                {
                        [SYNC_EVENT_STARTED] = SYNC_PROCESSING,
                        [SYNC_EVENT_SUCCEEDED] = SYNC_COMPLETED,
                        [SYNC_EVENT_FAILED] = SYNC_FAILED, /* one more failure: the next attempt has moved */
                        [SYNC_EVENT_EXHAUSTED] = SYNC_FAILED,
                        [SYNC_EVENT_RETRY] = SYNC_PENDING,
                },
};

/* Attempt n begins, attempt n ends, attempt n + 1 begins… */
static int64_t position(int64_t attempt, bool settled)
{
        return 2 * attempt + settled;
}

static bool is_late(const struct sync *sync, const struct sync_news *news)
{
        int64_t here = position(sync->attempt, sync->settled);
        int64_t there = position(news->attempt, news->event != SYNC_EVENT_STARTED);

        if (there != here)
                return there < here;
        /* Giving up needs no attempt of its own (the endpoint was switched off meanwhile): the later id is the news. */
        return news->event != SYNC_EVENT_EXHAUSTED || (sync->event_id && strcmp(news->event_id, sync->event_id) <= 0);
}

/* Until when silence is normal. */
static int64_t expected_after(const struct sync *sync, int64_t now_ms)
{
        switch (sync->status) {
        case SYNC_PENDING:
        case SYNC_PROCESSING:
                return now_ms;
        case SYNC_FAILED:
                return sync->next_attempt_ms;
        default:
                return 0;
        }
}

struct sync sync_begin(int64_t now_ms)
{
        return (struct sync){.status = SYNC_PENDING, .expected_ms = now_ms};
}

enum sync_effect sync_apply(struct sync *sync, const struct sync_news *news)
{
        struct sync before = *sync;
        enum sync_status next = next_status[sync->status][news->event];

        if (next == IGNORE)
                return SYNC_IGNORED;
        if (news->event != SYNC_EVENT_RETRY) {
                if (is_late(sync, news))
                        return SYNC_IGNORED;
                sync->attempt = news->attempt;
                sync->settled = news->event != SYNC_EVENT_STARTED;
                sync->event_id = news->event_id;
        }
        sync->status = next;
        sync->next_attempt_ms = news->event == SYNC_EVENT_FAILED ? news->next_attempt_ms : 0;
        sync->expected_ms = expected_after(sync, news->now_ms);
        return sync->status != before.status || sync->next_attempt_ms != before.next_attempt_ms ? SYNC_CHANGED
                                                                                                : SYNC_NOTED;
}
