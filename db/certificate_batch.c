/*
 * Rows of ca.certificate by the batch: what is written, and the statuses that a
 * change asks for; see db/certificate.h. One statement for all rows, with an
 * array for each column.
 */
#include "db/certificate.h"

#include <stdlib.h>
#include <string.h>

#include "db/sql_ca.h"

/* ---- Writing ----------------------------------------------------------- */

enum { NUMBERS_MAX = 6, TEXTS_MAX = 5, OCTETS_MAX = 5 };

/* One array for each column, of `count` elements. */
struct columns {
    int64_t *number[NUMBERS_MAX];
    const char **text[TEXTS_MAX];
    struct db_bytes *bytes[OCTETS_MAX];
};

static void
columns_init(struct columns *c, size_t count, int numbers, int texts,
             int octets)
{
    memset(c, 0, sizeof *c);
    for (int i = 0; i < numbers; i++)
        c->number[i] = base_alloc(count * sizeof *c->number[i]);
    for (int i = 0; i < texts; i++)
        c->text[i] = base_alloc(count * sizeof *c->text[i]);
    for (int i = 0; i < octets; i++)
        c->bytes[i] = base_alloc(count * sizeof *c->bytes[i]);
}

static void
columns_of_refs(struct columns *c, const struct db_certificate_ref *rows,
                size_t count)
{
    columns_init(c, count, 1, 0, 1);
    for (size_t i = 0; i < count; i++) {
        c->number[0][i] = rows[i].issuer_id;
        c->bytes[0][i] = (struct db_bytes){rows[i].serial, DB_SERIAL_LEN};
    }
}

/* As parameters, in this order. */
static void
columns_bind(const struct columns *c, size_t count, struct db_params *p)
{
    for (size_t i = 0; i < NUMBERS_MAX && c->number[i] != NULL; i++)
        db_bind_int64_array(p, c->number[i], count);
    for (size_t i = 0; i < TEXTS_MAX && c->text[i] != NULL; i++)
        db_bind_text_array(p, c->text[i], count);
    for (size_t i = 0; i < OCTETS_MAX && c->bytes[i] != NULL; i++)
        db_bind_bytes_array(p, c->bytes[i], count);
}

static void
columns_clear(struct columns *c)
{
    for (size_t i = 0; i < NUMBERS_MAX; i++)
        free(c->number[i]);
    for (size_t i = 0; i < TEXTS_MAX; i++)
        free((void *)c->text[i]);
    for (size_t i = 0; i < OCTETS_MAX; i++)
        free(c->bytes[i]);
}

/* Runs an array statement that must change every row. */
static bool
exec_all(struct db *db, size_t statement, struct db_params *p, size_t count,
         enum error_code otherwise, const char *what, struct error *err)
{
    int64_t changed;

    if (!db_exec(db, statement, p, &changed, err))
        return error_wrap(err, "%s", what);
    if (changed != (int64_t)count)
        return error_set(err, otherwise, "%s: %lld of %zu", what,
                         (long long)changed, count);
    return true;
}

bool
db_certificate_intend(struct db *db, const struct db_certificate_intent *rows,
                      size_t count, struct error *err)
{
    struct db_params p = {0};
    struct columns c;
    bool ok;

    columns_init(&c, count, 5, 4, 5);
    for (size_t i = 0; i < count; i++) {
        const struct db_certificate_intent *row = &rows[i];

        c.number[0][i] = row->issuer_id;
        c.number[1][i] = row->ordinal;
        c.number[2][i] = row->not_before;
        c.number[3][i] = row->not_after;
        c.number[4][i] = row->predecessor_issuer_id;
        c.text[0][i] = row->order_id;
        c.text[1][i] = row->profile;
        c.text[2][i] = row->subject_text;
        c.text[3][i] = row->account;
        c.bytes[0][i] = (struct db_bytes){row->serial, DB_SERIAL_LEN};
        c.bytes[1][i] = (struct db_bytes){row->subject, row->subject_len};
        c.bytes[2][i] = (struct db_bytes){row->spki_sha256, 32};
        c.bytes[3][i] = (struct db_bytes){row->tbs, row->tbs_len};
        if (row->predecessor_issuer_id != 0)
            c.bytes[4][i] = (struct db_bytes){row->predecessor, DB_SERIAL_LEN};
    }
    columns_bind(&c, count, &p);
    ok = exec_all(db, DB_CERTIFICATE_INTEND, &p, count, ERROR_INTERNAL,
                  "record certificates", err);
    columns_clear(&c);
    return ok;
}

bool
db_certificate_guard(struct db *db, const struct db_certificate_premise *rows,
                     size_t count, bool *is_stale, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct columns c;
    bool ok;

    columns_init(&c, count, 5, 2, 2);
    for (size_t i = 0; i < count; i++) {
        const struct db_certificate_premise *row = &rows[i];

        is_stale[i] = false;
        c.number[0][i] = row->issuer_id;
        c.number[1][i] = row->subject_all;
        c.number[2][i] = row->key_all;
        c.number[3][i] = row->predecessor_issuer_id;
        c.number[4][i] = row->predecessor_index;
        c.text[0][i] = row->profile;
        c.text[1][i] = row->subject_text;
        c.bytes[0][i] = (struct db_bytes){row->spki_sha256, 32};
        if (row->predecessor_issuer_id != 0)
            c.bytes[1][i] = (struct db_bytes){row->predecessor, DB_SERIAL_LEN};
    }
    columns_bind(&c, count, &p);
    ok = db_query(db, DB_CERTIFICATE_GUARD, &p, &r, err);
    for (size_t i = 0; ok && i < db_rows(r); i++) {
        int64_t at;

        ok = db_read_int64(r, i, 0, &at, err);
        if (ok && at >= 1 && (size_t)at <= count)
            is_stale[at - 1] = true;
    }
    db_result_free(r);
    columns_clear(&c);
    return ok || error_wrap(err, "guard certificates");
}

bool
db_certificate_store(struct db *db, const struct db_certificate_result *rows,
                     size_t count, struct error *err)
{
    struct db_params p = {0};
    struct columns c;
    bool ok;

    columns_init(&c, count, 2, 0, 2);
    for (size_t i = 0; i < count; i++) {
        c.number[0][i] = rows[i].issuer_id;
        c.number[1][i] = rows[i].status_index;
        c.bytes[0][i] = (struct db_bytes){rows[i].serial, DB_SERIAL_LEN};
        c.bytes[1][i] = (struct db_bytes){rows[i].der, rows[i].der_len};
    }
    columns_bind(&c, count, &p);
    ok = exec_all(db, DB_CERTIFICATE_STORE, &p, count, ERROR_INTERNAL,
                  "store certificates as recorded", err);
    columns_clear(&c);
    return ok;
}

bool
db_certificate_change(struct db *db, const struct db_certificate_change *rows,
                      size_t count, struct error *err)
{
    struct db_params p = {0};
    struct columns c;
    bool ok;

    columns_init(&c, count, 5, 2, 1);
    for (size_t i = 0; i < count; i++) {
        const struct db_certificate_change *row = &rows[i];

        c.number[0][i] = row->issuer_id;
        c.number[1][i] = row->reason;
        c.number[2][i] = row->revoked_at;
        c.number[3][i] = row->invalid_from;
        c.number[4][i] = row->status_index;
        c.text[0][i] = db_certificate_state_name(row->from);
        c.text[1][i] = db_certificate_state_name(row->to);
        c.bytes[0][i] = (struct db_bytes){row->serial, DB_SERIAL_LEN};
    }
    columns_bind(&c, count, &p);
    /* The WHERE clause is the transition rule; no row, no transition. */
    ok = exec_all(db, DB_CERTIFICATE_CHANGE, &p, count, ERROR_CONFLICT,
                  "change certificates", err);
    columns_clear(&c);
    return ok;
}

bool
db_certificate_void(struct db *db, const struct db_certificate_ref *rows,
                    size_t count, struct error *err)
{
    struct db_params p = {0};
    struct columns c;
    bool ok;

    columns_of_refs(&c, rows, count);
    columns_bind(&c, count, &p);
    ok = exec_all(db, DB_CERTIFICATE_GIVE_UP, &p, count, ERROR_CONFLICT,
                  "give certificates up", err);
    columns_clear(&c);
    return ok;
}

/* ---- Statuses ---------------------------------------------------------- */

static bool
read_statuses(struct db *db, size_t statement, struct db_params *p,
              struct db_certificate_status **out, size_t *found,
              struct error *err)
{
    struct db_result *r = NULL;
    struct db_certificate_status *rows;
    size_t n;
    bool ok = true;

    *out = NULL;
    *found = 0;
    if (!db_query(db, statement, p, &r, err))
        return error_wrap(err, "read certificates");
    n = db_rows(r);
    rows = base_alloc((n > 0 ? n : 1) * sizeof *rows);
    for (size_t i = 0; ok && i < n; i++)
        ok = db_read_int32(r, i, 0, &rows[i].issuer_id, err) &&
             db_read_octets(r, i, 1, rows[i].serial, DB_SERIAL_LEN, err) &&
             db_certificate_state_read(r, i, 2, &rows[i].state, err) &&
             db_read_int32(r, i, 3, &rows[i].reason, err) &&
             db_read_time_null(r, i, 4, &rows[i].revoked_at, err) &&
             db_read_time_null(r, i, 5, &rows[i].invalid_from, err) &&
             db_read_octets(r, i, 6, rows[i].spki_sha256, 32, err) &&
             db_read_bool(r, i, 7, &rows[i].is_mate, err);
    db_result_free(r);
    if (!ok) {
        free(rows);
        return error_wrap(err, "read certificates");
    }
    *out = rows;
    *found = n;
    return true;
}

static bool
statuses_of(struct db *db, size_t statement,
            const struct db_certificate_ref *rows, size_t count,
            struct db_certificate_status **out, size_t *found,
            struct error *err)
{
    struct db_params p = {0};
    struct columns c;
    bool ok;

    columns_of_refs(&c, rows, count);
    columns_bind(&c, count, &p);
    ok = read_statuses(db, statement, &p, out, found, err);
    columns_clear(&c);
    return ok;
}

bool
db_certificate_lock(struct db *db, const struct db_certificate_ref *rows,
                    size_t count, struct db_certificate_status **out,
                    size_t *found, struct error *err)
{
    return statuses_of(db, DB_CERTIFICATE_LOCK, rows, count, out, found, err);
}

bool
db_certificate_lock_pairs(struct db *db, const struct db_certificate_ref *rows,
                          size_t count, struct db_certificate_status **out,
                          size_t *found, struct error *err)
{
    return statuses_of(db, DB_CERTIFICATE_LOCK_PAIRS, rows, count, out, found,
                       err);
}

bool
db_certificate_pair_statuses(struct db *db,
                             const struct db_certificate_ref *rows,
                             size_t count, struct db_certificate_status **out,
                             size_t *found, struct error *err)
{
    return statuses_of(db, DB_CERTIFICATE_PAIR_STATUSES, rows, count, out,
                       found, err);
}

bool
db_certificate_lock_key(struct db *db, const uint8_t spki_sha256[32],
                        struct db_certificate_status **out, size_t *found,
                        struct error *err)
{
    struct db_params p = {0};

    db_bind_bytes(&p, spki_sha256, 32);
    return read_statuses(db, DB_CERTIFICATE_LOCK_KEY, &p, out, found, err);
}

bool
db_certificate_key_statuses(struct db *db, const uint8_t spki_sha256[32],
                            struct db_certificate_status **out, size_t *found,
                            struct error *err)
{
    struct db_params p = {0};

    db_bind_bytes(&p, spki_sha256, 32);
    return read_statuses(db, DB_CERTIFICATE_KEY_STATUSES, &p, out, found, err);
}

/* ---- Blocked keys ------------------------------------------------------ */

bool
db_key_block(struct db *db, const uint8_t spki_sha256[32], const char *why,
             const char *order_id, int64_t at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_bytes(&p, spki_sha256, 32);
    db_bind_text(&p, why);
    db_bind_text(&p, order_id);
    db_bind_time(&p, at);
    return db_exec(db, DB_KEY_BLOCK, &p, &changed, err) ||
           error_wrap(err, "block key");
}

bool
db_key_blocked(struct db *db, const uint8_t (*spki_sha256)[32], size_t count,
               bool *blocked, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct columns c;
    bool ok;

    columns_init(&c, count, 0, 0, 1);
    for (size_t i = 0; i < count; i++) {
        c.bytes[0][i] = (struct db_bytes){spki_sha256[i], 32};
        blocked[i] = false;
    }
    columns_bind(&c, count, &p);
    ok = db_query(db, DB_KEY_BLOCKED, &p, &r, err);
    for (size_t i = 0; ok && i < db_rows(r); i++) {
        int64_t at;

        ok = db_read_int64(r, i, 0, &at, err);
        if (ok && at >= 1 && (size_t)at <= count)
            blocked[at - 1] = true;
    }
    db_result_free(r);
    columns_clear(&c);
    return ok || error_wrap(err, "look for blocked keys");
}

bool
db_key_is_blocked(struct db *db, const uint8_t spki_sha256[32],
                  bool *is_blocked, struct error *err)
{
    return db_key_blocked(db, (const uint8_t(*)[32])spki_sha256, 1, is_blocked,
                          err);
}
