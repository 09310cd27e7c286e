/* Background jobs of signet-ra: ra/jobs.h. */
#include "ra/jobs.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "db/job.h"
#include "ra/case_check.h"
#include "ra/case_send.h"
#include "ra/holder_follow.h"
#include "ra/invoice.h"
#include "ra/notice_sender.h"
#include "ra/officer_case.h"
#include "ra/old_keys.h"
#include "ra/reconciliation.h"
#include "ra/refund.h"
#include "ra/timer.h"

enum {
    TICK_MS = 500,
    /* A lease outlives a turn: a process that is slow keeps it. One that died
     * is followed at once, for its connections are gone; one whose machine was
     * lost within two minutes. */
    LEASE_S = 120,
};

/* What waits for others outside (mail, gateways) has a thread of its own, so
 * that a slow one of them delays no order of a case. */
enum lane { LANE_INSIDE, LANE_OUTSIDE, LANE_COUNT };

static const struct {
    const char *name; /* of the lease, too */
    int every_s;
    ra_job_run *run;
    enum lane lane;
} table[] = {
    {"case-orders", 1, case_send_job, LANE_INSIDE},
    {"case-checks", 5, case_check_job, LANE_INSIDE},
    {"timers", 5, timer_job, LANE_INSIDE},
    {"holds", 30, hold_job, LANE_INSIDE},
    {"revocations", 10, holder_follow_job, LANE_INSIDE},
    {"old-keys", 5, old_keys_follow_job, LANE_INSIDE},
    {"expiry", 3600, expiry_job, LANE_INSIDE},
    {"officer-cases", 20, officer_case_job, LANE_INSIDE},
    {"notices", 1, notice_job, LANE_OUTSIDE},
    {"payments", 5, payment_job, LANE_OUTSIDE},
    {"invoices", 60, invoice_job, LANE_INSIDE},
    {"reconciliation", 600, reconciliation_job, LANE_OUTSIDE},
};

enum { JOB_COUNT = sizeof table / sizeof table[0] };

struct lane_thread {
    struct jobs *jobs;
    enum lane lane;
    struct ra_job job;
    int64_t due_ms[JOB_COUNT]; /* monotonic */
    pthread_t thread;
};

struct jobs {
    const struct db_options *db;
    char holder[TEXT_UUID_LEN + 1];
    struct lane_thread lane[LANE_COUNT];
    int started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_ending;
};

static bool
lane_open(struct lane_thread *lane)
{
    struct error err = {0};

    if (lane->job.db != NULL)
        return true;
    if (!db_open(lane->jobs->db, &lane->job.db, &err)) {
        log_failure("jobs.database", &err);
        return false;
    }
    if (lane->job.ca == NULL &&
        !ca_client_new(lane->job.config, &lane->job.ca, &err)) {
        log_failure("jobs.ca", &err);
        db_close(lane->job.db);
        lane->job.db = NULL;
        return false;
    }
    return true;
}

static void
run_one(struct lane_thread *lane, size_t i)
{
    struct error err = {0};
    bool is_ours = false;

    if (!db_job_lease(lane->job.db, table[i].name, lane->jobs->holder,
                      LEASE_S + table[i].every_s, &is_ours, &err) ||
        (is_ours && !table[i].run(&lane->job, clock_now(), &err)))
        log_failure(table[i].name, &err);
}

static bool
is_ending(struct jobs *jobs)
{
    bool ending;

    (void)pthread_mutex_lock(&jobs->lock);
    ending = jobs->is_ending;
    (void)pthread_mutex_unlock(&jobs->lock);
    return ending;
}

static void
run_due(struct lane_thread *lane)
{
    if (!lane_open(lane))
        return;
    for (size_t i = 0; i < JOB_COUNT && !is_ending(lane->jobs); i++) {
        if (table[i].lane != lane->lane ||
            clock_monotonic_ms() < lane->due_ms[i])
            continue;
        run_one(lane, i);
        lane->due_ms[i] =
            clock_monotonic_ms() + INT64_C(1000) * table[i].every_s;
    }
}

static bool
wait_tick(struct jobs *jobs)
{
    int64_t at = clock_monotonic_ms() + TICK_MS;
    struct timespec until = {at / 1000, at % 1000 * 1000000};
    bool ending;

    (void)pthread_mutex_lock(&jobs->lock);
    while (!jobs->is_ending && clock_monotonic_ms() < at)
        (void)pthread_cond_timedwait(&jobs->wake, &jobs->lock, &until);
    ending = jobs->is_ending;
    (void)pthread_mutex_unlock(&jobs->lock);
    return !ending;
}

static void
lane_close(struct lane_thread *lane)
{
    struct error err = {0};

    for (size_t i = 0; i < JOB_COUNT && lane->job.db != NULL; i++)
        if (table[i].lane == lane->lane &&
            !db_job_release(lane->job.db, table[i].name, lane->jobs->holder,
                            &err)) {
            log_failure("jobs.lease", &err);
            break;
        }
    db_close(lane->job.db);
    ca_client_free(lane->job.ca);
}

static void *
lane_run(void *arg)
{
    struct lane_thread *lane = arg;

    do
        run_due(lane);
    while (wait_tick(lane->jobs));
    lane_close(lane);
    return NULL;
}

static struct jobs *
jobs_make(const struct db_options *db)
{
    struct jobs *jobs = base_alloc(sizeof *jobs);
    pthread_condattr_t attribute;

    jobs->db = db;
    (void)pthread_mutex_init(&jobs->lock, NULL);
    (void)pthread_condattr_init(&attribute);
    (void)pthread_condattr_setclock(&attribute, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&jobs->wake, &attribute);
    (void)pthread_condattr_destroy(&attribute);
    return jobs;
}

bool
jobs_start(const struct config *config, const struct business *business,
           const struct db_options *db, struct jobs **out, struct error *err)
{
    struct jobs *jobs = jobs_make(db);
    sigset_t all, before;
    bool ok = text_uuid_draw(jobs->holder, err);

    (void)sigfillset(&all); /* signals belong to the loop's thread */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; ok && i < LANE_COUNT; i++) {
        struct lane_thread *lane = &jobs->lane[i];

        lane->jobs = jobs;
        lane->lane = (enum lane)i;
        lane->job.business = business;
        lane->job.config = config;
        if (pthread_create(&lane->thread, NULL, lane_run, lane) != 0)
            ok = error_set(err, ERROR_INTERNAL, "no thread for the jobs");
        else
            jobs->started++;
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!ok) {
        jobs_stop(jobs);
        return false;
    }
    *out = jobs;
    return true;
}

void
jobs_stop(struct jobs *jobs)
{
    if (jobs == NULL)
        return;
    (void)pthread_mutex_lock(&jobs->lock);
    jobs->is_ending = true;
    (void)pthread_cond_broadcast(&jobs->wake);
    (void)pthread_mutex_unlock(&jobs->lock);
    for (int i = 0; i < jobs->started; i++)
        (void)pthread_join(jobs->lane[i].thread, NULL);
    (void)pthread_cond_destroy(&jobs->wake);
    (void)pthread_mutex_destroy(&jobs->lock);
    free(jobs);
}
