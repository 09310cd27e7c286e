/* Cases, their fields and what guards ask: db/case_file.h. */
#include "db/case_file.h"

#include <string.h>

#include "db/sql_ra.h"

/* Runs a statement that must change one row. */
static bool
change_one(struct db *db, size_t statement, struct db_params *p,
           const char *number, const char *conflict, struct error *err)
{
    int64_t changed;

    if (!db_exec(db, statement, p, &changed, err))
        return error_wrap(err, "case %s", number);
    if (changed != 1)
        return error_set(err, ERROR_CONFLICT, "case %s: %s", number, conflict);
    return true;
}

static bool
run(struct db *db, size_t statement, struct db_params *p, const char *number,
    struct error *err)
{
    int64_t changed;

    return db_exec(db, statement, p, &changed, err) ||
           error_wrap(err, "case %s", number);
}

/* Octets, or NULL. */
static void
bind_octets(struct db_params *p, const uint8_t *data, size_t len)
{
    if (data == NULL)
        db_bind_null(p);
    else
        db_bind_bytes(p, data, len);
}

/* Octets that may be NULL, else of this length. */
static bool
read_octets(const struct db_result *r, size_t row, int column, size_t wanted,
            const uint8_t **out, struct error *err)
{
    size_t len = 0;

    *out = NULL;
    if (db_is_null(r, row, column))
        return true;
    if (!db_read_bytes(r, row, column, out, &len, err))
        return false;
    return len == wanted ||
           error_set(err, ERROR_INTERNAL, "%zu octets, not %zu", len, wanted);
}

bool
db_case_create(struct db *db, const struct db_case *row, char letter,
               char number[DB_CASE_NUMBER_MAX + 1], struct error *err)
{
    char letters[2] = {letter, '\0'};
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = false;

    db_bind_text(&p, letters);
    db_bind_time(&p, row->created_at);
    db_bind_text(&p, row->business);
    db_bind_text(&p, row->account);
    db_bind_text(&p, row->unit_name);
    db_bind_text(&p, row->uscc);
    db_bind_text(&p, row->language);
    db_bind_text(&p, row->notice_version);
    db_bind_text(&p, row->predecessor_issuer);
    bind_octets(&p, row->predecessor_serial, 16);
    db_bind_text(&p, row->device);
    db_bind_text(&p, row->replaces);
    db_bind_bool(&p, row->is_sample);
    db_bind_time_or_null(&p, row->deadline_at);
    if (!db_query(db, DB_RA_CASE_CREATE, &p, &r, err))
        return error_wrap(err, "create case");
    /* ON CONFLICT DO NOTHING on the indexes of open cases. */
    if (db_rows(r) != 1)
        error_set(err, ERROR_CONFLICT,
                  "this account has an open business already: finish or "
                  "withdraw it first");
    else
        ok = db_read_word(r, 0, 0, number, DB_CASE_NUMBER_MAX + 1, err);
    db_result_free(r);
    return ok;
}

static bool
read_order(const struct db_result *r, size_t at, struct db_case *out,
           struct error *err)
{
    if (!db_read_text_null(r, at, 12, &out->order_id, err))
        return false;
    if (out->order_id == NULL)
        return true;
    return db_read_bytes(r, at, 13, &out->order_body, &out->order_body_len,
                         err) &&
           read_octets(r, at, 14, 32, &out->order_digest, err);
}

bool
db_case_read(const struct db_result *r, size_t at, struct db_case *out,
             struct error *err)
{
    memset(out, 0, sizeof *out);
    return db_read_text(r, at, 0, &out->number, err) &&
           db_read_text(r, at, 1, &out->business, err) &&
           db_read_text(r, at, 2, &out->account, err) &&
           db_read_text(r, at, 3, &out->state, err) &&
           db_read_int32(r, at, 4, &out->revision, err) &&
           db_read_text(r, at, 5, &out->unit_name, err) &&
           db_read_text(r, at, 6, &out->uscc, err) &&
           db_read_text(r, at, 7, &out->language, err) &&
           db_read_text_null(r, at, 8, &out->notice_version, err) &&
           db_read_text_null(r, at, 9, &out->predecessor_issuer, err) &&
           read_octets(r, at, 10, 16, &out->predecessor_serial, err) &&
           db_read_text_null(r, at, 11, &out->device, err) &&
           read_order(r, at, out, err) &&
           db_read_text_null(r, at, 15, &out->replaces, err) &&
           db_read_text_null(r, at, 16, &out->assigned_to, err) &&
           db_read_time_null(r, at, 17, &out->held_until, err) &&
           db_read_bool(r, at, 18, &out->is_sample, err) &&
           db_read_time(r, at, 19, &out->created_at, err) &&
           db_read_time_null(r, at, 20, &out->submitted_at, err) &&
           db_read_time(r, at, 21, &out->changed_at, err) &&
           db_read_time_null(r, at, 22, &out->deadline_at, err) &&
           db_read_time_null(r, at, 23, &out->completed_at, err);
}

bool
db_case_get(struct db *db, const char *number, bool is_locked,
            struct db_case *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    db_bind_text(&p, number);
    if (!db_query(db, is_locked ? DB_RA_CASE_LOCK : DB_RA_CASE_GET, &p, &r,
                  err))
        return error_wrap(err, "case %s", number);
    if (db_rows(r) != 1) {
        db_result_free(r);
        return error_set(err, ERROR_NOT_FOUND, "there is no such case");
    }
    if (!db_case_read(r, 0, out, err)) {
        db_result_free(r);
        memset(out, 0, sizeof *out);
        return error_wrap(err, "case %s", number);
    }
    out->held = r;
    return true;
}

void
db_case_clear(struct db_case *row)
{
    db_result_free(row->held);
    memset(row, 0, sizeof *row);
}

bool
db_case_list(struct db *db, const char *account, const char *state,
             const char *business, const char *after, size_t max, db_each *each,
             void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, account);
    db_bind_text(&p, state);
    db_bind_text(&p, business);
    db_bind_text(&p, after);
    db_bind_int64(&p, (int64_t)max);
    return db_stream(db, DB_RA_CASE_LIST, &p, each, arg, err);
}

bool
db_case_move(struct db *db, const struct db_case_move *move, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, move->number);
    db_bind_text(&p, move->from);
    db_bind_text(&p, move->to);
    db_bind_time(&p, move->at);
    db_bind_time_or_null(&p, move->deadline_at);
    db_bind_time_or_null(&p, move->completed_at);
    db_bind_time_or_null(&p, move->submitted_at);
    return change_one(db, DB_RA_CASE_MOVE, &p, move->number,
                      "in another state by now", err);
}

bool
db_case_revise(struct db *db, const char *number, int revision,
               struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_int32(&p, revision);
    return change_one(db, DB_RA_CASE_REVISE, &p, number,
                      "has another revision by now: read it again", err);
}

bool
db_case_order(struct db *db, const char *number, const char *order_id,
              const struct buf *body, const uint8_t digest[32],
              struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_text(&p, order_id);
    db_bind_bytes(&p, body->data, body->len);
    db_bind_bytes(&p, digest, 32);
    return change_one(db, DB_RA_CASE_ORDER, &p, number, "is not there", err);
}

bool
db_case_copies(struct db *db, const char *number, const char *unit_name,
               const char *uscc, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_text(&p, unit_name);
    db_bind_text(&p, uscc);
    return change_one(db, DB_RA_CASE_COPIES, &p, number, "is not there", err);
}

bool
db_case_device(struct db *db, const char *number, const char *serial,
               struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_text(&p, serial);
    return change_one(db, DB_RA_CASE_DEVICE, &p, number, "is not there", err);
}

/* ---- Fields --------------------------------------------------------------
 */

bool
db_field_set(struct db *db, const char *number, const struct db_field *field,
             struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_text(&p, field->name);
    db_bind_text(&p, field->value);
    bind_octets(&p, field->sealed, field->sealed_len);
    bind_octets(&p, field->blind, 32);
    db_bind_bool(&p, field->is_locked);
    return change_one(db, DB_RA_FIELD_SET, &p, number, "field not written",
                      err);
}

bool
db_field_delete(struct db *db, const char *number, const char *name,
                struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_text(&p, name);
    return run(db, DB_RA_FIELD_DELETE, &p, number, err);
}

bool
db_field_list(struct db *db, const char *number, db_each *each, void *arg,
              struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    return db_stream(db, DB_RA_FIELD_LIST, &p, each, arg, err);
}

bool
db_field_read(const struct db_result *row, size_t at, struct db_field *out,
              struct error *err)
{
    memset(out, 0, sizeof *out);
    return db_read_text(row, at, 0, &out->name, err) &&
           db_read_text_null(row, at, 1, &out->value, err) &&
           (db_is_null(row, at, 2) ||
            db_read_bytes(row, at, 2, &out->sealed, &out->sealed_len, err));
}

/* ---- What guards ask ------------------------------------------------------
 */

static bool
read_int64_or_0(const struct db_result *r, int column, int64_t *out,
                struct error *err)
{
    *out = 0;
    return db_is_null(r, 0, column) || db_read_int64(r, 0, column, out, err);
}

static bool
read_word_or_empty(const struct db_result *r, int column, char *out, size_t max,
                   struct error *err)
{
    out[0] = '\0';
    return db_is_null(r, 0, column) ||
           db_read_word(r, 0, column, out, max, err);
}

static bool
read_facts(const struct db_result *r, struct db_case_facts *out,
           struct error *err)
{
    out->has_payment = !db_is_null(r, 0, 4);
    return db_read_int64(r, 0, 0, &out->live_count, err) &&
           read_word_or_empty(r, 1, out->predecessor_state,
                              sizeof out->predecessor_state, err) &&
           db_read_time_null(r, 0, 2, &out->predecessor_not_after, err) &&
           db_read_bool(r, 0, 3, &out->is_predecessor_bound, err) &&
           read_int64_or_0(r, 4, &out->amount, err) &&
           read_int64_or_0(r, 5, &out->received, err) &&
           db_read_int64(r, 0, 6, &out->papers_wanted, err) &&
           db_read_int64(r, 0, 7, &out->papers_received, err) &&
           read_word_or_empty(r, 8, out->device_state, sizeof out->device_state,
                              err) &&
           db_read_bool(r, 0, 9, &out->is_made, err) &&
           db_read_bool(r, 0, 10, &out->handler_is_of_record, err) &&
           db_read_int64(r, 0, 11, &out->forms, err) &&
           read_word_or_empty(r, 12, out->handler_case,
                              sizeof out->handler_case, err) &&
           db_read_bool(r, 0, 13, &out->is_handler_confirmed, err) &&
           db_read_int64(r, 0, 14, &out->open_others, err) &&
           db_read_bool(r, 0, 15, &out->is_predecessor_own, err);
}

bool
db_case_facts(struct db *db, const char *number, int64_t at,
              struct db_case_facts *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = false;

    memset(out, 0, sizeof *out);
    db_bind_text(&p, number);
    db_bind_time(&p, at);
    if (!db_query(db, DB_RA_CASE_FACTS, &p, &r, err))
        return error_wrap(err, "facts of case %s", number);
    if (db_rows(r) != 1)
        error_set(err, ERROR_NOT_FOUND, "there is no such case");
    else
        ok = read_facts(r, out, err);
    db_result_free(r);
    return ok;
}

bool
db_case_documents(struct db *db, const char *number, db_each *each, void *arg,
                  struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    return db_stream(db, DB_RA_CASE_DOCUMENTS, &p, each, arg, err);
}

bool
db_case_document_read(const struct db_result *row, size_t at,
                      struct db_case_document *out, struct error *err)
{
    return db_read_text(row, at, 0, &out->slot, err) &&
           db_read_text(row, at, 1, &out->id, err) &&
           read_octets(row, at, 2, 32, &out->sha256, err);
}

bool
db_case_documents_void(struct db *db, const char *number,
                       const char *const *slots, size_t count,
                       struct error *err)
{
    struct db_params p = {0};

    if (count == 0)
        return true;
    db_bind_text(&p, number);
    db_bind_text_array(&p, slots, count);
    return run(db, DB_RA_CASE_DOCUMENT_VOID, &p, number, err);
}

bool
db_case_paper_await(struct db *db, const char *number, const char *slot,
                    int64_t at, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_text(&p, slot);
    db_bind_time(&p, at);
    return run(db, DB_RA_CASE_PAPER, &p, number, err);
}

bool
db_case_namesakes(struct db *db, const char *account, const char *unit_name,
                  const char *uscc, int64_t at, int64_t *count,
                  struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_text(&p, account);
    db_bind_text(&p, unit_name);
    db_bind_text(&p, uscc);
    db_bind_time(&p, at);
    if (!db_query(db, DB_RA_CASE_NAMESAKES, &p, &r, err))
        return error_wrap(err, "namesakes of %s", account);
    ok = db_read_int64(r, 0, 0, count, err);
    db_result_free(r);
    return ok;
}

bool
db_case_record(struct db *db, const char *account, struct db_case_record *out,
               struct error *err)
{
    const char **const text[] = {
        &out->unit_name, &out->uscc,     &out->kind,   &out->country,
        &out->province,  &out->locality, &out->street, &out->language};
    struct db_params p = {0};

    memset(out, 0, sizeof *out);
    db_bind_text(&p, account);
    if (!db_query(db, DB_RA_CASE_RECORD, &p, &out->held, err))
        return error_wrap(err, "record of %s", account);
    if (db_rows(out->held) != 1)
        return true;
    for (int i = 0; i < (int)(sizeof text / sizeof text[0]); i++)
        if (!db_read_text(out->held, 0, i, text[i], err)) {
            db_result_free(out->held);
            out->held = NULL;
            return false;
        }
    out->is_there = true;
    return true;
}
