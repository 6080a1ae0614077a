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
        enum { TOLD, TELL_OPEN, TELL_CLOSED } word; /* for other replicas */
        bool shared;                                /* they know of it */
        bool heard;                                 /* in the list being heard */
        char editor_id[];
};

struct lanes {
        struct breaker_policy policy;
        int64_t cap;
        size_t count;
        bool together; /* replicas hear each other */
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
            !pace_is_full(&lane->pace) || lane->word != TOLD || lane->shared)
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
        if (lanes->together && lane->breaker.state == BREAKER_OPEN)
                return 0; /* until the probe is granted */
        room = breaker_allowance(&lane->breaker, pace_cap(&lane->pace, lanes->cap), mono_ms) - lane->inflight;
        return room > 0 ? room : 0;
}

static struct lane *find_or_add(struct lanes *lanes, const char *editor_id)
{
        struct lane **link = find(lanes, editor_id);
        size_t size = strlen(editor_id) + 1;

        if (*link)
                return *link;
        *link = calloc(1, sizeof(**link) + size);
        if (!*link)
                abort(); /* as arenas do: every input is bounded long before that */
        memcpy((*link)->editor_id, editor_id, size);
        lanes->count++;
        return *link;
}

void lanes_enter(struct lanes *lanes, const char *editor_id)
{
        find_or_add(lanes, editor_id)->inflight++;
}

static void report(struct lanes *lanes, struct lane *lane, bool unhealthy, int64_t mono_ms)
{
        enum breaker_state before = lane->breaker.state, after;

        breaker_report(&lane->breaker, &lanes->policy, unhealthy, mono_ms);
        after = lane->breaker.state;
        if (after == BREAKER_OPEN && before != BREAKER_OPEN)
                lane->word = TELL_OPEN;
        else if (after == BREAKER_CLOSED && (before != BREAKER_CLOSED || lane->shared))
                lane->word = lanes->together ? TELL_CLOSED : TOLD;
}

void lanes_leave(struct lanes *lanes, const char *editor_id, const struct lane_result *result, int64_t mono_ms)
{
        struct lane **link = find(lanes, editor_id), *lane = *link;

        if (!lane)
                return;
        if (result->judged) {
                pace_report(&lane->pace, result->pace, lanes->cap, lane->inflight, result->started_ms, mono_ms);
                report(lanes, lane, result->unhealthy, mono_ms);
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

/* ---- with other replicas ---- */

static struct circuit_note note_of(struct lane *lane, int64_t mono_ms)
{
        int64_t left_ms = lane->breaker.open_until_ms - mono_ms;

        if (lane->word == TELL_OPEN)
                return (struct circuit_note){lane->editor_id, CIRCUIT_OPENED, left_ms > 0 ? left_ms : 0};
        return (struct circuit_note){lane->editor_id, lane->word == TELL_CLOSED ? CIRCUIT_CLOSED : CIRCUIT_PROBE, 0};
}

size_t lanes_tell(struct lanes *lanes, struct arena *arena, int64_t mono_ms, struct circuit_note *notes, size_t max)
{
        size_t count = 0;

        for (size_t b = 0; b < BUCKETS; b++)
                for (struct lane **link = &lanes->buckets[b], *lane; (lane = *link) && count < max;) {
                        bool probe = lane->breaker.state == BREAKER_OPEN && mono_ms >= lane->breaker.open_until_ms;

                        if (lane->word != TOLD || probe) {
                                notes[count] = note_of(lane, mono_ms);
                                notes[count].editor_id = arena_strdup(arena, lane->editor_id);
                                lane->shared = notes[count++].word != CIRCUIT_CLOSED;
                                lane->word = TOLD;
                        }
                        forget_if_idle(lanes, link);
                        if (*link == lane)
                                link = &lane->next;
                }
        return count;
}

static void hear_open(struct lanes *lanes, const struct circuit *circuit, int64_t mono_ms)
{
        struct lane *lane = *find(lanes, circuit->editor_id);

        if (!lane && lanes->count >= LANES_MAX)
                return;
        lane = find_or_add(lanes, circuit->editor_id);
        lane->heard = true;
        if (lane->word != TOLD)
                return; /* we know better, and are about to say so */
        lane->shared = true;
        if (lane->breaker.state == BREAKER_HALF_OPEN)
                return;
        lane->breaker.state = BREAKER_OPEN;
        lane->breaker.open_until_ms = mono_ms + circuit->left_ms;
}

/* Open here, and nobody knows of it any more: another replica's probe went well. */
static void close_the_rest(struct lanes *lanes, bool whole)
{
        for (size_t b = 0; b < BUCKETS; b++)
                for (struct lane **link = &lanes->buckets[b], *lane; (lane = *link);) {
                        if (whole && lane->shared && !lane->heard && lane->word == TOLD) {
                                lane->shared = false;
                                lane->breaker = (struct breaker){0};
                        }
                        lane->heard = false;
                        forget_if_idle(lanes, link);
                        if (*link == lane)
                                link = &lane->next;
                }
}

void lanes_hear(struct lanes *lanes, const struct circuit *open, size_t count, bool whole, int64_t mono_ms)
{
        lanes->together = true;
        for (size_t i = 0; i < count; i++)
                hear_open(lanes, &open[i], mono_ms);
        close_the_rest(lanes, whole);
}

void lanes_grant(struct lanes *lanes, const char *editor_id)
{
        lanes_probe(lanes, editor_id);
}

void lanes_alone(struct lanes *lanes)
{
        lanes->together = false;
        for (size_t b = 0; b < BUCKETS; b++)
                for (struct lane **link = &lanes->buckets[b], *lane; (lane = *link);) {
                        lane->shared = false;
                        lane->word = lane->breaker.state == BREAKER_OPEN ? TELL_OPEN : TOLD;
                        forget_if_idle(lanes, link);
                        if (*link == lane)
                                link = &lane->next;
                }
}

void lanes_count(const struct lanes *lanes, int64_t ret_counts[BREAKER_STATES])
{
        memset(ret_counts, 0, BREAKER_STATES * sizeof(*ret_counts));
        for (size_t b = 0; b < BUCKETS; b++)
                for (const struct lane *lane = lanes->buckets[b]; lane; lane = lane->next)
                        ret_counts[lane->breaker.state]++;
}
