/*
 * Cases over HTTP, from literal requests: who sees what, whose numbers are not
 * there, and what a second click gets. Database and engine are real; callers
 * and the CA are fakes.
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
#include "ra/handlers_case.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/fake_ca.h"
#include "tests/unit/fake_caller.h"
#include "tests/unit/pg.h"

static struct case_parts parts;

/* ---- Requests ---------------------------------------------------------------
 */

static struct ra_worker worker;
static json_t *answer; /* of the last request; NULL: no JSON */

static int
ask(http_handler *handler, enum http_method method, const char *number,
    const char *body)
{
    struct http_request req = {.method = method,
                               .path = "/",
                               .query = "",
                               .body = (const uint8_t *)body,
                               .body_len = body == NULL ? 0 : strlen(body),
                               .param = {{"number", number}},
                               .param_count = 1,
                               .header = {{"content-type", "application/json"}},
                               .header_count = 1};
    struct http_response res = {.headers = BUF_INIT(4096),
                                .body = BUF_INIT(1 << 24)};
    int status;

    json_decref(answer);
    answer = NULL;
    handler(&worker, &req, &res);
    status = res.status;
    if (res.body.len > 0)
        answer = json_loadb((const char *)res.body.data, res.body.len, 0, NULL);
    http_response_clear(&res);
    return status;
}

static const char *
text(const char *name)
{
    const char *value = json_string_value(json_object_get(answer, name));

    return value == NULL ? "" : value;
}

static void
as_account(const char *account)
{
    memset(&who, 0, sizeof who);
    who.kind = CALLER_ACCOUNT;
    (void)snprintf(who.account.account, sizeof who.account.account, "%s",
                   account);
}

static void
as_officer(enum api_role role)
{
    memset(&who, 0, sizeof who);
    who.kind = CALLER_OFFICER;
    who.officer = parts.first.facts;
    memset(who.officer.has_role, 0, sizeof who.officer.has_role);
    who.officer.has_role[role] = true;
}

static int
group_start(void **state)
{
    (void)state;
    pg_start();
    case_parts_init(&parts);
    return 0;
}

static int
group_stop(void **state)
{
    (void)state;
    json_decref(answer);
    case_parts_clear(&parts);
    pg_stop();
    return 0;
}

static int
start(void **state)
{
    (void)state;
    fake_ca_reset();
    case_parts_open(&parts);
    worker.db = parts.db;
    worker.business = &parts.business;
    as_account("example");
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    case_parts_close(&parts);
    return 0;
}

/* Files a case of business NEW over HTTP. */
static void
file_new(char number[DB_CASE_NUMBER_MAX + 1])
{
    const struct definition *definition =
        definition_get(parts.definitions, BUSINESS_NEW);
    json_t *body = json_object();
    char *octets;

    json_set_text(body, "business", "new");
    json_set_text(body, "notice_version", definition->notice_version);
    json_object_set_new(body, "fields", case_parts_fields(BUSINESS_NEW));
    octets = json_dumps(body, 0);
    assert_int_equal(ask(handle_case_create, HTTP_POST, "", octets), 201);
    free(octets);
    json_decref(body);
    (void)snprintf(number, DB_CASE_NUMBER_MAX + 1, "%s", text("number"));
}

static void
submit(const char *number)
{
    assert_int_equal(ask(handle_case_submit, HTTP_POST, number, NULL), 200);
}

/* ---- What is promised -------------------------------------------------------
 */

static void
draft_is_filled_from_the_record(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    file_new(number);
    assert_string_equal(text("state"), "draft");
    assert_string_equal(json_string_value(json_object_get(
                            json_object_get(answer, "fields"), "unit_name")),
                        "杭州示例科技有限公司");
    assert_int_equal(json_array_size(json_object_get(answer, "slots")), 6);
    assert_int_equal(ask(handle_case_list, HTTP_GET, "", NULL), 200);
    assert_int_equal(json_array_size(json_object_get(answer, "cases")), 1);
}

static void
old_notice_and_another_name_are_refused(void **state)
{
    (void)state;
    assert_int_equal(
        ask(handle_case_create, HTTP_POST, "",
            "{\"business\":\"new\",\"notice_version\":\"2001-01-01\","
            "\"fields\":{}}"),
        409);
    assert_int_equal(ask(handle_case_create, HTTP_POST, "",
                         "{\"business\":\"none\",\"fields\":{}}"),
                     400);
    assert_int_equal(ask(handle_case_create, HTTP_POST, "",
                         "{\"business\":\"new\",\"fields\":{},\"more\":1}"),
                     400);
    assert_int_equal(ask(handle_case_create, HTTP_POST, "",
                         "{\"business\":\"new\",\"fields\":{\"a\":1}}"),
                     400);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.case_file"), "0");
}

static void
numbers_of_others_are_not_there(void **state)
{
    http_handler *const handlers[] = {
        handle_case_show,     handle_case_submit,   handle_case_hand_in,
        handle_case_withdraw, handle_case_timeline, handle_case_certificate,
    };
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    file_new(number);
    case_parts_account("other");
    as_account("other");
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        char theirs[256];
        char none[256];

        assert_int_equal(ask(handlers[i], HTTP_GET, number, NULL), 404);
        (void)snprintf(theirs, sizeof theirs, "%s", text("detail"));
        assert_int_equal(ask(handlers[i], HTTP_GET, "N20000101-000001", NULL),
                         404);
        (void)snprintf(none, sizeof none, "%s", text("detail"));
        assert_string_equal(theirs, none);
    }
    assert_int_equal(ask(handle_case_edit, HTTP_PUT, number,
                         "{\"revision\":1,\"fields\":{}}"),
                     404);
    assert_int_equal(ask(handle_case_list, HTTP_GET, "", NULL), 200);
    assert_int_equal(json_array_size(json_object_get(answer, "cases")), 0);
}

static void
second_click_is_a_clear_conflict(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    file_new(number);
    submit(number);
    assert_string_equal(text("state"), "form-ready");
    assert_int_equal(ask(handle_case_submit, HTTP_POST, number, NULL), 409);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.form"), "1");
    assert_int_equal(ask(handle_case_hand_in, HTTP_POST, number, NULL), 409);
    case_parts_documents(&parts, number);
    assert_int_equal(ask(handle_case_hand_in, HTTP_POST, number, NULL), 200);
    assert_int_equal(ask(handle_case_hand_in, HTTP_POST, number, NULL), 409);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.payment"), "1");
}

static void
every_look_of_an_officer_is_written_down(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    file_new(number);
    submit(number);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.look"), "0");
    as_officer(API_ROLE_FIRST_REVIEWER);
    assert_int_equal(ask(handle_case_show, HTTP_GET, number, NULL), 200);
    assert_int_equal(ask(handle_case_review, HTTP_GET, number, NULL), 200);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.look"), "2");
    assert_non_null(
        json_object_get(json_object_get(answer, "fields"), "handler_mobile"));
    assert_int_equal(strlen(text("digest")), 64);
    assert_true(json_array_size(json_object_get(answer, "checklist")) > 0);

    /* Who counts money sees nobody's telephone number. */
    as_officer(API_ROLE_FINANCE);
    assert_int_equal(ask(handle_case_show, HTTP_GET, number, NULL), 200);
    assert_null(
        json_object_get(json_object_get(answer, "fields"), "handler_mobile"));
    assert_int_equal(ask(handle_case_review, HTTP_GET, number, NULL), 403);
    as_officer(API_ROLE_KMC_OPERATOR);
    assert_int_equal(ask(handle_case_show, HTTP_GET, number, NULL), 403);
    assert_int_equal(ask(handle_case_list, HTTP_GET, "", NULL), 403);
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.look"), "2");
}

static void
time_line_names_officers_to_officers_alone(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    struct error err;
    json_t *step;

    (void)state;
    file_new(number);
    submit(number);
    case_parts_documents(&parts, number);
    assert_int_equal(ask(handle_case_hand_in, HTTP_POST, number, NULL), 200);
    case_parts_pay(number);
    assert_true(case_parts_act(&parts, number, CASE_PAY, CASE_BY_SYSTEM, &err));
    assert_true(case_parts_decide(&parts, number, &parts.first,
                                  API_STEP_FIRST_REVIEW, API_RETURN, &err));
    assert_int_equal(ask(handle_case_timeline, HTTP_GET, number, NULL), 200);
    step = json_array_get(json_object_get(answer, "steps"), 4);
    assert_string_equal(json_string_value(json_object_get(step, "event")),
                        "returned");
    assert_string_equal(json_string_value(json_object_get(step, "remark")),
                        "the scan is too dark");
    assert_null(json_object_get(step, "actor"));
    as_officer(API_ROLE_AUDITOR);
    assert_int_equal(ask(handle_case_timeline, HTTP_GET, number, NULL), 200);
    step = json_array_get(json_object_get(answer, "steps"), 4);
    assert_string_equal(json_string_value(json_object_get(step, "actor")),
                        parts.first.facts.officer_id);
    assert_int_equal(ask(handle_case_history, HTTP_GET, number, NULL), 200);
    assert_int_equal(json_array_size(json_object_get(answer, "history")), 5);
    as_account("example");
    assert_int_equal(ask(handle_case_history, HTTP_GET, number, NULL), 403);
    assert_int_equal(ask(handle_case_show, HTTP_GET, number, NULL), 200);
    assert_string_equal(text("remark"), "the scan is too dark");
}

static void
case_is_closed_with_a_statement_and_a_remark(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    file_new(number);
    submit(number);
    assert_int_equal(ask(handle_case_close, HTTP_POST, number,
                         "{\"remark\":\"a wrong name\"}"),
                     403);
    as_officer(API_ROLE_CUSTOMER_SERVICE);
    assert_int_equal(
        ask(handle_case_close, HTTP_POST, number, "{\"remark\":\"\"}"), 400);
    assert_int_equal(ask(handle_case_close, HTTP_POST, number,
                         "{\"remark\":\"a wrong name\"}"),
                     409);
    pg_sql("INSERT INTO ra.document (id, number, slot, revision, state,"
           " media_type, file_name, len, sha256, sealed, page_count, added_at)"
           " SELECT gen_random_uuid(), number, 'statement', 1, 'current',"
           " 'image/png', 'scan.png', 1, sha256('x'), 'x', 1, now()"
           " FROM ra.case_file");
    assert_int_equal(ask(handle_case_close, HTTP_POST, number,
                         "{\"remark\":\"a wrong name\"}"),
                     200);
    assert_string_equal(text("state"), "closed");
    assert_int_equal(ask(handle_case_close, HTTP_POST, number,
                         "{\"remark\":\"a wrong name\"}"),
                     409);
    assert_int_equal(ask(handle_case_retry, HTTP_POST, number, NULL), 409);
}

static void
businesses_say_what_is_open_and_why_not(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];
    json_t *list;

    (void)state;
    assert_int_equal(ask(handle_business_list, HTTP_GET, "", NULL), 200);
    list = json_object_get(answer, "businesses");
    assert_int_equal(json_array_size(list), BUSINESS_COUNT);
    assert_true(json_is_true(
        json_object_get(json_array_get(list, BUSINESS_NEW), "is_open")));
    assert_true(json_is_false(
        json_object_get(json_array_get(list, BUSINESS_REVOKE), "is_open")));
    file_new(number);
    assert_int_equal(ask(handle_business_list, HTTP_GET, "", NULL), 200);
    list = json_array_get(json_object_get(answer, "businesses"), BUSINESS_NEW);
    assert_true(json_is_false(json_object_get(list, "is_open")));
    assert_non_null(strstr(json_string_value(json_object_get(
                               json_object_get(list, "why_not"), "en")),
                           number));
}

static void
decisions_are_read_strictly(void **state)
{
    char number[DB_CASE_NUMBER_MAX + 1];

    (void)state;
    file_new(number);
    submit(number);
    as_officer(API_ROLE_FIRST_REVIEWER);
    assert_int_equal(ask(handle_case_decide, HTTP_POST, number, "{}"), 400);
    assert_int_equal(
        ask(handle_case_decide, HTTP_POST, number, "{\"remarks\":{\"a\":1}}"),
        400);
    assert_int_equal(
        ask(handle_case_decide, HTTP_POST, number, "{\"checks\":[]}"), 400);
    as_account("example");
    assert_int_equal(ask(handle_case_decide, HTTP_POST, number, "{}"), 403);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(draft_is_filled_from_the_record),
        CASE(old_notice_and_another_name_are_refused),
        CASE(numbers_of_others_are_not_there),
        CASE(second_click_is_a_clear_conflict),
        CASE(every_look_of_an_officer_is_written_down),
        CASE(time_line_names_officers_to_officers_alone),
        CASE(case_is_closed_with_a_statement_and_a_remark),
        CASE(businesses_say_what_is_open_and_why_not),
        CASE(decisions_are_read_strictly),
    };

    return cmocka_run_group_tests(tests, group_start, group_stop);
}
