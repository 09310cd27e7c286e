/*
 * What is written down about a step of a case: the link of its history, the
 * entry of the log, the notices. Used by ra/case_apply.c and ra/case_create.c.
 */
#ifndef RA_CASE_STEP_H
#define RA_CASE_STEP_H

#include <jansson.h>

#include "ra/case_apply.h"

struct case_step {
    const struct business *business;
    const struct case_act *act;
    const struct db_case *row; /* as it was locked */
    const struct case_transition *transition;
    const struct definition *definition;
    const json_t *fields; /* in clear */
    int32_t revision;     /* after the step */
    int64_t deadline_at;  /* of the new state; 0: none */
    const char *order_id; /* NULL before there is one */
    const char *code;     /* that was drawn; NULL: none */
};

/* Last in its transaction: the log is locked until it ends. */
bool case_step_write(struct db *db, const struct case_step *step,
                     struct error *err) MUST_CHECK;

/* When the timers of a state act: the first after `after` (an instant) of those
 * that count from `since`. *at 0 if there is none. */
bool case_timer_next(struct db *db, const struct definition *definition,
                     enum case_state state, int64_t since, int64_t after,
                     enum case_event *event, int64_t *at,
                     struct error *err) MUST_CHECK;

#endif
