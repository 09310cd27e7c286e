/*
 * What the RA does on a schedule: one table of jobs, each under a lease row
 * (ra.lease), so that any number of RA processes share them. A thread of the
 * service runs what is due.
 */
#ifndef RA_JOBS_H
#define RA_JOBS_H

#include "ra/ca_client.h"
#include "ra/case_apply.h"

struct ra_job {
    struct db *db;
    struct ca_client *ca;
    const struct business *business;
    const struct config *config;
};

/* One run; it does what is due and returns soon (some 100 rows at most). A
 * failure is logged and tried again at the next turn. */
typedef bool ra_job_run(struct ra_job *job, int64_t now, struct error *err);

struct jobs;
bool jobs_start(const struct config *config, const struct business *business,
                const struct db_options *db, struct jobs **out,
                struct error *err) MUST_CHECK;
void jobs_stop(struct jobs *jobs); /* NULL is nothing */

#endif
