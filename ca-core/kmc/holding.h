/*
 * Shares that operators have handed in for cases that are not approved yet, in
 * this process's memory and nowhere else: they go when the case ends, however
 * it ends, and with the process. Thread-safe.
 */
#ifndef CA_CORE_KMC_HOLDING_H
#define CA_CORE_KMC_HOLDING_H

#include "base/text.h"
#include "ca-core/kmc/share.h"

enum { HOLDING_CASES_MAX = 32 };

struct holding;

void holding_new(struct holding **out);
void holding_free(struct holding *holding); /* cleanses; NULL is nothing */

/* A share of the same place takes the place of the one before. ERROR_BUSY when
 * too many cases wait. */
bool holding_add(struct holding *holding, const char *case_id,
                 const struct share *share, struct error *err) MUST_CHECK;
unsigned holding_count(struct holding *holding, const char *case_id);
/* Hands them out, once. */
unsigned holding_take(struct holding *holding, const char *case_id,
                      struct share shares[SHAMIR_PLACES_MAX]);
void holding_drop(struct holding *holding, const char *case_id);
/* The cases that have shares. */
size_t holding_cases(struct holding *holding,
                     char out[HOLDING_CASES_MAX][TEXT_UUID_LEN + 1]);

#endif
