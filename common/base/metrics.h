/*
 * Prometheus metrics (text format 0.0.4). A registry holds families, a family holds series (one per combination of
 * label values). Registering happens at start, by one thread; counting is lock-free and may happen in any thread.
 * A counter handle is asked for once and kept (hot paths), or looked up by its label values each time.
 */
#ifndef VR_BASE_METRICS_H
#define VR_BASE_METRICS_H

#include <stddef.h>

#include "common/base/buf.h"

struct metrics; /* the registry */
struct metric;  /* a family */
struct series;  /* one combination of label values; lives as long as the registry */

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);
DEFINE_FREEP(struct metrics, metrics)

/*
 * `labels`: names, comma-separated ("topic,partition"), or "" for none (then the one series exists at 0 from the start).
 * Strings are not copied: literals. The same name twice gives the same family.
 */
struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *labels, const char *help);
struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *labels, const char *help);
/* Buckets in seconds from 1 ms to 60 s; for other units or spans give `bounds` (ascending, not copied), else NULL. */
struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *labels, const char *help,
                                 const double *bounds, size_t bound_count);

/* The series with these label values (as many strings as the family has labels); made at 0 if new. Never NULL. */
struct series *metric_series(struct metric *metric, const char *const *values);
#define METRIC_SERIES(metric, ...) metric_series((metric), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

void series_add(struct series *series, double amount);    /* counter, gauge */
void series_set(struct series *series, double value);     /* gauge */
void series_observe(struct series *series, double value); /* histogram */

#define metric_inc(metric, ...)            series_add(METRIC_SERIES((metric), __VA_ARGS__), 1)
#define metric_set(metric, value, ...)     series_set(METRIC_SERIES((metric), __VA_ARGS__), (value))
#define metric_observe(metric, value, ...) series_observe(METRIC_SERIES((metric), __VA_ARGS__), (value))

/* Called before each scrape, to set gauges that are read rather than counted (queue depth, ages). At most 16. */
void metrics_on_scrape(struct metrics *metrics, void (*read)(void *arg), void *arg);
/* Before `arg` goes away, while others may be scraping. Returns when no call of it runs any more. */
void metrics_off_scrape(struct metrics *metrics, void (*read)(void *arg), void *arg);

/* Process figures (CPU, RSS, fds, start time) and vr_build_info. */
void metrics_add_process(struct metrics *metrics, const char *version, const char *revision);

/* The whole exposition. */
void metrics_write(struct metrics *metrics, struct buf *out);

#endif
