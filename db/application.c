/* Applications and their applicants' records: db/application.h. */
#include "db/application.h"

#include <string.h>

#include "db/sql_ra.h"

static void
bind_applicant(struct db_params *p, const struct db_applicant *record)
{
    db_bind_text(p, record->unit_name);
    db_bind_text(p, record->uscc);
    db_bind_text(p, record->kind);
    db_bind_text(p, record->country);
    db_bind_text(p, record->province);
    db_bind_text(p, record->locality);
    db_bind_text(p, record->street);
    db_bind_text(p, record->handler_name);
    db_bind_text(p, record->handler_person);
    db_bind_text(p, record->handler_mobile);
    db_bind_text(p, record->handler_email);
}

/* Runs a statement that must change one row. */
static bool
change_one(struct db *db, size_t statement, struct db_params *p,
           const char *number, const char *conflict, struct error *err)
{
    int64_t changed;

    if (!db_exec(db, statement, p, &changed, err))
        return error_wrap(err, "application %s", number);
    if (changed != 1)
        return error_set(err, ERROR_CONFLICT, "application %s: %s", number,
                         conflict);
    return true;
}

static bool
read_number(const struct db_result *r, char number[], struct error *err)
{
    const char *text;

    if (!db_read_text(r, 0, 0, &text, err))
        return false;
    if (strlen(text) > DB_APPLICATION_NUMBER_MAX)
        return error_set(err, ERROR_INTERNAL, "application number too long");
    memcpy(number, text, strlen(text) + 1);
    return true;
}

bool
db_application_create(struct db *db,
                      const struct db_application_content *content, int64_t at,
                      char number[DB_APPLICATION_NUMBER_MAX + 1],
                      struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = false;

    db_bind_text(&p, content->account);
    db_bind_int32(&p, content->years);
    db_bind_bytes(&p, content->csr, content->csr_len);
    db_bind_time(&p, at);
    if (!db_query(db, DB_RA_APPLICATION_CREATE, &p, &r, err))
        return error_wrap(err, "create application");
    /* ON CONFLICT DO NOTHING on the index of open applications. */
    if (db_rows(r) != 1) {
        error_set(err, ERROR_CONFLICT,
                  "this account has an open application already");
        goto out;
    }
    if (!read_number(r, number, err))
        goto out;
    db_bind_text(&p, number);
    bind_applicant(&p, &content->applicant);
    ok = change_one(db, DB_RA_APPLICANT_CREATE, &p, number,
                    "record not written", err);
out:
    db_result_free(r);
    return ok;
}

/* A text that may be NULL. */
static bool
read_text_or_null(const struct db_result *r, size_t row, int column,
                  const char **out, struct error *err)
{
    *out = NULL;
    return db_is_null(r, row, column) || db_read_text(r, row, column, out, err);
}

static bool
read_applicant(const struct db_result *r, size_t row, int column,
               struct db_applicant *out, struct error *err)
{
    const char **const text[] = {&out->unit_name,      &out->uscc,
                                 &out->kind,           &out->country,
                                 &out->province,       &out->locality,
                                 &out->street,         &out->handler_name,
                                 &out->handler_person, &out->handler_mobile};
    int count = (int)(sizeof text / sizeof text[0]);

    for (int i = 0; i < count; i++)
        if (!db_read_text(r, row, column + i, text[i], err))
            return false;
    return read_text_or_null(r, row, column + count, &out->handler_email, err);
}

bool
db_application_read(const struct db_result *r, size_t row,
                    struct db_application *out, struct error *err)
{
    size_t digest_len = 32;

    memset(out, 0, sizeof *out);
    if (!db_read_text(r, row, 0, &out->number, err) ||
        !db_read_text(r, row, 1, &out->account, err) ||
        !db_read_text(r, row, 2, &out->state, err) ||
        !db_read_int32(r, row, 3, &out->revision, err) ||
        !db_read_int32(r, row, 4, &out->years, err) ||
        !db_read_bytes(r, row, 5, &out->csr, &out->csr_len, err) ||
        !read_text_or_null(r, row, 6, &out->order_id, err) ||
        !db_read_time(r, row, 9, &out->created_at, err) ||
        !db_read_time(r, row, 10, &out->changed_at, err) ||
        !db_read_int32(r, row, 11, &out->send_count, err) ||
        !read_text_or_null(r, row, 12, &out->send_problem, err) ||
        !read_applicant(r, row, 13, &out->applicant, err))
        return false;
    if (out->order_id == NULL)
        return true;
    if (!db_read_bytes(r, row, 7, &out->order_body, &out->order_body_len,
                       err) ||
        !db_read_bytes(r, row, 8, &out->order_digest, &digest_len, err))
        return false;
    if (digest_len != 32)
        return error_set(err, ERROR_INTERNAL, "digest of %zu octets",
                         digest_len);
    return true;
}

bool
db_application_get(struct db *db, const char *number, bool is_locked,
                   struct db_application *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    db_bind_text(&p, number);
    if (!db_query(db,
                  is_locked ? DB_RA_APPLICATION_LOCK : DB_RA_APPLICATION_GET,
                  &p, &r, err))
        return error_wrap(err, "application %s", number);
    if (db_rows(r) != 1) {
        db_result_free(r);
        return error_set(err, ERROR_NOT_FOUND, "there is no such application");
    }
    if (!db_application_read(r, 0, out, err)) {
        db_result_free(r);
        memset(out, 0, sizeof *out);
        return error_wrap(err, "application %s", number);
    }
    out->held = r;
    return true;
}

void
db_application_clear(struct db_application *application)
{
    db_result_free(application->held);
    memset(application, 0, sizeof *application);
}

bool
db_application_list(struct db *db, const char *account, const char *state,
                    const char *after, size_t max, db_each *each, void *arg,
                    struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, account);
    db_bind_text(&p, state);
    db_bind_text(&p, after);
    db_bind_int64(&p, (int64_t)max);
    return db_stream(db, DB_RA_APPLICATION_LIST, &p, each, arg, err);
}

bool
db_application_edit(struct db *db, const char *number, int revision,
                    const struct db_application_content *content, int64_t at,
                    struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_int32(&p, revision);
    db_bind_int32(&p, content->years);
    db_bind_bytes(&p, content->csr, content->csr_len);
    db_bind_time(&p, at);
    if (!change_one(db, DB_RA_APPLICATION_EDIT, &p, number,
                    "changed meanwhile, or not open to changes", err))
        return false;
    db_bind_text(&p, number);
    bind_applicant(&p, &content->applicant);
    return change_one(db, DB_RA_APPLICANT_EDIT, &p, number,
                      "record not written", err);
}

bool
db_application_move(struct db *db, const char *number, const char *from,
                    const char *to, int64_t at, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_text(&p, from);
    db_bind_text(&p, to);
    db_bind_time(&p, at);
    return change_one(db, DB_RA_APPLICATION_MOVE, &p, number,
                      "in another state by now", err);
}

bool
db_application_submit(struct db *db, const char *number, const char *from,
                      int revision, const char *order_id,
                      const struct buf *order_body, const uint8_t digest[32],
                      int64_t at, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_text(&p, from);
    db_bind_int32(&p, revision);
    db_bind_text(&p, order_id);
    db_bind_bytes(&p, order_body->data, order_body->len);
    db_bind_bytes(&p, digest, 32);
    db_bind_time(&p, at);
    return change_one(db, DB_RA_APPLICATION_SUBMIT, &p, number,
                      "in another state by now", err);
}

bool
db_application_claim(struct db *db, int64_t now, int64_t again_at,
                     char number[DB_APPLICATION_NUMBER_MAX + 1],
                     struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = true;

    number[0] = '\0';
    db_bind_time(&p, now);
    db_bind_time(&p, again_at);
    if (!db_query(db, DB_RA_APPLICATION_CLAIM, &p, &r, err))
        return error_wrap(err, "orders to send");
    if (db_rows(r) == 1)
        ok = read_number(r, number, err);
    db_result_free(r);
    return ok;
}

bool
db_application_put_off(struct db *db, const char *number, const char *problem,
                       int64_t again_at, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_text(&p, problem);
    db_bind_time(&p, again_at);
    return change_one(db, DB_RA_APPLICATION_PUT_OFF, &p, number,
                      "no longer waiting for the CA", err);
}

bool
db_application_counts(struct db *db, db_each *each, void *arg,
                      struct error *err)
{
    struct db_params p = {0};

    return db_stream(db, DB_RA_APPLICATION_COUNTS, &p, each, arg, err);
}
