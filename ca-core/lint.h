/*
 * Judges a certificate before it is signed. The TBSCertificate is signed with a
 * throw-away key of the same algorithm, so that what is judged is a complete
 * certificate and no unjudged signature of the CA ever exists. Rules: RFC 5280
 * and kin, then the profile.
 */
#ifndef CA_CORE_LINT_H
#define CA_CORE_LINT_H

#include "ca-core/profile.h"

enum {
    LINT_FINDINGS_MAX = 32,
    LINT_CLAUSE_MAX = 48,
    LINT_WHAT_MAX = 160,
};

struct finding {
    char clause[LINT_CLAUSE_MAX]; /* "RFC 5280, 4.2.1.3" */
    char what[LINT_WHAT_MAX];
};

struct findings {
    struct finding at[LINT_FINDINGS_MAX];
    size_t count; /* found; those past LINT_FINDINGS_MAX are only counted */
};

/* What is known of the issuer; NULL pointers to skip. Borrowed. */
struct lint_issuer {
    struct der subject;
    struct der key_id; /* its subjectKeyIdentifier */
    int64_t not_after;
};

/* Judges a whole certificate. `profile` NULL: RFC rules only; `issuer` NULL:
 * not known. True when nothing was found. */
bool lint_certificate(const struct profile *profile,
                      const struct lint_issuer *issuer, struct der certificate,
                      struct findings *out) MUST_CHECK;

/* Signs with the throw-away key and judges. ERROR_INPUT names the clause of
 * the first finding; ERROR_INTERNAL when the throw-away key fails.
 * Thread-safe. `out` may be NULL. */
bool lint_tbs(const struct profile *profile, const struct lint_issuer *issuer,
              struct der tbs, enum hsm_scheme scheme, struct findings *out,
              struct error *err) MUST_CHECK;

#endif
