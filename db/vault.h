/* Data keys as they rest: wrapped by a key of the token. Table ra.data_key. */
#ifndef DB_VAULT_H
#define DB_VAULT_H

#include "db/db.h"

enum {
    DB_DATA_KEYS_MAX = 64,
    DB_DATA_KEY_ID_MAX = 32,      /* octets of a CKA_ID */
    DB_DATA_KEY_WRAPPED_MAX = 72, /* RFC 5649 of at most 64 octets */
};

struct db_data_key {
    int32_t id; /* from 1 */
    uint8_t kek_id[DB_DATA_KEY_ID_MAX];
    size_t kek_id_len;
    uint8_t wrapped[DB_DATA_KEY_WRAPPED_MAX];
    size_t wrapped_len;
};

/* *is_added is false when there is a key of this number already. */
bool db_data_key_add(struct db *db, const struct db_data_key *key, int64_t at,
                     bool *is_added, struct error *err) MUST_CHECK;

/* All of them, by number; `out` holds DB_DATA_KEYS_MAX. */
bool db_data_key_list(struct db *db, struct db_data_key *out, size_t *count,
                      struct error *err) MUST_CHECK;

#endif
