/*
 * Money over HTTP: who may call what, and what a provider's notice has to be.
 * The database is real; callers, provider, engine and vault are fakes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "db/sql_ra.h"
#include "ra/case_tell.h"
#include "ra/handlers_payment.h"
#include "ra/payment.h"
#include "ra/payment_provider.h"
#include "ra/reconciliation.h"
#include "ra/signed_call.h"
#include "tests/unit/fake_caller.h"
#include "tests/unit/pg.h"

/* ---- Fakes ------------------------------------------------------------------
 */

bool
case_apply_within(const struct business *business, struct db *db,
                  const struct case_act *act, enum case_state *to,
                  struct error *err)
{
    struct db_case_move move = {.number = act->number,
                                .from = "awaiting-payment",
                                .to = "first-review",
                                .at = act->at};

    (void)business;
    (void)to;
    return db_case_move(db, &move, err);
}

bool
case_note(struct db *db, const struct db_case *row, const char *event,
          const char *actor, const json_t *detail, int64_t at,
          struct error *err)
{
    (void)db;
    (void)row;
    (void)event;
    (void)actor;
    (void)detail;
    (void)at;
    (void)err;
    return true;
}

bool
case_tell(const struct business *business, struct db *db,
          const struct db_case *row, const char *name, const char *round,
          const json_t *values, int64_t at, struct error *err)
{
    (void)business;
    (void)db;
    (void)row;
    (void)name;
    (void)round;
    (void)values;
    (void)at;
    (void)err;
    return true;
}

static bool provider_is_away;
static int provider_queries;
static int64_t provider_paid; /* what a query tells; 0: nothing */

bool
payment_provider_is_set(const struct config *config)
{
    (void)config;
    return true;
}

bool
payment_provider_new(const struct config *config, struct payment_provider **out,
                     struct error *err)
{
    (void)config;
    (void)err;
    *out = NULL;
    return true;
}

void
payment_provider_free(struct payment_provider *it)
{
    (void)it;
}

bool
payment_provider_order(struct payment_provider *it, const char *id,
                       int64_t amount, const char *subject, int64_t now,
                       struct provider_order *out, struct error *err)
{
    (void)it;
    (void)subject;
    (void)now;
    if (provider_is_away)
        return error_set(err, ERROR_BUSY, "no answer");
    out->amount = amount;
    (void)snprintf(out->provider_id, sizeof out->provider_id, "W%.8s", id);
    (void)snprintf(out->pay_url, sizeof out->pay_url, "https://pay.example/1");
    return true;
}

bool
payment_provider_query(struct payment_provider *it, const char *id, int64_t now,
                       struct provider_order *out, struct error *err)
{
    (void)it;
    (void)id;
    provider_queries++;
    if (provider_is_away)
        return error_set(err, ERROR_BUSY, "no answer");
    memset(out, 0, sizeof *out);
    (void)snprintf(out->pay_url, sizeof out->pay_url, "https://pay.example/1");
    if (provider_paid == 0)
        return true;
    out->event_count = 1;
    (void)snprintf(out->event[0].event_id, sizeof out->event[0].event_id, "Q1");
    out->event[0].amount = provider_paid;
    out->event[0].at = now;
    out->pay_url[0] = '\0';
    return true;
}

bool
payment_provider_refund(struct payment_provider *it, const char *refund_id,
                        const char *order_id, int64_t amount, int64_t now,
                        struct provider_refund *out, struct error *err)
{
    (void)it;
    (void)refund_id;
    (void)order_id;
    (void)amount;
    (void)now;
    (void)out;
    return error_set(err, ERROR_BUSY, "not in this test");
}

bool
reconciliation_run(const struct config *config, struct db *db, const char *day,
                   int64_t now, bool *is_matched, struct error *err)
{
    (void)config;
    (void)db;
    (void)day;
    (void)now;
    (void)err;
    *is_matched = true;
    return true;
}

bool
reconciliation_day_start(const char *day, int64_t *out, struct error *err)
{
    (void)day;
    (void)err;
    *out = 0;
    return true;
}

/* ---- Parts
 * -------------------------------------------------------------------- */

#define CASE_1 "N20261124-000001"
#define OFFICER "00000000-0000-4000-8000-000000000009"

static struct db_options options = {
    .statements = db_ra_statements,
    .statement_count = DB_RA_STATEMENT_COUNT,
    .connect_timeout_s = 5,
    .statement_timeout_ms = 5000,
};
static struct business business;
static struct ra ra;
static struct ra_worker worker = {.ra = &ra, .business = &business};
static struct config *config;
static struct signed_key *provider_key, *other_key;
static char files[3][64];

static void
keys_make(const char *private_file, const char *public_file)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    FILE *f = fopen(private_file, "w");

    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL),
                     1);
    (void)fclose(f);
    f = fopen(public_file, "w");
    assert_int_equal(PEM_write_PUBKEY(f, key), 1);
    (void)fclose(f);
    EVP_PKEY_free(key);
}

static int
group_start(void **state)
{
    struct buf text = BUF_INIT(1024);

    (void)state;
    for (int i = 0; i < 3; i++)
        (void)snprintf(files[i], sizeof files[i], "/tmp/pay-%d-%d",
                       (int)getpid(), i);
    keys_make(files[2], files[1]);
    assert_true(signed_key_private(files[2], &other_key, NULL));
    keys_make(files[0], files[1]);
    assert_true(signed_key_private(files[0], &provider_key, NULL));
    (void)buf_addf(&text,
                   "ra.payment_url = http://127.0.0.1:9\n"
                   "ra.payment_provider_key_file = %s\n",
                   files[1]);
    assert_true(
        config_parse(buf_text(&text), text.len, "test", "/", &config, NULL));
    buf_clear(&text);
    ra.config = config;
    business.config = config;
    pg_start();
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        (void)unlink(files[i]);
    signed_key_free(provider_key);
    signed_key_free(other_key);
    config_free(config);
    pg_stop();
    return 0;
}

static void
call_as_account(const char *account)
{
    memset(&who, 0, sizeof who);
    who.kind = CALLER_ACCOUNT;
    (void)snprintf(who.account.account, sizeof who.account.account, "%s",
                   account);
}

static void
call_as_officer(enum api_role role)
{
    memset(&who, 0, sizeof who);
    who.kind = CALLER_OFFICER;
    who.officer.has_role[role] = true;
    (void)snprintf(who.officer.officer_id, sizeof who.officer.officer_id, "%s",
                   OFFICER);
}

static int
start(void **state)
{
    (void)state;
    pg_reset();
    provider_is_away = false;
    provider_queries = 0;
    provider_paid = 0;
    options.connection = pg_connection("signet_ra");
    assert_true(db_open(&options, &worker.db, NULL));
    pg_sql("INSERT INTO ra.case_transition VALUES"
           " ('new', 'awaiting-payment', 'first-review')"
           " ON CONFLICT DO NOTHING;"
           "INSERT INTO ra.account (account, created_at)"
           " VALUES ('account-a', now());"
           "SET session_replication_role = replica;"
           "INSERT INTO ra.case_file (number, business, account, state,"
           " unit_name, uscc, created_at, changed_at) VALUES ('" CASE_1 "',"
           " 'new', 'account-a', 'awaiting-payment', '示例公司',"
           " '91350100M000100Y43', now(), now())");
    assert_true(payment_open(worker.db, CASE_1, 20000, clock_now(), NULL));
    call_as_account("account-a");
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    db_close(worker.db);
    worker.db = NULL;
    return 0;
}

/* One request; the status, and the answer in *out (may be NULL). */
static int
ask(http_handler *handler, enum http_method method, const char *param,
    const char *value, const char *query, const char *body, json_t **out)
{
    struct http_request req = {.method = method,
                               .path = "/v1/x",
                               .query = query,
                               .body = (const uint8_t *)body,
                               .body_len = body == NULL ? 0 : strlen(body),
                               .param = {{param, value}},
                               .param_count = 1,
                               .header = {{"content-type", "application/json"}},
                               .header_count = 1};
    struct http_response res = {0};
    int status;

    res.headers.limit = 8192;
    res.body.limit = 1024 * 1024;
    handler(&worker, &req, &res);
    status = res.status;
    if (out != NULL)
        *out = json_loads(buf_text(&res.body), 0, NULL);
    http_response_clear(&res);
    return status;
}

/* The provider's notice; what is NULL or 0 is made rightly. */
struct notice_how {
    const struct signed_key *key;
    int64_t at;
    const char *nonce;
    const char *body;       /* that is sent */
    const char *other_path; /* that was signed */
};

static const char *
body_of(const char *event_id, int amount)
{
    static char body[512];
    char id[40];

    (void)snprintf(id, sizeof id, "%s",
                   pg_ask("SELECT id FROM ra.payment LIMIT 1"));
    (void)snprintf(body, sizeof body,
                   "{\"order\":\"%s\",\"event_id\":\"%s\",\"amount\":%d,"
                   "\"at\":\"2026-11-24T06:00:00Z\"}",
                   id, event_id, amount);
    return body;
}

static int
notify(const struct notice_how *how, const char *signed_body)
{
    static unsigned drawn;
    struct signed_call call = {.method = "POST",
                               .target = how->other_path != NULL
                                             ? how->other_path
                                             : "/v1/callbacks/payment",
                               .at = how->at != 0 ? how->at : clock_now(),
                               .body = signed_body,
                               .body_len = strlen(signed_body)};
    const char *body = how->body != NULL ? how->body : signed_body;
    struct buf signature = BUF_INIT(256);
    struct http_response res = {0};
    struct http_request req = {.method = HTTP_POST,
                               .path = "/v1/callbacks/payment",
                               .query = "",
                               .body = (const uint8_t *)body,
                               .body_len = strlen(body),
                               .header_count = 3};
    char at[24];
    int status;

    (void)snprintf(call.nonce, sizeof call.nonce, "%032x", ++drawn);
    if (how->nonce != NULL)
        memcpy(call.nonce, how->nonce, sizeof call.nonce);
    assert_true(signed_call_sign(how->key != NULL ? how->key : provider_key,
                                 &call, &signature, NULL));
    (void)snprintf(at, sizeof at, "%lld", (long long)call.at);
    req.header[0] = (struct http_header){"signet-time", at};
    req.header[1] = (struct http_header){"signet-nonce", call.nonce};
    req.header[2] =
        (struct http_header){"signet-signature", buf_text(&signature)};
    res.headers.limit = 8192;
    res.body.limit = 65536;
    handle_payment_callback(&worker, &req, &res);
    status = res.status;
    http_response_clear(&res);
    buf_clear(&signature);
    return status;
}

static void
assert_received(const char *expected)
{
    assert_string_equal(pg_ask("SELECT received FROM ra.payment"), expected);
}

/* ---- The provider's notice
 * ------------------------------------------------------ */

static void
a_notice_is_taken_and_the_same_event_again_is_known(void **state)
{
    (void)state;
    assert_int_equal(notify(&(struct notice_how){0}, body_of("E1", 20000)),
                     200);
    assert_int_equal(notify(&(struct notice_how){0}, body_of("E1", 20000)),
                     200);
    assert_received("20000");
    assert_string_equal(pg_ask("SELECT state FROM ra.case_file"),
                        "first-review");
}

static void
notices_out_of_order_come_to_the_same_end(void **state)
{
    (void)state;
    assert_int_equal(notify(&(struct notice_how){0}, body_of("E2", 5000)), 200);
    assert_int_equal(notify(&(struct notice_how){0}, body_of("E1", 15000)),
                     200);
    assert_int_equal(notify(&(struct notice_how){0}, body_of("E2", 5000)), 200);
    assert_received("20000");
}

static void
a_forged_stale_replayed_or_altered_notice_changes_nothing(void **state)
{
    static const char nonce[] = "ffffffffffffffffffffffffffffffff";
    char other[512];

    (void)state;
    assert_int_equal(
        notify(&(struct notice_how){.key = other_key}, body_of("E1", 20000)),
        403);
    assert_int_equal(
        notify(&(struct notice_how){.at = clock_now() - 2 * SIGNED_TOLERANCE_S},
               body_of("E1", 20000)),
        403);
    assert_int_equal(
        notify(&(struct notice_how){.other_path = "/v1/callbacks/courier"},
               body_of("E1", 20000)),
        403);
    (void)snprintf(other, sizeof other, "%s", body_of("E1", 20000));
    assert_int_equal(
        notify(&(struct notice_how){.body = other}, body_of("E1", 1)), 403);
    assert_int_equal(notify(&(struct notice_how){.nonce = "not hex, but it is "
                                                          "as long as one."},
                            body_of("E1", 20000)),
                     403);
    assert_received("0");
    assert_int_equal(
        notify(&(struct notice_how){.nonce = nonce}, body_of("E1", 500)), 200);
    assert_int_equal(
        notify(&(struct notice_how){.nonce = nonce}, body_of("E1", 500)), 409);
    assert_int_equal(
        notify(&(struct notice_how){.nonce = nonce}, body_of("E2", 500)), 409);
    assert_received("500");
}

static void
a_notice_that_is_signed_and_wrong_is_refused(void **state)
{
    static const char unknown[] =
        "{\"order\":\"00000000-0000-4000-8000-00000000000f\","
        "\"event_id\":\"E1\",\"amount\":1,\"at\":\"2026-11-24T06:00:00Z\"}";

    (void)state;
    assert_int_equal(notify(&(struct notice_how){0}, unknown), 404);
    assert_int_equal(notify(&(struct notice_how){0}, "{}"), 400);
    assert_int_equal(notify(&(struct notice_how){0}, "x"), 400);
    assert_int_equal(notify(&(struct notice_how){0}, body_of("E1", 0)), 400);
    assert_int_equal(notify(&(struct notice_how){0}, body_of("E1", -5)), 400);
    assert_int_equal(notify(&(struct notice_how){0}, body_of("E1", 100)), 200);
    assert_int_equal(notify(&(struct notice_how){0}, body_of("E1", 101)), 409);
    assert_received("100");
}

/* ---- The applicant
 * --------------------------------------------------------------- */

static void
the_click_paid_asks_the_provider_and_believes_nothing_else(void **state)
{
    json_t *out;

    (void)state;
    assert_int_equal(
        ask(handle_payment_show, HTTP_GET, "number", CASE_1, "", NULL, NULL),
        200);
    assert_int_equal(provider_queries, 0); /* there is no order yet */
    assert_int_equal(ask(handle_payment_choose, HTTP_POST, "number", CASE_1, "",
                         "{\"method\":\"online\",\"invoice\":{\"title\":"
                         "\"示例公司\",\"tax_number\":\"91350100M000100Y43\"}}",
                         &out),
                     200);
    assert_string_equal(json_string_value(json_object_get(out, "pay_url")),
                        "https://pay.example/1");
    json_decref(out);
    assert_int_equal(
        ask(handle_payment_show, HTTP_GET, "number", CASE_1, "", NULL, NULL),
        200);
    assert_int_equal(provider_queries, 1);
    assert_received("0");
    provider_paid = 20000;
    assert_int_equal(
        ask(handle_payment_show, HTTP_GET, "number", CASE_1, "", NULL, &out),
        200);
    assert_string_equal(json_string_value(json_object_get(out, "state")),
                        "paid");
    assert_null(json_object_get(out, "pay_url"));
    json_decref(out);
    assert_int_equal(ask(handle_payment_choose, HTTP_POST, "number", CASE_1, "",
                         "{\"method\":\"transfer\"}", NULL),
                     409);
}

static void
a_provider_that_is_away_is_no_failure_of_looking(void **state)
{
    json_t *out;

    (void)state;
    assert_int_equal(ask(handle_payment_choose, HTTP_POST, "number", CASE_1, "",
                         "{\"method\":\"online\"}", NULL),
                     200);
    provider_is_away = true;
    assert_int_equal(
        ask(handle_payment_show, HTTP_GET, "number", CASE_1, "", NULL, &out),
        200);
    assert_true(json_is_false(json_object_get(out, "is_asked")));
    json_decref(out);
    assert_int_equal(ask(handle_payment_choose, HTTP_POST, "number", CASE_1, "",
                         "{\"method\":\"online\"}", NULL),
                     503);
}

static void
an_order_that_could_not_be_made_is_made_when_one_looks_again(void **state)
{
    json_t *out;

    (void)state;
    provider_is_away = true;
    assert_int_equal(ask(handle_payment_choose, HTTP_POST, "number", CASE_1, "",
                         "{\"method\":\"online\"}", NULL),
                     503);
    provider_is_away = false;
    assert_int_equal(
        ask(handle_payment_show, HTTP_GET, "number", CASE_1, "", NULL, &out),
        200);
    assert_string_equal(json_string_value(json_object_get(out, "pay_url")),
                        "https://pay.example/1");
    json_decref(out);
}

static void
another_accounts_case_is_not_there(void **state)
{
    (void)state;
    call_as_account("account-b");
    assert_int_equal(
        ask(handle_payment_show, HTTP_GET, "number", CASE_1, "", NULL, NULL),
        404);
    assert_int_equal(ask(handle_payment_choose, HTTP_POST, "number", CASE_1, "",
                         "{\"method\":\"online\"}", NULL),
                     404);
    assert_int_equal(
        ask(handle_invoice_show, HTTP_GET, "number", CASE_1, "", NULL, NULL),
        404);
}

static void
what_is_no_choice_is_refused(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"method\":\"cash\"}",
        "{\"method\":\"online\",\"amount\":1}",
        "{\"method\":\"online\",\"invoice\":{\"tax_number\":\"x\"}}",
        "{\"method\":\"online\",\"invoice\":{\"title\":\"a\\nb\"}}",
        "{\"method\":\"online\",\"invoice\":{\"email\":\"a@b, c@d\"}}",
        "{\"method\":\"online\",\"invoice\":{\"email\":\"nobody\"}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(ask(handle_payment_choose, HTTP_POST, "number", CASE_1,
                             "", bad[i], NULL),
                         400);
}

/* ---- Finance
 * ----------------------------------------------------------------------- */

static void
a_bank_transfer_is_confirmed_by_finance_alone_and_once(void **state)
{
    static const char body[] = "{\"amount\":20000,\"reference\":\"B-77\"}";

    (void)state;
    assert_int_equal(
        ask(handle_transfer_add, HTTP_POST, "number", CASE_1, "", body, NULL),
        403);
    call_as_officer(API_ROLE_FIRST_REVIEWER);
    assert_int_equal(
        ask(handle_transfer_add, HTTP_POST, "number", CASE_1, "", body, NULL),
        403);
    call_as_officer(API_ROLE_FINANCE);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ask(handle_transfer_add, HTTP_POST, "number", CASE_1,
                             "", body, NULL),
                         200);
    assert_received("20000");
    assert_string_equal(pg_ask("SELECT actor FROM ra.payment_event"), OFFICER);
    assert_int_equal(ask(handle_transfer_add, HTTP_POST, "number", CASE_1, "",
                         "{\"amount\":5,\"reference\":\"B-77\"}", NULL),
                     409);
    assert_int_equal(ask(handle_transfer_add, HTTP_POST, "number", CASE_1, "",
                         "{\"amount\":5,\"reference\":\"a b\"}", NULL),
                     400);
    assert_int_equal(ask(handle_transfer_add, HTTP_POST, "number", CASE_1, "",
                         "{\"amount\":0,\"reference\":\"B-78\"}", NULL),
                     400);
}

static void
refunds_are_listed_retried_and_paid_out_by_finance(void **state)
{
    char id[40];
    json_t *out;

    (void)state;
    call_as_officer(API_ROLE_FINANCE);
    assert_int_equal(ask(handle_transfer_add, HTTP_POST, "number", CASE_1, "",
                         "{\"amount\":25000,\"reference\":\"B-77\"}", NULL),
                     200);
    assert_int_equal(
        ask(handle_refund_list, HTTP_GET, "id", "", "state=due", NULL, &out),
        200);
    assert_int_equal(json_array_size(json_object_get(out, "refunds")), 1);
    (void)snprintf(
        id, sizeof id, "%s",
        json_string_value(json_object_get(
            json_array_get(json_object_get(out, "refunds"), 0), "id")));
    json_decref(out);
    assert_int_equal(
        ask(handle_refund_list, HTTP_GET, "id", "", "state=done", NULL, &out),
        200);
    assert_int_equal(json_array_size(json_object_get(out, "refunds")), 0);
    json_decref(out);
    assert_int_equal(
        ask(handle_refund_retry, HTTP_POST, "id", id, "", NULL, NULL), 409);
    assert_int_equal(
        ask(handle_refund_retry, HTTP_POST, "id", "x", "", NULL, NULL), 404);
    call_as_officer(API_ROLE_AUDITOR);
    assert_int_equal(ask(handle_refund_paid_out, HTTP_POST, "id", id, "",
                         "{\"reference\":\"O-1\"}", NULL),
                     403);
    call_as_officer(API_ROLE_FINANCE);
    assert_int_equal(ask(handle_refund_paid_out, HTTP_POST, "id", id, "",
                         "{\"reference\":\"O-1\"}", &out),
                     200);
    assert_string_equal(json_string_value(json_object_get(out, "state")),
                        "done");
    json_decref(out);
    assert_int_equal(ask(handle_refund_paid_out, HTTP_POST, "id", id, "",
                         "{\"reference\":\"O-1\"}", NULL),
                     409);
    assert_int_equal(
        ask(handle_refund_list, HTTP_GET, "id", "", "after=x", NULL, NULL),
        400);
    assert_int_equal(
        ask(handle_refund_list, HTTP_GET, "id", "", "limit=0", NULL, NULL),
        400);
}

static void
officers_see_what_was_not_delivered_and_no_text(void **state)
{
    json_t *out;

    (void)state;
    pg_sql("INSERT INTO ra.notice (id, number, event, channel, language,"
           " dedupe, sealed, state, problem, made_at) VALUES"
           " (gen_random_uuid(), '" CASE_1 "', 'case.passed', 'sms', 'zh', 'x',"
           " '', 'failed', 'no such number', now())");
    assert_int_equal(
        ask(handle_notice_list, HTTP_GET, "id", "", "", NULL, NULL), 403);
    call_as_officer(API_ROLE_CUSTOMER_SERVICE);
    assert_int_equal(
        ask(handle_notice_list, HTTP_GET, "id", "", "state=failed", NULL, &out),
        200);
    assert_string_equal(
        json_string_value(json_object_get(
            json_array_get(json_object_get(out, "notices"), 0), "problem")),
        "no such number");
    json_decref(out);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(a_notice_is_taken_and_the_same_event_again_is_known),
        TEST(notices_out_of_order_come_to_the_same_end),
        TEST(a_forged_stale_replayed_or_altered_notice_changes_nothing),
        TEST(a_notice_that_is_signed_and_wrong_is_refused),
        TEST(the_click_paid_asks_the_provider_and_believes_nothing_else),
        TEST(a_provider_that_is_away_is_no_failure_of_looking),
        TEST(an_order_that_could_not_be_made_is_made_when_one_looks_again),
        TEST(another_accounts_case_is_not_there),
        TEST(what_is_no_choice_is_refused),
        TEST(a_bank_transfer_is_confirmed_by_finance_alone_and_once),
        TEST(refunds_are_listed_retried_and_paid_out_by_finance),
        TEST(officers_see_what_was_not_delivered_and_no_text),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
