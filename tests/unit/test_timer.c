/* What time does: deadlines of states, holds, reminders of a certificate's end,
 * and that any number of processes share it (domain.md, 1.6, 1.8 #22). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "db/job.h"
#include "db/sql_ra.h"
#include "ra/form.h"
#include "ra/timer.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/pg.h"

#define DAY INT64_C(86400)

static struct case_parts parts;
static int64_t began;

/* Drawing takes longer than all the rest. */
bool
form_make(const struct vault *vault, const struct form_input *input,
          struct buf *pdf, struct error *err)
{
    (void)vault;
    (void)err;
    return buf_addf(pdf, "%s %d", input->number, input->revision);
}

static int
group_start(void **state)
{
    (void)state;
    pg_start();
    case_parts_init(&parts);
    began = parts.now;
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    case_parts_clear(&parts);
    pg_stop();
    return 0;
}

static int
start(void **state)
{
    (void)state;
    parts.now = began;
    case_parts_open(&parts);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    case_parts_close(&parts);
    return 0;
}

/* ---- Short cuts
 * ---------------------------------------------------------------- */

static void
run(ra_job_run *fn, int64_t at)
{
    struct ra_job job = {.db = parts.db, .business = &parts.business};
    struct error err = {0};

    if (!fn(&job, at, &err))
        fail_msg("%s (%s)", err.what, err.cause);
}

static void
assert_state(const char *number, const char *wanted)
{
    assert_string_equal(case_parts_state(number), wanted);
}

static void
assert_asked(const char *wanted, const char *sql)
{
    assert_string_equal(pg_ask(sql), wanted);
}

static void
act(const char *number, enum case_event event, enum case_actor who)
{
    struct error err = {0};

    if (!case_parts_act(&parts, number, event, who, &err))
        fail_msg("%s: %s (%s)", case_event_name(event), err.what, err.cause);
}

static void
create(enum case_business business, char number[DB_CASE_NUMBER_MAX + 1])
{
    struct error err = {0};

    if (!case_parts_create(&parts, business, number, &err))
        fail_msg("create: %s (%s)", err.what, err.cause);
}

/* A new case whose originals are awaited. */
static void
to_originals(char number[DB_CASE_NUMBER_MAX + 1])
{
    struct error err = {0};

    create(BUSINESS_NEW, number);
    act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    case_parts_documents(&parts, number);
    act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    case_parts_pay(number);
    act(number, CASE_PAY, CASE_BY_SYSTEM);
    if (!case_parts_decide(&parts, number, &parts.first, API_STEP_FIRST_REVIEW,
                           API_APPROVE, &err))
        fail_msg("decision: %s (%s)", err.what, err.cause);
    assert_state(number, "awaiting-originals");
}

/* ---- Deadlines
 * ------------------------------------------------------------------- */

static void
a_draft_ends_after_ninety_days_and_not_before(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    create(BUSINESS_NEW, number);
    run(timer_job, began + 90 * DAY - 1);
    assert_state(number, "draft");
    run(timer_job, began + 90 * DAY);
    assert_state(number, "closed");
    run(timer_job, began + 91 * DAY); /* and stays so */
    assert_state(number, "closed");
    assert_asked("1", "SELECT count(*) FROM ra.case_history"
                      " WHERE event = 'expired' AND actor = 'signet-ra'");
}

static void
an_unpaid_case_ends_after_thirty_days(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    create(BUSINESS_NEW, number);
    act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    case_parts_documents(&parts, number);
    parts.now = began + 5 * DAY;
    act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    assert_state(number, "awaiting-payment");
    run(timer_job, began + 35 * DAY - 1);
    assert_state(number, "awaiting-payment");
    run(timer_job, began + 35 * DAY);
    assert_state(number, "closed");
    assert_asked("closed", "SELECT state FROM ra.payment");
}

static void
originals_are_asked_for_twice_before_the_case_ends(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    to_originals(number);
    run(timer_job, began + 20 * DAY);
    run(timer_job, began + 20 * DAY + 5);
    assert_asked("1", "SELECT count(*) FROM ra.case_history"
                      " WHERE event = 'reminded'");
    run(timer_job, began + 45 * DAY);
    run(timer_job, began + 59 * DAY);
    assert_asked("2", "SELECT count(*) FROM ra.case_history"
                      " WHERE event = 'reminded'");
    assert_state(number, "awaiting-originals");
    run(timer_job, began + 60 * DAY);
    assert_state(number, "closed");
    /* The handler was told each time, by text message. */
    assert_asked("3", "SELECT count(*) FROM ra.notice WHERE channel = 'sms'"
                      " AND event IN ('case.reminded', 'case.expired')");
}

static void
what_was_missed_while_nothing_ran_is_told_once(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    to_originals(number);
    run(timer_job, began + 50 * DAY); /* two reminders are due */
    assert_asked("1", "SELECT count(*) FROM ra.case_history"
                      " WHERE event = 'reminded'");
    run(timer_job, began + 400 * DAY);
    assert_state(number, "closed");
}

static void
a_reminder_does_not_begin_the_time_anew(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    to_originals(number);
    run(timer_job, began + 20 * DAY);
    run(timer_job, began + 60 * DAY);
    assert_state(number, "closed");
}

static void
going_on_begins_the_time_anew(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    create(BUSINESS_NEW, number);
    parts.now = began + 80 * DAY;
    act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    run(timer_job, began + 100 * DAY);
    assert_state(number, "form-ready");
    run(timer_job, began + 170 * DAY);
    assert_state(number, "closed");
}

/* The definition was changed, and the service started anew. */
static void
a_longer_term_holds_for_cases_that_are_open(void **state)
{
    struct definition changed =
        *definition_get(parts.definitions, BUSINESS_NEW);
    enum case_event event = CASE_EVENT_COUNT;
    int64_t next = 0;
    bool is_due = true;
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < changed.timer_count; i++)
        if (changed.timer[i].state == CASE_DRAFT)
            changed.timer[i].days = 120;
    assert_true(timer_event(parts.db, &changed, CASE_DRAFT, began,
                            began + 90 * DAY, began + 90 * DAY, &event, &next,
                            &is_due, &err));
    assert_false(is_due);
    assert_int_equal(next, began + 120 * DAY);
    changed.timer_count = 0; /* none at all */
    assert_true(timer_event(parts.db, &changed, CASE_DRAFT, began,
                            began + 90 * DAY, began + 90 * DAY, &event, &next,
                            &is_due, &err));
    assert_false(is_due);
    assert_int_equal(next, 0);
}

static void
one_case_that_fails_does_not_keep_the_others(void **state)
{
    struct ra_job job = {.db = parts.db, .business = &parts.business};
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err = {0};

    (void)state;
    create(BUSINESS_NEW, number);
    /* In a state that this business does not know, and due before. */
    pg_sql("SET session_replication_role = replica;"
           "INSERT INTO ra.account (account, created_at) VALUES ('odd', now());"
           "INSERT INTO ra.case_file (number, business, account, state,"
           " unit_name, uscc, created_at, changed_at, deadline_at) VALUES"
           " ('N20200101-000001', 'new', 'odd', 'nowhere', 'x', 'x', now(),"
           " to_timestamp(0), to_timestamp(1))");
    assert_false(timer_job(&job, began + 90 * DAY, &err));
    assert_state(number, "closed");
}

/* ---- Holds
 * ---------------------------------------------------------------------------
 */

static void
what_was_put_aside_comes_back_on_its_day(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    char sql[256];

    (void)state;
    create(BUSINESS_NEW, number);
    snprintf(sql, sizeof sql,
             "UPDATE ra.case_file SET held_by = "
             "'11111111-1111-4111-8111-111111111111',"
             " held_until = to_timestamp(%lld)",
             (long long)(began + DAY));
    pg_sql(sql);
    run(hold_job, began + DAY - 1);
    assert_asked("t", "SELECT held_until IS NOT NULL FROM ra.case_file");
    run(hold_job, began + DAY);
    assert_asked("t", "SELECT held_until IS NULL AND held_by IS NULL"
                      " FROM ra.case_file");
    run(hold_job, began + 2 * DAY);
    assert_asked("1", "SELECT count(*) FROM ra.case_history"
                      " WHERE event = 'resumed'");
}

/* ---- Ends of certificates
 * ------------------------------------------------------------- */

static void
an_end_is_told_ninety_thirty_and_seven_days_before(void **state)
{
    int64_t end = began + 200 * DAY;

    (void)state;
    case_parts_live(&parts, "example", end);
    run(expiry_job, end - 91 * DAY);
    assert_asked("0", "SELECT count(*) FROM ra.notice"
                      " WHERE event LIKE '%certificate-expiring'");
    run(expiry_job, end - 90 * DAY);
    run(expiry_job, end - 89 * DAY);
    assert_asked("1", "SELECT reminded FROM ra.holder_certificate"
                      " WHERE pair = 1");
    run(expiry_job, end - 30 * DAY);
    run(expiry_job, end - 7 * DAY);
    run(expiry_job, end - DAY);
    run(expiry_job, end + DAY);
    assert_asked("3", "SELECT reminded FROM ra.holder_certificate"
                      " WHERE pair = 1");
    assert_asked("3", "SELECT count(*) FROM ra.case_history"
                      " WHERE event = 'certificate-expiring'");
}

static void
what_was_missed_of_an_end_is_one_reminder(void **state)
{
    int64_t end = began + 200 * DAY;

    (void)state;
    case_parts_live(&parts, "example", end);
    run(expiry_job, end - 6 * DAY);
    assert_asked("3", "SELECT reminded FROM ra.holder_certificate"
                      " WHERE pair = 1");
    assert_asked("1", "SELECT count(*) FROM ra.case_history"
                      " WHERE event = 'certificate-expiring'");
}

static void
nobody_is_reminded_of_what_is_revoked(void **state)
{
    int64_t end = began + 200 * DAY;

    (void)state;
    case_parts_live(&parts, "example", end);
    pg_sql("UPDATE ra.holder_certificate SET state = 'revoked',"
           " reason = 'superseded'");
    run(expiry_job, end - 10 * DAY);
    assert_asked("0", "SELECT count(*) FROM ra.case_history"
                      " WHERE event = 'certificate-expiring'");
}

/* ---- Leases
 * ------------------------------------------------------------------------------
 */

#define ONE "11111111-1111-4111-8111-111111111111"
#define TWO "22222222-2222-4222-8222-222222222222"

static bool
takes_by(struct db *db, const char *holder, int64_t for_s)
{
    bool is_ours = false;
    struct error err = {0};

    if (!db_job_lease(db, "timers", holder, for_s, &is_ours, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    return is_ours;
}

static struct db *
other_open(void)
{
    static struct db_options options = {
        .statements = db_ra_statements,
        .statement_count = DB_RA_STATEMENT_COUNT,
        .connect_timeout_s = 5,
        .statement_timeout_ms = 10000,
    };
    struct db *other = NULL;
    struct error err = {0};

    options.connection = pg_connection("signet_ra");
    if (!db_open(&options, &other, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    return other;
}

static void
one_process_does_a_job_until_it_gives_up(void **state)
{
    struct db *other = other_open();
    struct error err = {0};

    (void)state;
    assert_true(takes_by(parts.db, ONE, 60));
    assert_false(takes_by(other, TWO, 60));
    assert_true(takes_by(parts.db, ONE, 60));                /* prolonged */
    assert_true(db_job_release(other, "timers", TWO, &err)); /* not theirs */
    assert_false(takes_by(other, TWO, 60));
    assert_true(db_job_release(parts.db, "timers", ONE, &err));
    assert_true(takes_by(other, TWO, 60));
    assert_false(takes_by(parts.db, ONE, 60));
    db_close(other);
}

static void
a_process_that_died_is_followed_at_once(void **state)
{
    struct db *other = other_open();
    int64_t until = clock_monotonic_ms() + 10000;

    (void)state;
    assert_true(takes_by(other, TWO, 600));
    assert_false(takes_by(parts.db, ONE, 60));
    db_close(other); /* gives nothing back; its backend ends a moment later */
    while (!takes_by(parts.db, ONE, 60)) {
        assert_true(clock_monotonic_ms() < until);
        (void)usleep(10000);
    }
}

static void
a_machine_that_was_lost_is_followed_when_its_lease_ends(void **state)
{
    struct db *other = other_open();

    (void)state;
    assert_true(takes_by(other, TWO, 60));
    pg_sql("UPDATE ra.lease SET until = now() - interval '1 second'");
    assert_true(takes_by(parts.db, ONE, 60)); /* though its connection stands */
    assert_false(takes_by(other, TWO, 60));
    db_close(other);
}

int
main(void)
{
#define TIMED(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TIMED(a_draft_ends_after_ninety_days_and_not_before),
        TIMED(an_unpaid_case_ends_after_thirty_days),
        TIMED(originals_are_asked_for_twice_before_the_case_ends),
        TIMED(what_was_missed_while_nothing_ran_is_told_once),
        TIMED(a_reminder_does_not_begin_the_time_anew),
        TIMED(going_on_begins_the_time_anew),
        TIMED(a_longer_term_holds_for_cases_that_are_open),
        TIMED(one_case_that_fails_does_not_keep_the_others),
        TIMED(what_was_put_aside_comes_back_on_its_day),
        TIMED(an_end_is_told_ninety_thirty_and_seven_days_before),
        TIMED(what_was_missed_of_an_end_is_one_reminder),
        TIMED(nobody_is_reminded_of_what_is_revoked),
        TIMED(one_process_does_a_job_until_it_gives_up),
        TIMED(a_process_that_died_is_followed_at_once),
        TIMED(a_machine_that_was_lost_is_followed_when_its_lease_ends),
    };

    return cmocka_run_group_tests_name("timer", tests, group_start, group_stop);
}
