/*
 * Money that comes in for a case: from the payment provider, by callback or by
 * asking, or by bank transfer. Each event counts once, by its id; what follows
 * from it is in the same transaction: the case goes on, the rest is waited for,
 * or what is too much goes back.
 */
#ifndef RA_RECEIPT_H
#define RA_RECEIPT_H

#include "ra/case_apply.h"
#include "ra/payment.h"
#include "ra/payment_provider.h"

struct receipt {
    const char *order;    /* the provider's side knows the payment by this */
    const char *event_id; /* the provider's, or "bank:" and the reference */
    const char *method;   /* "online", "transfer" */
    int64_t amount;       /* fen */
    int64_t came_at;
    const char *actor; /* "payment-provider", an officer's id */
    const char *nonce; /* of the signed call, to be spent; NULL: none */
};

struct receipt_outcome {
    bool is_known; /* it counted before: nothing happened */
    struct payment_judgement judgement;
};

/* ERROR_NOT_FOUND: no payment has this id. ERROR_CONFLICT: the nonce is spent,
 * or the event counted with another amount or for another payment. `out` may
 * be NULL. */
bool receipt_take(const struct business *business, struct db *db,
                  const struct receipt *receipt, int64_t now,
                  struct receipt_outcome *out, struct error *err) MUST_CHECK;

/* Asks the provider about a payment and takes what came in meanwhile. *pay_url
 * (may be NULL; PROVIDER_URL_MAX + 1 octets) is where to pay, "" if nothing is
 * to be paid any more. */
bool receipt_ask(const struct business *business, struct db *db,
                 struct payment_provider *provider, const char *payment,
                 int64_t now, char *pay_url, struct error *err) MUST_CHECK;

/* Cases whose payment is complete and that still wait for it go on: after a
 * takeover (payment_transfer()). */
bool receipt_settle(const struct business *business, struct db *db, int64_t now,
                    struct error *err) MUST_CHECK;

#endif
