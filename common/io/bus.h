/*
 * Kafka on librdkafka. What every user of it may rely on:
 * - produced means: the broker's delivery report said so (acks=all, idempotent, partitioner murmur2_random as Java has it);
 * - consumed means: whoever consumed it stored the offset after its own commit; at-least-once, from the earliest;
 * - librdkafka properties come through the environment: VR_KAFKA_SASL_MECHANISM=… → sasl.mechanism.
 * A producer that librdkafka declares dead (false fatal errors in 2.0.2) is replaced inside; what it held is reported failed.
 */
#ifndef VR_IO_BUS_H
#define VR_IO_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/base/metrics.h"

/* The lengths count what a stranger wrote, NULs and all; 0 means: up to the NUL. */
struct bus_header {
        const char *name;
        const char *value; /* may be NULL */
        size_t length;
};

struct bus_message {
        const char *topic;
        const char *key;   /* NUL-terminated UTF-8; NULL when it had none */
        size_t key_length; /* as with headers */
        const char *value; /* a NUL follows; NULL for a tombstone */
        size_t length;
        struct bus_header headers[LIMIT_EVENT_HEADERS];
        size_t header_count; /* of a consumed one: at most LIMIT_EVENT_HEADERS - BUS_ADDED_HEADERS, the rest is dropped */
        /* of consumed ones */
        int partition;
        int64_t offset;
};

/* Room for what a dead letter says of itself. */
#define BUS_ADDED_HEADERS 8

struct bus_config {
        const char *brokers;     /* "host:port,…" */
        const char *client_id;   /* "vr-market" */
        const char *group;       /* consumers */
        struct metrics *metrics; /* vr_kafka_*; may be NULL */
        int message_timeout_ms;  /* producers: what no broker took by then is reported failed; 0: 30 s */
};

/* ---- topics: made if missing, then checked (partitions); conventions.md, Kafka ---- */
struct bus_topic {
        const char *name;
        int partitions;
        bool compacted;
        int64_t retention_ms; /* 0: the broker's */
};
MUST_CHECK enum err bus_ensure_topics(const struct bus_config *config, const struct bus_topic *topics, size_t count,
                                      int timeout_ms);
/* Is any broker answering? */
MUST_CHECK enum err bus_ping(const struct bus_config *config, int timeout_ms);

/* ---- producer: any thread ---- */
struct bus_producer;
/* Called once per message, on the producer's own thread, with ERR_OK, ERR_UNAVAILABLE (no broker has it), ERR_IN_DOUBT (one
 * may have it), or ERR_TOO_LARGE (none will take it). Must be quick. */
typedef void (*bus_done)(void *arg, enum err err);

/* Does not need the broker to be there. `topics` end with NULL: their handles are made now. */
MUST_CHECK enum err bus_producer_open(const struct bus_config *config, const char *const *topics,
                                      struct bus_producer **ret_producer);
/* Copies the message. ERR_FULL at LIMIT_BUS_INFLIGHT, ERR_TOO_LARGE past LIMIT_BUS_MESSAGE_BYTES, ERR_UNAVAILABLE while
 * a dead producer is replaced, ERR_STOPPING; then `done` is not called. `done` may be NULL. */
MUST_CHECK enum err bus_produce(struct bus_producer *producer, const struct bus_message *message, bus_done done,
                                void *arg);
/* Waits for the report. ERR_TIMEOUT means: not known (it may still arrive). */
MUST_CHECK enum err bus_produce_wait(struct bus_producer *producer, const struct bus_message *message, int timeout_ms);
/* Is a broker answering? Over the connections it has: for readiness. */
MUST_CHECK enum err bus_producer_ping(struct bus_producer *producer, int timeout_ms);
/* Waits until nothing is in flight. */
MUST_CHECK enum err bus_producer_flush(struct bus_producer *producer, int timeout_ms);
/* Flushes for up to timeout_ms, frees; unreported messages are reported failed. NULL is fine. */
void bus_producer_close(struct bus_producer *producer, int timeout_ms);
/* For tests: librdkafka declares it dead, and it is replaced inside. */
void bus_producer_kill(struct bus_producer *producer);

/* ---- consumer: one thread ---- */
struct bus_consumer;
MUST_CHECK enum err bus_consumer_open(const struct bus_config *config, const char *const *topics,
                                      struct bus_consumer **ret_consumer);
/* Up to `max` messages, waiting at most timeout_ms for the first; they live in the arena. ERR_OK with 0 is normal. */
MUST_CHECK enum err bus_consume(struct bus_consumer *consumer, struct arena *arena, int timeout_ms, size_t max,
                                struct bus_message **ret_messages, size_t *ret_count);
/* Their work is durable: commit their offsets. Those of partitions taken away meanwhile are dropped quietly. */
MUST_CHECK enum err bus_consumer_store(struct bus_consumer *consumer, const struct bus_message *messages, size_t count);
/* While the work on consumed messages can't be done: stay a member of the group, without taking more. Call it at least
 * once a minute; the next bus_consume goes on where the last one stopped. */
void bus_consumer_hold(struct bus_consumer *consumer);
/* Messages behind the high watermark, over the assigned partitions (of the last statistics); -1: not known yet. */
int64_t bus_consumer_lag(const struct bus_consumer *consumer);
/* Has it partitions, or been told there are none for it? */
bool bus_consumer_joined(const struct bus_consumer *consumer);
/* Commits what is stored, leaves the group; with the broker away that takes up to 6 s. NULL is fine. */
void bus_consumer_close(struct bus_consumer *consumer);

/* ---- the embedded broker: librdkafka's mock cluster behind a fixed port; for local runs and tests only ---- */
struct bus_embedded;
/* Port 0: a free one. Topics with the partitions they say; what else is asked for is made with 4. */
MUST_CHECK enum err bus_embedded_start(int port, const struct bus_topic *topics, size_t count,
                                       struct bus_embedded **ret_broker);
const char *bus_embedded_address(const struct bus_embedded *broker); /* "127.0.0.1:9092" */
void bus_embedded_stop(struct bus_embedded *broker);

#endif
