/* Paying for a case: ra/handlers_payment.h. */
#include "ra/handlers_payment.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "db/payment.h"
#include "ra/payment_json.h"
#include "ra/receipt.h"
#include "ra/signed_call.h"

enum {
    TITLE_MAX = 200,
    TAX_NUMBER_MAX = 20,
    EMAIL_MAX = 254,
    REFERENCE_MAX = 58, /* with "bank:" within PROVIDER_ID_MAX */
};

bool
payment_case_check(struct ra_worker *worker, const struct caller *caller,
                   const char *number, struct error *err)
{
    struct db_case row;
    bool is_theirs;

    if (!db_case_get(worker->db, number, false, &row, err))
        return false;
    is_theirs = caller->kind == CALLER_OFFICER ||
                (caller->kind == CALLER_ACCOUNT &&
                 strcmp(row.account, caller->account.account) == 0);
    db_case_clear(&row);
    return is_theirs ||
           error_set(err, ERROR_NOT_FOUND, "there is no such case");
}

/* The payment of the case; ERROR_NOT_FOUND if nothing is to be paid. */
static bool
payment_of(struct ra_worker *worker, const char *number, struct db_payment *out,
           struct error *err)
{
    bool is_there;

    if (!db_payment_of_case(worker->db, number, false, out, &is_there, err))
        return false;
    return is_there || error_set(err, ERROR_NOT_FOUND,
                                 "nothing is to be paid for case %s", number);
}

/* ---- How it is to be paid --------------------------------------------------
 */

static bool
shows(const char *text)
{
    size_t count;

    return text == NULL || (text_utf8(text, strlen(text), &count) &&
                            strpbrk(text, "\r\n\t") == NULL);
}

static bool
invoice_read(const json_t *body, struct db_payment *out, struct error *err)
{
    static const char *const names[] = {"title", "tax_number", "email", NULL};
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    json_t *invoice = NULL;

    if (!json_find_object(body, "invoice", &invoice, err))
        return false;
    if (invoice == NULL)
        return true;
    if (!json_only(invoice, names, err) ||
        !json_find_text(invoice, "title", TITLE_MAX, &out->invoice_title,
                        err) ||
        !json_find_text(invoice, "tax_number", TAX_NUMBER_MAX,
                        &out->invoice_tax_number, err) ||
        !json_find_text(invoice, "email", EMAIL_MAX, &out->invoice_email, err))
        return false;
    if (!shows(out->invoice_title))
        return error_set(err, ERROR_INPUT, "title: one line of text");
    if (out->invoice_tax_number != NULL &&
        (strlen(out->invoice_tax_number) < 15 ||
         strspn(out->invoice_tax_number, alphabet) !=
             strlen(out->invoice_tax_number)))
        return error_set(err, ERROR_INPUT,
                         "tax_number: 15 to 20 digits and capital letters");
    if (out->invoice_email != NULL &&
        (!shows(out->invoice_email) ||
         strpbrk(out->invoice_email, " <>,;\"\\") != NULL ||
         strchr(out->invoice_email, '@') == NULL))
        return error_set(err, ERROR_INPUT, "email: an e-mail address");
    return true;
}

static bool
choice_read(const json_t *body, struct db_payment *out, struct error *err)
{
    static const char *const names[] = {"method", "invoice", NULL};

    if (!json_only(body, names, err) ||
        !json_get_text(body, "method", 16, &out->method, err))
        return false;
    if (strcmp(out->method, "online") != 0 &&
        strcmp(out->method, "transfer") != 0)
        return error_set(err, ERROR_INPUT, "method: online or transfer");
    return invoice_read(body, out, err);
}

/* The order at the provider's, made or found, and where to pay. */
static bool
order_make(struct ra_worker *worker, const char *id, const char *number,
           int64_t amount, char pay_url[PROVIDER_URL_MAX + 1],
           struct error *err)
{
    struct payment_provider *provider = NULL;
    struct provider_order *order = base_alloc(sizeof *order);
    struct buf subject = BUF_INIT(256);
    int64_t now = clock_now();
    bool ok;

    (void)buf_addf(&subject, "数字证书业务 %s", number);
    ok = payment_provider_new(worker->ra->config, &provider, err) &&
         payment_provider_order(provider, id, amount, buf_text(&subject), now,
                                order, err) &&
         db_payment_ordered(worker->db, id, order->provider_id, now, err);
    if (ok)
        memcpy(pay_url, order->pay_url, sizeof order->pay_url);
    payment_provider_free(provider);
    buf_clear(&subject);
    free(order);
    return ok;
}

static bool
choose(struct ra_worker *worker, const struct http_request *req, json_t **out,
       struct error *err)
{
    const char *number = http_param(req, "number");
    char pay_url[PROVIDER_URL_MAX + 1] = "";
    struct db_payment payment = {0}, choice = {0};
    json_t *body = NULL;
    bool is_online, ok = false;

    if (!http_json(req, &body, err) || !choice_read(body, &choice, err) ||
        !payment_of(worker, number, &payment, err))
        goto out;
    is_online = strcmp(choice.method, "online") == 0;
    if (is_online && !payment_provider_is_set(worker->ra->config)) {
        error_set(err, ERROR_CONFLICT,
                  "online payment is not offered here: choose transfer");
        goto out;
    }
    choice.id = payment.id;
    if (!db_payment_choose(worker->db, &choice, clock_now(), err) ||
        (is_online &&
         !order_make(worker, payment.id, number, payment.amount, pay_url, err)))
        goto out;
    db_payment_clear(&payment);
    if (!payment_of(worker, number, &payment, err))
        goto out;
    *out = payment_json(&payment);
    if (pay_url[0] != '\0')
        json_set_text(*out, "pay_url", pay_url);
    ok = true;
out:
    db_payment_clear(&payment);
    json_decref(body);
    return ok;
}

void
handle_payment_choose(void *arg, const struct http_request *req,
                      struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_account(worker, req, res, &caller))
        return;
    if (payment_case_check(worker, &caller, http_param(req, "number"), &err) &&
        choose(worker, req, &out, &err))
        http_reply_json(res, 200, out);
    else
        http_reply_error(res, req, "payment.choose", &err);
}

/* ---- How it stands ---------------------------------------------------------
 */

/* Asks the provider while an order is open, or makes the order that could not
 * be made when it was chosen. That the provider is away is no failure: what we
 * know is answered, and the job asks again. */
static bool
refresh(struct ra_worker *worker, const struct db_payment *payment,
        char pay_url[PROVIDER_URL_MAX + 1])
{
    struct payment_provider *provider = NULL;
    struct error problem = {0};
    bool ok;

    if (payment->provider_id == NULL)
        ok = order_make(worker, payment->id, payment->number, payment->amount,
                        pay_url, &problem);
    else
        ok = payment_provider_new(worker->ra->config, &provider, &problem) &&
             receipt_ask(worker->business, worker->db, provider, payment->id,
                         clock_now(), pay_url, &problem);
    if (!ok)
        log_failure("payment.ask", &problem);
    payment_provider_free(provider);
    return ok;
}

static bool
show(struct ra_worker *worker, const char *number, json_t **out,
     struct error *err)
{
    char pay_url[PROVIDER_URL_MAX + 1] = "";
    struct db_payment payment = {0};
    bool is_asked = false;

    if (!payment_of(worker, number, &payment, err))
        return false;
    if (strcmp(payment.state, "created") == 0 &&
        (payment.provider_id != NULL ||
         (payment.method != NULL && strcmp(payment.method, "online") == 0)) &&
        payment_provider_is_set(worker->ra->config)) {
        is_asked = refresh(worker, &payment, pay_url);
        db_payment_clear(&payment);
        if (!payment_of(worker, number, &payment, err))
            return false;
    }
    *out = payment_json(&payment);
    json_object_set_new(*out, "is_asked", json_boolean(is_asked));
    if (strcmp(payment.state, "created") == 0 && pay_url[0] != '\0')
        json_set_text(*out, "pay_url", pay_url);
    db_payment_clear(&payment);
    return true;
}

void
handle_payment_show(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    const char *number = http_param(req, "number");
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_get(worker, req, res, &caller))
        return;
    if (payment_case_check(worker, &caller, number, &err) &&
        show(worker, number, &out, &err))
        http_reply_json(res, 200, out);
    else
        http_reply_error(res, req, "payment.show", &err);
}

/* ---- The provider's word ---------------------------------------------------
 */

static bool
callback_take(struct ra_worker *worker, const struct http_request *req,
              struct receipt_outcome *out, struct error *err)
{
    const char *path =
        config_path(worker->ra->config, "ra.payment_provider_key_file");
    char nonce[SIGNED_NONCE_LEN + 1];
    struct provider_callback callback;
    struct signed_key *key = NULL;
    int64_t now = clock_now();
    bool ok;

    if (!payment_provider_is_set(worker->ra->config))
        return error_set(err, ERROR_NOT_FOUND,
                         "no payment provider is expected here");
    ok = signed_key_public(path, &key, err);
    if (!ok)
        err->code = ERROR_INTERNAL; /* ours, not the provider's */
    ok = ok && signed_request_check(key, req, now, nonce, err) &&
         provider_callback_parse(req->body, req->body_len, &callback, err);
    signed_key_free(key);
    return ok &&
           receipt_take(worker->business, worker->db,
                        &(struct receipt){.order = callback.order,
                                          .event_id = callback.event.event_id,
                                          .method = "online",
                                          .amount = callback.event.amount,
                                          .came_at = callback.event.at,
                                          .actor = "payment-provider",
                                          .nonce = nonce},
                        now, out, err);
}

void
handle_payment_callback(void *arg, const struct http_request *req,
                        struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct receipt_outcome outcome;
    struct error err = {0};
    json_t *out;

    if (!callback_take(worker, req, &outcome, &err)) {
        http_reply_error(res, req, "payment.callback", &err);
        return;
    }
    out = json_object();
    json_set_text(out, "result", outcome.is_known ? "known" : "taken");
    http_reply_json(res, 200, out);
}

/* ---- By bank transfer ------------------------------------------------------
 */

static bool
reference_read(const json_t *body, struct buf *event_id, struct error *err)
{
    const char *reference;

    if (!json_get_text(body, "reference", REFERENCE_MAX, &reference, err))
        return false;
    for (const char *c = reference; *c != '\0'; c++)
        if (*c <= ' ' || *c > '~')
            return error_set(err, ERROR_INPUT,
                             "reference: the bank's, letters and digits");
    if (reference[0] == '\0')
        return error_set(err, ERROR_INPUT, "reference: the bank's, not empty");
    return buf_addf(event_id, "bank:%s", reference);
}

static bool
transfer_take(struct ra_worker *worker, const struct http_request *req,
              const struct caller *caller, json_t **out, struct error *err)
{
    static const char *const names[] = {"amount", "reference", NULL};
    struct buf event_id = BUF_INIT(PROVIDER_ID_MAX);
    struct db_payment payment = {0};
    struct receipt receipt = {.method = "transfer",
                              .came_at = clock_now(),
                              .actor = caller_name(caller)};
    json_t *body = NULL;
    bool ok = false;

    if (!http_json(req, &body, err) || !json_only(body, names, err) ||
        !json_get_int(body, "amount", 1, PROVIDER_AMOUNT_MAX, &receipt.amount,
                      err) ||
        !reference_read(body, &event_id, err) ||
        !payment_of(worker, http_param(req, "number"), &payment, err))
        goto out;
    receipt.order = payment.id;
    receipt.event_id = buf_text(&event_id);
    if (!receipt_take(worker->business, worker->db, &receipt, clock_now(), NULL,
                      err))
        goto out;
    db_payment_clear(&payment);
    if (!payment_of(worker, http_param(req, "number"), &payment, err))
        goto out;
    *out = payment_json(&payment);
    ok = true;
out:
    db_payment_clear(&payment);
    buf_clear(&event_id);
    json_decref(body);
    return ok;
}

void
handle_transfer_add(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_with_role(worker, req, res, 1u << API_ROLE_FINANCE, &caller))
        return;
    if (payment_case_check(worker, &caller, http_param(req, "number"), &err) &&
        transfer_take(worker, req, &caller, &out, &err))
        http_reply_json(res, 200, out);
    else
        http_reply_error(res, req, "payment.transfer", &err);
}
