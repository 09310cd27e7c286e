/* Metrics as Prometheus reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/metrics.h"

static struct metric issued = {
    .name = "x_issued_total", .labels = "kind=\"issue\"", .help = "Issued."};
static struct metric waiting = {
    .name = "x_waiting", .help = "Waiting.", .is_gauge = true};
static struct metric renewed = {.name = "x_issued_total",
                                .labels = "kind=\"renew\""};
static struct metric_duration took = {.name = "x_seconds", .help = "Took."};

static int
register_all(void **state)
{
    (void)state;
    metric_register(&issued);
    metric_register(&waiting);
    metric_register(&renewed);
    metric_register(&issued); /* twice is no harm */
    metric_duration_register(&took);
    metric_duration_register(&took);
    return 0;
}

static void
samples_of_one_name_stand_under_one_head(void **state)
{
    struct buf out = BUF_INIT(65536);

    (void)state;
    metric_add(&issued, 3);
    metric_add(&renewed, 1);
    metric_set(&waiting, -2);
    metrics_format(&out);
    assert_non_null(strstr(buf_text(&out), "# HELP x_issued_total Issued.\n"
                                           "# TYPE x_issued_total counter\n"
                                           "x_issued_total{kind=\"issue\"} 3\n"
                                           "x_issued_total{kind=\"renew\"} 1\n"
                                           "# HELP x_waiting Waiting.\n"
                                           "# TYPE x_waiting gauge\n"
                                           "x_waiting -2\n"));
    buf_clear(&out);
}

static void
buckets_count_what_is_not_longer_and_add_up(void **state)
{
    struct buf out = BUF_INIT(65536);

    (void)state;
    metric_duration_add(&took, 1000);     /* exactly the first bound */
    metric_duration_add(&took, 1001);     /* just above it */
    metric_duration_add(&took, 99000000); /* longer than all */
    metrics_format(&out);
    assert_non_null(strstr(buf_text(&out),
                           "# TYPE x_seconds histogram\n"
                           "x_seconds_bucket{le=\"0.001\"} 1\n"
                           "x_seconds_bucket{le=\"0.002\"} 2\n"
                           "x_seconds_bucket{le=\"0.005\"} 2\n"));
    assert_non_null(strstr(buf_text(&out), "x_seconds_bucket{le=\"10.000\"} 2\n"
                                           "x_seconds_bucket{le=\"+Inf\"} 3\n"
                                           "x_seconds_sum 99.002001\n"
                                           "x_seconds_count 3\n"));
    buf_clear(&out);
}

enum { THREADS = 4, ADDS = 10000 };

static void *
add_many(void *arg)
{
    int i;

    for (i = 0; i < ADDS; i++)
        metric_add(arg, 1);
    return NULL;
}

static void
no_count_is_lost_between_threads(void **state)
{
    static struct metric counted = {.name = "x_counted_total"};
    pthread_t thread[THREADS];
    int i;

    (void)state;
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, add_many, &counted),
                         0);
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(counted.value, THREADS * ADDS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_of_one_name_stand_under_one_head),
        cmocka_unit_test(buckets_count_what_is_not_longer_and_add_up),
        cmocka_unit_test(no_count_is_lost_between_threads),
    };

    return cmocka_run_group_tests(tests, register_all, NULL);
}
