/*
 * Cases on a real database, with a CA that is a fake of ra/ca_client.h: every
 * business to its end, every step with its link, entry and notices, or not at
 * all (domain.md, 1.5 to 1.9).
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
#include "ra/case_order.h"
#include "ra/case_send.h"
#include "ra/holder_follow.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/fake_ca.h"
#include "tests/unit/pg.h"
#include "tests/unit/ra_parts.h"

static struct case_parts parts;
static struct buf csr = BUF_INIT(16384);

/* ---- Short cuts ------------------------------------------------------------
 */

static int
group_start(void **state)
{
    (void)state;
    pg_start();
    case_parts_init(&parts);
    fake_ca.key = parts_key("P-256");
    parts_csr(fake_ca.key, &csr);
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    case_parts_clear(&parts);
    EVP_PKEY_free(fake_ca.key);
    buf_clear(&csr);
    pg_stop();
    return 0;
}

static int
start(void **state)
{
    (void)state;
    fake_ca_reset();
    fake_ca.not_before = parts.now;
    fake_ca.not_after = parts.now + INT64_C(86400) * 700;
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

static void
assert_state(const char *number, const char *wanted)
{
    assert_string_equal(case_parts_state(number), wanted);
}

static void
create(enum case_business business, char number[DB_CASE_NUMBER_MAX + 1])
{
    struct error err;

    if (!case_parts_create(&parts, business, number, &err))
        fail_msg("create: %s (%s)", err.what, err.cause);
}

static void
act(const char *number, enum case_event event, enum case_actor who)
{
    struct error err;

    if (!case_parts_act(&parts, number, event, who, &err))
        fail_msg("%s: %s (%s)", case_event_name(event), err.what, err.cause);
}

static void
refused(const char *number, enum case_event event, enum case_actor who,
        enum error_code code)
{
    struct error err;

    assert_false(case_parts_act(&parts, number, event, who, &err));
    if (err.code != code)
        fail_msg("%s: %s (%s)", case_event_name(event), err.what, err.cause);
}

static void
decide(const char *number, const struct case_officer *officer,
       enum api_step step, enum api_verdict verdict)
{
    struct error err;

    if (!case_parts_decide(&parts, number, officer, step, verdict, &err))
        fail_msg("decision: %s (%s)", err.what, err.cause);
}

static void
decide_refused(const char *number, const struct case_officer *officer,
               enum api_step step, enum api_verdict verdict,
               enum error_code code)
{
    struct error err;

    assert_false(
        case_parts_decide(&parts, number, officer, step, verdict, &err));
    if (err.code != code)
        fail_msg("decision: %s (%s)", err.what, err.cause);
}

static void
send_orders(void)
{
    struct ra_job job = {.db = parts.db, .business = &parts.business};
    struct error err = {0};

    if (!case_send_job(&job, parts.now, &err))
        fail_msg("send: %s (%s)", err.what, err.cause);
}

/* The device's request, by the way of ra/case_order.h. */
static bool
activate_change(struct db *db, struct db_case *row, void *arg,
                struct error *err)
{
    struct case_completion completion = {
        .device = row->device,
        .spki = (const uint8_t *)"spki",
        .spki_len = 4,
        .csr = csr.data,
        .csr_len = csr.len,
        .signature = (const uint8_t *)"signature",
        .signature_len = 9,
    };

    (void)arg;
    return case_order_complete(db, row, &completion, parts.now, err);
}

static bool
activate(const char *number, struct error *err)
{
    struct case_act what = {.number = number,
                            .event = CASE_ACTIVATE,
                            .who = CASE_BY_HOLDER,
                            .actor = "holder",
                            .at = parts.now,
                            .known = {.code_is_right = true},
                            .change = activate_change};

    memset(err, 0, sizeof *err);
    return case_apply(&parts.business, parts.db, &what, NULL, err);
}

/* From a draft to the officers' door. */
static void
hand_in(const char *number)
{
    act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    case_parts_documents(&parts, number);
    act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    if (strcmp(case_parts_state(number), "awaiting-payment") == 0) {
        case_parts_pay(number);
        act(number, CASE_PAY, CASE_BY_SYSTEM);
    }
}

static void
pass_both(const char *number)
{
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    case_parts_papers(number);
    decide(number, &parts.clerk, API_STEP_ENTRY, API_APPROVE);
    decide(number, &parts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
}

/* The answer to a question that is put together. */
static const char *askf(const char *format, ...) PRINTF_LIKE(1, 2);

static const char *
askf(const char *format, ...)
{
    char sql[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(sql, sizeof sql, format, arguments);
    va_end(arguments);
    return pg_ask(sql);
}

/* Each link holds the hash of the one before; each step has its entry. */
static void
assert_chained(void)
{
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.case_history h"
               " LEFT JOIN ra.case_history p ON p.number = h.number"
               " AND p.seq = h.seq - 1"
               " WHERE sha256(h.body) <> h.hash"
               " OR convert_from(h.body, 'UTF8')::jsonb ->> 'previous' <>"
               " encode(coalesce(p.hash, decode(repeat('00', 32), 'hex')),"
               " 'hex')"),
        "0");
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.case_history h WHERE"
               " convert_from(body, 'UTF8')::jsonb ? 'from' AND NOT EXISTS ("
               " SELECT FROM log.entry e WHERE e.event = 'case.' || h.event"
               " AND e.subject = h.number AND"
               " convert_from(e.body, 'UTF8')::jsonb ->> 'history' ="
               " encode(h.hash, 'hex'))"),
        "0");
    assert_string_equal(pg_ask("SELECT count(*) FROM log.entry"
                               " WHERE sha256('\\x00'::bytea || body) <> hash"),
                        "0");
}

/* ---- Every business to its end ---------------------------------------------
 */

static void
new_ends_with_a_certificate_in_the_device(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    create(BUSINESS_NEW, number);
    assert_state(number, "draft");
    act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    assert_state(number, "form-ready");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.form"), "1");
    refused(number, CASE_HAND_IN, CASE_BY_APPLICANT, ERROR_CONFLICT);
    case_parts_documents(&parts, number);
    act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    assert_state(number, "awaiting-payment");
    assert_string_equal(pg_ask("SELECT amount FROM ra.payment"), "40000");
    refused(number, CASE_PAY, CASE_BY_SYSTEM, ERROR_CONFLICT);
    case_parts_pay(number);
    act(number, CASE_PAY, CASE_BY_SYSTEM);
    assert_state(number, "first-review");
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    assert_state(number, "awaiting-originals");
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.paper WHERE state = 'awaited'"), "3");
    decide_refused(number, &parts.clerk, API_STEP_ENTRY, API_APPROVE,
                   ERROR_CONFLICT);
    case_parts_papers(number);
    decide(number, &parts.clerk, API_STEP_ENTRY, API_APPROVE);
    decide(number, &parts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    assert_state(number, "activation-allowed");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.code"), "1");
    assert_false(activate(number, &err)); /* no device */
    assert_int_equal(err.code, ERROR_CONFLICT);
    case_parts_device(&parts, number, "DEV-0001");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_order"), "0");
    if (!activate(number, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    assert_state(number, "issuing");
    send_orders();
    assert_state(number, "activated");
    assert_string_equal(pg_ask("SELECT state FROM ra.device"), "active");
    assert_string_equal(askf("SELECT handler_case FROM ra.holder_certificate"
                             " WHERE number = '%s'",
                             number),
                        number);
    assert_string_equal(
        pg_ask("SELECT completed_at IS NOT NULL FROM ra.case_file"), "t");
    act(number, CASE_BIND, CASE_BY_PLATFORM);
    assert_state(number, "bound");
    assert_int_equal(fake_ca.orders, 1);
    send_orders();
    assert_int_equal(fake_ca.orders, 1);
    assert_chained();
}

static void
reissue_of_a_lost_device_holds_and_then_revokes(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_REISSUE, number);
    hand_in(number);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    send_orders();
    assert_string_equal(fake_ca.kinds, "hold ");
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "held");
    case_parts_papers(number);
    decide(number, &parts.clerk, API_STEP_ENTRY, API_APPROVE);
    decide(number, &parts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    case_parts_device(&parts, number, "DEV-0002");
    if (!activate(number, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    send_orders();
    assert_state(number, "activated");
    assert_string_equal(fake_ca.kinds, "hold reissue ");
    assert_string_equal(askf("SELECT state || reason FROM"
                             " ra.holder_certificate WHERE number <> '%s'",
                             number),
                        "revokedsuperseded");
    assert_chained();
}

static void
damaged_device_keeps_its_certificate_until_the_new_one(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    json_t *fields;
    struct error err = {0};

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_REISSUE, number);
    fields = case_parts_fields(BUSINESS_REISSUE);
    json_set_text(fields, "reason", "damaged");
    if (!case_edit(&parts.business, parts.db, "example", number, 1, fields,
                   parts.now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_decref(fields);
    hand_in(number);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    send_orders();
    assert_string_equal(fake_ca.kinds, "");
}

static void
rejected_reissue_releases_what_it_held(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_REISSUE, number);
    hand_in(number);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    case_parts_papers(number);
    decide(number, &parts.clerk, API_STEP_ENTRY, API_APPROVE);
    decide(number, &parts.second, API_STEP_SECOND_REVIEW, API_REJECT);
    assert_state(number, "rejected");
    /* Both of one second, and the release due before the hold. */
    pg_sql("UPDATE ra.case_order SET made_at = (SELECT min(made_at) FROM"
           " ra.case_order), send_at = send_at - CASE purpose WHEN 'release'"
           " THEN interval '1 minute' ELSE interval '0' END");
    send_orders();
    /* In the order in which they were made, though the hold had not gone. */
    assert_string_equal(fake_ca.kinds, "hold release ");
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "valid");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.refund"), "1");
    assert_chained();
}

static void
change_waits_for_papers_and_the_old_device(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_CHANGE, number);
    hand_in(number);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.payment"), "0");
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.paper WHERE slot = 'device'"), "1");
    case_parts_papers(number);
    decide(number, &parts.clerk, API_STEP_ENTRY, API_APPROVE);
    decide(number, &parts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    case_parts_device(&parts, number, "DEV-0003");
    if (!activate(number, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    send_orders();
    assert_state(number, "activated");
    assert_string_equal(fake_ca.kinds, "change ");
    assert_string_equal(askf("SELECT reason FROM ra.holder_certificate"
                             " WHERE number <> '%s'",
                             number),
                        "affiliationChanged");
    assert_chained();
}

static void
revocation_is_held_at_once_and_revoked_after_the_papers(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_REVOKE, number);
    hand_in(number);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    send_orders();
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "held");
    case_parts_papers(number);
    decide(number, &parts.clerk, API_STEP_ENTRY, API_APPROVE);
    decide(number, &parts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    assert_state(number, "revoking");
    send_orders();
    assert_state(number, "revoked");
    assert_string_equal(fake_ca.kinds, "hold revoke ");
    assert_string_equal(
        pg_ask("SELECT state || reason FROM ra.holder_certificate"),
        "revokedcessationOfOperation");
    assert_chained();
}

static bool
sign_change(struct db *db, struct db_case *row, void *arg, struct error *err)
{
    struct case_order_draft draft[2];
    json_t *fields = NULL;
    json_t *decisions = json_pack("[{s:s}]", "step", "holder");
    bool ok;

    (void)arg;
    assert_non_null(decisions);
    ok = case_fields_read(&parts.business, db, row->number, &fields, err) &&
         case_order_renewal(db, row,
                            definition_get(parts.definitions, BUSINESS_RENEW),
                            fields, csr.data, csr.len, parts.now, draft, err);
    for (int i = 0; ok && i < 2; i++)
        ok = case_order_put(db, row->number, draft[i].purpose, draft[i].order,
                            decisions, NULL, parts.now, err);
    json_decref(draft[0].order);
    json_decref(draft[1].order);
    case_fields_free(fields);
    json_decref(decisions);
    return ok;
}

static void
renewal_needs_nobody_and_supersedes_when_installed(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct case_act sign = {.event = CASE_SIGN,
                            .who = CASE_BY_HOLDER,
                            .actor = "holder",
                            .at = parts.now,
                            .known = {.holder_signed = true},
                            .change = sign_change};
    struct error err = {0};

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 60);
    create(BUSINESS_RENEW, number);
    act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    assert_string_equal(
        pg_ask("SELECT convert_from(body, 'UTF8')::jsonb ->>"
               " 'agreement_version' FROM ra.case_history WHERE event ="
               " 'submitted'"),
        definition_get(parts.definitions, BUSINESS_RENEW)->agreement_version);
    sign.number = number;
    if (!case_apply(&parts.business, parts.db, &sign, NULL, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    assert_state(number, "awaiting-payment");
    case_parts_pay(number);
    act(number, CASE_PAY, CASE_BY_SYSTEM);
    assert_state(number, "issuing");
    /* Refused by the CA: finance may give the money back, or it is tried again.
     */
    fake_ca.outcome = CA_REFUSED;
    send_orders();
    assert_state(number, "issue-failed");
    act(number, CASE_RETRY, CASE_BY_CUSTOMER_SERVICE);
    fake_ca.outcome = CA_DONE;
    send_orders();
    assert_state(number, "issued");
    /* Not reviewed: the old handler stays the one of record. */
    assert_string_equal(askf("SELECT handler_case <> number FROM"
                             " ra.holder_certificate WHERE number = '%s'",
                             number),
                        "t");
    act(number, CASE_INSTALL, CASE_BY_HOLDER);
    assert_state(number, "installed");
    send_orders();
    assert_string_equal(fake_ca.kinds, "renew renew revoke ");
    assert_string_equal(askf("SELECT state FROM ra.holder_certificate"
                             " WHERE number <> '%s'",
                             number),
                        "revoked");
    assert_chained();
}

static void
seal_goes_as_far_as_its_maker(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_SEAL, number);
    hand_in(number);
    assert_state(number, "in-review");
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    assert_state(number, "seal-approved");
    assert_string_equal(pg_ask("SELECT state FROM ra.seal"), "ordered");
    act(number, CASE_SEAL_MADE, CASE_BY_SYSTEM);
    act(number, CASE_INSTALL, CASE_BY_HOLDER);
    assert_state(number, "installed");
    assert_chained();
}

/* Fields that this business has. */
static json_t *
fields_of(enum case_business business)
{
    const struct definition *definition =
        definition_get(parts.definitions, business);
    json_t *fields = case_parts_fields(business);
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(
        fields, next, name,
        value) if (definition_field_find(definition, name) == NULL)
        json_object_del(fields, name);
    return fields;
}

static void
seal_edited_under_review_needs_its_form_again(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    char order_id[64];
    json_t *fields = fields_of(BUSINESS_SEAL);
    struct error err = {0};

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_SEAL, number);
    hand_in(number);
    (void)snprintf(order_id, sizeof order_id, "%s",
                   askf("SELECT order_id FROM ra.case_file WHERE number ="
                        " '%s'",
                        number));
    json_set_text(fields, "seals",
                  "[{\"name\":\"杭州示例科技有限公司\",\"type\":"
                  "\"contract\"}]");
    /* Nothing that is wanted may go while somebody looks at it. */
    json_object_del(fields, "operation");
    assert_false(case_edit(&parts.business, parts.db, "example", number, 1,
                           fields, parts.now, &err));
    json_set_text(fields, "operation", "apply");
    if (!case_edit(&parts.business, parts.db, "example", number, 1, fields,
                   parts.now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_decref(fields);
    assert_state(number, "in-review");
    assert_string_not_equal(
        askf("SELECT order_id FROM ra.case_file WHERE number = '%s'", number),
        order_id);
    decide_refused(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE,
                   ERROR_CONFLICT);
    case_parts_documents(&parts, number);
    act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    assert_state(number, "seal-approved");
    assert_chained();
}

static void
unlock_by_the_handler_of_record_needs_no_officer(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_UNLOCK, number);
    act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    assert_state(number, "approved");
    act(number, CASE_SEND_CODE, CASE_BY_HOLDER);
    refused(number, CASE_SEND_CODE, CASE_BY_HOLDER, ERROR_CONFLICT); /* 60 s */
    act(number, CASE_VERIFY, CASE_BY_HOLDER);
    act(number, CASE_RESET, CASE_BY_HOLDER);
    assert_state(number, "done");
    assert_chained();
}

static void
unlock_by_another_handler_is_reviewed(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    json_t *fields;
    struct error err = {0};

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_UNLOCK, number);
    fields = case_parts_fields(BUSINESS_UNLOCK);
    json_set_text(fields, "handler_mobile", "13900000009");
    if (!case_edit(&parts.business, parts.db, "example", number, 1, fields,
                   parts.now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_decref(fields);
    hand_in(number);
    assert_state(number, "in-review");
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    act(number, CASE_SEND_CODE, CASE_BY_HOLDER);
    act(number, CASE_VERIFY, CASE_BY_HOLDER);
    act(number, CASE_RESET, CASE_BY_HOLDER);
    assert_string_equal(pg_ask("SELECT handler_case FROM"
                               " ra.holder_certificate"),
                        number);
    assert_chained();
}

/* ---- Seals and devices of what is replaced (1.8 #15, #19; 1.9 #11) -------
 */

/* In a draft. */
static void
set(const char *number, enum case_business business, const char *name,
    const char *value)
{
    json_t *fields = fields_of(business);
    int revision = atoi(askf("SELECT revision FROM ra.case_file WHERE"
                             " number = '%s'",
                             number));
    struct error err = {0};

    json_set_text(fields, name, value);
    if (strcmp(name, "seal") == 0 && strcmp(value, "yes") == 0)
        json_set_text(fields, "seals",
                      "[{\"name\":\"杭州示例科技有限公司\",\"type\":"
                      "\"official\"}]");
    if (!case_edit(&parts.business, parts.db, "example", number, revision,
                   fields, parts.now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_decref(fields);
}

static void
to_activated(const char *number, const char *serial)
{
    struct error err;

    pass_both(number);
    case_parts_device(&parts, number, serial);
    if (!activate(number, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    send_orders();
    assert_state(number, "activated");
}

static void
activated_certificate_gets_the_seals_of_its_form(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    char second[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    create(BUSINESS_NEW, number);
    set(number, BUSINESS_NEW, "seal", "yes");
    hand_in(number);
    pass_both(number);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.seal"), "0");
    case_parts_device(&parts, number, "DEV-0101");
    assert_true(activate(number, &(struct error){0}));
    send_orders();
    assert_string_equal(
        askf("SELECT s.state || ' ' || s.type FROM ra.seal s JOIN"
             " ra.holder_certificate h USING (issuer, serial) JOIN ra.document"
             " d ON d.id = s.document WHERE s.number = '%s'"
             " AND h.number = s.number AND d.slot = 'seal-form'",
             number),
        "ordered official");
    act(number, CASE_BIND, CASE_BY_PLATFORM);
    pg_sql("UPDATE ra.holder_certificate SET bound_at = now()");
    /* It has a seal: another one is a change, and takes its place. */
    create(BUSINESS_SEAL, second);
    refused(second, CASE_SUBMIT, CASE_BY_APPLICANT, ERROR_CONFLICT);
    set(second, BUSINESS_SEAL, "operation", "change");
    hand_in(second);
    decide(second, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    act(second, CASE_SEAL_MADE, CASE_BY_SYSTEM);
    assert_string_equal(pg_ask("SELECT string_agg(state, ' ' ORDER BY number)"
                               " FROM ra.seal"),
                        "ordered signed");
    act(second, CASE_INSTALL, CASE_BY_HOLDER);
    assert_string_equal(pg_ask("SELECT string_agg(state, ' ' ORDER BY number)"
                               " FROM ra.seal"),
                        "void installed");
}

static void
seal_changed_where_there_is_none_is_refused(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_SEAL, number);
    set(number, BUSINESS_SEAL, "operation", "change");
    refused(number, CASE_SUBMIT, CASE_BY_APPLICANT, ERROR_CONFLICT);
    set(number, BUSINESS_SEAL, "operation", "apply");
    hand_in(number);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    act(number, CASE_CLOSE, CASE_BY_CUSTOMER_SERVICE);
    assert_string_equal(pg_ask("SELECT state FROM ra.seal"), "void");
}

static void
replaced_certificate_takes_its_seal_with_it(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    case_parts_seal("example");
    create(BUSINESS_CHANGE, number);
    set(number, BUSINESS_CHANGE, "seal", "yes");
    hand_in(number);
    pass_both(number);
    assert_string_equal(pg_ask("SELECT state FROM ra.seal"), "installed");
    case_parts_device(&parts, number, "DEV-0102");
    assert_true(activate(number, &(struct error){0}));
    send_orders();
    assert_string_equal(pg_ask("SELECT string_agg(s.state || h.state, ' '"
                               " ORDER BY h.state) FROM ra.seal s JOIN"
                               " ra.holder_certificate h USING (issuer,"
                               " serial)"),
                        "voidrevoked orderedvalid");
    act(number, CASE_BIND, CASE_BY_PLATFORM);
    create(BUSINESS_REVOKE, number);
    hand_in(number);
    pass_both(number);
    send_orders();
    assert_state(number, "revoked");
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
                            .at = parts.now,
                            .known = {.holder_signed = true},
                            .change = sign_change};
    struct error err = {0};

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 60);
    case_parts_seal("example");
    create(BUSINESS_RENEW, number);
    act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    sign.number = number;
    assert_true(case_apply(&parts.business, parts.db, &sign, NULL, &err));
    case_parts_pay(number);
    act(number, CASE_PAY, CASE_BY_SYSTEM);
    send_orders();
    assert_string_equal(pg_ask("SELECT state FROM ra.seal"), "installed");
    act(number, CASE_INSTALL, CASE_BY_HOLDER);
    assert_string_equal(
        askf("SELECT s.state FROM ra.seal s JOIN ra.holder_certificate h"
             " USING (issuer, serial) WHERE h.number = '%s'"
             " AND s.number = h.number AND s.document ="
             " (SELECT document FROM ra.seal WHERE state = 'installed')",
             number),
        "ordered");
    send_orders();
    assert_string_equal(
        askf("SELECT state FROM ra.seal WHERE number <> '%s'", number), "void");
}

static void
reissue_given_up_leaves_the_hold_and_says_so(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_REISSUE, number);
    hand_in(number);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    send_orders();
    act(number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    send_orders();
    assert_string_equal(fake_ca.kinds, "hold ");
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "held");
    assert_string_equal(
        askf("SELECT string_agg(channel, ' ' ORDER BY channel) FROM ra.notice"
             " WHERE event = 'case.certificate-left-held'"
             " AND number = '%s'",
             number),
        "email sms");
    assert_string_equal(askf("SELECT count(*) FROM ra.case_history WHERE event"
                             " = 'certificate-left-held' AND number = '%s'",
                             number),
                        "1");
    /* It is not the end: reissued after all, or revoked. */
    create(BUSINESS_REISSUE, number);
    act(number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    create(BUSINESS_REVOKE, number);
    hand_in(number);
    pass_both(number);
    send_orders();
    assert_string_equal(fake_ca.kinds, "hold revoke ");
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "revoked");
    assert_chained();
}

static void
revocation_without_papers_can_be_closed_and_filed_again(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_REVOKE, number);
    hand_in(number);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    send_orders();
    refused(number, CASE_WITHDRAW, CASE_BY_APPLICANT, ERROR_CONFLICT);
    act(number, CASE_CLOSE, CASE_BY_CUSTOMER_SERVICE);
    send_orders();
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "held");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.notice WHERE event ="
                               " 'case.certificate-left-held'"),
                        "2");
    create(BUSINESS_REVOKE, number);
    hand_in(number);
    pass_both(number);
    send_orders();
    assert_state(number, "revoked");
}

static void
what_officers_revoke_at_the_ca_is_followed(void **state)
{
    struct ra_job job = {.db = parts.db, .business = &parts.business};
    struct error err = {0};

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    case_parts_seal("example");
    assert_true(holder_follow_job(&job, parts.now, &err));
    assert_true(holder_follow_job(&job, parts.now + 60, &err));
    assert_int_equal(fake_ca.looks, 1); /* not at every turn */
    assert_string_equal(pg_ask("SELECT state FROM ra.holder_certificate"),
                        "valid");
    fake_ca.has_revoked = true;
    fake_ca.outcome = CA_PENDING;
    assert_false(holder_follow_job(&job, parts.now + 900, &err));
    fake_ca.outcome = CA_DONE;
    assert_true(holder_follow_job(&job, parts.now + 900, &err));
    assert_string_equal(
        pg_ask("SELECT h.state || h.reason || s.state FROM"
               " ra.holder_certificate h JOIN ra.seal s USING (issuer,"
               " serial)"),
        "revokedkeyCompromisevoid");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.notice WHERE event ="
                               " 'case.certificate-revoked'"),
                        "2");
    assert_true(holder_follow_job(&job, parts.now + 9000, &err));
    assert_int_equal(fake_ca.looks, 3);
}

/* 1.8 #21. */
static void
change_of_nothing_or_of_another_unit_is_refused(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_CHANGE, number);
    set(number, BUSINESS_CHANGE, "street", "西湖区文三路 1 号");
    refused(number, CASE_SUBMIT, CASE_BY_APPLICANT, ERROR_CONFLICT);
    act(number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    pg_sql("UPDATE ra.unit SET uscc = '91330106589876543P'");
    if (case_parts_create(&parts, BUSINESS_CHANGE, number, &err))
        refused(number, CASE_SUBMIT, CASE_BY_APPLICANT, ERROR_CONFLICT);
}

static void
reissue_given_up_before_the_hold_says_nothing_of_it(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_REISSUE, number);
    set(number, BUSINESS_REISSUE, "reason", "damaged");
    hand_in(number);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    act(number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_history WHERE"
                               " event = 'certificate-left-held'"),
                        "0");
}

static void
lost_device_is_lost_once_another_has_its_place(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_REISSUE, number);
    hand_in(number);
    to_activated(number, "DEV-0103");
    assert_string_equal(
        pg_ask("SELECT string_agg(d.state || h.state, ' ' ORDER BY h.state)"
               " FROM ra.device d JOIN ra.holder_certificate h ON"
               " h.device = d.serial"),
        "lostrevoked activevalid");
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.notice WHERE event ="
               " 'case.certificate-revoked' AND channel = 'sms'"),
        "1");
}

/* ---- What is refused -------------------------------------------------------
 */

static void
account_with_a_live_certificate_files_no_new_one(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    assert_false(case_parts_create(&parts, BUSINESS_RENEW, number, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    assert_false(case_parts_create(&parts, BUSINESS_NEW, number, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    /* The window of renewals opens 90 days before the end. */
    assert_false(case_parts_create(&parts, BUSINESS_RENEW, number, &err));
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
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_REISSUE, number);
    assert_false(case_parts_create(&parts, BUSINESS_SEAL, other, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    create(BUSINESS_UNLOCK, other);
    assert_false(case_parts_create(&parts, BUSINESS_UNLOCK, other, &err));
    act(number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    create(BUSINESS_SEAL, number);
}

static void
cases_of_others_are_not_there(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct case_act other = {.event = CASE_SUBMIT,
                             .who = CASE_BY_APPLICANT,
                             .actor = "other",
                             .account = "other",
                             .at = parts.now};
    struct error err = {0};

    (void)state;
    case_parts_account("other");
    create(BUSINESS_NEW, number);
    other.number = number;
    assert_false(case_apply(&parts.business, parts.db, &other, NULL, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_state(number, "draft");
}

static void
one_person_takes_one_step(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    create(BUSINESS_NEW, number);
    hand_in(number);
    decide_refused(number, &parts.second, API_STEP_SECOND_REVIEW, API_APPROVE,
                   ERROR_DENIED);
    decide_refused(number, &parts.clerk, API_STEP_FIRST_REVIEW, API_APPROVE,
                   ERROR_DENIED);
    decide(number, &parts.third, API_STEP_FIRST_REVIEW, API_APPROVE);
    case_parts_papers(number);
    decide(number, &parts.clerk, API_STEP_ENTRY, API_APPROVE);
    /* Both roles, and yet one person. */
    decide_refused(number, &parts.third, API_STEP_SECOND_REVIEW, API_APPROVE,
                   ERROR_DENIED);
    assert_state(number, "second-review");
    decide(number, &parts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
}

/* One of two reviewers who press the key at the same moment. */
struct racer {
    struct case_parts parts; /* with a connection of its own */
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
        case_parts_decide(&racer->parts, racer->number, racer->officer,
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
        parts.account = account;
        create(BUSINESS_NEW, number);
        hand_in(number);
        for (int i = 0; i < 2; i++) {
            racer[i] = (struct racer){
                .parts = parts,
                .officer = i == 0 ? &parts.first : &parts.third,
                .verdict = i == 0 ? API_APPROVE : API_RETURN,
                .number = number,
            };
            assert_true(db_open(&options, &racer[i].parts.db, NULL));
        }
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, race, &racer[i]),
                             0);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(pthread_join(thread[i], NULL), 0);
            db_close(racer[i].parts.db);
        }
        assert_true(racer[0].ok != racer[1].ok);
        assert_int_equal(racer[racer[0].ok ? 1 : 0].err.code, ERROR_CONFLICT);
        assert_state(number, racer[0].ok ? "awaiting-originals" : "returned");
        assert_string_equal(askf("SELECT count(*) FROM ra.case_decision"
                                 " WHERE number = '%s'",
                                 number),
                            "1");
    }
    parts.account = "example";
    assert_chained();
}

static void
second_click_is_the_same_decision(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct case_review review = {.decision = {.step = API_STEP_FIRST_REVIEW,
                                              .verdict = API_APPROVE,
                                              .decided_at = parts.now}};
    struct db_case row;
    enum case_state to;
    struct error err = {0};

    (void)state;
    create(BUSINESS_NEW, number);
    hand_in(number);
    memcpy(review.decision.officer_id, parts.first.facts.officer_id,
           TEXT_UUID_LEN + 1);
    assert_true(db_case_get(parts.db, number, false, &row, NULL));
    assert_true(
        api_decision_sign(&review.decision, row.order_id, row.order_digest,
                          parts.first.certificate.data,
                          parts.first.certificate.len, parts.first.key, NULL));
    db_case_clear(&row);
    for (int i = 0; i < 2; i++) {
        assert_true(case_review_decide(
            &parts.business, parts.db, number, &review, &parts.first.facts,
            parts.first.certificate.data, parts.first.certificate.len,
            parts.now, &to, &err));
        assert_int_equal(to, CASE_AWAITING_ORIGINALS);
    }
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_decision"), "1");
    /* A changed octet of it is nobody's signature. */
    review.decision.decided_at--;
    assert_false(
        case_review_decide(&parts.business, parts.db, number, &review,
                           &parts.first.facts, parts.first.certificate.data,
                           parts.first.certificate.len, parts.now, &to, &err));
    assert_int_equal(err.code, ERROR_DENIED);
}

static void
returned_case_is_corrected_in_what_is_open(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    json_t *fields;
    struct error err = {0};

    (void)state;
    create(BUSINESS_NEW, number);
    hand_in(number);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_RETURN);
    assert_state(number, "returned");

    /* Locked. */
    fields = case_parts_fields(BUSINESS_NEW);
    json_set_text(fields, "handler_mobile", "13900000009");
    assert_false(case_edit(&parts.business, parts.db, "example", number, 1,
                           fields, parts.now, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    json_decref(fields);

    /* Printed: a new form, and the uploaded one counts no more. */
    fields = case_parts_fields(BUSINESS_NEW);
    json_set_text(fields, "street", "西湖区文三路 3 号");
    if (!case_edit(&parts.business, parts.db, "example", number, 1, fields,
                   parts.now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_decref(fields);
    assert_string_equal(pg_ask("SELECT revision FROM ra.case_file"), "2");
    refused(number, CASE_HAND_IN, CASE_BY_APPLICANT, ERROR_CONFLICT);
    act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.form"), "2");
    refused(number, CASE_HAND_IN, CASE_BY_APPLICANT, ERROR_CONFLICT);
    case_parts_documents(&parts, number);
    act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    /* It is paid: straight to the reviewer, and by both once more. */
    assert_state(number, "first-review");
    pass_both(number);
    assert_state(number, "activation-allowed");
    assert_chained();
}

/* An approval as it is signed now, to be sent later. */
static void
approval_sign(const char *number, struct case_review *review)
{
    struct db_case row;

    *review = (struct case_review){.decision = {.step = API_STEP_FIRST_REVIEW,
                                                .verdict = API_APPROVE,
                                                .decided_at = parts.now}};
    memcpy(review->decision.officer_id, parts.first.facts.officer_id,
           TEXT_UUID_LEN + 1);
    assert_true(db_case_get(parts.db, number, false, &row, NULL));
    assert_true(
        api_decision_sign(&review->decision, row.order_id, row.order_digest,
                          parts.first.certificate.data,
                          parts.first.certificate.len, parts.first.key, NULL));
    db_case_clear(&row);
}

static bool
approval_send(const char *number, const struct case_review *review,
              struct error *err)
{
    enum case_state to;

    memset(err, 0, sizeof *err);
    return case_review_decide(&parts.business, parts.db, number, review,
                              &parts.first.facts, parts.first.certificate.data,
                              parts.first.certificate.len, parts.now, &to, err);
}

static void
approval_is_of_the_documents_that_were_seen(void **state)
{
    struct case_review early;
    struct case_review before;
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    create(BUSINESS_NEW, number);
    act(number, CASE_SUBMIT, CASE_BY_APPLICANT);
    approval_sign(number, &early); /* there was nothing to see */
    case_parts_documents(&parts, number);
    act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    case_parts_pay(number);
    act(number, CASE_PAY, CASE_BY_SYSTEM);
    assert_false(approval_send(number, &early, &err));
    approval_sign(number, &before);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_RETURN);
    case_parts_documents(&parts, number); /* others */
    act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    assert_state(number, "first-review");
    assert_false(approval_send(number, &before, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_state(number, "first-review");
    pass_both(number);
    assert_state(number, "activation-allowed");
}

static void
seal_is_approved_with_the_documents_that_were_handed_in(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    json_t *fields = fields_of(BUSINESS_SEAL);
    struct error err = {0};

    (void)state;
    case_parts_live(&parts, "example", parts.now + INT64_C(86400) * 300);
    create(BUSINESS_SEAL, number);
    hand_in(number);
    json_set_text(fields, "seals",
                  "[{\"name\":\"杭州示例科技有限公司\",\"type\":"
                  "\"contract\"}]");
    if (!case_edit(&parts.business, parts.db, "example", number, 1, fields,
                   parts.now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_decref(fields);
    case_parts_documents(&parts, number);
    decide_refused(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE,
                   ERROR_CONFLICT);
    act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    assert_state(number, "seal-approved");
}

static void
nobody_decides_on_a_case_of_their_own_name(void **state)
{
    struct case_officer namesake = parts.first;
    char number[DB_CASE_NUMBER_MAX + 1];
    json_t *fields = fields_of(BUSINESS_NEW);

    (void)state;
    create(BUSINESS_NEW, number);
    hand_in(number);
    (void)snprintf(namesake.facts.name, sizeof namesake.facts.name, "%s",
                   case_field_text(fields, "handler_name"));
    json_decref(fields);
    decide_refused(number, &namesake, API_STEP_FIRST_REVIEW, API_APPROVE,
                   ERROR_DENIED);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
}

static void
edit_of_an_old_revision_is_a_conflict(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    json_t *fields = case_parts_fields(BUSINESS_NEW);
    struct error err = {0};

    (void)state;
    create(BUSINESS_NEW, number);
    assert_true(case_edit(&parts.business, parts.db, "example", number, 1,
                          fields, parts.now, &err));
    assert_false(case_edit(&parts.business, parts.db, "example", number, 1,
                           fields, parts.now, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    json_decref(fields);
}

static void
what_checks_see_is_told_and_decides_nothing(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    create(BUSINESS_NEW, number);
    hand_in(number);
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
    parts.account = "other";
    create(BUSINESS_NEW, number);
    hand_in(number);
    parts.account = "example";
    assert_string_equal(askf("SELECT code FROM ra.finding WHERE number = '%s'"
                             " AND level = 'warning'",
                             number),
                        "same-unit");
    assert_state(number, "first-review");
}

static void
check(enum ca_outcome outcome)
{
    struct ra_job job = {.db = parts.db, .business = &parts.business};
    struct error err = {0};

    fake_ca.outcome = outcome;
    if (!case_check_job(&job, parts.now, &err))
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
    create(BUSINESS_NEW, number);
    check(CA_DONE);
    assert_int_equal(fake_ca.checks, 0); /* nobody looks at it yet */
    hand_in(number);
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
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_RETURN);
    act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    check(CA_DONE);
    assert_string_equal(pg_ask(found), "ok");
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    assert_state(number, "awaiting-originals");
}

static void
supplement_comes_back_to_the_second_reviewer(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    create(BUSINESS_NEW, number);
    hand_in(number);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    case_parts_papers(number);
    decide(number, &parts.clerk, API_STEP_ENTRY, API_APPROVE);
    decide(number, &parts.second, API_STEP_SECOND_REVIEW, API_SUPPLEMENT);
    assert_state(number, "supplement");
    decide(number, &parts.clerk, API_STEP_ENTRY, API_APPROVE);
    decide(number, &parts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    assert_state(number, "activation-allowed");
    assert_string_equal(pg_ask("SELECT max(round) FROM ra.case_decision"
                               " WHERE step = 'second-review'"),
                        "2");
}

static void
unanswered_order_goes_again_and_happens_once(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    create(BUSINESS_NEW, number);
    hand_in(number);
    pass_both(number);
    case_parts_device(&parts, number, "DEV-0004");
    assert_true(activate(number, &err));
    fake_ca.outcome = CA_PENDING;
    send_orders();
    assert_state(number, "issuing");
    assert_string_equal(pg_ask("SELECT problem FROM ra.case_order"),
                        "no answer, or no");
    send_orders(); /* not due */
    assert_int_equal(fake_ca.orders, 1);
    pg_sql("UPDATE ra.case_order SET send_at = to_timestamp(0)");
    fake_ca.outcome = CA_DONE;
    send_orders();
    assert_state(number, "activated");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.holder_certificate"),
                        "1");
}

static void
refused_order_gives_a_new_code(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    create(BUSINESS_NEW, number);
    hand_in(number);
    pass_both(number);
    case_parts_device(&parts, number, "DEV-0005");
    assert_true(activate(number, &err));
    fake_ca.outcome = CA_REFUSED;
    send_orders();
    assert_state(number, "activation-allowed");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.code"), "2");
    fake_ca.outcome = CA_DONE;
    assert_true(activate(number, &err));
    send_orders();
    assert_state(number, "activated");
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
                            .at = parts.now};
    struct error err = {0};

    (void)state;
    what.notice_version =
        definition_get(parts.definitions, BUSINESS_NEW)->notice_version;
    create(BUSINESS_NEW, number);
    hand_in(number);
    act(number, CASE_CLOSE, CASE_BY_CUSTOMER_SERVICE);
    assert_state(number, "closed");
    if (!case_create(&parts.business, parts.db, &what, other, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    json_decref(fields);
    hand_in(other);
    assert_state(other, "first-review");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.refund"
                               " WHERE state NOT IN ('moved')"),
                        "0");
}

static void
reminder_comes_before_the_end_and_both_by_timers(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    create(BUSINESS_NEW, number);
    hand_in(number);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    assert_string_equal(pg_ask("SELECT (deadline_at - changed_at)::text"
                               " FROM ra.case_file"),
                        "20 days");
    act(number, CASE_REMIND, CASE_BY_TIMER);
    assert_state(number, "awaiting-originals");
    act(number, CASE_EXPIRE, CASE_BY_TIMER);
    assert_state(number, "closed");
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
    create(BUSINESS_NEW, number);
    hand_in(number);
    decide(number, &parts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    for (size_t i = 0; i < sizeof refused_sql / sizeof refused_sql[0]; i++)
        if (pg_sqlstate("signet_ra", refused_sql[i])[0] == '\0')
            fail_msg("not refused: %s", refused_sql[i]);
    assert_state(number, "awaiting-originals");
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
        CASE(account_with_a_live_certificate_files_no_new_one),
        CASE(account_has_one_open_business_and_unlock_beside_it),
        CASE(cases_of_others_are_not_there),
        CASE(one_person_takes_one_step),
        CASE(two_officers_at_once_make_one_decision),
        CASE(second_click_is_the_same_decision),
        CASE(returned_case_is_corrected_in_what_is_open),
        CASE(approval_is_of_the_documents_that_were_seen),
        CASE(seal_is_approved_with_the_documents_that_were_handed_in),
        CASE(nobody_decides_on_a_case_of_their_own_name),
        CASE(edit_of_an_old_revision_is_a_conflict),
        CASE(what_checks_see_is_told_and_decides_nothing),
        CASE(what_the_ca_would_refuse_is_found_and_decides_nothing),
        CASE(supplement_comes_back_to_the_second_reviewer),
        CASE(unanswered_order_goes_again_and_happens_once),
        CASE(refused_order_gives_a_new_code),
        CASE(replacing_case_takes_the_payment_over),
        CASE(reminder_comes_before_the_end_and_both_by_timers),
        CASE(tables_of_c_and_sql_say_the_same),
        CASE(database_refuses_what_the_code_would),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
