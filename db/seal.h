/*
 * Electronic seals 印章 as the RA keeps account of them: table ra.seal, one row
 * for each that a case had approved (domain.md, 1.6). What a seal contains is
 * the seal maker's business (ra/seal_maker.h).
 */
#ifndef DB_SEAL_H
#define DB_SEAL_H

#include "db/db.h"

/* Borrowed. */
struct db_seal {
    const char *number; /* of the case */
    const char *type;   /* "official", "contract" */
    const char *name;
    const char *account;
    const char *document;  /* id of the form with its two impressions */
    const char *issuer;    /* the certificate that it is for */
    const uint8_t *serial; /* 16 octets */
    const char *state;     /* "ordered", "signed", "installed", "void" */
    int64_t made_at;
};

/* One to be made: "ordered". One that the case has already stays as it is. */
bool db_seal_add(struct db *db, const struct db_seal *seal, int64_t at,
                 struct error *err) MUST_CHECK;
/* The seals of the old certificate, to be made again for the new one from the
 * images that were approved then. */
struct db_seal_again {
    const char *number; /* of the renewal */
    const char *old_issuer;
    const uint8_t *old_serial;
    const char *issuer;
    const uint8_t *serial;
};
bool db_seal_again(struct db *db, const struct db_seal_again *again, int64_t at,
                   struct error *err) MUST_CHECK;

/* Those of a case that are `from`; none is no error. */
bool db_seal_move(struct db *db, const char *number, const char *from,
                  const char *to, int64_t at, struct error *err) MUST_CHECK;
/* Void: those of a case; those whose place an installed one of this case has
 * taken; those of a certificate. */
bool db_seal_drop(struct db *db, const char *number, int64_t at,
                  struct error *err) MUST_CHECK;
bool db_seal_replaced(struct db *db, const char *number, int64_t at,
                      struct error *err) MUST_CHECK;
bool db_seal_end(struct db *db, const char *issuer, const uint8_t *serial,
                 int64_t at, struct error *err) MUST_CHECK;

/* Those of a certificate that are not void. */
bool db_seal_count(struct db *db, const char *issuer, const uint8_t *serial,
                   int64_t *out, struct error *err) MUST_CHECK;
/* Those to be made, oldest first; `each` gets rows for db_seal_read(). */
bool db_seal_ordered(struct db *db, size_t max, db_each *each, void *arg,
                     struct error *err) MUST_CHECK;
bool db_seal_read(const struct db_result *row, size_t at, struct db_seal *out,
                  struct error *err) MUST_CHECK;

#endif
