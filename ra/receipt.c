/* Money that comes in: ra/receipt.h. */
#include "ra/receipt.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "db/nonce.h"
#include "db/payment.h"
#include "ra/case_tell.h"
#include "ra/money.h"
#include "ra/signed_call.h"

struct taking {
    const struct business *business;
    const struct receipt *receipt;
    int64_t now;
    struct receipt_outcome out;
};

/* What the history of the case tells. */
static bool
note(struct db *db, const struct db_case *row, const struct taking *taking,
     const char *event, struct error *err)
{
    json_t *detail = json_object();
    bool ok;

    json_set_int(detail, "amount", taking->receipt->amount);
    json_set_text(detail, "event_id", taking->receipt->event_id);
    json_set_text(detail, "method", taking->receipt->method);
    ok = case_note(db, row, event, taking->receipt->actor, detail, taking->now,
                   err);
    json_decref(detail);
    return ok;
}

/* The case, locked, goes on, if it waits for this. */
static bool
go_on(const struct business *business, struct db *db, const struct db_case *row,
      int64_t now, struct error *err)
{
    struct case_act act = {.number = row->number,
                           .event = CASE_PAY,
                           .who = CASE_BY_SYSTEM,
                           .actor = "signet-ra",
                           .at = now};

    return strcmp(row->state, case_state_name(CASE_AWAITING_PAYMENT)) != 0 ||
           case_apply_within(business, db, &act, NULL, err);
}

/* Tells the handler; `wanted` 0: nothing more is. */
static bool
tell(struct db *db, const struct db_case *row, const struct taking *taking,
     const char *name, int64_t amount, int64_t wanted, struct error *err)
{
    json_t *values = json_object();
    char text[MONEY_TEXT_MAX + 1];
    bool ok;

    money_format(amount, text);
    json_set_text(values, "amount", text);
    money_format(wanted, text);
    json_set_text(values, "wanted", text);
    ok = case_tell(taking->business, db, row, name, taking->receipt->event_id,
                   values, taking->now, err);
    json_decref(values);
    return ok;
}

/* What is too much goes back, and the handler is told. */
static bool
send_back(struct db *db, const struct db_payment *payment,
          const struct db_case *row, const struct taking *taking,
          struct error *err)
{
    const struct payment_judgement *judgement = &taking->out.judgement;
    bool is_late = judgement->verdict == PAYMENT_LATE;

    return payment_refund(db, payment->id, judgement->surplus,
                          is_late ? "late" : "overpaid", taking->now,
                          taking->now, err) &&
           tell(db, row, taking, is_late ? "payment-late" : "payment-surplus",
                judgement->surplus, 0, err);
}

/* The payment's row, and what follows. The event is written. */
static bool
count_in(struct db *db, const struct db_payment *payment,
         const struct db_case *row, const struct taking *taking,
         struct error *err)
{
    const struct receipt *receipt = taking->receipt;
    const struct payment_judgement *judgement = &taking->out.judgement;
    struct db_payment_change change = {.id = payment->id,
                                       .from = payment->state,
                                       .to = payment->state,
                                       .received = receipt->amount,
                                       .at = taking->now};

    if (judgement->verdict == PAYMENT_COMPLETE) {
        change.to = "paid";
        change.paid_at = receipt->came_at;
    } else if (judgement->verdict == PAYMENT_LATE &&
               strcmp(payment->state, "transferred") != 0) {
        change.to = "refunding";
    }
    if (!db_payment_change(db, &change, err) ||
        !note(db, row, taking,
              judgement->verdict == PAYMENT_LATE ? "payment-late"
                                                 : "payment-received",
              err) ||
        (judgement->surplus > 0 && !send_back(db, payment, row, taking, err)))
        return false;
    if (judgement->verdict == PAYMENT_PARTIAL)
        return tell(db, row, taking, "payment-partial", receipt->amount,
                    judgement->wanted, err);
    return judgement->verdict != PAYMENT_COMPLETE ||
           go_on(taking->business, db, row, taking->now, err);
}

/* An event that counted before must be the same in everything. */
static bool
known_check(struct db *db, const char *payment, const struct receipt *receipt,
            struct error *err)
{
    char owner[37];
    int64_t amount = 0;

    if (!db_payment_event_owner(db, receipt->event_id, owner, &amount, err))
        return false;
    return (strcmp(owner, payment) == 0 && amount == receipt->amount) ||
           error_set(err, ERROR_CONFLICT,
                     "event %s counted for another payment or with another "
                     "amount",
                     receipt->event_id);
}

static bool
take_locked(struct db *db, const struct db_payment *payment,
            const struct db_case *row, struct taking *taking, struct error *err)
{
    const struct receipt *receipt = taking->receipt;
    struct db_payment_event event = {.payment = payment->id,
                                     .event_id = receipt->event_id,
                                     .kind = "received",
                                     .method = receipt->method,
                                     .amount = receipt->amount,
                                     .at = receipt->came_at,
                                     .actor = receipt->actor};
    bool is_new;

    taking->out.judgement = payment_judge(payment->state, payment->amount,
                                          payment->received, receipt->amount);
    if (taking->out.judgement.verdict == PAYMENT_LATE)
        event.kind = "late";
    if (!db_payment_event_add(db, &event, &is_new, err))
        return false;
    taking->out.is_known = !is_new;
    return is_new ? count_in(db, payment, row, taking, err)
                  : known_check(db, payment->id, receipt, err);
}

/* The case's row is locked before the payment's, as everywhere. */
static bool
take(struct db *db, void *arg, struct error *err)
{
    struct taking *taking = arg;
    const struct receipt *receipt = taking->receipt;
    struct db_payment payment = {0};
    struct db_case row = {0};
    char number[DB_CASE_NUMBER_MAX + 1];
    bool ok = false;

    memset(&taking->out, 0, sizeof taking->out);
    if (receipt->nonce != NULL &&
        !db_nonce_spend(db, "payment", receipt->nonce, taking->now,
                        2 * SIGNED_TOLERANCE_S, err))
        return false;
    if (!db_payment_get(db, receipt->order, false, &payment, err))
        return false;
    (void)snprintf(number, sizeof number, "%s", payment.number);
    db_payment_clear(&payment);
    ok = db_case_get(db, number, true, &row, err) &&
         db_payment_get(db, receipt->order, true, &payment, err) &&
         take_locked(db, &payment, &row, taking, err);
    db_payment_clear(&payment);
    db_case_clear(&row);
    return ok;
}

bool
receipt_take(const struct business *business, struct db *db,
             const struct receipt *receipt, int64_t now,
             struct receipt_outcome *out, struct error *err)
{
    static const char *const words[] = {
        [PAYMENT_PARTIAL] = "partial",
        [PAYMENT_COMPLETE] = "complete",
        [PAYMENT_SURPLUS] = "surplus",
        [PAYMENT_LATE] = "late",
    };
    struct taking taking = {
        .business = business, .receipt = receipt, .now = now};

    if (!db_transaction(db, take, &taking, err))
        return false;
    log_event(LOG_LEVEL_INFO, "payment.received",
              LOG_TEXT("payment", receipt->order),
              LOG_TEXT("event_id", receipt->event_id),
              LOG_INT("amount", receipt->amount),
              LOG_TEXT("verdict", taking.out.is_known
                                      ? "known"
                                      : words[taking.out.judgement.verdict]));
    if (out != NULL)
        *out = taking.out;
    return true;
}

bool
receipt_ask(const struct business *business, struct db *db,
            struct payment_provider *provider, const char *payment, int64_t now,
            char *pay_url, struct error *err)
{
    struct provider_order *order = base_alloc(sizeof *order);
    bool ok = payment_provider_query(provider, payment, now, order, err);

    for (size_t i = 0; ok && i < order->event_count; i++) {
        struct receipt receipt = {.order = payment,
                                  .event_id = order->event[i].event_id,
                                  .method = "online",
                                  .amount = order->event[i].amount,
                                  .came_at = order->event[i].at,
                                  .actor = "payment-provider"};

        ok = receipt_take(business, db, &receipt, now, NULL, err);
    }
    if (ok && pay_url != NULL)
        memcpy(pay_url, order->pay_url, sizeof order->pay_url);
    free(order);
    return ok;
}

/* ---- After a takeover ------------------------------------------------------
 */

struct settling {
    const struct business *business;
    const char *number;
    int64_t now;
};

static bool
settle_one(struct db *db, void *arg, struct error *err)
{
    const struct settling *settling = arg;
    struct db_case row = {0};
    bool ok = db_case_get(db, settling->number, true, &row, err) &&
              go_on(settling->business, db, &row, settling->now, err);

    db_case_clear(&row);
    return ok;
}

bool
receipt_settle(const struct business *business, struct db *db, int64_t now,
               struct error *err)
{
    struct db_payment_ids *ids = base_alloc(sizeof *ids);
    bool ok = db_payment_to_settle(db, ids, err);

    for (size_t i = 0; ok && i < ids->count; i++) {
        struct settling settling = {business, ids->number[i], now};

        ok = db_transaction(db, settle_one, &settling, err);
    }
    free(ids);
    return ok;
}
