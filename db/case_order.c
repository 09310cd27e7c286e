/* Orders of cases: db/case_order.h. */
#include "db/case_order.h"

#include <string.h>

#include "db/sql_ra.h"

bool
db_corder_add(struct db *db, const struct db_case_order *order,
              struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, order->order_id);
    db_bind_text(&p, order->number);
    db_bind_text(&p, order->purpose);
    db_bind_bytes(&p, order->envelope, order->envelope_len);
    db_bind_text(&p, order->state);
    db_bind_time(&p, order->made_at);
    if (!db_exec(db, DB_RA_CORDER_ADD, &p, &changed, err))
        return error_wrap(err, "order of %s", order->number);
    if (changed != 1)
        return error_set(err, ERROR_CONFLICT,
                         "this order is on its way already");
    return true;
}

bool
db_corder_queue(struct db *db, const char *number, const char *purpose,
                int64_t at, bool *queued, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, number);
    db_bind_text(&p, purpose);
    db_bind_time(&p, at);
    if (!db_exec(db, DB_RA_CORDER_QUEUE, &p, &changed, err))
        return error_wrap(err, "order of %s", number);
    *queued = changed == 1;
    return true;
}

bool
db_corder_read(const struct db_result *row, size_t at,
               struct db_case_order *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    return db_read_text(row, at, 0, &out->order_id, err) &&
           db_read_text(row, at, 1, &out->number, err) &&
           db_read_text(row, at, 2, &out->purpose, err) &&
           db_read_bytes(row, at, 3, &out->envelope, &out->envelope_len, err) &&
           db_read_text(row, at, 4, &out->state, err) &&
           db_read_int32(row, at, 5, &out->send_count, err) &&
           db_read_text_null(row, at, 6, &out->problem, err) &&
           db_read_time(row, at, 7, &out->made_at, err) &&
           db_read_text_null(row, at, 8, &out->recovery, err) &&
           db_read_time_null(row, at, 9, &out->recovery_until, err) &&
           db_read_time_null(row, at, 10, &out->received_at, err);
}

/* The one row of an answer, kept. Takes r. */
static bool
keep(struct db_result *take_r, struct db_case_order *out, struct error *err)
{
    if (!db_corder_read(take_r, 0, out, err)) {
        db_result_free(take_r);
        memset(out, 0, sizeof *out);
        return false;
    }
    out->held = take_r;
    return true;
}

bool
db_corder_claim(struct db *db, int64_t now, int64_t again_at, bool *found,
                struct db_case_order *out, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    db_bind_time(&p, now);
    db_bind_time(&p, again_at);
    if (!db_query(db, DB_RA_CORDER_CLAIM, &p, &r, err))
        return error_wrap(err, "orders to send");
    *found = db_rows(r) == 1;
    if (*found)
        return keep(r, out, err);
    db_result_free(r);
    return true;
}

bool
db_corder_get(struct db *db, const char *order_id, struct db_case_order *out,
              struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;

    memset(out, 0, sizeof *out);
    db_bind_text(&p, order_id);
    if (!db_query(db, DB_RA_CORDER_GET, &p, &r, err))
        return error_wrap(err, "order %s", order_id);
    if (db_rows(r) == 1)
        return keep(r, out, err);
    db_result_free(r);
    return error_set(err, ERROR_NOT_FOUND, "there is no such order");
}

void
db_corder_clear(struct db_case_order *order)
{
    db_result_free(order->held);
    memset(order, 0, sizeof *order);
}

bool
db_corder_done(struct db *db, const char *order_id, const char *state,
               const char *problem, int64_t at, bool *changed,
               struct error *err)
{
    struct db_params p = {0};
    int64_t count;

    db_bind_text(&p, order_id);
    db_bind_text(&p, state);
    db_bind_text(&p, problem);
    db_bind_time(&p, at);
    if (!db_exec(db, DB_RA_CORDER_DONE, &p, &count, err))
        return error_wrap(err, "order %s", order_id);
    *changed = count == 1;
    return true;
}

bool
db_corder_put_off(struct db *db, const char *order_id, const char *problem,
                  int64_t again_at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, order_id);
    db_bind_text(&p, problem);
    db_bind_time(&p, again_at);
    return db_exec(db, DB_RA_CORDER_PUT_OFF, &p, &changed, err) ||
           error_wrap(err, "order %s", order_id);
}

bool
db_corder_list(struct db *db, const char *number, db_each *each, void *arg,
               struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    return db_stream(db, DB_RA_CORDER_LIST, &p, each, arg, err);
}

bool
db_corder_recovery(struct db *db, const char *order_id, const char *recovery,
                   int64_t until, int64_t at, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, order_id);
    db_bind_text(&p, recovery);
    db_bind_time_or_null(&p, until);
    db_bind_time(&p, at);
    return db_exec(db, DB_RA_CORDER_RECOVERY, &p, &changed, err) ||
           error_wrap(err, "order %s", order_id);
}

bool
db_corder_looked(struct db *db, const char *order_id, int64_t at,
                 struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, order_id);
    db_bind_time(&p, at);
    return db_exec(db, DB_RA_CORDER_LOOKED, &p, &changed, err) ||
           error_wrap(err, "order %s", order_id);
}

bool
db_corder_received(struct db *db, const char *order_id, int64_t at,
                   bool *changed, struct error *err)
{
    struct db_params p = {0};
    int64_t count;

    db_bind_text(&p, order_id);
    db_bind_time(&p, at);
    if (!db_exec(db, DB_RA_CORDER_RECEIVED, &p, &count, err))
        return error_wrap(err, "order %s", order_id);
    *changed = count == 1;
    return true;
}

static bool
recoveries(struct db *db, size_t statement, struct db_params *p,
           struct db_corder_open *out, size_t *count, struct error *err)
{
    struct db_result *r = NULL;
    bool ok = true;

    *count = 0;
    if (!db_query(db, statement, p, &r, err))
        return error_wrap(err, "recoveries");
    for (size_t i = 0; ok && i < db_rows(r); i++) {
        ok = db_read_word(r, i, 0, out[i].order_id, sizeof out[i].order_id,
                          err) &&
             db_read_word(r, i, 1, out[i].number, sizeof out[i].number, err);
        *count = i + 1;
    }
    db_result_free(r);
    return ok;
}

bool
db_corder_open_list(struct db *db, int64_t before, size_t max,
                    struct db_corder_open *out, size_t *count,
                    struct error *err)
{
    struct db_params p = {0};

    db_bind_time(&p, before);
    db_bind_int64(&p, (int64_t)max);
    return recoveries(db, DB_RA_CORDER_OPEN, &p, out, count, err);
}

bool
db_corder_left_list(struct db *db, size_t max, struct db_corder_open *out,
                    size_t *count, struct error *err)
{
    struct db_params p = {0};

    db_bind_int64(&p, (int64_t)max);
    return recoveries(db, DB_RA_CORDER_LEFT, &p, out, count, err);
}

bool
db_corder_of_device(struct db *db, const char *serial, char *number, size_t max,
                    struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    number[0] = '\0';
    db_bind_text(&p, serial);
    if (!db_query(db, DB_RA_CORDER_OF_DEVICE, &p, &r, err))
        return error_wrap(err, "keys for device %s", serial);
    ok = db_rows(r) == 0 || db_read_word(r, 0, 0, number, max, err);
    db_result_free(r);
    return ok;
}
