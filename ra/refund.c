/* Money that goes back: ra/refund.h. */
#include "ra/refund.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "db/payment.h"
#include "ra/case_tell.h"
#include "ra/money.h"
#include "ra/receipt.h"

enum {
    ASK_AFTER_S = 300, /* an open order is asked about so often */
    SEND_AT_ONCE = 50, /* refunds in one run */
};

static struct metric done_count = {
    .name = "signet_ra_refunds_done_total",
    .help = "Refunds that the payer has.",
};
static struct metric failed_count = {
    .name = "signet_ra_refunds_failed_total",
    .help = "Refunds that were given up; finance has to look.",
};

void
payment_metrics(void)
{
    metric_register(&done_count);
    metric_register(&failed_count);
}

/* ---- What came of one ------------------------------------------------------
 */

struct finishing {
    const struct business *business;
    const struct db_refund *refund; /* as it was read */
    const char *from;
    const char *actor;
    const char *officer_id; /* NULL: nobody */
    const char *reference;  /* of a bank transfer; NULL: none */
    int64_t done_at, now;
};

static bool
note_refund(struct db *db, const struct db_case *row,
            const struct finishing *finishing, struct error *err)
{
    json_t *detail = json_object();
    bool ok;

    json_set_int(detail, "amount", finishing->refund->amount);
    json_set_text(detail, "refund", finishing->refund->id);
    json_set_text(detail, "reason", finishing->refund->reason);
    if (finishing->reference != NULL)
        json_set_text(detail, "reference", finishing->reference);
    ok = case_note(db, row, "refunded", finishing->actor, detail,
                   finishing->now, err);
    json_decref(detail);
    return ok;
}

static bool
count_out(struct db *db, const struct db_payment *payment,
          const struct finishing *finishing, struct error *err)
{
    const struct db_refund *refund = finishing->refund;
    struct db_payment_event event = {.payment = payment->id,
                                     .event_id = refund->id,
                                     .kind = "refunded",
                                     .method = refund->method,
                                     .amount = refund->amount,
                                     .at = finishing->done_at,
                                     .actor = finishing->actor};
    struct db_payment_change change = {.id = payment->id,
                                       .from = payment->state,
                                       .to = payment->state,
                                       .refunded = refund->amount,
                                       .at = finishing->now};
    struct db_refund_change end = {.id = refund->id,
                                   .from = finishing->from,
                                   .to = "done",
                                   .officer_id = finishing->officer_id,
                                   .at = finishing->now};
    bool is_new;

    if (strcmp(payment->state, "refunding") == 0 &&
        payment->refunded + refund->amount == payment->received)
        change.to = "refunded";
    return db_refund_change(db, &end, err) &&
           db_payment_event_add(db, &event, &is_new, err) &&
           db_payment_change(db, &change, err);
}

static bool
tell(struct db *db, const struct db_case *row,
     const struct finishing *finishing, struct error *err)
{
    json_t *values = json_object();
    char text[MONEY_TEXT_MAX + 1];
    bool ok;

    money_format(finishing->refund->amount, text);
    json_set_text(values, "amount", text);
    ok = case_tell(finishing->business, db, row, "refunded",
                   finishing->refund->id, values, finishing->now, err);
    json_decref(values);
    return ok;
}

/* In the order of locks: case, payment, refund. */
static bool
finish(struct db *db, void *arg, struct error *err)
{
    const struct finishing *finishing = arg;
    const struct db_refund *refund = finishing->refund;
    struct db_payment payment = {0};
    struct db_case row = {0};
    bool ok = db_case_get(db, refund->number, true, &row, err) &&
              db_payment_get(db, refund->payment, true, &payment, err) &&
              count_out(db, &payment, finishing, err) &&
              note_refund(db, &row, finishing, err) &&
              tell(db, &row, finishing, err);

    db_payment_clear(&payment);
    db_case_clear(&row);
    return ok;
}

static bool
finish_refund(const struct finishing *finishing, struct db *db,
              struct error *err)
{
    struct finishing copy = *finishing;

    if (!db_transaction(db, finish, &copy, err))
        return false;
    metric_add(&done_count, 1);
    log_event(LOG_LEVEL_INFO, "refund.done",
              LOG_TEXT("refund", finishing->refund->id),
              LOG_TEXT("case", finishing->refund->number),
              LOG_INT("amount", finishing->refund->amount));
    return true;
}

/* Not done: later again, or given up. */
static bool
put_off(struct db *db, const struct db_refund *refund, const char *problem,
        bool is_final, int64_t now, struct error *err)
{
    struct db_refund_change change = {
        .id = refund->id,
        .from = "sent",
        .to = "sent",
        .problem = problem,
        .send_at = now + clock_backoff_s(refund->send_count, REFUND_WAIT_S,
                                         REFUND_WAIT_MAX_S),
        .at = now};

    if (is_final || refund->send_count >= REFUND_TRIES_MAX) {
        change.to = "failed";
        change.send_at = 0;
        metric_add(&failed_count, 1);
        log_event(
            LOG_LEVEL_ERROR, "refund.failed", LOG_TEXT("refund", refund->id),
            LOG_TEXT("case", refund->number), LOG_TEXT("problem", problem));
    }
    return db_refund_change(db, &change, err);
}

static bool
send_one(const struct business *business, struct db *db,
         struct payment_provider *provider, const struct db_refund *refund,
         int64_t now, struct error *err)
{
    struct provider_refund answer;
    struct error problem = {0};

    if (!payment_provider_refund(provider, refund->id, refund->order,
                                 refund->amount, now, &answer, &problem)) {
        /* What the provider refuses as wrong will not become right. */
        bool is_final = problem.code == ERROR_INPUT ||
                        problem.code == ERROR_NOT_FOUND ||
                        problem.code == ERROR_CONFLICT;

        return put_off(db, refund, problem.what, is_final, now, err);
    }
    if (answer.state == PROVIDER_REFUND_DONE)
        return finish_refund(&(struct finishing){.business = business,
                                                 .refund = refund,
                                                 .from = "sent",
                                                 .actor = "payment-provider",
                                                 .done_at = answer.done_at,
                                                 .now = now},
                             db, err);
    return put_off(db, refund,
                   answer.state == PROVIDER_REFUND_REFUSED ? answer.problem
                                                           : "under way",
                   answer.state == PROVIDER_REFUND_REFUSED, now, err);
}

bool
refund_send_due(const struct business *business, struct db *db,
                struct payment_provider *provider, int64_t now, size_t max,
                size_t *count, struct error *err)
{
    char id[TEXT_UUID_LEN + 1];
    struct db_refund refund;
    bool ok = true;

    for (*count = 0; ok && *count < max; ++*count) {
        if (!db_refund_claim(db, now, now + REFUND_CLAIM_S, id, err))
            return false;
        if (id[0] == '\0')
            break;
        ok = db_refund_get(db, id, &refund, err);
        if (ok) {
            ok = send_one(business, db, provider, &refund, now, err);
            db_refund_clear(&refund);
        }
    }
    return ok;
}

/* ---- By finance ------------------------------------------------------------
 */

bool
refund_retry(struct db *db, const char *id, const char *officer_id, int64_t now,
             struct error *err)
{
    struct db_refund refund;
    struct db_refund_change change = {.id = id,
                                      .from = "failed",
                                      .to = "due",
                                      .send_at = now,
                                      .officer_id = officer_id,
                                      .is_retry = true,
                                      .at = now};
    bool ok;

    if (!db_refund_get(db, id, &refund, err))
        return false;
    ok = strcmp(refund.state, "failed") == 0
             ? db_refund_change(db, &change, err)
             : error_set(err, ERROR_CONFLICT,
                         "only a failed refund is tried again; this one is %s",
                         refund.state);
    db_refund_clear(&refund);
    return ok;
}

bool
refund_paid_out(const struct business *business, struct db *db, const char *id,
                const char *reference, const char *officer_id, int64_t now,
                struct error *err)
{
    struct db_refund refund;
    struct finishing finishing = {.business = business,
                                  .refund = &refund,
                                  .from = "due",
                                  .actor = officer_id,
                                  .officer_id = officer_id,
                                  .reference = reference,
                                  .done_at = now,
                                  .now = now};
    bool ok;

    if (!db_refund_get(db, id, &refund, err))
        return false;
    if (strcmp(refund.method, "transfer") != 0)
        ok = error_set(err, ERROR_CONFLICT,
                       "this one goes back by the payment provider");
    else if (strcmp(refund.state, "due") != 0 || refund.send_at > now)
        ok = error_set(err, ERROR_CONFLICT, "this refund is not due: it is %s",
                       refund.state);
    else
        ok = finish_refund(&finishing, db, err);
    db_refund_clear(&refund);
    return ok;
}

/* ---- The job ---------------------------------------------------------------
 */

static bool
ask_open(struct ra_job *job, struct payment_provider *provider, int64_t now,
         struct error *err)
{
    struct db_payment_ids *ids = base_alloc(sizeof *ids);
    struct error problem = {0};
    bool ok = db_payment_to_ask(job->db, now - ASK_AFTER_S, now, ids, err);

    /* One that cannot be asked about does not hold up the others. */
    for (size_t i = 0; ok && i < ids->count; i++)
        if (!receipt_ask(job->business, job->db, provider, ids->id[i], now,
                         NULL, &problem)) {
            log_failure("payment.ask", &problem);
            if (problem.code == ERROR_BUSY)
                break;
        }
    free(ids);
    return ok;
}

bool
payment_job(struct ra_job *job, int64_t now, struct error *err)
{
    struct payment_provider *provider = NULL;
    size_t count;
    bool ok = receipt_settle(job->business, job->db, now, err);

    if (!ok || !payment_provider_is_set(job->config))
        return ok;
    ok = payment_provider_new(job->config, &provider, err) &&
         refund_send_due(job->business, job->db, provider, now, SEND_AT_ONCE,
                         &count, err) &&
         ask_open(job, provider, now, err);
    payment_provider_free(provider);
    return ok;
}
