/* Leases and timers of the RA's jobs: db/job.h. */
#include "db/job.h"

#include "db/sql_ra.h"

bool
db_job_lease(struct db *db, const char *job, const char *holder, int64_t for_s,
             bool *is_ours, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, job);
    db_bind_text(&p, holder);
    db_bind_int64(&p, for_s);
    if (!db_exec(db, DB_RA_LEASE_TAKE, &p, &changed, err))
        return error_wrap(err, "take the lease of %s", job);
    *is_ours = changed == 1;
    return true;
}

bool
db_job_release(struct db *db, const char *job, const char *holder,
               struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, job);
    db_bind_text(&p, holder);
    return db_exec(db, DB_RA_LEASE_RELEASE, &p, &changed, err) ||
           error_wrap(err, "give back the lease of %s", job);
}

bool
db_timer_due(struct db *db, int64_t now, size_t max, struct db_timer *out,
             size_t *count, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = true;

    db_bind_time(&p, now);
    db_bind_int64(&p, (int64_t)max);
    if (!db_query(db, DB_RA_TIMER_DUE, &p, &r, err))
        return error_wrap(err, "timers");
    *count = db_rows(r);
    for (size_t i = 0; ok && i < *count; i++)
        ok = db_read_word(r, i, 0, out[i].number, sizeof out[i].number, err) &&
             db_read_word(r, i, 1, out[i].business, sizeof out[i].business,
                          err) &&
             db_read_word(r, i, 2, out[i].state, sizeof out[i].state, err) &&
             db_read_time(r, i, 3, &out[i].changed_at, err) &&
             db_read_time(r, i, 4, &out[i].deadline_at, err);
    db_result_free(r);
    return ok;
}

bool
db_timer_stop(struct db *db, const struct db_timer *timer, int64_t deadline_at,
              struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, timer->number);
    db_bind_text(&p, timer->state);
    db_bind_time(&p, timer->deadline_at);
    db_bind_time_or_null(&p, deadline_at);
    return db_exec(db, DB_RA_TIMER_STOP, &p, &changed, err) ||
           error_wrap(err, "timer of %s", timer->number);
}

/* Numbers of cases. */
static bool
numbers_read(struct db *db, size_t statement, struct db_params *p,
             char (*number)[DB_CASE_NUMBER_MAX + 1], size_t *count,
             const char *what, struct error *err)
{
    struct db_result *r = NULL;
    bool ok = true;

    if (!db_query(db, statement, p, &r, err))
        return error_wrap(err, "%s", what);
    *count = db_rows(r);
    for (size_t i = 0; ok && i < *count; i++)
        ok = db_read_word(r, i, 0, number[i], sizeof number[i], err);
    db_result_free(r);
    return ok;
}

bool
db_case_unchecked(struct db *db, size_t max,
                  char (*number)[DB_CASE_NUMBER_MAX + 1], size_t *count,
                  struct error *err)
{
    struct db_params p = {0};

    db_bind_int64(&p, (int64_t)max);
    return numbers_read(db, DB_RA_CASE_UNCHECKED, &p, number, count, "checks",
                        err);
}

bool
db_hold_run_out(struct db *db, int64_t now, size_t max,
                char (*number)[DB_CASE_NUMBER_MAX + 1], size_t *count,
                struct error *err)
{
    struct db_params p = {0};

    db_bind_time(&p, now);
    db_bind_int64(&p, (int64_t)max);
    return numbers_read(db, DB_RA_HOLD_RUN_OUT, &p, number, count, "holds",
                        err);
}

bool
db_expiring(struct db *db, int64_t now,
            const int64_t until[DB_EXPIRING_REMINDERS], size_t max,
            struct db_expiring *out, size_t *count, struct error *err)
{
    struct db_params p = {0};
    struct db_result *r = NULL;
    bool ok = true;

    db_bind_time(&p, now);
    for (int i = 0; i < DB_EXPIRING_REMINDERS; i++)
        db_bind_time(&p, until[i]);
    db_bind_int64(&p, (int64_t)max);
    if (!db_query(db, DB_RA_EXPIRING, &p, &r, err))
        return error_wrap(err, "certificates near their end");
    *count = db_rows(r);
    for (size_t i = 0; ok && i < *count; i++)
        ok =
            db_read_word(r, i, 0, out[i].issuer, sizeof out[i].issuer, err) &&
            db_read_octets(r, i, 1, out[i].serial, sizeof out[i].serial, err) &&
            db_read_word(r, i, 2, out[i].number, sizeof out[i].number, err) &&
            db_read_time(r, i, 3, &out[i].not_after, err);
    db_result_free(r);
    return ok;
}

bool
db_expiring_done(struct db *db, const struct db_expiring *certificate,
                 int reminded, bool *is_first, struct error *err)
{
    struct db_params p = {0};
    int64_t changed;

    db_bind_text(&p, certificate->issuer);
    db_bind_bytes(&p, certificate->serial, sizeof certificate->serial);
    db_bind_int32(&p, reminded);
    if (!db_exec(db, DB_RA_EXPIRING_DONE, &p, &changed, err))
        return error_wrap(err, "reminder");
    *is_first = changed == 1;
    return true;
}
