/*
 * What officers revoke at the CA core directly, as after a compromise or on the
 * CA's own grounds (domain.md, 1.5, 1.8 #26): the registration authority looks
 * at each certificate that it holds for good now and then, and follows.
 */
#ifndef RA_HOLDER_FOLLOW_H
#define RA_HOLDER_FOLLOW_H

#include "ra/jobs.h"

ra_job_run holder_follow_job;

#endif
