/* A payment as the API shows it: {"id", "amount", "received", "refunded",
 * "state", "method"?, "invoice_title"?, "invoice_tax_number"?,
 * "invoice_email"?, "created_at", "paid_at"?}; money in fen. The caller owns
 * it. */
#ifndef RA_PAYMENT_JSON_H
#define RA_PAYMENT_JSON_H

#include <jansson.h>

#include "db/payment.h"

json_t *payment_json(const struct db_payment *payment);

/* {"id", "case", "amount", "method", "reason", "state", "officer_id"?,
 * "send_at"?, "send_count", "problem"?, "made_at", "changed_at"}. */
json_t *refund_json(const struct db_refund *refund);

#endif
