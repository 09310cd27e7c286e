/*
 * Devices, their making, parcels and papers (domain.md, 1.5, 1.6) on a real
 * database, with the engine of cases.
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

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "ra/device.h"
#include "ra/intake.h"
#include "ra/making.h"
#include "ra/shipment.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/pg.h"
#include "tests/unit/ra_parts.h"

static struct case_parts parts;
static struct db *db;
static EVP_PKEY *other_key;
/* What the next device brings as its transport key, and who vouches for it
 * (NULL: its own key). */
static EVP_PKEY *transport_key, *transport_signer;

static int
group_start(void **state)
{
    (void)state;
    pg_start();
    case_parts_init(&parts);
    other_key = parts_key("P-256");
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    EVP_PKEY_free(other_key);
    case_parts_clear(&parts);
    pg_stop();
    return 0;
}

static int
start(void **state)
{
    (void)state;
    case_parts_open(&parts);
    db = parts.db;
    transport_key = parts.transport_key;
    transport_signer = NULL;
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    case_parts_close(&parts);
    return 0;
}

/* ---- The way there ---------------------------------------------------------
 */

static char number[DB_CASE_NUMBER_MAX + 1];
static const char *maker = "00000000-0000-4000-8000-000000000006";
static const char *clerk = "00000000-0000-4000-8000-000000000003";

/* A case whose scans the first reviewer has passed. */
static void
first_passed(enum case_business business)
{
    struct error err = {0};

    assert_true(case_parts_create(&parts, business, number, &err));
    assert_true(
        case_parts_act(&parts, number, CASE_SUBMIT, CASE_BY_APPLICANT, &err));
    case_parts_documents(&parts, number);
    assert_true(
        case_parts_act(&parts, number, CASE_HAND_IN, CASE_BY_APPLICANT, &err));
    if (business != BUSINESS_CHANGE) {
        case_parts_pay(number);
        assert_true(
            case_parts_act(&parts, number, CASE_PAY, CASE_BY_SYSTEM, &err));
    }
    assert_true(case_parts_decide(&parts, number, &parts.first,
                                  API_STEP_FIRST_REVIEW, API_APPROVE, &err));
    assert_string_equal(case_parts_state(number), "awaiting-originals");
}

static void
stock(const char *serial)
{
    int64_t added = 0;

    assert_true(db_device_stock(db, &serial, 1, "test", "batch-1", parts.now,
                                &added, NULL));
    assert_int_equal(added, 1);
}

static const char *
device_state(const char *serial)
{
    char sql[128];

    (void)snprintf(sql, sizeof sql,
                   "SELECT state FROM ra.device WHERE serial = '%s'", serial);
    return pg_ask(sql);
}

static bool
allocate(const char *serial, struct error *err)
{
    memset(err, 0, sizeof *err);
    return making_allocate(&parts.business, db, number, serial, maker,
                           parts.now, err);
}

/* As a maker's station: the key's public half, a proof for this case, and the
 * transport key. */
static bool
personalise(const char *serial, EVP_PKEY *key, EVP_PKEY *signer,
            const char *of_case, char pin[MAKING_PIN_LEN + 1],
            struct error *err)
{
    struct buf statement = BUF_INIT(1024);
    uint8_t signature[API_SIGNATURE_MAX];
    uint8_t vouched[API_SIGNATURE_MAX];
    size_t signature_len = 0;
    size_t vouched_len = 0;
    uint8_t hash[32];
    unsigned char *spki = NULL;
    unsigned char *transport = NULL;
    int len = i2d_PUBKEY(key, &spki);
    int transport_len = i2d_PUBKEY(transport_key, &transport);
    json_t *json = json_object();
    struct making_request request = {.serial = serial,
                                     .spki = spki,
                                     .spki_len = (size_t)len,
                                     .proof = signature,
                                     .transport = transport,
                                     .transport_len = (size_t)transport_len,
                                     .transport_signature = vouched,
                                     .officer_id = maker,
                                     .at = parts.now};
    bool ok;

    memset(err, 0, sizeof *err);
    assert_true(hash_sha256(spki, (size_t)len, hash, NULL));
    json_set_text(json, "device", serial);
    json_set_text(json, "number", of_case);
    json_set_hex(json, "spki_sha256", hash, 32);
    assert_true(json_canonical(json, &statement, NULL));
    assert_true(api_sign(signer, statement.data, statement.len, signature,
                         &signature_len, NULL));
    request.proof_len = signature_len;
    buf_reset(&statement);
    assert_true(api_transport_encode(serial, transport, (size_t)transport_len,
                                     &statement, NULL));
    assert_true(api_sign(transport_signer != NULL ? transport_signer : signer,
                         statement.data, statement.len, vouched, &vouched_len,
                         NULL));
    request.transport_signature_len = vouched_len;
    ok = making_personalise(&parts.business, db, &request, pin, err);
    json_decref(json);
    buf_clear(&statement);
    OPENSSL_free(spki);
    OPENSSL_free(transport);
    return ok;
}

static bool
ship(const char *tracking, char id[TEXT_UUID_LEN + 1], struct error *err)
{
    struct shipment_request request = {.number = number,
                                       .carrier = "SF",
                                       .tracking = tracking,
                                       .actor = maker,
                                       .at = parts.now};

    memset(err, 0, sizeof *err);
    return shipment_send(&parts.business, db, &request, id, err);
}

static bool
news(const char *event_id, const char *tracking, const char *status,
     struct error *err)
{
    struct shipment_news told = {.event_id = event_id,
                                 .carrier = "SF",
                                 .tracking = tracking,
                                 .status = status,
                                 .at = parts.now};

    memset(err, 0, sizeof *err);
    return shipment_tell(&parts.business, db, &told, NULL, parts.now, err);
}

/* From stock into the parcel. */
static void
sent(const char *serial, const char *tracking)
{
    char pin[MAKING_PIN_LEN + 1];
    char id[TEXT_UUID_LEN + 1];
    struct error err;

    stock(serial);
    assert_true(allocate(serial, &err));
    assert_true(personalise(serial, parts.device_key, parts.device_key, number,
                            pin, &err));
    assert_true(case_parts_decide(&parts, number, &parts.maker, API_STEP_MAKING,
                                  API_APPROVE, &err));
    assert_true(ship(tracking, id, &err));
}

/* ---- The table -------------------------------------------------------------
 */

static void
moves_that_the_table_does_not_have_are_refused(void **state)
{
    struct error err = {0};
    size_t allowed = 0;

    (void)state;
    for (int from = 0; from < DEVICE_STATE_COUNT; from++)
        for (int to = 0; to < DEVICE_STATE_COUNT; to++)
            for (int who = 0; who < DEVICE_ACTOR_COUNT; who++) {
                bool is_there = false;

                for (size_t i = 0; i < device_transition_count; i++)
                    is_there |= (int)device_transitions[i].from == from &&
                                (int)device_transitions[i].to == to &&
                                (int)device_transitions[i].who == who;
                allowed += is_there;
                assert_int_equal(device_move_check((enum device_state)from,
                                                   (enum device_state)to,
                                                   (enum device_actor)who,
                                                   &err),
                                 is_there);
                if (!is_there)
                    assert_true(err.code == ERROR_CONFLICT ||
                                err.code == ERROR_DENIED);
            }
    assert_int_equal(allowed, device_transition_count);
}

static void
destroyed_device_stays_destroyed(void **state)
{
    (void)state;
    for (int to = 0; to < DEVICE_STATE_COUNT; to++)
        for (int who = 0; who < DEVICE_ACTOR_COUNT; who++)
            assert_false(device_move_check(DEVICE_DESTROYED,
                                           (enum device_state)to,
                                           (enum device_actor)who, NULL));
}

static void
stocking_a_known_device_again_changes_nothing(void **state)
{
    const char *serial = "UK-000001";
    int64_t added = 9;

    (void)state;
    stock(serial);
    pg_sql("UPDATE ra.device SET state = 'lost'");
    assert_true(db_device_stock(db, &serial, 1, "other", "batch-2", parts.now,
                                &added, NULL));
    assert_int_equal(added, 0);
    assert_string_equal(device_state(serial), "lost");
}

/* ---- Making ----------------------------------------------------------------
 */

static void
device_goes_from_stock_to_the_holder_with_every_step_recorded(void **state)
{
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    sent("UK-000001", "SF1000000001");
    assert_string_equal(device_state("UK-000001"), "shipped");
    assert_true(news("e1", "SF1000000001", "delivered", &err));
    assert_string_equal(device_state("UK-000001"), "delivered");
    assert_string_equal(
        pg_ask("SELECT string_agg(from_state || '>' || to_state, ' ' ORDER BY"
               " seq) FROM ra.device_event"),
        "in-stock>allocated allocated>personalised personalised>shipped"
        " shipped>delivered");
    assert_string_equal(
        pg_ask("SELECT string_agg(event, ' ' ORDER BY seq) FROM ra.case_history"
               " WHERE event LIKE 'device-%' OR event IN ('shipped',"
               " 'delivered')"),
        "device-allocated device-personalised device-made shipped delivered");
    /* The handler is told, by text message and e-mail. */
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.notice"
                               " WHERE event = 'case.shipped'"),
                        "2");
}

static void
nothing_is_made_before_the_first_review(void **state)
{
    struct error err;

    (void)state;
    stock("UK-000001");
    assert_true(case_parts_create(&parts, BUSINESS_NEW, number, &err));
    assert_false(allocate("UK-000001", &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_string_equal(device_state("UK-000001"), "in-stock");
}

static void
one_device_is_for_one_case(void **state)
{
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    stock("UK-000001");
    stock("UK-000002");
    assert_true(allocate("UK-000001", &err));
    assert_false(allocate("UK-000001", &err));
    /* Another one instead: the first goes back. */
    assert_true(allocate("UK-000002", &err));
    assert_string_equal(device_state("UK-000001"), "in-stock");
    assert_string_equal(pg_ask("SELECT device FROM ra.case_file"), "UK-000002");
    assert_false(allocate("UK-000003", &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void
personalised_device_is_not_exchanged_unless_it_is_lost(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    struct error err;
    struct device_act lost = {.serial = "UK-000001",
                              .to = DEVICE_LOST,
                              .who = DEVICE_BY_CLERK,
                              .actor = clerk,
                              .at = parts.now};

    (void)state;
    first_passed(BUSINESS_NEW);
    stock("UK-000001");
    stock("UK-000002");
    assert_true(allocate("UK-000001", &err));
    assert_true(personalise("UK-000001", parts.device_key, parts.device_key,
                            number, pin, &err));
    assert_false(allocate("UK-000002", &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_true(device_move(db, &lost, &err));
    assert_true(allocate("UK-000002", &err));
}

static void
second_personalisation_with_another_key_is_refused(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    char again[MAKING_PIN_LEN + 1];
    char sql[160];
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    stock("UK-000001");
    assert_true(allocate("UK-000001", &err));
    assert_true(personalise("UK-000001", parts.device_key, parts.device_key,
                            number, pin, &err));
    assert_false(
        personalise("UK-000001", other_key, other_key, number, again, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    /* A station that stopped in between gets the same PIN again. */
    assert_true(personalise("UK-000001", parts.device_key, parts.device_key,
                            number, again, &err));
    assert_string_equal(pin, again);
    assert_int_equal(strlen(pin), MAKING_PIN_LEN);
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*) FROM ra.device d WHERE"
                   " position('%s'::bytea in d.admin_sealed) > 0",
                   pin);
    assert_string_equal(pg_ask(sql), "0");
}

static void
transport_key_that_the_own_key_does_not_vouch_for_is_refused(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    EVP_PKEY *small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
    EVP_PKEY *own = parts_key("RSA");
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    stock("UK-000001");
    assert_true(allocate("UK-000001", &err));
    transport_signer = other_key;
    assert_false(personalise("UK-000001", parts.device_key, parts.device_key,
                             number, pin, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_non_null(strstr(err.what, "transport_signature"));
    transport_signer = NULL;
    /* Neither what cannot unwrap, nor what is too short, nor the own key. */
    transport_key = other_key;
    assert_false(personalise("UK-000001", parts.device_key, parts.device_key,
                             number, pin, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    transport_key = small;
    assert_false(personalise("UK-000001", parts.device_key, parts.device_key,
                             number, pin, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    transport_key = own;
    assert_false(personalise("UK-000001", own, own, number, pin, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_string_equal(device_state("UK-000001"), "allocated");
    transport_key = parts.transport_key;
    assert_true(personalise("UK-000001", parts.device_key, parts.device_key,
                            number, pin, &err));
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.device WHERE transport"
                               " IS NOT NULL AND transport_signature IS NOT"
                               " NULL"),
                        "1");
    EVP_PKEY_free(small);
    EVP_PKEY_free(own);
}

static void
second_personalisation_with_another_transport_key_is_refused(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    char again[MAKING_PIN_LEN + 1];
    EVP_PKEY *another = parts_key("RSA");
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    stock("UK-000001");
    assert_true(allocate("UK-000001", &err));
    assert_true(personalise("UK-000001", parts.device_key, parts.device_key,
                            number, pin, &err));
    transport_key = another;
    assert_false(personalise("UK-000001", parts.device_key, parts.device_key,
                             number, again, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.what, "transport"));
    transport_key = parts.transport_key;
    assert_true(personalise("UK-000001", parts.device_key, parts.device_key,
                            number, again, &err));
    assert_string_equal(pin, again);
    EVP_PKEY_free(another);
}

static void
pin_of_a_device_that_is_on_its_way_is_told_to_nobody(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    sent("UK-000001", "SF1000000001");
    assert_false(personalise("UK-000001", parts.device_key, parts.device_key,
                             number, pin, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
}

static void
personalisation_without_possession_of_the_key_is_refused(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    stock("UK-000001");
    assert_true(allocate("UK-000001", &err));
    assert_false(personalise("UK-000001", parts.device_key, other_key, number,
                             pin, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_false(personalise("UK-000001", parts.device_key, parts.device_key,
                             "N20261124-999999", pin, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_string_equal(device_state("UK-000001"), "allocated");
}

static void
device_that_its_maker_did_not_sign_for_is_not_sent(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    char id[TEXT_UUID_LEN + 1];
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    stock("UK-000001");
    assert_false(ship("SF1000000001", id, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_true(allocate("UK-000001", &err));
    assert_true(personalise("UK-000001", parts.device_key, parts.device_key,
                            number, pin, &err));
    assert_false(ship("SF1000000001", id, &err));
    assert_non_null(strstr(err.what, "signed"));
    assert_true(case_parts_decide(&parts, number, &parts.maker, API_STEP_MAKING,
                                  API_APPROVE, &err));
    assert_true(ship("SF1000000001", id, &err));
    assert_false(ship("SF1000000002", id, &err)); /* it is out already */
}

static void
makers_signature_for_one_device_does_not_send_another(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    char id[TEXT_UUID_LEN + 1];
    struct error err;
    struct device_act lost = {.serial = "UK-000001",
                              .to = DEVICE_LOST,
                              .who = DEVICE_BY_CLERK,
                              .actor = clerk,
                              .at = parts.now};

    (void)state;
    first_passed(BUSINESS_NEW);
    sent("UK-000001", "SF1000000001");
    assert_true(device_move(db, &lost, &err));
    stock("UK-000002");
    assert_true(allocate("UK-000002", &err));
    assert_true(
        personalise("UK-000002", other_key, other_key, number, pin, &err));
    assert_false(ship("SF1000000002", id, &err));
    assert_non_null(strstr(err.what, "signed"));
}

static void
given_up_case_gives_its_device_back(void **state)
{
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    stock("UK-000001");
    assert_true(allocate("UK-000001", &err));
    assert_true(
        case_parts_act(&parts, number, CASE_WITHDRAW, CASE_BY_APPLICANT, &err));
    assert_string_equal(device_state("UK-000001"), "in-stock");
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.device WHERE number IS NULL"), "1");
}

static void
given_up_case_keeps_a_made_device_at_home(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    stock("UK-000001");
    assert_true(allocate("UK-000001", &err));
    assert_true(personalise("UK-000001", parts.device_key, parts.device_key,
                            number, pin, &err));
    assert_true(
        case_parts_act(&parts, number, CASE_WITHDRAW, CASE_BY_APPLICANT, &err));
    assert_string_equal(device_state("UK-000001"), "returned");
}

static void
refund_of_a_given_up_case_waits_for_its_device(void **state)
{
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    sent("UK-000001", "SF1000000001");
    assert_true(
        case_parts_act(&parts, number, CASE_WITHDRAW, CASE_BY_APPLICANT, &err));
    assert_string_equal(device_state("UK-000001"), "shipped");
    assert_string_equal(pg_ask("SELECT state FROM ra.refund"),
                        "waiting-device");
    assert_true(intake_device_back(db, "UK-000001", clerk, parts.now, &err));
    assert_string_equal(device_state("UK-000001"), "returned");
    assert_string_equal(pg_ask("SELECT state FROM ra.refund"), "due");
    assert_false(intake_device_back(db, "UK-000001", clerk, parts.now, &err));
}

/* ---- Parcels ---------------------------------------------------------------
 */

static void
news_that_comes_twice_counts_once(void **state)
{
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    sent("UK-000001", "SF1000000001");
    assert_true(news("e1", "SF1000000001", "in-transit", &err));
    assert_true(news("e2", "SF1000000001", "delivered", &err));
    assert_true(news("e2", "SF1000000001", "delivered", &err));
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.shipment_event"), "2");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_history"
                               " WHERE event = 'delivered'"),
                        "1");
}

static void
late_news_is_noted_and_changes_nothing(void **state)
{
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    sent("UK-000001", "SF1000000001");
    assert_true(news("e2", "SF1000000001", "delivered", &err));
    assert_true(news("e1", "SF1000000001", "in-transit", &err));
    assert_true(news("e3", "SF1000000001", "failed", &err));
    assert_string_equal(pg_ask("SELECT state FROM ra.shipment"), "delivered");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.shipment_event"), "3");
    assert_string_equal(device_state("UK-000001"), "delivered");
}

static void
news_of_a_parcel_that_is_not_ours_is_refused(void **state)
{
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    sent("UK-000001", "SF1000000001");
    assert_false(news("e1", "SF1000000009", "delivered", &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(device_state("UK-000001"), "shipped");
}

static void
spent_number_of_a_courier_call_opens_nothing_again(void **state)
{
    static const char nonce[] = "00112233445566778899aabbccddeeff";
    struct shipment_news told = {.event_id = "e1",
                                 .carrier = "SF",
                                 .tracking = "SF1000000001",
                                 .status = "delivered",
                                 .at = parts.now};
    struct error err = {0};

    (void)state;
    first_passed(BUSINESS_NEW);
    sent("UK-000001", "SF1000000001");
    assert_true(
        shipment_tell(&parts.business, db, &told, nonce, parts.now, &err));
    told.event_id = "e2";
    assert_false(
        shipment_tell(&parts.business, db, &told, nonce, parts.now, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
}

static void
one_tracking_number_is_one_parcel(void **state)
{
    struct shipment_request request = {.carrier = "SF",
                                       .tracking = "SF1000000001",
                                       .actor = "example",
                                       .account = "example",
                                       .at = parts.now};
    char id[TEXT_UUID_LEN + 1];
    struct error err = {0};

    (void)state;
    first_passed(BUSINESS_NEW);
    request.number = number;
    sent("UK-000001", "SF1000000001");
    assert_false(shipment_announce(&parts.business, db, &request, id, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    request.tracking = "SF2000000001";
    assert_true(shipment_announce(&parts.business, db, &request, id, &err));
    request.account = "another";
    request.tracking = "SF2000000002";
    assert_false(shipment_announce(&parts.business, db, &request, id, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_true(
        shipment_deliver(&parts.business, db, id, clerk, parts.now, &err));
    assert_true(
        shipment_deliver(&parts.business, db, id, clerk, parts.now, &err));
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_history"
                               " WHERE event = 'delivered'"),
                        "1");
}

static void
malformed_news_is_refused(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"event_id\":\"\",\"carrier\":\"SF\",\"tracking\":\"SF10\","
        "\"status\":\"delivered\",\"at\":\"2026-11-24T00:00:00Z\"}",
        "{\"event_id\":\"e\",\"carrier\":\"SF\",\"tracking\":\"sf 1\","
        "\"status\":\"delivered\",\"at\":\"2026-11-24T00:00:00Z\"}",
        "{\"event_id\":\"e\",\"carrier\":\"SF\",\"tracking\":\"SF10\","
        "\"status\":\"eaten\",\"at\":\"2026-11-24T00:00:00Z\"}",
        "{\"event_id\":\"e\",\"carrier\":\"SF\",\"tracking\":\"SF10\","
        "\"status\":\"delivered\",\"at\":\"2036-11-24T00:00:00Z\"}",
        "{\"event_id\":\"e\",\"carrier\":\"SF\",\"tracking\":\"SF10\","
        "\"status\":\"delivered\",\"at\":\"2026-11-24T00:00:00Z\",\"x\":1}",
    };
    struct shipment_news out;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct error err = {0};
        json_t *json = NULL;

        assert_true(json_parse_object((const uint8_t *)bad[i], strlen(bad[i]),
                                      &json, NULL));
        assert_false(shipment_news_parse(json, parts.now, &out, &err));
        assert_int_equal(err.code, ERROR_INPUT);
        json_decref(json);
    }
}

/* ---- Papers ----------------------------------------------------------------
 */

static bool
take(const char *json_text, enum case_state *to, json_t **papers,
     struct error *err)
{
    struct intake intake;
    json_t *json = NULL;
    bool ok = false;

    memset(err, 0, sizeof *err);
    *papers = NULL;
    assert_true(json_parse_object((const uint8_t *)json_text, strlen(json_text),
                                  &json, err));
    if (intake_parse(json, &intake, err)) {
        intake.number = number;
        intake.officer_id = clerk;
        intake.at = parts.now;
        ok = intake_take(&parts.business, db, &intake, to, papers, err);
    }
    json_decref(json);
    return ok;
}

static void
case_is_found_by_its_number_and_by_nothing_invented(void **state)
{
    char found[DB_CASE_NUMBER_MAX + 1];
    struct error err = {0};

    (void)state;
    assert_true(intake_find(&parts.business, "N20261124-000001", found, &err));
    assert_string_equal(found, "N20261124-000001");
    assert_false(intake_find(&parts.business, "X20261124-000001", found, &err));
    assert_false(intake_find(&parts.business, "N20261124-00001", found, &err));
    assert_false(intake_find(&parts.business, "", found, &err));
    assert_false(intake_find(
        &parts.business,
        "SIGNET1:N20261124-000001:1:certificate:0011223344556677:0000", found,
        &err));
    assert_int_equal(err.code, ERROR_INPUT);
}

static void
missing_and_defective_papers_are_asked_for(void **state)
{
    enum case_state to;
    json_t *papers;
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    assert_true(take("{\"received\":[\"business-licence\"],"
                     "\"defective\":{\"handler-id\":\"no stamp\"}}",
                     &to, &papers, &err));
    assert_int_equal(to, CASE_AWAITING_ORIGINALS);
    assert_true(json_array_size(papers) >= 3);
    json_decref(papers);
    assert_string_equal(
        pg_ask("SELECT state FROM ra.paper WHERE slot = 'handler-id'"),
        "defective");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.notice"
                               " WHERE event = 'case.papers-wanted'"
                               " AND channel = 'sms'"),
                        "1");
    /* The entry is refused as long as something is missing. */
    assert_false(case_parts_decide(&parts, number, &parts.clerk, API_STEP_ENTRY,
                                   API_APPROVE, &err));
    case_parts_papers(number);
    assert_true(case_parts_decide(&parts, number, &parts.clerk, API_STEP_ENTRY,
                                  API_APPROVE, &err));
    assert_string_equal(case_parts_state(number), "second-review");
    assert_false(take("{\"received\":[\"handler-id\"]}", &to, &papers, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
}

static void
papers_that_the_case_does_not_await_are_refused(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"received\":[]}",
        "{\"received\":[1]}",
        "{\"received\":[\"passport\"]}",
        "{\"defective\":{\"handler-id\":\"\"}}",
        "{\"defective\":{\"handler-id\":1}}",
    };
    enum case_state to;
    json_t *papers;
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(take(bad[i], &to, &papers, &err));
        assert_int_equal(err.code, ERROR_INPUT);
    }
}

static void
supplement_goes_on_when_all_is_there(void **state)
{
    enum case_state to;
    json_t *papers;
    struct error err;

    (void)state;
    first_passed(BUSINESS_NEW);
    case_parts_papers(number);
    assert_true(case_parts_decide(&parts, number, &parts.clerk, API_STEP_ENTRY,
                                  API_APPROVE, &err));
    assert_true(case_parts_decide(&parts, number, &parts.second,
                                  API_STEP_SECOND_REVIEW, API_SUPPLEMENT,
                                  &err));
    assert_string_equal(case_parts_state(number), "supplement");
    pg_sql("UPDATE ra.paper SET state = 'defective'");
    assert_true(take("{\"received\":[\"handler-id\"]}", &to, &papers, &err));
    assert_int_equal(to, CASE_SUPPLEMENT);
    json_decref(papers);
    pg_sql("UPDATE ra.paper SET state = 'received'"
           " WHERE slot <> 'business-licence'");
    assert_true(
        take("{\"received\":[\"business-licence\"]}", &to, &papers, &err));
    assert_int_equal(to, CASE_SECOND_REVIEW);
    json_decref(papers);
}

static void
change_takes_the_device_of_its_certificate_and_no_other(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    char serial[64];
    char body[160];
    enum case_state to;
    json_t *papers;
    struct error err;

    (void)state;
    case_parts_live(&parts, "example", parts.now + 86400 * 100);
    memcpy(serial, pg_ask("SELECT device FROM ra.holder_certificate"), 16);
    first_passed(BUSINESS_CHANGE);
    stock("UK-000009");
    assert_false(take("{\"received\":[\"device\"]}", &to, &papers, &err));
    assert_false(take("{\"received\":[\"device\"],\"device\":\"UK-000009\"}",
                      &to, &papers, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    (void)snprintf(body, sizeof body,
                   "{\"received\":[\"device\"],\"device\":\"%s\"}", serial);
    assert_true(take(body, &to, &papers, &err));
    json_decref(papers);
    assert_string_equal(device_state(serial), "returned");
    assert_string_equal(pg_ask("SELECT state FROM ra.paper"
                               " WHERE slot = 'device'"),
                        "received");
    /* It is rewritten after the second review, not before. */
    assert_false(personalise(serial, parts.device_key, parts.device_key, number,
                             pin, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    case_parts_papers(number);
    assert_true(case_parts_decide(&parts, number, &parts.clerk, API_STEP_ENTRY,
                                  API_APPROVE, &err));
    assert_true(case_parts_decide(&parts, number, &parts.second,
                                  API_STEP_SECOND_REVIEW, API_APPROVE, &err));
    assert_true(allocate(serial, &err)); /* it is the case's already */
    assert_string_equal(device_state(serial), "returned");
    assert_true(personalise(serial, parts.device_key, parts.device_key, number,
                            pin, &err));
    assert_string_equal(device_state(serial), "rewritten");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
        cmocka_unit_test(moves_that_the_table_does_not_have_are_refused),
        cmocka_unit_test(destroyed_device_stays_destroyed),
        TEST(stocking_a_known_device_again_changes_nothing),
        TEST(device_goes_from_stock_to_the_holder_with_every_step_recorded),
        TEST(nothing_is_made_before_the_first_review),
        TEST(one_device_is_for_one_case),
        TEST(personalised_device_is_not_exchanged_unless_it_is_lost),
        TEST(second_personalisation_with_another_key_is_refused),
        TEST(transport_key_that_the_own_key_does_not_vouch_for_is_refused),
        TEST(second_personalisation_with_another_transport_key_is_refused),
        TEST(pin_of_a_device_that_is_on_its_way_is_told_to_nobody),
        TEST(personalisation_without_possession_of_the_key_is_refused),
        TEST(device_that_its_maker_did_not_sign_for_is_not_sent),
        TEST(makers_signature_for_one_device_does_not_send_another),
        TEST(given_up_case_gives_its_device_back),
        TEST(given_up_case_keeps_a_made_device_at_home),
        TEST(refund_of_a_given_up_case_waits_for_its_device),
        TEST(news_that_comes_twice_counts_once),
        TEST(late_news_is_noted_and_changes_nothing),
        TEST(news_of_a_parcel_that_is_not_ours_is_refused),
        TEST(spent_number_of_a_courier_call_opens_nothing_again),
        TEST(one_tracking_number_is_one_parcel),
        cmocka_unit_test(malformed_news_is_refused),
        TEST(case_is_found_by_its_number_and_by_nothing_invented),
        TEST(missing_and_defective_papers_are_asked_for),
        TEST(papers_that_the_case_does_not_await_are_refused),
        TEST(supplement_goes_on_when_all_is_there),
        TEST(change_takes_the_device_of_its_certificate_and_no_other),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
