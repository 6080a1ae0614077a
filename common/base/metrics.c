#include "common/base/metrics.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/str.h"
#include "common/base/utf8.h"

#define LABEL_VALUE_BYTES 128
#define KEY_BYTES         (LIMIT_METRIC_LABELS * (LABEL_VALUE_BYTES + 1))
#define FIRST_SLOTS       16
#define READERS_MAX       16

static const double seconds_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};

enum kind { COUNTER, GAUGE, HISTOGRAM };

/* Label values, cut, each with its NUL, one behind the other. */
struct key {
        char bytes[KEY_BYTES];
        size_t length;
        uint32_t hash;
};

struct series {
        struct series *next;      /* in the family's order of making */
        struct series *same_slot; /* in the hash table */
        const struct metric *metric;
        struct key *key;
        char *labels;               /* as exposed: topic="x",partition="3" */
        _Atomic uint64_t value;     /* the bits of a double: count, level, or sum of a histogram */
        _Atomic uint64_t buckets[]; /* of a histogram: not cumulated, the last one is +Inf */
};

struct metric {
        struct metric *next;
        struct metrics *registry;
        const char *name;
        const char *help;
        enum kind kind;
        char *label_names[LIMIT_METRIC_LABELS];
        size_t label_count;
        const double *bounds;
        size_t bound_count;
        pthread_rwlock_t lock; /* over the members below; the figures themselves are atomic */
        struct series *first, *last;
        struct series **slots;
        size_t slot_count;
        size_t series_count;
        struct series *overflow; /* takes what comes past LIMIT_METRIC_SERIES; not exposed */
};

struct metrics {
        struct metric *first, *last;
        struct series *dropped;
        struct {
                void (*read)(void *arg);
                void *arg;
        } readers[READERS_MAX];
        size_t reader_count;
        pthread_mutex_t readers_lock; /* held while they are called */
        struct metric *cpu, *memory, *fds;
};

/* Counting has no way to fail: without memory, or registered wrongly, there is no service worth running. */
static _Noreturn void die(const char *name, const char *why)
{
        log_error(NULL, "metrics.failed", "metrics can't go on, the process ends", LOG_STR("vr.metric", name),
                  LOG_DETAIL(why));
        abort();
}

static void *must_alloc(const char *name, size_t size)
{
        void *memory = calloc(1, size);

        if (!memory)
                die(name, "no memory");
        return memory;
}

struct metrics *metrics_new(void)
{
        struct metrics *metrics = must_alloc("registry", sizeof(*metrics));
        struct metric *dropped = metrics_counter(metrics, "vr_metrics_dropped_series_total", "",
                                                 "Counts that went to no series because their family was full");

        pthread_mutex_init(&metrics->readers_lock, NULL);
        metrics->dropped = METRIC_SERIES(dropped);
        return metrics;
}

static void series_free(struct series *series)
{
        if (!series)
                return;
        free(series->key);
        free(series->labels);
        free(series);
}

static void metric_free(struct metric *metric)
{
        while (metric->first) {
                struct series *series = metric->first;

                metric->first = series->next;
                series_free(series);
        }
        series_free(metric->overflow);
        for (size_t i = 0; i < metric->label_count; i++)
                free(metric->label_names[i]);
        free(metric->slots);
        pthread_rwlock_destroy(&metric->lock);
        free(metric);
}

void metrics_free(struct metrics *metrics)
{
        if (!metrics)
                return;
        while (metrics->first) {
                struct metric *metric = metrics->first;

                metrics->first = metric->next;
                metric_free(metric);
        }
        pthread_mutex_destroy(&metrics->readers_lock);
        free(metrics);
}

static void split_label_names(struct metric *metric, const char *labels)
{
        while (*labels) {
                size_t length = strcspn(labels, ",");

                if (metric->label_count == LIMIT_METRIC_LABELS)
                        die(metric->name, "too many labels");
                metric->label_names[metric->label_count] = strndup(labels, length);
                if (!metric->label_names[metric->label_count++])
                        die(metric->name, "no memory");
                labels += length + (labels[length] == ',');
        }
}

static struct metric *find_metric(const struct metrics *metrics, const char *name)
{
        for (struct metric *metric = metrics->first; metric; metric = metric->next)
                if (strcmp(metric->name, name) == 0)
                        return metric;
        return NULL;
}

static struct metric *register_metric(struct metrics *metrics, const char *name, const char *labels,
                                      const struct metric *like)
{
        struct metric *metric = find_metric(metrics, name);

        if (metric) {
                if (metric->kind != like->kind)
                        die(name, "registered twice, as different kinds");
                return metric;
        }
        metric = must_alloc(name, sizeof(*metric));
        *metric = *like;
        metric->registry = metrics;
        metric->name = name;
        split_label_names(metric, labels);
        pthread_rwlock_init(&metric->lock, NULL);
        metric->slot_count = FIRST_SLOTS;
        metric->slots = must_alloc(name, FIRST_SLOTS * sizeof(struct series *));
        *(metrics->last ? &metrics->last->next : &metrics->first) = metric;
        metrics->last = metric;
        if (metric->label_count == 0)
                METRIC_SERIES(metric);
        return metric;
}

struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *labels, const char *help)
{
        return register_metric(metrics, name, labels, &(struct metric){.kind = COUNTER, .help = help});
}

struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *labels, const char *help)
{
        return register_metric(metrics, name, labels, &(struct metric){.kind = GAUGE, .help = help});
}

struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *labels, const char *help,
                                 const double *bounds, size_t bound_count)
{
        struct metric like = {.kind = HISTOGRAM, .help = help, .bounds = bounds, .bound_count = bound_count};

        if (!bounds) {
                like.bounds = seconds_bounds;
                like.bound_count = ARRAY_LEN(seconds_bounds);
        }
        return register_metric(metrics, name, labels, &like);
}

/* The values end early at a NULL: what is missing is empty. */
static void make_key(struct key *key, const struct metric *metric, const char *const *values)
{
        bool ended = false;

        key->length = 0;
        for (size_t i = 0; i < metric->label_count; i++) {
                size_t length;

                ended = ended || !values[i];
                length = ended ? 0 : utf8_prefix(values[i], LABEL_VALUE_BYTES);
                memcpy(key->bytes + key->length, ended ? "" : values[i], length);
                key->length += length;
                key->bytes[key->length++] = '\0';
        }
        key->hash = 2166136261U; /* FNV-1a */
        for (size_t i = 0; i < key->length; i++)
                key->hash = (key->hash ^ (unsigned char)key->bytes[i]) * 16777619U;
}

/* Under the lock, for reading at least. */
static struct series *find_series(const struct metric *metric, const struct key *key)
{
        struct series *series = metric->slots[key->hash % metric->slot_count];

        while (series &&
               (series->key->length != key->length || memcmp(series->key->bytes, key->bytes, key->length) != 0))
                series = series->same_slot;
        return series;
}

/* Prometheus text format 0.0.4: backslash, quote and line feed are escaped in a label's value. */
static void put_label_value(struct buf *out, const char *value)
{
        size_t length = strlen(value), size;
        uint32_t code;

        for (size_t i = 0; i < length; i += size ? size : 1) {
                size = utf8_char(value + i, length - i, &code);
                if (size == 0)
                        buf_puts(out, "\xEF\xBF\xBD");
                else if (value[i] == '\n')
                        buf_puts(out, "\\n");
                else if (value[i] == '"' || value[i] == '\\')
                        buf_printf(out, "\\%c", value[i]);
                else
                        buf_append(out, value + i, size);
        }
}

static char *render_labels(const struct metric *metric, const struct key *key)
{
        AUTO(buf_done) struct buf out = {0};
        const char *value = key->bytes;
        char *labels;

        for (size_t i = 0; i < metric->label_count; i++) {
                buf_printf(&out, "%s%s=\"", i > 0 ? "," : "", metric->label_names[i]);
                put_label_value(&out, value);
                buf_putc(&out, '"');
                value += strlen(value) + 1;
        }
        labels = buf_take(&out);
        if (!labels)
                die(metric->name, "no memory");
        return labels;
}

static struct series *new_series(const struct metric *metric, const struct key *key)
{
        size_t buckets = metric->kind == HISTOGRAM ? metric->bound_count + 1 : 0;
        struct series *series = must_alloc(metric->name, sizeof(*series) + buckets * sizeof(series->buckets[0]));

        series->metric = metric;
        series->key = must_alloc(metric->name, sizeof(*key));
        *series->key = *key;
        series->labels = render_labels(metric, key);
        return series;
}

/* Under the lock, for writing. */
static void grow_slots(struct metric *metric)
{
        size_t count = metric->slot_count * 2;
        struct series **slots = must_alloc(metric->name, count * sizeof(struct series *));

        for (struct series *series = metric->first; series; series = series->next) {
                struct series **slot = &slots[series->key->hash % count];

                series->same_slot = *slot;
                *slot = series;
        }
        free(metric->slots);
        metric->slots = slots;
        metric->slot_count = count;
}

/* Under the lock, for writing. */
static struct series *add_series(struct metric *metric, const struct key *key)
{
        struct series *series, **slot;

        if (metric->series_count == LIMIT_METRIC_SERIES) {
                if (!metric->overflow)
                        metric->overflow = new_series(metric, key);
                return metric->overflow;
        }
        if (metric->series_count == metric->slot_count * 2)
                grow_slots(metric);
        series = new_series(metric, key);
        slot = &metric->slots[key->hash % metric->slot_count];
        series->same_slot = *slot;
        *slot = series;
        *(metric->last ? &metric->last->next : &metric->first) = series;
        metric->last = series;
        metric->series_count++;
        return series;
}

struct series *metric_series(struct metric *metric, const char *const *values)
{
        struct series *series;
        struct key key;
        bool dropped;

        make_key(&key, metric, values);
        pthread_rwlock_rdlock(&metric->lock);
        series = find_series(metric, &key);
        pthread_rwlock_unlock(&metric->lock);
        if (series)
                return series;
        pthread_rwlock_wrlock(&metric->lock);
        series = find_series(metric, &key); /* another thread may have been here */
        if (!series)
                series = add_series(metric, &key);
        dropped = series == metric->overflow;
        pthread_rwlock_unlock(&metric->lock);
        if (dropped)
                series_add(metric->registry->dropped, 1);
        return series;
}

static uint64_t bits_of(double value)
{
        uint64_t bits;

        memcpy(&bits, &value, sizeof(bits));
        return bits;
}

static double double_of(uint64_t bits)
{
        double value;

        memcpy(&value, &bits, sizeof(value));
        return value;
}

static void add_to(_Atomic uint64_t *cell, double amount)
{
        uint64_t before = atomic_load_explicit(cell, memory_order_relaxed);

        while (!atomic_compare_exchange_weak_explicit(cell, &before, bits_of(double_of(before) + amount),
                                                      memory_order_relaxed, memory_order_relaxed))
                ;
}

void series_add(struct series *series, double amount)
{
        if (series->metric->kind == COUNTER && !(amount >= 0)) /* NaN too */
                return;
        add_to(&series->value, amount);
}

void series_set(struct series *series, double value)
{
        atomic_store_explicit(&series->value, bits_of(value), memory_order_relaxed);
}

void series_observe(struct series *series, double value)
{
        const struct metric *metric = series->metric;
        size_t i = 0;

        if (metric->kind != HISTOGRAM || isnan(value))
                return;
        while (i < metric->bound_count && value > metric->bounds[i])
                i++;
        atomic_fetch_add_explicit(&series->buckets[i], 1, memory_order_relaxed);
        add_to(&series->value, value);
}

void metrics_on_scrape(struct metrics *metrics, void (*read)(void *arg), void *arg)
{
        pthread_mutex_lock(&metrics->readers_lock);
        if (metrics->reader_count == READERS_MAX)
                die("on_scrape", "too many readers");
        metrics->readers[metrics->reader_count].read = read;
        metrics->readers[metrics->reader_count++].arg = arg;
        pthread_mutex_unlock(&metrics->readers_lock);
}

void metrics_off_scrape(struct metrics *metrics, void (*read)(void *arg), void *arg)
{
        size_t kept = 0;

        pthread_mutex_lock(&metrics->readers_lock);
        for (size_t i = 0; i < metrics->reader_count; i++)
                if (metrics->readers[i].read != read || metrics->readers[i].arg != arg)
                        metrics->readers[kept++] = metrics->readers[i];
        metrics->reader_count = kept;
        pthread_mutex_unlock(&metrics->readers_lock);
}

/* The number `index` (from 0) among the blanks-separated words of a file in /proc; 0 when there is none. */
static double read_proc_number(const char *path, const char *after, int index)
{
        char text[1024] = "", *word, *save = NULL;
        FILE *file = fopen(path, "re");

        if (!file)
                return 0;
        if (!fgets(text, sizeof(text), file))
                text[0] = '\0';
        fclose(file);
        word = after ? strrchr(text, *after) : text;
        for (word = word ? strtok_r(word, " \n", &save) : NULL; word && index > 0; index--)
                word = strtok_r(NULL, " \n", &save);
        return word ? strtod(word, NULL) : 0;
}

static double count_open_fds(void)
{
        DIR *folder = opendir("/proc/self/fd");
        const struct dirent *entry;
        double count = -1; /* the folder's own */

        if (!folder)
                return 0;
        while ((entry = readdir(folder)))
                count += entry->d_name[0] != '.';
        closedir(folder);
        return count;
}

/* proc(5): field 22 of stat, counted in ticks since boot; its fields are counted from behind the name's parenthesis. */
static double read_start_time(void)
{
        double ticks = read_proc_number("/proc/self/stat", ")", 20);
        struct timespec up;

        clock_gettime(CLOCK_BOOTTIME, &up);
        return (double)clock_wall_ms() / 1e3 - ((double)up.tv_sec + (double)up.tv_nsec / 1e9) +
               ticks / (double)sysconf(_SC_CLK_TCK);
}

static void read_process(void *arg)
{
        const struct metrics *metrics = arg;
        struct rusage used;

        if (getrusage(RUSAGE_SELF, &used) == 0)
                metric_set(metrics->cpu, (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                                                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
        metric_set(metrics->memory, read_proc_number("/proc/self/statm", NULL, 1) * (double)sysconf(_SC_PAGESIZE));
        metric_set(metrics->fds, count_open_fds());
}

void metrics_add_process(struct metrics *metrics, const char *version, const char *revision)
{
        metrics->cpu = metrics_counter(metrics, "process_cpu_seconds_total", "", "User and system CPU time spent");
        metrics->memory = metrics_gauge(metrics, "process_resident_memory_bytes", "", "Resident memory size");
        metrics->fds = metrics_gauge(metrics, "process_open_fds", "", "Open file descriptors");
        metric_set(metrics_gauge(metrics, "process_start_time_seconds", "", "Start of the process, Unix time"),
                   read_start_time());
        metric_set(metrics_gauge(metrics, "vr_build_info", "version,revision", "The build that runs; always 1"), 1,
                   version, revision);
        metrics_on_scrape(metrics, read_process, metrics);
}

static void write_value(const struct series *series, const char *suffix, double value, struct buf *out)
{
        char text[STR_DOUBLE_MAX];
        bool labelled = series->labels[0] != '\0';

        buf_printf(out, "%s%s%s%s%s %s\n", series->metric->name, suffix, labelled ? "{" : "", series->labels,
                   labelled ? "}" : "", str_double(value, text));
}

static void write_histogram(struct series *series, struct buf *out)
{
        const struct metric *metric = series->metric;
        char text[STR_DOUBLE_MAX];
        uint64_t count = 0;

        for (size_t i = 0; i <= metric->bound_count; i++) {
                double bound = i < metric->bound_count ? metric->bounds[i] : INFINITY;

                count += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
                buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %llu\n", metric->name, series->labels,
                           series->labels[0] ? "," : "", str_double(bound, text), (unsigned long long)count);
        }
        write_value(series, "_sum", double_of(atomic_load_explicit(&series->value, memory_order_relaxed)), out);
        write_value(series, "_count", (double)count, out);
}

static void write_metric(struct metric *metric, struct buf *out)
{
        static const char *const kinds[] = {"counter", "gauge", "histogram"};

        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, kinds[metric->kind]);
        pthread_rwlock_rdlock(&metric->lock);
        for (struct series *series = metric->first; series; series = series->next) {
                if (metric->kind == HISTOGRAM)
                        write_histogram(series, out);
                else
                        write_value(series, "", double_of(atomic_load_explicit(&series->value, memory_order_relaxed)),
                                    out);
        }
        pthread_rwlock_unlock(&metric->lock);
}

void metrics_write(struct metrics *metrics, struct buf *out)
{
        pthread_mutex_lock(&metrics->readers_lock);
        for (size_t i = 0; i < metrics->reader_count; i++)
                metrics->readers[i].read(metrics->readers[i].arg);
        pthread_mutex_unlock(&metrics->readers_lock);
        for (struct metric *metric = metrics->first; metric; metric = metric->next)
                write_metric(metric, out);
}
