/*
 * Acceptance of an order that takes effect in one transaction (hold, release,
 * revoke, and those about officers): its row, its decisions and the log
 * entry, beside whatever it does.
 */
#ifndef CA_CORE_ACCEPT_H
#define CA_CORE_ACCEPT_H

#include "ca-core/record.h"
#include "db/order.h"

/* Made before the transaction, so that nothing is computed under its locks. */
struct accept {
    const struct api_envelope *envelope; /* borrowed */
    uint8_t digest[32];
    const char *requested_by; /* borrowed */
    int64_t now;
    struct buf body; /* RFC 8785 form of the order */
    bool has_pending;
    uint8_t pending_use[32]; /* one of each kind: db_order_is_used() */
    struct buf statement[API_DECISIONS_MAX];
    struct record record; /* order.accepted */
    bool is_known;        /* accept_insert() found the order id */
};

bool accept_prepare(struct accept *out, const struct api_envelope *envelope,
                    const uint8_t digest[32],
                    const struct decision_evidence *evidence,
                    const char *requested_by, int64_t now,
                    struct error *err) MUST_CHECK;
void accept_clear(struct accept *accept); /* zeroed is nothing */

/* The row of a decision with the statement that was signed. Borrows. */
struct db_decision_row accept_decision_row(const char *order_id,
                                           const struct api_decision *decision,
                                           const struct buf *statement);

/* First in the transaction: order (done) and decisions. When the order id is
 * there, is_known is set and the error is ERROR_CONFLICT. */
bool accept_insert(struct db *db, struct accept *accept,
                   struct error *err) MUST_CHECK;

#endif
