/*
 * Invoices and reconciliations on a real database: no gap in the numbers, no
 * difference that is not found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/json.h"
#include "base/xml.h"
#include "db/invoice.h"
#include "db/sql_ra.h"
#include "ra/case_tell.h"
#include "ra/invoice.h"
#include "ra/reconciliation.h"
#include "tests/unit/pg.h"

enum { NOW = 1795500000 /* 2026-11-24T06:00:00Z, a Tuesday */, DAY = 86400 };

/* ---- Fakes -----------------------------------------------------------------
 */

static _Atomic bool telling_fails; /* as if the machine stopped there */

bool
case_note(struct db *db, const struct db_case *row, const char *event,
          const char *actor, const json_t *detail, int64_t at,
          struct error *err)
{
    (void)db;
    (void)row;
    (void)event;
    (void)actor;
    (void)detail;
    (void)at;
    (void)err;
    return true;
}

bool
case_tell(const struct business *business, struct db *db,
          const struct db_case *row, const char *name, const char *round,
          const json_t *values, int64_t at, struct error *err)
{
    (void)business;
    (void)db;
    (void)row;
    (void)round;
    (void)at;
    assert_string_equal(name, "invoiced");
    assert_non_null(json_object_get(values, "invoice"));
    return !telling_fails || error_set(err, ERROR_INTERNAL, "it stops");
}

bool
vault_seal(const struct vault *vault, const char *purpose, const uint8_t *data,
           size_t len, struct buf *out, struct error *err)
{
    (void)vault;
    (void)purpose;
    (void)err;
    return buf_add(out, data, len);
}

const struct definition *
definition_get(const struct definitions *all, enum case_business business)
{
    (void)all;
    (void)business;
    return NULL;
}

/* ---- Parts ------------------------------------------------------------------
 */

static struct db_options options = {
    .statements = db_ra_statements,
    .statement_count = DB_RA_STATEMENT_COUNT,
    .connect_timeout_s = 5,
    .statement_timeout_ms = 20000,
};
static struct db *db;
static struct config *config;
static struct business business;

static int
group_start(void **state)
{
    static const char text[] =
        "schema_dir = " SOURCE_DIR "/config/schema\n"
        "ra.invoice_seller_name = 示例 <CA> & Co\n"
        "ra.invoice_seller_tax_number = 91440300000000001X\n";
    struct error err = {0};

    (void)state;
    if (!config_parse(text, sizeof text - 1, "test", "/", &config, &err))
        fail_msg("%s", err.what);
    business.config = config;
    pg_start();
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    config_free(config);
    pg_stop();
    return 0;
}

static int
start(void **state)
{
    (void)state;
    pg_reset();
    telling_fails = false;
    options.connection = pg_connection("signet_ra");
    assert_true(db_open(&options, &db, NULL));
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    db_close(db);
    db = NULL;
    return 0;
}

/* A case that is complete and paid; n is 1..999999. */
static void
make_case(int n, int64_t completed_at)
{
    char sql[2048];

    (void)snprintf(
        sql, sizeof sql,
        "SET session_replication_role = replica;"
        "INSERT INTO ra.account (account, created_at)"
        " VALUES ('account-%d', now());"
        "INSERT INTO ra.case_file (number, business, account, state, unit_name,"
        " uscc, created_at, changed_at, completed_at)"
        " VALUES ('N20261124-%06d', 'new', 'account-%d', 'activated',"
        " '示例公司', '91350100M000100Y43', now(), now(), to_timestamp(%lld));"
        "INSERT INTO ra.payment (id, number, amount, received, state, method,"
        " created_at, changed_at)"
        " VALUES ('00000000-0000-4000-8000-%012d', 'N20261124-%06d', 20000,"
        " 20000, 'paid', 'online', now(), now())",
        n, n, n, (long long)completed_at, n, n);
    pg_sql(sql);
}

static const char *
number_of(int n)
{
    static char number[4][32];
    static int next;
    char *out = number[next++ % 4];

    (void)snprintf(out, sizeof number[0], "N20261124-%06d", n);
    return out;
}

/* ---- The document
 * ------------------------------------------------------------ */

static void
the_tax_is_part_of_the_price_and_nothing_is_lost_by_rounding(void **state)
{
    (void)state;
    assert_int_equal(invoice_net(10600, 6), 10000);
    assert_int_equal(invoice_net(20000, 6), 18868); /* 18867.92 */
    assert_int_equal(invoice_net(1, 6), 1);
    assert_int_equal(invoice_net(20000, 0), 20000);
    for (int64_t total = 0; total < 5000; total++) {
        int64_t net = invoice_net(total, 13);

        assert_true(net >= 0 && net <= total);
        /* the nearest: within half a fen */
        assert_true(llabs(net * 113 - total * 100) * 2 <= 113);
    }
}

static void
a_document_holds_by_its_schema_whatever_the_names_are(void **state)
{
    struct invoice invoice = {.number = 7,
                              .issued_at = NOW,
                              .seller_name = "a < b & c > d ]]>",
                              .seller_tax_number = "91440300000000001X",
                              .buyer_name = "示例\"'公司",
                              .buyer_tax_number = "91350100M000100Y43",
                              .case_number = "N20261124-000001",
                              .item = "新申请",
                              .total = 20000,
                              .percent = 6};
    struct buf out = BUF_INIT(INVOICE_XML_MAX);
    struct xml *xml = NULL;
    const struct xml_node *party;

    (void)state;
    assert_true(invoice_encode(&invoice, &out, NULL));
    assert_true(xml_parse(out.data, out.len, "invoice",
                          SOURCE_DIR "/config/schema/invoice.xsd", &xml, NULL));
    party = xml_child(xml_root(xml), "seller");
    assert_string_equal(xml_text(xml_child(party, "name")),
                        invoice.seller_name);
    assert_string_equal(xml_text(xml_child(xml_root(xml), "net")), "188.68");
    assert_string_equal(xml_text(xml_child(xml_root(xml), "tax")), "11.32");
    assert_string_equal(xml_text(xml_child(xml_root(xml), "total")), "200.00");
    assert_string_equal(xml_attribute(xml_root(xml), "number", ""),
                        "0000000007");
    xml_free(xml);
    invoice.buyer_name = "a\x01";
    assert_false(invoice_encode(&invoice, &out, NULL));
    buf_clear(&out);
}

/* ---- Issuing
 * ------------------------------------------------------------------ */

static void
a_case_has_one_invoice_however_often_it_is_asked_for(void **state)
{
    struct buf first = BUF_INIT(INVOICE_XML_MAX);
    struct buf again = BUF_INIT(INVOICE_XML_MAX);
    int64_t number;

    (void)state;
    make_case(1, NOW - DAY);
    assert_true(invoice_issue(&business, db, number_of(1), NOW, NULL));
    assert_true(db_invoice_get(db, number_of(1), &number, &first, NULL));
    assert_int_equal(number, 1);
    assert_true(invoice_issue(&business, db, number_of(1), NOW + 5, NULL));
    assert_true(db_invoice_get(db, number_of(1), &number, &again, NULL));
    assert_int_equal(number, 1);
    assert_string_equal(buf_text(&first), buf_text(&again));
    assert_string_equal(pg_ask("SELECT last FROM ra.invoice_counter"), "1");
    buf_clear(&first);
    buf_clear(&again);
}

static void
the_buyer_is_told_at_the_address_of_the_invoice(void **state)
{
    (void)state;
    make_case(1, NOW - DAY);
    pg_sql("UPDATE ra.payment SET invoice_email = 'books@unit.example'");
    assert_true(invoice_issue(&business, db, number_of(1), NOW, NULL));
    assert_true(invoice_issue(&business, db, number_of(1), NOW, NULL));
    assert_string_equal(
        pg_ask(
            "SELECT string_agg(convert_from(sealed, 'UTF8')::json ->> 'to' ||"
            " ' ' || (convert_from(sealed, 'UTF8')::json ->> 'subject'),"
            " ',') FROM ra.notice"),
        "books@unit.example 电子发票 0000000001");
}

static void
a_failure_leaves_no_gap(void **state)
{
    (void)state;
    make_case(1, NOW - DAY);
    make_case(2, NOW - DAY);
    telling_fails = true;
    assert_false(invoice_issue(&business, db, number_of(1), NOW, NULL));
    telling_fails = false;
    assert_true(invoice_issue(&business, db, number_of(2), NOW, NULL));
    assert_string_equal(
        pg_ask("SELECT invoice_number || ' ' || number FROM ra.invoice"),
        "1 N20261124-000002");
}

static void
what_the_schema_refuses_is_not_stored(void **state)
{
    struct error err = {0};

    (void)state;
    make_case(1, NOW - DAY);
    pg_sql("UPDATE ra.payment SET invoice_tax_number = 'x'");
    assert_false(invoice_issue(&business, db, number_of(1), NOW, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.invoice"), "0");
    assert_string_equal(pg_ask("SELECT last FROM ra.invoice_counter"), "0");
}

enum { RACERS = 6, CASES = 30 };

/* Some of the racers' transactions fail: those of cases with a 7 in it. */
static void *
race(void *arg)
{
    struct db *mine = NULL;
    int self = *(int *)arg;

    if (!db_open(&options, &mine, NULL))
        return arg;
    for (int i = 0; i < CASES; i++) {
        char number[32]; /* number_of() is not for threads */
        struct error err = {0};

        (void)snprintf(number, sizeof number, "N20261124-%06d",
                       1 + (i * 7 + self * 5) % CASES);
        (void)!invoice_issue(&business, mine, number, NOW, &err);
    }
    db_close(mine);
    return NULL;
}

static void
many_workers_at_once_leave_no_gap_and_no_double(void **state)
{
    pthread_t thread[RACERS];
    int self[RACERS];

    (void)state;
    for (int n = 1; n <= CASES; n++)
        make_case(n, NOW - DAY);
    pg_sql("UPDATE ra.payment SET invoice_tax_number = 'x'"
           " WHERE number LIKE '%7'");
    for (int i = 0; i < RACERS; i++) {
        self[i] = i;
        assert_int_equal(pthread_create(&thread[i], NULL, race, &self[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        void *failed;

        pthread_join(thread[i], &failed);
        assert_null(failed);
    }
    assert_string_equal(
        pg_ask("SELECT count(*) || ' ' || min(invoice_number) || ' ' ||"
               " max(invoice_number) || ' ' || count(DISTINCT number) || ' ' ||"
               " (SELECT last FROM ra.invoice_counter) FROM ra.invoice"),
        "27 1 27 27 27");
}

static void
an_invoice_is_due_by_working_days(void **state)
{
    struct ra_job job = {.db = db, .business = &business, .config = config};

    (void)state;
    make_case(1, NOW);           /* Tuesday */
    make_case(2, NOW + 3 * DAY); /* Friday */
    assert_true(invoice_job(&job, NOW + DAY - 1, NULL));
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.invoice"), "0");
    assert_true(invoice_job(&job, NOW + DAY, NULL));
    assert_string_equal(
        pg_ask("SELECT string_agg(number, ',') FROM ra.invoice"),
        "N20261124-000001");
    assert_true(invoice_job(&job, NOW + 5 * DAY, NULL)); /* Sunday */
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.invoice"), "1");
    assert_true(invoice_job(&job, NOW + 6 * DAY, NULL)); /* Monday */
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.invoice"), "2");
}

static void
what_is_free_or_not_completed_has_no_invoice(void **state)
{
    struct ra_job job = {.db = db, .business = &business, .config = config};
    struct error err = {0};

    (void)state;
    make_case(1, NOW);
    make_case(2, NOW);
    pg_sql("SET session_replication_role = replica;"
           "DELETE FROM ra.payment WHERE number = 'N20261124-000001';"
           "UPDATE ra.case_file SET completed_at = NULL"
           " WHERE number = 'N20261124-000002'");
    assert_true(invoice_job(&job, NOW + 30 * DAY, NULL));
    assert_true(invoice_issue(&business, db, number_of(1), NOW, NULL));
    assert_false(invoice_issue(&business, db, number_of(2), NOW, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.invoice"), "0");
}

/* ---- Reconciliation
 * ------------------------------------------------------------ */

#define ORDER(n) "00000000-0000-4000-8000-00000000000" n
#define HEADER "kind,event_id,order,amount,at\n"
#define AT "2026-11-24T06:00:00Z"

static void
make_event(const char *event_id, int n, const char *kind, int amount,
           int64_t at)
{
    char sql[512];

    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO ra.payment_event VALUES"
                   " ('00000000-0000-4000-8000-%012d', '%s', '%s', 'online',"
                   " %d, to_timestamp(%lld), 'payment-provider')",
                   n, event_id, kind, amount, (long long)at);
    pg_sql(sql);
}

static bool
reconcile(const char *statement)
{
    struct error err = {0};
    bool is_matched = false;

    if (!reconciliation_make(db, "2026-11-24", (const uint8_t *)statement,
                             strlen(statement), NOW + DAY, &is_matched, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    return is_matched;
}

static const char *
differences(void)
{
    return pg_ask(
        "SELECT coalesce(string_agg((d ->> 'kind') || ':' || (d ->> 'event_id')"
        " || ':' || coalesce(d ->> 'case', '-') || ':' ||"
        " coalesce(d ->> 'provider', '-') || ':' || coalesce(d ->> 'ours',"
        " '-'), ' ' ORDER BY d ->> 'event_id'), '') FROM ra.reconciliation,"
        " json_array_elements(convert_from(report, 'UTF8')::json ->"
        " 'differences') AS d");
}

static void
equal_books_match(void **state)
{
    (void)state;
    make_case(1, NOW);
    make_event("P1", 1, "received", 20000, NOW);
    make_event("R1", 1, "refunded", 500, NOW + 60);
    /* 23:59:59 and 00:00:00 in China: the days before and after. */
    make_event("P0", 1, "received", 1, NOW - 14 * 3600 - 1);
    make_event("P9", 1, "received", 1, NOW + 10 * 3600);
    assert_true(reconcile(HEADER "payment,P1," ORDER(
        "1") ",20000," AT "\nrefund,R1," ORDER("1") ",500," AT
                                                    "\ntotal,2,,19500,\n"));
    assert_string_equal(differences(), "");
}

static void
each_planted_difference_is_found(void **state)
{
    (void)state;
    make_case(1, NOW);
    make_case(2, NOW);
    make_event("P1", 1, "received", 20000, NOW);
    make_event("P2", 1, "late", 300, NOW);
    make_event("P3", 2, "received", 20000, NOW);
    make_event("P4", 1, "refunded", 50, NOW);
    make_event("P6", 1, "received", 70, NOW);
    assert_false(reconcile(
        HEADER "payment,P2," ORDER("1") ",301," AT "\npayment,P3," ORDER(
            "1") ",20000," AT
                 "\npayment,P4," ORDER("1") ",50," AT "\npayment,P5," ORDER(
                     "1") ",60," AT
                          "\npayment,P6," ORDER("1") ",70," AT
                                                     "\ntotal,5,,20481,\n"));
    assert_string_equal(differences(),
                        "missing-there:P1:N20261124-000001:-:20000"
                        " amount:P2:N20261124-000001:301:300"
                        " order:P3:N20261124-000002:20000:20000"
                        " state:P4:N20261124-000001:50:50"
                        " missing-here:P5:-:60:-");
}

static void
a_day_that_is_reconciled_again_has_one_report(void **state)
{
    (void)state;
    make_case(1, NOW);
    assert_false(reconcile(
        HEADER "payment,P1," ORDER("1") ",20000," AT "\ntotal,1,,20000,\n"));
    make_event("P1", 1, "received", 20000, NOW);
    assert_true(reconcile(
        HEADER "payment,P1," ORDER("1") ",20000," AT "\ntotal,1,,20000,\n"));
    assert_string_equal(pg_ask("SELECT count(*) || ' ' || bool_and(is_matched)"
                               " FROM ra.reconciliation"),
                        "1 true");
}

static void
days_are_those_of_china(void **state)
{
    char day[RECONCILIATION_DAY_LEN + 1];
    int64_t at;

    (void)state;
    assert_true(reconciliation_day_start("2026-11-24", &at, NULL));
    assert_int_equal(at, NOW - 14 * 3600);
    reconciliation_day_of(at, day);
    assert_string_equal(day, "2026-11-24");
    reconciliation_day_of(at - 1, day);
    assert_string_equal(day, "2026-11-23");
    assert_false(reconciliation_day_start("2026-02-30", &at, NULL));
    assert_false(reconciliation_day_start("2026-11-24T", &at, NULL));
    assert_false(reconciliation_day_start("", &at, NULL));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_tax_is_part_of_the_price_and_nothing_is_lost_by_rounding),
        cmocka_unit_test(a_document_holds_by_its_schema_whatever_the_names_are),
        TEST(a_case_has_one_invoice_however_often_it_is_asked_for),
        TEST(the_buyer_is_told_at_the_address_of_the_invoice),
        TEST(a_failure_leaves_no_gap),
        TEST(what_the_schema_refuses_is_not_stored),
        TEST(many_workers_at_once_leave_no_gap_and_no_double),
        TEST(an_invoice_is_due_by_working_days),
        TEST(what_is_free_or_not_completed_has_no_invoice),
        TEST(equal_books_match),
        TEST(each_planted_difference_is_found),
        TEST(a_day_that_is_reconciled_again_has_one_report),
        cmocka_unit_test(days_are_those_of_china),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
