/* Counters, gauges and durations as Prometheus text; see base/metrics.h. */
#include "base/metrics.h"

#include <string.h>

static struct metric *metrics;
static struct metric_duration *durations;

/* Upper bounds; a last bucket takes what is longer. */
static const int64_t bound_ms[METRIC_BUCKETS] = {
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10000};

/* At the end, so that the order is that of registration; once. */
void
metric_register(struct metric *metric)
{
    struct metric **at = &metrics;

    while (*at != NULL && *at != metric)
        at = &(*at)->next;
    *at = metric;
}

void
metric_add(struct metric *metric, int64_t n)
{
    atomic_fetch_add_explicit(&metric->value, n, memory_order_relaxed);
}

void
metric_set(struct metric *metric, int64_t value)
{
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void
metric_duration_register(struct metric_duration *duration)
{
    struct metric_duration **at = &durations;

    while (*at != NULL && *at != duration)
        at = &(*at)->next;
    *at = duration;
}

void
metric_duration_add(struct metric_duration *duration, int64_t us)
{
    size_t i = 0;

    while (i < METRIC_BUCKETS && us > bound_ms[i] * 1000)
        i++;
    atomic_fetch_add_explicit(&duration->bucket[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&duration->sum_us, us, memory_order_relaxed);
}

static void
add_sample(const struct metric *metric, struct buf *out)
{
    long long value =
        atomic_load_explicit(&metric->value, memory_order_relaxed);

    if (metric->labels == NULL)
        (void)buf_addf(out, "%s %lld\n", metric->name, value);
    else
        (void)buf_addf(out, "%s{%s} %lld\n", metric->name, metric->labels,
                       value);
}

static bool
is_first_of_name(const struct metric *metric)
{
    const struct metric *m = metrics;

    while (m != metric && strcmp(m->name, metric->name) != 0)
        m = m->next;
    return m == metric;
}

static void
add_duration(const struct metric_duration *duration, struct buf *out)
{
    long long count = 0;
    long long sum_us =
        atomic_load_explicit(&duration->sum_us, memory_order_relaxed);
    size_t i;

    (void)buf_addf(out, "# HELP %s %s\n# TYPE %s histogram\n", duration->name,
                   duration->help, duration->name);
    for (i = 0; i <= METRIC_BUCKETS; i++) {
        count +=
            atomic_load_explicit(&duration->bucket[i], memory_order_relaxed);
        if (i < METRIC_BUCKETS)
            (void)buf_addf(out, "%s_bucket{le=\"%lld.%03lld\"} %lld\n",
                           duration->name, (long long)bound_ms[i] / 1000,
                           (long long)bound_ms[i] % 1000, count);
        else
            (void)buf_addf(out, "%s_bucket{le=\"+Inf\"} %lld\n", duration->name,
                           count);
    }
    (void)buf_addf(out, "%s_sum %lld.%06lld\n%s_count %lld\n", duration->name,
                   sum_us / 1000000, sum_us % 1000000, duration->name, count);
}

void
metrics_format(struct buf *out)
{
    const struct metric_duration *duration;
    const struct metric *metric, *same;

    /* All samples of one name stand together under one HELP and TYPE. */
    for (metric = metrics; metric != NULL; metric = metric->next) {
        if (!is_first_of_name(metric))
            continue;
        (void)buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name,
                       metric->help, metric->name,
                       metric->is_gauge ? "gauge" : "counter");
        for (same = metric; same != NULL; same = same->next)
            if (strcmp(same->name, metric->name) == 0)
                add_sample(same, out);
    }
    for (duration = durations; duration != NULL; duration = duration->next)
        add_duration(duration, out);
}
