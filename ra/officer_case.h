/*
 * How an officer comes into the CA's register, gets another credential, or
 * leaves it (design.md, "Officers"): an administrator opens a case; the person
 * invited makes a passkey in their browser; two administrators sign the order
 * for it, each with a credential of their own; then the order goes to the CA,
 * which judges it all again.
 *
 * invited -> ready -> approved -> sending -> done, or refused by the CA; and
 * withdrawn, before the second approval.
 */
#ifndef RA_OFFICER_CASE_H
#define RA_OFFICER_CASE_H

#include "base/webauthn.h"
#include "db/officer_case.h"
#include "ra/jobs.h"
#include "ra/officer.h"

enum { OFFICER_CASE_NAME_MAX = 128, OFFICER_CASE_RETRY_S = 20 };

struct officer_case_new {
    const char *kind;       /* "enroll-officer", ... */
    const char *name;       /* enroll-officer; */
    const char *person;     /* personnel number */
    const char *officer_id; /* of the others: the officer it is about */
    const json_t *roles;    /* enroll-officer: array of names */
};

/* Opens a case. Of dismiss-officer the order is ready at once and `ticket` is
 * ""; of the others `ticket` is what the invitation's link carries, shown once.
 * ERROR_INPUT for a wrong name or role, ERROR_NOT_FOUND for an officer who is
 * not there. */
bool officer_case_open(struct db *db, const json_t *register_rows,
                       const struct officer_case_new *what,
                       const char *invited_by, int64_t now, int64_t expires_at,
                       char id[TEXT_UUID_LEN + 1], char *ticket,
                       struct error *err) MUST_CHECK;

/* What the browser of who was invited needs; the caller clears `row`.
 * ERROR_NOT_FOUND for a ticket that is none any more. */
bool officer_case_invited(struct db *db, const char *ticket, int64_t now,
                          uint8_t challenge[32], struct db_officer_case *row,
                          struct error *err) MUST_CHECK;

/* The passkey that was made: the ticket is used up, the order is made. */
bool officer_case_credential(struct db *db, const char *id, const char *ticket,
                             const struct buf *attestation_object,
                             const struct buf *client_data, const char *rp_id,
                             const char *origin, int64_t now,
                             struct error *err) MUST_CHECK;

/* One administrator's approval. `state` gets the name of the new state: after
 * the second "sending", and the caller sends. ERROR_DENIED, ERROR_CONFLICT. */
bool officer_case_decide(struct db *db, const char *id,
                         const struct review_officer *officer,
                         const uint8_t *certificate, size_t certificate_len,
                         const struct api_decision *decision, int64_t now,
                         const char **state, struct error *err) MUST_CHECK;

bool officer_case_withdraw(struct db *db, const char *id, int64_t now,
                           struct error *err) MUST_CHECK;

/* Sends the order of a case in state sending. No answer is no failure: it stays
 * there. `state` gets the name of the state after it. */
bool officer_case_send(struct db *db, struct ca_client *ca, const char *id,
                       int64_t now, const char **state,
                       struct error *err) MUST_CHECK;

/* Sends again what had no answer, and sweeps tickets that ran out. */
ra_job_run officer_case_job;

/* For the list and for one; with the order, its digest and the decisions so far
 * when `is_whole`. The caller owns it. */
json_t *officer_case_json(const struct db_officer_case *row, bool is_whole);

#endif
