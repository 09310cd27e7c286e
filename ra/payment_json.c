/* Payments and refunds for the API: ra/payment_json.h. */
#include "ra/payment_json.h"

#include "base/json.h"

static void
set_if(json_t *object, const char *name, const char *text)
{
    if (text != NULL)
        json_set_text(object, name, text);
}

json_t *
payment_json(const struct db_payment *payment)
{
    json_t *out = json_object();

    json_set_text(out, "id", payment->id);
    json_set_int(out, "amount", payment->amount);
    json_set_int(out, "received", payment->received);
    json_set_int(out, "refunded", payment->refunded);
    json_set_text(out, "state", payment->state);
    set_if(out, "method", payment->method);
    set_if(out, "invoice_title", payment->invoice_title);
    set_if(out, "invoice_tax_number", payment->invoice_tax_number);
    set_if(out, "invoice_email", payment->invoice_email);
    json_set_time(out, "created_at", payment->created_at);
    if (payment->paid_at != 0)
        json_set_time(out, "paid_at", payment->paid_at);
    return out;
}

json_t *
refund_json(const struct db_refund *refund)
{
    json_t *out = json_object();

    json_set_text(out, "id", refund->id);
    json_set_text(out, "case", refund->number);
    json_set_int(out, "amount", refund->amount);
    json_set_text(out, "method", refund->method);
    json_set_text(out, "reason", refund->reason);
    json_set_text(out, "state", refund->state);
    set_if(out, "officer_id", refund->officer_id);
    if (refund->send_at != 0)
        json_set_time(out, "send_at", refund->send_at);
    json_set_int(out, "send_count", refund->send_count);
    set_if(out, "problem", refund->problem);
    json_set_time(out, "made_at", refund->made_at);
    json_set_time(out, "changed_at", refund->changed_at);
    return out;
}
