/*
 * Documents over HTTP, on a real database: which roles see them, how a browser
 * is told to treat them. Who calls is given here (links.cmake).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/config.h"
#include "base/json.h"
#include "ra/handlers_document.h"
#include "tests/unit/case_parts.h"
#include "tests/unit/pg.h"
#include "tests/unit/scan/pictures.h"

#define OFFICER "aaaaaaaa-1111-4111-8111-111111111111"

enum { FILE_MAX = 8 * 1024 * 1024 };

static struct case_parts parts;
static struct config *config;
static struct ra_worker worker;
static struct caller calling;
static char number[DB_CASE_NUMBER_MAX + 1];
static struct buf file = BUF_INIT(FILE_MAX); /* a stamped page */

bool __wrap_caller_get(struct ra_worker *w, const struct http_request *req,
                       struct http_response *res, struct caller *out);

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

static void
by_officer(enum api_role role)
{
    calling = (struct caller){.kind = CALLER_OFFICER};
    memcpy(calling.officer.officer_id, OFFICER, sizeof OFFICER);
    calling.officer.is_active = true;
    calling.officer.has_role[role] = true;
}

static void
by_account(const char *name)
{
    calling = (struct caller){.kind = CALLER_ACCOUNT};
    (void)snprintf(calling.account.account, sizeof calling.account.account,
                   "%s", name);
}

static int
set_up(void **state)
{
    static const char text[] =
        "ra.scan_path = " BINARY_DIR "/bin/signet-scan\n";
    PIX *pix = picture_draw(
        &(struct picture){.dpi = 100, .has_text = true, .seal = SEAL});
    struct error err = {0};

    (void)state;
    pg_start();
    case_parts_init(&parts);
    if (!config_parse(text, sizeof text - 1, "test", "/", &config, &err))
        fail_msg("%s", err.what);
    parts.business.config = config;
    picture_jpeg(pix, 75, &file);
    pixDestroy(&pix);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    case_parts_clear(&parts);
    config_free(config);
    buf_clear(&file);
    pg_stop();
    return 0;
}

static int
begin(void **state)
{
    struct error err;

    (void)state;
    case_parts_open(&parts);
    worker = (struct ra_worker){.db = parts.db, .business = &parts.business};
    if (!case_parts_create(&parts, BUSINESS_NEW, number, &err) ||
        !case_parts_act(&parts, number, CASE_SUBMIT, CASE_BY_APPLICANT, &err))
        fail_msg("%s", err.what);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    case_parts_close(&parts);
    return 0;
}

static int
call(http_handler *handler, const char *slot, const char *page,
     const struct buf *body, const char *query, struct http_response *res)
{
    struct http_request req = {
        .path = "/",
        .query = query,
        .body = body == NULL ? NULL : body->data,
        .body_len = body == NULL ? 0 : body->len,
        .param = {{"number", number}, {"slot", slot}, {"page", page}},
        .param_count = 3,
    };

    memset(res, 0, sizeof *res);
    handler(&worker, &req, res);
    return res->status;
}

static int
status_of(http_handler *handler, const char *slot, const char *page)
{
    struct http_response res;
    int status = call(handler, slot, page, NULL, "", &res);

    http_response_clear(&res);
    return status;
}

static int
upload(const char *slot, const char *query)
{
    struct http_response res;
    int status = call(handle_document_add, slot, "", &file, query, &res);

    http_response_clear(&res);
    return status;
}

#define LICENCE "business-licence"

static void
an_upload_is_answered_with_what_was_found(void **state)
{
    struct http_response res;
    struct error err = {0};
    json_t *body = NULL;

    (void)state;
    by_account("example");
    assert_int_equal(upload(LICENCE, ""), 400);
    assert_int_equal(upload(LICENCE, "name=%2e%2e%2fpasswd"), 400);
    assert_int_equal(call(handle_document_add, LICENCE, "", &file,
                          "name=%E6%89%A7%E7%85%A7.pdf", &res),
                     201);
    assert_true(json_parse_object(res.body.data, res.body.len, &body, &err));
    /* By its content, whatever it is called. */
    assert_string_equal(json_string_value(json_object_get(body, "media_type")),
                        "image/jpeg");
    assert_true(json_array_size(json_object_get(body, "findings")) >= 2);
    json_decref(body);
    http_response_clear(&res);
    assert_int_equal(status_of(handle_document_remove, LICENCE, ""), 204);
    assert_int_equal(status_of(handle_document_remove, LICENCE, ""), 404);
}

static void
nothing_that_is_shown_can_run_in_a_browser(void **state)
{
    struct http_response res;

    (void)state;
    by_account("example");
    assert_int_equal(upload(LICENCE, "name=%22;%20x=%22%E7%85%A7.html"), 201);
    assert_int_equal(
        call(handle_document_original, LICENCE, "", NULL, "", &res), 200);
    assert_string_equal(res.content_type, "image/jpeg");
    assert_int_equal(res.body.len, file.len);
    assert_non_null(strstr(buf_text(&res.headers),
                           "Content-Disposition: attachment; "
                           "filename=\"business-licence\"; "
                           "filename*=UTF-8''%22%3B%20x%3D%22%E7%85%A7.html"
                           "\r\n"));
    assert_non_null(strstr(buf_text(&res.headers),
                           "Content-Security-Policy: default-src 'none'; "
                           "frame-ancestors 'none'; sandbox\r\n"));
    http_response_clear(&res);
    assert_int_equal(call(handle_document_page, LICENCE, "1", NULL, "", &res),
                     200);
    assert_string_equal(res.content_type, "image/jpeg");
    assert_memory_equal(res.body.data, "\xff\xd8\xff", 3);
    assert_non_null(strstr(buf_text(&res.headers), "sandbox\r\n"));
    http_response_clear(&res);
}

static void
pages_that_there_are_not_are_not_found(void **state)
{
    static const char *const pages[] = {
        "0", "2", "41", "-1", "01", "x", "", "1x", "999999999999999999999"};

    (void)state;
    by_account("example");
    assert_int_equal(upload(LICENCE, "name=a"), 201);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        assert_int_equal(status_of(handle_document_page, LICENCE, pages[i]),
                         404);
    assert_int_equal(status_of(handle_document_page, "handler-id", "1"), 404);
    assert_int_equal(status_of(handle_document_original, "nowhere", ""), 404);
}

static void
documents_are_seen_by_the_roles_that_need_them(void **state)
{
    static const struct {
        enum api_role role;
        int status;
    } roles[] = {
        {API_ROLE_FIRST_REVIEWER, 200}, {API_ROLE_SECOND_REVIEWER, 200},
        {API_ROLE_INTAKE_CLERK, 200},   {API_ROLE_CUSTOMER_SERVICE, 200},
        {API_ROLE_AUDITOR, 200},        {API_ROLE_BUSINESS_ADMINISTRATOR, 403},
        {API_ROLE_MAKER, 403},          {API_ROLE_FINANCE, 403},
        {API_ROLE_KMC_OPERATOR, 403},   {API_ROLE_AUDIT_ADMINISTRATOR, 403},
    };

    (void)state;
    by_account("example");
    assert_int_equal(upload(LICENCE, "name=a"), 201);
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        by_officer(roles[i].role);
        assert_int_equal(status_of(handle_document_page, LICENCE, "1"),
                         roles[i].status);
        assert_int_equal(status_of(handle_document_original, LICENCE, ""),
                         roles[i].status);
    }
    assert_string_equal(pg_ask("SELECT count(*) FROM ra.look"), "10");
    by_account("stranger");
    assert_int_equal(status_of(handle_document_page, LICENCE, "1"), 404);
    assert_int_equal(status_of(handle_document_original, LICENCE, ""), 404);
    calling = (struct caller){.kind = CALLER_PLATFORM};
    assert_int_equal(status_of(handle_document_page, LICENCE, "1"), 403);
}

static void
officers_bring_statements_of_customer_service_alone(void **state)
{
    (void)state;
    by_officer(API_ROLE_FIRST_REVIEWER);
    assert_int_equal(upload("statement", "name=a"), 403);
    assert_int_equal(status_of(handle_document_remove, LICENCE, ""), 403);
    by_officer(API_ROLE_CUSTOMER_SERVICE);
    assert_int_equal(upload(LICENCE, "name=a"), 403);
    assert_int_equal(upload("statement", "name=a"), 201);
    by_account("example");
    assert_int_equal(upload("statement", "name=a"), 403);
}

#define ON_A_CASE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_CASE(an_upload_is_answered_with_what_was_found),
        ON_A_CASE(nothing_that_is_shown_can_run_in_a_browser),
        ON_A_CASE(pages_that_there_are_not_are_not_found),
        ON_A_CASE(documents_are_seen_by_the_roles_that_need_them),
        ON_A_CASE(officers_bring_statements_of_customer_service_alone),
    };

    setMsgSeverity(L_SEVERITY_NONE);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
