/*
 * Decisions on applications. An approval is the very decision that the CA core
 * will judge (ca-core/api.h); a return or a rejection stays with the RA and
 * signs the same statement with another verdict and the remark in it, so that
 * neither can be taken for the other.
 */
#ifndef RA_REVIEW_H
#define RA_REVIEW_H

#include <openssl/evp.h>

#include "ca-core/api.h"
#include "ra/application.h"
#include "ra/officer.h"

enum review_verdict {
    REVIEW_APPROVE,
    REVIEW_RETURN,
    REVIEW_REJECT,
    REVIEW_VERDICT_COUNT,
};

enum {
    REVIEW_REMARK_MAX = 1000, /* octets */
    /* The CA takes no older decision (docs/architecture.md, "The decision").
     */
    REVIEW_DECISION_AGE_MAX_S = 30 * 86400,
    REVIEW_CLOCK_TOLERANCE_S = 300,
};

struct review_decision {
    enum review_verdict verdict;
    struct api_decision signed_part;    /* step, officer, time, signature */
    char remark[REVIEW_REMARK_MAX + 1]; /* "" with an approval */
};

/* What is already decided about this revision. */
struct review_earlier {
    size_t count;
    struct {
        char step[24];
        char person[129];
        int64_t decided_at;
    } at[API_STEP_COUNT];
};

const char *review_verdict_name(enum review_verdict verdict);

/* The decision as it is sent: members of an approval, and "remark" for the
 * others. ERROR_INPUT names the member. */
bool review_decision_parse(const json_t *object, struct review_decision *out,
                           struct error *err) MUST_CHECK;
json_t *review_decision_json(const struct review_decision *decision);

/* The octets that are signed. */
bool review_statement_encode(const struct review_decision *decision,
                             const char *order_id, const uint8_t digest[32],
                             struct buf *out, struct error *err) MUST_CHECK;

/* Signs with the officer's key, for the command line: fills in credential and
 * signature; step, officer, time, verdict and remark are given. */
bool review_decision_sign(struct review_decision *decision,
                          const char *order_id, const uint8_t digest[32],
                          const uint8_t *certificate, size_t certificate_len,
                          EVP_PKEY *key, struct error *err) MUST_CHECK;

/* The signature over the statement with the certificate's key. ERROR_DENIED. */
bool review_signature_verify(const struct review_decision *decision,
                             const struct buf *statement,
                             const uint8_t *certificate, size_t certificate_len,
                             struct error *err) MUST_CHECK;

/* Role, person and time (promise 2 of the design; the CA asks the same again):
 * the officer is active, has the step's role, is the signer, is not the
 * applicant and decided no earlier step. ERROR_DENIED, or ERROR_CONFLICT for
 * earlier decisions that have grown too old. */
bool review_officer_check(const struct review_decision *decision,
                          const struct review_officer *officer,
                          const char *applicant_person,
                          const struct review_earlier *earlier, int64_t now,
                          struct error *err) MUST_CHECK;

/* What a decision does to an application in this state. */
bool review_transition_get(const struct review_decision *decision,
                           enum application_state from,
                           const struct application_transition **out,
                           struct error *err) MUST_CHECK;

#endif
