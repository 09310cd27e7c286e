/*
 * Certificates of holders, as the RA keeps them: table ra.holder_certificate.
 * What is so is in the CA core; these rows follow its answers.
 */
#ifndef DB_HOLDER_H
#define DB_HOLDER_H

#include "db/db.h"

enum { DB_HOLDER_SERIAL_LEN = 16 };

/* Borrowed from the caller on the way in, from `held` on the way out. */
struct db_holder {
    const char *issuer;
    const uint8_t *serial; /* 16 octets */
    int pair;              /* 1 signing, 2 encryption */
    const char *number;    /* the case that issued it */
    const char *account;
    const char *device; /* NULL: none */
    const uint8_t *der;
    size_t der_len;
    const uint8_t *issuer_der;
    size_t issuer_der_len;
    const uint8_t *spki_sha256; /* 32 octets */
    const char *state;          /* "valid", "held", "revoked" */
    const char *reason;         /* NULL: none */
    int64_t not_before, not_after;
    int64_t bound_at;         /* 0: not bound */
    const char *handler_case; /* handler of record; NULL: none */
    struct db_result *held;
};

bool db_holder_add(struct db *db, const struct db_holder *row, int64_t at,
                   struct error *err) MUST_CHECK;

/* Another state, of both halves of the pair: they move together (domain.md,
 * 1.6), whichever is named. A revoked one stays revoked; no row of ours is no
 * error: the CA knows more certificates than the RA. */
bool db_holder_change(struct db *db, const char *issuer,
                      const uint8_t serial[DB_HOLDER_SERIAL_LEN],
                      const char *state, const char *reason, int64_t at,
                      struct error *err) MUST_CHECK;

/* The handler of this case is the handler of record, of both halves. */
bool db_holder_handler(struct db *db, const char *issuer,
                       const uint8_t serial[DB_HOLDER_SERIAL_LEN],
                       const char *number, struct error *err) MUST_CHECK;

/* *found false when there is none. The caller clears `out`. */
bool db_holder_get(struct db *db, const char *issuer,
                   const uint8_t serial[DB_HOLDER_SERIAL_LEN], bool *found,
                   struct db_holder *out, struct error *err) MUST_CHECK;
/* The signing certificate of an account that is neither revoked nor expired. */
bool db_holder_live(struct db *db, const char *account, int64_t now,
                    bool *found, struct db_holder *out,
                    struct error *err) MUST_CHECK;
/* Whether the account ever had a certificate for encryption. */
bool db_holder_has_encryption(struct db *db, const char *account, bool *out,
                              struct error *err) MUST_CHECK;
/* What a case issued: both halves, for db_holder_read(). */
bool db_holder_of_case(struct db *db, const char *number, db_each *each,
                       void *arg, struct error *err) MUST_CHECK;
/* Those that are neither revoked nor expired and were not looked at since
 * `before`, the longest unseen first, the signing half of each pair; and that
 * one was. */
struct db_holder_due {
    char issuer[65];
    uint8_t serial[DB_HOLDER_SERIAL_LEN];
    char number[33]; /* of the case that issued it */
};
bool db_holder_due_list(struct db *db, int64_t now, int64_t before, size_t max,
                        struct db_holder_due *out, size_t *count,
                        struct error *err) MUST_CHECK;
bool db_holder_looked(struct db *db, const char *issuer,
                      const uint8_t serial[DB_HOLDER_SERIAL_LEN], int64_t at,
                      struct error *err) MUST_CHECK;
bool db_holder_read(const struct db_result *row, size_t at,
                    struct db_holder *out, struct error *err) MUST_CHECK;
void db_holder_clear(struct db_holder *row);

#endif
