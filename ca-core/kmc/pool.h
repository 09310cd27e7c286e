/*
 * The standby pool 备用库: pairs made ahead, of each type that is asked for.
 * Their content keys are in kgen's session, so that they can be delivered, and
 * end with it; what is stored opens with the recovery key alone. So the pool is
 * this process's, has no rows, and begins empty. Thread-safe.
 */
#ifndef CA_CORE_KMC_POOL_H
#define CA_CORE_KMC_POOL_H

#include "db/kmc_key.h"
#include "hsm/escrow.h"

enum { POOL_MAX = 64 };

struct kmc_pool_options {
    struct hsm_escrow *escrow; /* borrowed */
    size_t min, max;           /* of each type; max <= POOL_MAX */
    bool is_kept[HSM_KEY_TYPE_COUNT];
};

struct kmc_pool;

void kmc_pool_new(const struct kmc_pool_options *options,
                  struct kmc_pool **out);
void kmc_pool_free(struct kmc_pool *pool); /* NULL is nothing */

/* For which recovery key pairs are made from now on; those for another are
 * destroyed. */
void kmc_pool_aim(struct kmc_pool *pool, const struct db_kmc_recovery_key *key);

/* A pair for the recovery key *recovery: from the pool, or made now. The caller
 * ends it with hsm_escrow_drop(). ERROR_BUSY before kmc_pool_aim(). */
bool kmc_pool_take(struct kmc_pool *pool, enum hsm_key_type type,
                   struct hsm_escrow_pair *out,
                   struct db_kmc_recovery_key *recovery,
                   struct error *err) MUST_CHECK;

/* Makes one pair where one is missing: a type that fell below the minimum is
 * filled to the maximum. *is_full: nothing was missing. */
bool kmc_pool_fill(struct kmc_pool *pool, bool *is_full,
                   struct error *err) MUST_CHECK;

/* By hand: every type that is kept is filled to the maximum, whatever there is.
 */
void kmc_pool_refill(struct kmc_pool *pool);

/* The most of a type that stand by; 0: none is made ahead. */
size_t kmc_pool_max(struct kmc_pool *pool, enum hsm_key_type type);
size_t kmc_pool_count(struct kmc_pool *pool, enum hsm_key_type type);

#endif
