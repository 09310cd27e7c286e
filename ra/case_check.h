/*
 * Asks the CA core, while a case waits for its first review, what it would say
 * to the order: names, blocked keys, uniqueness, profile, the state of the old
 * certificate (POST /v1/orders/check). A finding for the officer, never a
 * decision; the core judges again when the order comes.
 */
#ifndef RA_CASE_CHECK_H
#define RA_CASE_CHECK_H

#include "ra/jobs.h"

ra_job_run case_check_job;

#endif
