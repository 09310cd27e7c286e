/*
 * What an issuing order makes: one certificate, or a pair
 * (docs/architecture.md, "Pairs"), for which the key management centre is asked
 * last of all.
 */
#ifndef CA_CORE_PAIR_H
#define CA_CORE_PAIR_H

#include "ca-core/escrow.h"
#include "ca-core/issue_job.h"

/* What it works with. Borrowed. */
struct pair_desk {
    const struct order_world *world;
    const struct issuer_set *set;
    struct db *db;
    struct escrow *escrow; /* NULL: this CA makes no pairs */
};

/* Plans all that the order makes; its key is there then, and ca.escrow says
 * that it was asked for. Whatever can be refused is refused before a key is
 * made. ERROR_BUSY: the centre is away. Clear `out`, whatever is returned. */
bool pair_plan(const struct pair_desk *desk,
               const struct api_envelope *envelope, int64_t now,
               struct issue_plan *out, struct error *err) MUST_CHECK;
void pair_plan_clear(struct issue_plan *plan); /* zeroed is nothing */

/* Judges an order without effect: with keys that stand for those that are not
 * there, and without asking the centre. `first` is to be cleared. */
bool pair_check(const struct pair_desk *desk, const struct api_order *order,
                int64_t now, struct order_plan *first,
                struct error *err) MUST_CHECK;

#endif
