/*
 * Decisions: the signatures of officers over an order's digest, judged against
 * the core's own register (promise 2: the RA cannot issue alone). Roles and
 * steps: docs/architecture.md, "The decision"; domain.md, 1.9 and 2.5.
 */
#ifndef CA_CORE_DECISION_H
#define CA_CORE_DECISION_H

#include "ca-core/api.h"
#include "db/officer.h"

enum { DECISION_AGE_MAX_S = 30 * 86400 };

/* A credential with its key decoded. */
struct decision_credential {
    const struct db_credential *row; /* borrowed */
    EVP_PKEY *key;                   /* borrowed */
};

/* Names of the steps that an order of this kind needs at least; NULL at the
 * end. Static. */
const char *const *decision_steps(enum api_kind kind);

/* Whether two personnel numbers name one human being: the last digit of GB
 * 11643 is written x and X. */
bool decision_same_person(const char *a, const char *b);

/*
 * Pure. ERROR_DENIED tells why the decisions do not carry the order: a step
 * missing, twice or of another kind; a credential not in the register, revoked,
 * expired, of another officer; an officer dismissed or without the step's role;
 * one person in two steps; the applicant, or the officer whom the order is
 * about; a decision too old or of the future; a signature over anything else.
 */
bool decision_judge(const struct api_envelope *envelope,
                    const uint8_t digest[32],
                    const struct decision_credential *credentials,
                    size_t credential_count, int64_t now, int64_t tolerance_s,
                    struct error *err) MUST_CHECK;

/* Whether one decision is signed over this order with this key; ERROR_DENIED
 * if not. For auditors, who have the log and not the register. */
bool decision_check_signature(const struct api_decision *decision,
                              const char *order_id, const uint8_t digest[32],
                              EVP_PKEY *key, struct error *err) MUST_CHECK;

/* Decoded keys, kept by credential: a certificate's key costs as much as two
 * verifications to decode. For one thread. */
struct decision_keys;
struct decision_keys *decision_keys_new(void);
void decision_keys_free(struct decision_keys *keys); /* NULL is nothing */

/* The certificates by which the decisions were verified, in their order: an
 * auditor needs them beside the signatures. */
struct decision_evidence {
    struct buf certificate[API_DECISIONS_MAX];
};
void decision_evidence_clear(struct decision_evidence *evidence);

/* Reads the register and judges. A certificate that cannot be read is
 * ERROR_INTERNAL. Clear `evidence` (zeroed first), whatever is returned. */
bool decision_verify(struct decision_keys *keys, struct db *db,
                     const struct api_envelope *envelope,
                     const uint8_t digest[32], int64_t now, int64_t tolerance_s,
                     struct decision_evidence *evidence,
                     struct error *err) MUST_CHECK;

/* Key and identifier of an X.509 credential. The caller frees the key. */
bool decision_credential_read(const uint8_t *certificate, size_t len,
                              EVP_PKEY **key, uint8_t id[32],
                              int64_t *not_before, int64_t *not_after,
                              struct error *err) MUST_CHECK;

#endif
