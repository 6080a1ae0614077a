#include "services/webhook/lanes.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS   1024
#define LANES_MAX 100000 /* far above what can be in flight or unwell at once */
#define NO_LIMIT  INT32_MAX

struct lane {
        struct lane *next;
        struct breaker breaker;
        struct pace pace;
        int64_t inflight;
        char editor_id[];
};

struct lanes {
        struct breaker_policy policy;
        int64_t cap;
        size_t count;
        struct lane *buckets[BUCKETS];
};

struct lanes *lanes_new(const struct breaker_policy *policy, int64_t endpoint_inflight)
{
        struct lanes *lanes = calloc(1, sizeof(*lanes));

        if (!lanes)
                return NULL;
        lanes->policy = *policy;
        lanes->cap = endpoint_inflight ? endpoint_inflight : NO_LIMIT;
        return lanes;
}

void lanes_free(struct lanes *lanes)
{
        if (!lanes)
                return;
        for (size_t b = 0; b < BUCKETS; b++)
                for (struct lane *lane = lanes->buckets[b], *next; lane; lane = next) {
                        next = lane->next;
                        free(lane);
                }
        free(lanes);
}

/* The link that points at the lane, or at the end of its bucket. */
static struct lane **find(struct lanes *lanes, const char *editor_id)
{
        uint64_t hash = 14695981039346656037u; /* FNV-1a */
        struct lane **link;

        for (const char *c = editor_id; *c; c++)
                hash = (hash ^ (unsigned char)*c) * 1099511628211u;
        for (link = &lanes->buckets[hash % BUCKETS]; *link; link = &(*link)->next)
                if (strcmp((*link)->editor_id, editor_id) == 0)
                        break;
        return link;
}

/* What is as a new lane would be need not be kept. */
static void forget_if_idle(struct lanes *lanes, struct lane **link)
{
        struct lane *lane = *link;

        if (lane->inflight > 0 || lane->breaker.state != BREAKER_CLOSED || lane->breaker.failures > 0 ||
            !pace_is_full(&lane->pace))
                return;
        *link = lane->next;
        free(lane);
        lanes->count--;
}

int64_t lanes_room(struct lanes *lanes, const char *editor_id, int64_t mono_ms)
{
        struct lane *lane = *find(lanes, editor_id);
        int64_t room;

        if (!lane)
                return lanes->count < LANES_MAX ? lanes->cap : 0;
        room = breaker_allowance(&lane->breaker, pace_cap(&lane->pace, lanes->cap), mono_ms) - lane->inflight;
        return room > 0 ? room : 0;
}

void lanes_enter(struct lanes *lanes, const char *editor_id)
{
        struct lane **link = find(lanes, editor_id);

        if (!*link) {
                size_t size = strlen(editor_id) + 1;
                struct lane *lane = calloc(1, sizeof(*lane) + size);

                if (!lane)
                        abort(); /* as arenas do: every input is bounded long before that */
                memcpy(lane->editor_id, editor_id, size);
                *link = lane;
                lanes->count++;
        }
        (*link)->inflight++;
}

void lanes_leave(struct lanes *lanes, const char *editor_id, const struct lane_result *result, int64_t mono_ms)
{
        struct lane **link = find(lanes, editor_id), *lane = *link;

        if (!lane)
                return;
        if (result->judged) {
                pace_report(&lane->pace, result->pace, lanes->cap, lane->inflight, result->started_ms, mono_ms);
                breaker_report(&lane->breaker, &lanes->policy, result->unhealthy, mono_ms);
        }
        lane->inflight--;
        forget_if_idle(lanes, link);
}

void lanes_probe(struct lanes *lanes, const char *editor_id)
{
        struct lane *lane = *find(lanes, editor_id);

        if (lane)
                breaker_probe(&lane->breaker);
}

void lanes_count(const struct lanes *lanes, int64_t ret_counts[BREAKER_STATES])
{
        memset(ret_counts, 0, BREAKER_STATES * sizeof(*ret_counts));
        for (size_t b = 0; b < BUCKETS; b++)
                for (const struct lane *lane = lanes->buckets[b]; lane; lane = lane->next)
                        ret_counts[lane->breaker.state]++;
}
