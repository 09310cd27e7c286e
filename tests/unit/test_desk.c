/*
 * The officers' desk over HTTP, on a real database: who takes a case and puts
 * it aside, what search finds, whose certificates are shown, overviews and the
 * calendar. Who calls is given here (links.cmake).
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
#include "ra/form.h"
#include "ra/handlers_queue.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/pg.h"

#define A "aaaaaaaa-1111-4111-8111-111111111111"
#define B "bbbbbbbb-2222-4222-8222-222222222222"
#define GONE "cccccccc-3333-4333-8333-333333333333"
#define DAY INT64_C(86400)

static struct case_parts parts;
static struct ra ra;
static struct ra_worker worker = {.ra = &ra};
static struct caller calling;

/* ---- Who calls
 * ------------------------------------------------------------------ */

bool __wrap_caller_get(struct ra_worker *w, const struct http_request *req,
                       struct http_response *res, struct caller *out);
bool __wrap_caller_with_role(struct ra_worker *w,
                             const struct http_request *req,
                             struct http_response *res, unsigned roles,
                             struct caller *out);
bool __wrap_officer_rows(struct officer_register *officers,
                         struct ca_client *ca, json_t **out, struct error *err);

bool
__wrap_caller_get(struct ra_worker *w, const struct http_request *req,
                  struct http_response *res, struct caller *out)
{
    (void)w;
    (void)req;
    (void)res;
    *out = calling;
    return true;
}

bool
__wrap_caller_with_role(struct ra_worker *w, const struct http_request *req,
                        struct http_response *res, unsigned roles,
                        struct caller *out)
{
    struct error err = {0};

    (void)w;
    *out = calling;
    for (int i = 0; i < API_ROLE_COUNT; i++)
        if ((roles & 1u << i) != 0 && caller_has_role(out, (enum api_role)i))
            return true;
    error_set(&err, ERROR_DENIED, "not the role");
    http_reply_error(res, req, "test", &err);
    return false;
}

bool
__wrap_officer_rows(struct officer_register *officers, struct ca_client *ca,
                    json_t **out, struct error *err)
{
    (void)officers;
    (void)ca;
    (void)err;
    *out = json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "officer_id", A,
                     "state", "active", "officer_id", B, "state", "active",
                     "officer_id", GONE, "state", "dismissed");
    return true;
}

static void
officer(const char *id, enum api_role role)
{
    memset(&calling, 0, sizeof calling);
    calling.kind = CALLER_OFFICER;
    snprintf(calling.officer.officer_id, sizeof calling.officer.officer_id,
             "%s", id);
    snprintf(calling.officer.person, sizeof calling.officer.person, "person-%c",
             id[0]);
    calling.officer.is_active = true;
    calling.officer.has_role[role] = true;
}

static void
account(const char *name)
{
    memset(&calling, 0, sizeof calling);
    calling.kind = CALLER_ACCOUNT;
    snprintf(calling.account.account, sizeof calling.account.account, "%s",
             name);
}

/* ---- Calls
 * ------------------------------------------------------------------------- */

struct call {
    const char *query;
    const char *number, *issuer, *serial, *day;
    const char *type;
    const char *body;
};

/* The answer with its status; the caller releases it. */
static json_t *
ask(http_handler *handle, const struct call *call, int status)
{
    struct http_request req = {.path = "/",
                               .query = call->query == NULL ? "" : call->query};
    const struct http_param params[] = {{"number", call->number},
                                        {"issuer", call->issuer},
                                        {"serial", call->serial},
                                        {"day", call->day}};
    struct http_response res = {0};
    struct error err = {0};
    json_t *out = NULL;

    res.body.limit = res.headers.limit = 1 << 20;
    for (size_t i = 0; i < 4; i++)
        if (params[i].value != NULL)
            req.param[req.param_count++] = params[i];
    if (call->body != NULL) {
        req.header[req.header_count++] = (struct http_header){
            "content-type",
            call->type == NULL ? "application/json" : call->type};
        req.body = (const uint8_t *)call->body;
        req.body_len = strlen(call->body);
    }
    handle(&worker, &req, &res);
    if (res.status != status)
        fail_msg("%d, not %d: %s", res.status, status, buf_text(&res.body));
    if (!json_parse_object(res.body.data, res.body.len, &out, &err))
        fail_msg("%s", err.what);
    http_response_clear(&res);
    return out;
}

static void
asks(http_handler *handle, const struct call *call, int status)
{
    json_decref(ask(handle, call, status));
}

static size_t
found(http_handler *handle, const char *query)
{
    const struct call call = {.query = query};
    json_t *out = ask(handle, &call, 200);
    size_t count = json_array_size(json_object_get(out, "cases"));

    json_decref(out);
    return count;
}

static bool
can(const json_t *one, const char *event)
{
    const json_t *list = json_object_get(one, "can");

    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), event) == 0)
            return true;
    return false;
}

/* ---- The house
 * ------------------------------------------------------------------------ */

/* Drawing takes longer than all the rest. */
bool
form_make(const struct vault *vault, const struct form_input *input,
          struct buf *pdf, struct error *err)
{
    (void)vault;
    (void)err;
    return buf_addf(pdf, "%s %d", input->number, input->revision);
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
    case_parts_clear(&parts);
    pg_stop();
    return 0;
}

static char number[DB_CASE_NUMBER_MAX + 1];

/* A case of "example" that waits for its first review. */
static int
start(void **state)
{
    struct error err = {0};

    (void)state;
    case_parts_open(&parts);
    worker.db = parts.db;
    worker.business = &parts.business;
    if (!case_parts_create(&parts, BUSINESS_NEW, number, &err) ||
        !case_parts_act(&parts, number, CASE_SUBMIT, CASE_BY_APPLICANT, &err))
        fail_msg("%s", err.what);
    case_parts_documents(&parts, number);
    if (!case_parts_act(&parts, number, CASE_HAND_IN, CASE_BY_APPLICANT, &err))
        fail_msg("%s", err.what);
    case_parts_pay(number);
    if (!case_parts_act(&parts, number, CASE_PAY, CASE_BY_SYSTEM, &err))
        fail_msg("%s", err.what);
    officer(A, API_ROLE_FIRST_REVIEWER);
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    case_parts_close(&parts);
    return 0;
}

/* ---- The queue
 * ------------------------------------------------------------------------- */

static void
the_queue_says_what_its_reader_can_do(void **state)
{
    const struct call call = {.query = "mine=1"};
    json_t *out = ask(handle_queue, &call, 200);
    const json_t *one = json_array_get(json_object_get(out, "cases"), 0);

    (void)state;
    assert_string_equal(json_string_value(json_object_get(one, "number")),
                        number);
    assert_true(can(one, "passed"));
    assert_true(can(one, "returned"));
    assert_false(can(one, "withdrawn")); /* the applicant's */
    assert_true(json_is_integer(json_object_get(one, "age_s")));
    assert_null(json_object_get(out, "next"));
    json_decref(out);
    officer(A, API_ROLE_SECOND_REVIEWER);
    assert_int_equal(found(handle_queue, "mine=1"), 0);
    assert_int_equal(found(handle_queue, ""), 1);
    assert_int_equal(found(handle_queue, "state=first-review&business=new"), 1);
    assert_int_equal(found(handle_queue, "state=second-review"), 0);
}

static void
counts_are_those_of_the_queue(void **state)
{
    const struct call call = {0};
    json_t *out = ask(handle_queue_counts, &call, 200);

    (void)state;
    assert_int_equal(json_integer_value(json_object_get(out, "mine")), 1);
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(out, "by_state"), "first-review")),
                     1);
    assert_int_equal(json_integer_value(json_object_get(
                         json_object_get(out, "by_business"), "new")),
                     1);
    json_decref(out);
}

static void
a_wrong_question_is_refused(void **state)
{
    static const char *const wrong[] = {
        "mine=yes",      "state=nowhere",
        "business=x",    "limit=0",
        "limit=101",     "limit=x",
        "sort=size",     "after=N20201124-000001",
        "state=%ff%00x", "mine=",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const struct call call = {.query = wrong[i]};

        asks(handle_queue, &call, strcmp(wrong[i], "mine=") == 0 ? 200 : 400);
    }
}

static void
accounts_have_no_business_at_the_desk(void **state)
{
    const struct call call = {.number = number, .query = "q=x"};
    http_handler *const desk[] = {handle_queue,       handle_queue_counts,
                                  handle_search,      handle_dashboard,
                                  handle_case_resume, handle_calendar_list,
                                  handle_calendar_set};

    (void)state;
    account("example");
    for (size_t i = 0; i < sizeof desk / sizeof desk[0]; i++)
        asks(desk[i], &call, 403);
}

/* ---- Assigning and putting aside
 * ------------------------------------------------------------ */

static void
give(const char *to, int status)
{
    char body[128];
    const struct call call = {.number = number, .body = body};

    if (to == NULL)
        snprintf(body, sizeof body, "{\"officer_id\": null}");
    else
        snprintf(body, sizeof body, "{\"officer_id\": \"%s\"}", to);
    asks(handle_case_assign, &call, status);
}

static void
an_officer_takes_what_nobody_has(void **state)
{
    (void)state;
    give(A, 200);
    give(A, 200); /* twice is once */
    officer(B, API_ROLE_FIRST_REVIEWER);
    assert_int_equal(found(handle_queue, "mine=1"), 0);
    assert_int_equal(found(handle_queue, ""), 1);
    give(B, 403);
    give(NULL, 403);
    officer(A, API_ROLE_FIRST_REVIEWER);
    give(B, 403); /* handing on is an administrator's */
    give(NULL, 200);
    officer(B, API_ROLE_FIRST_REVIEWER);
    give(B, 200);
    assert_string_equal(
        pg_ask("SELECT count(*) FROM ra.case_history WHERE event = 'assigned'"),
        "4");
}

static void
an_administrator_gives_to_any_active_officer(void **state)
{
    (void)state;
    give(A, 200);
    officer(B, API_ROLE_BUSINESS_ADMINISTRATOR);
    give(B, 200);
    give(GONE, 400);
    give("dddddddd-4444-4444-8444-444444444444", 400);
    give("x", 400);
    assert_string_equal(pg_ask("SELECT assigned_to FROM ra.case_file"), B);
}

static void
auditors_only_look(void **state)
{
    (void)state;
    officer(A, API_ROLE_AUDITOR);
    assert_int_equal(found(handle_queue, ""), 1);
    give(A, 403);
}

static void
put_aside(int64_t until, const char *reason, int status)
{
    char body[256], at[CLOCK_TEXT_LEN + 1];
    const struct call call = {.number = number, .body = body};

    clock_format(until, at);
    snprintf(body, sizeof body, "{\"until\": \"%s\", \"reason\": \"%s\"}", at,
             reason);
    asks(handle_case_hold, &call, status);
}

static void
what_is_put_aside_is_nobodys_until_its_day(void **state)
{
    const struct call call = {.number = number};

    (void)state;
    put_aside(clock_now() - 1, "等待", 400);
    put_aside(clock_now() + 91 * DAY, "等待", 400);
    put_aside(clock_now() + DAY, "", 400);
    asks(handle_case_resume, &call, 409);
    put_aside(clock_now() + DAY, "等待客户回电", 200);
    assert_int_equal(found(handle_queue, "mine=1"), 0);
    assert_int_equal(found(handle_queue, ""), 1);
    asks(handle_case_resume, &call, 200);
    assert_int_equal(found(handle_queue, "mine=1"), 1);
    give(A, 200);
    officer(B, API_ROLE_FIRST_REVIEWER);
    put_aside(clock_now() + DAY, "x", 403); /* another works on it */
}

static void
what_is_over_is_given_to_nobody(void **state)
{
    struct error err = {0};

    (void)state;
    assert_true(
        case_parts_act(&parts, number, CASE_WITHDRAW, CASE_BY_APPLICANT, &err));
    give(A, 409);
    put_aside(clock_now() + DAY, "x", 409);
    assert_int_equal(found(handle_queue, ""), 0);
    snprintf(number, sizeof number, "N20201124-999999");
    give(A, 404);
}

/* ---- Search
 * -----------------------------------------------------------------------------------
 */

static void
a_case_is_found_by_all_that_is_known_of_it(void **state)
{
    json_t *fields = case_parts_fields(BUSINESS_NEW);
    const char *mobile =
        json_string_value(json_object_get(fields, "handler_mobile"));
    char query[256];

    (void)state;
    snprintf(query, sizeof query, "q=%s", number);
    assert_int_equal(found(handle_search, query), 1);
    snprintf(query, sizeof query, "q=SIGNET1:%s:1:certificate:00:00", number);
    assert_int_equal(found(handle_search, query), 1);
    snprintf(query, sizeof query, "q=%%2B86%s", mobile);
    assert_int_equal(found(handle_search, query), 1);
    snprintf(query, sizeof query, "q=%s",
             pg_ask("SELECT uscc FROM ra.case_file"));
    assert_int_equal(found(handle_search, query), 1);
    snprintf(query, sizeof query, "q=%s",
             pg_ask("SELECT left(unit_name, 2) FROM ra.case_file"));
    assert_int_equal(found(handle_search, query), 1);
    assert_int_equal(found(handle_search, "q=example"), 1); /* account */
    assert_int_equal(found(handle_search, "q=13999999999"), 0);
    assert_int_equal(found(handle_search, "q=%25"), 0); /* no wildcard */
    json_decref(fields);
}

/* How many of a part ("certificates") a search finds. */
static size_t
finds(const char *query, const char *part)
{
    const struct call call = {.query = query};
    json_t *out = ask(handle_search, &call, 200);
    size_t count = json_array_size(json_object_get(out, part));

    json_decref(out);
    return count;
}

static void
certificates_and_devices_are_found_by_their_serials(void **state)
{
    struct error err = {0};
    char query[128];

    (void)state;
    assert_true(
        case_parts_act(&parts, number, CASE_WITHDRAW, CASE_BY_APPLICANT, &err));
    case_parts_live(&parts, "example", clock_now() + 100 * DAY);
    snprintf(query, sizeof query, "q=%s",
             pg_ask("SELECT upper(encode(serial, 'hex'))"
                    " FROM ra.holder_certificate"));
    assert_int_equal(finds(query, "certificates"), 1);
    assert_int_equal(finds(query, "cases"), 1);
    assert_int_equal(finds(query, "devices"), 0);
    snprintf(query, sizeof query, "q=%s",
             pg_ask("SELECT lower(serial) FROM ra.device"));
    assert_int_equal(finds(query, "certificates"), 1);
    assert_int_equal(finds(query, "devices"), 1);
    assert_int_equal(finds("q=OLD-999999", "devices"), 0);
}

static void
an_empty_search_is_refused(void **state)
{
    const struct call nothing = {.query = ""}, blank = {.query = "q=%20"};

    (void)state;
    asks(handle_search, &nothing, 400);
    asks(handle_search, &blank, 400);
}

/* ---- Certificates
 * --------------------------------------------------------------------------------
 */

static void
an_account_sees_its_own_certificates_alone(void **state)
{
    struct call show = {.issuer = "issuing-1"};
    const struct call all = {0}, of = {.query = "account=example"};
    struct error err = {0};
    char serial[64];
    json_t *out;

    (void)state;
    assert_true(
        case_parts_act(&parts, number, CASE_WITHDRAW, CASE_BY_APPLICANT, &err));
    case_parts_live(&parts, "example", clock_now() + 100 * DAY);
    snprintf(serial, sizeof serial, "%s",
             pg_ask("SELECT encode(serial, 'hex')"
                    " FROM ra.holder_certificate"));
    show.serial = serial;
    account("example");
    out = ask(handle_certificate_list, &all, 200);
    assert_int_equal(json_array_size(json_object_get(out, "certificates")), 1);
    json_decref(out);
    out = ask(handle_certificate_show, &show, 200);
    assert_string_equal(json_string_value(json_object_get(out, "state")),
                        "valid");
    assert_int_equal(json_array_size(json_object_get(out, "chain")), 2);
    assert_int_equal(json_integer_value(json_object_get(out, "pair")), 1);
    assert_int_equal(json_array_size(json_object_get(out, "halves")), 1);
    json_decref(out);
    account("other");
    asks(handle_certificate_show, &show, 404);
    out = ask(handle_certificate_list, &of, 200); /* the query is not theirs */
    assert_int_equal(json_array_size(json_object_get(out, "certificates")), 0);
    json_decref(out);
    officer(A, API_ROLE_CUSTOMER_SERVICE);
    asks(handle_certificate_show, &show, 200);
    asks(handle_certificate_list, &all, 400);
    asks(handle_certificate_list, &of, 200);
    show.serial = "00";
    asks(handle_certificate_show, &show, 404);
    officer(A, API_ROLE_KMC_OPERATOR);
    asks(handle_certificate_list, &of, 403);
}

static void
a_certificate_past_its_end_is_expired(void **state)
{
    const struct call of = {.query = "account=example"};
    struct error err = {0};
    json_t *out;

    (void)state;
    assert_true(
        case_parts_act(&parts, number, CASE_WITHDRAW, CASE_BY_APPLICANT, &err));
    case_parts_live(&parts, "example", clock_now() - DAY);
    out = ask(handle_certificate_list, &of, 200);
    assert_string_equal(
        json_string_value(json_object_get(
            json_array_get(json_object_get(out, "certificates"), 0), "state")),
        "expired");
    json_decref(out);
}

/* ---- Overviews and the calendar
 * ----------------------------------------------------------------------- */

static void
the_dashboard_has_its_five_series(void **state)
{
    static const char *const names[] = {"queue", "turnaround", "issued",
                                        "revoked", "expiring"};
    const struct call call = {0};
    struct error err = {0};
    json_t *out;

    (void)state;
    assert_true(
        case_parts_act(&parts, number, CASE_WITHDRAW, CASE_BY_APPLICANT, &err));
    case_parts_live(&parts, "example", clock_now() + 100 * DAY);
    pg_sql("UPDATE ra.case_file SET submitted_at = now() - interval '3 days',"
           " completed_at = now() WHERE state = 'bound'");
    out = ask(handle_dashboard, &call, 200);
    for (size_t i = 0; i < 5; i++)
        assert_true(json_is_array(json_object_get(out, names[i])));
    assert_int_equal(
        json_integer_value(json_object_get(
            json_array_get(json_object_get(out, "turnaround"), 0), "median_s")),
        3 * DAY);
    assert_int_equal(json_array_size(json_object_get(out, "issued")), 1);
    assert_int_equal(json_array_size(json_object_get(out, "expiring")), 1);
    assert_int_equal(json_array_size(json_object_get(out, "revoked")), 0);
    json_decref(out);
}

static void
administrators_keep_the_calendar(void **state)
{
    const struct call set = {.day = "2027-01-01",
                             .body = "{\"is_working\": false, "
                                     "\"note\": \"元旦\"}"};
    const struct call usual = {.day = "2027-01-01",
                               .body = "{\"is_working\": null}"};
    const struct call bad = {.day = "2027-13-01",
                             .body = "{\"is_working\": null}"};
    const struct call vague = {.day = "2027-01-01", .body = "{}"};
    const struct call csv = {.type = "text/csv",
                             .body = "day,is_working,note\n"
                                     "2027-01-01,no,元旦\n"};
    const struct call other = {.body = "{}"};
    const struct call list = {.query = "year=2027"};
    const struct call never = {.query = "year=1"};
    json_t *out;

    (void)state;
    asks(handle_calendar_set, &set, 403);
    asks(handle_calendar_import, &csv, 403);
    officer(A, API_ROLE_BUSINESS_ADMINISTRATOR);
    asks(handle_calendar_set, &set, 200);
    asks(handle_calendar_set, &usual, 200);
    asks(handle_calendar_set, &bad, 400);
    asks(handle_calendar_set, &vague, 400);
    asks(handle_calendar_import, &other, 400);
    asks(handle_calendar_import, &csv, 200);
    asks(handle_calendar_list, &never, 400);
    out = ask(handle_calendar_list, &list, 200);
    assert_int_equal(json_array_size(json_object_get(out, "days")), 1);
    json_decref(out);
}

int
main(void)
{
#define AT_DESK(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        AT_DESK(the_queue_says_what_its_reader_can_do),
        AT_DESK(counts_are_those_of_the_queue),
        AT_DESK(a_wrong_question_is_refused),
        AT_DESK(accounts_have_no_business_at_the_desk),
        AT_DESK(an_officer_takes_what_nobody_has),
        AT_DESK(an_administrator_gives_to_any_active_officer),
        AT_DESK(auditors_only_look),
        AT_DESK(what_is_put_aside_is_nobodys_until_its_day),
        AT_DESK(what_is_over_is_given_to_nobody),
        AT_DESK(a_case_is_found_by_all_that_is_known_of_it),
        AT_DESK(certificates_and_devices_are_found_by_their_serials),
        AT_DESK(an_empty_search_is_refused),
        AT_DESK(an_account_sees_its_own_certificates_alone),
        AT_DESK(a_certificate_past_its_end_is_expired),
        AT_DESK(the_dashboard_has_its_five_series),
        AT_DESK(administrators_keep_the_calendar),
    };

    return cmocka_run_group_tests_name("desk", tests, group_start, group_stop);
}
