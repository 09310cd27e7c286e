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

/* A key that can be wrapped for (ERROR_INPUT); and, unless what is pending has
 * yet to bring it one, a device that holds a valid certificate of the account,
 * by our own books (ERROR_DENIED): who makes the orders has no device of theirs
 * served, nor one that was lost. */
bool recover_check(const struct order_world *world, struct db *db,
                   const struct api_order *order, int64_t now,
                   struct error *err) MUST_CHECK;

/* What it is done with; borrowed. */
struct recover_desk {
    const struct order_world *world;
    const struct issuer_set *set;
    struct db *db;
    struct escrow *escrow;
};

/* Carries an accepted order out: the case is about the keys of the account
 * whose certificates say the organisation that the officers released them for.
 * None such: no case. ERROR_CONFLICT with accept->is_known when the order id is
 * there. */
bool recover_run(const struct recover_desk *desk, struct accept *accept,
                 int64_t now, struct error *err) MUST_CHECK;

#endif
