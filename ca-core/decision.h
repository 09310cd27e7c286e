/*
 * Decisions: the signatures of officers over an order's digest, judged against
 * the core's own register (promise 2: the RA cannot issue alone). Roles and
 * steps: docs/architecture.md, "The decision"; domain.md, 1.9 and 2.5.
 */
#ifndef CA_CORE_DECISION_H
#define CA_CORE_DECISION_H

#include "ca-core/api.h"
#include "db/officer.h"

enum {
    DECISION_AGE_MAX_S = 30 * 86400,
    /* A revocation waits for papers, or for a new certificate to be installed,
     * and an old wish to end one is still on the safe side. */
    DECISION_REVOCATION_AGE_MAX_S = 400 * 86400,
};

/* A credential with its key decoded. */
struct decision_credential {
    const struct db_credential *row; /* borrowed */
    struct api_verifier verifier;    /* borrowed */
};

/* The certificate by which a holder decides, if it is one that the order is
 * about: the predecessor, or a target (or one with the key) whose key all
 * targets have, or the other half of each. */
struct decision_holder {
    uint8_t credential_id[32]; /* SHA-256 of the certificate */
    EVP_PKEY *key;             /* borrowed */
    bool is_valid;             /* neither held nor revoked */
    bool is_allowed;           /* its profile says holder="renew" */
    int64_t not_before, not_after;
};

/* The hold in force on all that a release is about, if there is one hold and it
 * was for a pending order; and who decided it. */
struct decision_hold {
    uint8_t pending_digest[32];
    const char *officer_id, *person; /* borrowed */
};

/* All that a judgement looks at. Borrowed. */
struct decision_case {
    const struct api_envelope *envelope;
    const struct decision_credential *credential;
    size_t credential_count;
    const struct decision_holder *holder; /* NULL: none */
    const struct decision_hold *hold;     /* NULL: none */
    int64_t now, tolerance_s;
};

/* Names of the steps that an order needs at least; NULL at the end. Static.
 * (A renewal, and some revocations, may have step holder instead.) */
const char *const *decision_steps(const struct api_order *order);

/* Whether two personnel numbers name one human being: the last digit of GB
 * 11643 is written x and X. */
bool decision_same_person(const char *a, const char *b);

/* Whether the decisions are a holder's alone. */
bool decision_is_by_holder(const struct api_envelope *envelope);

/*
 * Pure. ERROR_DENIED tells why the decisions do not carry the order: a step
 * missing, twice or of another kind; a credential not in the register, revoked,
 * expired, of another officer; an officer dismissed or without the step's role;
 * one person in two steps; the applicant, or the officer whom the order is
 * about; a decision too old or of the future; a signature over anything else; a
 * device other than the one that the maker named, or not signed by it; a
 * transport key that its device does not vouch for; a holder of another
 * certificate; a release of what was held for another reason. ERROR_INPUT: a
 * transport key that nothing is wrapped for, or that is missing;
 * ERROR_CONFLICT: too late for activation.
 */
bool decision_judge(const struct decision_case *what,
                    struct error *err) MUST_CHECK;

#endif
