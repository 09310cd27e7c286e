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

/* What an officer signed, for an entry. */
struct entry_decision {
    const struct review_decision *decision;
    const uint8_t *certificate; /* DER */
    size_t certificate_len;
};

/* Appends `application.<event>`. `order_id` NULL before there is one;
 * `decided` NULL when no officer decided. An approval is written as the core
 * writes decisions ("decisions": ca-core/entry.h), so one check serves all. A
 * return or rejection is told without its remark. The last thing in its
 * transaction. */
bool entry_application(struct db *db, const struct application_step *step,
                       const char *account, const char *order_id,
                       const struct entry_decision *decided,
                       const uint8_t history_hash[32],
                       struct error *err) MUST_CHECK;

#endif
