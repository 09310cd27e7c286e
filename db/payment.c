/* Payments, their events and refunds: db/payment.h. */
#include "db/payment.h"

#include <string.h>

#include "db/sql_ra.h"

/* Runs a statement that must change one row. */
static bool
change_one(struct db *db, size_t statement, struct db_params *p,
           const char *noun, const char *id, const char *conflict,
           struct error *err)
{
    int64_t changed;

    if (!db_exec(db, statement, p, &changed, err))
        return error_wrap(err, "%s %s", noun, id);
    if (changed != 1)
        return error_set(err, ERROR_CONFLICT, "%s %s: %s", noun, id, conflict);
    return true;
}

static bool
exec(struct db *db, size_t statement, struct db_params *p, struct error *err)
{
    int64_t changed;

    return db_exec(db, statement, p, &changed, err);
}

/* One number that the statement answers. */
static bool
ask_int64(struct db *db, size_t statement, struct db_params *p, int64_t *out,
          struct error *err)
{
    struct db_result *r = NULL;
    bool ok = db_query(db, statement, p, &r, err);

    if (ok && db_rows(r) != 1)
        ok = error_set(err, ERROR_INTERNAL, "not one row");
    ok = ok && db_read_int64(r, 0, 0, out, err);
    db_result_free(r);
    return ok;
}

/* ---- Payments ------------------------------------------------------------ */

bool
db_payment_add(struct db *db, const struct db_payment *payment, bool *is_new,
               struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, payment->id);
    db_bind_text(&p, payment->number);
    db_bind_int64(&p, payment->amount);
    db_bind_int64(&p, payment->received);
    db_bind_text(&p, payment->state);
    db_bind_text(&p, payment->method);
    db_bind_text(&p, payment->origin);
    db_bind_text(&p, payment->invoice_title);
    db_bind_text(&p, payment->invoice_tax_number);
    db_bind_text(&p, payment->invoice_email);
    db_bind_time(&p, payment->created_at);
    db_bind_time_or_null(&p, payment->paid_at);
    if (!db_exec(db, DB_RA_PAYMENT_ADD, &p, &changed, err))
        return error_wrap(err, "payment of %s", payment->number);
    *is_new = changed == 1;
    return true;
}

static bool
payment_read(const struct db_result *r, struct db_payment *out,
             struct error *err)
{
    return db_read_text(r, 0, 0, &out->id, err) &&
           db_read_text(r, 0, 1, &out->number, err) &&
           db_read_int64(r, 0, 2, &out->amount, err) &&
           db_read_int64(r, 0, 3, &out->received, err) &&
           db_read_int64(r, 0, 4, &out->refunded, err) &&
           db_read_text(r, 0, 5, &out->state, err) &&
           db_read_text_null(r, 0, 6, &out->method, err) &&
           db_read_text_null(r, 0, 7, &out->provider_id, err) &&
           db_read_text_null(r, 0, 8, &out->origin, err) &&
           db_read_text_null(r, 0, 9, &out->invoice_title, err) &&
           db_read_text_null(r, 0, 10, &out->invoice_tax_number, err) &&
           db_read_text_null(r, 0, 11, &out->invoice_email, err) &&
           db_read_time(r, 0, 12, &out->created_at, err) &&
           db_read_time_null(r, 0, 13, &out->paid_at, err) &&
           db_read_time(r, 0, 14, &out->changed_at, err);
}

static bool
payment_query(struct db *db, size_t statement, const char *key,
              struct db_payment *out, bool *is_there, struct error *err)
{
    struct db_params p = {0};

    memset(out, 0, sizeof *out);
    *is_there = false;
    db_bind_text(&p, key);
    if (!db_query(db, statement, &p, &out->held, err))
        return error_wrap(err, "payment %s", key);
    *is_there = db_rows(out->held) > 0;
    if (*is_there && payment_read(out->held, out, err))
        return true;
    db_result_free(out->held);
    memset(out, 0, sizeof *out);
    return !*is_there;
}

bool
db_payment_get(struct db *db, const char *id, bool is_locked,
               struct db_payment *out, struct error *err)
{
    bool is_there;

    if (!payment_query(db, is_locked ? DB_RA_PAYMENT_LOCK : DB_RA_PAYMENT_GET,
                       id, out, &is_there, err))
        return false;
    return is_there ||
           error_set(err, ERROR_NOT_FOUND, "there is no payment %s", id);
}

bool
db_payment_of_case(struct db *db, const char *number, bool is_locked,
                   struct db_payment *out, bool *is_there, struct error *err)
{
    return payment_query(
        db, is_locked ? DB_RA_PAYMENT_OF_CASE_LOCK : DB_RA_PAYMENT_OF_CASE,
        number, out, is_there, err);
}

void
db_payment_clear(struct db_payment *payment)
{
    db_result_free(payment->held);
    memset(payment, 0, sizeof *payment);
}

bool
db_payment_change(struct db *db, const struct db_payment_change *change,
                  struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, change->id);
    db_bind_text(&p, change->from);
    db_bind_text(&p, change->to);
    db_bind_int64(&p, change->received);
    db_bind_int64(&p, change->refunded);
    db_bind_time_or_null(&p, change->paid_at);
    db_bind_time(&p, change->at);
    return change_one(db, DB_RA_PAYMENT_CHANGE, &p, "payment", change->id,
                      "it is in another state by now", err);
}

bool
db_payment_choose(struct db *db, const struct db_payment *payment, int64_t at,
                  struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, payment->id);
    db_bind_text(&p, payment->method);
    db_bind_text(&p, payment->invoice_title);
    db_bind_text(&p, payment->invoice_tax_number);
    db_bind_text(&p, payment->invoice_email);
    db_bind_time(&p, at);
    return change_one(db, DB_RA_PAYMENT_CHOOSE, &p, "payment", payment->id,
                      "it is paid or closed: nothing is to be chosen any more",
                      err);
}

bool
db_payment_ordered(struct db *db, const char *id, const char *provider_id,
                   int64_t at, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, id);
    db_bind_text(&p, provider_id);
    db_bind_time(&p, at);
    return change_one(db, DB_RA_PAYMENT_ORDERED, &p, "payment", id,
                      "the provider knows it by another number", err);
}

static bool
ids_query(struct db *db, size_t statement, struct db_params *p,
          struct db_payment_ids *out, struct error *err)
{
    struct db_result *r = NULL;
    bool ok = db_query(db, statement, p, &r, err);

    out->count = 0;
    for (size_t i = 0; ok && i < db_rows(r) && i < DB_PAYMENT_LIST_MAX; i++) {
        ok = db_read_word(r, i, 0, out->id[i], sizeof out->id[i], err) &&
             db_read_word(r, i, 1, out->number[i], sizeof out->number[i], err);
        out->count = i + 1;
    }
    db_result_free(r);
    return ok || error_wrap(err, "payments");
}

bool
db_payment_to_ask(struct db *db, int64_t not_since, int64_t at,
                  struct db_payment_ids *out, struct error *err)
{
    struct db_params p = {0};

    db_bind_time(&p, not_since);
    db_bind_time(&p, at);
    db_bind_int32(&p, DB_PAYMENT_LIST_MAX);
    return ids_query(db, DB_RA_PAYMENT_TO_ASK, &p, out, err);
}

bool
db_payment_to_settle(struct db *db, struct db_payment_ids *out,
                     struct error *err)
{
    struct db_params p = {0};

    db_bind_int32(&p, DB_PAYMENT_LIST_MAX);
    return ids_query(db, DB_RA_PAYMENT_TO_SETTLE, &p, out, err);
}

/* ---- Events -------------------------------------------------------------- */

bool
db_payment_event_add(struct db *db, const struct db_payment_event *event,
                     bool *is_new, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, event->payment);
    db_bind_text(&p, event->event_id);
    db_bind_text(&p, event->kind);
    db_bind_text(&p, event->method);
    db_bind_int64(&p, event->amount);
    db_bind_time(&p, event->at);
    db_bind_text(&p, event->actor);
    if (!db_exec(db, DB_RA_PAYMENT_EVENT_ADD, &p, &changed, err))
        return error_wrap(err, "event of payment %s", event->payment);
    *is_new = changed == 1;
    return true;
}

bool
db_payment_event_owner(struct db *db, const char *event_id, char payment[37],
                       int64_t *amount, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    payment[0] = '\0';
    db_bind_text(&p, event_id);
    ok = db_query(db, DB_RA_PAYMENT_EVENT_OWNER, &p, &r, err) &&
         (db_rows(r) == 0 || (db_read_word(r, 0, 0, payment, 37, err) &&
                              db_read_int64(r, 0, 1, amount, err)));
    db_result_free(r);
    return ok || error_wrap(err, "event %s", event_id);
}

bool
db_payment_net(struct db *db, const char *id, const char *method, int64_t *net,
               struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, id);
    db_bind_text(&p, method);
    return ask_int64(db, DB_RA_PAYMENT_NET, &p, net, err);
}

/* ---- Refunds ------------------------------------------------------------- */

bool
db_refund_add(struct db *db, const struct db_refund *refund, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, refund->id);
    db_bind_text(&p, refund->payment);
    db_bind_int64(&p, refund->amount);
    db_bind_text(&p, refund->method);
    db_bind_text(&p, refund->reason);
    db_bind_text(&p, refund->state);
    db_bind_time_or_null(&p, refund->send_at);
    db_bind_time(&p, refund->made_at);
    return exec(db, DB_RA_REFUND_ADD, &p, err) ||
           error_wrap(err, "refund of payment %s", refund->payment);
}

bool
db_refund_read(const struct db_result *r, size_t at, struct db_refund *out,
               struct error *err)
{
    memset(out, 0, sizeof *out);
    return db_read_text(r, at, 0, &out->id, err) &&
           db_read_text(r, at, 1, &out->payment, err) &&
           db_read_text(r, at, 2, &out->order, err) &&
           db_read_text(r, at, 3, &out->number, err) &&
           db_read_int64(r, at, 4, &out->amount, err) &&
           db_read_text(r, at, 5, &out->method, err) &&
           db_read_text(r, at, 6, &out->reason, err) &&
           db_read_text(r, at, 7, &out->state, err) &&
           db_read_text_null(r, at, 8, &out->officer_id, err) &&
           db_read_time_null(r, at, 9, &out->send_at, err) &&
           db_read_int32(r, at, 10, &out->send_count, err) &&
           db_read_text_null(r, at, 11, &out->problem, err) &&
           db_read_time(r, at, 12, &out->made_at, err) &&
           db_read_time(r, at, 13, &out->changed_at, err);
}

bool
db_refund_get(struct db *db, const char *id, struct db_refund *out,
              struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    db_bind_text(&p, id);
    if (!db_query(db, DB_RA_REFUND_GET, &p, &r, err))
        return error_wrap(err, "refund %s", id);
    if (db_rows(r) != 1) {
        db_result_free(r);
        return error_set(err, ERROR_NOT_FOUND, "there is no refund %s", id);
    }
    if (!db_refund_read(r, 0, out, err)) {
        db_result_free(r);
        return false;
    }
    out->held = r;
    return true;
}

void
db_refund_clear(struct db_refund *refund)
{
    db_result_free(refund->held);
    memset(refund, 0, sizeof *refund);
}

bool
db_refund_claim(struct db *db, int64_t now, int64_t until, char id[37],
                struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    id[0] = '\0';
    db_bind_time(&p, now);
    db_bind_time(&p, until);
    ok = db_query(db, DB_RA_REFUND_CLAIM, &p, &r, err) &&
         (db_rows(r) == 0 || db_read_word(r, 0, 0, id, 37, err));
    db_result_free(r);
    return ok || error_wrap(err, "claim refund");
}

bool
db_refund_change(struct db *db, const struct db_refund_change *change,
                 struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, change->id);
    db_bind_text(&p, change->from);
    db_bind_text(&p, change->to);
    db_bind_time_or_null(&p, change->send_at);
    db_bind_text(&p, change->problem);
    db_bind_text(&p, change->officer_id);
    db_bind_bool(&p, change->is_retry);
    db_bind_time(&p, change->at);
    return change_one(db, DB_RA_REFUND_CHANGE, &p, "refund", change->id,
                      "it is in another state by now", err);
}

bool
db_refund_device_back(struct db *db, const char *number, int64_t at,
                      struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_time(&p, at);
    return exec(db, DB_RA_REFUND_DEVICE_BACK, &p, err) ||
           error_wrap(err, "refunds of %s", number);
}

bool
db_refund_unsent(struct db *db, const char *payment, const char *method,
                 int64_t *sum, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, payment);
    db_bind_text(&p, method);
    return ask_int64(db, DB_RA_REFUND_UNSENT, &p, sum, err);
}

bool
db_refund_move(struct db *db, const char *payment, int64_t at,
               struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, payment);
    db_bind_time(&p, at);
    return exec(db, DB_RA_REFUND_MOVE, &p, err) ||
           error_wrap(err, "refunds of payment %s", payment);
}

bool
db_refund_hasten(struct db *db, const char *payment, int64_t at,
                 struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, payment);
    db_bind_time(&p, at);
    return exec(db, DB_RA_REFUND_HASTEN, &p, err) ||
           error_wrap(err, "refunds of payment %s", payment);
}

bool
db_refund_list(struct db *db, const char *state, const char *before,
               size_t limit, db_each *each, void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, state);
    db_bind_text(&p, before);
    db_bind_int32(&p, (int32_t)limit);
    return db_stream(db, DB_RA_REFUND_LIST, &p, each, arg, err);
}

/* ---- What is asked about the case -----------------------------------------
 */

bool
db_payment_device_is_out(struct db *db, const char *number, bool *is_out,
                         struct error *err)
{
    struct db_params p = {0};
    int64_t count = 0;

    db_bind_text(&p, number);
    if (!ask_int64(db, DB_RA_PAYMENT_DEVICES_OUT, &p, &count, err))
        return error_wrap(err, "devices of %s", number);
    *is_out = count > 0;
    return true;
}

bool
db_payment_case_state(struct db *db, const char *number, char state[24],
                      struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = false;

    db_bind_text(&p, number);
    if (!db_query(db, DB_RA_PAYMENT_CASE_STATE, &p, &r, err))
        return error_wrap(err, "case %s", number);
    ok = db_rows(r) == 1
             ? db_read_word(r, 0, 0, state, 24, err)
             : error_set(err, ERROR_NOT_FOUND, "there is no such case");
    db_result_free(r);
    return ok;
}
