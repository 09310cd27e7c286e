/* What the status service reads; see db/status.h. */
#include "db/status.h"

#include <string.h>

#include "db/sql_ocsp.h"

struct status_reader {
    db_status_each *each;
    void *arg;
};

static bool
read_status(const struct db_result *r, void *arg, struct error *err)
{
    const struct status_reader *reader = arg;
    struct db_status s;
    const uint8_t *serial;
    int32_t reason;
    size_t len;

    if (!db_read_int32(r, 0, 0, &s.issuer_id, err) ||
        !db_read_bytes(r, 0, 1, &serial, &len, err) ||
        !db_read_bool(r, 0, 2, &s.is_held, err) ||
        !db_read_bool(r, 0, 3, &s.is_revoked, err) ||
        !db_read_int32(r, 0, 4, &reason, err) ||
        !db_read_time_null(r, 0, 5, &s.revoked_at, err) ||
        !db_read_time_null(r, 0, 6, &s.invalid_from, err) ||
        !db_read_int64(r, 0, 7, &s.status_index, err))
        return false;
    if (len != sizeof s.serial || reason < 0 || reason > UINT8_MAX)
        return error_set(err, ERROR_INTERNAL,
                         "a status that no certificate can have");
    memcpy(s.serial, serial, sizeof s.serial);
    s.reason = (uint8_t)reason;
    return reader->each(&s, reader->arg, err);
}

bool
db_status_all(struct db *db, db_status_each *each, void *arg, struct error *err)
{
    struct status_reader reader = {each, arg};
    struct db_params p = {0};

    return db_stream(db, DB_OCSP_STATUS_ALL, &p, read_status, &reader, err);
}

bool
db_status_changes(struct db *db, int64_t after, db_status_each *each, void *arg,
                  struct error *err)
{
    struct status_reader reader = {each, arg};
    struct db_params p = {0};

    db_bind_int64(&p, after);
    return db_stream(db, DB_OCSP_STATUS_CHANGES, &p, read_status, &reader, err);
}

bool
db_status_head(struct db *db, int64_t *next_index, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    if (!db_query(db, DB_OCSP_LOG_HEAD, &p, &r, err))
        return error_wrap(err, "read the head of the log");
    ok = db_rows(r) == 1 ? db_read_int64(r, 0, 0, next_index, err)
                         : error_set(err, ERROR_INTERNAL,
                                     "the log lost its "
                                     "head");
    db_result_free(r);
    return ok;
}

static bool
read_bytes(const struct db_result *r, size_t row, int column,
           struct db_bytes *out, struct error *err)
{
    return db_read_bytes(r, row, column, &out->data, &out->len, err);
}

bool
db_status_issuers(struct db *db, db_status_issuer_each *each, void *arg,
                  struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct db_status_issuer issuer;
    bool ok = true;
    size_t row;

    if (!db_query(db, DB_OCSP_STATUS_ISSUERS, &p, &r, err))
        return error_wrap(err, "read issuers");
    for (row = 0; ok && row < db_rows(r); row++)
        ok = db_read_int32(r, row, 0, &issuer.issuer_id, err) &&
             db_read_text(r, row, 1, &issuer.name, err) &&
             read_bytes(r, row, 2, &issuer.subject, err) &&
             read_bytes(r, row, 3, &issuer.spki, err) &&
             read_bytes(r, row, 4, &issuer.certificate, err) &&
             db_read_bool(r, row, 5, &issuer.has_ocsp_key, err) &&
             each(&issuer, arg, err);
    db_result_free(r);
    return ok;
}

bool
db_status_signers(struct db *db, db_status_signer_each *each, void *arg,
                  struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct db_status_signer signer;
    bool ok = true;
    size_t row;

    if (!db_query(db, DB_OCSP_STATUS_SIGNERS, &p, &r, err))
        return error_wrap(err, "read OCSP signers");
    for (row = 0; ok && row < db_rows(r); row++)
        ok = db_read_int32(r, row, 0, &signer.issuer_id, err) &&
             read_bytes(r, row, 1, &signer.key_id, err) &&
             read_bytes(r, row, 2, &signer.spki, err) &&
             db_read_text(r, row, 3, &signer.scheme, err) &&
             read_bytes(r, row, 4, &signer.certificate, err) &&
             each(&signer, arg, err);
    db_result_free(r);
    return ok;
}

bool
db_status_crls(struct db *db, db_status_crl_each *each, void *arg,
               struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct db_status_crl crl;
    bool ok = true;
    size_t row;

    if (!db_query(db, DB_OCSP_STATUS_CRLS, &p, &r, err))
        return error_wrap(err, "read CRLs");
    for (row = 0; ok && row < db_rows(r); row++)
        ok = db_read_int32(r, row, 0, &crl.issuer_id, err) &&
             db_read_text(r, row, 1, &crl.issuer_name, err) &&
             db_read_int64(r, row, 2, &crl.number, err) &&
             db_read_time(r, row, 3, &crl.this_update, err) &&
             db_read_time(r, row, 4, &crl.next_update, err) &&
             each(&crl, arg, err);
    db_result_free(r);
    return ok;
}

bool
db_status_crl_get(struct db *db, int32_t issuer_id, int64_t number,
                  struct buf *der, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    const uint8_t *data;
    bool ok = false;
    size_t len;

    db_bind_int32(&p, issuer_id);
    db_bind_int64(&p, number);
    if (!db_query(db, DB_OCSP_STATUS_CRL_GET, &p, &r, err))
        return error_wrap(err, "read a CRL");
    if (db_rows(r) != 1)
        error_set(err, ERROR_NOT_FOUND, "no such CRL");
    else if (db_read_bytes(r, 0, 0, &data, &len, err)) {
        ok = buf_add(der, data, len);
        if (!ok)
            error_set(err, ERROR_INTERNAL, "a CRL of %zu octets is too long",
                      len);
    }
    db_result_free(r);
    return ok;
}
