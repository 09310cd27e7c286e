/* Holders who renew, and end, their own certificate with its key, and nobody
 * else's (docs/architecture.md, "Orders that a device completes"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "core_parts.h"
#include "pg.h"

enum { DAY_S = 86400 };

static struct core core;

/* A certificate and the key that its holder has. */
struct holder {
    struct soft_key key;
    struct buf certificate;
    char serial[2 * API_SERIAL_LEN + 1];
};

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
    return core_audit_and_stop(&core);
}

static void
set_request(json_t *order, const struct soft_key *key)
{
    struct buf csr = BUF_INIT(API_CSR_MAX);

    soft_key_request(key, HSM_ECDSA_SHA256, &csr);
    json_set_bytes(order, "csr", csr.data, csr.len);
    buf_clear(&csr);
}

/* Issued by two reviewers to a key that we have. */
static void
begin(struct holder *out, const char *name)
{
    json_t *order = core_issue_order(name), *answer, *first;
    struct error err = {0};

    soft_key_make(HSM_KEY_EC_P256, &out->key);
    set_request(order, &out->key);
    answer = core_must(&core, order);
    (void)snprintf(out->serial, sizeof out->serial, "%s", core_serial(answer));
    first = json_array_get(json_object_get(answer, "certificates"), 0);
    out->certificate = (struct buf)BUF_INIT(API_CERTIFICATE_MAX);
    assert_true(json_get_bytes(first, "der", API_CERTIFICATE_MAX,
                               &out->certificate, &err));
    json_decref(answer);
}

static void
end(struct holder *holder)
{
    soft_key_clear(&holder->key);
    buf_clear(&holder->certificate);
}

static json_t *
signed_by(const json_t *order, const struct holder *holder,
          const struct soft_key *key, int64_t offset_s)
{
    struct api_decision decision = {.step = API_STEP_HOLDER,
                                    .decided_at = clock_now() + offset_s};

    return core_sign(order, &decision, holder->certificate.data,
                     holder->certificate.len, key->key);
}

/* By the holder alone. Takes the order. */
static json_t *
by(json_t *order, const struct holder *holder)
{
    return core_envelope(order, signed_by(order, holder, &holder->key, 0), NULL,
                         NULL);
}

static json_t *
must(json_t *take_envelope)
{
    struct error err = {0};
    json_t *answer = core_hand_in(&core, take_envelope, &err);

    if (answer == NULL)
        fail_msg("%s", err.what);
    return answer;
}

static json_t *
renewal(const struct holder *holder)
{
    return core_successor_order("renew", holder->serial, "revoke");
}

static void
holder_renews_with_the_key_of_the_certificate(void **state)
{
    struct holder holder;
    char sql[256];
    json_t *answer;

    (void)state;
    begin(&holder, "一号公司");
    answer = must(by(renewal(&holder), &holder));
    json_decref(answer);
    (void)snprintf(sql, sizeof sql,
                   "SELECT step || coalesce(officer_id::text, '') FROM"
                   " ca.decision JOIN ca.order USING (order_id)"
                   " WHERE kind = 'renew'");
    assert_string_equal(pg_ask(sql), "holder");
    (void)snprintf(sql, sizeof sql,
                   "SELECT state FROM ca.certificate WHERE serial = '\\x%s'",
                   holder.serial);
    assert_string_equal(pg_ask(sql), "revoked");
    end(&holder);
}

static void
signature_of_another_key_or_certificate_is_refused(void **state)
{
    struct holder holder, other;
    json_t *order;

    (void)state;
    begin(&holder, "二号公司");
    begin(&other, "三号公司");
    core_refused(&core, by(renewal(&holder), &other), ERROR_DENIED,
                 "not the one that the order is about");
    order = renewal(&holder);
    core_refused(&core,
                 core_envelope(order, signed_by(order, &holder, &other.key, 0),
                               NULL, NULL),
                 ERROR_DENIED, "is not over this order");
    order = renewal(&holder);
    core_refused(&core,
                 core_envelope(
                     order, signed_by(order, &holder, &holder.key, -31 * DAY_S),
                     NULL, NULL),
                 ERROR_DENIED, "more than 30 days ago");
    end(&holder);
    end(&other);
}

static void
holder_of_a_held_or_revoked_certificate_decides_nothing(void **state)
{
    struct holder holder;
    json_t *answer;

    (void)state;
    begin(&holder, "四号公司");
    answer = core_must(&core, core_change_order("hold", holder.serial, NULL));
    json_decref(answer);
    core_refused(&core, by(renewal(&holder), &holder), ERROR_DENIED,
                 "held or revoked");
    core_refused(
        &core,
        by(core_change_order("revoke", holder.serial, "superseded"), &holder),
        ERROR_DENIED, "held or revoked");
    answer = core_must(&core, core_change_order("revoke", holder.serial, NULL));
    json_decref(answer);
    core_refused(&core, by(renewal(&holder), &holder), ERROR_DENIED,
                 "held or revoked");
    end(&holder);
}

static void
holder_of_an_expired_certificate_renews_nothing(void **state)
{
    struct holder holder;
    char sql[256];

    (void)state;
    begin(&holder, "五号公司");
    (void)snprintf(sql, sizeof sql,
                   "UPDATE ca.certificate SET not_after = now() - interval"
                   " '1 minute' WHERE serial = '\\x%s'",
                   holder.serial);
    pg_sql(sql);
    core_refused(&core, by(renewal(&holder), &holder), ERROR_DENIED,
                 "not valid then or now");
    end(&holder);
}

static void
holder_reissues_changes_holds_and_releases_nothing(void **state)
{
    struct holder holder;

    (void)state;
    begin(&holder, "六号公司");
    core_refused(
        &core,
        by(core_successor_order("reissue", holder.serial, "none"), &holder),
        ERROR_DENIED, "has no step holder");
    core_refused(
        &core,
        by(core_successor_order("change", holder.serial, "none"), &holder),
        ERROR_DENIED, "has no step holder");
    core_refused(&core,
                 by(core_change_order("hold", holder.serial, NULL), &holder),
                 ERROR_DENIED, "has no step holder");
    core_refused(&core,
                 by(core_change_order("release", holder.serial, NULL), &holder),
                 ERROR_DENIED, "has no step holder");
    end(&holder);
}

static void
holder_and_officers_do_not_mix(void **state)
{
    struct holder holder;
    json_t *order;

    (void)state;
    begin(&holder, "七号公司");
    order = renewal(&holder);
    core_refused(&core,
                 core_envelope(order, signed_by(order, &holder, &holder.key, 0),
                               core_decide(order, API_STEP_FIRST_REVIEW,
                                           &core.officer[CORE_FIRST], 0),
                               NULL),
                 ERROR_DENIED, "has no step first-review");
    /* A holder is no officer, whatever certificate an officer has. */
    order = renewal(&holder);
    {
        struct api_decision decision = {.step = API_STEP_HOLDER,
                                        .decided_at = clock_now()};
        const struct core_officer *officer = &core.officer[CORE_FIRST];

        core_refused(
            &core,
            core_envelope(order,
                          core_sign(order, &decision, officer->certificate.data,
                                    officer->certificate.len, officer->key.key),
                          NULL, NULL),
            ERROR_DENIED, "not the one that the order is about");
    }
    end(&holder);
}

static void
another_account_does_not_renew(void **state)
{
    struct holder holder;
    json_t *order;

    (void)state;
    begin(&holder, "八号公司");
    order = renewal(&holder);
    json_object_set_new(json_object_get(order, "applicant"), "account",
                        json_string("account-2"));
    core_refused(&core, by(order, &holder), ERROR_DENIED, "another account");
    end(&holder);
}

static void
profile_that_does_not_say_so_lets_no_holder_decide(void **state)
{
    struct profile *profile = (struct profile *)(uintptr_t)profile_set_find(
        &core.service.profiles, "organisation-signing");
    struct holder holder;

    (void)state;
    begin(&holder, "九号公司");
    profile->is_holder_allowed = false;
    core_refused(&core, by(renewal(&holder), &holder), ERROR_DENIED,
                 "lets no holder decide");
    core_refused(
        &core,
        by(core_change_order("revoke", holder.serial, "superseded"), &holder),
        ERROR_DENIED, "lets no holder decide");
    profile->is_holder_allowed = true;
    end(&holder);
}

static void
holder_revokes_the_own_certificate_and_no_other(void **state)
{
    struct holder holder, other;
    json_t *order, *both, *answer;

    (void)state;
    begin(&holder, "十号公司");
    begin(&other, "甲公司");
    core_refused(
        &core,
        by(core_change_order("revoke", other.serial, "superseded"), &holder),
        ERROR_DENIED, "not the one that the order is about");
    /* Nor another's beside the own. */
    order = core_change_order("revoke", holder.serial, "superseded");
    both = core_change_order("revoke", other.serial, "superseded");
    json_array_extend(
        json_object_get(json_object_get(order, "target"), "certificates"),
        json_object_get(json_object_get(both, "target"), "certificates"));
    json_decref(both);
    core_refused(&core, by(order, &holder), ERROR_DENIED,
                 "not the one that the order is about");
    /* Reasons that are the authority's to find. */
    core_refused(
        &core,
        by(core_change_order("revoke", holder.serial, "privilegeWithdrawn"),
           &holder),
        ERROR_DENIED, "has no step holder");
    core_refused(
        &core,
        by(core_change_order("revoke", holder.serial, "affiliationChanged"),
           &holder),
        ERROR_DENIED, "has no step holder");
    answer = must(
        by(core_change_order("revoke", holder.serial, "cessationOfOperation"),
           &holder));
    json_decref(answer);
    end(&holder);
    end(&other);
}

static void
holder_reports_the_own_key_compromised(void **state)
{
    json_t *order = core_change_order(
        "revoke", "01010101010101010101010101010101", "keyCompromise");
    json_t *target = json_object(), *answer;
    struct holder holder, other;
    uint8_t digest[32];
    struct error err = {0};

    (void)state;
    begin(&holder, "乙公司");
    begin(&other, "丙公司");
    assert_true(
        hash_sha256(holder.key.spki.data, holder.key.spki.len, digest, &err));
    json_set_hex(target, "spki_sha256", digest, sizeof digest);
    json_object_set_new(order, "target", target);
    core_refused(&core, by(json_incref(order), &other), ERROR_DENIED,
                 "not the one that the order is about");
    answer = must(by(order, &holder));
    assert_int_equal(json_array_size(json_object_get(answer, "revoked")), 1);
    json_decref(answer);
    /* Blocked for ever: nobody gets it certified again. */
    order = core_issue_order("丁公司");
    set_request(order, &holder.key);
    core_refused(&core, core_reviewed(&core, order), ERROR_DENIED, "blocked");
    end(&holder);
    end(&other);
}

static void
step_holder_names_no_officer(void **state)
{
    struct api_decision decision = {.step = API_STEP_HOLDER,
                                    .signature_len = 3};
    json_t *json = api_decision_json(&decision);
    struct api_decision back;
    struct error err = {0};

    (void)state;
    assert_true(api_decision_parse(json, &back, &err));
    json_set_text(json, "officer_id", "6a0c9a3e-7a4e-4c3b-9d3a-0d7f5f0a1b2c");
    assert_false(api_decision_parse(json, &back, &err));
    json_object_del(json, "officer_id");
    json_set_text(json, "step", "first-review");
    assert_false(api_decision_parse(json, &back, &err));
    json_decref(json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holder_renews_with_the_key_of_the_certificate),
        cmocka_unit_test(signature_of_another_key_or_certificate_is_refused),
        cmocka_unit_test(
            holder_of_a_held_or_revoked_certificate_decides_nothing),
        cmocka_unit_test(holder_of_an_expired_certificate_renews_nothing),
        cmocka_unit_test(holder_reissues_changes_holds_and_releases_nothing),
        cmocka_unit_test(holder_and_officers_do_not_mix),
        cmocka_unit_test(another_account_does_not_renew),
        cmocka_unit_test(profile_that_does_not_say_so_lets_no_holder_decide),
        cmocka_unit_test(holder_revokes_the_own_certificate_and_no_other),
        cmocka_unit_test(holder_reports_the_own_key_compromised),
        cmocka_unit_test(step_holder_names_no_officer),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
