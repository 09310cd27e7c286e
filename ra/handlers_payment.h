/* Money and notices over HTTP (docs/openapi.yaml): handlers_payment.c,
 * handlers_refund.c, handlers_invoice.c. */
#ifndef RA_HANDLERS_PAYMENT_H
#define RA_HANDLERS_PAYMENT_H

#include "ra/handlers.h"

http_handler handle_payment_choose;   /* POST /v1/cases/{number}/payment */
http_handler handle_payment_show;     /* GET; asks the provider */
http_handler handle_payment_callback; /* POST /v1/callbacks/payment */
http_handler handle_transfer_add;     /* POST /v1/cases/{number}/transfers */

http_handler handle_refund_list;     /* GET /v1/refunds */
http_handler handle_refund_retry;    /* POST /v1/refunds/{id}/retry */
http_handler handle_refund_paid_out; /* POST /v1/refunds/{id}/paid-out */

http_handler handle_invoice_show;          /* GET /v1/cases/{number}/invoice */
http_handler handle_reconciliation_list;   /* GET /v1/reconciliations */
http_handler handle_reconciliation_repeat; /* POST /v1/reconciliations/{day} */
http_handler handle_notice_list;           /* GET /v1/notices */

/* The case must be the caller's own, if an account calls; else the answer is
 * as if there were none. For officers any case. */
bool payment_case_check(struct ra_worker *worker, const struct caller *caller,
                        const char *number, struct error *err) MUST_CHECK;

#endif
