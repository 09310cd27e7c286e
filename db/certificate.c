/* Rows of ca.certificate; see db/certificate.h. */
#include "db/certificate.h"

#include <stdlib.h>
#include <string.h>

#include "db/sql_ca.h"

static const char *const state_names[DB_CERTIFICATE_STATE_COUNT] = {
    "intended", "valid", "held", "revoked", "void"};

const char *
db_certificate_state_name(enum db_certificate_state state)
{
    return state_names[state];
}

/* ---- Reading ----------------------------------------------------------- */

bool
db_certificate_state_read(const struct db_result *r, size_t row, int column,
                          enum db_certificate_state *out, struct error *err)
{
    const char *name;

    if (!db_read_text(r, row, column, &name, err))
        return false;
    for (int i = 0; i < DB_CERTIFICATE_STATE_COUNT; i++)
        if (strcmp(state_names[i], name) == 0) {
            *out = (enum db_certificate_state)i;
            return true;
        }
    return error_set(err, ERROR_INTERNAL, "certificate state '%s'", name);
}

/* Columns in the order of CERTIFICATE_COLUMNS in db/sql_ca.c. */
static bool
read_certificate(const struct db_result *r, size_t row,
                 struct db_certificate *c, struct error *err)
{
    const char *order_id;

    if (!db_read_int32(r, row, 0, &c->issuer_id, err) ||
        !db_read_octets(r, row, 1, c->serial, DB_SERIAL_LEN, err) ||
        !db_read_text(r, row, 2, &order_id, err) ||
        !db_read_int32(r, row, 3, &c->ordinal, err) ||
        !db_read_text_copy(r, row, 4, &c->profile, err) ||
        !db_read_bytes_copy(r, row, 5, &c->subject, &c->subject_len, err) ||
        !db_read_text_copy(r, row, 6, &c->subject_text, err) ||
        !db_read_octets(r, row, 7, c->spki_sha256, 32, err) ||
        !db_read_text_copy(r, row, 8, &c->account, err) ||
        !db_read_bytes_copy(r, row, 9, &c->tbs, &c->tbs_len, err) ||
        !db_read_bytes_copy(r, row, 10, &c->der, &c->der_len, err) ||
        !db_read_time(r, row, 11, &c->not_before, err) ||
        !db_read_time(r, row, 12, &c->not_after, err) ||
        !db_certificate_state_read(r, row, 13, &c->state, err) ||
        !db_read_int32(r, row, 14, &c->reason, err) ||
        !db_read_time_null(r, row, 15, &c->revoked_at, err) ||
        !db_read_time_null(r, row, 16, &c->invalid_from, err) ||
        !db_read_int32(r, row, 17, &c->predecessor_issuer_id, err) ||
        !db_read_int64(r, row, 19, &c->status_index, err))
        return false;
    memcpy(c->order_id, order_id, strnlen(order_id, 36));
    return c->predecessor_issuer_id == 0 ||
           db_read_octets(r, row, 18, c->predecessor, DB_SERIAL_LEN, err);
}

static void
clear_certificate(struct db_certificate *c)
{
    free(c->profile);
    free(c->subject);
    free(c->subject_text);
    free(c->account);
    free(c->tbs);
    free(c->der);
}

void
db_certificate_free(struct db_certificate *certificate)
{
    db_certificates_free(certificate, certificate == NULL ? 0 : 1);
}

void
db_certificates_free(struct db_certificate *certificates, size_t count)
{
    for (size_t i = 0; i < count; i++)
        clear_certificate(&certificates[i]);
    free(certificates);
}

static bool
list(struct db *db, size_t statement, struct db_params *p,
     struct db_certificate **out, size_t *count, struct error *err)
{
    struct db_result *r = NULL;
    struct db_certificate *rows;
    size_t n;

    *out = NULL;
    *count = 0;
    if (!db_query(db, statement, p, &r, err))
        return error_wrap(err, "list certificates");
    n = db_rows(r);
    rows = base_alloc((n > 0 ? n : 1) * sizeof *rows);
    for (size_t i = 0; i < n; i++)
        if (!read_certificate(r, i, &rows[i], err)) {
            db_certificates_free(rows, n);
            db_result_free(r);
            return error_wrap(err, "list certificates");
        }
    db_result_free(r);
    *out = rows;
    *count = n;
    return true;
}

bool
db_certificate_get(struct db *db, int32_t issuer_id,
                   const uint8_t serial[DB_SERIAL_LEN],
                   struct db_certificate **out, struct error *err)
{
    struct db_params p = {0};
    size_t count;

    db_bind_int32(&p, issuer_id);
    db_bind_bytes(&p, serial, DB_SERIAL_LEN);
    if (!list(db, DB_CERTIFICATE_GET, &p, out, &count, err))
        return false;
    if (count == 1)
        return true;
    db_certificates_free(*out, count);
    *out = NULL;
    return error_set(err, ERROR_NOT_FOUND, "no certificate with this serial");
}

/* The first, or NULL. */
static bool
one_or_none(struct db *db, size_t statement, struct db_params *p,
            struct db_certificate **out, struct error *err)
{
    size_t count;

    if (!list(db, statement, p, out, &count, err))
        return false;
    if (count == 0) {
        db_certificates_free(*out, count);
        *out = NULL;
    }
    return true;
}

bool
db_certificate_mate(struct db *db, const struct db_certificate *row,
                    struct db_certificate **out, struct error *err)
{
    struct db_params p = {0};

    db_bind_int32(&p, row->issuer_id);
    db_bind_bytes(&p, row->serial, DB_SERIAL_LEN);
    return one_or_none(db, DB_CERTIFICATE_MATE, &p, out, err);
}

bool
db_certificate_in_device(struct db *db, const char *account, const char *device,
                         const uint8_t own_sha256[32], int64_t now,
                         struct db_certificate **out, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, account);
    db_bind_text(&p, device);
    db_bind_bytes(&p, own_sha256, 32);
    db_bind_time(&p, now);
    return one_or_none(db, DB_CERTIFICATE_IN_DEVICE, &p, out, err);
}

bool
db_certificate_of_order(struct db *db, const char *order_id,
                        struct db_certificate **out, size_t *count,
                        struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, order_id);
    return list(db, DB_CERTIFICATE_OF_ORDER, &p, out, count, err);
}

bool
db_certificate_by_key(struct db *db, const uint8_t spki_sha256[32],
                      int64_t limit, struct db_certificate **out, size_t *count,
                      struct error *err)
{
    struct db_params p = {0};

    db_bind_bytes(&p, spki_sha256, 32);
    db_bind_int64(&p, limit);
    return list(db, DB_CERTIFICATE_BY_KEY, &p, out, count, err);
}

bool
db_certificate_by_subject(struct db *db, const char *subject_text,
                          int64_t limit, struct db_certificate **out,
                          size_t *count, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, subject_text);
    db_bind_int64(&p, limit);
    return list(db, DB_CERTIFICATE_BY_SUBJECT, &p, out, count, err);
}

bool
db_certificate_by_account(struct db *db, const char *account, int64_t limit,
                          struct db_certificate **out, size_t *count,
                          struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, account);
    db_bind_int64(&p, limit);
    return list(db, DB_CERTIFICATE_BY_ACCOUNT, &p, out, count, err);
}

bool
db_certificate_by_issuer(struct db *db, int32_t issuer_id, int64_t limit,
                         struct db_certificate **out, size_t *count,
                         struct error *err)
{
    struct db_params p = {0};

    db_bind_int32(&p, issuer_id);
    db_bind_int64(&p, limit);
    return list(db, DB_CERTIFICATE_BY_ISSUER, &p, out, count, err);
}

/* ---- Counting ---------------------------------------------------------- */

/* Binds a reference, or one that no row has. */
static void
bind_ref(struct db_params *p, const struct db_certificate_ref *ref)
{
    db_bind_int32(p, ref != NULL ? ref->issuer_id : 0);
    if (ref != NULL)
        db_bind_bytes(p, ref->serial, DB_SERIAL_LEN);
    else
        db_bind_bytes(p, "", 0);
}

static bool
read_count(struct db *db, size_t statement, struct db_params *p,
           struct db_certificate_count *out, struct error *err)
{
    struct db_result *r = NULL;
    bool ok = db_query(db, statement, p, &r, err) &&
              db_read_int64(r, 0, 0, &out->all, err) &&
              db_read_int64(r, 0, 1, &out->others, err);

    db_result_free(r);
    return ok || error_wrap(err, "count certificates");
}

bool
db_certificate_count_key(struct db *db, const uint8_t spki_sha256[32],
                         const struct db_certificate_ref *predecessor,
                         struct db_certificate_count *out, struct error *err)
{
    struct db_params p = {0};

    db_bind_bytes(&p, spki_sha256, 32);
    bind_ref(&p, predecessor);
    return read_count(db, DB_CERTIFICATE_COUNT_KEY, &p, out, err);
}

bool
db_certificate_count_subject(struct db *db, int32_t issuer_id,
                             const char *profile, const char *subject_text,
                             const struct db_certificate_ref *predecessor,
                             int64_t now, struct db_certificate_count *out,
                             struct error *err)
{
    struct db_params p = {0};

    db_bind_int32(&p, issuer_id);
    db_bind_text(&p, profile);
    db_bind_text(&p, subject_text);
    bind_ref(&p, predecessor);
    db_bind_time(&p, now);
    return read_count(db, DB_CERTIFICATE_COUNT_SUBJECT, &p, out, err);
}

bool
db_certificate_notify(struct db *db, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    if (!db_query(db, DB_CERTIFICATE_NOTIFY, &p, &r, err))
        return error_wrap(err, "notify");
    db_result_free(r);
    return true;
}
