/*
 * What the RA writes into the log about accounts. Names and numbers stay in the
 * RA's own tables. Entries of cases: ra/case_step.h.
 */
#ifndef RA_ENTRY_H
#define RA_ENTRY_H

#include "db/entry.h"

/* Appends `account.created`. The last thing in its transaction. */
bool entry_account(struct db *db, const char *account, const char *officer_id,
                   int64_t at, struct error *err) MUST_CHECK;

/* Appends `account.created` or, for a record of an account that was there,
 * `account.changed`, by the host platform: revision and hash of the record. The
 * last thing in its transaction. */
bool entry_unit(struct db *db, const char *account, bool is_new, int revision,
                const uint8_t record_hash[32], int64_t at,
                struct error *err) MUST_CHECK;

#endif
