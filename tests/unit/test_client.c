/*
 * The holder's client (ra/client.h) on a real database with the engine of cases
 * and a CA that is a fake of ra/ca_client.h: what may be repeated, and what
 * strangers and thieves try.
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
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "ra/case_field.h"
#include "ra/case_send.h"
#include "ra/client.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/pg.h"
#include "tests/unit/ra_parts.h"

enum { DAY = 86400 };

static struct case_parts parts;
static struct db *db;
static EVP_PKEY *other_key, *holder_key, *new_key;

/* ---- The fake CA -----------------------------------------------------------
 */

static enum ca_outcome ca_says;

/* A certificate for this key. */
static void
certificate_add(EVP_PKEY *key, struct api_answer_certificate *out)
{
    static uint8_t count;
    X509 *x509 = X509_new();
    unsigned char *der = NULL;
    int len;

    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 7), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x509), parts.now - 60));
    assert_non_null(
        ASN1_TIME_set(X509_getm_notAfter(x509), parts.now + 700 * DAY));
    assert_int_equal(X509_set_pubkey(x509, key), 1);
    assert_true(X509_sign(x509, other_key, EVP_sha256()) > 0);
    len = i2d_X509(x509, &der);
    out->issuer = "issuing-1";
    out->serial[0] = ++count;
    out->der = base_alloc((size_t)len);
    memcpy(out->der, der, (size_t)len);
    out->der_len = (size_t)len;
    OPENSSL_free(der);
    X509_free(x509);
}

/* A pair: for the request of the envelope, and for a key of another's making.
 */
static void
issue(const json_t *envelope, struct api_answer *answer)
{
    json_t *from = json_object_get(envelope, "csr") != NULL
                       ? (json_t *)(uintptr_t)envelope
                       : json_object_get(envelope, "order");
    struct buf csr = BUF_INIT(API_CSR_MAX);
    const unsigned char *p;
    X509_REQ *req;

    assert_true(json_get_bytes(from, "csr", API_CSR_MAX, &csr, NULL));
    p = csr.data;
    req = d2i_X509_REQ(NULL, &p, (long)csr.len);
    assert_non_null(req);
    answer->certificate_count = 2;
    answer->certificate = calloc(2, sizeof *answer->certificate);
    assert_non_null(answer->certificate);
    certificate_add(X509_REQ_get0_pubkey(req), &answer->certificate[0]);
    certificate_add(parts.transport_key, &answer->certificate[1]);
    X509_REQ_free(req);
    buf_clear(&csr);
}

enum ca_outcome
ca_client_send(struct ca_client *client, const json_t *envelope,
               const char *order_id, struct api_answer *answer,
               struct error *err)
{
    const json_t *order = json_object_get(envelope, "order");
    const char *kind = json_string_value(json_object_get(order, "kind"));

    (void)client;
    assert_string_equal(json_string_value(json_object_get(order, "order_id")),
                        order_id);
    if (ca_says != CA_DONE) {
        error_set(err, ca_says == CA_REFUSED ? ERROR_DENIED : ERROR_BUSY,
                  "no answer, or no");
        return ca_says;
    }
    answer->state = API_DONE;
    memcpy(answer->order_id, order_id, TEXT_UUID_LEN + 1);
    if (strcmp(kind, "revoke") == 0)
        answer->kind = API_REVOKE;
    else
        issue(envelope, answer);
    return CA_DONE;
}

bool
ca_client_issuer(struct ca_client *client, const char *name, struct buf *der,
                 struct error *err)
{
    (void)client;
    (void)name;
    (void)err;
    return buf_add(der, "issuer", 6);
}

bool
ca_client_answer(struct ca_client *client, const char *order_id,
                 struct api_answer *answer, struct error *err)
{
    (void)client;
    (void)order_id;
    (void)answer;
    return error_set(err, ERROR_INTERNAL, "not in this test");
}

bool
ca_client_received(struct ca_client *client, const char *order_id,
                   struct error *err)
{
    (void)client;
    (void)order_id;
    return error_set(err, ERROR_INTERNAL, "not in this test");
}

/* The rest of the module is not asked here. */
bool
ca_client_officers(struct ca_client *client, json_t **out, struct error *err)
{
    (void)client;
    *out = NULL;
    return error_set(err, ERROR_INTERNAL, "not in this test");
}

/* ---- Start and end ---------------------------------------------------------
 */

static int
group_start(void **state)
{
    (void)state;
    pg_start();
    case_parts_init(&parts);
    other_key = parts_key("P-256");
    holder_key = parts_key("P-256");
    new_key = parts_key("P-256");
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    EVP_PKEY_free(other_key);
    EVP_PKEY_free(holder_key);
    EVP_PKEY_free(new_key);
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
    ca_says = CA_DONE;
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    case_parts_close(&parts);
    return 0;
}

/* ---- What a client does ----------------------------------------------------
 */

static char number[DB_CASE_NUMBER_MAX + 1];
static char serial[DB_DEVICE_SERIAL_MAX + 1];

struct signature {
    uint8_t octet[API_SIGNATURE_MAX];
    size_t len;
};

static void
sign_octets(EVP_PKEY *key, const void *data, size_t len, struct signature *out)
{
    assert_true(api_sign(key, data, len, out->octet, &out->len, NULL));
}

/* A call as a device signs it. */
static struct client_call
call_at(const char *action, const char *of_case, EVP_PKEY *key, int64_t at,
        struct signature *signature)
{
    struct buf statement = BUF_INIT(1024);
    char time[CLOCK_TEXT_LEN + 1];
    struct client_call call = {.action = action,
                               .number = of_case,
                               .device = serial,
                               .signed_at = at,
                               .signature = signature->octet,
                               .at = at};

    clock_format(at, time);
    (void)buf_addf(&statement,
                   "{\"action\":\"%s\",\"device\":\"%s\",\"number\":\"%s\","
                   "\"signed_at\":\"%s\"}",
                   action, serial, of_case, time);
    sign_octets(key, statement.data, statement.len, signature);
    call.signature_len = signature->len;
    buf_clear(&statement);
    return call;
}

struct draw {
    enum code_purpose purpose;
    int64_t at;
    char code[CODE_MAX + 1];
};

static bool
draw_run(struct db *conn, void *arg, struct error *err)
{
    struct draw *draw = arg;

    return code_draw(conn, parts.vault, number, draw->purpose, NULL, draw->at,
                     draw->code, err);
}

/* The code that a person got: another one in its place, which we know. */
static void
known_code(enum code_purpose purpose, int64_t at, char code[CODE_MAX + 1])
{
    struct draw draw = {.purpose = purpose, .at = at};

    assert_true(db_transaction(db, draw_run, &draw, NULL));
    memcpy(code, draw.code, sizeof draw.code);
}

static void
spoil(const char *code, char wrong[CODE_MAX + 1])
{
    memcpy(wrong, code, CODE_MAX + 1);
    wrong[0] = code[0] == '2' ? '3' : '2';
}

static void
send_all(void)
{
    struct ra_job job = {.db = db, .business = &parts.business};
    struct error err = {0};

    assert_true(case_send_job(&job, parts.now, &err));
}

/* ---- Activation ------------------------------------------------------------
 */

/* A case whose device may be activated, and the code for it. */
static void
activation_allowed(char code[CODE_MAX + 1])
{
    struct error err;

    assert_true(case_parts_create(&parts, BUSINESS_NEW, number, &err));
    assert_true(
        case_parts_act(&parts, number, CASE_SUBMIT, CASE_BY_APPLICANT, &err));
    case_parts_documents(&parts, number);
    assert_true(
        case_parts_act(&parts, number, CASE_HAND_IN, CASE_BY_APPLICANT, &err));
    case_parts_pay(number);
    assert_true(case_parts_act(&parts, number, CASE_PAY, CASE_BY_SYSTEM, &err));
    assert_true(case_parts_decide(&parts, number, &parts.first,
                                  API_STEP_FIRST_REVIEW, API_APPROVE, &err));
    memcpy(serial, "UK-000001", 10);
    case_parts_device(&parts, number, serial);
    case_parts_papers(number);
    assert_true(case_parts_decide(&parts, number, &parts.clerk, API_STEP_ENTRY,
                                  API_APPROVE, &err));
    assert_true(case_parts_decide(&parts, number, &parts.second,
                                  API_STEP_SECOND_REVIEW, API_APPROVE, &err));
    assert_string_equal(case_parts_state(number), "activation-allowed");
    known_code(CODE_ACTIVATION, parts.now, code);
}

static bool
open_it(const char *code, EVP_PKEY *key, char id[TEXT_UUID_LEN + 1],
        struct error *err)
{
    struct signature signature;
    struct client_call call =
        call_at("activate", "", key, parts.now, &signature);
    json_t *out = NULL;
    bool ok;

    memset(err, 0, sizeof *err);
    ok = client_activation_open(&parts.business, db, &call, code, &out, err);
    if (ok)
        memcpy(id, json_string_value(json_object_get(out, "id")),
               TEXT_UUID_LEN + 1);
    json_decref(out);
    return ok;
}

static bool
activate(const char *id, const char *code, EVP_PKEY *device_key, EVP_PKEY *key,
         struct error *err)
{
    /* One request for each key, as a client keeps it: ECDSA signs differently
     * each time. */
    static struct buf kept[2] = {BUF_INIT(API_CSR_MAX), BUF_INIT(API_CSR_MAX)};
    struct buf *csr = &kept[key == holder_key ? 0 : 1];
    struct buf statement = BUF_INIT(1024);
    struct signature signature;
    struct client_activation activation = {.order_id = id,
                                           .code = code,
                                           .device = serial,
                                           .signature = signature.octet,
                                           .at = parts.now};
    bool ok;

    memset(err, 0, sizeof *err);
    if (csr->len == 0)
        parts_csr(key, csr);
    assert_true(api_completion_encode(serial, csr->data, csr->len, id,
                                      &statement, NULL));
    sign_octets(device_key, statement.data, statement.len, &signature);
    activation.csr = csr->data;
    activation.csr_len = csr->len;
    activation.signature_len = signature.len;
    ok = client_activate(&parts.business, db, &activation, err);
    buf_clear(&statement);
    return ok;
}

static void
assert_status(const char *id, const char *wanted, size_t certificates)
{
    json_t *out = NULL;

    assert_true(client_order_status(db, id, &out, NULL));
    assert_string_equal(json_string_value(json_object_get(out, "state")),
                        wanted);
    assert_int_equal(json_array_size(json_object_get(out, "certificates")),
                     certificates);
    json_decref(out);
}

static void
device_with_its_code_gets_its_certificate(void **state)
{
    char code[CODE_MAX + 1];
    char id[TEXT_UUID_LEN + 1];
    struct error err;

    (void)state;
    activation_allowed(code);
    assert_true(open_it(code, parts.device_key, id, &err));
    assert_status(id, "open", 0);
    assert_true(activate(id, code, parts.device_key, holder_key, &err));
    assert_string_equal(case_parts_state(number), "issuing");
    assert_status(id, "waiting", 0);
    send_all();
    assert_string_equal(case_parts_state(number), "activated");
    assert_status(id, "done", 2);
    assert_string_equal(pg_ask("SELECT state FROM ra.device"), "active");
}

static void
activation_may_be_repeated_with_the_same_request_and_no_other(void **state)
{
    char code[CODE_MAX + 1];
    char id[TEXT_UUID_LEN + 1];
    struct error err;

    (void)state;
    activation_allowed(code);
    assert_true(open_it(code, parts.device_key, id, &err));
    assert_true(activate(id, code, parts.device_key, holder_key, &err));
    assert_true(activate(id, code, parts.device_key, holder_key, &err));
    assert_false(activate(id, code, parts.device_key, new_key, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    send_all();
    assert_true(activate(id, code, parts.device_key, holder_key, &err));
    assert_false(activate(id, code, parts.device_key, new_key, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.holder_certificate"),
                        "2"); /* one pair */
}

static void
activation_signed_by_another_device_is_refused_and_costs_no_try(void **state)
{
    char code[CODE_MAX + 1];
    char id[TEXT_UUID_LEN + 1];
    struct error err;

    (void)state;
    activation_allowed(code);
    for (int i = 0; i < 12; i++) {
        assert_false(open_it("WRNGWRNGWRNG", other_key, id, &err));
        assert_int_equal(err.code, ERROR_DENIED);
    }
    assert_true(open_it(code, parts.device_key, id, &err));
    assert_false(activate(id, code, other_key, holder_key, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_true(activate(id, code, parts.device_key, holder_key, &err));
}

static void
activation_with_a_wrong_code_is_refused_and_ends_after_ten(void **state)
{
    char code[CODE_MAX + 1];
    char wrong[CODE_MAX + 1];
    char id[TEXT_UUID_LEN + 1];
    struct error err;

    (void)state;
    activation_allowed(code);
    spoil(code, wrong);
    for (int i = 0; i < 10; i++) {
        assert_false(open_it(wrong, parts.device_key, id, &err));
        assert_int_equal(err.code, ERROR_DENIED);
    }
    assert_false(open_it(code, parts.device_key, id, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_string_equal(case_parts_state(number), "activation-allowed");
}

static void
device_that_was_not_sent_is_not_activated(void **state)
{
    static const char *const states[] = {"personalised", "rewritten", "lost",
                                         "returned"};
    char code[CODE_MAX + 1];
    char id[TEXT_UUID_LEN + 1];
    char sql[80];
    struct error err;

    (void)state;
    activation_allowed(code);
    assert_true(open_it(code, parts.device_key, id, &err));
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        (void)snprintf(sql, sizeof sql, "UPDATE ra.device SET state = '%s'",
                       states[i]);
        pg_sql(sql);
        assert_false(open_it(code, parts.device_key, id, &err));
        assert_int_equal(err.code, ERROR_CONFLICT);
        assert_false(activate(id, code, parts.device_key, holder_key, &err));
        assert_int_equal(err.code, ERROR_CONFLICT);
    }
}

static void
device_of_another_case_is_not_activated(void **state)
{
    char code[CODE_MAX + 1];
    char id[TEXT_UUID_LEN + 1];
    struct error err;

    (void)state;
    activation_allowed(code);
    assert_true(open_it(code, parts.device_key, id, &err));
    pg_sql("UPDATE ra.device SET number = NULL");
    assert_false(open_it(code, parts.device_key, id, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_false(activate(id, code, parts.device_key, holder_key, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    memcpy(serial, "UK-000002", 10);
    assert_false(open_it(code, parts.device_key, id, &err));
    assert_int_equal(err.code, ERROR_DENIED);
}

static void
devices_own_key_gets_no_certificate(void **state)
{
    char code[CODE_MAX + 1];
    char id[TEXT_UUID_LEN + 1];
    struct buf csr = BUF_INIT(API_CSR_MAX);
    struct buf statement = BUF_INIT(1024);
    struct signature signature;
    struct error err;
    struct client_activation activation = {.order_id = id,
                                           .code = code,
                                           .device = serial,
                                           .signature = signature.octet,
                                           .at = parts.now};

    (void)state;
    activation_allowed(code);
    assert_true(open_it(code, parts.device_key, id, &err));
    parts_csr(parts.device_key, &csr);
    assert_true(
        api_completion_encode(serial, csr.data, csr.len, id, &statement, NULL));
    sign_octets(parts.device_key, statement.data, statement.len, &signature);
    activation.csr = csr.data;
    activation.csr_len = csr.len;
    activation.signature_len = signature.len;
    assert_false(client_activate(&parts.business, db, &activation, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    buf_clear(&csr);
    buf_clear(&statement);
}

static void
refused_activation_goes_again_with_the_new_code_alone(void **state)
{
    char code[CODE_MAX + 1];
    char next[CODE_MAX + 1];
    char id[TEXT_UUID_LEN + 1];
    struct error err;

    (void)state;
    activation_allowed(code);
    assert_true(open_it(code, parts.device_key, id, &err));
    assert_true(activate(id, code, parts.device_key, holder_key, &err));
    ca_says = CA_REFUSED;
    send_all();
    assert_string_equal(case_parts_state(number), "activation-allowed");
    assert_status(id, "refused", 0);
    assert_false(activate(id, code, parts.device_key, new_key, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    known_code(CODE_ACTIVATION, parts.now, next);
    ca_says = CA_DONE;
    assert_true(activate(id, next, parts.device_key, new_key, &err));
    send_all();
    assert_string_equal(case_parts_state(number), "activated");
}

static void
old_call_opens_nothing(void **state)
{
    char code[CODE_MAX + 1];
    struct signature signature;
    struct client_call call;
    json_t *out = NULL;
    struct error err = {0};

    (void)state;
    activation_allowed(code);
    call = call_at("activate", "", parts.device_key, parts.now, &signature);
    call.at = parts.now + 301;
    assert_false(
        client_activation_open(&parts.business, db, &call, code, &out, &err));
    assert_int_equal(err.code, ERROR_DENIED);
}

/* ---- A live certificate ----------------------------------------------------
 */

/* SQL with octets put in as hex. */
static void
set_octets(const char *format, const uint8_t *data, size_t len)
{
    struct buf sql = BUF_INIT(65536);
    struct buf hex = BUF_INIT(32768);

    for (size_t i = 0; i < len; i++)
        (void)buf_addf(&hex, "%02x", data[i]);
    (void)buf_add_text(&sql, format);
    (void)buf_addf(&sql, " decode('%s', 'hex')", buf_text(&hex));
    pg_sql(buf_text(&sql));
    buf_clear(&sql);
    buf_clear(&hex);
}

/* The account has a certificate for holder_key, in a device with its own key
 * and administrator PIN. */
static void
live(int64_t not_after)
{
    struct buf der = BUF_INIT(65536);
    struct buf sealed = BUF_INIT(256);
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(parts.device_key, &spki);

    case_parts_live(&parts, "example", not_after);
    case_parts_certificate(holder_key, parts.now - DAY, not_after, &der);
    set_octets("UPDATE ra.holder_certificate SET der =", der.data, der.len);
    set_octets("UPDATE ra.device SET spki =", spki, (size_t)len);
    (void)snprintf(serial, sizeof serial, "%s",
                   pg_ask("SELECT serial FROM ra.device"));
    assert_true(making_pin_seal(parts.vault, serial, "admin",
                                "ADMNADMNADMNADMN", &sealed, NULL));
    set_octets("UPDATE ra.device SET admin_sealed =", sealed.data, sealed.len);
    OPENSSL_free(spki);
    buf_clear(&der);
    buf_clear(&sealed);
}

/* ---- Proofs ----------------------------------------------------------------
 */

static bool
prove(const char *code, const char *device, EVP_PKEY *key, struct error *err)
{
    struct buf statement = BUF_INIT(1024);
    struct signature signature;
    char proved[DB_CASE_NUMBER_MAX + 1];
    struct client_proof proof = {.code = code,
                                 .device = device,
                                 .signature = signature.octet,
                                 .at = parts.now};
    json_t *out = NULL;
    bool ok;

    memset(err, 0, sizeof *err);
    if (!client_challenge(&parts.business, db, code, parts.now, &out, err))
        return false;
    (void)buf_addf(&statement,
                   "{\"challenge\":\"%s\",\"device\":\"%s\",\"number\":"
                   "\"%s\"}",
                   json_string_value(json_object_get(out, "challenge")), device,
                   json_string_value(json_object_get(out, "number")));
    sign_octets(key, statement.data, statement.len, &signature);
    proof.signature_len = signature.len;
    ok = client_prove(&parts.business, db, &proof, proved, err);
    json_decref(out);
    buf_clear(&statement);
    return ok;
}

/* A change that nobody proved yet. */
static void
unproved_change(void)
{
    struct error err;

    live(parts.now + 100 * DAY);
    assert_true(case_parts_create(&parts, BUSINESS_CHANGE, number, &err));
    pg_sql("DELETE FROM ra.case_history WHERE event = 'device-proved'");
}

static void
change_needs_the_proof_of_its_device(void **state)
{
    char code[CODE_MAX + 1];
    bool is_proved = true;
    struct error err;

    (void)state;
    unproved_change();
    assert_true(client_is_proved(db, number, &is_proved, NULL));
    assert_false(is_proved);
    assert_false(
        case_parts_act(&parts, number, CASE_SUBMIT, CASE_BY_APPLICANT, &err));
    known_code(CODE_CLIENT, parts.now, code);
    assert_true(prove(code, serial, holder_key, &err));
    assert_true(client_is_proved(db, number, &is_proved, NULL));
    assert_true(is_proved);
    assert_true(
        case_parts_act(&parts, number, CASE_SUBMIT, CASE_BY_APPLICANT, &err));
}

static void
proof_by_another_key_or_device_is_refused(void **state)
{
    char code[CODE_MAX + 1];
    struct error err;

    (void)state;
    unproved_change();
    known_code(CODE_CLIENT, parts.now, code);
    assert_false(prove(code, serial, other_key, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_false(prove(code, serial, parts.device_key, &err));
    assert_false(prove(code, "UK-000009", holder_key, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    pg_sql("UPDATE ra.holder_certificate SET state = 'held'");
    assert_false(prove(code, serial, holder_key, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
}

static void
client_code_is_good_once_and_for_the_account_that_has_the_case(void **state)
{
    char code[CODE_MAX + 1];
    char again[CODE_MAX + 1];
    int64_t expires_at;
    struct error err = {0};

    (void)state;
    unproved_change();
    assert_false(client_code_make(&parts.business, db, "another", number,
                                  parts.now, code, &expires_at, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_true(client_code_make(&parts.business, db, "example", number,
                                 parts.now, code, &expires_at, &err));
    assert_int_equal(expires_at, parts.now + 900);
    assert_true(prove(code, serial, holder_key, &err));
    assert_false(prove(code, serial, holder_key, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    spoil(code, again);
    assert_false(prove(again, serial, holder_key, &err));
    assert_int_equal(err.code, ERROR_DENIED);
}

/* ---- Unlocking -------------------------------------------------------------
 */

/* An unlocking by the handler of record, ready for its code. */
static void
unlock_approved(void)
{
    struct error err;

    assert_true(case_parts_create(&parts, BUSINESS_UNLOCK, number, &err));
    assert_true(
        case_parts_act(&parts, number, CASE_SUBMIT, CASE_BY_APPLICANT, &err));
    assert_string_equal(case_parts_state(number), "approved");
}

static bool
ask_code(EVP_PKEY *key, int64_t at, struct error *err)
{
    struct signature signature;
    struct client_call call = call_at("code", number, key, at, &signature);
    enum case_state to;

    memset(err, 0, sizeof *err);
    return client_unlock_code(&parts.business, db, &call, true, &to, err);
}

static bool
verify(const char *code, EVP_PKEY *key, int64_t at, struct error *err)
{
    struct signature signature;
    struct client_call call = call_at("verify", number, key, at, &signature);
    enum case_state to;

    memset(err, 0, sizeof *err);
    return client_unlock_verify(&parts.business, db, &call, code, &to, err);
}

static bool
release(EVP_PKEY *key, char pin[MAKING_PIN_LEN + 1],
        char next[MAKING_PIN_LEN + 1], struct error *err)
{
    struct signature signature;
    struct client_call call =
        call_at("administrator-pin", number, key, parts.now + 70, &signature);

    memset(err, 0, sizeof *err);
    return client_unlock_release(&parts.business, db, &call, pin, next, err);
}

static bool
done(struct error *err)
{
    struct signature signature;
    struct client_call call =
        call_at("done", number, parts.device_key, parts.now + 80, &signature);
    enum case_state to;

    memset(err, 0, sizeof *err);
    return client_unlock_done(&parts.business, db, &call, &to, err) &&
           to == CASE_DONE;
}

static bool
failed(struct error *err)
{
    struct signature signature;
    struct client_call call =
        call_at("failed", number, parts.device_key, parts.now + 80, &signature);
    enum case_state to;

    memset(err, 0, sizeof *err);
    return client_unlock_failed(&parts.business, db, &call, "unplugged", &to,
                                err);
}

static void
unlock_verified(void)
{
    char code[CODE_MAX + 1];
    struct error err;

    assert_true(ask_code(parts.device_key, parts.now, &err));
    known_code(CODE_UNLOCK, parts.now + 61, code);
    assert_true(verify(code, parts.device_key, parts.now + 62, &err));
    /* A lost answer is asked for again. */
    assert_true(verify(code, parts.device_key, parts.now + 63, &err));
    assert_string_equal(case_parts_state(number), "code-verified");
}

static void
unlocking_replaces_the_administrator_pin_once_acknowledged(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    char next[MAKING_PIN_LEN + 1];
    char again[2][MAKING_PIN_LEN + 1];
    struct db_device device;
    struct error err;

    (void)state;
    live(parts.now + 100 * DAY);
    unlock_approved();
    assert_false(release(parts.device_key, pin, next, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    unlock_verified();
    assert_string_equal(pg_ask("SELECT state FROM ra.device"), "pin-locked");
    assert_false(done(&err)); /* nothing was released */
    assert_true(release(parts.device_key, pin, next, &err));
    assert_string_equal(pin, "ADMNADMNADMNADMN");
    assert_string_not_equal(next, pin);
    assert_true(release(parts.device_key, again[0], again[1], &err));
    assert_string_equal(again[0], pin);
    assert_string_equal(again[1], next);
    assert_true(done(&err));
    assert_true(done(&err)); /* twice is once */
    assert_string_equal(case_parts_state(number), "done");
    assert_string_equal(pg_ask("SELECT state FROM ra.device"), "active");
    assert_false(release(parts.device_key, again[0], again[1], &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_true(db_device_get(db, serial, false, &device, NULL));
    assert_null(device.admin_next_sealed);
    assert_true(making_pin_open(parts.vault, serial, "admin",
                                device.admin_sealed, device.admin_sealed_len,
                                pin, NULL));
    assert_string_equal(pin, next);
    db_device_clear(&device);
}

static void
broken_off_unlocking_keeps_both_pins_for_the_next_one(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    char next[MAKING_PIN_LEN + 1];
    char again[2][MAKING_PIN_LEN + 1];
    struct error err;

    (void)state;
    live(parts.now + 100 * DAY);
    unlock_approved();
    unlock_verified();
    assert_true(release(parts.device_key, pin, next, &err));
    assert_true(failed(&err));
    assert_true(failed(&err));
    assert_false(done(&err));
    assert_string_equal(case_parts_state(number), "failed");
    pg_sql("UPDATE ra.code SET made_at = made_at - interval '1 hour'");
    unlock_approved();
    unlock_verified();
    assert_true(release(parts.device_key, again[0], again[1], &err));
    assert_string_equal(again[0], pin);
    assert_string_equal(again[1], next);
    assert_true(done(&err));
}

static void
unlocking_by_another_device_is_refused(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    char next[MAKING_PIN_LEN + 1];
    struct error err;

    (void)state;
    live(parts.now + 100 * DAY);
    unlock_approved();
    assert_false(ask_code(other_key, parts.now, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    /* Nor by the certificate's key: its PIN is what is locked. */
    assert_false(ask_code(holder_key, parts.now, &err));
    unlock_verified();
    assert_false(release(other_key, pin, next, &err));
    assert_int_equal(err.code, ERROR_DENIED);
}

static void
sixth_try_of_a_one_time_password_fails_even_when_right(void **state)
{
    char code[CODE_MAX + 1];
    char wrong[CODE_MAX + 1];
    struct error err;

    (void)state;
    live(parts.now + 100 * DAY);
    unlock_approved();
    assert_true(ask_code(parts.device_key, parts.now, &err));
    assert_false(ask_code(parts.device_key, parts.now + 59, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    known_code(CODE_UNLOCK, parts.now + 61, code);
    spoil(code, wrong);
    for (int i = 0; i < 5; i++) {
        assert_false(verify(wrong, parts.device_key, parts.now + 62, &err));
        assert_int_equal(err.code, ERROR_DENIED);
    }
    assert_false(verify(code, parts.device_key, parts.now + 62, &err));
    assert_string_equal(case_parts_state(number), "code-sent");
}

static void
every_unlocking_is_told_to_the_unit(void **state)
{
    char pin[MAKING_PIN_LEN + 1];
    char next[MAKING_PIN_LEN + 1];
    struct error err;

    (void)state;
    live(parts.now + 100 * DAY);
    unlock_approved();
    unlock_verified();
    assert_true(release(parts.device_key, pin, next, &err));
    assert_true(done(&err));
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.notice WHERE event IN"
                               " ('case.submitted', 'case.unlocked')"
                               " AND channel IN ('sms', 'email')"),
                        "4");
}

/* ---- Renewal ---------------------------------------------------------------
 */

/* A renewal whose fields are filed, with this mobile. */
static void
renewal_submitted(const char *mobile)
{
    json_t *fields = case_parts_fields(BUSINESS_RENEW);
    const struct definition *definition =
        definition_get(parts.definitions, BUSINESS_RENEW);
    struct case_new what = {.account = "example",
                            .business = BUSINESS_RENEW,
                            .notice_version = definition->notice_version,
                            .fields = fields,
                            .at = parts.now};
    const char *name;
    json_t *value;
    void *next;
    char code[CODE_MAX + 1];
    struct error err = {0};

    json_object_foreach_safe(fields, next, name, value)
    {
        if (definition_field_find(definition, name) == NULL)
            json_object_del(fields, name);
    }
    json_set_text(fields, "handler_mobile", mobile);
    assert_true(case_create(&parts.business, db, &what, number, &err));
    json_decref(fields);
    known_code(CODE_CLIENT, parts.now, code);
    assert_true(prove(code, serial, holder_key, &err));
    if (!case_parts_act(&parts, number, CASE_SUBMIT, CASE_BY_APPLICANT, &err))
        fail_msg("%s", err.what);
}

static bool
renew(const char *code, EVP_PKEY *key, json_t **orders, struct error *err)
{
    struct buf csr = BUF_INIT(API_CSR_MAX);
    struct client_renewal renewal = {
        .number = number, .code = code, .at = parts.now};
    bool ok;

    memset(err, 0, sizeof *err);
    parts_csr(key, &csr);
    renewal.csr = csr.data;
    renewal.csr_len = csr.len;
    ok = client_renewal_request(&parts.business, db, &renewal, orders, err);
    buf_clear(&csr);
    return ok;
}

static bool
sign_renewal(const json_t *request, const char *code, EVP_PKEY *key,
             struct error *err)
{
    json_t *orders = json_object_get(request, "orders");
    struct signature signature[2];
    struct client_signatures signatures = {
        .number = number, .code = code, .now = parts.now};
    enum case_state to;

    memset(err, 0, sizeof *err);
    assert_true(
        json_get_time(request, "decided_at", &signatures.decided_at, NULL));
    for (size_t i = 0; i < 2; i++) {
        json_t *order = json_array_get(orders, i);
        const char *statement =
            json_string_value(json_object_get(order, "statement"));

        sign_octets(key, statement, strlen(statement), &signature[i]);
        signatures.at[i].order_id =
            json_string_value(json_object_get(order, "order_id"));
        signatures.at[i].signature = signature[i].octet;
        signatures.at[i].signature_len = signature[i].len;
    }
    return client_renewal_sign(&parts.business, db, &signatures, &to, err);
}

static bool
installed(EVP_PKEY *key, struct error *err)
{
    struct signature signature;
    struct client_call call =
        call_at("installed", number, key, parts.now, &signature);
    enum case_state to;

    memset(err, 0, sizeof *err);
    return client_renewal_installed(&parts.business, db, &call, &to, err);
}

/* As far as the certificates. */
static void
renewal_issued(const char *mobile)
{
    char code[CODE_MAX + 1];
    json_t *request = NULL;
    struct error err;

    renewal_submitted(mobile);
    known_code(CODE_CLIENT, parts.now, code);
    assert_true(renew(code, new_key, &request, &err));
    assert_true(sign_renewal(request, code, holder_key, &err));
    /* The answer was lost: the same signatures again. */
    assert_true(sign_renewal(request, code, holder_key, &err));
    json_decref(request);
    assert_string_equal(case_parts_state(number), "awaiting-payment");
    case_parts_pay(number);
    assert_true(case_parts_act(&parts, number, CASE_PAY, CASE_BY_SYSTEM, &err));
    send_all();
    assert_string_equal(case_parts_state(number), "issued");
}

static void
renewal_is_signed_issued_and_installed(void **state)
{
    struct error err;

    (void)state;
    live(parts.now + 30 * DAY);
    renewal_issued("13800000001");
    /* The old one is good until the new one is in the device. */
    assert_string_equal(pg_ask("SELECT state FROM ra.case_order"
                               " WHERE purpose = 'supersede'"),
                        "waiting");
    assert_false(installed(holder_key, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_true(installed(new_key, &err));
    assert_true(installed(new_key, &err));
    assert_string_equal(case_parts_state(number), "installed");
    assert_string_equal(pg_ask("SELECT state FROM ra.case_order"
                               " WHERE purpose = 'supersede'"),
                        "queued");
}

/* The member of the order that is signed first. */
static const char *
renewal_part(const json_t *request, const char *name)
{
    const json_t *order = json_object_get(
        json_array_get(json_object_get(request, "orders"), 0), "order");

    return json_string_value(
        json_object_get(json_object_get(order, "encryption"), name));
}

static void
renewal_names_the_transport_key_of_its_device_and_no_earlier_keys(void **state)
{
    char code[CODE_MAX + 1];
    json_t *request = NULL;
    struct error err;

    (void)state;
    live(parts.now + 30 * DAY);
    renewal_submitted("13800000001");
    known_code(CODE_CLIENT, parts.now, code);
    assert_true(renew(code, new_key, &request, &err));
    assert_string_equal(renewal_part(request, "profile"),
                        "organisation-encryption");
    assert_string_equal(renewal_part(request, "transport"),
                        pg_ask("SELECT encode(transport, 'base64')"
                               " FROM ra.device"));
    assert_null(renewal_part(request, "old_keys"));
    json_decref(request);
}

static void
device_without_transport_key_is_not_renewed_and_the_holder_is_told(void **state)
{
    char code[CODE_MAX + 1];
    json_t *request = NULL;
    struct error err;

    (void)state;
    live(parts.now + 30 * DAY);
    pg_sql("UPDATE ra.device SET transport = NULL, transport_signature = NULL");
    renewal_submitted("13800000001");
    known_code(CODE_CLIENT, parts.now, code);
    assert_false(renew(code, new_key, &request, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_non_null(strstr(err.what, "reissue"));
    assert_string_equal(case_parts_state(number), "submitted");
}

static void
renewal_signed_with_another_key_is_refused(void **state)
{
    char code[CODE_MAX + 1];
    char wrong[CODE_MAX + 1];
    json_t *request = NULL;
    struct error err;

    (void)state;
    live(parts.now + 30 * DAY);
    renewal_submitted("13800000001");
    known_code(CODE_CLIENT, parts.now, code);
    spoil(code, wrong);
    assert_false(renew(wrong, new_key, &request, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_true(renew(code, new_key, &request, &err));
    assert_false(sign_renewal(request, code, new_key, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_false(sign_renewal(request, code, parts.device_key, &err));
    assert_string_equal(case_parts_state(number), "submitted");
    json_decref(request);
}

static void
signature_over_orders_that_were_replaced_is_refused(void **state)
{
    char code[CODE_MAX + 1];
    json_t *first = NULL;
    json_t *second = NULL;
    struct error err;

    (void)state;
    live(parts.now + 30 * DAY);
    renewal_submitted("13800000001");
    known_code(CODE_CLIENT, parts.now, code);
    assert_true(renew(code, other_key, &first, &err));
    assert_true(renew(code, new_key, &second, &err)); /* of the same second */
    assert_false(sign_renewal(first, code, holder_key, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_true(sign_renewal(second, code, holder_key, &err));
    json_decref(first);
    json_decref(second);
}

/* ---- The thief: key and PIN, not the telephone -----------------------------
 */

static void
thief_with_key_and_pin_cannot_rehome_the_one_time_password(void **state)
{
    json_t *fields = case_parts_fields(BUSINESS_UNLOCK);
    struct case_new what = {.account = "example",
                            .business = BUSINESS_UNLOCK,
                            .fields = fields,
                            .at = parts.now};
    char record[DB_CASE_NUMBER_MAX + 1];
    const char *name;
    json_t *value;
    void *next;
    struct error err;

    (void)state;
    live(parts.now + 30 * DAY);
    (void)snprintf(record, sizeof record, "%s",
                   pg_ask("SELECT handler_case FROM ra.holder_certificate"));
    renewal_issued("13999999999"); /* the thief's number */
    assert_true(installed(new_key, &err));
    assert_string_equal(pg_ask("SELECT handler_case FROM ra.holder_certificate"
                               " ORDER BY not_after DESC LIMIT 1"),
                        record);

    /* The unlocking that names the thief's number takes a review. */
    json_object_foreach_safe(fields, next, name, value)
    {
        if (definition_field_find(
                definition_get(parts.definitions, BUSINESS_UNLOCK), name) ==
            NULL)
            json_object_del(fields, name);
    }
    json_set_text(fields, "handler_mobile", "13999999999");
    assert_true(case_create(&parts.business, db, &what, number, &err));
    assert_true(
        case_parts_act(&parts, number, CASE_SUBMIT, CASE_BY_APPLICANT, &err));
    assert_string_equal(case_parts_state(number), "form-ready");
    assert_false(ask_code(parts.device_key, parts.now, &err));
    json_decref(fields);
}

static void
new_handler_of_a_renewal_is_confirmed_through_the_old_number(void **state)
{
    char code[CODE_MAX + 1];
    char wrong[CODE_MAX + 1];
    char kept[DB_CASE_NUMBER_MAX + 1];
    json_t *request = NULL;
    struct error err = {0};

    (void)state;
    live(parts.now + 30 * DAY);
    renewal_submitted("13999999999");
    assert_false(client_handler_code(&parts.business, db, "another", number,
                                     parts.now, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_true(client_handler_code(&parts.business, db, "example", number,
                                    parts.now, &err));
    assert_false(client_handler_code(&parts.business, db, "example", number,
                                     parts.now + 59, &err));
    known_code(CODE_HANDLER_CHANGE, parts.now + 61, code);
    spoil(code, wrong);
    assert_false(client_handler_confirm(&parts.business, db, "example", number,
                                        wrong, parts.now + 62, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    assert_true(client_handler_confirm(&parts.business, db, "example", number,
                                       code, parts.now + 62, &err));
    assert_false(client_handler_confirm(&parts.business, db, "example", number,
                                        code, parts.now + 62, &err));
    memcpy(kept, number, sizeof kept);
    known_code(CODE_CLIENT, parts.now, code);
    assert_true(renew(code, new_key, &request, &err));
    assert_true(sign_renewal(request, code, holder_key, &err));
    json_decref(request);
    case_parts_pay(number);
    assert_true(case_parts_act(&parts, number, CASE_PAY, CASE_BY_SYSTEM, &err));
    send_all();
    assert_string_equal(pg_ask("SELECT handler_case FROM ra.holder_certificate"
                               " ORDER BY not_after DESC LIMIT 1"),
                        kept);
}

static void
code_for_a_new_handler_goes_to_the_old_number(void **state)
{
    struct buf text = BUF_INIT(4096);
    char purpose[VAULT_PURPOSE_MAX];
    uint8_t sealed[4096];
    size_t len = 0;
    struct error err = {0};

    (void)state;
    live(parts.now + 30 * DAY);
    renewal_submitted("13999999999");
    assert_true(client_handler_code(&parts.business, db, "example", number,
                                    parts.now, &err));
    (void)snprintf(purpose, sizeof purpose, "notice/%s",
                   pg_ask("SELECT id FROM ra.notice"
                          " WHERE event = 'case.handler-code'"));
    assert_true(text_unhex(pg_ask("SELECT encode(sealed, 'hex') FROM ra.notice"
                                  " WHERE event = 'case.handler-code'"),
                           sealed, sizeof sealed, &len));
    assert_true(vault_open(parts.vault, purpose, sealed, len, &text, &err));
    assert_non_null(strstr(buf_text(&text), "13800000001"));
    assert_null(strstr(buf_text(&text), "13999999999"));
    buf_cleanse(&text);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
        TEST(device_with_its_code_gets_its_certificate),
        TEST(activation_may_be_repeated_with_the_same_request_and_no_other),
        TEST(activation_signed_by_another_device_is_refused_and_costs_no_try),
        TEST(activation_with_a_wrong_code_is_refused_and_ends_after_ten),
        TEST(device_that_was_not_sent_is_not_activated),
        TEST(device_of_another_case_is_not_activated),
        TEST(devices_own_key_gets_no_certificate),
        TEST(refused_activation_goes_again_with_the_new_code_alone),
        TEST(old_call_opens_nothing),
        TEST(change_needs_the_proof_of_its_device),
        TEST(proof_by_another_key_or_device_is_refused),
        TEST(client_code_is_good_once_and_for_the_account_that_has_the_case),
        TEST(unlocking_replaces_the_administrator_pin_once_acknowledged),
        TEST(broken_off_unlocking_keeps_both_pins_for_the_next_one),
        TEST(unlocking_by_another_device_is_refused),
        TEST(sixth_try_of_a_one_time_password_fails_even_when_right),
        TEST(every_unlocking_is_told_to_the_unit),
        TEST(renewal_is_signed_issued_and_installed),
        TEST(renewal_names_the_transport_key_of_its_device_and_no_earlier_keys),
        TEST(
            device_without_transport_key_is_not_renewed_and_the_holder_is_told),
        TEST(renewal_signed_with_another_key_is_refused),
        TEST(signature_over_orders_that_were_replaced_is_refused),
        TEST(thief_with_key_and_pin_cannot_rehome_the_one_time_password),
        TEST(new_handler_of_a_renewal_is_confirmed_through_the_old_number),
        TEST(code_for_a_new_handler_goes_to_the_old_number),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
