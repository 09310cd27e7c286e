/*
 * Daily reconciliation 对账: the payment provider's statement of a day against
 * our rows. Days are China's (UTC+8). The report:
 *   {"day", "provider": {"count", "received", "refunded"},
 *    "ours": {the same}, "is_matched",
 *    "differences": [{"kind", "event_id", "order", "case"?, "provider"?,
 *    "ours"?}], "is_cut"?}
 * kind: "missing-here", "missing-there", "amount", "order", "state" (received
 * on one side, paid back on the other); provider and ours are fen.
 */
#ifndef RA_RECONCILIATION_H
#define RA_RECONCILIATION_H

#include "ra/jobs.h"
#include "ra/payment_provider.h"

enum {
    RECONCILIATION_DAY_LEN = 10,            /* "2026-11-24" */
    RECONCILIATION_DIFFERENCES_MAX = 10000, /* then "is_cut" */
    RECONCILIATION_REPORT_MAX = 8 * 1024 * 1024,
};

/* The first instant of a China day, and the day of an instant. ERROR_INPUT. */
bool reconciliation_day_start(const char *day, int64_t *out,
                              struct error *err) MUST_CHECK;
void reconciliation_day_of(int64_t at, char out[RECONCILIATION_DAY_LEN + 1]);

/* Compares and stores the report; *is_matched tells the result. `statement` is
 * the provider's CSV. */
bool reconciliation_make(struct db *db, const char *day,
                         const uint8_t *statement, size_t len, int64_t now,
                         bool *is_matched, struct error *err) MUST_CHECK;

/* Asks the provider for the statement of the day first. ERROR_NOT_FOUND while
 * there is none. */
bool reconciliation_run(const struct config *config, struct db *db,
                        const char *day, int64_t now, bool *is_matched,
                        struct error *err) MUST_CHECK;

/* Yesterday's, and those of the week before that are missing: a row of the
 * table of jobs. */
bool reconciliation_job(struct ra_job *job, int64_t now,
                        struct error *err) MUST_CHECK;

#endif
