/* Rows of ra.unit and what belongs to them; see db/unit.h. */
#include "db/unit.h"

#include <string.h>

#include "db/sql_ra.h"

enum { PROGRESS_LINK = DB_CASE_COLUMN_COUNT };

bool
db_unit_account(struct db *db, const char *account, int64_t at, bool *is_new,
                struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    int64_t changed;

    db_bind_text(&p, account);
    db_bind_time(&p, at);
    if (!db_exec(db, DB_RA_UNIT_ACCOUNT, &p, &changed, err))
        return error_wrap(err, "account %s", account);
    *is_new = changed == 1;
    if (*is_new)
        return true;
    db_bind_text(&p, account);
    if (!db_query(db, DB_RA_UNIT_LOCK, &p, &r, err))
        return error_wrap(err, "account %s", account);
    db_result_free(r);
    return true;
}

bool
db_unit_get(struct db *db, const char *account, bool *is_there,
            struct db_unit *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    out->account = account;
    db_bind_text(&p, account);
    if (!db_query(db, DB_RA_UNIT_GET, &p, &r, err))
        return error_wrap(err, "record of %s", account);
    *is_there = db_rows(r) == 1;
    if (*is_there && (!db_read_int32(r, 0, 0, &out->revision, err) ||
                      !db_read_text(r, 0, 1, &out->unit_name, err) ||
                      !db_read_text(r, 0, 2, &out->uscc, err) ||
                      !db_read_text(r, 0, 3, &out->kind, err) ||
                      !db_read_text(r, 0, 4, &out->country, err) ||
                      !db_read_text(r, 0, 5, &out->province, err) ||
                      !db_read_text(r, 0, 6, &out->locality, err) ||
                      !db_read_text(r, 0, 7, &out->street, err) ||
                      !db_read_text(r, 0, 8, &out->language, err) ||
                      !db_read_time(r, 0, 9, &out->changed_at, err))) {
        db_result_free(r);
        memset(out, 0, sizeof *out);
        return error_wrap(err, "record of %s", account);
    }
    out->held = r;
    return true;
}

static void
unit_bind(struct db_params *p, const struct db_unit *unit)
{
    db_bind_text(p, unit->account);
    db_bind_int32(p, unit->revision);
    db_bind_text(p, unit->unit_name);
    db_bind_text(p, unit->uscc);
    db_bind_text(p, unit->kind);
    db_bind_text(p, unit->country);
    db_bind_text(p, unit->province);
    db_bind_text(p, unit->locality);
    db_bind_text(p, unit->street);
    db_bind_text(p, unit->language);
    db_bind_time(p, unit->changed_at);
}

bool
db_unit_add(struct db *db, const struct db_unit *unit, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    unit_bind(&p, unit);
    return db_exec(db, DB_RA_UNIT_ADD, &p, &changed, err) ||
           error_wrap(err, "record of %s", unit->account);
}

bool
db_unit_change(struct db *db, const struct db_unit *unit, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    unit_bind(&p, unit);
    if (!db_exec(db, DB_RA_UNIT_CHANGE, &p, &changed, err))
        return error_wrap(err, "record of %s", unit->account);
    return changed == 1 ||
           error_set(err, ERROR_CONFLICT,
                     "the record of %s has changed meanwhile", unit->account);
}

bool
db_unit_bind(struct db *db, const char *number, int64_t bound_at, int64_t at,
             struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, number);
    db_bind_time_or_null(&p, bound_at);
    db_bind_time(&p, at);
    if (!db_exec(db, DB_RA_UNIT_BIND, &p, &changed, err))
        return error_wrap(err, "certificates of %s", number);
    return changed > 0 ||
           error_set(err, ERROR_INTERNAL, "case %s issued nothing", number);
}

bool
db_unit_progress(struct db *db, const char *account, size_t max, db_each *each,
                 void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, account);
    db_bind_int64(&p, (int64_t)max);
    return db_stream(db, DB_RA_UNIT_PROGRESS, &p, each, arg, err) ||
           error_wrap(err, "cases of %s", account);
}

bool
db_unit_progress_read(const struct db_result *row, size_t at,
                      const uint8_t **link, size_t *len, struct error *err)
{
    *link = NULL;
    *len = 0;
    return db_is_null(row, at, PROGRESS_LINK) ||
           db_read_bytes(row, at, PROGRESS_LINK, link, len, err);
}
