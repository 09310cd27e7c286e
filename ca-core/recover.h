/*
 * Orders of kind recover (docs/architecture.md, "Pairs"): a case at the key
 * management centre, which people there decide on, and the order in our books.
 *
 * The case is opened first, under the order's id. A crash, or a refusal by our
 * own books, between the two leaves a case there that nobody collects; the
 * other way round it would leave an order that says done and recovers nothing.
 * The same order again finds the case and goes on.
 */
#ifndef CA_CORE_RECOVER_H
#define CA_CORE_RECOVER_H

#include "ca-core/accept.h"
#include "ca-core/escrow.h"
#include "ca-core/order.h"

/* What the order says by itself: a key that can be wrapped for. ERROR_INPUT. */
bool recover_check(const struct order_world *world,
                   const struct api_order *order, struct error *err) MUST_CHECK;

/* Carries an accepted order out. None of the holder's keys there: no case.
 * ERROR_CONFLICT with accept->is_known when the order id is there. */
bool recover_run(struct db *db, struct escrow *escrow, struct accept *accept,
                 struct error *err) MUST_CHECK;

#endif
