/*
 * What cases cost and what came in for it: tables ra.payment, payment_event
 * and refund. What may follow what is decided in ra/payment.c; the case's row
 * is locked before its payment's.
 */
#ifndef DB_PAYMENT_H
#define DB_PAYMENT_H

#include "db/db.h"

/* Borrowed from the caller on the way in, from `held` on the way out. */
struct db_payment {
    const char *id; /* UUID: the number of the order at the provider's */
    const char *number;
    int64_t amount, received, refunded; /* fen */
    const char *state;
    const char *method;      /* NULL: not chosen yet */
    const char *provider_id; /* NULL before the order is made */
    const char *origin;      /* the payment that this one took over; or NULL */
    const char *invoice_title; /* NULL if not given */
    const char *invoice_tax_number;
    const char *invoice_email;
    int64_t created_at, paid_at, changed_at;
    struct db_result *held;
};

/* A row in state `created`, or `paid` with `received` when it is taken over
 * from `origin`. `is_new` false: the case has one already. */
bool db_payment_add(struct db *db, const struct db_payment *payment,
                    bool *is_new, struct error *err) MUST_CHECK;

/* ERROR_NOT_FOUND. `is_locked`: until the transaction ends. The caller clears
 * `out`. */
bool db_payment_get(struct db *db, const char *id, bool is_locked,
                    struct db_payment *out, struct error *err) MUST_CHECK;
/* The payment of a case, an open one first; *is_there false if there is none.
 */
bool db_payment_of_case(struct db *db, const char *number, bool is_locked,
                        struct db_payment *out, bool *is_there,
                        struct error *err) MUST_CHECK;
void db_payment_clear(struct db_payment *payment);

/* From one state to another (or the same), with what was added. `paid_at` 0:
 * as it is. ERROR_CONFLICT when it is in another state. */
struct db_payment_change {
    const char *id, *from, *to;
    int64_t received, refunded; /* added, fen */
    int64_t paid_at;
    int64_t at;
};
bool db_payment_change(struct db *db, const struct db_payment_change *change,
                       struct error *err) MUST_CHECK;

/* How it is to be paid, and whose name is on the invoice; members that are NULL
 * stay. ERROR_CONFLICT once it is paid. */
bool db_payment_choose(struct db *db, const struct db_payment *payment,
                       int64_t at, struct error *err) MUST_CHECK;
bool db_payment_ordered(struct db *db, const char *id, const char *provider_id,
                        int64_t at, struct error *err) MUST_CHECK;

/* Up to `max` ids: online orders that are open and were made at the provider's
 * (to be asked about), by age; and payments that are `paid` while their case
 * still waits for it. */
enum { DB_PAYMENT_LIST_MAX = 100 };
struct db_payment_ids {
    char id[DB_PAYMENT_LIST_MAX][37];
    char number[DB_PAYMENT_LIST_MAX][32];
    size_t count;
};
bool db_payment_to_ask(struct db *db, int64_t not_since, int64_t at,
                       struct db_payment_ids *out,
                       struct error *err) MUST_CHECK;
bool db_payment_to_settle(struct db *db, struct db_payment_ids *out,
                          struct error *err) MUST_CHECK;

/* ---- Events ---------------------------------------------------------------
 */

struct db_payment_event {
    const char *payment;
    const char *event_id;
    const char *kind;   /* "received", "late", "refunded", "query" */
    const char *method; /* "online", "transfer" */
    int64_t amount;
    int64_t at;
    const char *actor;
};
/* `is_new` false: this event is known. */
bool db_payment_event_add(struct db *db, const struct db_payment_event *event,
                          bool *is_new, struct error *err) MUST_CHECK;

/* The payment that an event is of; "" for an unknown event. */
bool db_payment_event_owner(struct db *db, const char *event_id,
                            char payment[37], int64_t *amount,
                            struct error *err) MUST_CHECK;

/* What came in by this way, less what went or is to go back by it. */
bool db_payment_net(struct db *db, const char *id, const char *method,
                    int64_t *net, struct error *err) MUST_CHECK;

/* ---- Refunds --------------------------------------------------------------
 */

struct db_refund {
    const char *id;
    const char *payment;
    const char *order; /* the provider's side knows it by this: the origin */
    const char *number;
    int64_t amount;
    const char *method;
    const char *reason;
    const char *state;
    const char *officer_id; /* who acted on it last; or NULL */
    int64_t send_at;        /* 0: not by itself */
    int32_t send_count;
    const char *problem; /* NULL if none */
    int64_t made_at, changed_at;
    struct db_result *held;
};

bool db_refund_add(struct db *db, const struct db_refund *refund,
                   struct error *err) MUST_CHECK;
/* ERROR_NOT_FOUND; locked until the transaction ends. */
bool db_refund_get(struct db *db, const char *id, struct db_refund *out,
                   struct error *err) MUST_CHECK;
void db_refund_clear(struct db_refund *refund);

/* Takes the next online refund that is due, for as long as `until`, and counts
 * the try; id "" if there is none. Commits at once: outside a transaction. */
bool db_refund_claim(struct db *db, int64_t now, int64_t until, char id[37],
                     struct error *err) MUST_CHECK;

/* ERROR_CONFLICT when it is not in state `from`. send_at 0: NULL. `officer_id`
 * and `problem` may be NULL. */
struct db_refund_change {
    const char *id, *from, *to;
    int64_t send_at;
    const char *problem;
    const char *officer_id;
    bool is_retry; /* counts the tries anew */
    int64_t at;
};
bool db_refund_change(struct db *db, const struct db_refund_change *change,
                      struct error *err) MUST_CHECK;

/* All that wait for the device of this case are due at `at`. */
bool db_refund_device_back(struct db *db, const char *number, int64_t at,
                           struct error *err) MUST_CHECK;

/* What is to go back of this payment and was not sent yet, leaving surpluses
 * alone: the sum by this method (NULL: any), locked; then all of it moved, or
 * due at once. */
bool db_refund_unsent(struct db *db, const char *payment, const char *method,
                      int64_t *sum, struct error *err) MUST_CHECK;
bool db_refund_move(struct db *db, const char *payment, int64_t at,
                    struct error *err) MUST_CHECK;
bool db_refund_hasten(struct db *db, const char *payment, int64_t at,
                      struct error *err) MUST_CHECK;

/* Newest first, from `before` (an id; "" from the top); `state` NULL: any. */
bool db_refund_list(struct db *db, const char *state, const char *before,
                    size_t limit, db_each *each, void *arg,
                    struct error *err) MUST_CHECK;
bool db_refund_read(const struct db_result *row, size_t at,
                    struct db_refund *out, struct error *err) MUST_CHECK;

/* Whether a USB key of this case is out: shipped and not back. */
bool db_payment_device_is_out(struct db *db, const char *number, bool *is_out,
                              struct error *err) MUST_CHECK;

/* The state of a case. ERROR_NOT_FOUND. */
bool db_payment_case_state(struct db *db, const char *number, char state[24],
                           struct error *err) MUST_CHECK;

#endif
