/* Deadlines, holds and reminders: ra/timer.h. */
#include "ra/timer.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "db/case_read.h"
#include "db/job.h"
#include "ra/calendar.h"
#include "ra/case_step.h"
#include "ra/case_tell.h"

enum {
    TURN_MAX = 100, /* rows of one run */
    DAY_S = 86400,
};

static const char actor[] = "signet-ra";

/* ---- Deadlines -------------------------------------------------------------
 */

bool
timer_event(struct db *db, const struct definition *definition,
            enum case_state state, int64_t since, int64_t deadline_at,
            int64_t now, enum case_event *event, int64_t *next, bool *is_due,
            struct error *err)
{
    int64_t after = deadline_at - 1;
    enum case_event one = CASE_EVENT_COUNT;

    *is_due = false;
    for (;;) {
        if (!case_timer_next(db, definition, state, since, after, &one, next,
                             err))
            return false;
        if (*next == 0 || *next > now)
            return true;
        *is_due = true;
        *event = one;
        /* Nothing comes after the end; reminders that were missed are one. */
        if (one == CASE_EXPIRE)
            return true;
        after = *next;
    }
}

static bool
timer_act(struct ra_job *job, const struct db_timer *timer, int64_t now,
          struct error *err)
{
    struct case_act act = {.number = timer->number,
                           .who = CASE_BY_TIMER,
                           .actor = actor,
                           .at = now};
    enum case_business business;
    enum case_state state;
    int64_t next = 0;
    bool is_due;

    if (!case_business_find(timer->business, &business) ||
        !case_state_find(timer->state, &state))
        return error_set(err, ERROR_INTERNAL, "case %s is %s", timer->number,
                         timer->state);
    if (!timer_event(job->db,
                     definition_get(job->business->definitions, business),
                     state, timer->changed_at, timer->deadline_at, now,
                     &act.event, &next, &is_due, err))
        return false;
    if (!is_due)
        return db_timer_stop(job->db, timer, next, err);
    if (case_apply(job->business, job->db, &act, NULL, err))
        return true;
    if (err->code != ERROR_CONFLICT && err->code != ERROR_DENIED)
        return false;
    /* Gone on meanwhile, and then nothing is stopped here; or it knows no such
     * event any more, and is not asked every few seconds. */
    log_failure("timer.refused", err);
    return db_timer_stop(job->db, timer, 0, err);
}

bool
timer_job(struct ra_job *job, int64_t now, struct error *err)
{
    struct db_timer timer[TURN_MAX];
    size_t count = 0;
    struct error first = {0};

    if (!db_timer_due(job->db, now, TURN_MAX, timer, &count, err))
        return false;
    /* One that fails does not keep the others waiting. */
    for (size_t i = 0; i < count; i++)
        if (!timer_act(job, &timer[i], now, err) && first.code == ERROR_NONE)
            first = *err;
    *err = first;
    return first.code == ERROR_NONE;
}

/* ---- Holds
 * --------------------------------------------------------------------- */

struct hold {
    const char *number;
    int64_t now;
};

static bool
hold_end(struct db *db, void *arg, struct error *err)
{
    const struct hold *hold = arg;
    struct db_case row = {0};
    bool ok;

    if (!db_case_get(db, hold->number, true, &row, err))
        return false;
    ok = row.held_until == 0 || row.held_until > hold->now ||
         (db_case_hold(db, hold->number, NULL, 0, err) &&
          case_note(db, &row, "resumed", actor, NULL, hold->now, err));
    db_case_clear(&row);
    return ok;
}

bool
hold_job(struct ra_job *job, int64_t now, struct error *err)
{
    char number[TURN_MAX][DB_CASE_NUMBER_MAX + 1];
    size_t count = 0;

    if (!db_hold_run_out(job->db, now, TURN_MAX, number, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct hold hold = {number[i], now};

        if (!db_transaction(job->db, hold_end, &hold, err))
            return false;
    }
    return true;
}

/* ---- Ends of certificates
 * ---------------------------------------------------------- */

static const int remind_days[DB_EXPIRING_REMINDERS] = {90, 30, 7};

struct reminder {
    const struct business *business;
    const struct db_expiring *certificate;
    int64_t now;
};

/* The reminder that is due so many seconds before the end: 1, 2 or 3. */
static int
reminder_number(int64_t left)
{
    int count = 0;

    for (int i = 0; i < DB_EXPIRING_REMINDERS; i++)
        count += left <= (int64_t)remind_days[i] * DAY_S ? 1 : 0;
    return count;
}

static json_t *
reminder_values(const struct reminder *reminder, char serial[33])
{
    int64_t left = reminder->certificate->not_after - reminder->now;
    json_t *values = json_object();
    char text[16]; /* a day, or a count of them */

    text_hex(reminder->certificate->serial, 16, serial);
    json_set_text(values, "serial", serial);
    calendar_day_format(reminder->certificate->not_after, text);
    json_set_text(values, "not_after", text);
    snprintf(text, sizeof text, "%d", (int)((left + DAY_S - 1) / DAY_S));
    json_set_text(values, "days", text);
    return values;
}

static bool
reminder_send(struct db *db, void *arg, struct error *err)
{
    const struct reminder *reminder = arg;
    const struct db_expiring *certificate = reminder->certificate;
    int which = reminder_number(certificate->not_after - reminder->now);
    struct db_case row = {0};
    json_t *values = NULL;
    char serial[33], round[48];
    bool is_first = false;
    bool ok = false;

    if (!db_case_get(db, certificate->number, true, &row, err) ||
        !db_expiring_done(db, certificate, which, &is_first, err))
        goto out;
    if (!is_first) {
        ok = true;
        goto out;
    }
    values = reminder_values(reminder, serial);
    snprintf(round, sizeof round, "%s/%d", serial, which);
    ok = case_tell(reminder->business, db, &row, "certificate-expiring", round,
                   values, reminder->now, err) &&
         case_note(db, &row, "certificate-expiring", actor, values,
                   reminder->now, err);
out:
    json_decref(values);
    db_case_clear(&row);
    return ok;
}

bool
expiry_job(struct ra_job *job, int64_t now, struct error *err)
{
    struct db_expiring certificate[TURN_MAX];
    int64_t until[DB_EXPIRING_REMINDERS];
    size_t count = TURN_MAX;

    for (int i = 0; i < DB_EXPIRING_REMINDERS; i++)
        until[i] = now + (int64_t)remind_days[i] * DAY_S;
    /* Page by page: what was told is not found again. */
    while (count == TURN_MAX) {
        if (!db_expiring(job->db, now, until, TURN_MAX, certificate, &count,
                         err))
            return false;
        for (size_t i = 0; i < count; i++) {
            struct reminder reminder = {job->business, &certificate[i], now};

            if (!db_transaction(job->db, reminder_send, &reminder, err))
                return false;
        }
    }
    return true;
}
