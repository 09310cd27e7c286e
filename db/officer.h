/* Rows of ca.officer, ca.officer_role and ca.credential: the register of those
 * whose decisions the core believes. */
#ifndef DB_OFFICER_H
#define DB_OFFICER_H

#include "db/db.h"

/* Officers read with their roles and credentials; owns its texts. */
struct db_officer {
    char officer_id[37];
    char *name;
    char *person;
    bool is_active;
    int64_t since;
    int64_t until; /* 0: open */
    char *roles;   /* names with ',' between, sorted */
};

/* A credential and the officer whom it belongs to; owns its texts. */
struct db_credential {
    uint8_t credential_id[32];
    uint8_t *public_data; /* x509: the DER certificate; passkey: its JSON */
    size_t public_data_len;
    char *kind;
    bool is_active;
    int64_t not_before;
    int64_t not_after;
    struct db_officer officer;
};

/* The credentials among `ids` that exist, in no order. */
bool db_credential_list(struct db *db, const uint8_t (*ids)[32], size_t count,
                        struct db_credential **out, size_t *found,
                        struct error *err) MUST_CHECK;
/* Every credential, oldest first. */
bool db_credential_all(struct db *db, struct db_credential **out, size_t *found,
                       struct error *err) MUST_CHECK;
/* How many of the certificates, by issuer and serial, are credentials of
 * officers who are not dismissed. */
bool db_credential_among(struct db *db, const int64_t *issuer_ids,
                         const struct db_bytes *serials, size_t count,
                         int64_t *found, struct error *err) MUST_CHECK;
void db_credentials_free(struct db_credential *credentials, size_t count);

/* All officers by name. */
bool db_officer_list(struct db *db, struct db_officer **out, size_t *count,
                     struct error *err) MUST_CHECK;
void db_officers_free(struct db_officer *officers, size_t count);

/* Adds an active officer; ERROR_CONFLICT when the id, or the person, is there
 * already (one human being, one row). */
bool db_officer_insert(struct db *db, const char *officer_id, const char *name,
                       const char *person, int64_t since,
                       struct error *err) MUST_CHECK;
bool db_officer_add_role(struct db *db, const char *officer_id,
                         const char *role, struct error *err) MUST_CHECK;
bool db_credential_insert(struct db *db, const uint8_t credential_id[32],
                          const char *officer_id, const char *kind,
                          const uint8_t *public_data, size_t len,
                          int64_t not_before, int64_t not_after,
                          struct error *err) MUST_CHECK;

/* active -> dismissed, and the officer's credentials active -> revoked.
 * ERROR_CONFLICT unless there is one and active. */
bool db_officer_dismiss(struct db *db, const char *officer_id, int64_t until,
                        struct error *err) MUST_CHECK;

/* Takes the lock of an active officer's row until the end of the transaction.
 * ERROR_CONFLICT: there is none. */
bool db_officer_lock(struct db *db, const char *officer_id,
                     struct error *err) MUST_CHECK;

/* How many active officers hold the role. */
bool db_officer_count_role(struct db *db, const char *role, int64_t *count,
                           struct error *err) MUST_CHECK;

#endif
