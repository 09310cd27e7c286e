/*
 * The job `escrow`: keys whose certificate has ended, was never made, or whose
 * order never came, go into the history of the key management centre. It takes
 * what ca.escrow says is due and stops where the centre is away; the next run
 * goes on there.
 */
#ifndef CA_CORE_ESCROW_JOB_H
#define CA_CORE_ESCROW_JOB_H

#include "ca-core/escrow.h"
#include "ca-core/lease.h"

struct escrow_job {
    struct escrow *escrow; /* owned; NULL: this CA makes no pairs */
    struct lease lease;
    int64_t next_ms; /* monotonic; not before, after the centre was away */
};

bool escrow_job_init(struct escrow_job *job,
                     const struct escrow_options *options,
                     struct error *err) MUST_CHECK;
void escrow_job_clear(struct escrow_job *job);

/* Once a second, in any number of processes, of which the one that holds the
 * lease works. A key that the centre does not know, or refuses, is logged and
 * left for the next day; the others go on. */
bool escrow_job_run(struct escrow_job *job, struct db *db, int64_t now,
                    struct error *err) MUST_CHECK;

#endif
