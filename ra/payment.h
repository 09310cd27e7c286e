/*
 * Payment orders 支付 and what is paid back, as far as cases see them. All in
 * the caller's transaction.
 */
#ifndef RA_PAYMENT_H
#define RA_PAYMENT_H

#include "db/db.h"

/* Opens the payment of a case: `amount` fen. Nothing if it has one. */
bool payment_open(struct db *db, const char *number, int64_t amount, int64_t at,
                  struct error *err) MUST_CHECK;

/* Whether something is to be paid back and when is decided here (1.8 #10):
 * nothing paid: the payment is closed; device at home: due at once; device out:
 * when it is back. */
bool payment_give_back(struct db *db, const char *number, const char *reason,
                       int64_t at, struct error *err) MUST_CHECK;

/* The device of this case is back: what waited for it is due. */
bool payment_device_back(struct db *db, const char *number, int64_t at,
                         struct error *err) MUST_CHECK;

/* Moves the payment of a closed case to the one that replaces it, if the amount
 * fits; else it is paid back. */
bool payment_transfer(struct db *db, const char *from_number,
                      const char *to_number, int64_t amount, int64_t at,
                      struct error *err) MUST_CHECK;

#endif
