/*
 * Key recovery 密钥恢复 (domain.md, 1.7) on a real database, with a CA that is
 * a fake of ra/ca_client.h: its way to keys in the device and to every other
 * end, how the holder's client begins one, and what must not bring anybody
 * keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "db/case_order.h"
#include "ra/client.h"
#include "ra/old_keys.h"
#include "tests/unit/case_acts.h"
#include "tests/unit/fake_ca.h"
#include "tests/unit/pg.h"
#include "tests/unit/ra_parts.h"

static EVP_PKEY *holder_key;
static char number[DB_CASE_NUMBER_MAX + 1];
static char device[DB_DEVICE_SERIAL_MAX + 1];

static int
group_start(void **state)
{
    (void)state;
    fake_ca.key = acts_begin();
    holder_key = parts_key("P-256");
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    EVP_PKEY_free(holder_key);
    acts_end();
    EVP_PKEY_free(fake_ca.key);
    return 0;
}

/* An account whose certificate is in a device that can take keys. */
static int
start(void **state)
{
    (void)state;
    fake_ca_reset();
    case_parts_open(&acts);
    case_parts_live(&acts, "example", acts.now + INT64_C(86400) * 300);
    (void)snprintf(device, sizeof device, "%s",
                   pg_ask("SELECT device FROM ra.holder_certificate"));
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    case_parts_close(&acts);
    return 0;
}

/* ---- Steps ------------------------------------------------------------------
 */

static void
to_second_review(void)
{
    acts_create(BUSINESS_RECOVER, number);
    acts_hand_in(number);
    acts_assert_state(number, "first-review");
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_assert_state(number, "second-review");
}

static void
to_recovering(const char *recovery)
{
    fake_ca.recovery = recovery;
    to_second_review();
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    acts_assert_state(number, "recovering");
    acts_send_orders();
}

/* What the CA says when it is asked again. */
static void
heard(const char *recovery)
{
    static int64_t later; /* nothing is asked about twice in ten seconds */
    struct ra_job job = {.db = acts.db, .business = &acts.business};
    struct error err = {0};

    fake_ca.recovery = recovery;
    later += 60;
    if (!old_keys_follow_job(&job, acts.now + later, &err))
        fail_msg("follow: %s (%s)", err.what, err.cause);
}

static int
told(const char *event)
{
    return atoi(acts_ask("SELECT count(*) FROM ra.notice WHERE number = '%s'"
                         " AND event = 'case.%s' AND channel = 'sms'",
                         number, event));
}

/* ---- To the end ------------------------------------------------------------
 */

static void
recovery_waits_for_the_centre_and_then_for_its_device(void **state)
{
    (void)state;
    to_recovering("open");
    assert_string_equal(fake_ca.kinds, "recover ");
    assert_int_equal(number[0], 'K');
    acts_assert_state(number, "recovering");
    /* For the device in use, by the stamped request; signed by both. */
    assert_string_equal(
        acts_ask("SELECT e -> 'order' -> 'carrier' ->> 'serial' || ' ' ||"
                 " (e -> 'order' ->> 'document') || ' ' ||"
                 " jsonb_array_length(e -> 'decisions') FROM (SELECT"
                 " convert_from(envelope, 'UTF8')::jsonb AS e"
                 " FROM ra.case_order WHERE number = '%s') AS o",
                 number),
        acts_ask("SELECT '%s %s 2'", device, number));
    heard("approved");
    acts_assert_state(number, "recovering");
    heard("done");
    acts_assert_state(number, "keys-ready");
    assert_int_equal(told("ca-done"), 1);
    acts_refused(number, CASE_INSTALL, CASE_BY_APPLICANT, ERROR_DENIED);
    acts_act(number, CASE_INSTALL, CASE_BY_HOLDER);
    acts_assert_state(number, "installed");
    assert_int_equal(told("installed"), 1);
    assert_string_equal(acts_ask("SELECT completed_at IS NOT NULL FROM"
                                 " ra.case_file WHERE number = '%s'",
                                 number),
                        "t");
    acts_assert_chained();
}

static void
refusal_of_the_centre_ends_it_and_the_holder_is_told(void **state)
{
    static const char *const ends[] = {"none", "refused", "aborted"};

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        to_recovering("open");
        heard(ends[i]);
        acts_assert_state(number, "closed");
        assert_int_equal(told("failed"), 1);
        acts_refused(number, CASE_INSTALL, CASE_BY_HOLDER, ERROR_CONFLICT);
    }
    acts_assert_chained();
}

static void
nobody_at_the_centre_in_time_and_both_review_anew(void **state)
{
    char first[TEXT_UUID_LEN + 1];

    (void)state;
    to_recovering("open");
    (void)snprintf(first, sizeof first, "%s",
                   acts_ask("SELECT order_id FROM ra.case_file WHERE"
                            " number = '%s'",
                            number));
    heard("expired");
    acts_assert_state(number, "first-review");
    assert_string_not_equal(acts_ask("SELECT order_id FROM ra.case_file WHERE"
                                     " number = '%s'",
                                     number),
                            first);
    /* Without anything from the holder; and by both. */
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    fake_ca.recovery = "done";
    acts_send_orders();
    acts_assert_state(number, "keys-ready");
    acts_assert_chained();
}

static void
refused_order_is_decided_anew(void **state)
{
    (void)state;
    fake_ca.outcome = CA_REFUSED;
    to_recovering("open");
    acts_assert_state(number, "first-review");
    acts_assert_chained();
}

static void
keys_that_nobody_fetches_run_out(void **state)
{
    (void)state;
    to_recovering("done");
    acts_assert_state(number, "keys-ready");
    acts_act(number, CASE_REMIND, CASE_BY_TIMER);
    assert_int_equal(told("reminded"), 1);
    acts_act(number, CASE_EXPIRE, CASE_BY_TIMER);
    acts_assert_state(number, "closed");
}

static void
second_reviewer_may_return_the_scans(void **state)
{
    (void)state;
    to_second_review();
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_RETURN);
    acts_assert_state(number, "returned");
    case_parts_documents(&acts, number);
    acts_act(number, CASE_HAND_IN, CASE_BY_APPLICANT);
    acts_assert_state(number, "first-review");
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    acts_assert_state(number, "recovering");
}

/* ---- What brings nobody keys -----------------------------------------------
 */

static void
one_recovery_is_open_beside_another_business(void **state)
{
    char other[DB_CASE_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    acts_create(BUSINESS_REISSUE, other);
    acts_create(BUSINESS_RECOVER, number);
    assert_false(case_parts_create(&acts, BUSINESS_RECOVER, other, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    acts_act(number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    acts_create(BUSINESS_RECOVER, number);
}

static void
one_person_passes_no_recovery(void **state)
{
    (void)state;
    acts_create(BUSINESS_RECOVER, number);
    acts_hand_in(number);
    acts_decide(number, &acts.third, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_decide_refused(number, &acts.third, API_STEP_SECOND_REVIEW,
                        API_APPROVE, ERROR_DENIED);
    acts_decide_refused(number, &acts.maker, API_STEP_SECOND_REVIEW,
                        API_APPROVE, ERROR_DENIED);
    acts_assert_state(number, "second-review");
    /* Nor does the database let it through. */
    if (pg_sqlstate("signet_ra",
                    "UPDATE ra.case_file SET state ="
                    " 'recovering' WHERE business = 'recover'")[0] == '\0')
        fail_msg("one reviewer was enough");
}

static void
device_that_cannot_take_keys_files_none(void **state)
{
    struct error err;

    (void)state;
    pg_sql("UPDATE ra.device SET transport = NULL, transport_signature ="
           " NULL");
    assert_false(case_parts_create(&acts, BUSINESS_RECOVER, number, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.what, "transport key"));
    pg_sql("UPDATE ra.device SET transport = 'x', transport_signature = 'x',"
           " state = 'lost'");
    assert_false(case_parts_create(&acts, BUSINESS_RECOVER, number, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
}

static void
device_that_was_lost_meanwhile_gets_none(void **state)
{
    (void)state;
    to_second_review();
    pg_sql("UPDATE ra.device SET state = 'lost'");
    acts_decide_refused(number, &acts.second, API_STEP_SECOND_REVIEW,
                        API_APPROVE, ERROR_CONFLICT);
    pg_sql("UPDATE ra.device SET state = 'active'");
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
    fake_ca.recovery = "open";
    acts_send_orders();
    /* Asked anew it would be for a device that is gone. */
    pg_sql("UPDATE ra.device SET state = 'lost'");
    heard("expired");
    acts_assert_state(number, "closed");
    assert_int_equal(told("failed"), 1);
}

static void
certificate_on_hold_or_revoked_passes_none(void **state)
{
    static const char *const states[] = {"held", "revoked"};

    (void)state;
    to_second_review();
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        (void)acts_ask("UPDATE ra.holder_certificate SET state = '%s'"
                       " RETURNING 1",
                       states[i]);
        acts_decide_refused(number, &acts.second, API_STEP_SECOND_REVIEW,
                            API_APPROVE, ERROR_CONFLICT);
    }
    acts_assert_state(number, "second-review");
}

static void
withdrawn_recovery_brings_no_keys(void **state)
{
    (void)state;
    to_recovering("open");
    acts_act(number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    heard("done");
    acts_assert_state(number, "closed");
    assert_int_equal(told("ca-done"), 0);
    acts_refused(number, CASE_INSTALL, CASE_BY_HOLDER, ERROR_CONFLICT);
    /* Nor do they lie about at the CA, once. */
    assert_int_equal(fake_ca.received, 1);
    heard("done");
    assert_int_equal(fake_ca.received, 1);
    acts_assert_chained();
}

/* ---- Fetched by the device --------------------------------------------------
 */

/* The device signs with acts.device_key from now on. */
static void
give_device_key(void)
{
    struct buf sql = BUF_INIT(4096);
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(acts.device_key, &spki);

    assert_true(len > 0);
    (void)buf_add_text(&sql, "UPDATE ra.device SET spki = '\\x");
    for (int i = 0; i < len; i++)
        (void)buf_addf(&sql, "%02x", spki[i]);
    (void)buf_add_text(&sql, "'");
    pg_sql(buf_text(&sql));
    buf_clear(&sql);
    OPENSSL_free(spki);
}

/* What it is told of the recovery; "" when the call is refused. */
static const char *
fetch(const char *action, struct error *err)
{
    static char told_state[32];
    struct buf statement = BUF_INIT(1024);
    uint8_t signature[API_SIGNATURE_MAX];
    char time[CLOCK_TEXT_LEN + 1];
    struct client_call call = {.action = action,
                               .number = number,
                               .device = device,
                               .signed_at = acts.now,
                               .signature = signature,
                               .at = acts.now};
    json_t *out = NULL;
    enum case_state to;
    bool ok;

    memset(err, 0, sizeof *err);
    told_state[0] = '\0';
    clock_format(acts.now, time);
    (void)buf_addf(&statement,
                   "{\"action\":\"%s\",\"device\":\"%s\",\"number\":\"%s\","
                   "\"signed_at\":\"%s\"}",
                   action, device, number, time);
    assert_true(api_sign(acts.device_key, statement.data, statement.len,
                         signature, &call.signature_len, NULL));
    if (strcmp(action, "keys") == 0) {
        ok = client_keys(&acts.business, acts.db, NULL, &call, &out, err);
        if (ok)
            (void)snprintf(told_state, sizeof told_state, "%s",
                           json_string_value(json_object_get(
                               json_object_get(out, "recovery"), "state")));
    } else {
        ok = client_keys_received(&acts.business, acts.db, NULL, &call, &to,
                                  err);
        if (ok)
            (void)snprintf(told_state, sizeof told_state, "%s",
                           case_state_name(to));
    }
    json_decref(out);
    buf_clear(&statement);
    return told_state;
}

static void
device_has_its_keys_and_the_case_is_done(void **state)
{
    struct error err;

    (void)state;
    give_device_key();
    to_recovering("open");
    assert_string_equal(fetch("keys", &err), "open");
    assert_string_equal(fetch("recovered", &err), "");
    assert_int_equal(err.code, ERROR_CONFLICT);
    acts_assert_state(number, "recovering");
    /* Asked before the job has: the case learns it by the way. */
    fake_ca.recovery = "done";
    assert_string_equal(fetch("keys", &err), "done");
    acts_assert_state(number, "keys-ready");
    assert_string_equal(fetch("recovered", &err), "installed");
    assert_string_equal(fetch("recovered", &err), "installed");
    assert_int_equal(fake_ca.received, 1);
    assert_string_equal(fetch("keys", &err), "received");
    acts_assert_chained();
}

static void
thief_of_the_device_gets_no_keys(void **state)
{
    static const char *const misfortunes[][2] = {
        {"UPDATE ra.holder_certificate SET state = 'held'",
         "UPDATE ra.holder_certificate SET state = 'valid'"},
        {"UPDATE ra.device SET state = 'lost'",
         "UPDATE ra.device SET state = 'active'"},
        {"UPDATE ra.device SET account = NULL",
         "UPDATE ra.device SET account = 'example'"},
    };
    struct error err;

    (void)state;
    give_device_key();
    to_recovering("done");
    acts_assert_state(number, "keys-ready");
    for (size_t i = 0; i < sizeof misfortunes / sizeof misfortunes[0]; i++) {
        pg_sql(misfortunes[i][0]);
        assert_string_equal(fetch("keys", &err), "");
        assert_int_equal(err.code, ERROR_CONFLICT);
        assert_string_equal(fetch("recovered", &err), "");
        assert_int_equal(err.code, ERROR_CONFLICT);
        pg_sql(misfortunes[i][1]);
    }
    assert_int_equal(fake_ca.received, 0);
    /* The holder takes it back, and there is nothing to be had for good. */
    acts_act(number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    assert_string_equal(fetch("keys", &err), "aborted");
    assert_string_equal(fetch("recovered", &err), "");
    assert_int_equal(err.code, ERROR_CONFLICT);
}

/* ---- Begun by the client ----------------------------------------------------
 */

struct begun {
    uint8_t signature[API_SIGNATURE_MAX];
    char number[DB_CASE_NUMBER_MAX + 1];
    enum case_state state;
    struct error err;
};

/* The live certificate is for holder_key from now on. */
static void
certify_holder(void)
{
    struct buf der = BUF_INIT(65536), sql = BUF_INIT(262144);

    case_parts_certificate(holder_key, acts.now, acts.now + 86400, &der);
    (void)buf_add_text(&sql, "UPDATE ra.holder_certificate SET der = '\\x");
    for (size_t i = 0; i < der.len; i++)
        (void)buf_addf(&sql, "%02x", der.data[i]);
    (void)buf_add_text(&sql, "'");
    pg_sql(buf_text(&sql));
    buf_clear(&der);
    buf_clear(&sql);
}

static bool
begin(EVP_PKEY *key, const char *action, int64_t at, struct begun *out)
{
    struct buf statement = BUF_INIT(1024);
    char time[CLOCK_TEXT_LEN + 1];
    struct client_call call = {.action = "recover",
                               .number = "",
                               .device = device,
                               .signed_at = at,
                               .signature = out->signature,
                               .at = acts.now};
    bool ok;

    memset(&out->err, 0, sizeof out->err);
    clock_format(at, time);
    (void)buf_addf(&statement,
                   "{\"action\":\"%s\",\"device\":\"%s\",\"number\":\"\","
                   "\"signed_at\":\"%s\"}",
                   action, device, time);
    assert_true(api_sign(key, statement.data, statement.len, out->signature,
                         &call.signature_len, NULL));
    ok = client_recovery_begin(&acts.business, acts.db, &call, out->number,
                               &out->state, &out->err);
    buf_clear(&statement);
    return ok;
}

static void
client_begins_one_and_finds_it_again(void **state)
{
    struct begun first, again;

    (void)state;
    certify_holder();
    if (!begin(holder_key, "recover", acts.now, &first))
        fail_msg("%s (%s)", first.err.what, first.err.cause);
    assert_int_equal(first.number[0], 'K');
    assert_int_equal(first.state, CASE_DRAFT);
    assert_true(begin(holder_key, "recover", acts.now, &again));
    assert_string_equal(again.number, first.number);
    /* The portal's own draft is as good; what ended is not found. */
    acts_act(first.number, CASE_WITHDRAW, CASE_BY_APPLICANT);
    assert_true(begin(holder_key, "recover", acts.now, &again));
    assert_string_not_equal(again.number, first.number);
    acts_set(again.number, BUSINESS_RECOVER, "reason", "damaged");
    acts_hand_in(again.number);
    assert_true(begin(holder_key, "recover", acts.now, &first));
    assert_string_equal(again.number, first.number);
    assert_int_equal(first.state, CASE_FIRST_REVIEW);
}

static void
client_of_another_key_or_time_begins_none(void **state)
{
    struct begun begun;

    (void)state;
    certify_holder();
    assert_false(begin(fake_ca.key, "recover", acts.now, &begun));
    assert_int_equal(begun.err.code, ERROR_DENIED);
    assert_false(begin(holder_key, "keys", acts.now, &begun));
    assert_int_equal(begun.err.code, ERROR_DENIED);
    assert_false(begin(holder_key, "recover", acts.now - 301, &begun));
    assert_int_equal(begun.err.code, ERROR_DENIED);
    pg_sql("UPDATE ra.holder_certificate SET state = 'held'");
    assert_false(begin(holder_key, "recover", acts.now, &begun));
    assert_int_equal(begun.err.code, ERROR_CONFLICT);
    pg_sql("UPDATE ra.holder_certificate SET state = 'revoked'");
    assert_false(begin(holder_key, "recover", acts.now, &begun));
    assert_int_equal(begun.err.code, ERROR_DENIED);
    (void)snprintf(device, sizeof device, "NONE-0001");
    assert_false(begin(holder_key, "recover", acts.now, &begun));
    assert_int_equal(begun.err.code, ERROR_DENIED);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_file WHERE"
                               " business = 'recover'"),
                        "0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(recovery_waits_for_the_centre_and_then_for_its_device),
        TEST(refusal_of_the_centre_ends_it_and_the_holder_is_told),
        TEST(nobody_at_the_centre_in_time_and_both_review_anew),
        TEST(refused_order_is_decided_anew),
        TEST(keys_that_nobody_fetches_run_out),
        TEST(second_reviewer_may_return_the_scans),
        TEST(one_recovery_is_open_beside_another_business),
        TEST(one_person_passes_no_recovery),
        TEST(device_that_cannot_take_keys_files_none),
        TEST(device_that_was_lost_meanwhile_gets_none),
        TEST(certificate_on_hold_or_revoked_passes_none),
        TEST(withdrawn_recovery_brings_no_keys),
        TEST(device_has_its_keys_and_the_case_is_done),
        TEST(thief_of_the_device_gets_no_keys),
        TEST(client_begins_one_and_finds_it_again),
        TEST(client_of_another_key_or_time_begins_none),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
