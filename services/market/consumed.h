/*
 * What applying an event came to, remembered from the transaction until after its commit, so that counting and logging
 * see commits only. A transaction that is run again overwrites. One thread at a time: the subscriber's.
 */
#ifndef VR_MARKET_CONSUMED_H
#define VR_MARKET_CONSUMED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/id.h"

#define CONSUMED_MAX 1024 /* more than a batch; what does not fit is not counted */

struct consumed {
        char ids[CONSUMED_MAX][ID_UUID_MAX];
        size_t count;
};

/* Did this event change something? */
void consumed_set(struct consumed *consumed, const char *event_id, bool changed);
/* The last word on it, forgotten with the asking. */
bool consumed_take(struct consumed *consumed, const char *event_id);

#endif
