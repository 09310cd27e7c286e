/*
 * Orders that change certificates: hold, release, revoke; one certificate, a
 * list of up to 10,000, or all with one key. A key that was revoked by itself,
 * or as compromised, is blocked for ever: nothing with it is certified again.
 * All or nothing: one certificate that is not in the state for it refuses the
 * order, and the refusal names it.
 */
#ifndef CA_CORE_REVOKE_H
#define CA_CORE_REVOKE_H

#include "ca-core/accept.h"
#include "ca-core/issuer.h"

/* What an order would change, for `orders/check`. The caller frees *out. By
 * key, certificates that are revoked already are left out, unless the reason
 * rises. ERROR_NOT_FOUND names a target that is not there, ERROR_CONFLICT one
 * that is not in the state for it. */
bool revoke_check(struct db *db, const struct issuer_set *set,
                  const struct api_order *order, int64_t now,
                  struct db_certificate_change **out, size_t *count,
                  struct error *err) MUST_CHECK;

/* Carries an accepted order out. ERROR_CONFLICT with accept->is_known when the
 * order id is there. */
bool revoke_run(struct db *db, const struct issuer_set *set,
                struct accept *accept, struct error *err) MUST_CHECK;

#endif
