/* Rows of ca.escrow; see db/escrow.h. */
#include "db/escrow.h"

#include <stdlib.h>
#include <string.h>

#include "db/sql_ca.h"

/* Columns: order_id, key_id or '', received. */
static bool
read_row(const struct db_result *r, size_t row, struct db_escrow *out,
         struct error *err)
{
    *out = (struct db_escrow){0};
    return db_read_word(r, row, 0, out->order_id, sizeof out->order_id, err) &&
           db_read_word(r, row, 1, out->key_id, sizeof out->key_id, err) &&
           db_read_bool(r, row, 2, &out->is_received, err);
}

bool
db_escrow_ask(struct db *db, const char *order_id, int64_t now, int64_t due_at,
              struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, order_id);
    db_bind_time(&p, now);
    db_bind_time(&p, due_at);
    return db_exec(db, DB_ESCROW_ASK, &p, &changed, err) ||
           error_wrap(err, "note that a key is asked for");
}

bool
db_escrow_keep(struct db *db, const char *order_id, const char *key_id,
               const uint8_t spki_sha256[32], int64_t due_at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, order_id);
    db_bind_text(&p, key_id);
    db_bind_bytes(&p, spki_sha256, 32);
    db_bind_time(&p, due_at);
    if (!db_exec(db, DB_ESCROW_KEEP, &p, &changed, err))
        return error_wrap(err, "record an escrowed key");
    return changed == 1 ||
           error_set(err, ERROR_INTERNAL,
                     "the key of order %s was not asked for", order_id);
}

bool
db_escrow_find(struct db *db, const char *order_id, bool *is_there,
               struct db_escrow *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    *is_there = false;
    db_bind_text(&p, order_id);
    ok = db_query(db, DB_ESCROW_FIND, &p, &r, err);
    if (ok && db_rows(r) == 1) {
        *is_there = true;
        ok = read_row(r, 0, out, err);
    }
    db_result_free(r);
    return ok || error_wrap(err, "find an escrowed key");
}

/* Statements of an order and an instant, which may change nothing. */
static bool
move(struct db *db, size_t statement, const char *order_id, int64_t now,
     struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, order_id);
    db_bind_time(&p, now);
    return db_exec(db, statement, &p, &changed, err) ||
           error_wrap(err, "move an escrowed key");
}

bool
db_escrow_receive(struct db *db, const char *order_id, int64_t now,
                  struct error *err)
{
    return move(db, DB_ESCROW_RECEIVE, order_id, now, err);
}

bool
db_escrow_retire(struct db *db, const char *order_id, int64_t now,
                 struct error *err)
{
    return move(db, DB_ESCROW_RETIRE, order_id, now, err);
}

bool
db_escrow_postpone(struct db *db, const char *order_id, int64_t due_at,
                   struct error *err)
{
    return move(db, DB_ESCROW_POSTPONE, order_id, due_at, err);
}

bool
db_escrow_due(struct db *db, int64_t now, int64_t limit, struct db_escrow **out,
              size_t *count, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct db_escrow *rows = NULL;
    bool ok;

    *out = NULL;
    *count = 0;
    db_bind_time(&p, now);
    db_bind_int64(&p, limit);
    ok = db_query(db, DB_ESCROW_DUE, &p, &r, err);
    if (ok)
        rows = base_alloc((db_rows(r) + 1) * sizeof *rows);
    for (size_t i = 0; ok && i < db_rows(r); i++)
        ok = read_row(r, i, &rows[i], err);
    if (ok) {
        *count = db_rows(r);
        *out = rows;
        rows = NULL;
    }
    free(rows);
    db_result_free(r);
    return ok || error_wrap(err, "list keys for history");
}
