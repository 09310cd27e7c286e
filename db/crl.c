/* Rows of ca.crl; see db/crl.h. */
#include "db/crl.h"

#include <string.h>

#include "db/sql_ca.h"

bool
db_crl_base(struct db *db, int32_t issuer_id, int64_t before,
            struct db_crl_base *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_int32(&p, issuer_id);
    db_bind_time(&p, before);
    ok = db_query(db, DB_CRL_BASE, &p, &r, err) &&
         db_read_int64(r, 0, 0, &out->head_index, err) &&
         db_read_int64(r, 0, 1, &out->number, err) &&
         db_read_int64(r, 0, 2, &out->this_update, err) &&
         db_read_int64(r, 0, 3, &out->next_update, err) &&
         db_read_int64(r, 0, 4, &out->status_index, err) &&
         db_read_int64(r, 0, 5, &out->kept_from, err) &&
         db_read_int64(r, 0, 6, &out->kept_index, err);
    db_result_free(r);
    return ok || error_wrap(err, "look up the last CRL");
}

struct entries {
    db_crl_each *each;
    void *arg;
};

static bool
read_entry(const struct db_result *row, void *arg, struct error *err)
{
    const struct entries *entries = arg;
    struct db_crl_entry entry;

    if (!db_read_bytes(row, 0, 0, &entry.serial, &entry.serial_len, err) ||
        !db_read_int64(row, 0, 1, &entry.revoked_at, err) ||
        !db_read_int32(row, 0, 2, &entry.reason, err) ||
        !db_read_int64(row, 0, 3, &entry.invalid_from, err))
        return false;
    return entries->each(&entry, entries->arg, err);
}

bool
db_crl_entries(struct db *db, int32_t issuer_id, int64_t kept_from,
               int64_t kept_index, db_crl_each *each, void *arg,
               struct error *err)
{
    struct db_params p = {0};
    struct entries entries = {each, arg};

    db_bind_int32(&p, issuer_id);
    db_bind_time(&p, kept_from);
    db_bind_int64(&p, kept_index);
    return db_stream(db, DB_CRL_ENTRIES, &p, read_entry, &entries, err) ||
           error_wrap(err, "read the revoked certificates");
}

bool
db_crl_is_changed(struct db *db, int32_t issuer_id, int64_t status_index,
                  bool *is_changed, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_int32(&p, issuer_id);
    db_bind_int64(&p, status_index);
    ok = db_query(db, DB_CRL_IS_CHANGED, &p, &r, err) &&
         db_read_bool(r, 0, 0, is_changed, err);
    db_result_free(r);
    return ok || error_wrap(err, "look for changes since the last CRL");
}

bool
db_crl_reserve(struct db *db, const struct db_crl *crl, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_int32(&p, crl->issuer_id);
    db_bind_int64(&p, crl->number);
    db_bind_time(&p, crl->this_update);
    db_bind_time(&p, crl->next_update);
    db_bind_int64(&p, crl->entries);
    db_bind_int64(&p, crl->status_index);
    db_bind_bytes(&p, crl->sha256, sizeof crl->sha256);
    return db_exec(db, DB_CRL_RESERVE, &p, &changed, err) ||
           error_wrap(err, "take CRL number %lld", (long long)crl->number);
}

bool
db_crl_store(struct db *db, int32_t issuer_id, int64_t number,
             const uint8_t *der, size_t len, const uint8_t sha256[32],
             int64_t signed_at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_int32(&p, issuer_id);
    db_bind_int64(&p, number);
    db_bind_bytes(&p, der, len);
    db_bind_bytes(&p, sha256, 32);
    db_bind_time(&p, signed_at);
    if (!db_exec(db, DB_CRL_STORE, &p, &changed, err))
        return error_wrap(err, "store CRL %lld", (long long)number);
    if (changed != 1)
        return error_set(err, ERROR_CONFLICT, "CRL %lld is not to be signed",
                         (long long)number);
    db_bind_int32(&p, issuer_id);
    db_bind_int64(&p, number);
    return db_exec(db, DB_CRL_OUTLIVE, &p, &changed, err) ||
           error_wrap(err, "drop the CRLs before %lld", (long long)number);
}

bool
db_crl_newest(struct db *db, int32_t issuer_id, int64_t *number,
              struct buf *der, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    const uint8_t *data;
    size_t len;
    bool ok = false;

    db_bind_int32(&p, issuer_id);
    if (!db_query(db, DB_CRL_NEWEST, &p, &r, err))
        return error_wrap(err, "get the newest CRL");
    if (db_rows(r) == 0) {
        error_set(err, ERROR_NOT_FOUND, "this issuer has no CRL yet");
        goto out;
    }
    if (!db_read_int64(r, 0, 0, number, err) ||
        !db_read_bytes(r, 0, 1, &data, &len, err))
        goto out;
    ok = buf_add(der, data, len) ||
         error_set(err, ERROR_INTERNAL, "CRL longer than %zu octets",
                   der->limit);
out:
    db_result_free(r);
    return ok;
}
