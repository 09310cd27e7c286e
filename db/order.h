/* Rows of ca.order and ca.decision: what was asked for, and who decided. */
#ifndef DB_ORDER_H
#define DB_ORDER_H

#include "db/db.h"

enum db_order_state {
    DB_ORDER_RECORDED, /* accepted; its certificate is being signed */
    DB_ORDER_DONE,
    DB_ORDER_FAILED,
};

/* A row to write. Everything is borrowed. */
struct db_order_row {
    const char *order_id;
    uint8_t digest[32];
    const char *kind;
    const uint8_t *body; /* RFC 8785 form of the order */
    size_t body_len;
    const char *requested_by;
    int64_t received_at;
    int64_t finished_at; /* 0: recorded; otherwise the row starts as done */
    const uint8_t *csr_sha256; /* of the device's request; NULL: none */
    /* Of what is held for or released, or of that and the device that it is
     * recovered into: one order of each kind has it. NULL: nothing. */
    const uint8_t *pending_digest;
};

/* A row as read; owns its octets and texts. */
struct db_order {
    char order_id[37];
    uint8_t digest[32];
    char *kind;
    uint8_t *body;
    size_t body_len;
    enum db_order_state state;
    char *problem; /* failed: why */
    char *requested_by;
    int64_t received_at;
    int64_t finished_at; /* 0: not yet */
    bool has_csr_sha256;
    uint8_t csr_sha256[32];
};

struct db_decision_row {
    const char *order_id;
    const char *step;
    const char *officer_id; /* NULL: a holder, by the certificate's SHA-256 */
    uint8_t credential_id[32];
    const char *verdict;
    int64_t decided_at;
    const uint8_t *statement;
    size_t statement_len;
    const uint8_t *signature;
    size_t signature_len;
    /* By passkey; else NULL. */
    const uint8_t *authenticator_data;
    size_t authenticator_data_len;
    const uint8_t *client_data;
    size_t client_data_len;
};

/* Why certificates are held: the order that holds them all, if it was given for
 * a pending order, and who decided it. */
struct db_holding {
    bool is_found; /* one order, with a pending one, holds all of them */
    uint8_t pending_digest[32];
    char officer_id[37];
    char *person; /* owned */
};

/* Whether another order than this one of the kind has the pending digest. */
bool db_order_is_used(struct db *db, const char *order_id, const char *kind,
                      const uint8_t pending_digest[32], bool *out,
                      struct error *err) MUST_CHECK;

/* *out stays NULL when there is no such order. The caller frees. */
bool db_order_find(struct db *db, const char *order_id, struct db_order **out,
                   struct error *err) MUST_CHECK;
void db_order_free(struct db_order *order); /* NULL is nothing */

/* Why certificates, by issuer and serial, are held now. The caller frees
 * out->person. */
bool db_order_holding(struct db *db, const int64_t *issuer_ids,
                      const struct db_bytes *serials, size_t count,
                      struct db_holding *out, struct error *err) MUST_CHECK;

/* Writes rows; is_new[i] tells whether row i was written: false when that id
 * is there already (nothing is changed then). */
bool db_order_insert(struct db *db, const struct db_order_row *rows,
                     size_t count, bool *is_new, struct error *err) MUST_CHECK;
bool db_decision_insert(struct db *db, const struct db_decision_row *rows,
                        size_t count, struct error *err) MUST_CHECK;

/* recorded -> done. is_mine[i] is false where the order was no longer recorded:
 * another node finished it first. Takes the rows' locks in order. */
bool db_order_finish(struct db *db, const char *const *order_ids, size_t count,
                     int64_t at, bool *is_mine, struct error *err) MUST_CHECK;
/* recorded -> failed. ERROR_CONFLICT unless it was recorded. */
bool db_order_fail(struct db *db, const char *order_id, const char *problem,
                   int64_t at, struct error *err) MUST_CHECK;

/* Issuing orders in state recorded that were received before `before`, oldest
 * first. */
struct db_open_order {
    char order_id[37];
    uint8_t digest[32];
};
bool db_order_open(struct db *db, int64_t before, int64_t limit,
                   struct db_open_order **out, size_t *count,
                   struct error *err) MUST_CHECK;

/* The instant of the log's last entry; 0 if the log is empty. A clock that is
 * behind it is wrong. */
bool db_order_clock(struct db *db, int64_t *at, struct error *err) MUST_CHECK;

#endif
