/* Threads behind a bounded queue; see base/worker.h. */
#include "base/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/buf.h"

struct worker_pool {
    struct worker_options options;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct worker_job *first;
    struct worker_job **last; /* where the next job is hung up */
    size_t waiting;
    bool is_ending;
    pthread_t *threads;
    size_t thread_count;
};

/* Waits for a job; NULL when the pool ends. */
static struct worker_job *
job_wait(struct worker_pool *pool)
{
    struct worker_job *job = NULL;

    (void)pthread_mutex_lock(&pool->lock);
    while (pool->first == NULL && !pool->is_ending)
        (void)pthread_cond_wait(&pool->changed, &pool->lock);
    if (!pool->is_ending) {
        job = pool->first;
        pool->first = job->next;
        if (pool->first == NULL)
            pool->last = &pool->first;
        pool->waiting--;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return job;
}

static void *
work(void *arg)
{
    struct worker_pool *pool = arg;
    struct worker_job *job;
    void *context = NULL;

    while ((job = job_wait(pool)) != NULL)
        pool->options.run(pool->options.owner, &context, job);
    if (context != NULL && pool->options.context_free != NULL)
        pool->options.context_free(context);
    return NULL;
}

bool
worker_pool_new(const struct worker_options *options, struct worker_pool **out,
                struct error *err)
{
    struct worker_pool *pool = base_alloc(sizeof *pool);
    sigset_t all, before;
    int failed = 0;

    pool->options = *options;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->changed, NULL);
    pool->last = &pool->first;
    pool->threads = base_alloc(options->thread_count * sizeof pool->threads[0]);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    while (failed == 0 && pool->thread_count < options->thread_count) {
        pthread_t *thread = &pool->threads[pool->thread_count];

        failed = pthread_create(thread, NULL, work, pool);
        if (failed == 0) {
            pool->thread_count++;
            (void)pthread_setname_np(*thread, options->name);
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        (void)worker_pool_free(pool);
        errno = failed;
        return error_errno(err, ERROR_INTERNAL, "cannot start a thread");
    }
    *out = pool;
    return true;
}

bool
worker_pool_add(struct worker_pool *pool, struct worker_job *take_job)
{
    bool has_room;

    (void)pthread_mutex_lock(&pool->lock);
    has_room = pool->waiting < pool->options.queue_max && !pool->is_ending;
    if (has_room) {
        take_job->next = NULL;
        *pool->last = take_job;
        pool->last = &take_job->next;
        pool->waiting++;
        (void)pthread_cond_signal(&pool->changed);
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return has_room;
}

size_t
worker_pool_waiting(struct worker_pool *pool)
{
    size_t waiting;

    (void)pthread_mutex_lock(&pool->lock);
    waiting = pool->waiting;
    (void)pthread_mutex_unlock(&pool->lock);
    return waiting;
}

struct worker_job *
worker_pool_free(struct worker_pool *pool)
{
    struct worker_job *left;
    size_t i;

    if (pool == NULL)
        return NULL;
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_ending = true;
    (void)pthread_cond_broadcast(&pool->changed);
    (void)pthread_mutex_unlock(&pool->lock);
    for (i = 0; i < pool->thread_count; i++)
        (void)pthread_join(pool->threads[i], NULL);
    left = pool->first;
    (void)pthread_cond_destroy(&pool->changed);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
    return left;
}
