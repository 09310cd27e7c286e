/*
 * Steps of cases on a real database, with a CA that is a fake of
 * ra/ca_client.h: what is refused, corrected, sent again, taken over and run
 * out, and that the database is the second lock (domain.md, 1.5 to 1.9).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/case_group.h"
#include "tests/unit/pg.h"

/* ---- What is refused -------------------------------------------------------
 */

static void
account_with_a_live_certificate_files_no_new_one(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    assert_false(case_parts_create(&acts, BUSINESS_RENEW, number, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    assert_false(case_parts_create(&acts, BUSINESS_NEW, number, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    /* The window of renewals opens 90 days before the end. */
    assert_false(case_parts_create(&acts, BUSINESS_RENEW, number, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_file"), "1");
}

static void
account_has_one_open_business_and_unlock_beside_it(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    char other[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_REISSUE, number);
    assert_false(case_parts_create(&acts, BUSINESS_SEAL, other, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    acts_create(BUSINESS_UNLOCK, other);
    assert_false(case_parts_create(&acts, BUSINESS_UNLOCK, other, &err));
    acts_act(number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    acts_create(BUSINESS_SEAL, number);
}

static void
cases_of_others_are_not_there(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct case_act other = {.event = CASE_SUBMIT,
                             .who = CASE_BY_APPLICANT,
                             .actor = "other",
                             .account = "other",
                             .at = acts.now};
    struct error err = {0};

    (void)state;
    case_parts_account("other");
    acts_create(BUSINESS_NEW, number);
    other.number = number;
    assert_false(case_apply(&acts.business, acts.db, &other, NULL, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    acts_assert_state(number, "draft");
}

static void
returned_case_is_corrected_in_what_is_open(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    json_t *fields;
    struct error err = {0};

    (void)state;
    acts_create(BUSINESS_NEW, number);
    acts_hand_in(number);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_RETURN);
    acts_assert_state(number, "returned");

    /* Locked. */
    fields = case_parts_fields(BUSINESS_NEW);
    json_set_text(fields, "handler_mobile", "13900000009");
    assert_false(case_edit(&acts.business, acts.db, "example", number, 1,
                           fields, acts.now, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    json_decref(fields);

    /* Printed: a new form, and the uploaded one counts no more. */
    fields = case_parts_fields(BUSINESS_NEW);
    json_set_text(fields, "street", "西湖区文三路 3 号");
    if (!case_edit(&acts.business, acts.db, "example", number, 1, fields,
                   acts.now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_decref(fields);
    assert_string_equal(pg_ask("SELECT revision FROM ra.case_file"), "2");
    acts_refused(number, CASE_HAND_IN, CASE_BY_APPLICANT, ERROR_CONFLICT);
    acts_act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.form"), "2");
    acts_refused(number, CASE_HAND_IN, CASE_BY_APPLICANT, ERROR_CONFLICT);
    case_parts_documents(&acts, number);
    acts_act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    /* It is paid: straight to the reviewer, and by both once more. */
    acts_assert_state(number, "first-review");
    acts_pass_both(number);
    acts_assert_state(number, "activation-allowed");
    acts_assert_chained();
}

static void
edit_of_an_old_revision_is_a_conflict(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    json_t *fields = case_parts_fields(BUSINESS_NEW);
    struct error err = {0};

    (void)state;
    acts_create(BUSINESS_NEW, number);
    assert_true(case_edit(&acts.business, acts.db, "example", number, 1, fields,
                          acts.now, &err));
    assert_false(case_edit(&acts.business, acts.db, "example", number, 1,
                           fields, acts.now, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    json_decref(fields);
}

static void
unanswered_order_goes_again_and_happens_once(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    acts_create(BUSINESS_NEW, number);
    acts_hand_in(number);
    acts_pass_both(number);
    case_parts_device(&acts, number, "DEV-0004");
    assert_true(acts_activate(number, &err));
    fake_ca.outcome = CA_PENDING;
    acts_send_orders();
    acts_assert_state(number, "issuing");
    assert_string_equal(pg_ask("SELECT problem FROM ra.case_order"),
                        "no answer, or no");
    acts_send_orders(); /* not due */
    assert_int_equal(fake_ca.orders, 1);
    pg_sql("UPDATE ra.case_order SET send_at = to_timestamp(0)");
    fake_ca.outcome = CA_DONE;
    acts_send_orders();
    acts_assert_state(number, "activated");
    assert_string_equal(pg_ask("SELECT string_agg(pair::text, ' ' ORDER BY"
                               " pair) FROM ra.holder_certificate"),
                        "1 2");
}

static void
refused_order_gives_a_new_code(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    acts_create(BUSINESS_NEW, number);
    acts_hand_in(number);
    acts_pass_both(number);
    case_parts_device(&acts, number, "DEV-0005");
    assert_true(acts_activate(number, &err));
    fake_ca.outcome = CA_REFUSED;
    acts_send_orders();
    acts_assert_state(number, "activation-allowed");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.code"), "2");
    fake_ca.outcome = CA_DONE;
    assert_true(acts_activate(number, &err));
    acts_send_orders();
    acts_assert_state(number, "activated");
}

static void
replacing_case_takes_the_payment_over(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    char other[DB_CASE_NUMBER_MAX + 1];
    json_t *fields = case_parts_fields(BUSINESS_NEW);
    struct case_new what = {.account = "example",
                            .business = BUSINESS_NEW,
                            .fields = fields,
                            .replaces = number,
                            .at = acts.now};
    struct error err = {0};

    (void)state;
    what.notice_version =
        definition_get(acts.definitions, BUSINESS_NEW)->notice_version;
    acts_create(BUSINESS_NEW, number);
    acts_hand_in(number);
    acts_act(number, CASE_CLOSE, CASE_BY_CUSTOMER_SERVICE);
    acts_assert_state(number, "closed");
    if (!case_create(&acts.business, acts.db, &what, other, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_decref(fields);
    acts_hand_in(other);
    acts_assert_state(other, "first-review");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.refund"
                               " WHERE state NOT IN ('moved')"),
                        "0");
}

static void
reminder_comes_before_the_end_and_both_by_timers(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    acts_create(BUSINESS_NEW, number);
    acts_hand_in(number);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    assert_string_equal(pg_ask("SELECT (deadline_at - changed_at)::text"
                               " FROM ra.case_file"),
                        "20 days");
    acts_act(number, CASE_REMIND, CASE_BY_TIMER);
    acts_assert_state(number, "awaiting-originals");
    acts_act(number, CASE_EXPIRE, CASE_BY_TIMER);
    acts_assert_state(number, "closed");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.refund"), "1");
}

/* ---- The second lock -------------------------------------------------------
 */

static void
tables_of_c_and_sql_say_the_same(void **state)
{
    char sql[512];
    int expected = 0;

    (void)state;
    for (int b = 0; b < BUSINESS_COUNT; b++)
        for (int f = 0; f < CASE_STATE_COUNT; f++)
            for (int t = 0; t < CASE_STATE_COUNT; t++) {
                bool is_there = false;

                for (size_t i = 0; i < case_transition_count; i++)
                    is_there = is_there ||
                               ((case_transitions[i].business >> b & 1) != 0 &&
                                (int)case_transitions[i].from == f &&
                                (int)case_transitions[i].to == t && f != t);
                if (!is_there)
                    continue;
                expected++;
                (void)snprintf(sql, sizeof sql,
                               "SELECT count(*) FROM ra.case_transition WHERE"
                               " business = '%s' AND from_state = '%s'"
                               " AND to_state = '%s'",
                               case_business_name(b), case_state_name(f),
                               case_state_name(t));
                if (strcmp(pg_ask(sql), "1") != 0)
                    fail_msg("missing: %s", sql);
            }
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) = %d FROM ra.case_transition", expected);
    assert_string_equal(pg_ask(sql), "t");
}

static void
database_refuses_what_the_code_would(void **state)
{
    static const char *const refused_sql[] = {
        "UPDATE ra.case_file SET state = 'activated'",
        "UPDATE ra.case_file SET state = 'nonsense'",
        "UPDATE ra.case_file SET account = 'other'",
        "UPDATE ra.case_file SET business = 'seal'",
        "UPDATE ra.case_file SET order_body = 'x'",
        "UPDATE ra.case_field SET value = 'x' WHERE name = 'unit_name'",
        "UPDATE ra.case_field SET value = 'x' WHERE name = 'years'",
        "DELETE FROM ra.case_field WHERE name = 'years'",
        "INSERT INTO ra.case_field SELECT number, 'more', 'x', NULL, NULL, true"
        " FROM ra.case_file",
        "DELETE FROM ra.case_history",
        "UPDATE ra.case_history SET body = 'x'",
        "UPDATE ra.case_decision SET verdict = 'approve'",
        "DELETE FROM ra.case_decision",
        "DELETE FROM ra.case_file",
        "INSERT INTO ra.case_transition VALUES ('new', 'draft', 'activated')",
        "DELETE FROM ra.holder_certificate",
        "INSERT INTO ra.case_decision SELECT number, revision, 'second-review',"
        " 1, officer_id, person, credential_id, 'approve', now(), 'x', 'x'"
        " FROM ra.case_decision",
    };
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_account("other");
    acts_create(BUSINESS_NEW, number);
    acts_hand_in(number);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    for (size_t i = 0; i < sizeof refused_sql / sizeof refused_sql[0]; i++)
        if (pg_sqlstate("signet_ra", refused_sql[i])[0] == '\0')
            fail_msg("not refused: %s", refused_sql[i]);
    acts_assert_state(number, "awaiting-originals");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(account_with_a_live_certificate_files_no_new_one),
        CASE(account_has_one_open_business_and_unlock_beside_it),
        CASE(cases_of_others_are_not_there),
        CASE(returned_case_is_corrected_in_what_is_open),
        CASE(edit_of_an_old_revision_is_a_conflict),
        CASE(unanswered_order_goes_again_and_happens_once),
        CASE(refused_order_gives_a_new_code),
        CASE(replacing_case_takes_the_payment_over),
        CASE(reminder_comes_before_the_end_and_both_by_timers),
        CASE(tables_of_c_and_sql_say_the_same),
        CASE(database_refuses_what_the_code_would),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
