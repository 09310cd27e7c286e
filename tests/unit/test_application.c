/* Applications as values: what is read, what follows what, what the CA gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>

#include "base/text.h"
#include "ra/applicant.h"
#include "ra/application.h"
#include "tests/unit/ra_parts.h"

/* ---- Transitions ----------------------------------------------------------
 */

static void
only_what_the_table_says_can_happen(void **state)
{
    const struct application_transition *found;
    size_t allowed = 0;

    (void)state;
    for (int from = 0; from < APPLICATION_STATE_COUNT; from++)
        for (int event = 0; event < APPLICATION_EVENT_COUNT; event++)
            for (int who = 0; who < APPLICATION_ACTOR_COUNT; who++) {
                struct error err = {0};

                if (application_transition_get((enum application_state)from,
                                               (enum application_event)event,
                                               (enum application_actor)who,
                                               &found, &err)) {
                    allowed++;
                    assert_int_equal(found->from, from);
                    assert_int_equal(found->event, event);
                    assert_int_equal(found->who, who);
                } else {
                    assert_true(err.code == ERROR_CONFLICT ||
                                err.code == ERROR_DENIED);
                }
            }
    /* Each row is found once: no two say different things. */
    assert_int_equal(allowed, application_transition_count);
}

static void
what_has_ended_stays_ended(void **state)
{
    (void)state;
    for (size_t i = 0; i < application_transition_count; i++) {
        assert_int_not_equal(application_transitions[i].from,
                             APPLICATION_ISSUED);
        assert_int_not_equal(application_transitions[i].from,
                             APPLICATION_REJECTED);
        assert_int_not_equal(application_transitions[i].from,
                             APPLICATION_WITHDRAWN);
    }
}

/* domain.md, 1.9 #1: no way leads to a certificate around a step. */
static void
every_way_to_a_certificate_passes_all_three_officers(void **state)
{
    (void)state;
    for (size_t i = 0; i < application_transition_count; i++) {
        const struct application_transition *t = &application_transitions[i];

        if (t->to == APPLICATION_ISSUED) {
            assert_int_equal(t->from, APPLICATION_ISSUING);
        } else if (t->to == APPLICATION_ISSUING) {
            assert_int_equal(t->from, APPLICATION_FIRST_PASSED);
            assert_int_equal(t->who, APPLICATION_BY_SECOND_REVIEWER);
        } else if (t->to == APPLICATION_FIRST_PASSED) {
            assert_int_equal(t->from, APPLICATION_ENTERED);
            assert_int_equal(t->who, APPLICATION_BY_FIRST_REVIEWER);
        } else if (t->to == APPLICATION_ENTERED) {
            assert_int_equal(t->from, APPLICATION_SUBMITTED);
            assert_int_equal(t->who, APPLICATION_BY_INTAKE_CLERK);
        }
    }
}

/* ---- The record -----------------------------------------------------------
 */

static void
social_credit_code_checks_itself(void **state)
{
    char code[19] = "91350100M000100Y43"; /* GB 32100-2015's own example */
    struct error err = {0};

    (void)state;
    assert_true(applicant_uscc_check(code, &err));
    assert_true(applicant_uscc_check(parts_applicant.uscc, &err));
    for (int i = 0; i < 18; i++) {
        char kept = code[i];

        code[i] = kept == '7' ? '8' : '7';
        assert_false(applicant_uscc_check(code, &err));
        code[i] = kept;
    }
    assert_false(applicant_uscc_check("91350100M000100Y4", &err));
    assert_false(applicant_uscc_check("91350100M000100Y430", &err));
    assert_false(applicant_uscc_check("91350100m000100y43", &err));
    assert_false(applicant_uscc_check("91350100MOOO100Y43", &err));
}

static void
record_reads_back_as_it_was_written(void **state)
{
    struct db_applicant read;
    json_t *json = applicant_json(&parts_applicant);
    json_t *again;

    (void)state;
    assert_true(applicant_parse(json, &read, NULL));
    again = applicant_json(&read);
    assert_true(json_equal(json, again));
    json_decref(again);
    json_decref(json);
}

/* The record with one member set to `value`, or taken out if that is NULL. */
static bool
record_with(const char *group, const char *name, const char *value)
{
    struct db_applicant read;
    struct error err = {0};
    json_t *json = applicant_json(&parts_applicant);
    json_t *object = group == NULL ? json : json_object_get(json, group);
    bool ok;

    if (value == NULL)
        json_object_del(object, name);
    else
        json_object_set_new(object, name,
                            json_stringn_nocheck(value, strlen(value)));
    ok = applicant_parse(json, &read, &err);
    assert_true(ok || err.code == ERROR_INPUT);
    json_decref(json);
    return ok;
}

static void
wrong_records_are_refused(void **state)
{
    char unit[64 * 3 + 4] = "";

    (void)state;
    assert_true(record_with("handler", "email", NULL));
    assert_false(record_with(NULL, "unit_name", NULL));
    assert_false(record_with(NULL, "unit_name", ""));
    assert_false(record_with(NULL, "unit_name", " 单位"));
    assert_false(record_with(NULL, "unit_name", "单位\xe3\x80\x80"));
    assert_false(record_with(NULL, "unit_name", "单\n位"));
    assert_false(record_with(NULL, "unit_name", "\xff\xfe"));
    assert_false(record_with(NULL, "kind", "bank"));
    assert_false(record_with(NULL, "colour", "red"));
    assert_false(record_with("domicile", "country", "cn"));
    assert_false(record_with("domicile", "country", "CHN"));
    assert_false(record_with("domicile", "street", NULL));
    assert_false(record_with("domicile", "planet", "Earth"));
    assert_false(record_with("handler", "person", NULL));
    assert_false(record_with("handler", "mobile", "12"));
    assert_false(record_with("handler", "mobile", "1380000000000000"));
    assert_false(record_with("handler", "mobile", "138-0000"));
    assert_false(record_with("handler", "email", "nobody"));
    assert_false(record_with("handler", "email", "a@b@c"));
    assert_false(record_with("handler", "email", "a@b\nBcc: c@d"));
    /* What a terminal obeys, or what turns the words around it. */
    assert_false(record_with("handler", "email", "a@b\x1b[2J"));
    assert_false(record_with("handler", "name",
                             "郑\xc2\x9b"
                             "2J经办"));
    assert_false(record_with("domicile", "street", "1 号\xe2\x80\xae 2"));
    assert_false(record_with(NULL, "unit_name", "单\xe2\x80\xa8位"));
    assert_false(record_with(NULL, "unit_name", "单\xe2\x80\x8b位"));
    assert_false(record_with(NULL, "unit_name", "\xc2\xa0单位"));
    /* X.520: 64 characters, of however many octets. */
    for (int i = 0; i < 64; i++)
        memcpy(unit + 3 * (size_t)i, "单", 4);
    assert_true(record_with(NULL, "unit_name", unit));
    memcpy(unit + 64 * 3, "a", 2);
    assert_false(record_with(NULL, "unit_name", unit));
}

static void
returned_record_keeps_its_locked_fields(void **state)
{
    struct db_applicant changed = parts_applicant;
    struct error err = {0};

    (void)state;
    changed.street = "别处";
    changed.handler_email = NULL;
    assert_true(applicant_edit_check(&parts_applicant, &changed, &err));
    changed.unit_name = "另一单位";
    assert_false(applicant_edit_check(&parts_applicant, &changed, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    changed = parts_applicant;
    changed.handler_mobile = "13900000000";
    assert_false(applicant_edit_check(&parts_applicant, &changed, &err));
    changed = parts_applicant;
    changed.handler_person = "H-0002";
    assert_false(applicant_edit_check(&parts_applicant, &changed, &err));
}

/* ---- The request ----------------------------------------------------------
 */

static bool
csr_accepted(const char *text)
{
    struct buf der = BUF_INIT(65536);
    struct error err = {0};
    bool ok = application_csr_parse(text, &der, &err);

    assert_true(ok || err.code == ERROR_INPUT);
    buf_clear(&der);
    return ok;
}

static void
request_is_one_and_signed_by_its_key(void **state)
{
    EVP_PKEY *key = parts_key("P-256");
    struct buf der = BUF_INIT(16384);
    struct buf pem = BUF_INIT(16384);
    struct buf text = BUF_INIT(65536);

    (void)state;
    parts_csr(key, &der);
    parts_pem(PEM_STRING_X509_REQ, &der, &pem);
    assert_true(csr_accepted(buf_text(&pem)));
    text_base64(der.data, der.len, &text);
    assert_true(csr_accepted(buf_text(&text)));

    /* Neighbours: two, text behind, another label, cut, extended, changed. */
    buf_reset(&text);
    buf_addf(&text, "%s%s", buf_text(&pem), buf_text(&pem));
    assert_false(csr_accepted(buf_text(&text)));
    buf_reset(&text);
    buf_addf(&text, "%sx", buf_text(&pem));
    assert_false(csr_accepted(buf_text(&text)));
    buf_reset(&text);
    parts_pem(PEM_STRING_X509, &der, &text);
    assert_false(csr_accepted(buf_text(&text)));
    buf_reset(&text);
    text_base64(der.data, der.len - 1, &text);
    assert_false(csr_accepted(buf_text(&text)));
    buf_add_byte(&der, 0);
    buf_reset(&text);
    text_base64(der.data, der.len, &text);
    assert_false(csr_accepted(buf_text(&text)));
    der.len--;
    der.data[der.len - 1] ^= 1;
    buf_reset(&text);
    text_base64(der.data, der.len, &text);
    assert_false(csr_accepted(buf_text(&text)));
    assert_false(csr_accepted(""));
    assert_false(csr_accepted("-----BEGIN CERTIFICATE REQUEST-----"));

    buf_clear(&text);
    buf_clear(&pem);
    buf_clear(&der);
    EVP_PKEY_free(key);
}

/* ---- The order ------------------------------------------------------------
 */

static void
order_says_what_the_application_says(void **state)
{
    static const char order_id[] = "5b0c2b3e-6a40-4f6e-9d0b-3f2f5f7d3a11";
    EVP_PKEY *key = parts_key("P-256");
    struct buf der = BUF_INIT(16384);
    struct buf body = BUF_INIT(65536);
    struct db_application application = {
        .number = "N20261124-000001",
        .account = "example",
        .state = "draft",
        .years = 3,
        .applicant = parts_applicant,
    };
    struct api_order *order = NULL;
    uint8_t digest[32];
    uint8_t again[32];
    json_t *json = NULL;

    (void)state;
    parts_csr(key, &der);
    application.csr = der.data;
    application.csr_len = der.len;
    assert_true(application_order(&application, order_id, 1795500000, &body,
                                  digest, NULL));
    assert_true(json_parse_object(body.data, body.len, &json, NULL));
    assert_true(api_order_digest(json, again, NULL));
    assert_memory_equal(digest, again, 32);
    assert_true(api_order_parse(json, &order, NULL));
    assert_int_equal(order->kind, API_ISSUE);
    assert_string_equal(order->profile, "organisation-signing");
    assert_string_equal(order->account, "example");
    assert_string_equal(order->person, parts_applicant.handler_person);
    assert_string_equal(order->organization_code, parts_applicant.uscc);
    assert_string_equal(order->subject.attribute[API_COMMON_NAME],
                        parts_applicant.unit_name);
    assert_string_equal(order->subject.attribute[API_STREET],
                        parts_applicant.street);
    assert_int_equal(order->validity.rule, API_VALIDITY_YEARS);
    assert_int_equal(order->validity.amount, 3);
    assert_int_equal(order->csr_len, der.len);
    assert_memory_equal(order->csr, der.data, der.len);
    api_order_free(order);
    json_decref(json);
    buf_clear(&body);
    buf_clear(&der);
    EVP_PKEY_free(key);
}

/* ---- History --------------------------------------------------------------
 */

static void
history_link_holds_the_hash_before_it(void **state)
{
    struct application_step step = {
        .number = "N20261124-000001",
        .seq = 1,
        .at = 1795500000,
        .revision = 1,
        .transition = &application_transitions[0],
        .actor = "example",
    };
    uint8_t zero[32] = {0};
    uint8_t first[32];
    uint8_t second[32];
    uint8_t other[32];
    struct buf body = BUF_INIT(8192);

    (void)state;
    assert_true(application_step_encode(&step, zero, &body, first, NULL));
    buf_reset(&body);
    step.seq = 2;
    assert_true(application_step_encode(&step, first, &body, second, NULL));
    assert_non_null(strstr(buf_text(&body), "\"previous\""));
    buf_reset(&body);
    first[0] ^= 1;
    assert_true(application_step_encode(&step, first, &body, other, NULL));
    assert_memory_not_equal(second, other, 32);
    buf_clear(&body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_the_table_says_can_happen),
        cmocka_unit_test(what_has_ended_stays_ended),
        cmocka_unit_test(every_way_to_a_certificate_passes_all_three_officers),
        cmocka_unit_test(social_credit_code_checks_itself),
        cmocka_unit_test(record_reads_back_as_it_was_written),
        cmocka_unit_test(wrong_records_are_refused),
        cmocka_unit_test(returned_record_keeps_its_locked_fields),
        cmocka_unit_test(request_is_one_and_signed_by_its_key),
        cmocka_unit_test(order_says_what_the_application_says),
        cmocka_unit_test(history_link_holds_the_hash_before_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
