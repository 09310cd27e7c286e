/*
 * The desk where orders are handed in: known ones are answered again, new ones
 * judged (decisions first), refused with an entry of the log, or carried out.
 */
#ifndef CA_CORE_DESK_H
#define CA_CORE_DESK_H

#include "ca-core/handlers.h"

/* Takes an order. The caller owns *out. ERROR_CONFLICT when its id was used for
 * other content or the order has failed; the errors of whoever judges it. */
bool desk_order(struct ca_worker *worker, const struct api_envelope *envelope,
                const char *requested_by, json_t **out,
                struct error *err) MUST_CHECK;

/* The same checks without decisions and without effect. */
bool desk_check(struct ca_worker *worker, const struct api_order *order,
                json_t **out, struct error *err) MUST_CHECK;

/* What is known of an order. ERROR_NOT_FOUND. */
bool desk_find(struct ca_worker *worker, const char *order_id, json_t **out,
               struct error *err) MUST_CHECK;

/* The device has the keys that the answer to this order told (a pair's, or
 * those recovered): they are told no more. Again is nothing. ERROR_NOT_FOUND;
 * ERROR_CONFLICT for an order that delivers no keys, or is not done. */
bool desk_received(struct ca_worker *worker, const char *order_id, json_t **out,
                   struct error *err) MUST_CHECK;

#endif
