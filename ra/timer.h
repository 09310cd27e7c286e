/*
 * What time does to cases and certificates (domain.md, 1.6, 1.8 #22): deadlines
 * of states, holds that run out, reminders of a certificate's end. Jobs of
 * ra/jobs.c; each does some hundred rows and returns.
 */
#ifndef RA_TIMER_H
#define RA_TIMER_H

#include "ra/jobs.h"

/* Cases whose deadline has come are reminded or expire (CASE_REMIND,
 * CASE_EXPIRE), by the timers of their definition as it is now: a longer term
 * holds for cases that are open, too. */
bool timer_job(struct ra_job *job, int64_t now, struct error *err) MUST_CHECK;

/* Cases that an officer put aside until now come back into the queue. */
bool hold_job(struct ra_job *job, int64_t now, struct error *err) MUST_CHECK;

/* Handlers are told 90, 30 and 7 days before their certificate ends. What was
 * missed meanwhile is not made up for: one reminder, with the days left. */
bool expiry_job(struct ra_job *job, int64_t now, struct error *err) MUST_CHECK;

/* What a timer does to a case in `state` since `since` whose deadline is
 * `deadline_at`: the last event that is due by now. False when none is;
 * *next is then when one will be (0: never). */
bool timer_event(struct db *db, const struct definition *definition,
                 enum case_state state, int64_t since, int64_t deadline_at,
                 int64_t now, enum case_event *event, int64_t *next,
                 bool *is_due, struct error *err) MUST_CHECK;

#endif
