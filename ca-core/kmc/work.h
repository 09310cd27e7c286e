/*
 * What an approved case opens the recovery token for. One case at a time, by
 * the jobs' thread, each with a process of its own (recovery.h).
 */
#ifndef CA_CORE_KMC_WORK_H
#define CA_CORE_KMC_WORK_H

#include <stdatomic.h>

#include "ca-core/kmc/service.h"

/* Runs the approved cases whose shares are here. Where one fails it ends as
 * aborted, and what a rotation has done stays done: the next goes on from
 * there. `is_stopping` ends a long one between two keys. */
bool work_run(struct kmc_service *service, struct db *db,
              const atomic_bool *is_stopping, struct error *err) MUST_CHECK;

#endif
