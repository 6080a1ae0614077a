#include "services/webhook/sender_internal.h"

/* From completed to acknowledged: a moment, or days of retries. */
static const double latency_bounds_s[] = {0.1, 0.25, 0.5, 1,    2.5,   5,     10,    30,
                                          60,  300,  900, 3600, 14400, 43200, 86400, 259200};

static enum err read_queue(struct db_tx *tx, void *arg)
{
        struct queue_figures *figures = arg;

        return store_queue(tx, figures->oldest_due_at_ms, figures);
}

static void on_scrape(void *arg)
{
        struct sender *sender = arg;
        int64_t now_ms = due_clock_ms(sender->config.clock);
        struct queue_figures figures = {.oldest_due_at_ms = now_ms};
        int64_t circuits[BREAKER_STATES];

        pthread_mutex_lock(&sender->lock);
        lanes_count(sender->lanes, circuits);
        pthread_mutex_unlock(&sender->lock);
        for (int state = 0; state < BREAKER_STATES; state++)
                metric_set(sender->metrics.circuits, (double)circuits[state],
                           breaker_state_name((enum breaker_state)state));
        if (db_read(sender->config.db, read_queue, &figures))
                return; /* the figures stay as they were */
        metric_set(sender->metrics.queue, (double)figures.due, "due");
        metric_set(sender->metrics.queue, (double)figures.leased, "leased");
        metric_set(sender->metrics.queue, (double)figures.scheduled, "scheduled");
        series_set(sender->metrics.oldest_due,
                   figures.oldest_due_at_ms ? (double)(now_ms - figures.oldest_due_at_ms) / 1000 : 0);
}

static void touch(struct metric *metric, const char *const *values)
{
        for (; *values; values++)
                (void)metric_series(metric, (const char *const[]){*values, NULL});
}

void sender_metrics_register(struct sender *sender)
{
        struct metrics *metrics = sender->config.metrics;
        struct sender_metrics *m = &sender->metrics;

        m->attempts = metrics_counter(metrics, "vr_webhook_attempts_total", "outcome", "Webhook attempts.");
        m->attempt_duration = metrics_histogram(metrics, "vr_webhook_attempt_duration_seconds", "outcome",
                                                "Length of a webhook attempt.", NULL, 0);
        m->deliveries = metrics_counter(metrics, "vr_webhook_deliveries_total", "result",
                                        "Deliveries that ended: the editor has it, the schedule ran out, or refused.");
        m->latency = METRIC_SERIES(metrics_histogram(metrics, "vr_webhook_delivery_latency_seconds", "",
                                                     "From the market's completion to the editor's acknowledgement.",
                                                     latency_bounds_s, ARRAY_LEN(latency_bounds_s)));
        m->queue = metrics_gauge(metrics, "vr_webhook_queue_depth", "state", "Deliveries that have not ended.");
        m->oldest_due = METRIC_SERIES(metrics_gauge(metrics, "vr_webhook_oldest_due_age_seconds", "",
                                                    "How long the delivery that is due longest has waited."));
        m->circuits = metrics_gauge(metrics, "vr_webhook_circuits", "state", "Circuit breakers of this process.");
        touch(m->attempts, outcome_names);
        touch(m->attempt_duration, outcome_names);
        touch(m->deliveries, (const char *const[]){"succeeded", "exhausted", "refused", NULL});
        touch(m->queue, (const char *const[]){"due", "leased", "scheduled", NULL});
        touch(m->circuits, (const char *const[]){"closed", "open", "half_open", NULL});
        metrics_on_scrape(metrics, on_scrape, sender);
}

void sender_metrics_forget(struct sender *sender)
{
        metrics_off_scrape(sender->config.metrics, on_scrape, sender);
}
