/* Rules of orders that the desk enforces, on a real database and token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ca-core/order.h"
#include "core_parts.h"
#include "pg.h"

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

static void
refused(json_t *take_order, enum error_code code, const char *why)
{
    struct error err = {0};

    assert_null(core_hand_in(&core, core_reviewed(&core, take_order), &err));
    if (err.code != code || strstr(err.what, why) == NULL)
        fail_msg("code %d: '%s' lacks '%s'", err.code, err.what, why);
}

static const char *
column(const char *serial, const char *name)
{
    char sql[256];

    (void)snprintf(sql, sizeof sql,
                   "SELECT %s FROM ca.certificate WHERE serial = '\\x%s'", name,
                   serial);
    return pg_ask(sql);
}

static void
set_validity(json_t *order, const char *rule, const char *unit, int amount)
{
    json_t *validity = json_object();

    json_set_text(validity, "rule", rule);
    if (unit != NULL)
        json_set_int(validity, unit, amount);
    json_object_set_new(order, "validity", validity);
}

/* ---- Issuing ----------------------------------------------------------- */

static void
each_kind_takes_only_its_validity_rules(void **state)
{
    json_t *issued = core_must(&core, core_issue_order("期限公司"));
    const char *serial = core_serial(issued);
    json_t *order;

    (void)state;
    order = core_issue_order("期限二公司");
    set_validity(order, "keep", NULL, 0);
    refused(order, ERROR_INPUT, "no validity by keep");
    order = core_successor_order("renew", serial, "none");
    set_validity(order, "keep", NULL, 0);
    refused(order, ERROR_INPUT, "no validity by keep");
    order = core_successor_order("reissue", serial, "none");
    set_validity(order, "years", "years", 1);
    refused(order, ERROR_INPUT, "no validity by years");
    json_decref(issued);
}

static void
unknown_profile_and_issuer_are_refused(void **state)
{
    json_t *order = core_issue_order("无此公司");

    (void)state;
    json_object_set_new(order, "profile", json_string("no-such"));
    refused(order, ERROR_INPUT, "no profile");
    order = core_issue_order("无此公司");
    json_object_set_new(order, "profile", json_string("ocsp-signer"));
    refused(order, ERROR_INPUT, "not for orders of officers");
    order = core_issue_order("无此公司");
    json_object_set_new(order, "issuer", json_string("issuing-9"));
    refused(order, ERROR_INPUT, "issuing-9");
}

static void
subject_outside_the_profile_is_refused(void **state)
{
    json_t *order = core_issue_order("越界公司");

    (void)state;
    json_object_set_new(json_object_get(order, "subject"), "title",
                        json_string("经理"));
    refused(order, ERROR_INPUT, "title");
    order = core_issue_order("越界公司");
    json_object_del(json_object_get(order, "subject"), "organization");
    refused(order, ERROR_INPUT, "organization");
}

static void
request_that_is_not_signed_by_its_key_is_refused(void **state)
{
    json_t *order = core_issue_order("坏请求公司");
    struct buf csr = BUF_INIT(API_CSR_MAX);
    struct error err = {0};

    (void)state;
    assert_true(json_get_bytes(order, "csr", API_CSR_MAX, &csr, &err));
    csr.data[csr.len - 1] ^= 1;
    json_set_bytes(order, "csr", csr.data, csr.len);
    refused(order, ERROR_INPUT, "");
    buf_clear(&csr);
}

static void
second_live_certificate_for_a_key_or_a_subject_is_refused(void **state)
{
    json_t *one = core_issue_order("唯一公司"), *other;
    json_t *csr = json_incref(json_object_get(one, "csr"));

    (void)state;
    json_decref(core_must(&core, one));
    refused(core_issue_order("唯一公司"), ERROR_CONFLICT, "has this subject");
    other = core_issue_order("唯二公司");
    json_object_set_new(other, "csr", csr);
    refused(other, ERROR_CONFLICT, "has this key");
}

/* ---- Successors -------------------------------------------------------- */

static void
reissue_with_the_old_key_is_refused(void **state)
{
    json_t *order = core_issue_order("旧钥公司"), *next;
    json_t *csr = json_incref(json_object_get(order, "csr"));
    json_t *issued = core_must(&core, order);

    (void)state;
    next = core_successor_order("reissue", core_serial(issued), "revoke");
    json_object_set_new(next, "csr", csr);
    refused(next, ERROR_INPUT, "needs a new key");
    json_decref(issued);
}

static void
held_predecessor_may_be_reissued_and_not_renewed(void **state)
{
    json_t *issued = core_must(&core, core_issue_order("丢失公司"));
    const char *serial = core_serial(issued);

    (void)state;
    json_decref(core_must(&core, core_change_order("hold", serial, NULL)));
    refused(core_successor_order("renew", serial, "none"), ERROR_CONFLICT,
            "the predecessor is held");
    refused(core_successor_order("reissue", serial, "hold"), ERROR_CONFLICT,
            "held already");
    json_decref(
        core_must(&core, core_successor_order("reissue", serial, "revoke")));
    assert_string_equal(column(serial, "state"), "revoked");
    json_decref(issued);
}

static void
predecessor_of_another_account_is_refused(void **state)
{
    json_t *issued = core_must(&core, core_issue_order("他人公司"));
    json_t *order = core_successor_order("renew", core_serial(issued), "none");

    (void)state;
    json_object_set_new(json_object_get(order, "applicant"), "account",
                        json_string("account-2"));
    refused(order, ERROR_DENIED, "another account");
    json_decref(issued);
}

static void
predecessor_that_is_not_there_is_refused(void **state)
{
    (void)state;
    refused(core_successor_order("renew", "0123456789abcdef0123456789abcdef",
                                 "none"),
            ERROR_NOT_FOUND, "no certificate");
}

static void
fate_hold_holds_the_predecessor_with_reason_6(void **state)
{
    json_t *issued = core_must(&core, core_issue_order("命运公司"));
    json_t *next = core_must(
        &core, core_successor_order("change", core_serial(issued), "hold"));

    (void)state;
    assert_string_equal(column(core_serial(issued), "state"), "held");
    assert_string_equal(column(core_serial(issued), "reason"), "6");
    assert_string_equal(column(core_serial(next), "encode(predecessor, 'hex')"),
                        core_serial(issued));
    json_decref(issued);
    json_decref(next);
}

/* ---- Revoking ---------------------------------------------------------- */

static void
revocation_by_key_revokes_all_and_blocks_the_key_for_ever(void **state)
{
    json_t *order = core_issue_order("泄露公司");
    json_t *csr = json_incref(json_object_get(order, "csr")), *again;
    json_t *issued = core_must(&core, order), *answer;
    json_t *revoke =
        core_change_order("revoke", core_serial(issued), "keyCompromise");
    json_t *target = json_object();

    (void)state;
    json_set_text(target, "spki_sha256",
                  column(core_serial(issued), "encode(spki_sha256, 'hex')"));
    json_object_set_new(revoke, "target", target);
    answer = core_must(&core, revoke);
    assert_int_equal(json_array_size(json_object_get(answer, "revoked")), 1);
    assert_string_equal(column(core_serial(issued), "state"), "revoked");
    again = core_issue_order("泄露二公司");
    json_object_set_new(again, "csr", csr);
    refused(again, ERROR_DENIED, "");
    json_decref(answer);
    json_decref(issued);
}

static void
compromise_by_serial_blocks_the_key_too(void **state)
{
    json_t *order = core_issue_order("失密公司");
    json_t *csr = json_incref(json_object_get(order, "csr")), *again;
    json_t *issued = core_must(&core, order);

    (void)state;
    json_decref(core_must(
        &core, core_change_order("revoke", core_serial(issued), NULL)));
    again = core_issue_order("失密二公司");
    json_object_set_new(again, "csr", csr);
    refused(again, ERROR_DENIED, "");
    json_decref(issued);
}

static void
later_compromise_raises_the_reason_and_keeps_the_instant(void **state)
{
    json_t *issued = core_must(&core, core_issue_order("升级公司"));
    const char *serial = core_serial(issued);
    char at[64];
    json_t *raise;

    (void)state;
    json_decref(
        core_must(&core, core_change_order("revoke", serial, "superseded")));
    (void)snprintf(at, sizeof at, "%s", column(serial, "revoked_at"));
    raise = core_change_order("revoke", serial, "keyCompromise");
    json_set_time(raise, "invalidity_date", clock_now() - 3600);
    json_decref(core_must(&core, raise));
    assert_string_equal(column(serial, "reason"), "1");
    assert_string_equal(column(serial, "revoked_at"), at);
    assert_string_equal(column(serial, "invalid_from IS NOT NULL"), "t");
    refused(core_change_order("revoke", serial, "superseded"), ERROR_CONFLICT,
            "is revoked already");
    json_decref(issued);
}

/* One reviewer may hold: not what the whole house stands on. */
static void
certificate_of_a_root_is_not_held(void **state)
{
    json_t *issued = core_must(&core, core_issue_order("根下公司"));
    struct issuer_set *set = issuers_get(core.service.issuers);

    (void)state;
    set->at[0].row.is_root = true;
    refused(core_change_order("hold", core_serial(issued), NULL), ERROR_DENIED,
            "is not held: revoke it");
    assert_string_equal(column(core_serial(issued), "state"), "valid");
    json_decref(core_must(
        &core, core_change_order("revoke", core_serial(issued), NULL)));
    set->at[0].row.is_root = false;
    issuers_release(core.service.issuers, set);
    json_decref(issued);
}

static void
list_with_one_bad_serial_changes_nothing_and_names_it(void **state)
{
    json_t *good = core_must(&core, core_issue_order("名单公司"));
    json_t *bad = core_must(&core, core_issue_order("名单二公司"));

    (void)state;
    json_decref(core_must(
        &core, core_change_order("revoke", core_serial(bad), "superseded")));
    for (int at = 0; at < 2; at++) {
        json_t *order =
            core_change_order("revoke", core_serial(good), "superseded");
        json_t *list =
            json_object_get(json_object_get(order, "target"), "certificates");
        json_t *ref = json_object();

        json_set_text(ref, "issuer", "issuing-1");
        json_set_text(ref, "serial", core_serial(bad));
        json_array_insert_new(list, (size_t)at, ref);
        refused(order, ERROR_CONFLICT, core_serial(bad));
    }
    assert_string_equal(column(core_serial(good), "state"), "valid");
    json_decref(good);
    json_decref(bad);
}

static void
status_index_is_the_place_of_the_log_entry(void **state)
{
    (void)state;
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ca.certificate c"
               " LEFT JOIN log.entry e ON e.index = c.status_index"
               " WHERE e.subject IS DISTINCT FROM encode(c.serial, 'hex')"),
        "0");
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ca.certificate c"
               " JOIN log.entry e ON e.index = c.status_index"
               " WHERE e.event <> CASE c.state WHEN 'revoked' THEN"
               " 'certificate.revoked' WHEN 'held' THEN 'certificate.held'"
               " ELSE 'certificate.issued' END"),
        "0");
}

/* An order of 10,000 certificates made by SQL: what counts is the way of the
 * order, not of the certificates. */
static void
ten_thousand_certificates_are_revoked_in_one_order(void **state)
{
    json_t *order = core_change_order(
        "revoke", "0123456789abcdef0123456789abcdef", "superseded");
    json_t *list = json_array();
    int64_t began = clock_monotonic_ms();

    (void)state;
    json_decref(core_must(&core, core_issue_order("万张公司")));
    pg_sql("SET session_replication_role = replica;"
           "INSERT INTO ca.certificate SELECT issuer_id,"
           " decode('7' || lpad(to_hex(n), 31, '0'), 'hex'), "
           "gen_random_uuid(), 2, profile,"
           " subject, subject_text, sha256(int4send(n)), account, tbs, der,"
           " not_before, not_after, 'valid', NULL, NULL, NULL, NULL, NULL,"
           " status_index FROM generate_series(1, 10000) n, ca.certificate"
           " WHERE subject_text LIKE '%万张公司%'");
    for (int n = 1; n <= 10000; n++) {
        json_t *ref = json_object();
        char serial[33];

        (void)snprintf(serial, sizeof serial, "7%031x", (unsigned)n);
        json_set_text(ref, "issuer", "issuing-1");
        json_set_text(ref, "serial", serial);
        json_array_append_new(list, ref);
    }
    json_object_set_new(json_object_get(order, "target"), "certificates", list);
    json_decref(core_must(&core, order));
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.certificate WHERE"
                               " subject_text LIKE '%万张公司%'"
                               " AND state = 'revoked'"),
                        "10000");
    /* reliability.md, F24: at most 60 s until OCSP knows. */
    assert_true(clock_monotonic_ms() - began < 45000);
    pg_sql("SET session_replication_role = replica;"
           "DELETE FROM ca.certificate WHERE subject_text LIKE '%万张公司%'"
           " AND ordinal > 0");
}

/* ---- Officers ---------------------------------------------------------- */

static json_t *
administered(json_t *take_order, enum core_who first, enum core_who second)
{
    json_t *envelope = json_object(), *decisions = json_array();

    json_array_append_new(decisions,
                          core_decide(take_order, API_STEP_ADMINISTRATION,
                                      &core.officer[first], 0));
    json_array_append_new(decisions, core_decide(take_order,
                                                 API_STEP_SECOND_ADMINISTRATION,
                                                 &core.officer[second], 0));
    json_object_set_new(envelope, "order", take_order);
    json_object_set_new(envelope, "decisions", decisions);
    return envelope;
}

static json_t *
officers_order(struct api_order *order)
{
    struct error err = {0};

    assert_true(text_uuid_draw(order->order_id, &err));
    order->created_at = clock_now();
    return api_order_json(order);
}

static void
two_administrators_enroll_an_officer_who_then_decides(void **state)
{
    struct core_officer fresh;
    struct api_order order = {.kind = API_ENROLL_OFFICER};
    json_t *issue = core_issue_order("新人公司"), *answer, *envelope;
    struct error err = {0};

    (void)state;
    core_officer_make(&fresh, "p-new", clock_now() - 60, clock_now() + 86400);
    order.officer = (struct api_officer){
        .officer_id = fresh.officer_id,
        .name = "新人",
        .person = "p-new",
        .role = {API_ROLE_FIRST_REVIEWER},
        .role_count = 1,
        .credential.certificate = fresh.certificate.data,
        .credential.certificate_len = fresh.certificate.len,
    };
    answer = core_hand_in(
        &core, administered(officers_order(&order), CORE_ADMIN, CORE_ADMIN_2),
        &err);
    if (answer == NULL)
        fail_msg("%s", err.what);
    json_decref(answer);
    assert_string_equal(pg_ask("SELECT count(*) FROM log.entry WHERE event ="
                               " 'officer.enrolled'"),
                        "1");
    envelope = core_reviewed(&core, issue);
    json_array_set_new(json_object_get(envelope, "decisions"), 0,
                       core_decide(issue, API_STEP_FIRST_REVIEW, &fresh, 0));
    answer = core_hand_in(&core, envelope, &err);
    if (answer == NULL)
        fail_msg("%s", err.what);
    json_decref(answer);
    core_officer_clear(&fresh);
}

/* What is to be enrolled: an officer of these, with the credential given. */
static json_t *
enrolment(const char *officer_id, const char *person,
          const struct core_officer *credential)
{
    struct api_order order = {
        .kind = API_ENROLL_OFFICER,
        .officer = {.officer_id = officer_id,
                    .name = "某人",
                    .person = person,
                    .role = {API_ROLE_SECOND_REVIEWER},
                    .role_count = 1,
                    .credential.certificate = credential->certificate.data,
                    .credential.certificate_len = credential->certificate.len}};

    return administered(officers_order(&order), CORE_ADMIN, CORE_ADMIN_2);
}

static void
not_enrolled(json_t *take_envelope, enum error_code code, const char *why)
{
    struct error err = {0};

    assert_null(core_hand_in(&core, take_envelope, &err));
    if (strstr(err.what, why) == NULL)
        fail_msg("'%s' lacks '%s'", err.what, why);
    assert_int_equal(err.code, code);
}

static void
who_is_enrolled_is_not_enrolled_again_and_it_is_said_why(void **state)
{
    const struct core_officer *there = &core.officer[CORE_FIRST];
    struct core_officer fresh;

    (void)state;
    core_officer_make(&fresh, "p-again", clock_now() - 60, clock_now() + 86400);
    not_enrolled(enrolment(there->officer_id, "p-again", &fresh),
                 ERROR_CONFLICT, "officer ");
    not_enrolled(enrolment(fresh.officer_id, "p-first", &fresh), ERROR_CONFLICT,
                 "person p-first is enrolled already, as officer ");
    /* The last digit of a personnel number is written x and X. */
    not_enrolled(enrolment(fresh.officer_id, "P-FIRST", &fresh), ERROR_CONFLICT,
                 "person P-FIRST is enrolled already, as officer ");
    not_enrolled(enrolment(fresh.officer_id, "p-again", there), ERROR_CONFLICT,
                 "the key of the credential is officer ");
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.officer WHERE person"
                               " ILIKE 'p-again' OR person = 'P-FIRST'"),
                        "0");
    core_officer_clear(&fresh);
}

static void
compromised_key_is_no_credential(void **state)
{
    struct core_officer fresh;
    struct error err = {0};
    uint8_t digest[32];

    (void)state;
    core_officer_make(&fresh, "p-stolen", clock_now() - 60,
                      clock_now() + 86400);
    assert_true(public_key_digest(soft_key_spki(&fresh.key), digest, &err));
    assert_true(db_key_block(core.worker->db, digest, "keyCompromise", NULL,
                             clock_now(), &err));
    not_enrolled(enrolment(fresh.officer_id, "p-stolen", &fresh), ERROR_DENIED,
                 "this key is blocked");
    core_officer_clear(&fresh);
}

static void
one_administrator_twice_and_reviewers_enroll_nobody(void **state)
{
    struct api_order order = {.kind = API_DISMISS_OFFICER};
    struct error err = {0};

    (void)state;
    order.officer_id = core.officer[CORE_CLERK].officer_id;
    assert_null(core_hand_in(
        &core, administered(officers_order(&order), CORE_ADMIN, CORE_ADMIN),
        &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_null(core_hand_in(
        &core, administered(officers_order(&order), CORE_ADMIN, CORE_FIRST),
        &err));
    assert_int_equal(err.code, ERROR_DENIED);
}

static void
administrators_are_dismissed_until_two_are_left(void **state)
{
    struct api_order order = {.kind = API_DISMISS_OFFICER};
    struct error err = {0};
    json_t *answer;

    (void)state;
    order.officer_id = core.officer[CORE_ADMIN_3].officer_id;
    /* Nobody decides about themselves. */
    assert_null(core_hand_in(
        &core, administered(officers_order(&order), CORE_ADMIN, CORE_ADMIN_3),
        &err));
    assert_int_equal(err.code, ERROR_DENIED);
    answer = core_hand_in(
        &core, administered(officers_order(&order), CORE_ADMIN, CORE_ADMIN_2),
        &err);
    if (answer == NULL)
        fail_msg("%s", err.what);
    json_decref(answer);
    order.officer_id = core.officer[CORE_ADMIN_2].officer_id;
    assert_null(core_hand_in(
        &core, administered(officers_order(&order), CORE_ADMIN, CORE_ADMIN_3),
        &err));
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.officer_role JOIN"
                               " ca.officer USING (officer_id) WHERE role ="
                               " 'business-administrator' AND state ="
                               " 'active'"),
                        "2");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_takes_only_its_validity_rules),
        cmocka_unit_test(unknown_profile_and_issuer_are_refused),
        cmocka_unit_test(subject_outside_the_profile_is_refused),
        cmocka_unit_test(request_that_is_not_signed_by_its_key_is_refused),
        cmocka_unit_test(
            second_live_certificate_for_a_key_or_a_subject_is_refused),
        cmocka_unit_test(reissue_with_the_old_key_is_refused),
        cmocka_unit_test(held_predecessor_may_be_reissued_and_not_renewed),
        cmocka_unit_test(predecessor_of_another_account_is_refused),
        cmocka_unit_test(predecessor_that_is_not_there_is_refused),
        cmocka_unit_test(fate_hold_holds_the_predecessor_with_reason_6),
        cmocka_unit_test(
            revocation_by_key_revokes_all_and_blocks_the_key_for_ever),
        cmocka_unit_test(compromise_by_serial_blocks_the_key_too),
        cmocka_unit_test(
            later_compromise_raises_the_reason_and_keeps_the_instant),
        cmocka_unit_test(certificate_of_a_root_is_not_held),
        cmocka_unit_test(list_with_one_bad_serial_changes_nothing_and_names_it),
        cmocka_unit_test(status_index_is_the_place_of_the_log_entry),
        cmocka_unit_test(ten_thousand_certificates_are_revoked_in_one_order),
        cmocka_unit_test(two_administrators_enroll_an_officer_who_then_decides),
        cmocka_unit_test(
            who_is_enrolled_is_not_enrolled_again_and_it_is_said_why),
        cmocka_unit_test(compromised_key_is_no_credential),
        cmocka_unit_test(one_administrator_twice_and_reviewers_enroll_nobody),
        cmocka_unit_test(administrators_are_dismissed_until_two_are_left),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
