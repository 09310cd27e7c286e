/*
 * Officers' decisions on cases. An approval signs the statement that the CA
 * core judges (ca-core/api.h); return, rejection and supplement sign the same
 * statement with another verdict and the remark in it. A decision is signed
 * with a certificate's key or with a passkey.
 *
 *   step           role             state                       verdicts
 *   entry          intake clerk     awaiting-originals,         approve
 *                                   supplement
 *   first-review   first reviewer   first-review, in-review     approve,
 *                                                               return, reject
 *   second-review  second reviewer  second-review               approve,
 *                                                               supplement,
 *                                                               reject
 *   making         maker            while a device is made      approve
 *
 * All officers of a revision are different people, by officer id and by person,
 * and none is the handler (design.md, promise 2; domain.md, 1.9 #2). The CA
 * core asks the same again.
 */
#ifndef RA_CASE_REVIEW_H
#define RA_CASE_REVIEW_H

#include "ca-core/api.h"
#include "db/case_file.h"
#include "ra/case.h"

struct business;
struct review_officer;

struct case_decided {
    const char *step;    /* "first-review", ... */
    const char *verdict; /* "approve", "return", "reject", "supplement" */
    const char *officer_id;
    const char *person;
    const uint8_t *credential_id; /* 32 octets */
    int64_t decided_at;
    const char *remark;      /* "" with an approval */
    const uint8_t *decision; /* canonical JSON, as the core takes it */
    size_t decision_len;
    const uint8_t *statement; /* canonical JSON, as signed */
    size_t statement_len;
};

/* The row of a decision on the case's revision, which is locked. */
bool case_decided_add(struct db *db, const struct db_case *row,
                      const struct case_decided *decided,
                      struct error *err) MUST_CHECK;

enum {
    /* The CA takes no older decision (docs/architecture.md, "The decision"). */
    CASE_DECISION_AGE_MAX_S = 30 * 86400,
    CASE_DECISION_TOLERANCE_S = 300,
};

/* What came in: the decision, with "remarks" {field: text} and "checks"
 * {name: true|false} of the page beside it, which nobody signs. */
struct case_review {
    struct api_decision decision;
    json_t *detail; /* {"remarks"?, "checks"?}; NULL if neither; owned */
};
/* ERROR_INPUT names the member. The caller clears `out`. */
bool case_review_parse(const json_t *object, struct case_review *out,
                       struct error *err) MUST_CHECK;
void case_review_clear(struct case_review *review);

/* Verifies a decision and carries it out; `certificate` is the DER that TLS
 * showed, or NULL. The same decision again gives the same answer. `to` gets the
 * state. ERROR_DENIED: not the role, the person, the signature; ERROR_CONFLICT:
 * not in this state, or the case changed meanwhile. */
bool case_review_decide(const struct business *business, struct db *db,
                        const char *number, const struct case_review *review,
                        const struct review_officer *officer,
                        const uint8_t *certificate, size_t certificate_len,
                        int64_t at, enum case_state *to,
                        struct error *err) MUST_CHECK;

/* Pure: whether this officer may take this step at `now`: active, with the
 * role, with the credential that signed, in time. ERROR_DENIED. */
bool case_review_officer_check(const struct api_decision *decision,
                               const struct review_officer *officer,
                               int64_t now, struct error *err) MUST_CHECK;

#endif
