/*
 * What people are told of events that are no transition of a case: "shipped",
 * "delivered" (ra/definition.h, struct definition_notice).
 */
#ifndef RA_CASE_TELL_H
#define RA_CASE_TELL_H

#include "ra/case_apply.h"

/* Queues the notices that the definition has for this name, on each channel
 * that reaches somebody. `values` (texts, e.g. carrier and tracking) go into
 * the texts beside those of every notice; `round` tells events of one name
 * apart. In a transaction that holds the case's row locked. */
bool case_tell(const struct business *business, struct db *db,
               const struct db_case *row, const char *name, const char *round,
               const json_t *values, int64_t at, struct error *err) MUST_CHECK;

/* Queues a mail to customer service (setting ra.service_email; nothing without
 * it): something of this case waits for a person. The text is 中文 and English
 * at once. */
bool case_tell_service(const struct business *business, struct db *db,
                       const struct db_case *row, const char *name,
                       const char *text, int64_t at,
                       struct error *err) MUST_CHECK;

#endif
