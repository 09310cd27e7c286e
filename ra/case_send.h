/*
 * Sends the orders of cases to signet-ca and carries out what comes back: the
 * answer, the certificates and the case's next state are one transaction. An
 * order without an answer is sent again; the CA gives the same answer to the
 * same order, so nothing happens twice, whoever dies in between.
 */
#ifndef RA_CASE_SEND_H
#define RA_CASE_SEND_H

#include "ra/jobs.h"

/* Sends what is due: the job "case-orders". Called by a handler too, to be
 * quick. */
ra_job_run case_send_job;

/* Registers what is counted; once, at start. */
void case_send_metrics(void);

#endif
