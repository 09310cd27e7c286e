/*
 * Pairs and the earlier keys of a holder on a real database, with a CA that is
 * a fake of ra/ca_client.h: which order goes for which device and when, that
 * none of it holds a case up, and who gets keys (domain.md, 1.7;
 * docs/architecture.md, "Pairs").
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "ra/case_send.h"
#include "ra/case_whole.h"
#include "ra/client.h"
#include "ra/holder_follow.h"
#include "ra/old_keys.h"
#include "tests/unit/case_acts.h"
#include "tests/unit/fake_ca.h"
#include "tests/unit/pg.h"

enum { DAY = 86400 };

static EVP_PKEY *stranger;
static struct config *config;

static int
group_start(void **state)
{
    static const char text[] = "ra.service_email = service@example.com\n";

    (void)state;
    fake_ca.key = acts_begin();
    stranger = parts_key("P-256");
    assert_true(
        config_parse(text, strlen(text), "test.conf", "/", &config, NULL));
    acts.business.config = config;
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    acts_end();
    config_free(config);
    EVP_PKEY_free(stranger);
    EVP_PKEY_free(fake_ca.key);
    return 0;
}

static int
start(void **state)
{
    (void)state;
    fake_ca_reset();
    fake_ca.not_before = acts.now;
    fake_ca.not_after = acts.now + INT64_C(700) * DAY;
    case_parts_open(&acts);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    case_parts_close(&acts);
    return 0;
}

static char number[DB_CASE_NUMBER_MAX + 1];

/* A reissue of a lost device, whose holder has a key for encryption, before the
 * first review. */
static void
reissue_with(const char *files)
{
    case_parts_live(&acts, "example", acts.now + INT64_C(300) * DAY);
    case_parts_live_pair("example");
    acts_create(BUSINESS_REISSUE, number);
    acts_set(number, BUSINESS_REISSUE, "encrypted_files", files);
    acts_hand_in(number);
}

static void
assert_recoveries(const char *count)
{
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_order"
                               " WHERE purpose = 'recover'"),
                        count);
}

/* Of the order that officers sign. */
static const char *
order_part(const char *path)
{
    return acts_ask("SELECT coalesce(convert_from(order_body, 'UTF8')::jsonb"
                    " #>> '%s', '-') FROM ra.case_file WHERE number = '%s'",
                    path, number);
}

/* As far as the reviews and the maker's word for DEV-0301. */
static void
reissue_decided(void)
{
    reissue_with("deliver");
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_send_orders(); /* the hold */
    case_parts_device(&acts, number, "DEV-0301");
    assert_recoveries("0");
    case_parts_papers(number);
    acts_decide(number, &acts.clerk, API_STEP_ENTRY, API_APPROVE);
    acts_decide(number, &acts.second, API_STEP_SECOND_REVIEW, API_APPROVE);
}

static void
activated(void)
{
    struct error err;

    if (!acts_activate(number, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    acts_send_orders();
    acts_assert_state(number, "activated");
}

static void
follow(void)
{
    struct ra_job job = {.db = acts.db, .business = &acts.business};
    struct error err = {0};

    pg_sql("UPDATE ra.case_order SET looked_at = to_timestamp(0)");
    if (!old_keys_follow_job(&job, acts.now, &err))
        fail_msg("%s (%s)", err.what, err.cause);
}

/* ---- What is ordered -------------------------------------------------------
 */

static void
order_of_a_pair_names_profile_key_and_by_choice_the_earlier_keys(void **state)
{
    (void)state;
    reissue_with("deliver");
    assert_string_equal(order_part("{encryption,profile}"),
                        "organisation-encryption");
    assert_string_equal(order_part("{encryption,key_type}"), "rsa-2048");
    assert_string_equal(order_part("{encryption,transport}"), "-");
    assert_string_equal(order_part("{encryption,old_keys,document}"), number);
}

static void
who_says_nothing_gets_the_earlier_keys(void **state)
{
    json_t *fields = case_parts_own_fields(&acts, BUSINESS_REISSUE);
    const struct definition *definition =
        definition_get(acts.definitions, BUSINESS_REISSUE);
    struct case_new what = {.account = "example",
                            .business = BUSINESS_REISSUE,
                            .notice_version = definition->notice_version,
                            .fields = fields,
                            .at = acts.now};
    struct error err = {0};

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(300) * DAY);
    case_parts_live_pair("example");
    json_object_del(fields, "encrypted_files");
    assert_true(case_create(&acts.business, acts.db, &what, number, &err));
    json_decref(fields);
    acts_hand_in(number);
    assert_string_equal(order_part("{encryption,old_keys,document}"), number);
}

static void
earlier_keys_that_the_holder_refuses_are_not_asked_for(void **state)
{
    (void)state;
    reissue_with("refuse");
    assert_string_equal(order_part("{encryption,old_keys}"), "-");
    acts_pass_both(number);
    case_parts_device(&acts, number, "DEV-0301");
    assert_recoveries("0");
}

static void
holder_without_an_earlier_key_asks_for_none(void **state)
{
    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(300) * DAY);
    acts_create(BUSINESS_REISSUE, number);
    acts_set(number, BUSINESS_REISSUE, "encrypted_files", "deliver");
    acts_hand_in(number);
    assert_string_equal(order_part("{encryption,profile}"),
                        "organisation-encryption");
    assert_string_equal(order_part("{encryption,old_keys}"), "-");
}

static void
new_one_after_a_lapsed_one_asks_for_its_keys(void **state)
{
    (void)state;
    case_parts_live(&acts, "example", acts.now - DAY);
    case_parts_live_pair("example");
    acts_create(BUSINESS_NEW, number);
    acts_hand_in(number);
    assert_string_equal(order_part("{encryption,old_keys,document}"), number);
}

static void
device_that_completes_brings_the_transport_key_of_the_books(void **state)
{
    (void)state;
    reissue_decided();
    activated();
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.case_order o, ra.device d"
               " WHERE o.purpose = 'issue' AND d.serial = 'DEV-0301'"
               " AND convert_from(o.envelope, 'UTF8')::jsonb ->> 'transport' ="
               " translate(encode(d.transport, 'base64'), E'\\n', '')"
               " AND convert_from(o.envelope, 'UTF8')::jsonb ->>"
               " 'transport_signature' ="
               " translate(encode(d.transport_signature, 'base64'), E'\\n',"
               " '')"),
        "1");
}

static void
device_without_transport_key_completes_no_pair(void **state)
{
    struct error err;

    (void)state;
    reissue_with("none");
    acts_pass_both(number);
    case_parts_device(&acts, number, "DEV-0301");
    pg_sql("UPDATE ra.device SET transport = NULL, transport_signature = NULL");
    assert_false(acts_activate(number, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.what, "no transport key"));
    acts_assert_state(number, "activation-allowed");
}

/* ---- When the earlier keys are asked for -----------------------------------
 */

static void
earlier_keys_wait_for_both_reviews_and_the_maker(void **state)
{
    (void)state;
    reissue_decided();
    assert_recoveries("1");
    assert_string_equal(
        acts_ask("SELECT state || ' ' || (e -> 'order' ->> 'kind') || ' ' ||"
                 " (e -> 'order' -> 'carrier' ->> 'serial') || ' ' ||"
                 " (e -> 'order' -> 'pending' ->> 'order_id' ="
                 " (SELECT order_id::text FROM ra.case_file"
                 " WHERE number = '%s'))::text || ' ' ||"
                 " jsonb_array_length(e -> 'decisions')"
                 " FROM (SELECT state, convert_from(envelope, 'UTF8')::jsonb e"
                 " FROM ra.case_order WHERE purpose = 'recover') x",
                 number),
        "queued recover DEV-0301 true 4");
}

static void
maker_may_be_the_last_to_decide(void **state)
{
    (void)state;
    reissue_with("deliver");
    acts_pass_both(number);
    assert_recoveries("0");
    case_parts_device(&acts, number, "DEV-0301");
    assert_recoveries("1");
}

static void
second_word_for_the_same_device_asks_for_nothing_more(void **state)
{
    (void)state;
    reissue_decided();
    pg_sql("UPDATE ra.device SET state = 'personalised'"
           " WHERE serial = 'DEV-0301'");
    acts.now++;
    acts_decide(number, &acts.maker, API_STEP_MAKING, API_APPROVE);
    acts.now--;
    assert_recoveries("1");
}

static void
another_device_is_asked_for_anew(void **state)
{
    (void)state;
    reissue_decided();
    pg_sql("UPDATE ra.device SET state = 'lost' WHERE serial = 'DEV-0301'");
    acts.now++;
    case_parts_device(&acts, number, "DEV-0302");
    acts.now--;
    assert_recoveries("2");
    assert_string_equal(
        pg_ask("SELECT string_agg(convert_from(envelope, 'UTF8')::jsonb"
               " -> 'order' -> 'carrier' ->> 'serial', ' ' ORDER BY place)"
               " FROM ra.case_order WHERE purpose = 'recover'"),
        "DEV-0301 DEV-0302");
}

static void
recovery_that_gets_no_answer_holds_no_certificate_up(void **state)
{
    (void)state;
    reissue_decided();
    fake_ca.outcome = CA_PENDING;
    acts_send_orders();
    fake_ca.outcome = CA_DONE;
    activated();
    assert_string_equal(pg_ask("SELECT state FROM ra.case_order"
                               " WHERE purpose = 'recover'"),
                        "queued");
}

static void
refused_recovery_is_noted_and_told_and_moves_nothing(void **state)
{
    (void)state;
    reissue_decided();
    fake_ca.outcome = CA_REFUSED;
    acts_send_orders();
    acts_assert_state(number, "activation-allowed");
    assert_string_equal(
        pg_ask("SELECT convert_from(body, 'UTF8')::jsonb -> 'detail' ->>"
               " 'state' FROM ra.case_history WHERE event = 'old-keys'"),
        "refused");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.notice WHERE event ="
                               " 'service.old-keys-failed'"),
                        "1");
    assert_string_equal(pg_ask("SELECT count(*) > 0 FROM ra.notice WHERE"
                               " event = 'case.old-keys-failed'"),
                        "t");
    fake_ca.outcome = CA_DONE;
    activated();
    acts_assert_chained();
}

/* ---- What is heard ---------------------------------------------------------
 */

static void
assert_shown(unsigned actors, const char *wanted)
{
    struct db_case row = {0};
    json_t *json = NULL;
    struct error err = {0};

    assert_true(db_case_get(acts.db, number, false, &row, &err));
    if (!case_whole_json(&acts.business, acts.db, &row, actors, &json, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(json, "old_keys"), "state")),
                        wanted);
    assert_null(json_object_get(json_object_get(json, "old_keys"), "problem"));
    json_decref(json);
    db_case_clear(&row);
}

static void
case_shows_where_the_earlier_keys_stand(void **state)
{
    const unsigned applicant = 1u << CASE_BY_APPLICANT;

    (void)state;
    reissue_with("deliver");
    assert_shown(applicant, "asked");
    acts_pass_both(number);
    case_parts_device(&acts, number, "DEV-0301");
    assert_shown(applicant, "waiting");
    acts_send_orders();
    assert_shown(applicant, "open");
    fake_ca.recovery = "approved";
    follow();
    assert_shown(applicant, "approved");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.notice WHERE event ="
                               " 'case.old-keys-ready'"),
                        "0");
    fake_ca.recovery = "done";
    follow();
    assert_shown(applicant, "done");
    assert_string_equal(pg_ask("SELECT count(*) > 0 FROM ra.notice WHERE event"
                               " = 'case.old-keys-ready'"),
                        "t");
    /* What is decided is not asked about again. */
    fake_ca.questions = 0;
    follow();
    assert_int_equal(fake_ca.questions, 0);
    acts_assert_state(number, "activation-allowed");
    acts_assert_chained();
}

static void
why_the_ca_refused_is_not_the_applicants(void **state)
{
    struct db_case row = {0};
    json_t *json = NULL;

    (void)state;
    reissue_decided();
    fake_ca.outcome = CA_REFUSED;
    acts_send_orders();
    assert_shown(1u << CASE_BY_APPLICANT, "refused");
    assert_true(db_case_get(acts.db, number, false, &row, NULL));
    assert_true(old_keys_json(acts.db, &row, &json, NULL));
    assert_non_null(json_object_get(json, "problem"));
    json_decref(json);
    db_case_clear(&row);
}

static void
recovery_that_runs_out_is_told_once(void **state)
{
    (void)state;
    reissue_decided();
    acts_send_orders();
    fake_ca.recovery = "expired";
    follow();
    follow();
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.notice WHERE event ="
                               " 'service.old-keys-failed'"),
                        "1");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_history"
                               " WHERE event = 'old-keys'"),
                        "2");
}

/* Two in one case, for the device that was lost and the one after it: nothing
 * can be said of the older one. */
static void
recovery_that_goes_wrong_holds_no_other_up(void **state)
{
    char broken[40];

    (void)state;
    reissue_decided();
    pg_sql("UPDATE ra.device SET state = 'lost' WHERE serial = 'DEV-0301'");
    acts.now++;
    case_parts_device(&acts, number, "DEV-0302");
    acts_send_orders();
    acts.now--;
    (void)snprintf(broken, sizeof broken, "%s",
                   pg_ask("SELECT order_id FROM ra.case_order WHERE purpose ="
                          " 'recover' ORDER BY place LIMIT 1"));
    fake_ca.broken = broken;
    fake_ca.recovery = "done";
    follow();
    assert_string_equal(pg_ask("SELECT string_agg(recovery, ' ' ORDER BY place)"
                               " FROM ra.case_order WHERE purpose = 'recover'"),
                        "open done");
    /* Nor what nobody fetches any more. */
    pg_sql("UPDATE ra.case_order SET recovery = 'done'"
           " WHERE purpose = 'recover'");
    acts_act(number, CASE_CLOSE, CASE_BY_CUSTOMER_SERVICE);
    follow();
    assert_string_equal(pg_ask("SELECT string_agg(recovery, ' ' ORDER BY place)"
                               " FROM ra.case_order WHERE purpose = 'recover'"),
                        "done aborted");
}

/* ---- What a device asks ----------------------------------------------------
 */

/* A call as a device signs it, with its answer. */
static bool
call(const char *action, const char *device, const char *of_case, EVP_PKEY *key,
     int64_t signed_at, json_t **out, struct error *err)
{
    struct buf statement = BUF_INIT(1024);
    uint8_t signature[API_SIGNATURE_MAX];
    char time[CLOCK_TEXT_LEN + 1];
    struct client_call what = {.action = action,
                               .number = of_case,
                               .device = device,
                               .signed_at = signed_at,
                               .signature = signature,
                               .at = acts.now};
    enum case_state to;
    bool ok;

    memset(err, 0, sizeof *err);
    clock_format(signed_at, time);
    (void)buf_addf(&statement,
                   "{\"action\":\"%s\",\"device\":\"%s\",\"number\":\"%s\","
                   "\"signed_at\":\"%s\"}",
                   action, device, of_case, time);
    assert_true(api_sign(key, statement.data, statement.len, signature,
                         &what.signature_len, NULL));
    ok = strcmp(action, "keys") == 0
             ? client_keys(&acts.business, acts.db, NULL, &what, out, err)
             : client_keys_received(&acts.business, acts.db, NULL, &what, &to,
                                    err);
    buf_clear(&statement);
    return ok;
}

static bool
asks(const char *of_case, json_t **out, struct error *err)
{
    *out = NULL;
    return call("keys", "DEV-0301", of_case, acts.device_key, acts.now, out,
                err);
}

static bool
has(const char *action, struct error *err)
{
    return call(action, "DEV-0301", number, acts.device_key, acts.now, NULL,
                err);
}

/* State of the recovery that the device is told, "-" for none; and whether it
 * gets a key. */
static void
assert_keys(const char *of_case, bool has_key, const char *recovery)
{
    json_t *out;
    const char *is;
    struct error err;

    if (!asks(of_case, &out, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    assert_int_equal(json_object_get(out, "key") != NULL, has_key);
    is = json_string_value(
        json_object_get(json_object_get(out, "recovery"), "state"));
    assert_string_equal(is == NULL ? "-" : is, recovery);
    json_decref(out);
}

static void
device_gets_the_key_of_its_pair_until_it_has_it(void **state)
{
    struct error err;

    (void)state;
    reissue_decided();
    assert_keys(number, false, "waiting"); /* nothing is issued yet */
    assert_false(has("received", &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    activated();
    assert_keys(number, true, "open");
    assert_keys(number, true, "open"); /* an answer that was lost */
    assert_true(has("received", &err));
    assert_int_equal(fake_ca.received, 1);
    assert_keys(number, false, "open");
    assert_true(has("received", &err)); /* twice is once */
    assert_int_equal(fake_ca.received, 1);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_history"
                               " WHERE event = 'key-received'"),
                        "1");
}

static void
device_gets_the_earlier_keys_once_they_are_approved(void **state)
{
    struct error err;

    (void)state;
    reissue_decided();
    activated();
    assert_true(has("received", &err));
    /* Whatever it says: what was not there was not received. */
    assert_false(has("recovered", &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_int_equal(fake_ca.received, 1);
    fake_ca.recovery = "done";
    assert_keys(number, false, "done");
    /* The case learned it by the way. */
    assert_shown(1u << CASE_BY_APPLICANT, "done");
    assert_true(has("recovered", &err));
    assert_true(has("recovered", &err));
    assert_int_equal(fake_ca.received, 2);
    assert_keys(number, false, "received");
    assert_shown(1u << CASE_BY_APPLICANT, "received");
    acts_assert_state(number, "activated");
    acts_assert_chained();
}

static void
device_that_names_no_case_is_told_the_oldest_with_something_for_it(void **state)
{
    json_t *out;
    struct error err;

    (void)state;
    reissue_decided();
    activated();
    assert_true(asks("", &out, &err));
    assert_string_equal(json_string_value(json_object_get(out, "number")),
                        number);
    json_decref(out);
    assert_true(has("received", &err));
    assert_keys("", false, "open");
    fake_ca.recovery = "done";
    assert_keys("", false, "done");
    assert_true(has("recovered", &err));
    assert_true(asks("", &out, &err));
    assert_string_equal(json_string_value(json_object_get(out, "number")), "");
    assert_int_equal(json_object_size(out), 1);
    json_decref(out);
    assert_false(call("received", "DEV-0301", "", acts.device_key, acts.now,
                      NULL, &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

static void
nobody_but_the_device_itself_gets_its_keys(void **state)
{
    json_t *out = NULL;
    struct error err;

    (void)state;
    reissue_decided();
    activated();
    fake_ca.questions = 0;
    assert_false(
        call("keys", "DEV-0301", number, stranger, acts.now, &out, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    /* Nor the key of its certificate, nor a device that there is not. */
    assert_false(
        call("keys", "DEV-0301", number, fake_ca.key, acts.now, &out, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_false(call("keys", "DEV-9999", number, acts.device_key, acts.now,
                      &out, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    /* Nor a call of another day, nor one about a case of another's. */
    assert_false(call("keys", "DEV-0301", number, acts.device_key,
                      acts.now - 301, &out, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_false(call("keys", "DEV-0301", "N20200101-999999", acts.device_key,
                      acts.now, &out, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_false(
        call("received", "DEV-0301", number, stranger, acts.now, NULL, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_int_equal(fake_ca.questions, 0);
    assert_int_equal(fake_ca.received, 0);
}

static void
keys_for_a_device_that_was_lost_go_to_no_other(void **state)
{
    json_t *out;
    struct error err;

    (void)state;
    reissue_decided();
    acts_send_orders();
    pg_sql("UPDATE ra.device SET state = 'lost' WHERE serial = 'DEV-0301'");
    acts.now++;
    case_parts_device(&acts, number, "DEV-0302");
    acts.now--;
    fake_ca.recovery = "done";
    assert_false(asks(number, &out, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    /* What it is told is its own, which is only on its way. */
    assert_true(call("keys", "DEV-0302", number, acts.device_key, acts.now,
                     &out, &err));
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(out, "recovery"), "state")),
                        "waiting");
    json_decref(out);
}

static void
device_that_is_not_with_its_holder_gets_no_keys(void **state)
{
    static const char *const states[] = {"personalised", "lost", "returned",
                                         "destroyed"};
    json_t *out;
    char sql[80];
    struct error err;

    (void)state;
    reissue_decided();
    activated();
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        (void)snprintf(sql, sizeof sql, "UPDATE ra.device SET state = '%s'",
                       states[i]);
        pg_sql(sql);
        assert_false(asks(number, &out, &err));
        assert_int_equal(err.code, ERROR_CONFLICT);
    }
    pg_sql("UPDATE ra.device SET state = 'pin-locked'");
    assert_keys(number, true, "open");
}

static void
case_that_was_given_up_brings_no_keys_and_is_told_of_none(void **state)
{
    json_t *out;
    struct error err;

    (void)state;
    reissue_decided();
    acts_send_orders();
    acts_act(number, CASE_CLOSE, CASE_BY_CUSTOMER_SERVICE);
    acts_assert_state(number, "closed");
    fake_ca.recovery = "done";
    follow();
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.notice WHERE event"
                               " = 'case.old-keys-ready'"),
                        "0");
    /* Still in the parcel, or in the holder's hands. */
    pg_sql("UPDATE ra.device SET state = 'delivered'"
           " WHERE serial = 'DEV-0301'");
    assert_keys(number, false, "aborted");
    assert_true(asks("", &out, &err));
    assert_int_equal(json_object_size(out), 1);
    json_decref(out);
    assert_false(has("recovered", &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_int_equal(fake_ca.received, 1); /* by us: they go at the CA */
}

static void
ca_that_is_away_leaves_the_keys_to_be_asked_for_again(void **state)
{
    json_t *out;
    struct error err;

    (void)state;
    reissue_decided();
    activated();
    fake_ca.outcome = CA_PENDING;
    assert_false(asks(number, &out, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    assert_false(has("received", &err));
    assert_int_equal(err.code, ERROR_BUSY);
    fake_ca.outcome = CA_DONE;
    assert_keys(number, true, "open");
    assert_true(has("received", &err));
}

/* ---- The two halves --------------------------------------------------------
 */

static void
halves_of_a_pair_move_together_whichever_is_named(void **state)
{
    struct ra_job job = {.db = acts.db, .business = &acts.business};
    struct error err = {0};

    (void)state;
    case_parts_live(&acts, "example", acts.now + INT64_C(300) * DAY);
    case_parts_live_pair("example");
    acts_create(BUSINESS_REISSUE, number);
    acts_hand_in(number); /* lost: held at the first review */
    acts_decide(number, &acts.first, API_STEP_FIRST_REVIEW, API_APPROVE);
    acts_send_orders();
    assert_string_equal(pg_ask("SELECT string_agg(state, ' ') FROM"
                               " ra.holder_certificate"),
                        "held held");
    /* Revoked elsewhere: both, and told once. */
    fake_ca.has_revoked = true;
    assert_true(holder_follow_job(&job, acts.now, &err));
    assert_int_equal(fake_ca.looks, 1);
    assert_string_equal(pg_ask("SELECT string_agg(state, ' ') FROM"
                               " ra.holder_certificate"),
                        "revoked revoked");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_history"
                               " WHERE event = 'certificate-revoked'"),
                        "1");
}

static void
pair_that_comes_with_one_certificate_or_one_key_is_not_taken(void **state)
{
    EVP_PKEY *another = fake_ca.encryption_key;
    struct error err;

    (void)state;
    reissue_decided();
    fake_ca.encryption_key = fake_ca.key;
    if (!acts_activate(number, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    acts_send_orders();
    fake_ca.encryption_key = another;
    acts_assert_state(number, "issuing");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.holder_certificate"
                               " WHERE device = 'DEV-0301'"),
                        "0");
    pg_sql("UPDATE ra.case_order SET send_at = to_timestamp(0)"
           " WHERE state = 'queued'");
    acts_send_orders();
    acts_assert_state(number, "activated");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    static const struct CMUnitTest tests[] = {
        TEST(order_of_a_pair_names_profile_key_and_by_choice_the_earlier_keys),
        TEST(who_says_nothing_gets_the_earlier_keys),
        TEST(earlier_keys_that_the_holder_refuses_are_not_asked_for),
        TEST(holder_without_an_earlier_key_asks_for_none),
        TEST(new_one_after_a_lapsed_one_asks_for_its_keys),
        TEST(device_that_completes_brings_the_transport_key_of_the_books),
        TEST(device_without_transport_key_completes_no_pair),
        TEST(earlier_keys_wait_for_both_reviews_and_the_maker),
        TEST(maker_may_be_the_last_to_decide),
        TEST(second_word_for_the_same_device_asks_for_nothing_more),
        TEST(another_device_is_asked_for_anew),
        TEST(recovery_that_gets_no_answer_holds_no_certificate_up),
        TEST(refused_recovery_is_noted_and_told_and_moves_nothing),
        TEST(case_shows_where_the_earlier_keys_stand),
        TEST(why_the_ca_refused_is_not_the_applicants),
        TEST(recovery_that_runs_out_is_told_once),
        TEST(recovery_that_goes_wrong_holds_no_other_up),
        TEST(device_gets_the_key_of_its_pair_until_it_has_it),
        TEST(device_gets_the_earlier_keys_once_they_are_approved),
        TEST(
            device_that_names_no_case_is_told_the_oldest_with_something_for_it),
        TEST(nobody_but_the_device_itself_gets_its_keys),
        TEST(keys_for_a_device_that_was_lost_go_to_no_other),
        TEST(device_that_is_not_with_its_holder_gets_no_keys),
        TEST(case_that_was_given_up_brings_no_keys_and_is_told_of_none),
        TEST(ca_that_is_away_leaves_the_keys_to_be_asked_for_again),
        TEST(halves_of_a_pair_move_together_whichever_is_named),
        TEST(pair_that_comes_with_one_certificate_or_one_key_is_not_taken),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
