/*
 * Money that goes back 退款. What was paid online goes back by the provider,
 * again until it has an answer; the provider knows a refund by our id, so that
 * it happens once. What came by bank transfer is paid out by finance, who
 * confirms it.
 */
#ifndef RA_REFUND_H
#define RA_REFUND_H

#include "ra/case_apply.h"
#include "ra/jobs.h"
#include "ra/payment_provider.h"

enum {
    REFUND_TRIES_MAX = 30, /* then it is `failed` until finance retries */
    REFUND_WAIT_S = 60,    /* after the first try; doubled up to */
    REFUND_WAIT_MAX_S = 6 * 3600,
    REFUND_CLAIM_S = 60, /* longer than one call may take */
    REFUND_REFERENCE_MAX = 64,
};

/* Sends what is due, up to `max`; *count gets how many were tried. */
bool refund_send_due(const struct business *business, struct db *db,
                     struct payment_provider *provider, int64_t now, size_t max,
                     size_t *count, struct error *err) MUST_CHECK;

/* By finance. ERROR_NOT_FOUND; ERROR_CONFLICT unless it failed. */
bool refund_retry(struct db *db, const char *id, const char *officer_id,
                  int64_t now, struct error *err) MUST_CHECK;
/* Finance paid it out by bank transfer with this reference. ERROR_CONFLICT
 * unless it is due and goes back that way. */
bool refund_paid_out(const struct business *business, struct db *db,
                     const char *id, const char *reference,
                     const char *officer_id, int64_t now,
                     struct error *err) MUST_CHECK;

/* Asks about open orders, lets settled cases go on, sends refunds: a row of the
 * table of jobs. */
bool payment_job(struct ra_job *job, int64_t now, struct error *err) MUST_CHECK;

/* Before any thread. */
void payment_metrics(void);

#endif
