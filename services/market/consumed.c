#include "services/market/consumed.h"

#include <stdio.h>
#include <string.h>

static size_t find(const struct consumed *consumed, const char *event_id)
{
        size_t i = 0;

        while (i < consumed->count && strcmp(consumed->ids[i], event_id) != 0)
                i++;
        return i;
}

bool consumed_take(struct consumed *consumed, const char *event_id)
{
        size_t i = find(consumed, event_id);

        if (i == consumed->count)
                return false;
        consumed->count--;
        if (i < consumed->count)
                memcpy(consumed->ids[i], consumed->ids[consumed->count], ID_UUID_MAX);
        return true;
}

void consumed_set(struct consumed *consumed, const char *event_id, bool changed)
{
        consumed_take(consumed, event_id);
        if (!changed || consumed->count == CONSUMED_MAX || strlen(event_id) >= ID_UUID_MAX)
                return;
        snprintf(consumed->ids[consumed->count++], ID_UUID_MAX, "%s", event_id);
}
