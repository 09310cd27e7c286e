/* Numbers of signed calls that came in: table ra.nonce. */
#ifndef DB_NONCE_H
#define DB_NONCE_H

#include "db/db.h"

/* In the transaction of what the call does. ERROR_CONFLICT when it came before;
 * numbers older than `forget_s` before `at` are forgotten: by then the time of
 * the call refuses it. */
bool db_nonce_spend(struct db *db, const char *sender, const char *nonce,
                    int64_t at, int64_t forget_s, struct error *err) MUST_CHECK;

#endif
