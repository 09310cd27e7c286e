/* Certificates of holders: db/holder.h. */
#include "db/holder.h"

#include <string.h>

#include "db/sql_ra.h"

bool
db_holder_add(struct db *db, const struct db_holder *row, int64_t at,
              struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, row->issuer);
    db_bind_bytes(&p, row->serial, DB_HOLDER_SERIAL_LEN);
    db_bind_int32(&p, row->pair);
    db_bind_text(&p, row->number);
    db_bind_text(&p, row->account);
    db_bind_text(&p, row->device);
    db_bind_bytes(&p, row->der, row->der_len);
    db_bind_bytes(&p, row->issuer_der, row->issuer_der_len);
    db_bind_bytes(&p, row->spki_sha256, 32);
    db_bind_time(&p, row->not_before);
    db_bind_time(&p, row->not_after);
    db_bind_time(&p, at);
    db_bind_text(&p, row->handler_case);
    return db_exec(db, DB_RA_HOLDER_ADD, &p, &changed, err) ||
           error_wrap(err, "certificate of %s", row->number);
}

bool
db_holder_change(struct db *db, const char *issuer,
                 const uint8_t serial[DB_HOLDER_SERIAL_LEN], const char *state,
                 const char *reason, int64_t at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, issuer);
    db_bind_bytes(&p, serial, DB_HOLDER_SERIAL_LEN);
    db_bind_text(&p, state);
    db_bind_text(&p, reason);
    db_bind_time(&p, at);
    return db_exec(db, DB_RA_HOLDER_CHANGE, &p, &changed, err) ||
           error_wrap(err, "state of a certificate");
}

bool
db_holder_handler(struct db *db, const char *issuer,
                  const uint8_t serial[DB_HOLDER_SERIAL_LEN],
                  const char *number, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, issuer);
    db_bind_bytes(&p, serial, DB_HOLDER_SERIAL_LEN);
    db_bind_text(&p, number);
    return db_exec(db, DB_RA_HOLDER_HANDLER, &p, &changed, err) ||
           error_wrap(err, "handler of record");
}

bool
db_holder_read(const struct db_result *r, size_t at, struct db_holder *out,
               struct error *err)
{
    size_t serial_len = 0;
    size_t spki_len = 0;
    int32_t pair = 0;

    memset(out, 0, sizeof *out);
    if (!db_read_text(r, at, 0, &out->issuer, err) ||
        !db_read_bytes(r, at, 1, &out->serial, &serial_len, err) ||
        !db_read_int32(r, at, 2, &pair, err) ||
        !db_read_text(r, at, 3, &out->number, err) ||
        !db_read_text(r, at, 4, &out->account, err) ||
        !db_read_text_null(r, at, 5, &out->device, err) ||
        !db_read_bytes(r, at, 6, &out->der, &out->der_len, err) ||
        !db_read_bytes(r, at, 7, &out->issuer_der, &out->issuer_der_len, err) ||
        !db_read_bytes(r, at, 8, &out->spki_sha256, &spki_len, err) ||
        !db_read_text(r, at, 9, &out->state, err) ||
        !db_read_text_null(r, at, 10, &out->reason, err) ||
        !db_read_time(r, at, 11, &out->not_before, err) ||
        !db_read_time(r, at, 12, &out->not_after, err) ||
        !db_read_time_null(r, at, 13, &out->bound_at, err) ||
        !db_read_text_null(r, at, 14, &out->handler_case, err))
        return false;
    out->pair = pair;
    return (serial_len == DB_HOLDER_SERIAL_LEN && spki_len == 32) ||
           error_set(err, ERROR_INTERNAL, "certificate row not understood");
}

static bool
find(struct db *db, size_t statement, struct db_params *p, bool *found,
     struct db_holder *out, struct error *err)
{
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    if (!db_query(db, statement, p, &r, err))
        return error_wrap(err, "certificate of a holder");
    *found = db_rows(r) == 1;
    if (!*found) {
        db_result_free(r);
        return true;
    }
    if (!db_holder_read(r, 0, out, err)) {
        db_result_free(r);
        memset(out, 0, sizeof *out);
        return false;
    }
    out->held = r;
    return true;
}

bool
db_holder_get(struct db *db, const char *issuer,
              const uint8_t serial[DB_HOLDER_SERIAL_LEN], bool *found,
              struct db_holder *out, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, issuer);
    db_bind_bytes(&p, serial, DB_HOLDER_SERIAL_LEN);
    return find(db, DB_RA_HOLDER_GET, &p, found, out, err);
}

bool
db_holder_has_encryption(struct db *db, const char *account, bool *out,
                         struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_text(&p, account);
    if (!db_query(db, DB_RA_HOLDER_HAS_ENCRYPTION, &p, &r, err))
        return error_wrap(err, "certificates of %s", account);
    ok = db_read_bool(r, 0, 0, out, err);
    db_result_free(r);
    return ok;
}

bool
db_holder_live(struct db *db, const char *account, int64_t now, bool *found,
               struct db_holder *out, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, account);
    db_bind_time(&p, now);
    return find(db, DB_RA_HOLDER_LIVE, &p, found, out, err);
}

bool
db_holder_of_case(struct db *db, const char *number, db_each *each, void *arg,
                  struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    return db_stream(db, DB_RA_HOLDER_OF_CASE, &p, each, arg, err);
}

void
db_holder_clear(struct db_holder *row)
{
    db_result_free(row->held);
    memset(row, 0, sizeof *row);
}

bool
db_holder_due_list(struct db *db, int64_t now, int64_t before, size_t max,
                   struct db_holder_due *out, size_t *count, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = true;

    db_bind_time(&p, now);
    db_bind_time(&p, before);
    db_bind_int64(&p, (int64_t)max);
    if (!db_query(db, DB_RA_HOLDER_DUE, &p, &r, err))
        return error_wrap(err, "certificates to look at");
    *count = db_rows(r);
    for (size_t i = 0; ok && i < *count; i++)
        ok =
            db_read_word(r, i, 0, out[i].issuer, sizeof out[i].issuer, err) &&
            db_read_octets(r, i, 1, out[i].serial, DB_HOLDER_SERIAL_LEN, err) &&
            db_read_word(r, i, 2, out[i].number, sizeof out[i].number, err);
    db_result_free(r);
    return ok;
}

bool
db_holder_looked(struct db *db, const char *issuer,
                 const uint8_t serial[DB_HOLDER_SERIAL_LEN], int64_t at,
                 struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, issuer);
    db_bind_bytes(&p, serial, DB_HOLDER_SERIAL_LEN);
    db_bind_time(&p, at);
    return db_exec(db, DB_RA_HOLDER_LOOKED, &p, &changed, err) ||
           error_wrap(err, "look at a certificate");
}
