/*
 * What the sender remembers of each endpoint: attempts in flight, how many it bears, and the circuit breaker. Replicas share
 * open circuits (circuits.h): what they should hear is collected by lanes_tell, what they know comes in by lanes_hear.
 * Not thread-safe: the sender's lock is around it.
 */
#ifndef VR_WEBHOOK_LANES_H
#define VR_WEBHOOK_LANES_H

#include "common/base/arena.h"
#include "services/webhook/breaker_rules.h"
#include "services/webhook/pace_rules.h"

struct lanes;

struct lanes *lanes_new(const struct breaker_policy *policy, int64_t endpoint_inflight); /* NULL: no memory */
void lanes_free(struct lanes *lanes);

/* How many more attempts may start now. */
int64_t lanes_room(struct lanes *lanes, const char *editor_id, int64_t mono_ms);
void lanes_enter(struct lanes *lanes, const char *editor_id);
struct lane_result {
        bool judged; /* false: given back without a result */
        bool unhealthy;
        enum pace_signal pace;
        int64_t started_ms; /* monotonic */
};
void lanes_leave(struct lanes *lanes, const char *editor_id, const struct lane_result *result, int64_t mono_ms);
void lanes_probe(struct lanes *lanes, const char *editor_id);

/* What other replicas should hear of an endpoint. */
enum circuit_word { CIRCUIT_OPENED, CIRCUIT_CLOSED, CIRCUIT_PROBE /* it is time to try: may we? */ };
struct circuit_note {
        const char *editor_id;
        enum circuit_word word;
        int64_t left_ms; /* CIRCUIT_OPENED: until it may be tried */
};
struct circuit {
        const char *editor_id;
        int64_t left_ms; /* until it may be tried; 0 or less: now */
};
/* Up to `max` notes, each told once; ids are copied into the arena. Returns how many. */
size_t lanes_tell(struct lanes *lanes, struct arena *arena, int64_t mono_ms, struct circuit_note *notes, size_t max);
/* All circuits that are open anywhere (`whole`), or some of them. From now on probes wait to be granted. */
void lanes_hear(struct lanes *lanes, const struct circuit *open, size_t count, bool whole, int64_t mono_ms);
/* The probe that was asked for is ours. */
void lanes_grant(struct lanes *lanes, const char *editor_id);
/* Nobody hears us: circuits are ours alone again, until the next lanes_hear. */
void lanes_alone(struct lanes *lanes);

/* Circuits per state; endpoints that nothing is remembered of are not counted. */
void lanes_count(const struct lanes *lanes, int64_t ret_counts[BREAKER_STATES]);

#endif
