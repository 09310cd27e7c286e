/* What the handler of a case is told about money, in two languages. In the
 * caller's transaction. */
#ifndef RA_PAYMENT_NOTICE_H
#define RA_PAYMENT_NOTICE_H

#include "ra/case_apply.h"

/* "200.00": fen as yuan. */
enum { MONEY_TEXT_MAX = 24 };
void money_format(int64_t fen, char out[MONEY_TEXT_MAX + 1]);

/* Some came, so much is still to come. `event_id` tells one from the next. */
bool payment_notice_partial(const struct business *business, struct db *db,
                            const char *number, int64_t came, int64_t wanted,
                            const char *event_id, int64_t at,
                            struct error *err) MUST_CHECK;
/* More came than was asked for, or too late: it goes back. */
bool payment_notice_surplus(const struct business *business, struct db *db,
                            const char *number, int64_t surplus, bool is_late,
                            const char *event_id, int64_t at,
                            struct error *err) MUST_CHECK;
bool payment_notice_refunded(const struct business *business, struct db *db,
                             const char *number, int64_t amount,
                             const char *refund_id, int64_t at,
                             struct error *err) MUST_CHECK;
bool payment_notice_invoice(const struct business *business, struct db *db,
                            const char *number, int64_t amount,
                            const char *invoice_number, int64_t at,
                            struct error *err) MUST_CHECK;

#endif
