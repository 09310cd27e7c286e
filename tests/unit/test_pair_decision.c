/*
 * Who decides over pairs and recoveries, and for which device (docs/
 * architecture.md, "Pairs"): a key that is wrapped for the wrong transport key
 * is a key in the wrong hands.
 */
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
static struct soft_key device, other;            /* devices' own keys */
static struct soft_key transport, another, weak; /* and for unwrapping */

static int
start(void **state)
{
    (void)state;
    core_start(&core, 1);
    /* What is decided long before it is done, they decided as officers. */
    pg_sql("UPDATE ca.officer SET since = now() - interval '90 days'");
    pg_sql("UPDATE ca.credential SET not_before = now() - interval '90 days'");
    soft_key_make(HSM_KEY_EC_P256, &device);
    soft_key_make(HSM_KEY_EC_P256, &other);
    soft_key_make(HSM_KEY_RSA_2048, &transport);
    soft_key_make(HSM_KEY_RSA_2048, &another);
    soft_key_make(HSM_KEY_EC_P256, &weak);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    soft_key_clear(&device);
    soft_key_clear(&other);
    soft_key_clear(&transport);
    soft_key_clear(&another);
    soft_key_clear(&weak);
    core_stop(&core);
    return 0;
}

/* ---- Orders ------------------------------------------------------------ */

/* A new certificate with its pair and the earlier keys, to be activated. */
static json_t *
asking(void)
{
    json_t *order = core_issue_order("示范公司");
    json_t *encryption =
        json_pack("{s:s,s:s,s:{s:s}}", "profile", "organisation-encryption",
                  "key_type", "rsa-2048", "old_keys", "document", "N2026-1");
    json_t *activation = json_object();

    json_object_del(order, "csr");
    json_set_time(order, "created_at", clock_now() - 40 * DAY_S);
    json_set_time(activation, "until", clock_now() + DAY_S);
    json_object_set_new(order, "activation", activation);
    json_object_set_new(order, "encryption", encryption);
    return order;
}

static void
vouch(const char *serial, const struct soft_key *own, const struct soft_key *of,
      uint8_t out[API_SIGNATURE_MAX], size_t *len)
{
    struct buf message = BUF_INIT(API_STATEMENT_MAX);
    struct error err = {0};

    assert_true(api_transport_encode(serial, of->spki.data, of->spki.len,
                                     &message, &err));
    assert_true(api_sign(own->key, message.data, message.len, out, len, &err));
    buf_clear(&message);
}

/* A device with a transport key, and for which one it vouches. */
static json_t *
carrier(const char *serial, const struct soft_key *own,
        const struct soft_key *wraps, const struct soft_key *vouched,
        const struct soft_key *signer)
{
    json_t *out = json_object();
    uint8_t signature[API_SIGNATURE_MAX];
    size_t len;

    vouch(serial, signer, vouched, signature, &len);
    json_set_text(out, "serial", serial);
    json_set_bytes(out, "spki", own->spki.data, own->spki.len);
    json_set_bytes(out, "transport", wraps->spki.data, wraps->spki.len);
    json_set_bytes(out, "transport_signature", signature, len);
    return out;
}

static json_t *
right_carrier(void)
{
    return carrier("UK-0001", &device, &transport, &transport, &device);
}

static json_t *
recovery(json_t *take_carrier)
{
    json_t *order =
        core_change_order("hold", "01010101010101010101010101010101", NULL);

    json_object_del(order, "target");
    json_set_text(order, "kind", "recover");
    json_object_set_new(order, "carrier", take_carrier);
    return order;
}

static json_t *
recovery_for(json_t *pending, json_t *take_carrier)
{
    json_t *order = recovery(take_carrier);

    json_object_set(order, "pending", pending);
    return order;
}

static json_t *
recovery_by(const char *document, json_t *take_carrier)
{
    json_t *order = recovery(take_carrier);

    json_set_text(order, "document", document);
    return order;
}

/* ---- Decisions --------------------------------------------------------- */

static json_t *
first(const json_t *over, int64_t offset_s)
{
    return core_decide(over, API_STEP_FIRST_REVIEW, &core.officer[CORE_FIRST],
                       offset_s);
}

static json_t *
second(const json_t *over, int64_t offset_s)
{
    return core_decide(over, API_STEP_SECOND_REVIEW, &core.officer[CORE_SECOND],
                       offset_s);
}

static json_t *
made(const json_t *over, const char *serial, const struct soft_key *own)
{
    const struct core_officer *maker = &core.officer[CORE_MAKER];
    struct api_decision decision = {.step = API_STEP_MAKING,
                                    .decided_at = clock_now()};
    struct error err = {0};

    memcpy(decision.officer_id, maker->officer_id, sizeof decision.officer_id);
    memcpy(decision.device.serial, serial, strlen(serial) + 1);
    assert_true(hash_sha256(own->spki.data, own->spki.len,
                            decision.device.spki_sha256, &err));
    return core_sign(over, &decision, maker->certificate.data,
                     maker->certificate.len, maker->key.key);
}

/* With all that the pending order needs. Takes the order. */
static json_t *
with_its_decisions(json_t *take_order, const json_t *pending)
{
    return core_envelope(take_order, first(pending, 0), second(pending, 0),
                         made(pending, "UK-0001", &device));
}

/* What decision_verify() says: ERROR_NONE if it accepts. Takes it. */
static bool
judge(json_t *take_envelope, struct error *err)
{
    struct api_envelope envelope;
    struct decision_evidence evidence = {0};
    struct issuer_set *set = issuers_get(core.service.issuers);
    struct decision_world world = {
        .keys = core.worker->keys,
        .db = core.worker->db,
        .set = set,
        .profiles = core.service.world.profiles,
        .now = clock_now(),
        .tolerance_s = core.service.world.clock_tolerance_s,
    };
    bool ok = api_envelope_parse(take_envelope, &envelope, err) &&
              decision_verify(&world, &envelope, &evidence, err);

    decision_evidence_clear(&evidence);
    api_envelope_clear(&envelope);
    issuers_release(core.service.issuers, set);
    json_decref(take_envelope);
    return ok;
}

static void
accepted(json_t *take_envelope)
{
    struct error err = {0};

    if (!judge(take_envelope, &err))
        fail_msg("%s", err.what);
}

static void
refused(json_t *take_envelope, enum error_code code, const char *why)
{
    struct error err = {0};

    if (judge(take_envelope, &err))
        fail_msg("accepted, not refused: %s", why);
    if (err.code != code || strstr(err.what, why) == NULL)
        fail_msg("%s: not for '%s'", err.what, why);
}

/* ---- The device that completes ----------------------------------------- */

/* The order of a pair completed by `own`, which brings `wraps` and signed
 * `vouched`, by `signer`. NULL wraps: nothing. */
static json_t *
completed(json_t *take_order, const struct soft_key *wraps,
          const struct soft_key *vouched, const struct soft_key *signer)
{
    json_t *envelope = with_its_decisions(take_order, take_order);
    struct api_completion completion = {.serial = "UK-0001",
                                        .spki = device.spki.data,
                                        .spki_len = device.spki.len};
    struct buf message = BUF_INIT(API_STATEMENT_MAX);
    struct buf csr = BUF_INIT(API_CSR_MAX);
    struct soft_key inside;
    struct error err = {0};

    soft_key_make(HSM_KEY_EC_P256, &inside);
    soft_key_request(&inside, HSM_ECDSA_SHA256, &csr);
    soft_key_clear(&inside);
    completion.csr = csr.data;
    completion.csr_len = csr.len;
    assert_true(api_completion_encode(
        "UK-0001", csr.data, csr.len,
        json_string_value(json_object_get(take_order, "order_id")), &message,
        &err));
    assert_true(api_sign(device.key, message.data, message.len,
                         completion.signature, &completion.signature_len,
                         &err));
    if (wraps != NULL) {
        completion.transport = wraps->spki.data;
        completion.transport_len = wraps->spki.len;
        vouch("UK-0001", signer, vouched, completion.transport_signature,
              &completion.transport_signature_len);
    }
    api_completion_set(envelope, &completion);
    buf_clear(&message);
    buf_clear(&csr);
    return envelope;
}

static void
pair_is_completed_with_the_transport_key_that_the_device_vouches_for(
    void **state)
{
    (void)state;
    accepted(completed(asking(), &transport, &transport, &device));
}

static void
transport_key_of_another_device_is_refused(void **state)
{
    (void)state;
    refused(completed(asking(), &transport, &transport, &other), ERROR_DENIED,
            "the transport key is not signed by device UK-0001");
}

static void
transport_key_swapped_after_signing_is_refused(void **state)
{
    (void)state;
    refused(completed(asking(), &another, &transport, &device), ERROR_DENIED,
            "the transport key is not signed by device UK-0001");
}

static void
pair_without_its_transport_key_is_refused_and_no_pair_with_one(void **state)
{
    json_t *alone = asking();

    (void)state;
    refused(completed(asking(), NULL, NULL, NULL), ERROR_INPUT,
            "transport_signature are missing");
    json_object_del(alone, "encryption");
    refused(completed(alone, &transport, &transport, &device), ERROR_INPUT,
            "the order makes no pair");
}

static void
key_that_nothing_is_wrapped_for_is_no_transport_key(void **state)
{
    json_t *order = core_issue_order("示范公司"), *encryption;

    (void)state;
    refused(completed(asking(), &weak, &weak, &device), ERROR_INPUT,
            "no RSA key");
    refused(core_reviewed(
                &core, recovery_by("K2026-1", carrier("UK-0001", &device, &weak,
                                                      &weak, &device))),
            ERROR_INPUT, "no RSA key");
    /* Nor in an order that brings its request along. */
    encryption = json_pack("{s:s,s:s}", "profile", "organisation-encryption",
                           "key_type", "rsa-2048");
    json_set_bytes(encryption, "transport", weak.spki.data, weak.spki.len);
    json_object_set_new(order, "encryption", encryption);
    refused(core_reviewed(&core, json_deep_copy(order)), ERROR_INPUT,
            "no RSA key");
    json_set_bytes(encryption, "transport", (const uint8_t *)"0\0", 2);
    refused(core_reviewed(&core, json_deep_copy(order)), ERROR_INPUT,
            "the transport key");
    json_set_bytes(encryption, "transport", transport.spki.data,
                   transport.spki.len);
    accepted(core_reviewed(&core, order));
}

/* ---- Recoveries -------------------------------------------------------- */

static void
recovery_goes_with_the_decisions_over_what_asked_for_it(void **state)
{
    json_t *pending = asking();

    (void)state;
    accepted(
        with_its_decisions(recovery_for(pending, right_carrier()), pending));
    /* Those may be as old as the pending order, as when it is completed. */
    accepted(core_envelope(
        recovery_for(pending, right_carrier()), first(pending, -39 * DAY_S),
        second(pending, -35 * DAY_S), made(pending, "UK-0001", &device)));
    refused(core_envelope(recovery_for(pending, right_carrier()),
                          first(pending, -41 * DAY_S), second(pending, 0),
                          made(pending, "UK-0001", &device)),
            ERROR_DENIED, "before the order was made");
    json_decref(pending);
}

/* The database of the RA is not enough: all that the pending order needs. */
static void
registration_authority_alone_recovers_nothing(void **state)
{
    json_t *pending = asking(), *order;

    (void)state;
    refused(
        core_envelope(recovery_for(pending, right_carrier()), NULL, NULL, NULL),
        ERROR_DENIED, "step first-review is missing");
    refused(core_envelope(recovery_for(pending, right_carrier()),
                          first(pending, 0), second(pending, 0), NULL),
            ERROR_DENIED, "step making is missing");
    refused(core_envelope(recovery_for(pending, right_carrier()),
                          first(pending, 0), NULL,
                          made(pending, "UK-0001", &device)),
            ERROR_DENIED, "step second-review is missing");
    /* Over the recovery itself nobody decided. */
    order = recovery_for(pending, right_carrier());
    refused(with_its_decisions(order, order), ERROR_DENIED,
            "is not over this order");
    refused(core_envelope(recovery_by("K2026-1", right_carrier()), NULL, NULL,
                          NULL),
            ERROR_DENIED, "step first-review is missing");
    json_decref(pending);
}

static void
recovery_into_a_device_that_the_maker_did_not_name_is_refused(void **state)
{
    json_t *pending = asking();

    (void)state;
    refused(with_its_decisions(
                recovery_for(pending, carrier("UK-0001", &other, &another,
                                              &another, &other)),
                pending),
            ERROR_DENIED, "not the one that the maker named");
    refused(with_its_decisions(
                recovery_for(pending, carrier("UK-0002", &device, &transport,
                                              &transport, &device)),
                pending),
            ERROR_DENIED, "not the one that the maker named");
    json_decref(pending);
}

static void
carrier_vouches_for_its_own_transport_key(void **state)
{
    json_t *pending = asking();

    (void)state;
    refused(with_its_decisions(
                recovery_for(pending, carrier("UK-0001", &device, &transport,
                                              &transport, &other)),
                pending),
            ERROR_DENIED, "the transport key is not signed by device UK-0001");
    refused(with_its_decisions(
                recovery_for(pending, carrier("UK-0001", &device, &another,
                                              &transport, &device)),
                pending),
            ERROR_DENIED, "the transport key is not signed by device UK-0001");
    refused(
        core_reviewed(
            &core, recovery_by("K2026-1", carrier("UK-0001", &device, &another,
                                                  &transport, &device))),
        ERROR_DENIED, "the transport key is not signed by device UK-0001");
    json_decref(pending);
}

/* What the officers signed is over one order: another that asks for keys, or
 * the same with another document, is not it. */
static void
decisions_recover_for_no_other_order(void **state)
{
    json_t *pending = asking(), *changed = json_deep_copy(pending);
    json_t *without = json_deep_copy(pending), *order;
    struct error err = {0};

    (void)state;
    json_set_text(
        json_object_get(json_object_get(changed, "encryption"), "old_keys"),
        "document", "N2026-2");
    refused(with_its_decisions(recovery_for(changed, right_carrier()), pending),
            ERROR_DENIED, "is not over this order");
    /* An approval of a pair is none of a recovery. */
    json_object_del(json_object_get(without, "encryption"), "old_keys");
    order = recovery_for(without, right_carrier());
    assert_false(judge(with_its_decisions(order, without), &err));
    assert_non_null(strstr(err.what, "asks for no old keys"));
    json_decref(pending);
    json_decref(changed);
    json_decref(without);
}

static void
recovery_by_document_needs_both_reviews_over_itself(void **state)
{
    json_t *order = recovery_by("K2026-1", right_carrier());
    json_t *twin = json_deep_copy(order);

    (void)state;
    accepted(core_reviewed(&core, json_deep_copy(order)));
    accepted(core_envelope(
        json_deep_copy(order),
        core_decide(order, API_STEP_ENTRY, &core.officer[CORE_CLERK], 0),
        first(order, 0), second(order, 0)));
    refused(core_envelope(json_deep_copy(order), first(order, 0), NULL, NULL),
            ERROR_DENIED, "step second-review is missing");
    refused(core_envelope(json_deep_copy(order), first(order, 0),
                          second(order, 0), made(order, "UK-0001", &device)),
            ERROR_DENIED, "has no step making");
    refused(core_envelope(json_deep_copy(order), first(order, -31 * DAY_S),
                          second(order, 0), NULL),
            ERROR_DENIED, "more than 30 days ago");
    /* The signatures again under another document or for another device. */
    json_set_text(twin, "document", "K2026-2");
    refused(core_envelope(json_deep_copy(twin), first(order, 0),
                          second(order, 0), NULL),
            ERROR_DENIED, "is not over this order");
    json_set_text(twin, "document", "K2026-1");
    json_object_set_new(twin, "carrier",
                        carrier("UK-0002", &other, &another, &another, &other));
    refused(core_envelope(twin, first(order, 0), second(order, 0), NULL),
            ERROR_DENIED, "is not over this order");
    json_decref(order);
}

static void
applicant_recovers_nothing_by_the_own_decision(void **state)
{
    json_t *order = recovery_by("K2026-1", right_carrier());
    json_t *pending = asking();

    (void)state;
    json_set_text(json_object_get(order, "applicant"), "person", "P-FIRST");
    refused(core_reviewed(&core, order), ERROR_DENIED,
            "the applicant may not decide");
    json_set_text(json_object_get(pending, "applicant"), "person", "P-FIRST");
    refused(with_its_decisions(recovery_for(pending, right_carrier()), pending),
            ERROR_DENIED, "the applicant may not decide");
    json_decref(pending);
}

static void
recovery_for_an_order_whose_time_is_over_is_refused(void **state)
{
    json_t *pending = asking(), *activation = json_object();

    (void)state;
    json_set_time(activation, "until", clock_now() - 60);
    json_object_set_new(pending, "activation", activation);
    refused(with_its_decisions(recovery_for(pending, right_carrier()), pending),
            ERROR_CONFLICT, "the time for activation is over");
    json_decref(pending);
}

static void
steps_of_a_recovery_are_told(void **state)
{
    json_t *json = recovery_by("K2026-1", right_carrier()), *pending;
    struct api_order *order;
    struct error err = {0};
    const char *const *steps;

    (void)state;
    assert_true(api_order_parse(json, &order, &err));
    steps = decision_steps(order);
    assert_string_equal(steps[0], "first-review");
    assert_string_equal(steps[1], "second-review");
    assert_null(steps[2]);
    api_order_free(order);
    json_decref(json);
    pending = asking();
    json = recovery_for(pending, right_carrier());
    assert_true(api_order_parse(json, &order, &err));
    assert_string_equal(decision_steps(order)[2], "making");
    api_order_free(order);
    json_decref(json);
    json_decref(pending);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            pair_is_completed_with_the_transport_key_that_the_device_vouches_for),
        cmocka_unit_test(transport_key_of_another_device_is_refused),
        cmocka_unit_test(transport_key_swapped_after_signing_is_refused),
        cmocka_unit_test(
            pair_without_its_transport_key_is_refused_and_no_pair_with_one),
        cmocka_unit_test(key_that_nothing_is_wrapped_for_is_no_transport_key),
        cmocka_unit_test(
            recovery_goes_with_the_decisions_over_what_asked_for_it),
        cmocka_unit_test(registration_authority_alone_recovers_nothing),
        cmocka_unit_test(
            recovery_into_a_device_that_the_maker_did_not_name_is_refused),
        cmocka_unit_test(carrier_vouches_for_its_own_transport_key),
        cmocka_unit_test(decisions_recover_for_no_other_order),
        cmocka_unit_test(recovery_by_document_needs_both_reviews_over_itself),
        cmocka_unit_test(applicant_recovers_nothing_by_the_own_decision),
        cmocka_unit_test(recovery_for_an_order_whose_time_is_over_is_refused),
        cmocka_unit_test(steps_of_a_recovery_are_told),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
