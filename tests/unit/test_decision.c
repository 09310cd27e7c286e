/* Decisions, handed in at the desk: each refusal is answered, logged, and takes
 * no order id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "core_parts.h"
#include "db/order.h"
#include "pg.h"

enum { DAY_S = 86400 };

static struct core core;

static int
start(void **state)
{
    (void)state;
    core_start(&core, 1);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    core_stop(&core);
    return 0;
}

/* An envelope of these decisions; takes all. */
static json_t *
envelope_of(json_t *order, json_t *first, json_t *second, json_t *third)
{
    json_t *envelope = json_object(), *decisions = json_array();
    json_t *all[] = {first, second, third};

    for (size_t i = 0; i < 3; i++)
        if (all[i] != NULL)
            json_array_append_new(decisions, all[i]);
    json_object_set_new(envelope, "order", order);
    json_object_set_new(envelope, "decisions", decisions);
    return envelope;
}

static json_t *
first_of(const json_t *order)
{
    return core_decide(order, API_STEP_FIRST_REVIEW, &core.officer[CORE_FIRST],
                       0);
}

static json_t *
second_of(const json_t *order)
{
    return core_decide(order, API_STEP_SECOND_REVIEW,
                       &core.officer[CORE_SECOND], 0);
}

static void
refused(json_t *take_envelope, const char *why)
{
    char id[64], sql[256];
    struct error err = {0};

    (void)snprintf(id, sizeof id, "%s",
                   json_string_value(json_object_get(
                       json_object_get(take_envelope, "order"), "order_id")));
    assert_null(core_hand_in(&core, take_envelope, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    if (strstr(err.what, why) == NULL)
        fail_msg("'%s' lacks '%s'", err.what, why);
    (void)snprintf(sql, sizeof sql,
                   "SELECT event FROM log.entry WHERE subject = '%s'"
                   " ORDER BY index DESC LIMIT 1",
                   id);
    assert_string_equal(pg_ask(sql), "order.refused");
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM ca.order WHERE order_id = '%s'", id);
    assert_string_equal(pg_ask(sql), "0");
}

static void
refused_order_may_be_handed_in_again_with_the_right_decisions(void **state)
{
    json_t *order = core_issue_order("再来公司");

    (void)state;
    refused(envelope_of(json_incref(order), first_of(order), NULL, NULL),
            "second-review is missing");
    json_decref(core_must(&core, order));
}

static void
order_without_decisions_is_refused(void **state)
{
    (void)state;
    refused(envelope_of(core_issue_order("无审公司"), NULL, NULL, NULL),
            "first-review is missing");
}

static void
one_officer_in_both_reviews_is_refused(void **state)
{
    struct core_officer both;
    json_t *order = core_issue_order("自审公司");

    (void)state;
    core_officer_make(&both, "p-both", clock_now() - DAY_S,
                      clock_now() + DAY_S);
    core_officer_enroll(&core, &both, "first-reviewer");
    {
        struct error err = {0};

        assert_true(db_officer_add_role(core.worker->db, both.officer_id,
                                        "second-reviewer", &err));
    }
    refused(
        envelope_of(order, core_decide(order, API_STEP_FIRST_REVIEW, &both, 0),
                    core_decide(order, API_STEP_SECOND_REVIEW, &both, 0), NULL),
        "one person decided");
    core_officer_clear(&both);
}

static void
one_person_under_two_credentials_is_refused(void **state)
{
    struct core_officer one, other;
    json_t *order = core_issue_order("两证公司");
    struct error err = {0};

    (void)state;
    core_officer_make(&one, "p-two", clock_now() - DAY_S, clock_now() + DAY_S);
    core_officer_enroll(&core, &one, "first-reviewer");
    assert_true(db_officer_add_role(core.worker->db, one.officer_id,
                                    "second-reviewer", &err));
    core_officer_make(&other, "p-two", clock_now() - DAY_S,
                      clock_now() + DAY_S);
    core_officer_add(&core, one.officer_id, &other);
    memcpy(other.officer_id, one.officer_id, sizeof other.officer_id);
    refused(envelope_of(
                order, core_decide(order, API_STEP_FIRST_REVIEW, &one, 0),
                core_decide(order, API_STEP_SECOND_REVIEW, &other, 0), NULL),
            "one person decided");
    core_officer_clear(&one);
    core_officer_clear(&other);
}

static void
applicant_who_reviews_is_refused(void **state)
{
    struct core_officer applicant;
    json_t *order = core_issue_order("亲审公司");

    (void)state;
    core_officer_make(&applicant, "p-applicant", clock_now() - DAY_S,
                      clock_now() + DAY_S);
    core_officer_enroll(&core, &applicant, "first-reviewer");
    refused(envelope_of(
                order, core_decide(order, API_STEP_FIRST_REVIEW, &applicant, 0),
                second_of(order), NULL),
            "applicant may not decide");
    core_officer_clear(&applicant);
}

static void
entry_clerk_who_also_reviews_is_refused(void **state)
{
    struct core_officer clerk;
    json_t *order = core_issue_order("录审公司");
    struct error err = {0};

    (void)state;
    core_officer_make(&clerk, "p-entry", clock_now() - DAY_S,
                      clock_now() + DAY_S);
    core_officer_enroll(&core, &clerk, "intake-clerk");
    assert_true(db_officer_add_role(core.worker->db, clerk.officer_id,
                                    "first-reviewer", &err));
    refused(envelope_of(order, core_decide(order, API_STEP_ENTRY, &clerk, 0),
                        core_decide(order, API_STEP_FIRST_REVIEW, &clerk, 0),
                        second_of(order)),
            "one person decided entry and first-review");
    core_officer_clear(&clerk);
}

static void
entry_by_a_third_officer_is_accepted(void **state)
{
    json_t *order = core_issue_order("录入公司");
    struct error err = {0};
    json_t *answer;

    (void)state;
    answer = core_hand_in(&core,
                          envelope_of(order,
                                      core_decide(order, API_STEP_ENTRY,
                                                  &core.officer[CORE_CLERK], 0),
                                      first_of(order), second_of(order)),
                          &err);
    if (answer == NULL)
        fail_msg("%s", err.what);
    json_decref(answer);
}

static void
wrong_role_is_refused(void **state)
{
    json_t *order = core_issue_order("错岗公司");

    (void)state;
    refused(envelope_of(order,
                        core_decide(order, API_STEP_FIRST_REVIEW,
                                    &core.officer[CORE_CLERK], 0),
                        second_of(order), NULL),
            "is no first-reviewer");
    order = core_issue_order("错步公司");
    refused(envelope_of(order,
                        core_decide(order, API_STEP_ADMINISTRATION,
                                    &core.officer[CORE_ADMIN], 0),
                        first_of(order), second_of(order)),
            "has no step administration");
}

static void
officer_outside_the_register_is_refused(void **state)
{
    struct core_officer stranger;
    json_t *order = core_issue_order("外人公司");

    (void)state;
    core_officer_make(&stranger, "p-stranger", clock_now() - DAY_S,
                      clock_now() + DAY_S);
    refused(envelope_of(order,
                        core_decide(order, API_STEP_FIRST_REVIEW, &stranger, 0),
                        second_of(order), NULL),
            "not registered");
    core_officer_clear(&stranger);
}

static void
expired_credential_is_refused(void **state)
{
    struct core_officer old;
    json_t *order = core_issue_order("过期公司");

    (void)state;
    core_officer_make(&old, "p-old", clock_now() - 2 * DAY_S, clock_now() - 60);
    core_officer_enroll(&core, &old, "first-reviewer");
    refused(envelope_of(order,
                        core_decide(order, API_STEP_FIRST_REVIEW, &old, -3600),
                        second_of(order), NULL),
            "is not valid then or now");
    core_officer_clear(&old);
}

static void
dismissed_officer_and_revoked_credential_are_refused(void **state)
{
    struct core_officer gone;
    json_t *order = core_issue_order("离职公司");
    struct error err = {0};
    char sql[256];

    (void)state;
    core_officer_make(&gone, "p-gone", clock_now() - DAY_S,
                      clock_now() + DAY_S);
    core_officer_enroll(&core, &gone, "first-reviewer");
    assert_true(db_officer_dismiss(core.worker->db, gone.officer_id,
                                   clock_now(), &err));
    refused(envelope_of(json_incref(order),
                        core_decide(order, API_STEP_FIRST_REVIEW, &gone, 0),
                        second_of(order), NULL),
            "is dismissed");
    (void)snprintf(sql, sizeof sql,
                   "UPDATE ca.officer SET state = 'active'"
                   " WHERE officer_id = '%s'",
                   gone.officer_id);
    pg_sql(sql);
    refused(envelope_of(order,
                        core_decide(order, API_STEP_FIRST_REVIEW, &gone, 0),
                        second_of(order), NULL),
            "is revoked");
    core_officer_clear(&gone);
}

/* The certificate by which an officer decides is one of ours, and the officer's
 * key is stolen: revoking it is enough. */
static void
officer_whose_certificate_is_revoked_is_refused(void **state)
{
    json_t *issued = core_must(&core, core_issue_order("官证公司"));
    struct core_officer officer = core.officer[CORE_FIRST];
    char sql[512];

    (void)state;
    /* A row like that of the officer's certificate. */
    (void)snprintf(sql, sizeof sql,
                   "SET session_replication_role = replica;"
                   "UPDATE ca.certificate SET der = (SELECT public_data"
                   " FROM ca.credential WHERE officer_id = '%s')"
                   " WHERE serial = '\\x%s'",
                   officer.officer_id, core_serial(issued));
    pg_sql(sql);
    json_decref(core_must(&core, core_issue_order("官证一公司")));
    /* One reviewer may hold: not the others, who would release. */
    refused(core_reviewed(&core,
                          core_change_order("hold", core_serial(issued), NULL)),
            "the certificate of an officer is not held");
    json_decref(core_must(&core, core_issue_order("官证三公司")));
    json_decref(core_must(
        &core, core_change_order("revoke", core_serial(issued), NULL)));
    refused(core_reviewed(&core, core_issue_order("官证四公司")), "is revoked");
    (void)snprintf(sql, sizeof sql,
                   "SET session_replication_role = replica;"
                   "UPDATE ca.certificate SET der = '\\x00'"
                   " WHERE serial = '\\x%s'",
                   core_serial(issued));
    pg_sql(sql); /* for the cases that follow */
    json_decref(issued);
}

static void
person_is_the_same_however_the_number_is_written(void **state)
{
    json_t *order = core_issue_order("大写公司");

    (void)state;
    json_object_set_new(json_object_get(order, "applicant"), "person",
                        json_string("P-First"));
    refused(core_reviewed(&core, order), "the applicant may not decide");
}

static bool
decide_and_dismiss(struct db *db, void *arg, struct error *err)
{
    const struct api_envelope *envelope = arg;
    const struct api_decision *decision = &envelope->decision[0];
    struct db_order_row order = {.order_id = envelope->order->order_id,
                                 .kind = "issue",
                                 .body = (const uint8_t *)"{}",
                                 .body_len = 2,
                                 .requested_by = "signet-ra",
                                 .received_at = clock_now()};
    struct db_decision_row row = {
        .order_id = envelope->order->order_id,
        .step = "first-review",
        .verdict = "approve",
        .officer_id = decision->officer_id,
        .decided_at = decision->decided_at,
        .statement = (const uint8_t *)"{}",
        .statement_len = 2,
        .signature = decision->signature,
        .signature_len = decision->signature_len,
    };
    struct db_options impatient = core.service.db;
    struct db *other = NULL;
    bool is_new;

    memcpy(row.credential_id, decision->credential_id, 32);
    impatient.statement_timeout_ms = 300;
    assert_true(db_order_insert(db, &order, 1, &is_new, err));
    assert_true(db_decision_insert(db, &row, 1, err));
    assert_true(db_open(&impatient, &other, err));
    assert_false(db_officer_dismiss(other, decision->officer_id, clock_now(),
                                    err)); /* it waited for us */
    db_close(other);
    return error_set(err, ERROR_INPUT, "enough");
}

/* Between the judgement and the commit nobody is dismissed: in the log, no
 * decision of an officer comes after the officer's end. */
static void
dismissal_waits_for_the_order_that_the_officer_decided(void **state)
{
    json_t *json = core_reviewed(&core, core_issue_order("同时公司"));
    struct api_envelope envelope;
    struct error err = {0};

    (void)state;
    assert_true(api_envelope_parse(json, &envelope, &err));
    assert_false(
        db_transaction(core.worker->db, decide_and_dismiss, &envelope, &err));
    assert_string_equal(err.what, "enough");
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.officer o JOIN"
                               " ca.credential c USING (officer_id) WHERE"
                               " person = 'p-first' AND o.state = 'active'"),
                        "1");
    api_envelope_clear(&envelope);
    json_decref(json);
}

static void
order_changed_after_the_decisions_is_refused(void **state)
{
    json_t *order = core_issue_order("原名公司");
    json_t *envelope =
        envelope_of(order, first_of(order), second_of(order), NULL);

    (void)state;
    json_object_set_new(json_object_get(order, "subject"), "common_name",
                        json_string("篡改公司"));
    refused(envelope, "is not over this order");
}

static void
decisions_of_another_order_are_refused(void **state)
{
    json_t *one = core_issue_order("借审公司"),
           *other = core_issue_order("被借公司");

    (void)state;
    refused(envelope_of(one, first_of(other), second_of(other), NULL),
            "is not over this order");
    json_decref(other);
}

static void
decision_for_another_step_is_refused(void **state)
{
    json_t *order = core_issue_order("换步公司");
    json_t *decision = core_decide(order, API_STEP_FIRST_REVIEW,
                                   &core.officer[CORE_SECOND], 0);

    (void)state;
    json_object_set_new(decision, "step", json_string("second-review"));
    refused(envelope_of(order, first_of(order), decision, NULL),
            "is not over this order");
}

static void
decision_of_the_future_or_too_old_is_refused(void **state)
{
    json_t *order = core_issue_order("未来公司");

    (void)state;
    refused(envelope_of(json_incref(order),
                        core_decide(order, API_STEP_FIRST_REVIEW,
                                    &core.officer[CORE_FIRST], 3600),
                        second_of(order), NULL),
            "in the future");
    refused(envelope_of(order,
                        core_decide(order, API_STEP_FIRST_REVIEW,
                                    &core.officer[CORE_FIRST], -31 * DAY_S),
                        second_of(order), NULL),
            "more than 30 days ago");
}

/* These officers' certificates are of today, so that what is not too old is
 * refused for another reason. */
static void
revocation_may_have_waited_for_its_papers(void **state)
{
    json_t *answer = core_must(&core, core_issue_order("久等公司"));
    json_t *order =
        core_change_order("revoke", core_serial(answer), "superseded");

    (void)state;
    refused(envelope_of(json_incref(order),
                        core_decide(order, API_STEP_FIRST_REVIEW,
                                    &core.officer[CORE_FIRST], -31 * DAY_S),
                        second_of(order), NULL),
            "not valid then");
    refused(envelope_of(order,
                        core_decide(order, API_STEP_FIRST_REVIEW,
                                    &core.officer[CORE_FIRST], -401 * DAY_S),
                        second_of(order), NULL),
            "more than 400 days ago");
    json_decref(answer);
}

static void
step_decided_twice_is_refused(void **state)
{
    json_t *order = core_issue_order("重审公司");

    (void)state;
    refused(
        envelope_of(order, first_of(order), first_of(order), second_of(order)),
        "decided twice");
}

static void
one_reviewer_may_hold_and_not_release(void **state)
{
    json_t *issued = core_must(&core, core_issue_order("挂起公司"));
    json_t *hold = core_change_order("hold", core_serial(issued), NULL);
    json_t *release = core_change_order("release", core_serial(issued), NULL);
    struct error err = {0};
    json_t *answer = core_hand_in(
        &core, envelope_of(hold, second_of(hold), NULL, NULL), &err);

    (void)state;
    if (answer == NULL)
        fail_msg("%s", err.what);
    refused(envelope_of(release, first_of(release), NULL, NULL),
            "second-review is missing");
    json_decref(answer);
    json_decref(issued);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            refused_order_may_be_handed_in_again_with_the_right_decisions),
        cmocka_unit_test(order_without_decisions_is_refused),
        cmocka_unit_test(one_officer_in_both_reviews_is_refused),
        cmocka_unit_test(one_person_under_two_credentials_is_refused),
        cmocka_unit_test(applicant_who_reviews_is_refused),
        cmocka_unit_test(entry_clerk_who_also_reviews_is_refused),
        cmocka_unit_test(entry_by_a_third_officer_is_accepted),
        cmocka_unit_test(wrong_role_is_refused),
        cmocka_unit_test(officer_outside_the_register_is_refused),
        cmocka_unit_test(expired_credential_is_refused),
        cmocka_unit_test(dismissed_officer_and_revoked_credential_are_refused),
        cmocka_unit_test(officer_whose_certificate_is_revoked_is_refused),
        cmocka_unit_test(person_is_the_same_however_the_number_is_written),
        cmocka_unit_test(
            dismissal_waits_for_the_order_that_the_officer_decided),
        cmocka_unit_test(order_changed_after_the_decisions_is_refused),
        cmocka_unit_test(decisions_of_another_order_are_refused),
        cmocka_unit_test(decision_for_another_step_is_refused),
        cmocka_unit_test(decision_of_the_future_or_too_old_is_refused),
        cmocka_unit_test(revocation_may_have_waited_for_its_papers),
        cmocka_unit_test(step_decided_twice_is_refused),
        cmocka_unit_test(one_reviewer_may_hold_and_not_release),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
