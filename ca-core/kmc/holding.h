/*
 * Shares that operators have handed in for cases that are not approved yet, in
 * this process's memory and nowhere else: they go when the case ends, however
 * it ends, after a day, and with the process. Thread-safe.
 */
#ifndef CA_CORE_KMC_HOLDING_H
#define CA_CORE_KMC_HOLDING_H

#include "base/text.h"
#include "ca-core/kmc/share.h"

enum {
    HOLDING_CASES_MAX = 256,
    HOLDING_MAX_MS = 24 * 3600 * 1000, /* a case may wait for weeks; a share
                                          that is in clear may not */
};

struct holding;

void holding_new(struct holding **out);
void holding_free(struct holding *holding); /* cleanses; NULL is nothing */

/* A share of the same place takes the place of the one before. `now_ms` is
 * monotonic: the day of a case begins with its first share. ERROR_BUSY when too
 * many cases wait. */
bool holding_add(struct holding *holding, const char *case_id,
                 const struct share *share, int64_t now_ms,
                 struct error *err) MUST_CHECK;
/* Drops what has waited for HOLDING_MAX_MS. */
void holding_expire(struct holding *holding, int64_t now_ms);
unsigned holding_count(struct holding *holding, const char *case_id);
/* Hands them out, once. */
unsigned holding_take(struct holding *holding, const char *case_id,
                      struct share shares[SHAMIR_PLACES_MAX]);
void holding_drop(struct holding *holding, const char *case_id);
/* The cases that have shares. */
size_t holding_cases(struct holding *holding,
                     char out[HOLDING_CASES_MAX][TEXT_UUID_LEN + 1]);

#endif
