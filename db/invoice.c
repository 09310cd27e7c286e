/* Invoices and reconciliations: db/invoice.h. */
#include "db/invoice.h"

#include "db/sql_ra.h"

bool
db_invoice_due(struct db *db, int64_t at, struct db_invoice_due *out,
               struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_time(&p, at);
    db_bind_int32(&p, DB_INVOICE_LIST_MAX);
    ok = db_query(db, DB_RA_INVOICE_DUE, &p, &r, err);
    out->count = 0;
    for (size_t i = 0; ok && i < db_rows(r); i++) {
        ok =
            db_read_word(r, i, 0, out->number[i], sizeof out->number[i], err) &&
            db_read_time(r, i, 1, &out->completed_at[i], err);
        out->count = i + 1;
    }
    db_result_free(r);
    return ok || error_wrap(err, "invoices that are due");
}

bool
db_invoice_next(struct db *db, int64_t *number, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = db_query(db, DB_RA_INVOICE_NEXT, &p, &r, err);

    if (ok && db_rows(r) != 1)
        ok = error_set(err, ERROR_INTERNAL, "there is no counter");
    ok = ok && db_read_int64(r, 0, 0, number, err);
    db_result_free(r);
    return ok || error_wrap(err, "number of an invoice");
}

bool
db_invoice_add(struct db *db, int64_t invoice_number, const char *number,
               const char *payment, int64_t amount, const struct buf *xml,
               int64_t at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_int64(&p, invoice_number);
    db_bind_text(&p, number);
    db_bind_text(&p, payment);
    db_bind_int64(&p, amount);
    db_bind_bytes(&p, xml->data, xml->len);
    db_bind_time(&p, at);
    return db_exec(db, DB_RA_INVOICE_ADD, &p, &changed, err) ||
           error_wrap(err, "invoice of %s", number);
}

bool
db_invoice_get(struct db *db, const char *number, int64_t *invoice_number,
               struct buf *xml, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    const uint8_t *data;
    size_t len;
    bool ok;

    *invoice_number = 0;
    db_bind_text(&p, number);
    ok = db_query(db, DB_RA_INVOICE_GET, &p, &r, err);
    if (ok && db_rows(r) == 1) {
        ok = db_read_int64(r, 0, 0, invoice_number, err) &&
             db_read_bytes(r, 0, 1, &data, &len, err);
        if (ok && xml != NULL && !buf_add(xml, data, len))
            ok = error_set(err, ERROR_INTERNAL, "the invoice is too long");
    }
    db_result_free(r);
    return ok || error_wrap(err, "invoice of %s", number);
}

/* ---- Reconciliation --------------------------------------------------------
 */

bool
db_money_events(struct db *db, int64_t from, int64_t until, db_each *each,
                void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_time(&p, from);
    db_bind_time(&p, until);
    return db_stream(db, DB_RA_RECONCILIATION_EVENTS, &p, each, arg, err);
}

bool
db_money_event_read(const struct db_result *r, size_t at,
                    struct db_money_event *out, struct error *err)
{
    return db_read_text(r, at, 0, &out->event_id, err) &&
           db_read_text(r, at, 1, &out->order, err) &&
           db_read_int64(r, at, 2, &out->amount, err) &&
           db_read_text(r, at, 3, &out->number, err) &&
           db_read_text(r, at, 4, &out->kind, err) &&
           db_read_text(r, at, 5, &out->state, err);
}

bool
db_reconciliation_put(struct db *db, const char *day, const struct buf *report,
                      bool is_matched, int64_t at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, day);
    db_bind_bytes(&p, report->data, report->len);
    db_bind_bool(&p, is_matched);
    db_bind_time(&p, at);
    return db_exec(db, DB_RA_RECONCILIATION_PUT, &p, &changed, err) ||
           error_wrap(err, "reconciliation of %s", day);
}

bool
db_reconciliation_list(struct db *db, const char *before, size_t limit,
                       db_each *each, void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, before);
    db_bind_int32(&p, (int32_t)limit);
    return db_stream(db, DB_RA_RECONCILIATION_LIST, &p, each, arg, err);
}

bool
db_reconciliation_read(const struct db_result *r, size_t at,
                       struct db_reconciliation *out, struct error *err)
{
    return db_read_text(r, at, 0, &out->day, err) &&
           db_read_bytes(r, at, 1, &out->report, &out->report_len, err) &&
           db_read_bool(r, at, 2, &out->is_matched, err) &&
           db_read_time(r, at, 3, &out->made_at, err);
}

bool
db_reconciliation_exists(struct db *db, const char *day, bool *exists,
                         struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_text(&p, day);
    ok = db_query(db, DB_RA_RECONCILIATION_EXISTS, &p, &r, err) &&
         db_read_bool(r, 0, 0, exists, err);
    db_result_free(r);
    return ok || error_wrap(err, "reconciliation of %s", day);
}
