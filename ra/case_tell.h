/*
 * What people are told of a case (ra/definition.h, struct definition_notice):
 * by its steps (ra/case_step.c), and of events that are no transition:
 * "shipped", "delivered".
 */
#ifndef RA_CASE_TELL_H
#define RA_CASE_TELL_H

#include "ra/case_apply.h"

/* What is told of one event, whatever the channel. */
struct case_notice {
    const struct business *business;
    const struct db_case *row;
    const struct definition *definition;
    const json_t *fields; /* in clear */
    const char *name;     /* "passed", "shipped" */
    const char *state;    /* of the case, by now */
    const char *round;    /* tells the notices of one case apart */
    int32_t seq;          /* of the step's link, for webhooks; 0: no step */
    const json_t *values; /* texts beside those of every notice; or NULL */
    int64_t at;
};
/* Queues it on the channel of `of`; nothing when that reaches nobody. In a
 * transaction that holds the case's row locked. */
bool case_notice_queue(struct db *db, const struct case_notice *notice,
                       const struct definition_notice *of,
                       struct error *err) MUST_CHECK;

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
