/*
 * The mark under the KMC's rows: a signature by its record key, which is in
 * `kgen`, over the canonical JSON (RFC 8785) of what must not change. OAEP and
 * key wrap do not say who wrapped: who knows the recovery key's public half can
 * make a blob that opens (feasibility.md, B4). So nothing is used, delivered or
 * opened whose mark does not verify.
 */
#ifndef CA_CORE_KMC_MARK_H
#define CA_CORE_KMC_MARK_H

#include "db/kmc_party.h"
#include "hsm/hsm.h"

#define MARK_KEY_ID "kmc-record"

struct mark {
    struct hsm *hsm;           /* borrowed */
    const struct hsm_key *key; /* hsm's */
};

/* The record key; `make`: makes it if there is none. ERROR_NOT_FOUND. */
bool mark_open(struct hsm *hsm, bool make, struct mark *out,
               struct error *err) MUST_CHECK;

/* Each _set fills the row's signature; each _check is ERROR_DENIED naming the
 * row when the mark is not right. */
bool mark_key_set(const struct mark *mark, struct db_kmc_key *key,
                  struct error *err) MUST_CHECK;
bool mark_key_check(const struct mark *mark, const struct db_kmc_key *key,
                    struct error *err) MUST_CHECK;
bool mark_recovery_key_set(const struct mark *mark,
                           struct db_kmc_recovery_key *key,
                           struct error *err) MUST_CHECK;
bool mark_recovery_key_check(const struct mark *mark,
                             const struct db_kmc_recovery_key *key,
                             struct error *err) MUST_CHECK;
bool mark_party_set(const struct mark *mark, struct db_kmc_party *party,
                    struct error *err) MUST_CHECK;
bool mark_party_check(const struct mark *mark, const struct db_kmc_party *party,
                      struct error *err) MUST_CHECK;

#endif
