/* Officers on the way into the register: db/officer_case.h. */
#include "db/officer_case.h"

#include <string.h>

#include "base/text.h"
#include "db/sql_ra.h"

static void
bind_bytes_or_null(struct db_params *p, const uint8_t *data, size_t len)
{
    if (data == NULL)
        db_bind_null(p);
    else
        db_bind_bytes(p, data, len);
}

bool
db_officer_case_add(struct db *db, const struct db_officer_case *row,
                    struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, row->id);
    db_bind_text(&p, row->kind);
    db_bind_text(&p, row->officer_id);
    db_bind_text(&p, row->name);
    db_bind_text(&p, row->person);
    db_bind_text(&p, row->roles);
    db_bind_text(&p, row->state);
    db_bind_text(&p, row->order_id);
    bind_bytes_or_null(&p, row->order_body, row->order_body_len);
    bind_bytes_or_null(&p, row->order_digest, 32);
    db_bind_text(&p, row->invited_by);
    db_bind_time(&p, row->made_at);
    return db_exec(db, DB_RA_OFFICER_CASE_ADD, &p, &changed, err) ||
           error_wrap(err, "add an officer's case");
}

static bool
bytes_read(const struct db_result *r, size_t row, int column,
           const uint8_t **out, size_t *len, struct error *err)
{
    *out = NULL;
    *len = 0;
    return db_is_null(r, row, column) ||
           db_read_bytes(r, row, column, out, len, err);
}

bool
db_officer_case_read(const struct db_result *r, size_t row,
                     struct db_officer_case *out, struct error *err)
{
    size_t digest_len;

    memset(out, 0, sizeof *out);
    return db_read_text(r, row, 0, &out->id, err) &&
           db_read_text(r, row, 1, &out->kind, err) &&
           db_read_text(r, row, 2, &out->officer_id, err) &&
           db_read_text(r, row, 3, &out->name, err) &&
           db_read_text(r, row, 4, &out->person, err) &&
           db_read_text(r, row, 5, &out->roles, err) &&
           db_read_text(r, row, 6, &out->state, err) &&
           bytes_read(r, row, 7, &out->credential, &out->credential_len, err) &&
           db_read_text_null(r, row, 8, &out->order_id, err) &&
           bytes_read(r, row, 9, &out->order_body, &out->order_body_len, err) &&
           bytes_read(r, row, 10, &out->order_digest, &digest_len, err) &&
           bytes_read(r, row, 11, &out->decisions, &out->decisions_len, err) &&
           db_read_text_null(r, row, 12, &out->problem, err) &&
           db_read_text(r, row, 13, &out->invited_by, err) &&
           db_read_time(r, row, 14, &out->made_at, err) &&
           db_read_time(r, row, 15, &out->changed_at, err);
}

bool
db_officer_case_get(struct db *db, const char *id, struct db_officer_case *out,
                    struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    if (!text_is_uuid(id))
        return error_set(err, ERROR_NOT_FOUND, "there is no such case");
    db_bind_text(&p, id);
    if (!db_query(db, DB_RA_OFFICER_CASE_GET, &p, &r, err))
        return error_wrap(err, "officer's case");
    if (db_rows(r) != 1) {
        db_result_free(r);
        return error_set(err, ERROR_NOT_FOUND, "there is no such case");
    }
    if (!db_officer_case_read(r, 0, out, err)) {
        db_result_free(r);
        return false;
    }
    out->held = r;
    return true;
}

void
db_officer_case_clear(struct db_officer_case *row)
{
    db_result_free(row->held);
    memset(row, 0, sizeof *row);
}

bool
db_officer_case_list(struct db *db, size_t max, db_each *each, void *arg,
                     struct error *err)
{
    struct db_params p = {0};

    db_bind_int64(&p, (int64_t)max);
    return db_stream(db, DB_RA_OFFICER_CASE_LIST, &p, each, arg, err);
}

bool
db_officer_case_sending(struct db *db, int64_t before, size_t max,
                        db_each *each, void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_time(&p, before);
    db_bind_int64(&p, (int64_t)max);
    return db_stream(db, DB_RA_OFFICER_CASE_SENDING, &p, each, arg, err);
}

/* The WHERE clause names the old state: no row, no transition. */
static bool
moved(bool ok, const int64_t *changed, struct error *err)
{
    if (!ok)
        return error_wrap(err, "officer's case");
    return *changed == 1 || error_set(err, ERROR_CONFLICT,
                                      "the case has gone on meanwhile: look at "
                                      "it again");
}

bool
db_officer_case_ready(struct db *db, const struct db_officer_case *row,
                      int64_t at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed = 0;

    db_bind_text(&p, row->id);
    db_bind_bytes(&p, row->credential, row->credential_len);
    db_bind_text(&p, row->order_id);
    db_bind_bytes(&p, row->order_body, row->order_body_len);
    db_bind_bytes(&p, row->order_digest, 32);
    db_bind_time(&p, at);
    return moved(db_exec(db, DB_RA_OFFICER_CASE_READY, &p, &changed, err),
                 &changed, err);
}

bool
db_officer_case_decide(struct db *db, const char *id, const char *from,
                       const char *to, const struct buf *decisions, int64_t at,
                       struct error *err)
{
    struct db_params p = {0};
    int64_t changed = 0;

    db_bind_text(&p, id);
    db_bind_text(&p, from);
    db_bind_text(&p, to);
    db_bind_bytes(&p, decisions->data, decisions->len);
    db_bind_time(&p, at);
    return moved(db_exec(db, DB_RA_OFFICER_CASE_DECIDE, &p, &changed, err),
                 &changed, err);
}

bool
db_officer_case_end(struct db *db, const char *id, const char *from,
                    const char *to, const char *problem, int64_t at,
                    struct error *err)
{
    struct db_params p = {0};
    int64_t changed = 0;

    db_bind_text(&p, id);
    db_bind_text(&p, from);
    db_bind_text(&p, to);
    db_bind_text(&p, problem);
    db_bind_time(&p, at);
    return moved(db_exec(db, DB_RA_OFFICER_CASE_END, &p, &changed, err),
                 &changed, err);
}
