/* Rows of ca.order and ca.decision; see db/order.h. */
#include "db/order.h"

#include <stdlib.h>
#include <string.h>

#include "db/sql_ca.h"

static const char *const state_names[] = {"recorded", "done", "failed"};

static bool
read_order(const struct db_result *r, struct db_order *o, struct error *err)
{
    const uint8_t *digest, *body;
    const char *order_id, *state;
    size_t digest_len;

    if (!db_read_text(r, 0, 0, &order_id, err) ||
        !db_read_bytes(r, 0, 1, &digest, &digest_len, err) ||
        !db_read_text_copy(r, 0, 2, &o->kind, err) ||
        !db_read_bytes(r, 0, 3, &body, &o->body_len, err) ||
        !db_read_text(r, 0, 4, &state, err) ||
        !db_read_text_copy(r, 0, 5, &o->problem, err) ||
        !db_read_text_copy(r, 0, 6, &o->requested_by, err) ||
        !db_read_time(r, 0, 7, &o->received_at, err) ||
        !db_read_time_null(r, 0, 8, &o->finished_at, err))
        return false;
    o->has_csr_sha256 = !db_is_null(r, 0, 9);
    if (o->has_csr_sha256 &&
        !db_read_octets(r, 0, 9, o->csr_sha256, sizeof o->csr_sha256, err))
        return false;
    memcpy(o->order_id, order_id, strnlen(order_id, 36));
    memcpy(o->digest, digest, digest_len < 32 ? digest_len : 32);
    o->body = base_copy(body, o->body_len);
    for (int i = 0; i < 3; i++)
        if (strcmp(state_names[i], state) == 0) {
            o->state = (enum db_order_state)i;
            return true;
        }
    return error_set(err, ERROR_INTERNAL, "order state '%s'", state);
}

bool
db_order_find(struct db *db, const char *order_id, struct db_order **out,
              struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct db_order *order;

    *out = NULL;
    db_bind_text(&p, order_id);
    if (!db_query(db, DB_ORDER_FIND, &p, &r, err))
        return error_wrap(err, "find order");
    if (db_rows(r) == 0) {
        db_result_free(r);
        return true;
    }
    order = base_alloc(sizeof *order);
    if (!read_order(r, order, err)) {
        db_order_free(order);
        db_result_free(r);
        return error_wrap(err, "find order");
    }
    db_result_free(r);
    *out = order;
    return true;
}

void
db_order_free(struct db_order *order)
{
    if (order == NULL)
        return;
    free(order->kind);
    free(order->body);
    free(order->problem);
    free(order->requested_by);
    free(order);
}

bool
db_order_holding(struct db *db, const int64_t *issuer_ids,
                 const struct db_bytes *serials, size_t count,
                 struct db_holding *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    memset(out, 0, sizeof *out);
    db_bind_int64_array(&p, issuer_ids, count);
    db_bind_bytes_array(&p, serials, count);
    db_bind_int64(&p, (int64_t)count);
    ok = db_query(db, DB_ORDER_HOLDING, &p, &r, err);
    if (ok && db_rows(r) == 1) {
        out->is_found = true;
        ok = db_read_octets(r, 0, 0, out->pending_digest,
                            sizeof out->pending_digest, err) &&
             db_read_word(r, 0, 1, out->officer_id, sizeof out->officer_id,
                          err) &&
             db_read_text_copy(r, 0, 2, &out->person, err);
    }
    db_result_free(r);
    return ok || error_wrap(err, "look why certificates are held");
}

bool
db_order_is_used(struct db *db, const char *order_id, const char *kind,
                 const uint8_t pending_digest[32], bool *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    *out = false;
    db_bind_text(&p, order_id);
    db_bind_text(&p, kind);
    db_bind_bytes(&p, pending_digest, 32);
    ok = db_query(db, DB_ORDER_IS_USED, &p, &r, err) &&
         db_read_bool(r, 0, 0, out, err);
    db_result_free(r);
    return ok || error_wrap(err, "look whether decisions are used up");
}

/* Sets is_hit[i] for each id of `ids` that the result lists in column 0. */
static bool
mark(const struct db_result *r, const char *const *ids, size_t count,
     bool *is_hit, struct error *err)
{
    memset(is_hit, 0, count * sizeof *is_hit);
    for (size_t row = 0; row < db_rows(r); row++) {
        const char *id;

        if (!db_read_text(r, row, 0, &id, err))
            return false;
        for (size_t i = 0; i < count; i++)
            if (strcmp(ids[i], id) == 0) {
                is_hit[i] = true;
                break;
            }
    }
    return true;
}

bool
db_order_insert(struct db *db, const struct db_order_row *rows, size_t count,
                bool *is_new, struct error *err)
{
    const char **id = base_alloc(count * sizeof *id);
    const char **kind = base_alloc(count * sizeof *kind);
    const char **by = base_alloc(count * sizeof *by);
    struct db_bytes *digest = base_alloc(count * sizeof *digest);
    struct db_bytes *body = base_alloc(count * sizeof *body);
    struct db_bytes *csr = base_alloc(count * sizeof *csr);
    struct db_bytes *pending = base_alloc(count * sizeof *pending);
    int64_t *received = base_alloc(count * sizeof *received);
    int64_t *finished = base_alloc(count * sizeof *finished);
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    for (size_t i = 0; i < count; i++) {
        id[i] = rows[i].order_id;
        kind[i] = rows[i].kind;
        by[i] = rows[i].requested_by;
        digest[i] = (struct db_bytes){rows[i].digest, 32};
        body[i] = (struct db_bytes){rows[i].body, rows[i].body_len};
        csr[i] = (struct db_bytes){rows[i].csr_sha256, 32};
        pending[i] = (struct db_bytes){rows[i].pending_digest, 32};
        received[i] = rows[i].received_at;
        finished[i] = rows[i].finished_at;
    }
    db_bind_text_array(&p, id, count);
    db_bind_bytes_array(&p, digest, count);
    db_bind_text_array(&p, kind, count);
    db_bind_bytes_array(&p, body, count);
    db_bind_text_array(&p, by, count);
    db_bind_int64_array(&p, received, count);
    db_bind_int64_array(&p, finished, count);
    db_bind_bytes_array(&p, csr, count);
    db_bind_bytes_array(&p, pending, count);
    ok = db_query(db, DB_ORDER_INSERT, &p, &r, err) &&
         mark(r, id, count, is_new, err);
    db_result_free(r);
    free((void *)id);
    free((void *)kind);
    free((void *)by);
    free(digest);
    free(body);
    free(csr);
    free(pending);
    free(received);
    free(finished);
    return ok || error_wrap(err, "record orders");
}

/* Rows of officers, or those of holders: each kind has its statement. */
static bool
insert_decisions(struct db *db, const struct db_decision_row *rows,
                 size_t total, bool is_holders, struct error *err)
{
    const char **text = base_alloc(4 * total * sizeof *text);
    struct db_bytes *octets = base_alloc(5 * total * sizeof *octets);
    int64_t *at = base_alloc(total * sizeof *at);
    struct db_params p = {0};
    int64_t changed = 0;
    size_t n = 0;
    bool ok = true;

    for (size_t i = 0; i < total; i++) {
        const struct db_decision_row *row = &rows[i];

        if ((row->officer_id == NULL) != is_holders)
            continue;
        text[n] = row->order_id;
        text[total + n] = row->step;
        text[2 * total + n] = row->officer_id;
        text[3 * total + n] = row->verdict;
        octets[n] = (struct db_bytes){row->credential_id, 32};
        octets[total + n] =
            (struct db_bytes){row->statement, row->statement_len};
        octets[2 * total + n] =
            (struct db_bytes){row->signature, row->signature_len};
        octets[3 * total + n] = (struct db_bytes){row->authenticator_data,
                                                  row->authenticator_data_len};
        octets[4 * total + n] =
            (struct db_bytes){row->client_data, row->client_data_len};
        at[n++] = row->decided_at;
    }
    if (n > 0) {
        for (size_t i = 0; i < 4; i++)
            db_bind_text_array(&p, text + i * total, n);
        for (size_t i = 0; i < 5; i++)
            db_bind_bytes_array(&p, octets + i * total, n);
        db_bind_int64_array(&p, at, n);
        ok = db_exec(
            db, is_holders ? DB_DECISION_INSERT_HOLDER : DB_DECISION_INSERT, &p,
            &changed, err);
    }
    free((void *)text);
    free(octets);
    free(at);
    if (!ok)
        return error_wrap(err, "record decisions");
    /* The statement takes officers and credentials that are active now. */
    return changed == (int64_t)n ||
           error_set(err, ERROR_CONFLICT,
                     "an officer of the order is no longer active");
}

bool
db_decision_insert(struct db *db, const struct db_decision_row *rows,
                   size_t count, struct error *err)
{
    return insert_decisions(db, rows, count, false, err) &&
           insert_decisions(db, rows, count, true, err);
}

bool
db_order_finish(struct db *db, const char *const *order_ids, size_t count,
                int64_t at, bool *is_mine, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    db_bind_text_array(&p, order_ids, count);
    db_bind_time(&p, at);
    ok = db_query(db, DB_ORDER_FINISH, &p, &r, err) &&
         mark(r, order_ids, count, is_mine, err);
    db_result_free(r);
    return ok || error_wrap(err, "finish orders");
}

bool
db_order_fail(struct db *db, const char *order_id, const char *problem,
              int64_t at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, order_id);
    db_bind_text(&p, problem);
    db_bind_time(&p, at);
    if (!db_exec(db, DB_ORDER_FAIL, &p, &changed, err))
        return error_wrap(err, "fail order %s", order_id);
    return changed == 1 ||
           error_set(err, ERROR_CONFLICT, "order %s is not recorded", order_id);
}

bool
db_order_open(struct db *db, int64_t before, int64_t limit,
              struct db_open_order **out, size_t *count, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    struct db_open_order *rows;

    *out = NULL;
    *count = 0;
    db_bind_time(&p, before);
    db_bind_int64(&p, limit);
    if (!db_query(db, DB_ORDER_OPEN, &p, &r, err))
        return error_wrap(err, "list open orders");
    rows = base_alloc((db_rows(r) > 0 ? db_rows(r) : 1) * sizeof *rows);
    for (size_t i = 0; i < db_rows(r); i++) {
        const uint8_t *digest;
        const char *id;
        size_t len;

        if (!db_read_text(r, i, 0, &id, err) ||
            !db_read_bytes(r, i, 1, &digest, &len, err)) {
            free(rows);
            db_result_free(r);
            return error_wrap(err, "list open orders");
        }
        memcpy(rows[i].order_id, id, strnlen(id, 36));
        memcpy(rows[i].digest, digest, len < 32 ? len : 32);
    }
    *count = db_rows(r);
    *out = rows;
    db_result_free(r);
    return true;
}

bool
db_order_clock(struct db *db, int64_t *at, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    *at = 0;
    ok = db_query(db, DB_ORDER_CLOCK, &p, &r, err) &&
         (db_rows(r) == 0 || db_read_time(r, 0, 0, at, err));
    db_result_free(r);
    return ok || error_wrap(err, "read the log's time");
}
