/* Orders that a device completes: who holds the RA's database but not the
 * device issues nothing (docs/architecture.md, "Orders that a device
 * completes"; domain.md, 1.8 #1). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "ca-core/desk.h"
#include "core_parts.h"
#include "pg.h"

enum { DAY_S = 86400 };

static struct core core;
static struct soft_key device, other; /* devices' own keys */

static int
start(void **state)
{
    (void)state;
    core_start(&core, 1);
    soft_key_make(HSM_KEY_EC_P256, &device);
    soft_key_make(HSM_KEY_EC_P256, &other);
    return 0;
}

/* After all of it the log convinces an auditor. */
static int
stop(void **state)
{
    (void)state;
    soft_key_clear(&device);
    soft_key_clear(&other);
    return core_audit_and_stop(&core);
}

static const char *
id_of(const json_t *order)
{
    return json_string_value(json_object_get(order, "order_id"));
}

/* The order without its request, to be activated. */
static json_t *
waiting(json_t *take_order, int64_t created_s, int64_t until_s)
{
    json_t *activation = json_object();

    json_object_del(take_order, "csr");
    json_set_time(take_order, "created_at", clock_now() + created_s);
    json_set_time(activation, "until", clock_now() + until_s);
    json_object_set_new(take_order, "activation", activation);
    return take_order;
}

static json_t *
made(const json_t *order, const struct core_officer *maker, const char *serial,
     const struct soft_key *key, int64_t offset_s)
{
    struct api_decision decision = {.step = API_STEP_MAKING,
                                    .decided_at = clock_now() + offset_s};
    struct error err = {0};

    memcpy(decision.officer_id, maker->officer_id, sizeof decision.officer_id);
    memcpy(decision.device.serial, serial, strlen(serial) + 1);
    assert_true(hash_sha256(key->spki.data, key->spki.len,
                            decision.device.spki_sha256, &err));
    return core_sign(order, &decision, maker->certificate.data,
                     maker->certificate.len, maker->key.key);
}

/* With both reviews and the making. Takes the order. */
static json_t *
decided(json_t *order, json_t *making)
{
    return core_envelope(
        order,
        core_decide(order, API_STEP_FIRST_REVIEW, &core.officer[CORE_FIRST], 0),
        core_decide(order, API_STEP_SECOND_REVIEW, &core.officer[CORE_SECOND],
                    0),
        making);
}

/* What the device adds: a fresh request, or `csr`. */
static void
complete(json_t *envelope, const char *serial, const struct soft_key *key,
         const struct soft_key *signer, const struct buf *csr)
{
    struct api_completion completion = {.spki = key->spki.data,
                                        .spki_len = key->spki.len};
    struct buf message = BUF_INIT(API_STATEMENT_MAX);
    struct buf fresh = BUF_INIT(API_CSR_MAX);
    struct soft_key made_in_it;
    struct error err = {0};

    if (csr == NULL) {
        soft_key_make(HSM_KEY_EC_P256, &made_in_it);
        soft_key_request(&made_in_it, HSM_ECDSA_SHA256, &fresh);
        soft_key_clear(&made_in_it);
        csr = &fresh;
    }
    memcpy(completion.serial, serial, strlen(serial) + 1);
    completion.csr = csr->data;
    completion.csr_len = csr->len;
    assert_true(api_completion_encode(serial, csr->data, csr->len,
                                      id_of(json_object_get(envelope, "order")),
                                      &message, &err));
    assert_true(api_sign(signer->key, message.data, message.len,
                         completion.signature, &completion.signature_len,
                         &err));
    api_completion_set(envelope, &completion);
    buf_clear(&message);
    buf_clear(&fresh);
}

static json_t *
order_of(const char *name)
{
    return waiting(core_issue_order(name), 0, 90 * DAY_S);
}

/* Decided for `device`, UK-0001, and not yet completed. */
static json_t *
ready(const char *name)
{
    json_t *order = order_of(name);

    return decided(
        order, made(order, &core.officer[CORE_MAKER], "UK-0001", &device, 0));
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

static void
device_that_the_maker_named_gets_the_certificate(void **state)
{
    json_t *envelope = ready("一号公司"), *answer;

    (void)state;
    complete(envelope, "UK-0001", &device, &device, NULL);
    answer = must(envelope);
    assert_int_equal(strlen(core_serial(answer)), 32);
    json_decref(answer);
}

static void
order_without_its_device_issues_nothing(void **state)
{
    (void)state;
    core_refused(&core, ready("二号公司"), ERROR_INPUT, "waits for its device");
}

static void
another_device_or_another_key_is_refused(void **state)
{
    json_t *envelope = ready("三号公司");

    (void)state;
    complete(envelope, "UK-0002", &device, &device, NULL);
    core_refused(&core, envelope, ERROR_DENIED, "not the one that the maker");
    envelope = ready("三号公司");
    complete(envelope, "UK-0001", &other, &other, NULL);
    core_refused(&core, envelope, ERROR_DENIED, "not the one that the maker");
}

static void
request_that_the_device_did_not_sign_is_refused(void **state)
{
    json_t *envelope = ready("四号公司"), *swapped = ready("四号公司");

    (void)state;
    complete(envelope, "UK-0001", &device, &other, NULL);
    core_refused(&core, json_incref(envelope), ERROR_DENIED,
                 "not signed by device UK-0001");
    /* The RA swaps the request and keeps the device's signature. */
    json_decref(envelope);
    envelope = ready("四号公司");
    complete(envelope, "UK-0001", &device, &device, NULL);
    complete(swapped, "UK-0001", &device, &device, NULL);
    json_object_set(envelope, "csr", json_object_get(swapped, "csr"));
    core_refused(&core, json_incref(envelope), ERROR_DENIED,
                 "not signed by device UK-0001");
    /* Or moves the whole of it to another order. */
    json_object_set(envelope, "device_signature",
                    json_object_get(swapped, "device_signature"));
    core_refused(&core, envelope, ERROR_DENIED, "not signed by device UK-0001");
    json_decref(swapped);
}

static void
making_is_needed_and_is_signed_with_the_device_in_it(void **state)
{
    json_t *order = order_of("五号公司"), *making, *envelope;

    (void)state;
    envelope = decided(order, NULL);
    complete(envelope, "UK-0001", &device, &device, NULL);
    core_refused(&core, envelope, ERROR_DENIED, "making is missing");
    /* The RA writes another device into what the maker signed. */
    order = order_of("五号公司");
    making = made(order, &core.officer[CORE_MAKER], "UK-0001", &device, 0);
    json_object_set_new(json_object_get(making, "device"), "serial",
                        json_string("UK-0009"));
    envelope = decided(order, making);
    complete(envelope, "UK-0009", &device, &device, NULL);
    core_refused(&core, envelope, ERROR_DENIED,
                 "step making is not over this order");
}

static void
maker_is_neither_a_reviewer_nor_of_another_role(void **state)
{
    json_t *order = order_of("六号公司"), *envelope;
    struct error err = {0};

    (void)state;
    envelope = decided(
        order, made(order, &core.officer[CORE_CLERK], "UK-0001", &device, 0));
    complete(envelope, "UK-0001", &device, &device, NULL);
    core_refused(&core, envelope, ERROR_DENIED, "is no maker");
    assert_true(db_officer_add_role(
        core.worker->db, core.officer[CORE_FIRST].officer_id, "maker", &err));
    order = order_of("六号公司");
    envelope = decided(
        order, made(order, &core.officer[CORE_FIRST], "UK-0001", &device, 0));
    complete(envelope, "UK-0001", &device, &device, NULL);
    core_refused(&core, envelope, ERROR_DENIED,
                 "one person decided first-review and making");
}

static void
decisions_are_as_old_as_the_order_and_no_older(void **state)
{
    json_t *order = waiting(core_issue_order("七号公司"), -60 * DAY_S, DAY_S);
    struct core_officer *first = &core.officer[CORE_FIRST];
    json_t *envelope;

    (void)state;
    /* They were officers then. */
    pg_sql("UPDATE ca.officer SET since = now() - interval '90 days'");
    pg_sql("UPDATE ca.credential SET not_before = now() - interval '90 days'");
    envelope = core_envelope(
        order, core_decide(order, API_STEP_FIRST_REVIEW, first, -59 * DAY_S),
        core_decide(order, API_STEP_SECOND_REVIEW, &core.officer[CORE_SECOND],
                    -40 * DAY_S),
        made(order, &core.officer[CORE_MAKER], "UK-0001", &device,
             -30 * DAY_S));
    complete(envelope, "UK-0001", &device, &device, NULL);
    {
        /* Judged only: the auditor would not know of the officers' past. */
        struct api_envelope parsed;
        struct decision_evidence evidence = {0};
        struct issuer_set *set = issuers_get(core.service.issuers);
        struct decision_world world = {.keys = core.worker->keys,
                                       .db = core.worker->db,
                                       .set = set,
                                       .profiles = &core.service.profiles,
                                       .now = clock_now(),
                                       .tolerance_s = 300};
        struct error err = {0};

        assert_true(api_envelope_parse(envelope, &parsed, &err));
        if (!decision_verify(&world, &parsed, &evidence, &err))
            fail_msg("%s", err.what);
        decision_evidence_clear(&evidence);
        api_envelope_clear(&parsed);
        issuers_release(core.service.issuers, set);
        json_decref(envelope);
    }
    order = waiting(core_issue_order("七号公司"), -60 * DAY_S, DAY_S);
    envelope = core_envelope(
        order, core_decide(order, API_STEP_FIRST_REVIEW, first, -61 * DAY_S),
        core_decide(order, API_STEP_SECOND_REVIEW, &core.officer[CORE_SECOND],
                    0),
        made(order, &core.officer[CORE_MAKER], "UK-0001", &device, 0));
    complete(envelope, "UK-0001", &device, &device, NULL);
    core_refused(&core, envelope, ERROR_DENIED, "before the order was made");
}

static void
activation_ends_and_does_not_wait_for_ever(void **state)
{
    json_t *order = waiting(core_issue_order("八号公司"), -3600, -60);
    json_t *envelope = decided(
        order, made(order, &core.officer[CORE_MAKER], "UK-0001", &device, 0));

    (void)state;
    complete(envelope, "UK-0001", &device, &device, NULL);
    core_refused(&core, envelope, ERROR_CONFLICT, "activation is over");
    order = waiting(core_issue_order("八号公司"), 0, 241 * DAY_S);
    envelope = decided(
        order, made(order, &core.officer[CORE_MAKER], "UK-0001", &device, 0));
    complete(envelope, "UK-0001", &device, &device, NULL);
    core_refused(&core, envelope, ERROR_INPUT, "more than 240 days");
}

static void
same_order_with_another_request_is_a_conflict(void **state)
{
    json_t *envelope = ready("九号公司"), *again, *first, *second;
    struct error err = {0};

    (void)state;
    again = json_deep_copy(envelope);
    complete(envelope, "UK-0001", &device, &device, NULL);
    first = must(json_incref(envelope));
    /* The device signs anew; the request is the same. */
    second = must(envelope);
    assert_true(json_equal(first, second));
    complete(again, "UK-0001", &device, &device, NULL);
    assert_null(core_hand_in(&core, again, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.what, "another request"));
    json_decref(first);
    json_decref(second);
}

struct racer {
    json_t *envelope;
    json_t *answer;
    struct error err;
};

static void *
race(void *arg)
{
    struct racer *racer = arg;

    racer->answer = core_hand_in(&core, racer->envelope, &racer->err);
    return NULL;
}

static void
two_requests_at_once_make_one_certificate_and_one_conflict(void **state)
{
    (void)state;
    for (int round = 0; round < 8; round++) {
        struct racer racers[2] = {0};
        pthread_t threads[2];
        char name[32];

        (void)snprintf(name, sizeof name, "竞争公司 %d", round);
        racers[0].envelope = ready(name);
        racers[1].envelope = json_deep_copy(racers[0].envelope);
        for (int i = 0; i < 2; i++)
            complete(racers[i].envelope, "UK-0001", &device, &device, NULL);
        for (int i = 0; i < 2; i++)
            assert_int_equal(
                pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true((racers[0].answer == NULL) != (racers[1].answer == NULL));
        for (int i = 0; i < 2; i++) {
            if (racers[i].answer == NULL)
                assert_int_equal(racers[i].err.code, ERROR_CONFLICT);
            json_decref(racers[i].answer);
        }
    }
}

static void
reissue_and_change_are_activated_too(void **state)
{
    json_t *old = core_must(&core, core_issue_order("十号公司"));
    json_t *order = waiting(
        core_successor_order("reissue", core_serial(old), "revoke"), 0, DAY_S);
    json_t *envelope = decided(
        order, made(order, &core.officer[CORE_MAKER], "UK-0003", &device, 0));
    json_t *answer, *changed;

    (void)state;
    complete(envelope, "UK-0003", &device, &device, NULL);
    answer = must(envelope);
    order =
        waiting(core_successor_order("change", core_serial(answer), "revoke"),
                0, DAY_S);
    envelope = decided(
        order, made(order, &core.officer[CORE_MAKER], "UK-0003", &device, 0));
    complete(envelope, "UK-0003", &device, &device, NULL);
    changed = must(envelope);
    json_decref(changed);
    json_decref(answer);
    json_decref(old);
}

/* As a kill between record and result leaves it: what goes on is for the
 * request that was recorded, and still for no other. */
static void
interrupted_activation_goes_on_with_the_recorded_request(void **state)
{
    json_t *envelope = ready("戊公司"), *again, *answer, *resumed;
    struct error err = {0};
    char sql[600];

    (void)state;
    again = json_deep_copy(envelope);
    complete(envelope, "UK-0001", &device, &device, NULL);
    answer = must(json_incref(envelope));
    (void)snprintf(sql, sizeof sql,
                   "SET session_replication_role = replica;"
                   "UPDATE ca.order SET state = 'recorded', finished_at = NULL"
                   " WHERE order_id = '%s';"
                   "UPDATE ca.certificate SET state = 'intended', der = NULL,"
                   " status_index = NULL WHERE order_id = '%s';"
                   "DELETE FROM log.entry WHERE event = 'certificate.issued'"
                   " AND subject = '%s';"
                   "UPDATE log.head SET next_index = next_index - 1",
                   id_of(json_object_get(envelope, "order")),
                   id_of(json_object_get(envelope, "order")),
                   core_serial(answer));
    pg_sql(sql);
    core_restart_writer(&core, 1);
    complete(again, "UK-0001", &device, &device, NULL);
    assert_null(core_hand_in(&core, again, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    resumed = must(envelope);
    assert_string_equal(core_serial(resumed), core_serial(answer));
    json_decref(answer);
    json_decref(resumed);
}

static void
order_says_either_request_or_activation(void **state)
{
    json_t *both = order_of("甲公司"), *neither = core_issue_order("乙公司");
    json_t *renewal = core_successor_order(
        "renew", "01010101010101010101010101010101", "none");
    struct api_order *order = NULL;
    struct error err = {0};

    (void)state;
    json_object_set_new(both, "csr", json_string("MAA="));
    assert_false(api_order_parse(both, &order, &err));
    assert_non_null(strstr(err.what, "either csr or activation"));
    json_object_del(neither, "csr");
    assert_false(api_order_parse(neither, &order, &err));
    assert_non_null(strstr(err.what, "either csr or activation"));
    waiting(renewal, 0, DAY_S);
    assert_false(api_order_parse(renewal, &order, &err));
    assert_non_null(strstr(err.what, "has no activation"));
    json_decref(both);
    json_decref(neither);
    json_decref(renewal);
}

static void
order_with_a_request_is_not_completed_by_a_device(void **state)
{
    json_t *order = core_issue_order("丙公司");
    json_t *envelope = core_reviewed(&core, order);
    struct api_envelope parsed;
    struct error err = {0};

    (void)state;
    complete(envelope, "UK-0001", &device, &device, NULL);
    assert_false(api_envelope_parse(envelope, &parsed, &err));
    assert_non_null(strstr(err.what, "only an order with activation"));
    api_envelope_clear(&parsed);
    json_object_del(envelope, "csr");
    assert_false(api_envelope_parse(envelope, &parsed, &err));
    api_envelope_clear(&parsed);
    json_decref(envelope);
}

static void
check_tells_whether_it_could_be_issued_before_there_is_a_key(void **state)
{
    json_t *json = order_of("丁公司"), *answer = NULL;
    struct api_order *order = NULL;
    struct error err = {0};

    (void)state;
    assert_true(api_order_parse(json, &order, &err));
    if (!desk_check(core.worker, order, &answer, &err))
        fail_msg("%s", err.what);
    assert_int_equal(json_array_size(json_object_get(answer, "steps")), 3);
    assert_null(json_object_get(answer, "tbs"));
    assert_string_equal(pg_ask("SELECT count(*) FROM ca.certificate"
                               " WHERE subject_text LIKE '%丁公司%'"),
                        "0");
    json_decref(answer);
    api_order_free(order);
    json_object_del(json_object_get(json, "subject"), "common_name");
    assert_true(api_order_parse(json, &order, &err));
    assert_false(desk_check(core.worker, order, &answer, &err));
    api_order_free(order);
    json_decref(json);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(device_that_the_maker_named_gets_the_certificate),
        cmocka_unit_test(order_without_its_device_issues_nothing),
        cmocka_unit_test(another_device_or_another_key_is_refused),
        cmocka_unit_test(request_that_the_device_did_not_sign_is_refused),
        cmocka_unit_test(making_is_needed_and_is_signed_with_the_device_in_it),
        cmocka_unit_test(activation_ends_and_does_not_wait_for_ever),
        cmocka_unit_test(same_order_with_another_request_is_a_conflict),
        cmocka_unit_test(
            two_requests_at_once_make_one_certificate_and_one_conflict),
        cmocka_unit_test(reissue_and_change_are_activated_too),
        cmocka_unit_test(
            interrupted_activation_goes_on_with_the_recorded_request),
        cmocka_unit_test(order_says_either_request_or_activation),
        cmocka_unit_test(order_with_a_request_is_not_completed_by_a_device),
        cmocka_unit_test(
            check_tells_whether_it_could_be_issued_before_there_is_a_key),
        cmocka_unit_test(decisions_are_as_old_as_the_order_and_no_older),
        cmocka_unit_test(maker_is_neither_a_reviewer_nor_of_another_role),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
