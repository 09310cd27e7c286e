/* What the parts of signet-kmc share. */
#ifndef CA_CORE_KMC_SERVICE_H
#define CA_CORE_KMC_SERVICE_H

#include "base/config.h"
#include "base/http.h"
#include "ca-core/kmc/holding.h"
#include "ca-core/kmc/mark.h"
#include "ca-core/kmc/pool.h"
#include "ca-core/kmc/recovery.h"

struct kmc_jobs;

/* Nothing of it changes while threads run; what it points to locks itself. */
struct kmc_service {
    struct db_options db;
    struct mark mark;
    struct kmc_pool *pool;
    struct hsm_escrow *escrow;
    struct holding *holding;
    struct recovery_options recovery;
    int64_t case_s;        /* seconds that a case stays open */
    bool is_cms_open;      /* delivery of keys as CMS is allowed */
    struct kmc_jobs *jobs; /* NULL: none yet */
};

/* One thread's. */
struct kmc_worker {
    struct kmc_service *service; /* borrowed */
    struct db *db;
};

/* Aims the pool at the active recovery key, its mark checked. ERROR_NOT_FOUND
 * before `signet kmc init`. */
bool kmc_service_aim(struct kmc_service *service, struct db *db,
                     struct error *err) MUST_CHECK;

/* m, from the operators' rows, their marks checked. */
bool kmc_service_needed(const struct kmc_service *service, struct db *db,
                        int32_t *needed, struct error *err) MUST_CHECK;

#endif
