/* Calls to a server of ours, and to what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/http_client.h"
#include "base/json.h"
#include "tests/unit/http_parts.h"

/* Method, content and authorization as they came. */
static void
handle_echo(void *worker, const struct http_request *req,
            struct http_response *res)
{
    const char *authorization = http_header(req, "authorization");
    const char *type = http_header(req, "content-type");
    char text[512];

    (void)worker;
    (void)snprintf(
        text, sizeof text, "%d %.*s %s %s", (int)req->method,
        (int)req->body_len, req->body == NULL ? "" : (const char *)req->body,
        type == NULL ? "-" : type, authorization == NULL ? "-" : authorization);
    http_reply_text(res, 200, text);
    http_response_header(res, "ETag", "\"abc\"");
}

static void
handle_json(void *worker, const struct http_request *req,
            struct http_response *res)
{
    struct error err = {0};
    json_t *object = NULL;

    (void)worker;
    if (!http_json(req, &object, &err)) {
        http_reply_error(res, req, "test.json", &err);
        return;
    }
    json_set_text(object, "seen", "yes");
    http_reply_json(res, 201, object);
}

static void
handle_fail(void *worker, const struct http_request *req,
            struct http_response *res)
{
    struct error err = {0};

    (void)worker;
    (void)error_set(&err, (enum error_code)atoi(http_param(req, "code")),
                    "told by the other side");
    http_reply_error(res, req, "test.fail", &err);
}

static void
handle_long(void *worker, const struct http_request *req,
            struct http_response *res)
{
    char text[5000];

    (void)worker;
    (void)req;
    memset(text, 'x', sizeof text);
    http_reply_bytes(res, 200, "text/plain", text, sizeof text);
}

static void
handle_slow(void *worker, const struct http_request *req,
            struct http_response *res)
{
    (void)worker;
    (void)req;
    (void)usleep(700000);
    http_reply_text(res, 200, "late");
}

static void
handle_away(void *worker, const struct http_request *req,
            struct http_response *res)
{
    (void)worker;
    (void)req;
    http_reply_text(res, 302, "");
    http_response_header(res, "Location", "/echo");
}

static const struct http_route routes[] = {
    {HTTP_GET, "/echo", handle_echo, NULL},
    {HTTP_POST, "/echo", handle_echo, NULL},
    {HTTP_PUT, "/echo", handle_echo, NULL},
    {HTTP_PATCH, "/echo", handle_echo, NULL},
    {HTTP_DELETE, "/echo", handle_echo, NULL},
    {HTTP_POST, "/json", handle_json, NULL},
    {HTTP_GET, "/fail/{code}", handle_fail, NULL},
    {HTTP_GET, "/long", handle_long, NULL},
    {HTTP_GET, "/slow", handle_slow, NULL},
    {HTTP_GET, "/away", handle_away, NULL},
    {HTTP_GET, "/ra", handle_echo, "ra"},
};

static const struct http_peer_name peers[] = {{"ra", "signet-ra"}};

static char folder[64];
static struct http_parts plain, secure;
static char plain_url[64], secure_url[64];

/* A path in the folder of certificates; few at a time. */
static const char *
file(const char *name)
{
    static char paths[8][128];
    static size_t next;
    char *path = paths[next++ % 8];

    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int
start_servers(void **state)
{
    static char certificate[128], key[128], trust[128];
    const size_t count = sizeof routes / sizeof routes[0];

    (void)state;
    http_parts_pki(folder, sizeof folder);
    http_parts_options(&plain, routes, count);
    http_parts_start(&plain);
    http_parts_options(&secure, routes, count);
    (void)snprintf(certificate, sizeof certificate, "%s", file("server.pem"));
    (void)snprintf(key, sizeof key, "%s", file("server.key"));
    (void)snprintf(trust, sizeof trust, "%s", file("root.pem"));
    secure.options.certificate_file = certificate;
    secure.options.key_file = key;
    secure.options.trust_file = trust;
    secure.options.client_certificate = HTTP_CLIENT_OPTIONAL;
    secure.options.peers = peers;
    secure.options.peer_count = 1;
    secure.options.header_timeout_ms = 5000;
    http_parts_start(&secure);
    (void)snprintf(plain_url, sizeof plain_url, "http://127.0.0.1:%u",
                   plain.port);
    (void)snprintf(secure_url, sizeof secure_url, "https://127.0.0.1:%u",
                   secure.port);
    /* Neither may be heeded. */
    return setenv("http_proxy", "http://127.0.0.1:1", 1) |
           setenv("https_proxy", "http://127.0.0.1:1", 1);
}

static int
stop_servers(void **state)
{
    (void)state;
    (void)http_parts_stop(&plain);
    (void)http_parts_stop(&secure);
    http_parts_pki_remove(folder);
    return 0;
}

static struct http_client *
client_of(struct http_client_options options)
{
    struct http_client *client = NULL;
    struct error err = {0};

    if (options.timeout_ms == 0)
        options.timeout_ms = 5000;
    if (options.body_max == 0)
        options.body_max = 4096;
    assert_true(http_client_new(&options, &client, &err));
    return client;
}

static struct http_client *
plain_client(void)
{
    return client_of((struct http_client_options){.base_url = plain_url});
}

static void
assert_answer(struct http_client *client, enum http_method method,
              const char *path, const char *body, const char *expected)
{
    struct http_answer answer;
    struct error err = {0};

    if (!http_client_call(client, method, path, body == NULL ? NULL : "text/x",
                          body, body == NULL ? 0 : strlen(body), &answer, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    assert_int_equal(answer.status, 200);
    assert_true(answer.is_sent);
    assert_string_equal(buf_text(&answer.body), expected);
    assert_string_equal(answer.etag, "\"abc\"");
    assert_string_equal(answer.content_type, "text/plain; charset=utf-8");
    http_answer_clear(&answer);
}

static void
every_method_brings_its_content(void **state)
{
    struct http_client *client = client_of(
        (struct http_client_options){.base_url = plain_url, .bearer = "token"});

    (void)state;
    assert_answer(client, HTTP_GET, "/echo", NULL, "0  - Bearer token");
    assert_answer(client, HTTP_POST, "/echo", "b", "2 b text/x Bearer token");
    assert_answer(client, HTTP_PUT, "/echo", "c", "3 c text/x Bearer token");
    assert_answer(client, HTTP_PATCH, "/echo", "d", "4 d text/x Bearer token");
    assert_answer(client, HTTP_DELETE, "/echo", NULL, "5  - Bearer token");
    assert_answer(client, HTTP_POST, "/echo", NULL, "2  - Bearer token");
    assert_answer(client, HTTP_HEAD, "/echo", NULL, "");
    assert_answer(client, HTTP_GET, "/echo", NULL, "0  - Bearer token");
    http_client_free(client);
}

static void
json_goes_both_ways(void **state)
{
    struct http_client *client = plain_client();
    json_t *body = json_pack("{s:i}", "a", 1), *out = NULL;
    struct error err = {0};
    const char *seen;

    (void)state;
    assert_true(http_client_json(client, HTTP_POST, "/json", body, &out, &err));
    assert_true(json_get_text(out, "seen", 3, &seen, &err));
    assert_string_equal(seen, "yes");
    json_decref(out);
    json_decref(body);
    http_client_free(client);
}

static void
a_problem_is_the_error_it_was_on_the_other_side(void **state)
{
    struct http_client *client = plain_client();
    int code;

    (void)state;
    for (code = ERROR_INPUT; code <= ERROR_INTERNAL; code++) {
        struct error err = {0};
        json_t *out = NULL;
        char path[32];

        (void)snprintf(path, sizeof path, "/fail/%d", code);
        assert_false(
            http_client_json(client, HTTP_GET, path, NULL, &out, &err));
        assert_null(out);
        assert_int_equal(err.code, code);
        if (code < ERROR_BUSY)
            assert_string_equal(err.what, "told by the other side");
        else
            assert_non_null(strstr(err.what, ", request "));
    }
    http_client_free(client);
}

static void
an_answer_that_is_no_json_is_an_error(void **state)
{
    struct http_client *client = plain_client();
    struct error err = {0};
    json_t *out = NULL;

    (void)state;
    assert_false(http_client_json(client, HTTP_GET, "/echo", NULL, &out, &err));
    assert_int_equal(err.code, ERROR_INTERNAL);
    assert_null(out);
    http_client_free(client);
}

static void
assert_fails(struct http_client *client, const char *path, enum error_code code,
             bool is_sent)
{
    struct http_answer answer;
    struct error err = {0};

    assert_false(
        http_client_call(client, HTTP_GET, path, NULL, NULL, 0, &answer, &err));
    assert_int_equal(err.code, code);
    assert_int_equal(answer.is_sent, is_sent);
    assert_true(err.cause[0] != '\0');
    http_answer_clear(&answer);
    http_client_free(client);
}

static void
nobody_there_is_busy_and_nothing_was_sent(void **state)
{
    (void)state;
    assert_fails(client_of((struct http_client_options){
                     .base_url = "http://127.0.0.1:1"}),
                 "/", ERROR_BUSY, false);
}

static void
an_answer_that_comes_too_late_may_have_been_acted_on(void **state)
{
    (void)state;
    assert_fails(client_of((struct http_client_options){.base_url = plain_url,
                                                        .timeout_ms = 200}),
                 "/slow", ERROR_BUSY, true);
}

static void
an_answer_longer_than_allowed_is_refused(void **state)
{
    (void)state;
    assert_fails(plain_client(), "/long", ERROR_INTERNAL, true);
}

static void
a_redirection_is_not_followed(void **state)
{
    struct http_client *client = plain_client();
    struct http_answer answer;
    struct error err = {0};
    json_t *out = NULL;

    (void)state;
    assert_true(http_client_call(client, HTTP_GET, "/away", NULL, NULL, 0,
                                 &answer, &err));
    assert_int_equal(answer.status, 302);
    http_answer_clear(&answer);
    assert_false(http_client_json(client, HTTP_GET, "/away", NULL, &out, &err));
    http_client_free(client);
}

static void
the_server_knows_us_by_our_certificate(void **state)
{
    struct http_client_options options = {
        .base_url = secure_url,
        .trust_file = file("root.pem"),
        .certificate_file = file("ra.pem"),
        .key_file = file("ra.key"),
    };
    struct http_client *client = client_of(options);
    struct http_answer answer;
    struct error err = {0};

    (void)state;
    assert_answer(client, HTTP_GET, "/ra", NULL, "0  - -");
    http_client_free(client);
    options.certificate_file = options.key_file = NULL;
    client = client_of(options);
    assert_true(http_client_call(client, HTTP_GET, "/ra", NULL, NULL, 0,
                                 &answer, &err));
    assert_int_equal(answer.status, 403);
    http_answer_clear(&answer);
    http_client_free(client);
}

static void
a_server_under_another_root_or_name_gets_nothing(void **state)
{
    char localhost[64];

    (void)state;
    assert_fails(
        client_of((struct http_client_options){
            .base_url = secure_url, .trust_file = file("elsewhere.pem")}),
        "/ra", ERROR_INTERNAL, false);
    (void)snprintf(localhost, sizeof localhost, "https://localhost:%u",
                   secure.port);
    assert_fails(client_of((struct http_client_options){
                     .base_url = localhost, .trust_file = file("root.pem")}),
                 "/ra", ERROR_INTERNAL, false);
}

static void
with_a_trust_file_plain_http_is_refused(void **state)
{
    (void)state;
    assert_fails(client_of((struct http_client_options){
                     .base_url = plain_url, .trust_file = file("root.pem")}),
                 "/echo", ERROR_INTERNAL, false);
    assert_fails(
        client_of((struct http_client_options){.base_url = secure_url}),
        "/echo", ERROR_INTERNAL, false);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_brings_its_content),
        cmocka_unit_test(json_goes_both_ways),
        cmocka_unit_test(a_problem_is_the_error_it_was_on_the_other_side),
        cmocka_unit_test(an_answer_that_is_no_json_is_an_error),
        cmocka_unit_test(nobody_there_is_busy_and_nothing_was_sent),
        cmocka_unit_test(an_answer_that_comes_too_late_may_have_been_acted_on),
        cmocka_unit_test(an_answer_longer_than_allowed_is_refused),
        cmocka_unit_test(a_redirection_is_not_followed),
        cmocka_unit_test(the_server_knows_us_by_our_certificate),
        cmocka_unit_test(a_server_under_another_root_or_name_gets_nothing),
        cmocka_unit_test(with_a_trust_file_plain_http_is_refused),
    };

    return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
