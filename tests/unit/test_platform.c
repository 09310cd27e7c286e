/* The host platform's calls and the forms, through the handlers and on a real
 * database: ra/handlers_platform.h. signet-ca is a fake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "ra/account.h"
#include "ra/handlers_platform.h"
#include "ra/session.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/pg.h"

static struct case_parts parts;
static struct config *config;
static struct ra ra;
static struct ra_worker worker;

/* ---- The CA that is not there -------------------------------------------- */

static bool is_service;
static struct review_officer officer;

bool __wrap_ca_client_is_service(struct ca_client *client,
                                 const uint8_t *certificate, size_t len,
                                 bool *out, struct error *err);
bool
__wrap_ca_client_is_service(struct ca_client *client,
                            const uint8_t *certificate, size_t len, bool *out,
                            struct error *err)
{
    (void)client;
    (void)certificate;
    (void)len;
    (void)err;
    *out = is_service;
    return true;
}

bool __wrap_officer_find(struct officer_register *all, struct ca_client *ca,
                         const uint8_t *certificate, size_t len, int64_t now,
                         struct review_officer *out, struct error *err);
bool
__wrap_officer_find(struct officer_register *all, struct ca_client *ca,
                    const uint8_t *certificate, size_t len, int64_t now,
                    struct review_officer *out, struct error *err)
{
    (void)all;
    (void)ca;
    (void)certificate;
    (void)len;
    (void)now;
    (void)err;
    *out = officer;
    return true;
}

/* ---- Calls --------------------------------------------------------------- */

enum who { NOBODY, PLATFORM, OFFICER, ACCOUNT };

struct call {
    enum who who;
    const char *query;
    const char *name[2], *value[2]; /* parts of the path */
    const char *body;               /* NULL: none */
    const char *token;              /* of ACCOUNT */
};

struct answer {
    int status;
    json_t *json; /* NULL when it is none */
    size_t len;
    char begin[9];
    char headers[512];
};

static struct answer
ask(http_handler *handle, enum http_method method, const struct call *call)
{
    struct http_request req = {.method = method,
                               .path = "/",
                               .query = call->query == NULL ? "" : call->query};
    struct http_response res = {0};
    struct answer out = {0};
    char bearer[128];

    (void)snprintf(req.peer.address, sizeof req.peer.address, "192.0.2.7");
    if (call->who == PLATFORM || call->who == OFFICER) {
        req.peer.is_authenticated = true;
        req.peer.certificate = (const uint8_t *)"der";
        req.peer.certificate_len = 3;
        (void)snprintf(req.peer.common_name, sizeof req.peer.common_name, "%s",
                       call->who == PLATFORM ? "signet-platform" : "officer");
    }
    if (call->who == ACCOUNT) {
        (void)snprintf(bearer, sizeof bearer, "Bearer %s", call->token);
        req.header[req.header_count++] =
            (struct http_header){"authorization", bearer};
    }
    if (call->body != NULL) {
        req.header[req.header_count++] =
            (struct http_header){"content-type", "application/json"};
        req.body = (const uint8_t *)call->body;
        req.body_len = strlen(call->body);
    }
    for (size_t i = 0; i < 2 && call->name[i] != NULL; i++)
        req.param[req.param_count++] =
            (struct http_param){call->name[i], call->value[i]};
    handle(&worker, &req, &res);
    out.status = res.status;
    out.json = json_loadb((const char *)res.body.data, res.body.len, 0, NULL);
    out.len = res.body.len;
    (void)snprintf(out.begin, sizeof out.begin, "%.8s", buf_text(&res.body));
    (void)snprintf(out.headers, sizeof out.headers, "%s",
                   buf_text(&res.headers));
    http_response_clear(&res);
    return out;
}

static int
status_of(http_handler *handle, enum http_method method,
          const struct call *call)
{
    struct answer answer = ask(handle, method, call);

    json_decref(answer.json);
    return answer.status;
}

static const char *
member(const struct answer *answer, const char *name)
{
    const char *text = json_string_value(json_object_get(answer->json, name));

    return text == NULL ? "" : text;
}

static const char record[] =
    "{\"unit_name\":\"甲公司\",\"uscc\":\"91330100MA27XYW12A\","
    "\"kind\":\"company\",\"province\":\"浙江省\",\"locality\":\"杭州市\","
    "\"street\":\"一路 1 号\"}";

static struct call
for_account(enum who who, const char *account, const char *body)
{
    return (struct call){
        .who = who, .name = {"account"}, .value = {account}, .body = body};
}

/* ---- Tests --------------------------------------------------------------- */

static void
nobody_but_the_platform_makes_its_calls(void **state)
{
    static http_handler *const handlers[] = {
        handle_platform_account_put, handle_platform_account_show,
        handle_platform_session,     handle_platform_progress,
        handle_platform_bind,        handle_platform_unbind,
    };

    (void)state;
    officer.has_role[API_ROLE_BUSINESS_ADMINISTRATOR] = true;
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        struct call call = for_account(NOBODY, "unit-1", record);

        assert_int_equal(status_of(handlers[i], HTTP_POST, &call), 401);
        call.who = OFFICER;
        assert_int_equal(status_of(handlers[i], HTTP_POST, &call), 403);
        /* An applicant may choose a name, and the CA knows it is no service. */
        call.who = PLATFORM;
        is_service = false;
        assert_int_equal(status_of(handlers[i], HTTP_POST, &call), 403);
        is_service = true;
    }
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.unit"
                               " WHERE account = 'unit-1'"),
                        "0");
}

static void
a_record_is_created_shown_changed_and_left_alone(void **state)
{
    struct call call = for_account(PLATFORM, "unit-1", record);
    struct answer answer = ask(handle_platform_account_put, HTTP_PUT, &call);

    (void)state;
    assert_int_equal(answer.status, 201);
    assert_string_equal(member(&answer, "result"), "created");
    assert_string_equal(member(&answer, "language"), "zh");
    json_decref(answer.json);
    answer = ask(handle_platform_account_put, HTTP_PUT, &call);
    assert_int_equal(answer.status, 200);
    assert_string_equal(member(&answer, "result"), "unchanged");
    json_decref(answer.json);
    answer = ask(handle_platform_account_show, HTTP_GET, &call);
    assert_int_equal(answer.status, 200);
    assert_string_equal(member(&answer, "unit_name"), "甲公司");
    json_decref(answer.json);
    call.body = "{\"unit_name\":\"甲公司\",\"uscc\":\"91330100MA27XYW12A\","
                "\"kind\":\"company\",\"province\":\"浙江省\","
                "\"locality\":\"杭州市\",\"street\":\"二路\",\"revision\":7}";
    assert_int_equal(status_of(handle_platform_account_put, HTTP_PUT, &call),
                     409);
    call = for_account(PLATFORM, "unit-2", NULL);
    assert_int_equal(status_of(handle_platform_account_show, HTTP_GET, &call),
                     404);
}

static void
a_record_with_an_unknown_or_wrong_member_is_refused(void **state)
{
    static const char *const wrong[] = {
        "{}",
        "[]",
        "{\"unit_name\":1}",
        "{\"unit_name\":\"甲\",\"uscc\":\"91330100MA27XYW12A\","
        "\"kind\":\"company\",\"province\":\"x\",\"locality\":\"x\","
        "\"street\":\"x\",\"account\":\"unit-9\"}",
        "{\"unit_name\":\"甲\",\"uscc\":\"91330100MA27XYW12A\","
        "\"kind\":\"company\",\"province\":\"x\",\"locality\":\"x\","
        "\"street\":\"x\",\"revision\":0}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct call call = for_account(PLATFORM, "unit-1", wrong[i]);

        assert_int_equal(
            status_of(handle_platform_account_put, HTTP_PUT, &call), 400);
    }
}

static void
an_import_is_for_the_platform_and_business_administrators(void **state)
{
    static const char csv[] =
        "account,unit_name,uscc,kind,province,locality,street\n"
        "unit-1,甲公司,91330100MA27XYW12A,company,浙江省,杭州市,一路\n"
        "unit-2,乙公司,1,company,浙江省,杭州市,二路\n";
    struct call call = {
        .who = OFFICER, .query = "format=csv&dry_run=1", .body = csv};
    struct answer answer;

    (void)state;
    officer.has_role[API_ROLE_FIRST_REVIEWER] = true;
    assert_int_equal(status_of(handle_platform_import, HTTP_POST, &call), 403);
    officer.has_role[API_ROLE_BUSINESS_ADMINISTRATOR] = true;
    answer = ask(handle_platform_import, HTTP_POST, &call);
    assert_int_equal(answer.status, 200);
    assert_true(json_is_true(json_object_get(answer.json, "dry_run")));
    json_decref(answer.json);
    call.who = PLATFORM;
    call.query = "format=csv";
    answer = ask(handle_platform_import, HTTP_POST, &call);
    assert_int_equal(answer.status, 200);
    assert_int_equal(
        json_integer_value(json_object_get(answer.json, "created")), 1);
    assert_int_equal(json_integer_value(json_object_get(answer.json, "errors")),
                     1);
    json_decref(answer.json);
    call.query = "format=pdf";
    assert_int_equal(status_of(handle_platform_import, HTTP_POST, &call), 400);
    call.query = "format=csv&dry_run=yes";
    assert_int_equal(status_of(handle_platform_import, HTTP_POST, &call), 400);
}

static void
a_ticket_opens_one_session_of_that_account(void **state)
{
    struct call call = {.who = PLATFORM,
                        .body =
                            "{\"account\":\"example\",\"language\":\"en\"}"};
    char account[DB_ACCOUNT_NAME_MAX + 1], language[3];
    struct error err = {0};
    struct answer answer = ask(handle_platform_session, HTTP_POST, &call);

    (void)state;
    assert_int_equal(answer.status, 201);
    assert_non_null(strstr(answer.headers, "Cache-Control: no-store"));
    assert_non_null(strstr(member(&answer, "url"), member(&answer, "ticket")));
    assert_int_equal(
        strncmp(member(&answer, "url"), "https://ra.example/portal/", 26), 0);
    assert_true(session_ticket_use(worker.db, member(&answer, "ticket"),
                                   clock_now(), account, language, &err));
    assert_string_equal(account, "example");
    assert_string_equal(language, "en");
    assert_false(session_ticket_use(worker.db, member(&answer, "ticket"),
                                    clock_now(), account, language, &err));
    json_decref(answer.json);
    call.body = "{\"account\":\"nobody\"}";
    assert_int_equal(status_of(handle_platform_session, HTTP_POST, &call), 404);
    call.body = "{\"account\":\"example\",\"language\":\"fr\"}";
    assert_int_equal(status_of(handle_platform_session, HTTP_POST, &call), 400);
}

static void
binding_answers_how_the_account_stands(void **state)
{
    struct call call = for_account(PLATFORM, "example", NULL);
    struct answer answer;
    char body[160];

    (void)state;
    case_parts_live(&parts, "example", clock_now() + 86400 * 30);
    (void)snprintf(body, sizeof body,
                   "{\"issuer\":\"issuing-1\",\"serial\":"
                   "\"%s\"}",
                   pg_ask("SELECT encode(serial, 'hex')"
                          " FROM ra.holder_certificate LIMIT 1"));
    call.body = body;
    answer = ask(handle_platform_unbind, HTTP_DELETE, &call);
    assert_int_equal(answer.status, 200);
    assert_null(json_object_get(json_object_get(answer.json, "certificate"),
                                "bound_at"));
    json_decref(answer.json);
    answer = ask(handle_platform_bind, HTTP_POST, &call);
    assert_int_equal(answer.status, 200);
    assert_non_null(json_object_get(json_object_get(answer.json, "certificate"),
                                    "bound_at"));
    json_decref(answer.json);
    call.body = "{\"issuer\":\"issuing-1\",\"serial\":\"00\"}";
    assert_int_equal(status_of(handle_platform_bind, HTTP_POST, &call), 400);
    call.body = "{\"issuer\":\"issuing-1\",\"serial\":"
                "\"ffffffffffffffffffffffffffffffff\"}";
    assert_int_equal(status_of(handle_platform_bind, HTTP_POST, &call), 404);
}

/* An account's token, made here. */
static void
token_give(const char *account, char token[ACCOUNT_TOKEN_LEN + 1])
{
    uint8_t hash[ACCOUNT_HASH_LEN];
    char hex[2 * ACCOUNT_HASH_LEN + 1] = "", sql[256];
    struct error err = {0};

    assert_true(account_token_draw(token, hash, &err));
    for (size_t i = 0; i < sizeof hash; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    (void)snprintf(sql, sizeof sql,
                   "UPDATE ra.account SET token_hash = '\\x%s'"
                   " WHERE account = '%s'",
                   hex, account);
    pg_sql(sql);
}

static void
a_form_is_for_its_account_and_for_officers_who_work_on_cases(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    char own[ACCOUNT_TOKEN_LEN + 1], foreign[ACCOUNT_TOKEN_LEN + 1];
    struct call call = {.who = ACCOUNT,
                        .name = {"number", "kind"},
                        .value = {number, "certificate"},
                        .token = own};
    struct error err = {0};
    struct answer answer;

    (void)state;
    case_parts_account("other");
    token_give("example", own);
    token_give("other", foreign);
    assert_true(case_parts_create(&parts, BUSINESS_NEW, number, &err));
    assert_int_equal(status_of(handle_form_show, HTTP_GET, &call), 404);
    if (!case_parts_act(&parts, number, CASE_SUBMIT, CASE_BY_APPLICANT, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    answer = ask(handle_form_show, HTTP_GET, &call);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.begin, "%PDF-1.5");
    assert_non_null(strstr(answer.headers, "attachment; filename=\"N20"));
    json_decref(answer.json);
    call.value[1] = "unlock"; /* not of this business */
    assert_int_equal(status_of(handle_form_show, HTTP_GET, &call), 404);
    call.value[1] = "certificate";
    call.token = foreign;
    assert_int_equal(status_of(handle_form_show, HTTP_GET, &call), 404);
    call.who = PLATFORM;
    assert_int_equal(status_of(handle_form_show, HTTP_GET, &call), 404);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.look"), "0");
    call.who = OFFICER;
    officer.has_role[API_ROLE_FINANCE] = true;
    assert_int_equal(status_of(handle_form_show, HTTP_GET, &call), 403);
    officer.has_role[API_ROLE_FIRST_REVIEWER] = true;
    assert_int_equal(status_of(handle_form_show, HTTP_GET, &call), 200);
    assert_string_equal(pg_ask("SELECT what FROM ra.look"), "form:certificate");
}

/* ---- Group --------------------------------------------------------------- */

static int
start(void **state)
{
    char text[1024];
    struct error err = {0};

    (void)state;
    pg_start();
    case_parts_init(&parts);
    (void)snprintf(text, sizeof text,
                   "db.ra = %s\nra.public_url = https://ra.example\n"
                   "schema_dir = %s/config/schema\n",
                   pg_connection("signet_ra"), SOURCE_DIR);
    if (config_parse(text, strlen(text), "test", "/", &config, &err))
        return 0;
    print_error("%s\n", err.what);
    return 1;
}

static int
stop(void **state)
{
    (void)state;
    config_free(config);
    case_parts_clear(&parts);
    pg_stop();
    return 0;
}

static int
open_house(void **state)
{
    (void)state;
    case_parts_open(&parts);
    ra_init(&ra, config);
    ra.business.definitions = parts.definitions;
    ra.business.vault = parts.vault;
    worker =
        (struct ra_worker){.ra = &ra, .db = parts.db, .business = &ra.business};
    is_service = true;
    memset(&officer, 0, sizeof officer);
    (void)snprintf(officer.officer_id, sizeof officer.officer_id,
                   "11111111-1111-4111-8111-111111111111");
    officer.is_active = officer.is_credential_active = true;
    return 0;
}

static int
close_house(void **state)
{
    (void)state;
    ra_clear(&ra);
    case_parts_close(&parts);
    return 0;
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, open_house, close_house)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_but_the_platform_makes_its_calls),
        TEST(a_record_is_created_shown_changed_and_left_alone),
        TEST(a_record_with_an_unknown_or_wrong_member_is_refused),
        TEST(an_import_is_for_the_platform_and_business_administrators),
        TEST(a_ticket_opens_one_session_of_that_account),
        TEST(binding_answers_how_the_account_stands),
        TEST(a_form_is_for_its_account_and_for_officers_who_work_on_cases),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
