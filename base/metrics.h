/*
 * Counters, gauges and durations, shown as Prometheus text. Registered once at
 * start, updated without locks.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"

struct metric {
    const char *name;   /* "signet_ca_certificates_issued_total" */
    const char *labels; /* "kind=\"issue\"" or NULL */
    const char *help;
    bool is_gauge;
    _Atomic int64_t value;
    struct metric *next; /* of the registry */
};

/* `metric` is static storage. Before any thread. */
void metric_register(struct metric *metric);
void metric_add(struct metric *metric, int64_t n);
void metric_set(struct metric *metric, int64_t value);

/* A histogram of durations with fixed bounds from 1 ms to 10 s. */
enum { METRIC_BUCKETS = 12 };
struct metric_duration {
    const char *name; /* ends in _seconds */
    const char *help;
    _Atomic int64_t bucket[METRIC_BUCKETS + 1];
    _Atomic int64_t sum_us;
    struct metric_duration *next;
};
void metric_duration_register(struct metric_duration *duration);
void metric_duration_add(struct metric_duration *duration, int64_t us);

/* Everything registered, in text format 0.0.4. */
void metrics_format(struct buf *out);

#endif
