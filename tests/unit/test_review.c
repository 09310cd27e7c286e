/* Decisions on applications: who may make them, and what they sign. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ra/review.h"
#include "tests/unit/ra_parts.h"

static const char order_id[] = "5b0c2b3e-6a40-4f6e-9d0b-3f2f5f7d3a11";
static const char officer_id[] = "7a0c2b3e-6a40-4f6e-9d0b-3f2f5f7d3a22";
static const uint8_t digest[32] = {1, 2, 3};
enum { NOW = 1795500000 };

static struct review_decision
decision_of(enum api_step step, enum review_verdict verdict)
{
    struct review_decision decision = {.verdict = verdict};

    decision.signed_part.step = step;
    memcpy(decision.signed_part.officer_id, officer_id, sizeof officer_id);
    decision.signed_part.decided_at = NOW;
    if (verdict != REVIEW_APPROVE)
        memcpy(decision.remark, "why", 4);
    return decision;
}

static struct review_officer
officer_with(enum api_role role)
{
    struct review_officer officer = {
        .person = "P-0004",
        .is_active = true,
        .is_credential_active = true,
        .not_before = NOW - 1000,
        .not_after = NOW + 1000,
    };

    memcpy(officer.officer_id, officer_id, sizeof officer_id);
    officer.has_role[role] = true;
    return officer;
}

/* Signs, sends as JSON, reads back, verifies: as the program and the service
 * do together. */
static bool
signed_and_verified(const char *kind, enum review_verdict verdict)
{
    struct buf certificate = BUF_INIT(65536);
    struct buf statement = BUF_INIT(8192);
    struct review_decision decision =
        decision_of(API_STEP_FIRST_REVIEW, verdict);
    struct review_decision read;
    EVP_PKEY *key = parts_key(kind);
    json_t *json;
    bool ok;

    parts_certificate(key, &certificate);
    assert_true(review_decision_sign(&decision, order_id, digest,
                                     certificate.data, certificate.len, key,
                                     NULL));
    json = review_decision_json(&decision);
    assert_true(review_decision_parse(json, &read, NULL));
    assert_true(
        review_statement_encode(&read, order_id, digest, &statement, NULL));
    ok = review_signature_verify(&read, &statement, certificate.data,
                                 certificate.len, NULL);
    json_decref(json);
    EVP_PKEY_free(key);
    buf_clear(&certificate);
    buf_clear(&statement);
    return ok;
}

static void
decisions_of_every_kind_of_key_verify(void **state)
{
    static const char *const kinds[] = {"P-256", "P-384", "RSA", "ED25519"};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        assert_true(signed_and_verified(kinds[i], REVIEW_APPROVE));
        assert_true(signed_and_verified(kinds[i], REVIEW_RETURN));
        assert_true(signed_and_verified(kinds[i], REVIEW_REJECT));
    }
}

/* A signed return, changed by `change`, must not verify. */
static bool
verifies_after(void (*change)(struct review_decision *),
               const char *other_order, uint8_t other_digest)
{
    struct buf certificate = BUF_INIT(65536);
    struct buf statement = BUF_INIT(8192);
    struct review_decision decision =
        decision_of(API_STEP_FIRST_REVIEW, REVIEW_RETURN);
    EVP_PKEY *key = parts_key("P-256");
    uint8_t changed[32];
    struct error err = {0};
    bool ok;

    parts_certificate(key, &certificate);
    assert_true(review_decision_sign(&decision, order_id, digest,
                                     certificate.data, certificate.len, key,
                                     NULL));
    memcpy(changed, digest, sizeof changed);
    changed[31] ^= other_digest;
    change(&decision);
    assert_true(review_statement_encode(&decision, other_order, changed,
                                        &statement, NULL));
    ok = review_signature_verify(&decision, &statement, certificate.data,
                                 certificate.len, &err);
    assert_true(ok || err.code == ERROR_DENIED);
    EVP_PKEY_free(key);
    buf_clear(&certificate);
    buf_clear(&statement);
    return ok;
}

static void
change_nothing(struct review_decision *decision)
{
    (void)decision;
}

static void
change_remark(struct review_decision *decision)
{
    decision->remark[0] = 'W';
}

static void
change_verdict(struct review_decision *decision)
{
    decision->verdict = REVIEW_APPROVE;
}

static void
change_step(struct review_decision *decision)
{
    decision->signed_part.step = API_STEP_SECOND_REVIEW;
}

static void
change_time(struct review_decision *decision)
{
    decision->signed_part.decided_at++;
}

static void
change_signature(struct review_decision *decision)
{
    decision->signed_part.signature[12] ^= 1;
}

static void
cut_signature(struct review_decision *decision)
{
    decision->signed_part.signature_len--;
}

static void
signature_holds_for_this_decision_alone(void **state)
{
    (void)state;
    assert_true(verifies_after(change_nothing, order_id, 0));
    assert_false(verifies_after(change_remark, order_id, 0));
    assert_false(verifies_after(change_verdict, order_id, 0));
    assert_false(verifies_after(change_step, order_id, 0));
    assert_false(verifies_after(change_time, order_id, 0));
    assert_false(verifies_after(change_signature, order_id, 0));
    assert_false(verifies_after(cut_signature, order_id, 0));
    assert_false(verifies_after(change_nothing, order_id, 1));
    assert_false(verifies_after(change_nothing,
                                "5b0c2b3e-6a40-4f6e-9d0b-3f2f5f7d3a12", 0));
}

static void
decision_without_its_members_is_refused(void **state)
{
    static const char *const members[] = {
        "step",    "officer_id", "credential_id", "decided_at",
        "verdict", "signature",  "remark"};
    struct review_decision decision =
        decision_of(API_STEP_ENTRY, REVIEW_RETURN);
    struct review_decision read;
    struct error err = {0};
    json_t *json;

    (void)state;
    decision.signed_part.signature_len = 8;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        json = review_decision_json(&decision);
        assert_true(review_decision_parse(json, &read, &err));
        assert_int_equal(json_object_del(json, members[i]), 0);
        assert_false(review_decision_parse(json, &read, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        json_decref(json);
    }
    json = review_decision_json(&decision);
    json_set_text(json, "colour", "red");
    assert_false(review_decision_parse(json, &read, &err));
    json_object_del(json, "colour");
    json_set_text(json, "verdict", "perhaps");
    assert_false(review_decision_parse(json, &read, &err));
    json_set_text(json, "verdict", "approve"); /* still has a remark */
    assert_false(review_decision_parse(json, &read, &err));
    json_set_text(json, "verdict", "return");
    json_set_text(json, "step", "administration"); /* not of applications */
    assert_false(review_decision_parse(json, &read, &err));
    json_decref(json);
}

static bool
allowed(const struct review_officer *officer, enum api_step step,
        const struct review_earlier *earlier, int64_t now)
{
    static const struct review_earlier none = {0};
    struct review_decision decision = decision_of(step, REVIEW_APPROVE);
    struct error err = {0};

    return review_officer_check(&decision, officer, "H-0001",
                                earlier != NULL ? earlier : &none, now, &err);
}

static void
each_step_is_for_its_role(void **state)
{
    struct review_officer officer = officer_with(API_ROLE_FIRST_REVIEWER);

    (void)state;
    assert_true(allowed(&officer, API_STEP_FIRST_REVIEW, NULL, NOW));
    assert_false(allowed(&officer, API_STEP_SECOND_REVIEW, NULL, NOW));
    assert_false(allowed(&officer, API_STEP_ENTRY, NULL, NOW));
    assert_false(allowed(&officer, API_STEP_ADMINISTRATION, NULL, NOW));
    officer = officer_with(API_ROLE_INTAKE_CLERK);
    assert_true(allowed(&officer, API_STEP_ENTRY, NULL, NOW));
    officer = officer_with(API_ROLE_SECOND_REVIEWER);
    assert_true(allowed(&officer, API_STEP_SECOND_REVIEW, NULL, NOW));
}

static void
officer_who_is_not_active_decides_nothing(void **state)
{
    struct review_officer officer = officer_with(API_ROLE_FIRST_REVIEWER);

    (void)state;
    officer.is_active = false;
    assert_false(allowed(&officer, API_STEP_FIRST_REVIEW, NULL, NOW));
    officer = officer_with(API_ROLE_FIRST_REVIEWER);
    officer.is_credential_active = false;
    assert_false(allowed(&officer, API_STEP_FIRST_REVIEW, NULL, NOW));
    officer = officer_with(API_ROLE_FIRST_REVIEWER);
    officer.not_after = NOW - 1;
    assert_false(allowed(&officer, API_STEP_FIRST_REVIEW, NULL, NOW));
    officer = officer_with(API_ROLE_FIRST_REVIEWER);
    officer.not_before = NOW + 1;
    assert_false(allowed(&officer, API_STEP_FIRST_REVIEW, NULL, NOW));
    officer = officer_with(API_ROLE_FIRST_REVIEWER);
    officer.credential_id[0] ^= 1;
    assert_false(allowed(&officer, API_STEP_FIRST_REVIEW, NULL, NOW));
    officer = officer_with(API_ROLE_FIRST_REVIEWER);
    officer.officer_id[0] = '8';
    assert_false(allowed(&officer, API_STEP_FIRST_REVIEW, NULL, NOW));
}

static void
nobody_decides_on_their_own_application(void **state)
{
    struct review_officer officer = officer_with(API_ROLE_FIRST_REVIEWER);

    (void)state;
    memcpy(officer.person, "H-0001", 7);
    assert_false(allowed(&officer, API_STEP_FIRST_REVIEW, NULL, NOW));
    memcpy(officer.person, "h-0001", 7); /* as GB 11643's x and X */
    assert_false(allowed(&officer, API_STEP_FIRST_REVIEW, NULL, NOW));
}

static void
one_person_takes_one_step(void **state)
{
    struct review_officer officer = officer_with(API_ROLE_SECOND_REVIEWER);
    struct review_earlier earlier = {
        .count = 2,
        .at = {{"entry", "P-0003", NOW - 20},
               {"first-review", "P-0002", NOW - 10}},
    };

    (void)state;
    assert_true(allowed(&officer, API_STEP_SECOND_REVIEW, &earlier, NOW));
    memcpy(earlier.at[1].person, "P-0004", 7); /* the same human being */
    assert_false(allowed(&officer, API_STEP_SECOND_REVIEW, &earlier, NOW));
    memcpy(earlier.at[1].person, "p-0004", 7);
    assert_false(allowed(&officer, API_STEP_SECOND_REVIEW, &earlier, NOW));
    memcpy(earlier.at[1].person, "P-0002", 7);
    memcpy(earlier.at[0].person, "P-0004", 7);
    assert_false(allowed(&officer, API_STEP_SECOND_REVIEW, &earlier, NOW));
}

static void
decisions_are_fresh_and_not_of_the_future(void **state)
{
    struct review_officer officer = officer_with(API_ROLE_SECOND_REVIEWER);
    struct review_earlier earlier = {
        .count = 1,
        .at = {{"entry", "P-0003", NOW - REVIEW_DECISION_AGE_MAX_S}},
    };

    (void)state;
    assert_true(allowed(&officer, API_STEP_SECOND_REVIEW, NULL,
                        NOW - REVIEW_CLOCK_TOLERANCE_S));
    assert_false(allowed(&officer, API_STEP_SECOND_REVIEW, NULL,
                         NOW - REVIEW_CLOCK_TOLERANCE_S - 1));
    officer.not_after = INT64_MAX;
    assert_true(allowed(&officer, API_STEP_SECOND_REVIEW, NULL,
                        NOW + REVIEW_DECISION_AGE_MAX_S));
    assert_false(allowed(&officer, API_STEP_SECOND_REVIEW, NULL,
                         NOW + REVIEW_DECISION_AGE_MAX_S + 1));
    /* What was decided before must still be young enough for the CA. */
    assert_true(allowed(&officer, API_STEP_SECOND_REVIEW, &earlier, NOW));
    earlier.at[0].decided_at--;
    assert_false(allowed(&officer, API_STEP_SECOND_REVIEW, &earlier, NOW));
}

static void
decision_moves_the_state_that_waits_for_it(void **state)
{
    const struct application_transition *transition;
    struct review_decision decision =
        decision_of(API_STEP_FIRST_REVIEW, REVIEW_APPROVE);
    struct error err = {0};

    (void)state;
    assert_true(review_transition_get(&decision, APPLICATION_ENTERED,
                                      &transition, &err));
    assert_int_equal(transition->to, APPLICATION_FIRST_PASSED);
    assert_false(review_transition_get(&decision, APPLICATION_SUBMITTED,
                                       &transition, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    decision.verdict = REVIEW_REJECT;
    assert_true(review_transition_get(&decision, APPLICATION_ENTERED,
                                      &transition, &err));
    assert_int_equal(transition->to, APPLICATION_REJECTED);
    /* Rejecting what waits for the second reviewer is theirs. */
    assert_false(review_transition_get(&decision, APPLICATION_FIRST_PASSED,
                                       &transition, &err));
    assert_int_equal(err.code, ERROR_DENIED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_of_every_kind_of_key_verify),
        cmocka_unit_test(signature_holds_for_this_decision_alone),
        cmocka_unit_test(decision_without_its_members_is_refused),
        cmocka_unit_test(each_step_is_for_its_role),
        cmocka_unit_test(officer_who_is_not_active_decides_nothing),
        cmocka_unit_test(nobody_decides_on_their_own_application),
        cmocka_unit_test(one_person_takes_one_step),
        cmocka_unit_test(decisions_are_fresh_and_not_of_the_future),
        cmocka_unit_test(decision_moves_the_state_that_waits_for_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
