/*
 * The seam to the seal maker 制章者, which comes later (GB/T 38540). Seals
 * whose images were approved wait in ra.seal as "ordered"; a maker takes them
 * from db_seal_ordered(), makes them and says so: of business SEAL by the event
 * seal-made, of others by db_seal_move(). Nothing else waits for it.
 *
 * What becomes of seals with their certificates and cases (domain.md, 1.6, 1.8
 * #19, 1.9 #11) is decided here, in the transaction of what causes it:
 * - new, reissue, change: activation orders those of the new form, and the
 *   revocation of the old certificate voids those it had;
 * - renew: installation orders those of the old certificate again, from the
 *   images that were approved, and its revocation voids them;
 * - seal: installation voids those of the same kind that were there;
 * - a revoked certificate has none.
 */
#ifndef RA_SEAL_MAKER_H
#define RA_SEAL_MAKER_H

#include "ra/case_effect.h"

/* EFFECT_SEAL: by business and event. */
bool seal_maker_effect(struct db *db, const struct case_effects *effects,
                       const struct db_case *row, struct error *err) MUST_CHECK;

/* A first seal for a certificate without one, another for one that has: 1.5.
 * *holds false: `why` says what to do. */
bool seal_maker_check(struct db *db, const struct db_case *row,
                      const json_t *fields, struct error *why, bool *holds,
                      struct error *err) MUST_CHECK;

#endif
