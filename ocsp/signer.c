/* Signing threads; see ocsp/signer.h. */
#include "ocsp/signer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "ocsp/shelf.h"

enum {
    JOB_WAIT_MS = 2000,  /* in the queue; the token then has two more */
    CHECK_MS = 5000,     /* an idle pool tries the token that often */
    LOG_EVERY_MS = 5000, /* a token that is away is told that often */
};

struct worker {
    struct ocsp_signer_pool *pool;
    struct ocsp_grace_reader *reader;
    pthread_t thread;
    bool is_started;
};

struct ocsp_signer_pool {
    struct ocsp_responder *responder;
    struct hsm *hsm;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct ocsp_signer_job *first, **last;
    size_t queued, queue_max;
    bool is_stopping;
    int64_t checked_ms; /* when a signature was last tried */
    int64_t logged_ms;
    struct error problem; /* ERROR_NONE: the last signature came */
    struct ocsp_shelf shelf;
    size_t worker_count;
    struct worker worker[];
};

void
ocsp_signer_outbox_init(struct ocsp_signer_outbox *outbox,
                        void (*notify)(void *), void *arg)
{
    pthread_mutex_init(&outbox->lock, NULL);
    outbox->first = NULL;
    outbox->last = &outbox->first;
    outbox->notify = notify;
    outbox->arg = arg;
}

struct ocsp_signer_job *
ocsp_signer_outbox_take(struct ocsp_signer_outbox *outbox)
{
    struct ocsp_signer_job *first;

    pthread_mutex_lock(&outbox->lock);
    first = outbox->first;
    outbox->first = NULL;
    outbox->last = &outbox->first;
    pthread_mutex_unlock(&outbox->lock);
    return first;
}

static void
give_back(struct ocsp_signer_job *job)
{
    struct ocsp_signer_outbox *outbox = job->outbox;
    bool was_empty;

    job->next = NULL;
    pthread_mutex_lock(&outbox->lock);
    was_empty = outbox->first == NULL;
    *outbox->last = job;
    outbox->last = &job->next;
    pthread_mutex_unlock(&outbox->lock);
    if (was_empty)
        outbox->notify(outbox->arg);
}

struct ocsp_signer_job *
ocsp_signer_job_new(struct ocsp_signer_outbox *outbox, void *owner,
                    struct der request)
{
    struct ocsp_signer_job *job = base_alloc(sizeof *job + request.len);

    job->outbox = outbox;
    job->owner = owner;
    job->len = request.len;
    memcpy(job->request, request.data, request.len);
    return job;
}

bool
ocsp_signer_submit(struct ocsp_signer_pool *pool, struct ocsp_signer_job *job)
{
    bool ok;

    pthread_mutex_lock(&pool->lock);
    ok = pool->queued < pool->queue_max && !pool->is_stopping;
    if (ok) {
        job->next = NULL;
        job->queued_ms = clock_monotonic_ms();
        *pool->last = job;
        pool->last = &job->next;
        pool->queued++;
        pthread_cond_signal(&pool->filled);
    }
    pthread_mutex_unlock(&pool->lock);
    return ok;
}

/* Keeps the outcome for /health and tells a failure now and then. */
static void
note_outcome(struct ocsp_signer_pool *pool, const struct error *err)
{
    bool is_told = false;
    int64_t now = clock_monotonic_ms();

    pthread_mutex_lock(&pool->lock);
    pool->checked_ms = now;
    if (err->code != ERROR_NONE && now - pool->logged_ms >= LOG_EVERY_MS) {
        pool->logged_ms = now;
        is_told = true;
    }
    if (err->code == ERROR_NONE && pool->problem.code != ERROR_NONE)
        log_event(LOG_LEVEL_INFO, "ocsp.signing_again", LOG_INT("count", 1));
    pool->problem = *err;
    pthread_mutex_unlock(&pool->lock);
    if (is_told)
        log_failure("ocsp.sign", err);
}

/* The one certificate that an answer may be shared for, and what is known of
 * it now. False when the request is of another kind. */
static bool
is_shared(struct worker *worker, const struct ocsp_request *request,
          struct ocsp_responder_view *view)
{
    return request->count == 1 && request->nonce.data == NULL &&
           ocsp_responder_look(worker->pool->responder, worker->reader, request,
                               view) &&
           view->status.state != OCSP_STATE_UNKNOWN;
}

static void
answer_job(struct worker *worker, struct ocsp_signer_job *job)
{
    struct ocsp_signer_pool *pool = worker->pool;
    struct ocsp_responder_view view;
    struct ocsp_request request;
    struct error err = {0};
    int64_t now = clock_now();

    if (ocsp_request_parse(job->request, job->len, &request) &&
        is_shared(worker, &request, &view) &&
        ocsp_shelf_find(&pool->shelf, request.id[0].whole, &view, now,
                        &job->answer))
        return;
    ocsp_responder_sign(pool->responder, pool->hsm, worker->reader,
                        (struct der){job->request, job->len}, now, &job->answer,
                        &err);
    if (job->answer.status == OCSP_SUCCESSFUL || err.code != ERROR_NONE)
        note_outcome(pool, &err);
    if (job->answer.is_cacheable && job->answer.reply != NULL)
        ocsp_shelf_put(&pool->shelf, request.id[0].whole, now, &job->answer);
}

static void
sign(struct worker *worker, struct ocsp_signer_job *job)
{
    /* While the token is away each try takes long: who has waited is not made
     * to wait for those before it as well. */
    if (clock_monotonic_ms() - job->queued_ms > JOB_WAIT_MS) {
        job->answer.status = OCSP_TRY_LATER;
        give_back(job);
        return;
    }
    answer_job(worker, job);
    give_back(job);
}

/* A signature with every authority's key. */
static void
check_token(struct worker *worker)
{
    struct ocsp_responder *responder = worker->pool->responder;
    struct ocsp_signer *signer = NULL;
    struct ocsp_authorities *list;
    struct error err = {0};
    size_t i = 0, count;

    do {
        ocsp_grace_enter(worker->reader);
        list = atomic_load(&responder->authorities);
        count = list->count;
        signer = i < count && list->at[i].signer != NULL
                     ? ocsp_signer_ref(list->at[i].signer)
                     : NULL;
        ocsp_grace_leave(worker->reader);
        if (signer != NULL &&
            !hsm_healthy(worker->pool->hsm, signer->key, &err))
            i = count;
        ocsp_signer_unref(signer);
    } while (++i < count);
    note_outcome(worker->pool, &err);
}

/* Waits for a job, or until it is time to try the token. The lock is held. */
static void
wait_for_job(struct ocsp_signer_pool *pool)
{
    struct timespec until;

    if (clock_gettime(CLOCK_MONOTONIC, &until) != 0)
        abort();
    until.tv_sec += CHECK_MS / 1000;
    (void)pthread_cond_timedwait(&pool->filled, &pool->lock, &until);
}

static void *
run(void *arg)
{
    struct worker *worker = arg;
    struct ocsp_signer_pool *pool = worker->pool;
    struct ocsp_signer_job *job;
    bool is_check;

    pthread_mutex_lock(&pool->lock);
    while (!pool->is_stopping) {
        job = pool->first;
        is_check = false;
        if (job != NULL) {
            pool->first = job->next;
            if (pool->first == NULL)
                pool->last = &pool->first;
            pool->queued--;
        } else {
            is_check = clock_monotonic_ms() - pool->checked_ms >= CHECK_MS;
            if (is_check)
                pool->checked_ms = clock_monotonic_ms(); /* one of us */
            else {
                wait_for_job(pool);
                continue;
            }
        }
        pthread_mutex_unlock(&pool->lock);
        if (job != NULL)
            sign(worker, job);
        else
            check_token(worker);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

struct ocsp_signer_pool *
ocsp_signer_pool_new(struct ocsp_responder *responder, struct hsm *hsm,
                     size_t thread_count, size_t queue_max,
                     size_t shared_entries)
{
    struct ocsp_signer_pool *pool =
        base_alloc(sizeof *pool + thread_count * sizeof pool->worker[0]);
    pthread_condattr_t attributes;
    size_t i;

    pool->responder = responder;
    pool->hsm = hsm;
    pool->queue_max = queue_max;
    pool->last = &pool->first;
    ocsp_shelf_init(&pool->shelf, shared_entries);
    pool->worker_count = thread_count;
    pool->logged_ms = -LOG_EVERY_MS;
    pool->checked_ms = clock_monotonic_ms();
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    for (i = 0; i < thread_count; i++) {
        pool->worker[i].pool = pool;
        pool->worker[i].reader = ocsp_grace_reader_add(responder->grace);
    }
    return pool;
}

bool
ocsp_signer_pool_start(struct ocsp_signer_pool *pool, struct error *err)
{
    size_t i;

    for (i = 0; i < pool->worker_count; i++) {
        errno = pthread_create(&pool->worker[i].thread, NULL, run,
                               &pool->worker[i]);
        if (errno != 0)
            return error_errno(err, ERROR_INTERNAL, "cannot start a thread");
        pool->worker[i].is_started = true;
    }
    return true;
}

bool
ocsp_signer_pool_healthy(struct ocsp_signer_pool *pool, char *problem)
{
    bool ok;

    pthread_mutex_lock(&pool->lock);
    ok = pool->problem.code == ERROR_NONE;
    memcpy(problem, pool->problem.what, sizeof pool->problem.what);
    pthread_mutex_unlock(&pool->lock);
    return ok;
}

void
ocsp_signer_pool_stop(struct ocsp_signer_pool *pool)
{
    struct ocsp_signer_job *job;
    size_t i;

    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->is_stopping = true;
    pthread_cond_broadcast(&pool->filled);
    pthread_mutex_unlock(&pool->lock);
    for (i = 0; i < pool->worker_count; i++)
        if (pool->worker[i].is_started) {
            if (pthread_join(pool->worker[i].thread, NULL) != 0)
                abort();
            pool->worker[i].is_started = false;
        }
    while ((job = pool->first) != NULL) {
        pool->first = job->next;
        job->answer.status = OCSP_TRY_LATER;
        give_back(job);
    }
}

void
ocsp_signer_pool_free(struct ocsp_signer_pool *pool)
{
    if (pool == NULL)
        return;
    ocsp_signer_pool_stop(pool);
    ocsp_shelf_clear(&pool->shelf);
    pthread_cond_destroy(&pool->filled);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
