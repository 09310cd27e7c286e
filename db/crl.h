/* Rows of ca.crl, and what of ca.certificate a CRL lists. */
#ifndef DB_CRL_H
#define DB_CRL_H

#include <stddef.h>
#include <stdint.h>

#include "db/db.h"

/* What the next CRL of an issuer stands on. Absent numbers and times are 0. */
struct db_crl_base {
    int64_t head_index;  /* next index of the log */
    int64_t number;      /* highest number taken */
    int64_t this_update; /* of the newest that was signed */
    int64_t next_update;
    int64_t status_index; /* of the same */
    int64_t kept_from;    /* the newest signed before `before`: thisUpdate */
    int64_t kept_index;   /* and its status_index */
};

/* `before`: see kept_from. */
bool db_crl_base(struct db *db, int32_t issuer_id, int64_t before,
                 struct db_crl_base *out, struct error *err) MUST_CHECK;

struct db_crl_entry {
    const uint8_t *serial; /* borrowed */
    size_t serial_len;
    int64_t revoked_at;
    int32_t reason;
    int64_t invalid_from; /* 0: none */
};

/* What is held or revoked under this issuer and neither expired before
 * `kept_from` nor unchanged since `kept_index`, in the order of serials. */
typedef bool db_crl_each(const struct db_crl_entry *entry, void *arg,
                         struct error *err);
bool db_crl_entries(struct db *db, int32_t issuer_id, int64_t kept_from,
                    int64_t kept_index, db_crl_each *each, void *arg,
                    struct error *err) MUST_CHECK;

/* Whether the status of one of its certificates changed at `status_index` or
 * later. */
bool db_crl_is_changed(struct db *db, int32_t issuer_id, int64_t status_index,
                       bool *is_changed, struct error *err) MUST_CHECK;

struct db_crl {
    int32_t issuer_id;
    int64_t number;
    int64_t this_update;
    int64_t next_update;
    int64_t entries;
    int64_t status_index;
    uint8_t sha256[32];
};

/* Takes the number: a row without signature. ERROR_CONFLICT if it is taken. */
bool db_crl_reserve(struct db *db, const struct db_crl *crl,
                    struct error *err) MUST_CHECK;

/* Puts the signed CRL into its row; ERROR_CONFLICT if there is one. Octets of
 * the issuer's CRLs before the one before are dropped: nobody fetches them. */
bool db_crl_store(struct db *db, int32_t issuer_id, int64_t number,
                  const uint8_t *der, size_t len, const uint8_t sha256[32],
                  int64_t signed_at, struct error *err) MUST_CHECK;

/* The newest signed CRL; ERROR_NOT_FOUND if there is none. The caller clears
 * `der`. */
bool db_crl_newest(struct db *db, int32_t issuer_id, int64_t *number,
                   struct buf *der, struct error *err) MUST_CHECK;

#endif
