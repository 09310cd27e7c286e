/*
 * Officers and cases on a real database: who decides what and once, on what
 * they have seen; and what checks tell them (domain.md, 1.9 #2;
 * ra/case_review.h).
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/sql_ra.h"
#include "ra/case_check.h"
#include "ra/case_field.h"
#include "tests/unit/case_group.h"
#include "tests/unit/pg.h"

static void
one_person_takes_one_step(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    acts_create(BUSINESS_NEW, number);
    acts_hand_in(number);
    acts_decide_refused(number, &acts.second, API_STEP_SECOND_REVIEW,
                        API_APPROVE, ERROR_DENIED);
    acts_decide_refused(number, &acts.clerk, API_STEP_FIRST_REVIEW, API_APPROVE,
                        ERROR_DENIED);
    acts_decide(number, &acts.third, API_STEP_FIRST_REVIEW, API_APPROVE);
    case_parts_papers(number);
    acts_decide(number, &acts.clerk, API_STEP_ENTRY, API_APPROVE);
    /* Both roles, and yet one person. */
    acts_decide_refused(number, &acts.third, API_STEP_SECOND_REVIEW,
                        API_APPROVE, ERROR_DENIED);
    acts_assert_state(number, "second-review");
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
}

/* One of two reviewers who press the key at the same moment. */
struct racer {
    struct case_parts acts; /* with a connection of its own */
    const struct case_officer *officer;
    enum api_verdict verdict;
    const char *number;
    struct error err;
    bool ok;
};

static void *
race(void *arg)
{
    struct racer *racer = arg;

    racer->ok =
        case_parts_decide(&racer->acts, racer->number, racer->officer,
                          API_STEP_FIRST_REVIEW, racer->verdict, &racer->err);
    return NULL;
}

static void
two_officers_at_once_make_one_decision(void **state)
{
    struct db_options options = {
        .connection = pg_connection("signet_ra"),
        .statements = db_ra_statements,
        .statement_count = DB_RA_STATEMENT_COUNT,
        .connect_timeout_s = 5,
        .statement_timeout_ms = 10000,
    };
    struct racer racer[2];
    pthread_t thread[2];
    char number[DB_CASE_NUMBER_MAX + 1];
    char account[32];

    (void)state;
    for (int turn = 0; turn < 5; turn++) {
        (void)snprintf(account, sizeof account, "race-%d", turn);
        case_parts_account(account);
        acts.account = account;
        acts_create(BUSINESS_NEW, number);
        acts_hand_in(number);
        for (int i = 0; i < 2; i++) {
            racer[i] = (struct racer){
                .acts = acts,
                .officer = i == 0 ? &acts.first : &acts.third,
                .verdict = i == 0 ? API_APPROVE : API_RETURN,
                .number = number,
            };
            assert_true(db_open(&options, &racer[i].acts.db, NULL));
        }
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, race, &racer[i]),
                             0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(pthread_join(thread[i], NULL), 0);
            db_close(racer[i].acts.db);
        }
        assert_true(racer[0].ok != racer[1].ok);
        assert_int_equal(racer[racer[0].ok ? 1 : 0].err.code, ERROR_CONFLICT);
        acts_assert_state(number,
                          racer[0].ok ? "awaiting-originals" : "returned");
        assert_string_equal(acts_ask("SELECT count(*) FROM ra.case_decision"
                                     " WHERE number = '%s'",
                                     number),
                            "1");
    }
    acts.account = "example";
    acts_assert_chained();
}

/* An approval as it is signed now, to be sent later. */
static void
approval_sign(const char *number, struct case_review *review)
{
    struct db_case row;

    *review = (struct case_review){.decision = {.step = API_STEP_FIRST_REVIEW,
                                                .verdict = API_APPROVE,
                                                .decided_at = acts.now}};
    memcpy(review->decision.officer_id, acts.first.facts.officer_id,
           TEXT_UUID_LEN + 1);
    assert_true(db_case_get(acts.db, number, false, &row, NULL));
    assert_true(api_decision_sign(&review->decision, row.order_id,
                                  row.order_digest, acts.first.certificate.data,
                                  acts.first.certificate.len, acts.first.key,
                                  NULL));
    db_case_clear(&row);
}

static void
second_click_is_the_same_decision(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct case_review review;
    enum case_state to;
    struct error err = {0};

    (void)state;
    acts_create(BUSINESS_NEW, number);
    acts_hand_in(number);
    approval_sign(number, &review);
    for (int i = 0; i < 2; i++) {
        assert_true(case_review_decide(
            &acts.business, acts.db, number, &review, &acts.first.facts,
            acts.first.certificate.data, acts.first.certificate.len, acts.now,
            &to, &err));
        assert_int_equal(to, CASE_AWAITING_ORIGINALS);
    }
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_decision"), "1");
    /* A changed octet of it is nobody's signature. */
    review.decision.decided_at--;
    assert_false(
        case_review_decide(&acts.business, acts.db, number, &review,
                           &acts.first.facts, acts.first.certificate.data,
                           acts.first.certificate.len, acts.now, &to, &err));
    assert_int_equal(err.code, ERROR_DENIED);
}

static bool
approval_send(const char *number, const struct case_review *review,
              struct error *err)
{
    enum case_state to;

    memset(err, 0, sizeof *err);
    return case_review_decide(&acts.business, acts.db, number, review,
                              &acts.first.facts, acts.first.certificate.data,
                              acts.first.certificate.len, acts.now, &to, err);
}

static void
approval_is_of_the_documents_that_were_seen(void **state)
{
    struct case_review early;
    struct case_review before;
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    acts_create(BUSINESS_NEW, number);
    acts_act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    approval_sign(number, &early); /* there was nothing to see */
    case_parts_documents(&acts, number);
    acts_act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    case_parts_pay(number);
    acts_act(number, CASE_PAY, CASE_BY_SYSTEM);
    assert_false(approval_send(number, &early, &err));
    approval_sign(number, &before);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_RETURN);
    case_parts_documents(&acts, number); /* others */
    acts_act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    acts_assert_state(number, "first-review");
    assert_false(approval_send(number, &before, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    acts_assert_state(number, "first-review");
    acts_pass_both(number);
    acts_assert_state(number, "activation-allowed");
}

static void
seal_is_approved_with_the_documents_that_were_handed_in(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    json_t *fields = case_parts_own_fields(&acts, BUSINESS_SEAL);
    struct error err = {0};

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_SEAL, number);
    acts_hand_in(number);
    json_set_text(fields, "seals",
                  "[{\"name\":\"杭州示例科技有限公司\",\"type\":"
                  "\"contract\"}]");
    if (!case_edit(&acts.business, acts.db, "example", number, 1, fields,
                   acts.now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_decref(fields);
    case_parts_documents(&acts, number);
    acts_decide_refused(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE,
                        ERROR_CONFLICT);
    acts_act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_assert_state(number, "seal-approved");
}

static void
nobody_decides_on_a_case_of_their_own_name(void **state)
{
    struct case_officer namesake = acts.first;
    char number[DB_CASE_NUMBER_MAX + 1];
    json_t *fields = case_parts_own_fields(&acts, BUSINESS_NEW);

    (void)state;
    acts_create(BUSINESS_NEW, number);
    acts_hand_in(number);
    (void)snprintf(namesake.facts.name, sizeof namesake.facts.name, "%s",
                   case_field_text(fields, "handler_name"));
    json_decref(fields);
    acts_decide_refused(number, &namesake, API_STEP_FIRST_REVIEW, API_APPROVE,
                        ERROR_DENIED);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
}

static void
what_checks_see_is_told_and_decides_nothing(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    acts_create(BUSINESS_NEW, number);
    acts_hand_in(number);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.finding"
                               " WHERE level <> 'ok'"),
                        "0");
    assert_string_equal(
        pg_ask("SELECT string_agg(DISTINCT code, ' ' ORDER BY code)"
               " FROM ra.finding"),
        "equals-record id-check-digit live-certificate mobile-form "
        "uscc-check-digit");

    /* Another account says that it is the same unit. */
    case_parts_account("other");
    acts.account = "other";
    acts_create(BUSINESS_NEW, number);
    acts_hand_in(number);
    acts.account = "example";
    assert_string_equal(
        acts_ask("SELECT code FROM ra.finding WHERE number = '%s'"
                 " AND level = 'warning'",
                 number),
        "same-unit");
    acts_assert_state(number, "first-review");
}

static void
check(enum ca_outcome outcome)
{
    struct ra_job job = {.db = acts.db, .business = &acts.business};
    struct error err = {0};

    fake_ca.outcome = outcome;
    if (!case_check_job(&job, acts.now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    fake_ca.outcome = CA_DONE;
}

static void
what_the_ca_would_refuse_is_found_and_decides_nothing(void **state)
{
    static const char found[] = "SELECT string_agg(level, ' ') FROM ra.finding"
                                " WHERE code = 'ca-check'";
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    acts_create(BUSINESS_NEW, number);
    check(CA_DONE);
    assert_int_equal(fake_ca.checks, 0); /* nobody looks at it yet */
    acts_hand_in(number);
    check(CA_PENDING);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.finding WHERE"
                               " code = 'ca-check'"),
                        "0");
    check(CA_REFUSED);
    assert_string_equal(pg_ask(found), "warning");
    assert_string_equal(pg_ask("SELECT detail FROM ra.finding WHERE"
                               " code = 'ca-check'"),
                        "{\"why\":\"the name is taken\"}");
    check(CA_DONE); /* once for each order */
    assert_int_equal(fake_ca.checks, 2);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_RETURN);
    acts_act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    check(CA_DONE);
    assert_string_equal(pg_ask(found), "ok");
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_assert_state(number, "awaiting-originals");
}

static void
supplement_comes_back_to_the_second_reviewer(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    acts_create(BUSINESS_NEW, number);
    acts_hand_in(number);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    case_parts_papers(number);
    acts_decide(number, &acts.clerk, API_STEP_ENTRY, API_APPROVE);
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_SUPPLEMENT);
    acts_assert_state(number, "supplement");
    acts_decide(number, &acts.clerk, API_STEP_ENTRY, API_APPROVE);
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    acts_assert_state(number, "activation-allowed");
    assert_string_equal(pg_ask("SELECT max(round) FROM ra.case_decision"
                               " WHERE step = 'second-review'"),
                        "2");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_person_takes_one_step),
        CASE(two_officers_at_once_make_one_decision),
        CASE(second_click_is_the_same_decision),
        CASE(approval_is_of_the_documents_that_were_seen),
        CASE(seal_is_approved_with_the_documents_that_were_handed_in),
        CASE(nobody_decides_on_a_case_of_their_own_name),
        CASE(what_checks_see_is_told_and_decides_nothing),
        CASE(what_the_ca_would_refuse_is_found_and_decides_nothing),
        CASE(supplement_comes_back_to_the_second_reviewer),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
