/* Background jobs; see ca-core/jobs.h. */
#include "ca-core/jobs.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "ca-core/escrow_job.h"
#include "ca-core/ocsp_signer.h"

enum { TICK_MS = 1000 };

struct jobs {
    struct ca_service *service;
    struct db *db; /* the thread's */
    struct crl_job crl;
    struct ocsp_signer_job ocsp_signer;
    struct escrow_job escrow;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_stopping;
};

static void
report(const char *event, bool ok, const struct error *err)
{
    if (!ok)
        log_failure(event, err);
}

static void
run_once(struct jobs *jobs)
{
    struct error err = {0};

    if (jobs->db == NULL && !db_open(&jobs->service->db, &jobs->db, &err)) {
        log_failure("jobs.database", &err);
        return;
    }
    report("jobs.issuers",
           issuers_refresh(jobs->service->issuers, jobs->db, &err), &err);
    report("jobs.crl", crl_job_run(&jobs->crl, jobs->db, clock_now(), &err),
           &err);
    report("jobs.ocsp_signer",
           ocsp_signer_job_run(&jobs->ocsp_signer, jobs->db, clock_now(), &err),
           &err);
    report("jobs.escrow",
           escrow_job_run(&jobs->escrow, jobs->db, clock_now(), &err), &err);
}

static void
give_back(struct jobs *jobs)
{
    struct error err = {0};

    if (jobs->db == NULL)
        return;
    if (!lease_release(&jobs->crl.lease, jobs->db, &err) ||
        !lease_release(&jobs->ocsp_signer.lease, jobs->db, &err) ||
        !lease_release(&jobs->escrow.lease, jobs->db, &err))
        log_failure("jobs.lease", &err);
    db_close(jobs->db);
}

static void *
run(void *arg)
{
    struct jobs *jobs = arg;
    struct timespec until;
    int64_t at;

    (void)pthread_mutex_lock(&jobs->lock);
    while (!jobs->is_stopping) {
        (void)pthread_mutex_unlock(&jobs->lock);
        run_once(jobs);
        (void)pthread_mutex_lock(&jobs->lock);
        at = clock_monotonic_ms() + TICK_MS;
        until = (struct timespec){at / 1000, at % 1000 * 1000000};
        while (!jobs->is_stopping && clock_monotonic_ms() < at)
            (void)pthread_cond_timedwait(&jobs->wake, &jobs->lock, &until);
    }
    (void)pthread_mutex_unlock(&jobs->lock);
    give_back(jobs);
    return NULL;
}

bool
jobs_new(struct ca_service *service, struct jobs **out, struct error *err)
{
    struct jobs *jobs = base_alloc(sizeof *jobs);
    pthread_condattr_t attributes;
    sigset_t all, before;
    int rc;

    jobs->service = service;
    if (!crl_job_init(&jobs->crl, service->hsm, service->config, err) ||
        !ocsp_signer_job_init(&jobs->ocsp_signer, service->hsm, service->config,
                              &service->profiles, err) ||
        !escrow_job_init(&jobs->escrow, &service->escrow, err)) {
        free(jobs);
        return false;
    }
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
        escrow_job_clear(&jobs->escrow);
        free(jobs);
        return error_set(err, ERROR_INTERNAL, "cannot start the jobs' thread");
    }
    *out = jobs;
    return true;
}

void
jobs_free(struct jobs *jobs)
{
    if (jobs == NULL)
        return;
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->is_stopping = true;
    (void)pthread_cond_broadcast(&jobs->wake);
    (void)pthread_mutex_unlock(&jobs->lock);
    (void)pthread_join(jobs->thread, NULL);
    (void)pthread_cond_destroy(&jobs->wake);
    (void)pthread_mutex_destroy(&jobs->lock);
    escrow_job_clear(&jobs->escrow);
    free(jobs);
}
