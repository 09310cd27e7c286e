/*
 * Rows of ca.issuer: the certification authorities whose keys we hold. One row
 * for each key and name; a new generation is a new row.
 */
#ifndef DB_ISSUER_H
#define DB_ISSUER_H

#include "db/db.h"

enum db_issuer_state {
    DB_ISSUER_PLANNED,  /* key made, certificate not there yet */
    DB_ISSUER_ACTIVE,   /* issues */
    DB_ISSUER_RETIRED,  /* issues no more; CRLs and OCSP go on */
    DB_ISSUER_CRL_ONLY, /* key kept for its last CRLs alone */
    DB_ISSUER_STATE_COUNT,
};

enum { DB_ISSUER_NAME_MAX = 64, DB_ISSUER_ID_MAX = 32 };

/* Owns its octets. */
struct db_issuer {
    int32_t issuer_id;
    char name[DB_ISSUER_NAME_MAX + 1];
    enum db_issuer_state state;
    bool is_root;
    int32_t generation;
    char token[33];
    uint8_t key_id[DB_ISSUER_ID_MAX];
    size_t key_id_len;
    char key_type[33]; /* hsm/scheme.h */
    char scheme[33];   /* hsm/scheme.h */
    uint8_t *subject;  /* DER Name */
    size_t subject_len;
    uint8_t *spki;
    size_t spki_len;
    uint8_t *certificate; /* DER; NULL while planned */
    size_t certificate_len;
    int64_t not_after; /* 0 while planned */
    int32_t parent_id; /* 0: none */
    int64_t created_at;
};

const char *db_issuer_state_name(enum db_issuer_state state);
bool db_issuer_state_find(const char *name,
                          enum db_issuer_state *out) MUST_CHECK;

/* All rows by issuer_id. The caller frees with db_issuers_free(). */
bool db_issuer_list(struct db *db, struct db_issuer **out, size_t *count,
                    struct error *err) MUST_CHECK;
void db_issuers_free(struct db_issuer *issuers, size_t count);

/* Adds a row (issuer_id is given by the database and put into the struct).
 * ERROR_CONFLICT when the name is taken. */
bool db_issuer_insert(struct db *db, struct db_issuer *issuer,
                      struct error *err) MUST_CHECK;

/* Gives a planned issuer its certificate and makes it `state`. ERROR_CONFLICT
 * unless it was planned. */
bool db_issuer_certify(struct db *db, int32_t issuer_id,
                       const uint8_t *certificate, size_t len,
                       int64_t not_after, enum db_issuer_state state,
                       struct error *err) MUST_CHECK;

/* ERROR_CONFLICT unless the row is in state `from`. */
bool db_issuer_move(struct db *db, int32_t issuer_id, enum db_issuer_state from,
                    enum db_issuer_state to, struct error *err) MUST_CHECK;

#endif
