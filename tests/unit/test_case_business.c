/*
 * Every business to its end, on a real database, with a CA that is a fake of
 * ra/ca_client.h; and what becomes of seals and devices on the way (domain.md,
 * 1.5 to 1.9).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ra/holder_follow.h"
#include "tests/unit/case_group.h"
#include "tests/unit/pg.h"

/* ---- Every business to its end ---------------------------------------------
 */

static void
new_ends_with_a_certificate_in_the_device(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    acts_create(BUSINESS_NEW, number);
    acts_assert_state(number, "draft");
    acts_act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    acts_assert_state(number, "form-ready");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.form"), "1");
    acts_refused(number, CASE_HAND_IN, CASE_BY_APPLICANT, ERROR_CONFLICT);
    case_parts_documents(&acts, number);
    acts_act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    acts_assert_state(number, "awaiting-payment");
    assert_string_equal(pg_ask("SELECT amount FROM ra.payment"), "40000");
    acts_refused(number, CASE_PAY, CASE_BY_SYSTEM, ERROR_CONFLICT);
    case_parts_pay(number);
    acts_act(number, CASE_PAY, CASE_BY_SYSTEM);
    acts_assert_state(number, "first-review");
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_assert_state(number, "awaiting-originals");
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.paper WHERE state = 'awaited'"), "3");
    acts_decide_refused(number, &acts.clerk, API_STEP_ENTRY, API_APPROVE,
                        ERROR_CONFLICT);
    case_parts_papers(number);
    acts_decide(number, &acts.clerk, API_STEP_ENTRY, API_APPROVE);
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    acts_assert_state(number, "activation-allowed");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.code"), "1");
    assert_false(acts_activate(number, &err)); /* no device */
    assert_int_equal(err.code, ERROR_CONFLICT);
    case_parts_device(&acts, number, "DEV-0001");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_order"), "0");
    if (!acts_activate(number, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    acts_assert_state(number, "issuing");
    acts_send_orders();
    acts_assert_state(number, "activated");
    assert_string_equal(pg_ask("SELECT state FROM ra.device"), "active");
    assert_string_equal(
        acts_ask("SELECT handler_case FROM ra.holder_certificate"
                 " WHERE number = '%s'",
                 number),
        number);
    assert_string_equal(
        pg_ask("SELECT completed_at IS NOT NULL FROM ra.case_file"), "t");
    acts_act(number, CASE_BIND, CASE_BY_PLATFORM);
    acts_assert_state(number, "bound");
    assert_int_equal(fake_ca.orders, 1);
    acts_send_orders();
    assert_int_equal(fake_ca.orders, 1);
    acts_assert_chained();
}

static void
reissue_of_a_lost_device_holds_and_then_revokes(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_REISSUE, number);
    acts_hand_in(number);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_send_orders();
    assert_string_equal(fake_ca.kinds, "hold ");
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "held");
    case_parts_papers(number);
    acts_decide(number, &acts.clerk, API_STEP_ENTRY, API_APPROVE);
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    case_parts_device(&acts, number, "DEV-0002");
    if (!acts_activate(number, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    acts_send_orders();
    acts_assert_state(number, "activated");
    assert_string_equal(fake_ca.kinds, "hold reissue ");
    assert_string_equal(acts_ask("SELECT state || reason FROM"
                                 " ra.holder_certificate WHERE number <> '%s'",
                                 number),
                        "revokedsuperseded");
    acts_assert_chained();
}

static void
damaged_device_keeps_its_certificate_until_the_new_one(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_REISSUE, number);
    acts_set(number, BUSINESS_REISSUE, "reason", "damaged");
    acts_hand_in(number);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_send_orders();
    assert_string_equal(fake_ca.kinds, "");
}

static void
rejected_reissue_releases_what_it_held(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_REISSUE, number);
    acts_hand_in(number);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    case_parts_papers(number);
    acts_decide(number, &acts.clerk, API_STEP_ENTRY, API_APPROVE);
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_REJECT);
    acts_assert_state(number, "rejected");
    /* Both of one second, and the release due before the hold. */
    pg_sql("UPDATE ra.case_order SET made_at = (SELECT min(made_at) FROM"
           " ra.case_order), send_at = send_at - CASE purpose WHEN 'release'"
           " THEN interval '1 minute' ELSE interval '0' END");
    acts_send_orders();
    /* In the order in which they were made, though the hold had not gone. */
    assert_string_equal(fake_ca.kinds, "hold release ");
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "valid");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.refund"), "1");
    acts_assert_chained();
}

static void
change_waits_for_papers_and_the_old_device(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_CHANGE, number);
    acts_hand_in(number);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.payment"), "0");
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.paper WHERE slot = 'device'"), "1");
    case_parts_papers(number);
    acts_decide(number, &acts.clerk, API_STEP_ENTRY, API_APPROVE);
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    case_parts_device(&acts, number, "DEV-0003");
    if (!acts_activate(number, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    acts_send_orders();
    acts_assert_state(number, "activated");
    assert_string_equal(fake_ca.kinds, "change ");
    assert_string_equal(acts_ask("SELECT reason FROM ra.holder_certificate"
                                 " WHERE number <> '%s'",
                                 number),
                        "affiliationChanged");
    acts_assert_chained();
}

static void
revocation_is_held_at_once_and_revoked_after_the_papers(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_REVOKE, number);
    acts_hand_in(number);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_send_orders();
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "held");
    case_parts_papers(number);
    acts_decide(number, &acts.clerk, API_STEP_ENTRY, API_APPROVE);
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    acts_assert_state(number, "revoking");
    acts_send_orders();
    acts_assert_state(number, "revoked");
    assert_string_equal(fake_ca.kinds, "hold revoke ");
    assert_string_equal(
        pg_ask("SELECT state || reason FROM ra.holder_certificate"),
        "revokedcessationOfOperation");
    acts_assert_chained();
}

static void
renewal_needs_nobody_and_supersedes_when_installed(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct case_act sign = {.event = CASE_SIGN,
                            .who = CASE_BY_HOLDER,
                            .actor = "holder",
                            .at = acts.now,
                            .known = {.holder_signed = true},
                            .change = case_parts_sign,
                            .arg = &acts};
    struct error err = {0};

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 60);
    acts_create(BUSINESS_RENEW, number);
    acts_act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    assert_string_equal(
        pg_ask("SELECT convert_from(body, 'UTF8')::jsonb ->>"
               " 'agreement_version' FROM ra.case_history WHERE event ="
               " 'submitted'"),
        definition_get(acts.definitions, BUSINESS_RENEW)->agreement_version);
    sign.number = number;
    if (!case_apply(&acts.business, acts.db, &sign, NULL, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    acts_assert_state(number, "awaiting-payment");
    case_parts_pay(number);
    acts_act(number, CASE_PAY, CASE_BY_SYSTEM);
    acts_assert_state(number, "issuing");
    /* Refused by the CA: finance may give the money back, or it is tried again.
     */
    fake_ca.outcome = CA_REFUSED;
    acts_send_orders();
    acts_assert_state(number, "issue-failed");
    acts_act(number, CASE_RETRY, CASE_BY_CUSTOMER_SERVICE);
    fake_ca.outcome = CA_DONE;
    acts_send_orders();
    acts_assert_state(number, "issued");
    /* Not reviewed: the old handler stays the one of record. */
    assert_string_equal(acts_ask("SELECT handler_case <> number FROM"
                                 " ra.holder_certificate WHERE number = '%s'",
                                 number),
                        "t");
    acts_act(number, CASE_INSTALL, CASE_BY_HOLDER);
    acts_assert_state(number, "installed");
    acts_send_orders();
    assert_string_equal(fake_ca.kinds, "renew renew revoke ");
    assert_string_equal(acts_ask("SELECT state FROM ra.holder_certificate"
                                 " WHERE number <> '%s'",
                                 number),
                        "revoked");
    acts_assert_chained();
}

static void
seal_goes_as_far_as_its_maker(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_SEAL, number);
    acts_hand_in(number);
    acts_assert_state(number, "in-review");
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_assert_state(number, "seal-approved");
    assert_string_equal(pg_ask("SELECT state FROM ra.seal"), "ordered");
    acts_act(number, CASE_SEAL_MADE, CASE_BY_SYSTEM);
    acts_act(number, CASE_INSTALL, CASE_BY_HOLDER);
    acts_assert_state(number, "installed");
    acts_assert_chained();
}

static void
seal_edited_under_review_needs_its_form_again(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    char order_id[64];
    json_t *fields = case_parts_own_fields(&acts, BUSINESS_SEAL);
    struct error err = {0};

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_SEAL, number);
    acts_hand_in(number);
    (void)snprintf(order_id, sizeof order_id, "%s",
                   acts_ask("SELECT order_id FROM ra.case_file WHERE number ="
                            " '%s'",
                            number));
    json_set_text(fields, "seals",
                  "[{\"name\":\"杭州示例科技有限公司\",\"type\":"
                  "\"contract\"}]");
    /* Nothing that is wanted may go while somebody looks at it. */
    json_object_del(fields, "operation");
    assert_false(case_edit(&acts.business, acts.db, "example", number, 1,
                           fields, acts.now, &err));
    json_set_text(fields, "operation", "apply");
    if (!case_edit(&acts.business, acts.db, "example", number, 1, fields,
                   acts.now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_decref(fields);
    acts_assert_state(number, "in-review");
    assert_string_not_equal(
        acts_ask("SELECT order_id FROM ra.case_file WHERE number = '%s'",
                 number),
        order_id);
    acts_decide_refused(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE,
                        ERROR_CONFLICT);
    case_parts_documents(&acts, number);
    acts_act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_assert_state(number, "seal-approved");
    acts_assert_chained();
}

static void
unlock_by_the_handler_of_record_needs_no_officer(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_UNLOCK, number);
    acts_act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    acts_assert_state(number, "approved");
    acts_act(number, CASE_SEND_CODE, CASE_BY_HOLDER);
    acts_refused(number, CASE_SEND_CODE, CASE_BY_HOLDER,
                 ERROR_CONFLICT); /* 60 s */
    acts_act(number, CASE_VERIFY, CASE_BY_HOLDER);
    acts_act(number, CASE_RESET, CASE_BY_HOLDER);
    acts_assert_state(number, "done");
    acts_assert_chained();
}

static void
unlock_by_another_handler_is_reviewed(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_UNLOCK, number);
    acts_set(number, BUSINESS_UNLOCK, "handler_mobile", "13900000009");
    acts_hand_in(number);
    acts_assert_state(number, "in-review");
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_act(number, CASE_SEND_CODE, CASE_BY_HOLDER);
    acts_act(number, CASE_VERIFY, CASE_BY_HOLDER);
    acts_act(number, CASE_RESET, CASE_BY_HOLDER);
    assert_string_equal(pg_ask("SELECT handler_case FROM"
                               " ra.holder_certificate"),
                        number);
    acts_assert_chained();
}

/* More of it: tests/unit/test_recovery.c. */
static void
recovery_ends_with_the_keys_in_the_device_in_use(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_RECOVER, number);
    acts_hand_in(number);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    acts_assert_state(number, "recovering");
    fake_ca.recovery = "done";
    acts_send_orders();
    assert_string_equal(fake_ca.kinds, "recover ");
    acts_assert_state(number, "keys-ready");
    acts_act(number, CASE_INSTALL, CASE_BY_HOLDER);
    acts_assert_state(number, "installed");
    acts_assert_chained();
}

/* ---- Seals and devices of what is replaced (1.8 #15, #19; 1.9 #11) -------
 */

static void
to_activated(const char *number, const char *serial)
{
    struct error err;

    acts_pass_both(number);
    case_parts_device(&acts, number, serial);
    if (!acts_activate(number, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    acts_send_orders();
    acts_assert_state(number, "activated");
}

static void
activated_certificate_gets_the_seals_of_its_form(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    char second[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    acts_create(BUSINESS_NEW, number);
    acts_set(number, BUSINESS_NEW, "seal", "yes");
    acts_hand_in(number);
    acts_pass_both(number);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.seal"), "0");
    case_parts_device(&acts, number, "DEV-0101");
    assert_true(acts_activate(number, &(struct error){0}));
    acts_send_orders();
    assert_string_equal(
        acts_ask(
            "SELECT s.state || ' ' || s.type FROM ra.seal s JOIN"
            " ra.holder_certificate h USING (issuer, serial) JOIN ra.document"
            " d ON d.id = s.document WHERE s.number = '%s'"
            " AND h.number = s.number AND d.slot = 'seal-form'",
            number),
        "ordered official");
    acts_act(number, CASE_BIND, CASE_BY_PLATFORM);
    pg_sql("UPDATE ra.holder_certificate SET bound_at = now()");
    /* It has a seal: another one is a change, and takes its place. */
    acts_create(BUSINESS_SEAL, second);
    acts_refused(second, CASE_SUBMIT, CASE_BY_APPLICANT, ERROR_CONFLICT);
    acts_set(second, BUSINESS_SEAL, "operation", "change");
    acts_hand_in(second);
    acts_decide(second, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_act(second, CASE_SEAL_MADE, CASE_BY_SYSTEM);
    assert_string_equal(pg_ask("SELECT string_agg(state, ' ' ORDER BY number)"
                               " FROM ra.seal"),
                        "ordered signed");
    acts_act(second, CASE_INSTALL, CASE_BY_HOLDER);
    assert_string_equal(pg_ask("SELECT string_agg(state, ' ' ORDER BY number)"
                               " FROM ra.seal"),
                        "void installed");
}

static void
seal_changed_where_there_is_none_is_refused(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_SEAL, number);
    acts_set(number, BUSINESS_SEAL, "operation", "change");
    acts_refused(number, CASE_SUBMIT, CASE_BY_APPLICANT, ERROR_CONFLICT);
    acts_set(number, BUSINESS_SEAL, "operation", "apply");
    acts_hand_in(number);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_act(number, CASE_CLOSE, CASE_BY_CUSTOMER_SERVICE);
    assert_string_equal(pg_ask("SELECT state FROM ra.seal"), "void");
}

static void
replaced_certificate_takes_its_seal_with_it(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    case_parts_seal("example");
    acts_create(BUSINESS_CHANGE, number);
    acts_set(number, BUSINESS_CHANGE, "seal", "yes");
    acts_hand_in(number);
    acts_pass_both(number);
    assert_string_equal(pg_ask("SELECT state FROM ra.seal"), "installed");
    case_parts_device(&acts, number, "DEV-0102");
    assert_true(acts_activate(number, &(struct error){0}));
    acts_send_orders();
    assert_string_equal(pg_ask("SELECT string_agg(s.state || h.state, ' '"
                               " ORDER BY h.state) FROM ra.seal s JOIN"
                               " ra.holder_certificate h USING (issuer,"
                               " serial)"),
                        "voidrevoked orderedvalid");
    acts_act(number, CASE_BIND, CASE_BY_PLATFORM);
    acts_create(BUSINESS_REVOKE, number);
    acts_hand_in(number);
    acts_pass_both(number);
    acts_send_orders();
    acts_assert_state(number, "revoked");
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.seal WHERE state <> 'void'"), "0");
}

static void
renewed_certificate_has_its_seal_made_again(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct case_act sign = {.event = CASE_SIGN,
                            .who = CASE_BY_HOLDER,
                            .actor = "holder",
                            .at = acts.now,
                            .known = {.holder_signed = true},
                            .change = case_parts_sign,
                            .arg = &acts};
    struct error err = {0};

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 60);
    case_parts_seal("example");
    acts_create(BUSINESS_RENEW, number);
    acts_act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    sign.number = number;
    assert_true(case_apply(&acts.business, acts.db, &sign, NULL, &err));
    case_parts_pay(number);
    acts_act(number, CASE_PAY, CASE_BY_SYSTEM);
    acts_send_orders();
    assert_string_equal(pg_ask("SELECT state FROM ra.seal"), "installed");
    acts_act(number, CASE_INSTALL, CASE_BY_HOLDER);
    assert_string_equal(
        acts_ask("SELECT s.state FROM ra.seal s JOIN ra.holder_certificate h"
                 " USING (issuer, serial) WHERE h.number = '%s'"
                 " AND s.number = h.number AND s.document ="
                 " (SELECT document FROM ra.seal WHERE state = 'installed')",
                 number),
        "ordered");
    acts_send_orders();
    assert_string_equal(
        acts_ask("SELECT state FROM ra.seal WHERE number <> '%s'", number),
        "void");
}

static void
reissue_given_up_leaves_the_hold_and_says_so(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_REISSUE, number);
    acts_hand_in(number);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_send_orders();
    acts_act(number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    acts_send_orders();
    assert_string_equal(fake_ca.kinds, "hold ");
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "held");
    assert_string_equal(
        acts_ask(
            "SELECT string_agg(channel, ' ' ORDER BY channel) FROM ra.notice"
            " WHERE event = 'case.certificate-left-held'"
            " AND number = '%s'",
            number),
        "email sms");
    assert_string_equal(
        acts_ask("SELECT count(*) FROM ra.case_history WHERE event"
                 " = 'certificate-left-held' AND number = '%s'",
                 number),
        "1");
    /* It is not the end: reissued after all, or revoked. */
    acts_create(BUSINESS_REISSUE, number);
    acts_act(number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    acts_create(BUSINESS_REVOKE, number);
    acts_hand_in(number);
    acts_pass_both(number);
    acts_send_orders();
    assert_string_equal(fake_ca.kinds, "hold revoke ");
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "revoked");
    acts_assert_chained();
}

static void
revocation_without_papers_can_be_closed_and_filed_again(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_REVOKE, number);
    acts_hand_in(number);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_send_orders();
    acts_refused(number, CASE_WITHDRAW, CASE_BY_APPLICANT, ERROR_CONFLICT);
    acts_act(number, CASE_CLOSE, CASE_BY_CUSTOMER_SERVICE);
    acts_send_orders();
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "held");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.notice WHERE event ="
                               " 'case.certificate-left-held'"),
                        "2");
    acts_create(BUSINESS_REVOKE, number);
    acts_hand_in(number);
    acts_pass_both(number);
    acts_send_orders();
    acts_assert_state(number, "revoked");
}

static void
what_officers_revoke_at_the_ca_is_followed(void **state)
{
    struct ra_job job = {.db = acts.db, .business = &acts.business};
    struct error err = {0};

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    case_parts_seal("example");
    assert_true(holder_follow_job(&job, acts.now, &err));
    assert_true(holder_follow_job(&job, acts.now + 60, &err));
    assert_int_equal(fake_ca.looks, 1); /* not at every turn */
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "valid");
    fake_ca.has_revoked = true;
    fake_ca.outcome = CA_PENDING;
    assert_false(holder_follow_job(&job, acts.now + 900, &err));
    fake_ca.outcome = CA_DONE;
    assert_true(holder_follow_job(&job, acts.now + 900, &err));
    assert_string_equal(
        pg_ask("SELECT h.state || h.reason || s.state FROM"
               " ra.holder_certificate h JOIN ra.seal s USING (issuer,"
               " serial)"),
        "revokedkeyCompromisevoid");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.notice WHERE event ="
                               " 'case.certificate-revoked'"),
                        "2");
    assert_true(holder_follow_job(&job, acts.now + 9000, &err));
    assert_int_equal(fake_ca.looks, 3);
}

/* 1.8 #21. */
static void
change_of_nothing_or_of_another_unit_is_refused(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_CHANGE, number);
    acts_set(number, BUSINESS_CHANGE, "street", "西湖区文三路 1 号");
    acts_refused(number, CASE_SUBMIT, CASE_BY_APPLICANT, ERROR_CONFLICT);
    acts_act(number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    pg_sql("UPDATE ra.unit SET uscc = '91330106589876543P'");
    if (case_parts_create(&acts, BUSINESS_CHANGE, number, &err))
        acts_refused(number, CASE_SUBMIT, CASE_BY_APPLICANT, ERROR_CONFLICT);
}

static void
reissue_given_up_before_the_hold_says_nothing_of_it(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_REISSUE, number);
    acts_set(number, BUSINESS_REISSUE, "reason", "damaged");
    acts_hand_in(number);
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_act(number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_history WHERE"
                               " event = 'certificate-left-held'"),
                        "0");
}

static void
lost_device_is_lost_once_another_has_its_place(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    acts_create(BUSINESS_REISSUE, number);
    acts_hand_in(number);
    to_activated(number, "DEV-0103");
    assert_string_equal(
        pg_ask("SELECT string_agg(d.state || h.state, ' ' ORDER BY h.state)"
               " FROM ra.device d JOIN ra.holder_certificate h ON"
               " h.device = d.serial AND h.pair = 1"),
        "lostrevoked activevalid");
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.notice WHERE event ="
               " 'case.certificate-revoked' AND channel = 'sms'"),
        "1");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(new_ends_with_a_certificate_in_the_device),
        CASE(reissue_of_a_lost_device_holds_and_then_revokes),
        CASE(damaged_device_keeps_its_certificate_until_the_new_one),
        CASE(rejected_reissue_releases_what_it_held),
        CASE(change_waits_for_papers_and_the_old_device),
        CASE(revocation_is_held_at_once_and_revoked_after_the_papers),
        CASE(renewal_needs_nobody_and_supersedes_when_installed),
        CASE(seal_goes_as_far_as_its_maker),
        CASE(seal_edited_under_review_needs_its_form_again),
        CASE(unlock_by_the_handler_of_record_needs_no_officer),
        CASE(unlock_by_another_handler_is_reviewed),
        CASE(recovery_ends_with_the_keys_in_the_device_in_use),
        CASE(activated_certificate_gets_the_seals_of_its_form),
        CASE(seal_changed_where_there_is_none_is_refused),
        CASE(replaced_certificate_takes_its_seal_with_it),
        CASE(renewed_certificate_has_its_seal_made_again),
        CASE(reissue_given_up_leaves_the_hold_and_says_so),
        CASE(revocation_without_papers_can_be_closed_and_filed_again),
        CASE(what_officers_revoke_at_the_ca_is_followed),
        CASE(change_of_nothing_or_of_another_unit_is_refused),
        CASE(reissue_given_up_before_the_hold_says_nothing_of_it),
        CASE(lost_device_is_lost_once_another_has_its_place),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
