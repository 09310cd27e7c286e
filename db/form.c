/* Rows of ra.form; see db/form.h. */
#include "db/form.h"

#include <string.h>

#include "db/sql_ra.h"

enum { SHA256_LEN = 32 };

static bool
digest_read(const struct db_result *r, size_t row, int column,
            const uint8_t **out, struct error *err)
{
    size_t len;

    if (!db_read_bytes(r, row, column, out, &len, err))
        return false;
    return len == SHA256_LEN ||
           error_set(err, ERROR_INTERNAL, "a digest of %zu octets", len);
}

bool
db_form_add(struct db *db, const struct db_form *form, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, form->number);
    db_bind_int32(&p, form->revision);
    db_bind_text(&p, form->kind);
    db_bind_bytes(&p, form->sealed, form->sealed_len);
    db_bind_bytes(&p, form->sha256, SHA256_LEN);
    db_bind_time(&p, form->made_at);
    return db_exec(db, DB_RA_FORM_ADD, &p, &changed, err) ||
           error_wrap(err, "form %s of %s", form->kind, form->number);
}

bool
db_form_get(struct db *db, const char *number, int revision, const char *kind,
            struct db_form *out, struct db_result **held, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    *out =
        (struct db_form){.number = number, .revision = revision, .kind = kind};
    db_bind_text(&p, number);
    db_bind_int32(&p, revision);
    db_bind_text(&p, kind);
    if (!db_query(db, DB_RA_FORM_GET, &p, &r, err))
        return error_wrap(err, "form of %s", number);
    if (db_rows(r) == 0)
        error_set(err, ERROR_NOT_FOUND,
                  "revision %d of this case has no form \"%s\"", revision,
                  kind);
    if (db_rows(r) == 0 ||
        !db_read_bytes(r, 0, 0, &out->sealed, &out->sealed_len, err) ||
        !digest_read(r, 0, 1, &out->sha256, err) ||
        !db_read_time(r, 0, 2, &out->made_at, err)) {
        db_result_free(r);
        return false;
    }
    *held = r;
    return true;
}

bool
db_form_list(struct db *db, const char *number, db_each *each, void *arg,
             struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    return db_stream(db, DB_RA_FORM_LIST, &p, each, arg, err) ||
           error_wrap(err, "forms of %s", number);
}

bool
db_form_read(const struct db_result *row, size_t at, struct db_form *out,
             struct error *err)
{
    *out = (struct db_form){0};
    return db_read_int32(row, at, 0, &out->revision, err) &&
           db_read_text(row, at, 1, &out->kind, err) &&
           digest_read(row, at, 2, &out->sha256, err) &&
           db_read_time(row, at, 3, &out->made_at, err);
}
