/*
 * Rows of ca.escrow: for which orders the key management centre was asked for a
 * key, which key it was, and when that goes into history. The row is there
 * before the centre is asked; its key comes with the order.
 */
#ifndef DB_ESCROW_H
#define DB_ESCROW_H

#include "db/db.h"

struct db_escrow {
    char order_id[37];
    char key_id[37];  /* "": no order was recorded with it */
    bool is_received; /* the device has the key */
};

/* The centre is about to be asked for this order. Without an order, the key is
 * due for history at `due_at`. Again is nothing, but that the time moves. */
bool db_escrow_ask(struct db *db, const char *order_id, int64_t now,
                   int64_t due_at, struct error *err) MUST_CHECK;

/* With the intent of the order: the key, which is due when its certificate has
 * ended. ERROR_INTERNAL when it was not asked for. */
bool db_escrow_keep(struct db *db, const char *order_id, const char *key_id,
                    const uint8_t spki_sha256[32], int64_t due_at,
                    struct error *err) MUST_CHECK;

/* The key of an order that was recorded with one. */
bool db_escrow_find(struct db *db, const char *order_id, bool *is_there,
                    struct db_escrow *out, struct error *err) MUST_CHECK;

/* The device has the key: again is nothing. */
bool db_escrow_receive(struct db *db, const char *order_id, int64_t now,
                       struct error *err) MUST_CHECK;

/* Keys that are due for history, at most `limit`. The caller frees *out. */
bool db_escrow_due(struct db *db, int64_t now, int64_t limit,
                   struct db_escrow **out, size_t *count,
                   struct error *err) MUST_CHECK;
/* It is due later. */
bool db_escrow_postpone(struct db *db, const char *order_id, int64_t due_at,
                        struct error *err) MUST_CHECK;
/* It is in history, or there is none. */
bool db_escrow_retire(struct db *db, const char *order_id, int64_t now,
                      struct error *err) MUST_CHECK;

#endif
