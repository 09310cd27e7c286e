/* The queue, search and overviews: db/case_read.h. */
#include "db/case_read.h"

#include <string.h>

#include "db/db_type.h"
#include "db/sql_ra.h"

/* ---- The queue
 * --------------------------------------------------------------- */

static void
bind_tasks(struct db_params *p, const struct db_queue *queue)
{
    db_bind_text_array(p, queue->state, queue->count);
    db_bind_text_array(p, queue->business, queue->count);
    db_bind_text_array(p, queue->step, queue->count);
    db_bind_bool(p, queue->is_mine);
    db_bind_text(p, queue->officer_id);
    db_bind_text(p, queue->person);
    db_bind_time(p, queue->now);
}

/* Where the page begins: after this key and number. */
static bool
begin_of(struct db *db, const struct db_queue *queue, int64_t *key,
         struct error *err)
{
    struct db_case row = {0};

    if (queue->after[0] == '\0') {
        *key = queue->sort == DB_QUEUE_NEWEST ? DB_TIME_MAX : 0;
        return true;
    }
    if (!db_case_get(db, queue->after, false, &row, err)) {
        if (err->code == ERROR_NOT_FOUND)
            error_set(err, ERROR_INPUT, "after: not the end of a page");
        return false;
    }
    *key = row.changed_at;
    if (queue->sort == DB_QUEUE_DEADLINE)
        *key = row.deadline_at == 0 ? DB_TIME_MAX : row.deadline_at;
    db_case_clear(&row);
    return true;
}

bool
db_queue_page(struct db *db, const struct db_queue *queue, db_each *each,
              void *arg, struct error *err)
{
    static const size_t statement[] = {
        [DB_QUEUE_OLDEST] = DB_RA_QUEUE_OLDEST,
        [DB_QUEUE_NEWEST] = DB_RA_QUEUE_NEWEST,
        [DB_QUEUE_DEADLINE] = DB_RA_QUEUE_DEADLINE,
    };
    struct db_params p = {0};
    int64_t key;

    if (!begin_of(db, queue, &key, err))
        return false;
    bind_tasks(&p, queue);
    db_bind_time(&p, key);
    db_bind_text(&p, queue->after);
    db_bind_int64(&p, (int64_t)queue->max);
    return db_stream(db, statement[queue->sort], &p, each, arg, err) ||
           error_wrap(err, "queue");
}

bool
db_queue_mine(struct db *db, const struct db_queue *queue, size_t max,
              int64_t *count, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok;

    bind_tasks(&p, queue);
    db_bind_int64(&p, (int64_t)max);
    if (!db_query(db, DB_RA_QUEUE_MINE_COUNT, &p, &r, err))
        return error_wrap(err, "queue");
    ok = db_read_int64(r, 0, 0, count, err);
    db_result_free(r);
    return ok;
}

bool
db_queue_counts(struct db *db, const char *const *states, size_t count,
                db_each *each, void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_text_array(&p, states, count);
    return db_stream(db, DB_RA_QUEUE_COUNTS, &p, each, arg, err) ||
           error_wrap(err, "counts");
}

bool
db_queue_count_read(const struct db_result *row, size_t at,
                    struct db_queue_count *out, struct error *err)
{
    return db_read_text(row, at, 0, &out->state, err) &&
           db_read_text(row, at, 1, &out->business, err) &&
           db_read_int64(row, at, 2, &out->count, err);
}

static bool
changed_one(struct db *db, size_t statement, struct db_params *p,
            const char *number, struct error *err)
{
    int64_t changed;

    if (!db_exec(db, statement, p, &changed, err))
        return error_wrap(err, "case %s", number);
    return changed == 1 ||
           error_set(err, ERROR_NOT_FOUND, "there is no such case");
}

bool
db_case_assign(struct db *db, const char *number, const char *officer_id,
               struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_text(&p, officer_id);
    return changed_one(db, DB_RA_CASE_ASSIGN, &p, number, err);
}

bool
db_case_hold(struct db *db, const char *number, const char *officer_id,
             int64_t until, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, number);
    db_bind_text(&p, until == 0 ? NULL : officer_id);
    db_bind_time_or_null(&p, until);
    return changed_one(db, DB_RA_CASE_HOLD, &p, number, err);
}

/* ---- Search
 * --------------------------------------------------------------------- */

static void
bind_octets(struct db_params *p, const uint8_t *octets, size_t len)
{
    /* No octets equal nothing that is looked for. */
    db_bind_bytes(p, octets, octets == NULL ? 0 : len);
}

bool
db_search(struct db *db, const struct db_search *search, db_each *each,
          void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, search->number);
    db_bind_text(&p, search->name);
    db_bind_text(&p, search->uscc);
    db_bind_text(&p, search->device);
    db_bind_text(&p, search->account);
    bind_octets(&p, search->serial, 16);
    bind_octets(&p, search->mobile, 32);
    bind_octets(&p, search->id_number, 32);
    db_bind_int64(&p, (int64_t)search->max);
    return db_stream(db, DB_RA_SEARCH, &p, each, arg, err) ||
           error_wrap(err, "search");
}

/* ---- Certificates
 * ------------------------------------------------------------------ */

bool
db_certificates(struct db *db, const struct db_certificate_filter *filter,
                size_t max, db_each *each, void *arg, struct error *err)
{
    struct db_params p = {0};

    db_bind_text(&p, filter->account);
    db_bind_text(&p, filter->number);
    db_bind_text(&p, filter->device);
    bind_octets(&p, filter->serial, 16);
    db_bind_int64(&p, (int64_t)max);
    return db_stream(db, DB_RA_CERTIFICATES, &p, each, arg, err) ||
           error_wrap(err, "certificates");
}

bool
db_certificates_read(const struct db_result *row, size_t at,
                     struct db_certificate_row *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    return db_read_text(row, at, 0, &out->issuer, err) &&
           db_read_octets(row, at, 1, out->serial, sizeof out->serial, err) &&
           db_read_int32(row, at, 2, &out->pair, err) &&
           db_read_text(row, at, 3, &out->number, err) &&
           db_read_text(row, at, 4, &out->account, err) &&
           db_read_text_null(row, at, 5, &out->device, err) &&
           db_read_text(row, at, 6, &out->state, err) &&
           db_read_text_null(row, at, 7, &out->reason, err) &&
           db_read_time(row, at, 8, &out->not_before, err) &&
           db_read_time(row, at, 9, &out->not_after, err) &&
           db_read_time_null(row, at, 10, &out->bound_at, err) &&
           db_read_text(row, at, 11, &out->unit_name, err) &&
           db_read_bytes(row, at, 12, &out->der, &out->der_len, err);
}

/* ---- Overviews
 * ------------------------------------------------------------------------ */

bool
db_series(struct db *db, enum db_series series, int64_t from, int64_t until,
          db_each *each, void *arg, struct error *err)
{
    static const size_t statement[] = {
        [DB_SERIES_TURNAROUND] = DB_RA_TURNAROUND,
        [DB_SERIES_ISSUED] = DB_RA_ISSUED,
        [DB_SERIES_REVOKED] = DB_RA_REVOKED,
        [DB_SERIES_ENDING] = DB_RA_ENDING,
    };
    struct db_params p = {0};

    db_bind_time(&p, from);
    if (series == DB_SERIES_ENDING)
        db_bind_time(&p, until);
    return db_stream(db, statement[series], &p, each, arg, err) ||
           error_wrap(err, "overview");
}

bool
db_point_read(const struct db_result *row, size_t at, struct db_point *out,
              struct error *err)
{
    return db_read_text(row, at, 0, &out->at, err) &&
           db_read_int64(row, at, 1, &out->value, err);
}
