/*
 * The payment provider 支付渠道: the one place that knows its protocol,
 * docs/payment-provider.md. What it says is signed with its Ed25519 key, and
 * what we say with ours (ra/signed_call.h). Every call may be made again: the
 * provider knows orders and refunds by our ids.
 */
#ifndef RA_PAYMENT_PROVIDER_H
#define RA_PAYMENT_PROVIDER_H

#include <jansson.h>

#include "base/config.h"
#include "base/text.h"

enum {
    PROVIDER_ID_MAX = 64, /* of its numbers: A-Z a-z 0-9 . _ - */
    PROVIDER_URL_MAX = 1000,
    PROVIDER_EVENTS_MAX = 50,        /* payments of one order */
    PROVIDER_AMOUNT_MAX = 100000000, /* fen of one payment */
    PROVIDER_STATEMENT_MAX = 8 * 1024 * 1024,
    PROVIDER_LINE_MAX = 200000, /* lines of one statement */
};

struct payment_provider;

/* Whether one is configured: else only bank transfers are taken. */
bool payment_provider_is_set(const struct config *config);
bool payment_provider_new(const struct config *config,
                          struct payment_provider **out,
                          struct error *err) MUST_CHECK;
void payment_provider_free(struct payment_provider *provider); /* NULL: nothing
                                                                */

/* Money that came in, or went back. */
struct provider_event {
    char event_id[PROVIDER_ID_MAX + 1];
    int64_t amount; /* fen */
    int64_t at;
};

struct provider_order {
    char provider_id[PROVIDER_ID_MAX + 1];
    char pay_url[PROVIDER_URL_MAX + 1]; /* "" once it is closed or paid */
    int64_t amount;
    struct provider_event event[PROVIDER_EVENTS_MAX];
    size_t event_count;
};

/* Makes the order, or finds the one that was made: `id` is our payment's.
 * ERROR_CONFLICT when there is one with another amount. */
bool payment_provider_order(struct payment_provider *provider, const char *id,
                            int64_t amount, const char *subject, int64_t now,
                            struct provider_order *out,
                            struct error *err) MUST_CHECK;
/* ERROR_NOT_FOUND when there is none. */
bool payment_provider_query(struct payment_provider *provider, const char *id,
                            int64_t now, struct provider_order *out,
                            struct error *err) MUST_CHECK;

enum provider_refund_state {
    PROVIDER_REFUND_PENDING, /* ask again: the same call */
    PROVIDER_REFUND_DONE,
    PROVIDER_REFUND_REFUSED, /* for good; `problem` says why */
};
struct provider_refund {
    enum provider_refund_state state;
    int64_t done_at;
    char problem[200];
};
bool payment_provider_refund(struct payment_provider *provider,
                             const char *refund_id, const char *order_id,
                             int64_t amount, int64_t now,
                             struct provider_refund *out,
                             struct error *err) MUST_CHECK;

/* The statement 对账单 of a day ("2026-11-24", China's): CSV for
 * provider_statement_parse(). ERROR_NOT_FOUND while it is not made yet. */
bool payment_provider_statement(struct payment_provider *provider,
                                const char *day, int64_t now, struct buf *out,
                                struct error *err) MUST_CHECK;

/* ---- Pure -----------------------------------------------------------------
 */

/* A callback's body. */
struct provider_callback {
    char order[TEXT_UUID_LEN + 1];
    struct provider_event event;
};
bool provider_callback_parse(const uint8_t *data, size_t len,
                             struct provider_callback *out,
                             struct error *err) MUST_CHECK;

/* A line of a statement. */
struct provider_line {
    bool is_refund;
    char event_id[PROVIDER_ID_MAX + 1]; /* of a refund: our id */
    char order[TEXT_UUID_LEN + 1];
    int64_t amount;
    int64_t at;
};
struct provider_statement {
    struct provider_line *line; /* sorted by event_id */
    size_t count;
};
/* Strict: header, lines, and a last one that counts and sums them, so that one
 * that was cut short is known. The caller clears. */
bool provider_statement_parse(const uint8_t *data, size_t len,
                              struct provider_statement *out,
                              struct error *err) MUST_CHECK;
void provider_statement_clear(struct provider_statement *statement);

#endif
