#include "common/base/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/limits.h"
#include "tests/support/unit.h"

static bool exposes(struct metrics *metrics, const char *lines)
{
        AUTO(buf_done) struct buf out = {0};

        metrics_write(metrics, &out);
        CHECK_INT(buf_err(&out), ERR_OK);
        if (strstr(buf_text(&out), lines))
                return true;
        printf("# exposed:\n%s", buf_text(&out));
        return false;
}

static void a_counter_without_labels_is_there_at_zero(void)
{
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();
        struct metric *made = metrics_counter(metrics, "made_total", "", "Things made");

        CHECK(exposes(metrics, "# HELP made_total Things made\n# TYPE made_total counter\nmade_total 0\n"));
        metric_inc(made);
        series_add(METRIC_SERIES(made), 1.5);
        CHECK(exposes(metrics, "\nmade_total 2.5\n"));
}

static void a_counter_never_goes_down(void)
{
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();
        struct series *made = METRIC_SERIES(metrics_counter(metrics, "made_total", "", "Things made"));

        series_add(made, 3);
        series_add(made, -1);
        series_add(made, NAN);
        CHECK(exposes(metrics, "\nmade_total 3\n"));
}

static void series_are_told_apart_by_their_labels(void)
{
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();
        struct metric *seen = metrics_counter(metrics, "seen_total", "topic,result", "Messages");

        metric_inc(seen, "a", "ok");
        metric_inc(seen, "a", "failed");
        metric_inc(seen, "a", "ok");
        METRIC_SERIES(seen, "b", "ok");
        metric_inc(seen, "ab", "c");
        metric_inc(seen, "a", "bc");
        CHECK(exposes(metrics, "# TYPE seen_total counter\nseen_total{topic=\"a\",result=\"ok\"} 2\n"
                               "seen_total{topic=\"a\",result=\"failed\"} 1\nseen_total{topic=\"b\",result=\"ok\"} 0\n"
                               "seen_total{topic=\"ab\",result=\"c\"} 1\nseen_total{topic=\"a\",result=\"bc\"} 1\n"));
        CHECK(METRIC_SERIES(seen, "a", "ok") == METRIC_SERIES(seen, "a", "ok"));
        CHECK(METRIC_SERIES(seen, "a") == METRIC_SERIES(seen, "a", ""));
}

static void label_values_are_escaped_and_cut(void)
{
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();
        struct metric *seen = metrics_counter(metrics, "seen_total", "what", "Messages");
        char many[1001] = "";

        metric_inc(seen, "a\"b\\c\nd\xFF");
        CHECK(exposes(metrics, "seen_total{what=\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\"} 1\n"));
        memset(many, 'x', 1000);
        metric_inc(seen, many);
        many[500] = '\0';
        metric_inc(seen, many);
        CHECK(exposes(metrics, "xxxx\"} 2\n"));
}

static void a_gauge_goes_both_ways(void)
{
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();
        struct metric *level = metrics_gauge(metrics, "level", "", "A level");

        metric_set(level, 5);
        series_add(METRIC_SERIES(level), -7);
        CHECK(exposes(metrics, "# TYPE level gauge\nlevel -2\n"));
}

static void a_histogram_cumulates(void)
{
        static const double bounds[] = {1, 2.5};
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();
        struct metric *sizes = metrics_histogram(metrics, "sizes", "kind", "Sizes", bounds, 2);

        metric_observe(sizes, 0.5, "a");
        metric_observe(sizes, 1, "a"); /* a bound belongs to its bucket */
        metric_observe(sizes, 2, "a");
        metric_observe(sizes, 100, "a");
        metric_observe(sizes, NAN, "a");
        CHECK(exposes(metrics, "# TYPE sizes histogram\nsizes_bucket{kind=\"a\",le=\"1\"} 2\n"
                               "sizes_bucket{kind=\"a\",le=\"2.5\"} 3\nsizes_bucket{kind=\"a\",le=\"+Inf\"} 4\n"
                               "sizes_sum{kind=\"a\"} 103.5\nsizes_count{kind=\"a\"} 4\n"));
}

static void the_usual_buckets_go_from_a_millisecond_to_a_minute(void)
{
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();

        metrics_histogram(metrics, "t_seconds", "", "Time", NULL, 0);
        CHECK(exposes(metrics, "t_seconds_bucket{le=\"0.001\"} 0\nt_seconds_bucket{le=\"0.0025\"} 0\n"));
        CHECK(exposes(metrics, "t_seconds_bucket{le=\"30\"} 0\nt_seconds_bucket{le=\"60\"} 0\n"
                               "t_seconds_bucket{le=\"+Inf\"} 0\nt_seconds_sum 0\nt_seconds_count 0\n"));
}

static void the_same_name_is_the_same_family(void)
{
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();

        CHECK(metrics_counter(metrics, "a_total", "x", "A") == metrics_counter(metrics, "a_total", "x", "A"));
}

static void a_full_family_counts_and_does_not_grow(void)
{
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();
        AUTO(buf_done) struct buf out = {0};
        struct metric *seen = metrics_counter(metrics, "seen_total", "id", "Ids");
        size_t lines = 0;

        for (int i = 0; i < LIMIT_METRIC_SERIES + 10; i++) {
                char id[16];

                snprintf(id, sizeof(id), "%d", i);
                metric_inc(seen, id);
        }
        metric_inc(seen, "17"); /* those inside go on */
        metrics_write(metrics, &out);
        for (const char *at = buf_text(&out); (at = strstr(at, "seen_total{")); at++)
                lines++;
        CHECK_INT(lines, LIMIT_METRIC_SERIES);
        CHECK(strstr(buf_text(&out), "seen_total{id=\"17\"} 2\n") != NULL);
        CHECK(strstr(buf_text(&out), "vr_metrics_dropped_series_total 10\n") != NULL);
}

struct crowd {
        struct metric *counter, *histogram;
};

static void *count_a_lot(void *arg)
{
        const struct crowd *crowd = arg;

        for (int i = 0; i < 20000; i++) {
                char label[8];

                snprintf(label, sizeof(label), "%d", i % 50);
                metric_inc(crowd->counter, label);
                metric_observe(crowd->histogram, 0.5);
        }
        return NULL;
}

static void threads_lose_no_count(void)
{
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();
        struct crowd crowd = {metrics_counter(metrics, "c_total", "n", "C"),
                              metrics_histogram(metrics, "h_seconds", "", "H", NULL, 0)};
        pthread_t threads[4];

        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
                CHECK(pthread_create(&threads[i], NULL, count_a_lot, &crowd) == 0);
        for (int i = 0; i < 20; i++) {
                AUTO(buf_done) struct buf out = {0};

                metrics_write(metrics, &out);
        }
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
                pthread_join(threads[i], NULL);
        CHECK(exposes(metrics, "c_total{n=\"49\"} 1600\n"));
        CHECK(exposes(metrics, "h_seconds_bucket{le=\"0.5\"} 80000\n"));
        CHECK(exposes(metrics, "h_seconds_sum 40000\nh_seconds_count 80000\n"));
}

static void read_depth(void *arg)
{
        metric_set((struct metric *)arg, 12);
}

static void readers_run_before_a_scrape(void)
{
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();

        metrics_on_scrape(metrics, read_depth, metrics_gauge(metrics, "depth", "", "Depth"));
        CHECK(exposes(metrics, "\ndepth 12\n"));
}

static double exposed_value(struct metrics *metrics, const char *name)
{
        AUTO(buf_done) struct buf out = {0};
        char start[64];
        const char *at;

        snprintf(start, sizeof(start), "\n%s ", name);
        metrics_write(metrics, &out);
        at = strstr(buf_text(&out), start);
        return at ? strtod(at + strlen(start), NULL) : NAN;
}

static void the_process_is_measured(void)
{
        AUTO(metrics_freep) struct metrics *metrics = metrics_new();
        double now = (double)time(NULL), fds;
        FILE *file;

        metrics_add_process(metrics, "1.2.3", "abc");
        CHECK(exposes(metrics, "vr_build_info{version=\"1.2.3\",revision=\"abc\"} 1\n"));
        CHECK(exposed_value(metrics, "process_resident_memory_bytes") > 100000);
        CHECK(exposed_value(metrics, "process_cpu_seconds_total") >= 0);
        CHECK(fabs(exposed_value(metrics, "process_start_time_seconds") - now) < 120);
        fds = exposed_value(metrics, "process_open_fds");
        CHECK(fds >= 3);
        file = fopen("/dev/null", "r");
        CHECK(exposed_value(metrics, "process_open_fds") == fds + 1);
        fclose(file);
}

UNIT_TESTS(UNIT(a_counter_without_labels_is_there_at_zero), UNIT(a_counter_never_goes_down),
           UNIT(series_are_told_apart_by_their_labels), UNIT(label_values_are_escaped_and_cut),
           UNIT(a_gauge_goes_both_ways), UNIT(a_histogram_cumulates),
           UNIT(the_usual_buckets_go_from_a_millisecond_to_a_minute), UNIT(the_same_name_is_the_same_family),
           UNIT(a_full_family_counts_and_does_not_grow), UNIT(threads_lose_no_count), UNIT(readers_run_before_a_scrape),
           UNIT(the_process_is_measured))
