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

/* Appends `account.created` or, for a record of an account that was there,
 * `account.changed`, by the host platform: revision and hash of the record. The
 * last thing in its transaction. */
bool entry_unit(struct db *db, const char *account, bool is_new, int revision,
                const uint8_t record_hash[32], int64_t at,
                struct error *err) MUST_CHECK;

/* What an officer signed, for an entry. */
struct entry_decision {
    const struct review_decision *decision;
    const uint8_t *certificate; /* DER */
    size_t certificate_len;
};

/* Appends `application.<event>`. `order_id` NULL before there is one;
 * `decided` NULL when no officer decided. What an officer decided stands there
 * as "decision", with the certificate and, of an approval, the statement that
 * was signed, so its signature can be checked from the entry alone. The order
 * itself does not: it names people, and what was rejected is nobody's business
 * for ever; once the CA takes it, order.accepted holds it with all decisions.
 * A statement with a remark stays in the history too. The last thing in its
 * transaction. */
bool entry_application(struct db *db, const struct application_step *step,
                       const char *account, const char *order_id,
                       const struct entry_decision *decided,
                       const uint8_t history_hash[32],
                       struct error *err) MUST_CHECK;

#endif
