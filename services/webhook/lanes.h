/*
 * What the sender remembers of each endpoint: attempts in flight, how many it bears, and the circuit breaker. In this process alone; replicas
 * will share the breaker through Redis behind these same calls. Not thread-safe: the sender's lock is around it.
 */
#ifndef VR_WEBHOOK_LANES_H
#define VR_WEBHOOK_LANES_H

#include "common/base/attr.h"
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
/* Circuits per state; endpoints that nothing is remembered of are not counted. */
void lanes_count(const struct lanes *lanes, int64_t ret_counts[BREAKER_STATES]);

#endif
