/* Judging decisions by what the database has: the register of officers, the
 * holder's certificate, the hold in force. */
#ifndef CA_CORE_DECISION_VERIFY_H
#define CA_CORE_DECISION_VERIFY_H

#include "ca-core/decision.h"
#include "ca-core/issuer.h"
#include "ca-core/profile.h"

/* Decoded keys, kept by credential: a certificate's key costs as much as two
 * verifications to decode. For one thread. */
struct decision_keys;
struct decision_keys *decision_keys_new(void);
void decision_keys_free(struct decision_keys *keys); /* NULL is nothing */

/* The credentials by which the decisions were verified, in their order, as
 * decision_key_read() takes them: an auditor needs them beside the signatures.
 */
struct decision_evidence {
    struct buf credential[API_DECISIONS_MAX];
};
void decision_evidence_clear(struct decision_evidence *evidence);

/* What is needed for it. Borrowed. */
struct decision_world {
    struct decision_keys *keys;
    struct db *db;
    const struct issuer_set *set;
    const struct profile_set *profiles;
    int64_t now, tolerance_s;
};

/* Reads and judges. A registered credential that cannot be read is
 * ERROR_INTERNAL. Clear `evidence` (zeroed first), whatever is returned. */
bool decision_verify(const struct decision_world *world,
                     const struct api_envelope *envelope,
                     struct decision_evidence *evidence,
                     struct error *err) MUST_CHECK;

#endif
