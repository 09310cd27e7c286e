/* Payments of cases: ra/payment.h. */
#include "ra/payment.h"

#include <string.h>

#include "base/text.h"
#include "db/payment.h"

bool
payment_open(struct db *db, const char *number, int64_t amount, int64_t at,
             struct error *err)
{
    struct db_payment row = {.number = number,
                             .amount = amount,
                             .state = "created",
                             .created_at = at};
    char id[TEXT_UUID_LEN + 1];
    bool is_new;

    if (!text_uuid_draw(id, err))
        return false;
    row.id = id;
    return db_payment_add(db, &row, &is_new, err);
}

/* ---- Paying back ----------------------------------------------------------
 */

static bool
refund_add(struct db *db, const char *payment, int64_t amount,
           const char *method, const char *reason, int64_t send_at, int64_t at,
           struct error *err)
{
    struct db_refund row = {.payment = payment,
                            .amount = amount,
                            .method = method,
                            .reason = reason,
                            .state = send_at != 0 ? "due" : "waiting-device",
                            .send_at = send_at,
                            .made_at = at};
    char id[TEXT_UUID_LEN + 1];

    if (!text_uuid_draw(id, err))
        return false;
    row.id = id;
    return db_refund_add(db, &row, err);
}

bool
payment_refund(struct db *db, const char *payment, int64_t amount,
               const char *reason, int64_t send_at, int64_t at,
               struct error *err)
{
    static const char *const methods[] = {"online", "transfer"};
    int64_t net, part;

    for (size_t i = 0; i < 2 && amount > 0; i++) {
        if (!db_payment_net(db, payment, methods[i], &net, err))
            return false;
        part = net < amount ? net : amount;
        if (part <= 0)
            continue;
        if (!refund_add(db, payment, part, methods[i], reason, send_at, at,
                        err))
            return false;
        amount -= part;
    }
    return amount == 0 ||
           error_set(err, ERROR_INTERNAL,
                     "payment %s: more is to go back than came", payment);
}

/* What is here and not on its way back, by either way. */
static bool
payment_left(struct db *db, const char *id, int64_t *left, struct error *err)
{
    int64_t online, transfer;

    if (!db_payment_net(db, id, "online", &online, err) ||
        !db_payment_net(db, id, "transfer", &transfer, err))
        return false;
    *left = online + transfer;
    return true;
}

/* Nothing is paid back once there is a certificate. */
static bool
case_is_served(const char *state)
{
    return strcmp(state, "activated") == 0 || strcmp(state, "bound") == 0 ||
           strcmp(state, "issued") == 0 || strcmp(state, "installed") == 0;
}

static bool
give_back(struct db *db, const struct db_payment *payment, const char *reason,
          int64_t at, struct error *err)
{
    struct db_payment_change change = {
        .id = payment->id, .from = payment->state, .at = at};
    bool is_out;
    int64_t left, send_at = at;

    if (!payment_left(db, payment->id, &left, err))
        return false;
    if (left <= 0) {
        change.to = payment->received == 0 ? "closed" : "refunding";
        if (payment->received > 0 && payment->received == payment->refunded)
            change.to = "refunded";
        return db_payment_change(db, &change, err);
    }
    if (!db_payment_device_is_out(db, payment->number, &is_out, err))
        return false;
    /* Nothing replaces a renewal: it is filed again, when the old certificate
     * allows. */
    if (strcmp(reason, "closed") == 0 && payment->number[0] != 'W')
        send_at = at + PAYMENT_REPLACE_S;
    if (is_out)
        send_at = 0;
    change.to = "refunding";
    return payment_refund(db, payment->id, left, reason, send_at, at, err) &&
           db_payment_change(db, &change, err);
}

bool
payment_give_back(struct db *db, const char *number, const char *reason,
                  int64_t at, struct error *err)
{
    struct db_payment payment;
    char state[24];
    bool is_there, ok = true;

    if (!db_payment_case_state(db, number, state, err) ||
        !db_payment_of_case(db, number, true, &payment, &is_there, err))
        return false;
    if (is_there && case_is_served(state))
        ok = error_set(err, ERROR_CONFLICT,
                       "nothing is refunded after activation");
    else if (is_there && (strcmp(payment.state, "created") == 0 ||
                          strcmp(payment.state, "paid") == 0))
        ok = give_back(db, &payment, reason, at, err);
    db_payment_clear(&payment);
    return ok;
}

bool
payment_device_back(struct db *db, const char *number, int64_t at,
                    struct error *err)
{
    return db_refund_device_back(db, number, at, err);
}

/* ---- Taking over ----------------------------------------------------------
 */

/* The events of the new payment: by which ways its money had come. */
static bool
events_copy(struct db *db, const struct db_payment *from, const char *to,
            const int64_t part[2], int64_t at, struct error *err)
{
    static const char *const methods[] = {"online", "transfer"};
    struct buf event_id = BUF_INIT(128);
    bool is_new, ok = true;

    for (size_t i = 0; i < 2 && ok; i++) {
        struct db_payment_event event = {.payment = to,
                                         .kind = "received",
                                         .method = methods[i],
                                         .amount = part[i],
                                         .at = at,
                                         .actor = "signet-ra"};

        if (part[i] == 0)
            continue;
        buf_reset(&event_id);
        (void)buf_addf(&event_id, "taken-over:%s:%s", from->id, methods[i]);
        event.event_id = buf_text(&event_id);
        ok = db_payment_event_add(db, &event, &is_new, err);
    }
    buf_clear(&event_id);
    return ok;
}

static bool
take_over(struct db *db, const struct db_payment *from, const char *to_number,
          int64_t amount, int64_t at, struct error *err)
{
    struct db_payment row = {.number = to_number,
                             .amount = amount,
                             .received = amount,
                             .state = "paid",
                             .method = from->method,
                             .origin =
                                 from->origin != NULL ? from->origin : from->id,
                             .invoice_title = from->invoice_title,
                             .invoice_tax_number = from->invoice_tax_number,
                             .invoice_email = from->invoice_email,
                             .created_at = at,
                             .paid_at = at};
    struct db_payment_change change = {
        .id = from->id, .from = from->state, .to = "transferred", .at = at};
    char id[TEXT_UUID_LEN + 1];
    int64_t part[2];
    bool is_new;

    if (!text_uuid_draw(id, err) ||
        !db_refund_unsent(db, from->id, "online", &part[0], err) ||
        !db_refund_unsent(db, from->id, "transfer", &part[1], err))
        return false;
    row.id = id;
    if (!db_payment_add(db, &row, &is_new, err))
        return false;
    if (!is_new)
        return error_set(err, ERROR_CONFLICT, "case %s has a payment already",
                         to_number);
    return events_copy(db, from, id, part, at, err) &&
           db_refund_move(db, from->id, at, err) &&
           db_payment_change(db, &change, err);
}

bool
payment_transfer(struct db *db, const char *from_number, const char *to_number,
                 int64_t amount, int64_t at, struct error *err)
{
    struct db_payment from;
    int64_t unsent = 0;
    bool is_there, ok = false;

    if (!db_payment_of_case(db, from_number, true, &from, &is_there, err))
        return false;
    if (!is_there || strcmp(from.state, "refunding") != 0) {
        ok = true;
        goto out;
    }
    if (!db_refund_unsent(db, from.id, NULL, &unsent, err))
        goto out;
    if (unsent > 0 && unsent == amount)
        ok = take_over(db, &from, to_number, amount, at, err);
    else
        ok = db_refund_hasten(db, from.id, at, err);
out:
    db_payment_clear(&from);
    return ok;
}

/* ---- Coming in ------------------------------------------------------------
 */

struct payment_judgement
payment_judge(const char *state, int64_t amount, int64_t received, int64_t came)
{
    struct payment_judgement out = {.surplus = came};

    if (strcmp(state, "created") == 0) {
        int64_t total = received + came;

        out.verdict = total < amount ? PAYMENT_PARTIAL : PAYMENT_COMPLETE;
        out.wanted = total < amount ? amount - total : 0;
        out.surplus = total > amount ? total - amount : 0;
    } else if (strcmp(state, "paid") == 0) {
        out.verdict = PAYMENT_SURPLUS;
    } else {
        out.verdict = PAYMENT_LATE;
    }
    return out;
}
