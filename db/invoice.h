/* Invoices and reconciliations: tables ra.invoice, invoice_counter and
 * reconciliation. */
#ifndef DB_INVOICE_H
#define DB_INVOICE_H

#include "db/db.h"

/* Cases that are completed since `at` or longer, paid and without invoice. */
enum { DB_INVOICE_LIST_MAX = 100 };
struct db_invoice_due {
    char number[DB_INVOICE_LIST_MAX][32];
    int64_t completed_at[DB_INVOICE_LIST_MAX];
    size_t count;
};
bool db_invoice_due(struct db *db, int64_t at, struct db_invoice_due *out,
                    struct error *err) MUST_CHECK;

/* The next number. The counter's row is locked until the transaction ends, and
 * a roll-back gives the number back: there are no gaps. */
bool db_invoice_next(struct db *db, int64_t *number,
                     struct error *err) MUST_CHECK;
bool db_invoice_add(struct db *db, int64_t invoice_number, const char *number,
                    const char *payment, int64_t amount, const struct buf *xml,
                    int64_t at, struct error *err) MUST_CHECK;
/* *invoice_number 0 if the case has none; `xml` may be NULL. */
bool db_invoice_get(struct db *db, const char *number, int64_t *invoice_number,
                    struct buf *xml, struct error *err) MUST_CHECK;

/* ---- Reconciliation --------------------------------------------------------
 */

/* What we have of a day's online money. Borrowed from the row. */
struct db_money_event {
    const char *event_id;
    const char *order; /* the provider's side knows the payment by this */
    int64_t amount;
    const char *number;
    const char *kind;  /* "received", "late", "refunded" */
    const char *state; /* of the payment */
};
bool db_money_events(struct db *db, int64_t from, int64_t until, db_each *each,
                     void *arg, struct error *err) MUST_CHECK;
bool db_money_event_read(const struct db_result *row, size_t at,
                         struct db_money_event *out,
                         struct error *err) MUST_CHECK;

/* `day`: "2026-11-24". `report` is JSON. Made again, it replaces the old one.
 */
bool db_reconciliation_put(struct db *db, const char *day,
                           const struct buf *report, bool is_matched,
                           int64_t at, struct error *err) MUST_CHECK;
/* Newest first, before that day ("": from the newest on); each row is read by
 * db_reconciliation_read(). */
struct db_reconciliation {
    const char *day;
    const uint8_t *report;
    size_t report_len;
    bool is_matched;
    int64_t made_at;
};
bool db_reconciliation_list(struct db *db, const char *before, size_t limit,
                            db_each *each, void *arg,
                            struct error *err) MUST_CHECK;
bool db_reconciliation_read(const struct db_result *row, size_t at,
                            struct db_reconciliation *out,
                            struct error *err) MUST_CHECK;
bool db_reconciliation_exists(struct db *db, const char *day, bool *exists,
                              struct error *err) MUST_CHECK;

#endif
