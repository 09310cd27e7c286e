/*
 * The business NEW on a real database, with a CA that is a fake of
 * ra/ca_client.h: every change with its history and its entry, or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/account.h"
#include "db/review.h"
#include "db/sql_ra.h"
#include "ra/business.h"
#include "tests/unit/pg.h"
#include "tests/unit/ra_parts.h"

enum { NOW = 1795500000 };

/* ---- The fake CA -----------------------------------------------------------
 */

static struct {
    enum ca_outcome outcome;
    bool objects; /* to checks */
    bool has_live;
    int orders;    /* that were sent */
    EVP_PKEY *key; /* that its certificates are for */
} ca;

bool
ca_client_new(const struct config *config, struct ca_client **out,
              struct error *err)
{
    (void)config;
    *out = NULL;
    return error_set(err, ERROR_INTERNAL, "not in this test");
}

void
ca_client_free(struct ca_client *client)
{
    (void)client;
}

bool
ca_client_check(struct ca_client *client, const json_t *order,
                struct error *err)
{
    (void)client;
    assert_non_null(json_object_get(order, "csr"));
    return !ca.objects || error_set(err, ERROR_INPUT, "a weak key");
}

enum ca_outcome
ca_client_order(struct ca_client *client, const json_t *order,
                const json_t *decisions, const char *order_id,
                struct api_answer *answer, struct error *err)
{
    struct buf der = BUF_INIT(65536);

    (void)client;
    ca.orders++;
    assert_string_equal(json_string_value(json_object_get(order, "order_id")),
                        order_id);
    assert_int_equal(json_array_size(decisions), 3);
    if (ca.outcome != CA_DONE) {
        error_set(err, ca.outcome == CA_REFUSED ? ERROR_DENIED : ERROR_BUSY,
                  "no answer, or no");
        return ca.outcome;
    }
    parts_certificate(ca.key, &der);
    answer->state = API_DONE;
    answer->certificate_count = 1;
    answer->certificate = base_alloc(sizeof *answer->certificate);
    answer->certificate[0].issuer = "issuing-1";
    answer->certificate[0].serial[0] = (uint8_t)ca.orders;
    answer->certificate[0].der =
        buf_take(&der, &answer->certificate[0].der_len);
    return CA_DONE;
}

bool
ca_client_officers(struct ca_client *client, json_t **out, struct error *err)
{
    (void)client;
    *out = NULL;
    return error_set(err, ERROR_INTERNAL, "not in this test");
}

bool
ca_client_issuer(struct ca_client *client, const char *name, struct buf *der,
                 struct error *err)
{
    (void)client;
    (void)err;
    assert_string_equal(name, "issuing-1");
    return buf_add(der, "issuer", 6);
}

bool
ca_client_has_live(struct ca_client *client, const char *account, int64_t now,
                   bool *has_live, struct error *err)
{
    (void)client;
    (void)account;
    (void)now;
    (void)err;
    *has_live = ca.has_live;
    return true;
}

/* ---- The parts of a case ---------------------------------------------------
 */

static struct db *db;
static EVP_PKEY *holder_key;
static struct buf csr = BUF_INIT(16384);

struct officer {
    struct review_officer facts;
    EVP_PKEY *key;
    struct buf certificate;
};
static struct officer clerk, first, second;

static void
officer_make(struct officer *officer, const char *id, const char *person,
             enum api_role role)
{
    memset(officer, 0, sizeof *officer);
    officer->certificate = (struct buf)BUF_INIT(65536);
    officer->key = parts_key("P-256");
    parts_certificate(officer->key, &officer->certificate);
    memcpy(officer->facts.officer_id, id, strlen(id) + 1);
    memcpy(officer->facts.person, person, strlen(person) + 1);
    officer->facts.is_active = true;
    officer->facts.is_credential_active = true;
    officer->facts.has_role[role] = true;
    officer->facts.not_before = NOW - 1000;
    officer->facts.not_after = NOW + 1000000;
    assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL,
                                  officer->certificate.data,
                                  officer->certificate.len,
                                  officer->facts.credential_id, NULL),
                     1);
}

static void
officer_free(struct officer *officer)
{
    EVP_PKEY_free(officer->key);
    buf_clear(&officer->certificate);
}

static int
group_start(void **state)
{
    (void)state;
    pg_start();
    holder_key = parts_key("P-256");
    parts_csr(holder_key, &csr);
    officer_make(&clerk, "00000000-0000-4000-8000-000000000003", "P-0003",
                 API_ROLE_INTAKE_CLERK);
    officer_make(&first, "00000000-0000-4000-8000-000000000004", "P-0004",
                 API_ROLE_FIRST_REVIEWER);
    officer_make(&second, "00000000-0000-4000-8000-000000000005", "P-0005",
                 API_ROLE_SECOND_REVIEWER);
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    officer_free(&clerk);
    officer_free(&first);
    officer_free(&second);
    EVP_PKEY_free(holder_key);
    buf_clear(&csr);
    pg_stop();
    return 0;
}

static int
start(void **state)
{
    static struct db_options options = {
        .statements = db_ra_statements,
        .statement_count = DB_RA_STATEMENT_COUNT,
        .connect_timeout_s = 5,
        .statement_timeout_ms = 5000,
    };
    uint8_t hash[32] = {1};

    (void)state;
    pg_reset();
    memset(&ca, 0, sizeof ca);
    ca.outcome = CA_DONE;
    ca.key = holder_key;
    options.connection = pg_connection("signet_ra");
    assert_true(db_open(&options, &db, NULL));
    assert_true(business_account(db, "example", hash, first.facts.officer_id,
                                 NOW, NULL));
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    db_close(db);
    db = NULL;
    return 0;
}

static struct db_application_content
content_of(const char *account)
{
    return (struct db_application_content){
        .account = account,
        .years = 2,
        .csr = csr.data,
        .csr_len = csr.len,
        .applicant = parts_applicant,
    };
}

static void
create(char number[DB_APPLICATION_NUMBER_MAX + 1])
{
    struct db_application_content content = content_of("example");

    assert_true(business_create(db, &content, NOW, number, NULL));
}

static void
create_and_submit(char number[DB_APPLICATION_NUMBER_MAX + 1])
{
    create(number);
    assert_true(business_submit(db, "example", number, NOW, NULL));
}

static bool
decide(const char *number, struct officer *officer, enum api_step step,
       enum review_verdict verdict, struct error *err)
{
    struct review_decision decision = {.verdict = verdict};
    struct db_application application;
    enum application_state to;
    bool ok;

    memset(err, 0, sizeof *err);
    decision.signed_part.step = step;
    decision.signed_part.decided_at = NOW;
    memcpy(decision.signed_part.officer_id, officer->facts.officer_id,
           TEXT_UUID_LEN + 1);
    if (verdict != REVIEW_APPROVE)
        memcpy(decision.remark, "the scan is too dark", 21);
    assert_true(db_application_get(db, number, false, &application, NULL));
    assert_true(review_decision_sign(
        &decision, application.order_id, application.order_digest,
        officer->certificate.data, officer->certificate.len, officer->key,
        NULL));
    db_application_clear(&application);
    ok = business_decide(db, NULL, number, &decision, &officer->facts,
                         officer->certificate.data, officer->certificate.len,
                         NOW, &to, err);
    return ok;
}

static void
approve_all(const char *number)
{
    struct error err;

    assert_true(decide(number, &clerk, API_STEP_ENTRY, REVIEW_APPROVE, &err));
    assert_true(
        decide(number, &first, API_STEP_FIRST_REVIEW, REVIEW_APPROVE, &err));
    assert_true(
        decide(number, &second, API_STEP_SECOND_REVIEW, REVIEW_APPROVE, &err));
}

static void
assert_state(const char *number, const char *wanted)
{
    struct db_application application;

    assert_true(db_application_get(db, number, false, &application, NULL));
    assert_string_equal(application.state, wanted);
    db_application_clear(&application);
}

/* As many links as entries; each link holds the hash of the one before. */
static void
assert_history(const char *links)
{
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.history"), links);
    assert_string_equal(pg_ask("SELECT count(*) FROM log.entry"
                               " WHERE event LIKE 'application.%'"),
                        links);
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.history h"
               " LEFT JOIN ra.history p ON p.number = h.number"
               " AND p.seq = h.seq - 1"
               " WHERE sha256(h.body) <> h.hash"
               " OR convert_from(h.body, 'UTF8')::jsonb ->> 'previous' <>"
               " encode(coalesce(p.hash, decode(repeat('00', 32), 'hex')),"
               " 'hex')"),
        "0");
    assert_string_equal(pg_ask("SELECT count(*) FROM log.entry"
                               " WHERE sha256('\\x00'::bytea || body) <> hash"),
                        "0");
}

/* ---- The way through -------------------------------------------------------
 */

static void
application_with_three_decisions_becomes_a_certificate(void **state)
{
    char number[DB_APPLICATION_NUMBER_MAX + 1];
    struct db_ra_certificate certificate;
    struct error err = {0};

    (void)state;
    create_and_submit(number);
    approve_all(number);
    assert_state(number, "issuing");
    assert_false(db_ra_certificate_get(db, number, &certificate, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);

    assert_true(business_send(db, NULL, number, NOW, &err));
    assert_state(number, "issued");
    assert_true(db_ra_certificate_get(db, number, &certificate, NULL));
    assert_string_equal(certificate.issuer, "issuing-1");
    db_ra_certificate_clear(&certificate);
    assert_history("6"); /* created to issued */

    /* Nothing is sent for what is issued. */
    assert_true(business_send(db, NULL, number, NOW, &err));
    assert_int_equal(ca.orders, 1);
}

static void
unanswered_order_stays_issuing_and_is_sent_again(void **state)
{
    char number[DB_APPLICATION_NUMBER_MAX + 1];
    char claimed[DB_APPLICATION_NUMBER_MAX + 1];
    struct error err = {0};

    (void)state;
    create_and_submit(number);
    approve_all(number);
    ca.outcome = CA_PENDING;
    assert_true(business_send(db, NULL, number, NOW, &err));
    assert_state(number, "issuing");
    assert_string_equal(pg_ask("SELECT send_problem FROM ra.application"),
                        "no answer, or no");

    /* Due again at a time from now on; taken by one sender at a time. */
    assert_true(db_application_claim(db, INT32_MAX, INT32_MAX, claimed, NULL));
    assert_string_equal(claimed, number);
    assert_true(
        db_application_claim(db, INT32_MAX - 1, INT32_MAX, claimed, NULL));
    assert_string_equal(claimed, "");

    ca.outcome = CA_DONE;
    assert_true(business_send(db, NULL, number, NOW, &err));
    assert_state(number, "issued");
    assert_true(db_application_claim(db, INT32_MAX, INT32_MAX, claimed, NULL));
    assert_string_equal(claimed, "");
}

static void
certificate_for_another_key_is_not_stored(void **state)
{
    char number[DB_APPLICATION_NUMBER_MAX + 1];
    struct error err = {0};

    (void)state;
    create_and_submit(number);
    approve_all(number);
    ca.key = first.key;
    assert_true(business_send(db, NULL, number, NOW, &err));
    assert_state(number, "issuing");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.certificate"), "0");
}

static void
refused_order_goes_back_and_may_come_again(void **state)
{
    char number[DB_APPLICATION_NUMBER_MAX + 1];
    struct error err = {0};

    (void)state;
    create_and_submit(number);
    approve_all(number);
    ca.outcome = CA_REFUSED;
    assert_true(business_send(db, NULL, number, NOW, &err));
    assert_state(number, "returned");

    /* The next round is a new revision with a new order and new decisions. */
    ca.outcome = CA_DONE;
    assert_true(business_submit(db, "example", number, NOW, NULL));
    approve_all(number);
    assert_true(business_send(db, NULL, number, NOW, &err));
    assert_state(number, "issued");
    assert_string_equal(
        pg_ask("SELECT count(DISTINCT revision) FROM ra.decision"), "2");
    assert_history("11");
}

/* ---- What is refused -------------------------------------------------------
 */

static void
account_has_one_open_application(void **state)
{
    struct db_application_content content = content_of("example");
    char number[DB_APPLICATION_NUMBER_MAX + 1];
    struct error err = {0};

    (void)state;
    create(number);
    assert_false(business_create(db, &content, NOW, number, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_true(business_withdraw(db, "example", number, NOW, NULL));
    create(number);
}

static void
name_of_an_account_is_taken_once(void **state)
{
    uint8_t hash[32] = {2};
    struct error err = {0};

    (void)state;
    assert_false(business_account(db, "example", hash, first.facts.officer_id,
                                  NOW, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_string_equal(pg_ask("SELECT count(*) FROM log.entry"
                               " WHERE event = 'account.created'"),
                        "1");
}

static void
applications_of_others_are_not_there(void **state)
{
    struct db_application_content content = content_of("other");
    char number[DB_APPLICATION_NUMBER_MAX + 1];
    uint8_t hash[32] = {3};
    struct error err = {0};

    (void)state;
    assert_true(
        business_account(db, "other", hash, first.facts.officer_id, NOW, NULL));
    create(number);
    assert_false(business_submit(db, "other", number, NOW, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_false(business_withdraw(db, "other", number, NOW, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_false(business_edit(db, number, 1, &content, NOW, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_state(number, "draft");
}

static void
steps_come_in_their_order(void **state)
{
    char number[DB_APPLICATION_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    create_and_submit(number);
    assert_false(
        decide(number, &first, API_STEP_FIRST_REVIEW, REVIEW_APPROVE, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_false(
        decide(number, &second, API_STEP_SECOND_REVIEW, REVIEW_APPROVE, &err));
    assert_true(decide(number, &clerk, API_STEP_ENTRY, REVIEW_APPROVE, &err));
    assert_false(decide(number, &clerk, API_STEP_ENTRY, REVIEW_APPROVE, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_false(
        decide(number, &second, API_STEP_SECOND_REVIEW, REVIEW_APPROVE, &err));
    assert_state(number, "entered");
}

static void
one_officer_alone_gets_nowhere(void **state)
{
    char number[DB_APPLICATION_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    /* One human being with every role, and a second account of the same. */
    clerk.facts.has_role[API_ROLE_FIRST_REVIEWER] = true;
    create_and_submit(number);
    assert_true(decide(number, &clerk, API_STEP_ENTRY, REVIEW_APPROVE, &err));
    assert_false(
        decide(number, &clerk, API_STEP_FIRST_REVIEW, REVIEW_APPROVE, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    clerk.facts.has_role[API_ROLE_FIRST_REVIEWER] = false;

    memcpy(first.facts.person, "P-0003", 7);
    assert_false(
        decide(number, &first, API_STEP_FIRST_REVIEW, REVIEW_APPROVE, &err));
    assert_int_equal(err.code, ERROR_DENIED);
    memcpy(first.facts.person, "P-0004", 7);
    assert_state(number, "entered");
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.decision"), "1");
    assert_history("3"); /* what was refused left no trace */
}

static void
entry_asks_the_ca_first(void **state)
{
    char number[DB_APPLICATION_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    create_and_submit(number);
    ca.objects = true;
    assert_false(decide(number, &clerk, API_STEP_ENTRY, REVIEW_APPROVE, &err));
    assert_non_null(strstr(err.what, "a weak key"));
    ca.objects = false;
    ca.has_live = true;
    assert_false(decide(number, &clerk, API_STEP_ENTRY, REVIEW_APPROVE, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_true(decide(number, &clerk, API_STEP_ENTRY, REVIEW_RETURN, &err));
    assert_state(number, "returned");
}

static void
returned_application_is_corrected_in_what_is_open(void **state)
{
    struct db_application_content content = content_of("example");
    char number[DB_APPLICATION_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    create_and_submit(number);
    assert_false(business_edit(db, number, 1, &content, NOW, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    assert_true(decide(number, &clerk, API_STEP_ENTRY, REVIEW_RETURN, &err));
    content.applicant.unit_name = "另一单位";
    assert_false(business_edit(db, number, 1, &content, NOW, &err));
    assert_int_equal(err.code, ERROR_CONFLICT);
    content.applicant.unit_name = parts_applicant.unit_name;
    content.years = 5;
    assert_false(business_edit(db, number, 1, &content, NOW, &err));
    content.years = 2;
    content.applicant.street = "文三路 2 号";
    assert_false(business_edit(db, number, 7, &content, NOW, &err));
    assert_true(business_edit(db, number, 1, &content, NOW, NULL));
    assert_true(business_submit(db, "example", number, NOW, NULL));
    assert_string_equal(
        pg_ask("SELECT position('文三路 2 号' IN"
               " convert_from(order_body, 'UTF8')) > 0 FROM ra.application"),
        "t");
}

/* ---- The second lock: PostgreSQL -------------------------------------------
 */

static void
tables_of_c_and_sql_say_the_same(void **state)
{
    char sql[256];

    (void)state;
    for (int from = 0; from < APPLICATION_STATE_COUNT; from++)
        for (int to = 0; to < APPLICATION_STATE_COUNT; to++) {
            bool in_c = false;

            for (size_t i = 0; i < application_transition_count; i++)
                if ((int)application_transitions[i].from == from &&
                    (int)application_transitions[i].to == to && from != to)
                    in_c = true;
            (void)snprintf(sql, sizeof sql,
                           "SELECT count(*) FROM ra.application_transition"
                           " WHERE from_state = '%s' AND to_state = '%s'",
                           application_state_name((enum application_state)from),
                           application_state_name((enum application_state)to));
            assert_string_equal(pg_ask(sql), in_c ? "1" : "0");
        }
}

static void
database_refuses_what_the_code_would(void **state)
{
    static const char *const refused[] = {
        "UPDATE ra.application SET state = 'issued', send_at = NULL",
        "UPDATE ra.application SET state = 'issuing', send_at = now()",
        "UPDATE ra.application SET state = 'draft'",
        "UPDATE ra.application SET csr = 'x'",
        "UPDATE ra.application SET years = 5",
        "UPDATE ra.application SET order_body = 'x'",
        "UPDATE ra.application SET account = 'other'",
        "UPDATE ra.applicant SET unit_name = 'x'",
        "UPDATE ra.applicant SET street = 'x'",
        "DELETE FROM ra.history",
        "UPDATE ra.history SET body = 'x'",
        "UPDATE ra.decision SET verdict = 'approve'",
        "DELETE FROM ra.decision",
        "DELETE FROM ra.application",
        "UPDATE ra.certificate SET der = 'x'",
        "UPDATE ra.account SET token_hash = NULL",
        "SELECT FROM log.entry",
        "SELECT FROM ca.certificate",
        "INSERT INTO ca.decision DEFAULT VALUES",
    };
    char number[DB_APPLICATION_NUMBER_MAX + 1];
    struct error err;

    (void)state;
    create_and_submit(number);
    assert_true(decide(number, &clerk, API_STEP_ENTRY, REVIEW_APPROVE, &err));
    assert_true(
        decide(number, &first, API_STEP_FIRST_REVIEW, REVIEW_APPROVE, &err));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (pg_sqlstate("signet_ra", refused[i])[0] == '\0')
            fail_msg("not refused: %s", refused[i]);
    assert_state(number, "first-passed");
}

static void
waits_between_sendings_grow_to_a_minute(void **state)
{
    (void)state;
    assert_int_equal(business_send_wait_s(0), 1);
    assert_int_equal(business_send_wait_s(5), 32);
    assert_int_equal(business_send_wait_s(6), 60);
    assert_int_equal(business_send_wait_s(INT32_MAX), 60);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(application_with_three_decisions_becomes_a_certificate),
        CASE(unanswered_order_stays_issuing_and_is_sent_again),
        CASE(certificate_for_another_key_is_not_stored),
        CASE(refused_order_goes_back_and_may_come_again),
        CASE(account_has_one_open_application),
        CASE(name_of_an_account_is_taken_once),
        CASE(applications_of_others_are_not_there),
        CASE(steps_come_in_their_order),
        CASE(one_officer_alone_gets_nowhere),
        CASE(entry_asks_the_ca_first),
        CASE(returned_application_is_corrected_in_what_is_open),
        CASE(tables_of_c_and_sql_say_the_same),
        CASE(database_refuses_what_the_code_would),
        cmocka_unit_test(waits_between_sendings_grow_to_a_minute),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
