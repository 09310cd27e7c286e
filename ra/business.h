/*
 * Carries the business NEW out: every change of an application is one
 * transaction that holds the new state, the decision, the link of its history
 * and the entry of the log, or nothing.
 */
#ifndef RA_BUSINESS_H
#define RA_BUSINESS_H

#include "ra/ca_client.h"
#include "ra/review.h"

/* Opens an account for a unit: the row and its entry `account.created`. */
bool business_account(struct db *db, const char *account,
                      const uint8_t token_hash[32], const char *officer_id,
                      int64_t at, struct error *err) MUST_CHECK;

/* ---- What applicants do. Another account's number is ERROR_NOT_FOUND. ---- */

bool business_create(struct db *db,
                     const struct db_application_content *content, int64_t at,
                     char number[DB_APPLICATION_NUMBER_MAX + 1],
                     struct error *err) MUST_CHECK;

bool business_edit(struct db *db, const char *number, int revision,
                   const struct db_application_content *content, int64_t at,
                   struct error *err) MUST_CHECK;

/* Locks the fields and makes the order of this revision. */
bool business_submit(struct db *db, const char *account, const char *number,
                     int64_t at, struct error *err) MUST_CHECK;

bool business_withdraw(struct db *db, const char *account, const char *number,
                       int64_t at, struct error *err) MUST_CHECK;

/* ---- What officers do ---------------------------------------------------- */

/* Verifies a decision and carries it out. Before an entry the CA is asked
 * whether it would issue, so that problems show while they are cheap. `to`
 * gets the new state. */
bool business_decide(struct db *db, struct ca_client *ca, const char *number,
                     const struct review_decision *decision,
                     const struct review_officer *officer,
                     const uint8_t *certificate, size_t certificate_len,
                     int64_t at, enum application_state *to,
                     struct error *err) MUST_CHECK;

/* The decisions of the current revision as JSON (review_decision_json). The
 * caller owns *out, an array. */
bool business_decisions(struct db *db, const char *number, int revision,
                        json_t **out, struct error *err) MUST_CHECK;

/* ---- What the CA's answer does ------------------------------------------- */

/* Sends the order of an application that is issuing, and carries out what
 * comes back. No answer is no failure: the application stays issuing, and is
 * sent again. False only when our own database could not be asked. */
bool business_send(struct db *db, struct ca_client *ca, const char *number,
                   int64_t at, struct error *err) MUST_CHECK;

/* Seconds until the next try after `send_count` of them. */
int64_t business_send_wait_s(int send_count);

/* Whether a certificate is for the request's key. */
bool business_is_for_request(const uint8_t *certificate, size_t certificate_len,
                             const uint8_t *csr, size_t csr_len);

#endif
