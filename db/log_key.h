/* Rows of ca.log_key: keys in the CA token that sign manifests of the log and
 * protocols of ceremonies. */
#ifndef DB_LOG_KEY_H
#define DB_LOG_KEY_H

#include "db/db.h"

enum { DB_LOG_KEY_SPKI_MAX = 1024 };

struct db_log_key {
    uint8_t key_id[32]; /* CKA_ID */
    size_t key_id_len;
    char scheme[33]; /* hsm/scheme.h */
    uint8_t spki[DB_LOG_KEY_SPKI_MAX];
    size_t spki_len;
};

/* Adds an active key; one that is there already is left as it is. */
bool db_log_key_insert(struct db *db, const struct db_log_key *key,
                       struct error *err) MUST_CHECK;

/* The active key. ERROR_NOT_FOUND if there is none, ERROR_INTERNAL if there
 * are several. */
bool db_log_key_get(struct db *db, struct db_log_key *out,
                    struct error *err) MUST_CHECK;

#endif
