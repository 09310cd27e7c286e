/* What the RA's jobs ask: leases (ra.lease), cases whose timer or hold has run
 * out, certificates near their end. */
#ifndef DB_JOB_H
#define DB_JOB_H

#include "db/case_file.h"

/* Takes or prolongs the lease of a job for `for_s` seconds by the database's
 * clock; *is_ours is false while another holds it. `holder` is a UUID, which
 * the connection bears from now on as its application_name: a holder without
 * any connection has died, and its leases are free. */
bool db_job_lease(struct db *db, const char *job, const char *holder,
                  int64_t for_s, bool *is_ours, struct error *err) MUST_CHECK;
bool db_job_release(struct db *db, const char *job, const char *holder,
                    struct error *err) MUST_CHECK;

/* Cases whose deadline has come, the oldest first. */
struct db_timer {
    char number[DB_CASE_NUMBER_MAX + 1];
    char business[16];
    char state[32];
    int64_t changed_at, deadline_at;
};
bool db_timer_due(struct db *db, int64_t now, size_t max, struct db_timer *out,
                  size_t *count, struct error *err) MUST_CHECK;
/* Another deadline, or none (0), in place of the one that was read; nothing
 * when the case has gone on. */
bool db_timer_stop(struct db *db, const struct db_timer *timer,
                   int64_t deadline_at, struct error *err) MUST_CHECK;

/* Numbers of cases whose hold has run out. */
bool db_hold_run_out(struct db *db, int64_t now, size_t max,
                     char (*number)[DB_CASE_NUMBER_MAX + 1], size_t *count,
                     struct error *err) MUST_CHECK;

/* Numbers of cases that wait for their first review and whose order the core
 * has not been asked about yet (finding "ca-check"), the oldest first. */
bool db_case_unchecked(struct db *db, size_t max,
                       char (*number)[DB_CASE_NUMBER_MAX + 1], size_t *count,
                       struct error *err) MUST_CHECK;

/* The newest certificates of their accounts that are to end and whose next
 * reminder is due: `until[0]` to `until[2]` are the latest ends for which the
 * first, second and third is. */
enum { DB_EXPIRING_REMINDERS = 3 };
struct db_expiring {
    char issuer[65];
    uint8_t serial[16];
    char number[DB_CASE_NUMBER_MAX + 1]; /* whose handler is of record */
    int64_t not_after;
};
bool db_expiring(struct db *db, int64_t now,
                 const int64_t until[DB_EXPIRING_REMINDERS], size_t max,
                 struct db_expiring *out, size_t *count,
                 struct error *err) MUST_CHECK;
/* So many have gone out. *is_first: nobody has counted this one before. */
bool db_expiring_done(struct db *db, const struct db_expiring *certificate,
                      int reminded, bool *is_first,
                      struct error *err) MUST_CHECK;

#endif
