/* Working days, with the holidays of 2026. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "db/sql_ra.h"
#include "ra/calendar.h"
#include "tests/unit/pg.h"

static struct db *db;

static int
start(void **state)
{
    (void)state;
    pg_start();
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    pg_stop();
    return 0;
}

static int
open_db(void **state)
{
    static struct db_options options;
    struct error err = {0};

    (void)state;
    pg_reset();
    options = (struct db_options){.connection = pg_connection("signet_ra"),
                                  .statements = db_ra_statements,
                                  .statement_count = DB_RA_STATEMENT_COUNT,
                                  .connect_timeout_s = 5,
                                  .statement_timeout_ms = 5000};
    if (!db_open(&options, &db, &err))
        fail_msg("%s", err.what);
    return 0;
}

static int
close_db(void **state)
{
    (void)state;
    db_close(db);
    return 0;
}

static void
import_2026(void)
{
    struct buf csv = BUF_INIT(CALENDAR_CSV_MAX);
    struct error err = {0};
    size_t count = 0;

    assert_true(text_file_read(SOURCE_DIR "/config/calendar/2026.csv",
                               CALENDAR_CSV_MAX, &csv, &err));
    if (!calendar_import(db, buf_text(&csv), csv.len, &count, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    assert_int_equal(count, 25);
    buf_clear(&csv);
}

/* `days` working days after, both in UTC. */
static void
adds(const char *from, int days, const char *wanted)
{
    char text[CLOCK_TEXT_LEN + 1];
    struct error err = {0};
    int64_t at, out;

    assert_true(clock_parse(from, &at));
    if (!calendar_add(db, at, days, &out, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    clock_format(out, text);
    assert_string_equal(text, wanted);
}

static void
without_a_row_weekdays_are_working_days(void **state)
{
    (void)state;
    /* 2026-11-24 is a Tuesday. */
    adds("2026-11-24T03:00:00Z", 1, "2026-11-25T03:00:00Z");
    adds("2026-11-24T03:00:00Z", 3, "2026-11-27T03:00:00Z");
    adds("2026-11-24T03:00:00Z", 4, "2026-11-30T03:00:00Z");
    adds("2026-11-28T03:00:00Z", 0, "2026-11-30T03:00:00Z"); /* Saturday */
    adds("2026-11-24T03:00:00Z", 0, "2026-11-24T03:00:00Z");
    adds("2026-11-24T03:00:00Z", 366, "2028-04-19T03:00:00Z");
}

static void
the_day_begins_at_midnight_in_china(void **state)
{
    (void)state;
    /* Friday, 23:30 in China; and half an hour later, Saturday. */
    adds("2026-11-27T15:30:00Z", 0, "2026-11-27T15:30:00Z");
    adds("2026-11-27T16:00:00Z", 0, "2026-11-29T16:00:00Z");
}

static void
holidays_are_skipped_and_make_up_days_worked(void **state)
{
    (void)state;
    import_2026();
    /* 30 September is a Wednesday; then seven days off. */
    adds("2026-09-30T03:00:00Z", 1, "2026-10-08T03:00:00Z");
    adds("2026-09-30T03:00:00Z", 2, "2026-10-09T03:00:00Z");
    adds("2026-09-30T03:00:00Z", 3, "2026-10-10T03:00:00Z"); /* a Saturday */
    adds("2026-09-30T03:00:00Z", 4, "2026-10-12T03:00:00Z");
    /* The Spring Festival, Saturday the 14th being worked on. */
    adds("2026-02-13T03:00:00Z", 1, "2026-02-14T03:00:00Z");
    adds("2026-02-13T03:00:00Z", 2, "2026-02-24T03:00:00Z");
}

static void
a_day_can_be_set_and_set_back(void **state)
{
    const bool yes = true;
    struct error err = {0};

    (void)state;
    assert_true(calendar_set(db, "2026-11-28", &yes, " 加班 ", &err));
    adds("2026-11-27T03:00:00Z", 1, "2026-11-28T03:00:00Z");
    assert_string_equal(pg_ask("SELECT note FROM ra.calendar"), "加班");
    assert_true(calendar_set(db, "2026-11-28", NULL, NULL, &err));
    adds("2026-11-27T03:00:00Z", 1, "2026-11-30T03:00:00Z");
    assert_false(calendar_set(db, "2026-02-30", &yes, "x", &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_false(calendar_set(db, "2026-11-28", &yes, "", &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

static void
refused(const char *csv, const char *why)
{
    struct error err = {0};
    size_t count = 0;

    assert_false(calendar_import(db, csv, strlen(csv), &count, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    if (strstr(err.what, why) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.what, why);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.calendar"), "0");
}

static void
a_wrong_line_refuses_all_of_the_file(void **state)
{
    (void)state;
    refused("", "no day");
    refused("day,is_working,note\n", "no day");
    refused("2026-10-01,no,x\n", "line 1");
    refused("day,is_working,note\n2026-10-01,no,x\n2026-13-01,no,x\n",
            "line 3");
    refused("day,is_working,note\n2026-10-01,maybe,x\n", "line 2");
    refused("day,is_working,note\n2026-10-01,no\n", "line 2");
    refused("day,is_working,note\n2026-10-01,no,a,b\n", "line 2");
    refused("day,is_working,note\n2026-10-01,no,\n", "line 2");
    refused("day,is_working,note\n2026-10-1,no,x\n", "line 2");
}

static void
an_import_twice_is_the_same(void **state)
{
    (void)state;
    import_2026();
    import_2026();
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.calendar"), "25");
}

int
main(void)
{
#define DATED(name) cmocka_unit_test_setup_teardown(name, open_db, close_db)
    const struct CMUnitTest tests[] = {
        DATED(without_a_row_weekdays_are_working_days),
        DATED(the_day_begins_at_midnight_in_china),
        DATED(holidays_are_skipped_and_make_up_days_worked),
        DATED(a_day_can_be_set_and_set_back),
        DATED(a_wrong_line_refuses_all_of_the_file),
        DATED(an_import_twice_is_the_same),
    };

    return cmocka_run_group_tests_name("calendar", tests, start, stop);
}
