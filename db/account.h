/* Accounts of the registration authority: table ra.account. */
#ifndef DB_ACCOUNT_H
#define DB_ACCOUNT_H

#include "db/db.h"

enum { DB_ACCOUNT_NAME_MAX = 64, DB_TOKEN_HASH_LEN = 32 };

struct db_account {
    char account[DB_ACCOUNT_NAME_MAX + 1];
    char created_by[37]; /* the officer's UUID; "": the host platform */
    int64_t created_at;
};

/* ERROR_CONFLICT when the name is taken. In a transaction with its entry. */
bool db_account_create(struct db *db, const char *account,
                       const uint8_t token_hash[DB_TOKEN_HASH_LEN],
                       const char *officer_id, int64_t at,
                       struct error *err) MUST_CHECK;

/* The account that this token opens; *is_known false if there is none. */
bool db_account_by_token(struct db *db,
                         const uint8_t token_hash[DB_TOKEN_HASH_LEN],
                         bool *is_known, struct db_account *out,
                         struct error *err) MUST_CHECK;

/* Up to `max` accounts whose names follow `after` ("": from the start). */
bool db_account_list(struct db *db, const char *after, size_t max,
                     struct db_account *out, size_t *count,
                     struct error *err) MUST_CHECK;

#endif
