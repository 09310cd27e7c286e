/*
 * Payment orders 支付 and what is paid back, as far as cases see them
 * (domain.md, 1.6, 1.8 #10). All in the caller's transaction, which has locked
 * the case's row. Money comes in by ra/receipt.h and goes out by ra/refund.h.
 */
#ifndef RA_PAYMENT_H
#define RA_PAYMENT_H

#include "db/db.h"

enum {
    /* Seconds that a case closed by customer service has for a replacing one
     * to take its payment over, before it is paid back. */
    PAYMENT_REPLACE_S = 7 * 86400,
};

/* Opens the payment of a case: `amount` fen. Nothing if it has one, such as
 * one that was taken over. */
bool payment_open(struct db *db, const char *number, int64_t amount, int64_t at,
                  struct error *err) MUST_CHECK;

/* Whether something is to be paid back and when is decided here (1.8 #10):
 * nothing paid: the payment is closed; device at home: due at once; device out:
 * when it is back. `reason`: "withdrawn", "expired", "rejected", "closed"; of
 * what is "closed", the money waits PAYMENT_REPLACE_S for a replacing case.
 * ERROR_CONFLICT when the case is activated or issued. */
bool payment_give_back(struct db *db, const char *number, const char *reason,
                       int64_t at, struct error *err) MUST_CHECK;

/* The device of this case is back: what waited for it is due. */
bool payment_device_back(struct db *db, const char *number, int64_t at,
                         struct error *err) MUST_CHECK;

/* Moves the payment of a closed case to the one that replaces it, if the amount
 * fits: then that one is paid; else it is paid back at once, and
 * payment_open() is to follow (it may follow in either case). Nothing if
 * nothing was paid, or it was sent back already. */
bool payment_transfer(struct db *db, const char *from_number,
                      const char *to_number, int64_t amount, int64_t at,
                      struct error *err) MUST_CHECK;

/* Adds refunds that make up `amount` of a payment, back by the ways that it
 * came: first what was paid online. `send_at` 0: they wait for the device. */
bool payment_refund(struct db *db, const char *payment, int64_t amount,
                    const char *reason, int64_t send_at, int64_t at,
                    struct error *err) MUST_CHECK;

/* What follows when money comes in: pure. */
enum payment_verdict {
    PAYMENT_PARTIAL,  /* some is still wanted: wait, and tell */
    PAYMENT_COMPLETE, /* the case goes on; the surplus goes back */
    PAYMENT_SURPLUS,  /* it was paid already: all of it goes back */
    PAYMENT_LATE,     /* it was closed already: all of it goes back */
};
struct payment_judgement {
    enum payment_verdict verdict;
    int64_t surplus; /* fen that go back */
    int64_t wanted;  /* fen that are still to come */
};
/* `state`: of the payment; `received` before `came`. */
struct payment_judgement payment_judge(const char *state, int64_t amount,
                                       int64_t received, int64_t came);

#endif
