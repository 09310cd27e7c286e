/* The pool: order, bounds, contexts and the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/worker.h"

/* What the jobs of one test meet: a gate that holds them, and counts. */
struct place {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open;
    int started;
    int order[64];
    int done;
    atomic_int contexts_made;
    atomic_int contexts_freed;
};

struct job {
    struct worker_job job;
    int number;
};

struct context {
    struct place *place;
};

static void
place_init(struct place *place, bool is_open)
{
    *place = (struct place){.is_open = is_open};
    assert_int_equal(pthread_mutex_init(&place->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&place->changed, NULL), 0);
}

static void
run(void *owner, void **context, struct worker_job *worker_job)
{
    struct job *job = (struct job *)worker_job;
    struct place *place = owner;

    if (*context == NULL) {
        struct context *made = base_alloc(sizeof *made);

        made->place = place;
        *context = made;
        (void)atomic_fetch_add(&place->contexts_made, 1);
    }
    (void)pthread_mutex_lock(&place->lock);
    place->started++;
    (void)pthread_cond_broadcast(&place->changed);
    while (!place->is_open)
        (void)pthread_cond_wait(&place->changed, &place->lock);
    place->order[place->done++] = job->number;
    (void)pthread_cond_broadcast(&place->changed);
    (void)pthread_mutex_unlock(&place->lock);
    free(job);
}

static void
context_free(void *context)
{
    struct context *made = context;

    (void)atomic_fetch_add(&made->place->contexts_freed, 1);
    free(made);
}

static struct worker_pool *
pool_of(struct place *place, size_t threads, size_t queue_max)
{
    const struct worker_options options = {
        .name = "test",
        .thread_count = threads,
        .queue_max = queue_max,
        .run = run,
        .context_free = context_free,
        .owner = place,
    };
    struct worker_pool *pool = NULL;
    struct error err = {0};

    assert_true(worker_pool_new(&options, &pool, &err));
    return pool;
}

static struct worker_job *
job_new(int number)
{
    struct job *job = base_alloc(sizeof *job);

    job->number = number;
    return &job->job;
}

static void
wait_until(struct place *place, const int *count, int wanted)
{
    (void)pthread_mutex_lock(&place->lock);
    while (*count < wanted)
        (void)pthread_cond_wait(&place->changed, &place->lock);
    (void)pthread_mutex_unlock(&place->lock);
}

static void
open_gate(struct place *place)
{
    (void)pthread_mutex_lock(&place->lock);
    place->is_open = true;
    (void)pthread_cond_broadcast(&place->changed);
    (void)pthread_mutex_unlock(&place->lock);
}

static void
one_thread_does_jobs_in_the_order_they_came(void **state)
{
    struct place place;
    struct worker_pool *pool;
    int i;

    (void)state;
    place_init(&place, true);
    pool = pool_of(&place, 1, 64);
    for (i = 0; i < 50; i++)
        assert_true(worker_pool_add(pool, job_new(i)));
    wait_until(&place, &place.done, 50);
    for (i = 0; i < 50; i++)
        assert_int_equal(place.order[i], i);
    assert_null(worker_pool_free(pool));
}

static void
a_full_queue_refuses_at_once_and_leaves_the_job(void **state)
{
    struct place place;
    struct worker_pool *pool;
    struct worker_job *job;

    (void)state;
    place_init(&place, false);
    pool = pool_of(&place, 1, 2);
    assert_true(worker_pool_add(pool, job_new(0)));
    wait_until(&place, &place.started, 1); /* off the queue, at work */
    assert_true(worker_pool_add(pool, job_new(1)));
    assert_true(worker_pool_add(pool, job_new(2)));
    assert_int_equal(worker_pool_waiting(pool), 2);
    job = job_new(3);
    assert_false(worker_pool_add(pool, job));
    open_gate(&place);
    wait_until(&place, &place.done, 3);
    assert_true(worker_pool_add(pool, job)); /* there is room again */
    wait_until(&place, &place.done, 4);
    assert_null(worker_pool_free(pool));
}

static void
each_thread_makes_one_context_and_frees_it(void **state)
{
    struct place place;
    struct worker_pool *pool;
    int i;

    (void)state;
    place_init(&place, false);
    pool = pool_of(&place, 3, 64);
    for (i = 0; i < 12; i++)
        assert_true(worker_pool_add(pool, job_new(i)));
    wait_until(&place, &place.started, 3); /* all three are at work */
    open_gate(&place);
    wait_until(&place, &place.done, 12);
    assert_null(worker_pool_free(pool));
    assert_int_equal(place.contexts_made, 3);
    assert_int_equal(place.contexts_freed, 3);
}

static void *
open_later(void *arg)
{
    open_gate(arg);
    return NULL;
}

static void
the_end_waits_for_jobs_under_way_and_gives_the_rest_back(void **state)
{
    struct place place;
    struct worker_pool *pool;
    struct worker_job *left, *next;
    pthread_t opener;
    int count = 0;

    (void)state;
    place_init(&place, false);
    pool = pool_of(&place, 1, 8);
    assert_true(worker_pool_add(pool, job_new(0)));
    wait_until(&place, &place.started, 1);
    assert_true(worker_pool_add(pool, job_new(1)));
    assert_true(worker_pool_add(pool, job_new(2)));
    assert_int_equal(pthread_create(&opener, NULL, open_later, &place), 0);
    left = worker_pool_free(pool);
    assert_int_equal(pthread_join(opener, NULL), 0);
    for (; left != NULL; left = next, count++) {
        next = left->next;
        free(left);
    }
    /* The one under way was finished; whether more were begun before the end
     * was known, nobody can say. Nothing is lost. */
    assert_true(place.done >= 1);
    assert_int_equal(place.done + count, 3);
}

static void
nothing_is_freed_as_nothing(void **state)
{
    (void)state;
    assert_null(worker_pool_free(NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_does_jobs_in_the_order_they_came),
        cmocka_unit_test(a_full_queue_refuses_at_once_and_leaves_the_job),
        cmocka_unit_test(each_thread_makes_one_context_and_frees_it),
        cmocka_unit_test(
            the_end_waits_for_jobs_under_way_and_gives_the_rest_back),
        cmocka_unit_test(nothing_is_freed_as_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
