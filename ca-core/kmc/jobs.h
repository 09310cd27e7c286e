/* The one thread beside the workers: expires cases, runs approved ones, fills
 * the standby pool. */
#ifndef CA_CORE_KMC_JOBS_H
#define CA_CORE_KMC_JOBS_H

#include "ca-core/kmc/service.h"

bool kmc_jobs_new(struct kmc_service *service, struct kmc_jobs **out,
                  struct error *err) MUST_CHECK;
/* There is something to do. NULL is nothing. */
void kmc_jobs_wake(struct kmc_jobs *jobs);
/* A long case ends between two keys. NULL is nothing. */
void kmc_jobs_free(struct kmc_jobs *jobs);

#endif
