/*
 * Codes that a person types: table ra.code. What they may do stands in
 * ra/code.h; here is counted what was tried and sent.
 */
#ifndef DB_CODE_H
#define DB_CODE_H

#include "db/db.h"

enum { DB_CODE_HASH_LEN = 32 };

struct db_code {
    const char *id; /* UUID */
    const char *number;
    const char *purpose;
    const uint8_t *hash;        /* 32 octets */
    const uint8_t *destination; /* 32 octets; NULL for none */
    int64_t expires_at;
    int tries;
    int64_t made_at;
};

/* In one transaction: locks what counts against the limit, so that two who ask
 * at once are counted one after the other. *last_at: when the last code of this
 * case and purpose was made, 0 if never. *nth_at: when the `nth` newest code
 * was made since `since`, to the same destination or (NULL) of this case and
 * purpose; 0 if there are fewer. */
bool db_code_recent(struct db *db, const char *number, const char *purpose,
                    const uint8_t *destination, int nth, int64_t since,
                    int64_t *last_at, int64_t *nth_at,
                    struct error *err) MUST_CHECK;

/* Voids what the case had for this purpose, and adds this one. */
bool db_code_add(struct db *db, const struct db_code *code,
                 struct error *err) MUST_CHECK;

/* Takes a try from the code that counts now; *is_found false when there is
 * none, or none left. Its hash and id are given to be judged. */
bool db_code_take(struct db *db, const char *number, const char *purpose,
                  int64_t at, bool *is_found, uint8_t hash[DB_CODE_HASH_LEN],
                  char id[37], struct error *err) MUST_CHECK;
/* A right one costs nothing. */
bool db_code_give_back(struct db *db, const char *id,
                       struct error *err) MUST_CHECK;
/* ERROR_CONFLICT when it is spent already. */
bool db_code_spend(struct db *db, const char *number, const char *purpose,
                   int64_t at, struct error *err) MUST_CHECK;

/* The case whose code of this purpose has this hash and counts now; "". */
bool db_code_find(struct db *db, const char *purpose,
                  const uint8_t hash[DB_CODE_HASH_LEN], int64_t at,
                  char *number, size_t max, struct error *err) MUST_CHECK;

#endif
