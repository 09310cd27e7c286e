/*
 * What the RA writes into the log: the change, who made it and what they
 * signed. Names, numbers and remarks stay in the RA's own tables; the hash of
 * the history's link ties them to the log.
 */
#ifndef RA_ENTRY_H
#define RA_ENTRY_H

#include "db/entry.h"
#include "ra/review.h"

/* Appends `account.created`. The last thing in its transaction. */
bool entry_account(struct db *db, const char *account, const char *officer_id,
                   int64_t at, struct error *err) MUST_CHECK;

/* Appends `application.<event>`. `order_id` NULL before there is one;
 * `decision` NULL when no officer decided. The last thing in its transaction.
 */
bool entry_application(struct db *db, const struct application_step *step,
                       const char *account, const char *order_id,
                       const struct review_decision *decision,
                       const uint8_t history_hash[32],
                       struct error *err) MUST_CHECK;

#endif
