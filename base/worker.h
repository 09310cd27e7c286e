/*
 * A fixed number of threads and a bounded queue of jobs: what may wait
 * (database, signer, file) runs here and not on a loop. Each thread has one
 * context of its own, such as a database connection, so nothing is shared.
 */
#ifndef BASE_WORKER_H
#define BASE_WORKER_H

#include <stddef.h>

#include "base/error.h"

/* The first member of a job of the owner's. */
struct worker_job {
    struct worker_job *next; /* of the queue */
};

struct worker_options {
    const char *name; /* of the threads, at most 15 octets */
    size_t thread_count;
    size_t queue_max; /* waiting jobs */
    /* On a thread of the pool. `*context` is that thread's own, NULL at first;
     * the job is the callee's. */
    void (*run)(void *owner, void **context, struct worker_job *job);
    /* On the same thread at its end, if the context is not NULL. */
    void (*context_free)(void *context);
    void *owner;
};

struct worker_pool;

/* Signals are blocked on the threads: they belong to the loop. */
bool worker_pool_new(const struct worker_options *options,
                     struct worker_pool **out, struct error *err) MUST_CHECK;

/* Puts the job at the end of the queue. False when the queue is full: the job
 * stays the caller's. From any thread. */
bool worker_pool_add(struct worker_pool *pool,
                     struct worker_job *take_job) MUST_CHECK;

/* Jobs that wait now. */
size_t worker_pool_waiting(struct worker_pool *pool);

/* Waits for the jobs under way and ends the threads. Jobs that still wait are
 * given back as a list. NULL is nothing. */
struct worker_job *worker_pool_free(struct worker_pool *pool);

#endif
