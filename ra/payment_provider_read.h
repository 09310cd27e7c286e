/* What the payment provider says, octets to values; for payment_provider.c.
 * `data` is an answer's body; `id` is what was asked about: an answer about
 * something else is ERROR_INTERNAL. */
#ifndef RA_PAYMENT_PROVIDER_READ_H
#define RA_PAYMENT_PROVIDER_READ_H

#include "ra/payment_provider.h"

bool provider_order_read(const uint8_t *data, size_t len, const char *id,
                         struct provider_order *out,
                         struct error *err) MUST_CHECK;
bool provider_refund_read(const uint8_t *data, size_t len, const char *id,
                          struct provider_refund *out,
                          struct error *err) MUST_CHECK;

#endif
