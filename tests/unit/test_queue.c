/* The officers' queue: whose it is, in which order, and how fast with 100,000
 * cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "db/case_read.h"
#include "db/sql_ra.h"
#include "pg.h"
#include "ra/queue.h"

#define A "11111111-1111-4111-8111-111111111111"
#define B "22222222-2222-4222-8222-222222222222"
#define AT INT64_C(1795510800) /* 2026-11-24T09:00:00Z */

static struct db *db;
static struct definitions *definitions;

static int
start(void **state)
{
    struct error err = {0};

    (void)state;
    pg_start();
    if (!definitions_load(SOURCE_DIR "/config/business",
                          SOURCE_DIR "/config/schema", &definitions, &err))
        fail_msg("%s", err.what);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    definitions_free(definitions);
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
                                  .statement_timeout_ms = 30000};
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

/* A case as it would have come to be; minutes ago it came into its state. */
static void
make(const char *number, const char *business, const char *state,
     int minutes_ago)
{
    char sql[1024];

    snprintf(
        sql, sizeof sql,
        "INSERT INTO ra.account (account, created_at)"
        " VALUES (lower('unit-%s'), to_timestamp(%lld)) ON CONFLICT DO NOTHING;"
        "INSERT INTO ra.case_file (number, business, account, state,"
        " unit_name, uscc, created_at, changed_at) VALUES ('%s', '%s',"
        " lower('unit-%s'), '%s', '某公司', '9144030071526726XG',"
        " to_timestamp(%lld), to_timestamp(%lld))",
        number, (long long)AT, number, business, number, state,
        (long long)AT - 86400, (long long)AT - 60 * minutes_ago);
    pg_sql(sql);
}

static void
decided(const char *number, int revision, const char *step, const char *officer,
        const char *person, const char *verdict)
{
    char sql[1024];

    snprintf(sql, sizeof sql,
             "INSERT INTO ra.case_decision (number, revision, step,"
             " officer_id, person, credential_id, verdict, decided_at,"
             " decision, statement) VALUES ('%s', %d, '%s', '%s', '%s',"
             " decode(repeat('00', 32), 'hex'), '%s', now(), '', '')",
             number, revision, step, officer, person, verdict);
    pg_sql(sql);
}

struct seen {
    char text[4096]; /* numbers, each with a blank behind */
    size_t count;
};

static bool
see(const struct db_result *row, void *arg, struct error *err)
{
    struct seen *seen = arg;
    struct db_case one;

    if (!db_case_read(row, 0, &one, err))
        return false;
    strncat(seen->text, one.number, sizeof seen->text - strlen(seen->text) - 2);
    strcat(seen->text, " ");
    seen->count++;
    return true;
}

static struct db_queue
queue_of(unsigned roles, bool is_mine)
{
    struct db_queue queue = {.officer_id = A,
                             .person = "person-a",
                             .is_mine = is_mine,
                             .now = AT,
                             .after = "",
                             .max = 50};

    queue_tasks(definitions, roles, NULL, NULL, &queue);
    return queue;
}

static void
assert_queue(const struct db_queue *queue, const char *numbers)
{
    struct seen seen = {0};
    struct error err = {0};

    if (!db_queue_page(db, queue, see, &seen, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    assert_string_equal(seen.text, numbers);
}

enum {
    FIRST = 1u << API_ROLE_FIRST_REVIEWER,
    SECOND = 1u << API_ROLE_SECOND_REVIEWER,
    INTAKE = 1u << API_ROLE_INTAKE_CLERK,
    MAKER = 1u << API_ROLE_MAKER,
};

static void
each_role_sees_what_waits_for_it(void **state)
{
    struct db_queue queue;

    (void)state;
    make("N20261124-000001", "new", "first-review", 9);
    make("N20261124-000002", "new", "second-review", 8);
    make("N20261124-000003", "new", "awaiting-originals", 7);
    make("N20261124-000004", "new", "supplement", 6);
    make("S20261124-000005", "seal", "in-review", 5);
    make("C20261124-000006", "change", "awaiting-originals", 4);
    make("C20261124-000007", "change", "activation-allowed", 3);
    make("N20261124-000008", "new", "draft", 2);
    make("N20261124-000009", "new", "activated", 1);
    queue = queue_of(FIRST, true);
    assert_queue(&queue, "N20261124-000001 S20261124-000005 ");
    queue = queue_of(SECOND, true);
    assert_queue(&queue, "N20261124-000002 ");
    queue = queue_of(INTAKE, true);
    assert_queue(&queue, "N20261124-000003 N20261124-000004 "
                         "C20261124-000006 ");
    /* A change goes out after the second review, a new device before. */
    queue = queue_of(MAKER, true);
    assert_queue(&queue, "N20261124-000002 N20261124-000003 "
                         "N20261124-000004 C20261124-000007 ");
    /* One case is there once, also for two roles. */
    queue = queue_of(INTAKE | MAKER, true);
    assert_queue(&queue, "N20261124-000002 N20261124-000003 "
                         "N20261124-000004 C20261124-000006 "
                         "C20261124-000007 ");
    queue = queue_of(1u << API_ROLE_AUDITOR, true);
    assert_queue(&queue, "");
    /* All that is open, for who looks. */
    queue = queue_of(1u << API_ROLE_AUDITOR, false);
    assert_queue(&queue, "N20261124-000001 N20261124-000002 "
                         "N20261124-000003 N20261124-000004 "
                         "S20261124-000005 C20261124-000006 "
                         "C20261124-000007 N20261124-000008 ");
}

static void
who_took_a_step_sees_no_other_of_it(void **state)
{
    struct db_queue queue = queue_of(FIRST | SECOND, true);

    (void)state;
    make("N20261124-000001", "new", "second-review", 9);
    make("N20261124-000002", "new", "second-review", 8);
    make("N20261124-000003", "new", "second-review", 7);
    make("N20261124-000004", "new", "first-review", 6);
    decided("N20261124-000001", 1, "first-review", A, "person-a", "approve");
    /* The same person under another officer's id. */
    decided("N20261124-000002", 1, "first-review", B, "person-a", "approve");
    decided("N20261124-000003", 1, "first-review", B, "person-b", "approve");
    /* The same step again, after a return. */
    decided("N20261124-000004", 1, "first-review", A, "person-a", "return");
    assert_queue(&queue, "N20261124-000003 N20261124-000004 ");
}

static void
a_new_revision_may_be_anybodys(void **state)
{
    struct db_queue queue = queue_of(SECOND, true);

    (void)state;
    make("N20261124-000001", "new", "second-review", 9);
    decided("N20261124-000001", 1, "first-review", A, "person-a", "approve");
    assert_queue(&queue, "");
    pg_sql("UPDATE ra.case_file SET revision = 2");
    assert_queue(&queue, "N20261124-000001 ");
}

static void
what_has_its_maker_waits_for_none(void **state)
{
    struct db_queue queue = queue_of(MAKER, true);

    (void)state;
    make("N20261124-000001", "new", "awaiting-originals", 9);
    assert_queue(&queue, "N20261124-000001 ");
    decided("N20261124-000001", 1, "making", A, "person-a", "approve");
    assert_queue(&queue, "");
}

static void
what_is_anothers_or_put_aside_is_not_mine(void **state)
{
    struct db_queue mine = queue_of(FIRST, true);
    struct db_queue all = queue_of(FIRST, false);

    (void)state;
    make("N20261124-000001", "new", "first-review", 9);
    make("N20261124-000002", "new", "first-review", 8);
    make("N20261124-000003", "new", "first-review", 7);
    make("N20261124-000004", "new", "first-review", 6);
    pg_sql("UPDATE ra.case_file SET assigned_to = '" A
           "' WHERE number = 'N20261124-000001';"
           "UPDATE ra.case_file SET assigned_to = '" B
           "' WHERE number = 'N20261124-000002';"
           "UPDATE ra.case_file SET held_by = '" A
           "', held_until = to_timestamp(1795510801)"
           " WHERE number = 'N20261124-000003';"
           "UPDATE ra.case_file SET held_by = '" A
           "', held_until = to_timestamp(1795510800)"
           " WHERE number = 'N20261124-000004'");
    assert_queue(&mine, "N20261124-000001 N20261124-000004 ");
    assert_queue(&all, "N20261124-000001 N20261124-000002 "
                       "N20261124-000003 N20261124-000004 ");
}

static void
pages_follow_one_another_in_every_order(void **state)
{
    static const char *const wanted[] = {
        [DB_QUEUE_OLDEST] = "N20261124-000001 N20261124-000002 "
                            "N20261124-000003 N20261124-000004 ",
        [DB_QUEUE_NEWEST] = "N20261124-000004 N20261124-000003 "
                            "N20261124-000002 N20261124-000001 ",
        [DB_QUEUE_DEADLINE] = "N20261124-000003 N20261124-000001 "
                              "N20261124-000002 N20261124-000004 ",
    };
    struct error err = {0};

    (void)state;
    make("N20261124-000001", "new", "first-review", 9);
    make("N20261124-000002", "new", "second-review", 9); /* the same minute */
    make("N20261124-000003", "new", "first-review", 7);
    make("N20261124-000004", "new", "second-review", 6);
    pg_sql("UPDATE ra.case_file SET deadline_at = to_timestamp(1795510800)"
           " WHERE number = 'N20261124-000003';"
           "UPDATE ra.case_file SET deadline_at = to_timestamp(1795510900)"
           " WHERE number = 'N20261124-000001'");
    for (int sort = 0; sort <= DB_QUEUE_DEADLINE; sort++) {
        struct db_queue queue = queue_of(FIRST, false);
        struct seen seen = {0};
        char last[32] = "";

        queue.sort = (enum db_queue_sort)sort;
        queue.max = 1;
        for (int page = 0; page < 5; page++) {
            size_t before = seen.count;

            queue.after = last;
            if (!db_queue_page(db, &queue, see, &seen, &err))
                fail_msg("%s (%s)", err.what, err.cause);
            if (seen.count == before)
                break;
            memcpy(last, seen.text + strlen(seen.text) - 17, 16);
        }
        assert_string_equal(seen.text, wanted[sort]);
    }
}

static void
a_page_after_no_case_is_refused(void **state)
{
    struct db_queue queue = queue_of(FIRST, false);
    struct seen seen = {0};
    struct error err = {0};

    (void)state;
    queue.after = "N20261124-999999";
    assert_false(db_queue_page(db, &queue, see, &seen, &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

static void
states_and_businesses_narrow_the_queue(void **state)
{
    struct db_queue queue = queue_of(FIRST, false);

    (void)state;
    make("N20261124-000001", "new", "first-review", 9);
    make("C20261124-000002", "change", "first-review", 8);
    make("C20261124-000003", "change", "second-review", 7);
    queue_tasks(definitions, FIRST, NULL, "change", &queue);
    assert_queue(&queue, "C20261124-000002 C20261124-000003 ");
    queue_tasks(definitions, FIRST, "first-review", "change", &queue);
    assert_queue(&queue, "C20261124-000002 ");
}

/* ---- A hundred thousand
 * ---------------------------------------------------------- */

/* Ten thousand in each of ten states of new; every tenth reviewed by A. */
static void
fill(void)
{
    pg_sql(
        "SET session_replication_role = replica;" /* as loaded, not filed */
        "INSERT INTO ra.account (account, created_at)"
        " SELECT 'unit-' || i, now() FROM generate_series(1, 100000) AS i;"
        "INSERT INTO ra.case_file (number, business, account, state,"
        " unit_name, uscc, device, created_at, submitted_at, changed_at,"
        " completed_at)"
        " SELECT 'N20261101-' || lpad(i::text, 6, '0'), 'new', 'unit-' || i,"
        " (ARRAY['first-review', 'second-review', 'awaiting-originals',"
        " 'activation-allowed', 'form-ready', 'awaiting-payment', 'returned',"
        " 'draft', 'activated', 'bound'])[i % 10 + 1],"
        " '深圳市第' || i || '科技有限公司', 'USCC' || i, 'DEV-' || i,"
        " to_timestamp(1793000000 + i), to_timestamp(1793000000 + i),"
        " to_timestamp(1793000000 + i * 7919 % 2000000),"
        " CASE WHEN i % 10 >= 8 THEN to_timestamp(1793500000 + i) END"
        " FROM generate_series(1, 100000) AS i;"
        "INSERT INTO ra.case_decision (number, revision, step, officer_id,"
        " person, credential_id, verdict, decided_at, decision, statement)"
        " SELECT 'N20261101-' || lpad(i::text, 6, '0'), 1, 'first-review',"
        " CASE WHEN i % 100 < 10 THEN '" A "'::uuid ELSE '" B "'::uuid END,"
        " CASE WHEN i % 100 < 10 THEN 'person-a' ELSE 'person-b' END,"
        " decode(repeat('00', 32), 'hex'), 'approve', now(), '', ''"
        " FROM generate_series(1, 100000) AS i WHERE i % 10 IN (1, 2, 3);"
        "INSERT INTO ra.case_field (number, name, sealed, blind, is_locked)"
        " SELECT 'N20261101-' || lpad(i::text, 6, '0'), 'handler_mobile',"
        " '\\x00', sha256(i::text::bytea), true"
        " FROM generate_series(1, 100000) AS i;"
        "ANALYZE ra.case_file; ANALYZE ra.case_decision;"
        "ANALYZE ra.case_field");
}

static int64_t
page_ms(const struct db_queue *queue, size_t count)
{
    int64_t worst = 0;
    struct error err = {0};

    /* Often enough to meet the plan that the server settles for. */
    for (int i = 0; i < 12; i++) {
        int64_t from = clock_monotonic_ms();
        struct seen seen = {0};

        if (!db_queue_page(db, queue, see, &seen, &err))
            fail_msg("%s (%s)", err.what, err.cause);
        from = clock_monotonic_ms() - from;
        worst = from > worst ? from : worst;
        assert_int_equal(seen.count, count);
    }
    return worst;
}

static void
with_100000_cases_a_page_takes_less_than_200_ms(void **state)
{
    struct db_queue mine, all, nobody;
    struct db_search search = {.name = "深圳市第777", .max = 50};
    struct seen seen = {0};
    int64_t count, ms[6];
    struct error err = {0};

    (void)state;
    fill();
    mine = queue_of(FIRST | SECOND | INTAKE | MAKER, true);
    all = queue_of(FIRST, false);
    nobody = queue_of(1u << API_ROLE_FINANCE, true);
    ms[0] = page_ms(&mine, 50);
    ms[1] = page_ms(&all, 50);
    ms[2] = page_ms(&nobody, 0);
    all.after = "N20261101-050000";
    ms[3] = page_ms(&all, 50);
    ms[4] = clock_monotonic_ms();
    assert_true(db_queue_mine(db, &mine, 1000, &count, &err));
    ms[4] = clock_monotonic_ms() - ms[4];
    assert_int_equal(count, 1000);
    ms[5] = clock_monotonic_ms();
    if (!db_search(db, &search, see, &seen, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    ms[5] = clock_monotonic_ms() - ms[5];
    assert_int_equal(seen.count, 50);
    print_message("ms with 100,000 cases: mine %lld, all %lld, none %lld,"
                  " a later page %lld, count %lld, search %lld\n",
                  (long long)ms[0], (long long)ms[1], (long long)ms[2],
                  (long long)ms[3], (long long)ms[4], (long long)ms[5]);
    for (size_t i = 0; i < 6; i++)
        assert_true(ms[i] < 200);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_role_sees_what_waits_for_it,
                                        open_db, close_db),
        cmocka_unit_test_setup_teardown(who_took_a_step_sees_no_other_of_it,
                                        open_db, close_db),
        cmocka_unit_test_setup_teardown(a_new_revision_may_be_anybodys, open_db,
                                        close_db),
        cmocka_unit_test_setup_teardown(what_has_its_maker_waits_for_none,
                                        open_db, close_db),
        cmocka_unit_test_setup_teardown(
            what_is_anothers_or_put_aside_is_not_mine, open_db, close_db),
        cmocka_unit_test_setup_teardown(pages_follow_one_another_in_every_order,
                                        open_db, close_db),
        cmocka_unit_test_setup_teardown(a_page_after_no_case_is_refused,
                                        open_db, close_db),
        cmocka_unit_test_setup_teardown(states_and_businesses_narrow_the_queue,
                                        open_db, close_db),
        cmocka_unit_test_setup_teardown(
            with_100000_cases_a_page_takes_less_than_200_ms, open_db, close_db),
    };

    return cmocka_run_group_tests_name("queue", tests, start, stop);
}
