/* Orders about officers: enroll, dismiss, and enroll another credential,
 * decided by two business administrators. */
#ifndef CA_CORE_OFFICER_H
#define CA_CORE_OFFICER_H

#include "ca-core/accept.h"

bool officer_is_about(enum api_kind kind);

/* Whether the order can be carried out: the credential is a certificate or
 * passkey of a key that signs decisions, is of good quality, blocked for nobody
 * and in no other credential, and not expired; a passkey is of one of
 * `passkey_origins` (with spaces between); neither the person nor the id is
 * enrolled already, or the officer who gets another credential is active;
 * dismissing leaves two business administrators, without whom nobody could be
 * enrolled any more. ERROR_INPUT, ERROR_DENIED, ERROR_CONFLICT. */
bool officer_check(struct db *db, const struct api_order *order,
                   const char *passkey_origins, int64_t now,
                   struct error *err) MUST_CHECK;

/* Carries an accepted order out. ERROR_CONFLICT: the officer, the person or the
 * credential is there already, or is not active; with accept->is_known: the
 * order id is there. */
bool officer_run(struct db *db, struct accept *accept,
                 struct error *err) MUST_CHECK;

#endif
