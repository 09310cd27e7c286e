/* Background jobs of signet-kmc; see ca-core/kmc/jobs.h. */
#include "ca-core/kmc/jobs.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "ca-core/kmc/decide.h"
#include "ca-core/kmc/work.h"

enum { TICK_MS = 1000 };

struct kmc_jobs {
    struct kmc_service *service;
    struct db *db; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_woken; /* under lock */
    atomic_bool is_stopping;
};

static void
report(const char *event, bool ok, const struct error *err)
{
    if (!ok)
        log_failure(event, err);
}

/* *is_idle: nothing was left to do. */
static void
run_once(struct kmc_jobs *jobs, bool *is_idle)
{
    struct error err = {0};

    *is_idle = true;
    if (jobs->db == NULL && !db_open(&jobs->service->db, &jobs->db, &err)) {
        log_failure("kmc.database", &err);
        return;
    }
    report("kmc.aim", kmc_service_aim(jobs->service, jobs->db, &err), &err);
    report("kmc.expire",
           decide_expire(jobs->service, jobs->db, clock_now(), &err), &err);
    holding_expire(jobs->service->holding, clock_monotonic_ms());
    report("kmc.cases",
           work_run(jobs->service, jobs->db, &jobs->is_stopping, &err), &err);
    if (!kmc_pool_fill(jobs->service->pool, is_idle, &err)) {
        log_failure("kmc.pool", &err);
        *is_idle = true;
    }
}

static void *
run(void *arg)
{
    struct kmc_jobs *jobs = arg;
    struct timespec until;
    bool is_idle;
    int64_t at;

    while (!atomic_load(&jobs->is_stopping)) {
        run_once(jobs, &is_idle);
        (void)pthread_mutex_lock(&jobs->lock);
        at = clock_monotonic_ms() + TICK_MS;
        until = (struct timespec){at / 1000, at % 1000 * 1000000};
        while (is_idle && !jobs->is_woken && !atomic_load(&jobs->is_stopping) &&
               clock_monotonic_ms() < at)
            (void)pthread_cond_timedwait(&jobs->wake, &jobs->lock, &until);
        jobs->is_woken = false;
        (void)pthread_mutex_unlock(&jobs->lock);
    }
    db_close(jobs->db);
    return NULL;
}

bool
kmc_jobs_new(struct kmc_service *service, struct kmc_jobs **out,
             struct error *err)
{
    struct kmc_jobs *jobs = base_alloc(sizeof *jobs);
    pthread_condattr_t attributes;
    sigset_t all, before;
    int rc;

    jobs->service = service;
    (void)pthread_mutex_init(&jobs->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&jobs->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)sigfillset(&all); /* signals belong to the loop's thread */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&jobs->thread, NULL, run, jobs);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        (void)pthread_cond_destroy(&jobs->wake);
        (void)pthread_mutex_destroy(&jobs->lock);
        free(jobs);
        return error_set(err, ERROR_INTERNAL, "cannot start the jobs' thread");
    }
    *out = jobs;
    return true;
}

void
kmc_jobs_wake(struct kmc_jobs *jobs)
{
    if (jobs == NULL)
        return;
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->is_woken = true;
    (void)pthread_cond_signal(&jobs->wake);
    (void)pthread_mutex_unlock(&jobs->lock);
}

void
kmc_jobs_free(struct kmc_jobs *jobs)
{
    if (jobs == NULL)
        return;
    (void)pthread_mutex_lock(&jobs->lock);
    atomic_store(&jobs->is_stopping, true);
    (void)pthread_cond_broadcast(&jobs->wake);
    (void)pthread_mutex_unlock(&jobs->lock);
    (void)pthread_join(jobs->thread, NULL);
    (void)pthread_cond_destroy(&jobs->wake);
    (void)pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}
