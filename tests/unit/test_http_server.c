/*
 * The server as clients meet it: curl and openssl judge what they can, raw
 * sockets send what no decent client would.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "tests/unit/http_parts.h"

#define HOST "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define LAST(path) "GET " path " HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"

enum { REPLY_MAX = 1024 * 1024, LONG_LEN = 700000, WAIT_MS = 5000 };

/* Handlers that hold are let go by this gate. */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_is_open;
static int gate_held;

static void
gate_set(bool is_open)
{
    (void)pthread_mutex_lock(&gate_lock);
    gate_is_open = is_open;
    (void)pthread_cond_broadcast(&gate_changed);
    (void)pthread_mutex_unlock(&gate_lock);
}

static void
gate_wait_for(int held)
{
    (void)pthread_mutex_lock(&gate_lock);
    while (gate_held < held)
        (void)pthread_cond_wait(&gate_changed, &gate_lock);
    (void)pthread_mutex_unlock(&gate_lock);
}

static void
handle_hold(void *worker, const struct http_request *req,
            struct http_response *res)
{
    (void)worker;
    (void)req;
    (void)pthread_mutex_lock(&gate_lock);
    gate_held++;
    (void)pthread_cond_broadcast(&gate_changed);
    while (!gate_is_open)
        (void)pthread_cond_wait(&gate_changed, &gate_lock);
    gate_held--;
    (void)pthread_mutex_unlock(&gate_lock);
    http_reply_text(res, 200, "held\n");
}

/* Says what it got: method, parameter, query, a header, length of content. */
static void
handle_echo(void *worker, const struct http_request *req,
            struct http_response *res)
{
    struct buf text = BUF_INIT(65536);
    const char *header = http_header(req, "x-test");
    char value[32];

    (void)worker;
    if (!http_query(req, "q", value, sizeof value))
        value[0] = '\0';
    (void)buf_addf(&text, "%s,%s,%s,%zu\n", http_param(req, "name"), value,
                   header == NULL ? "-" : header, req->body_len);
    http_reply_take(res, 200, "text/plain", &text);
    http_response_header(res, "X-Echo", "yes");
    buf_clear(&text);
}

static void
handle_json(void *worker, const struct http_request *req,
            struct http_response *res)
{
    struct error err = {0};
    json_t *object = NULL;

    (void)worker;
    if (http_json(req, &object, &err))
        http_reply_json(res, 201, object);
    else
        http_reply_error(res, req, "test.json", &err);
}

static void
handle_long(void *worker, const struct http_request *req,
            struct http_response *res)
{
    char *text = malloc(LONG_LEN);

    (void)worker;
    (void)req;
    assert_non_null(text);
    memset(text, 'x', LONG_LEN);
    http_reply_bytes(res, 200, "text/plain", text, LONG_LEN);
    free(text);
}

static void
handle_who(void *worker, const struct http_request *req,
           struct http_response *res)
{
    char text[256];

    (void)worker;
    (void)snprintf(text, sizeof text, "%d %s %d\n", req->peer.is_authenticated,
                   req->peer.common_name, req->peer.certificate_len > 0);
    http_reply_text(res, 200, text);
}

static void
handle_internal(void *worker, const struct http_request *req,
                struct http_response *res)
{
    struct error err = {0};

    (void)worker;
    (void)error_set(&err, ERROR_INTERNAL, "the secret of the house");
    http_reply_error(res, req, "test.internal", &err);
}

static void
handle_nothing(void *worker, const struct http_request *req,
               struct http_response *res)
{
    (void)worker;
    (void)req;
    (void)res;
}

static const struct http_route routes[] = {
    {HTTP_GET, "/echo/{name}", handle_echo, NULL},
    {HTTP_POST, "/echo/{name}", handle_echo, NULL},
    {HTTP_POST, "/json", handle_json, NULL},
    {HTTP_GET, "/hold", handle_hold, NULL},
    {HTTP_GET, "/long", handle_long, NULL},
    {HTTP_GET, "/who", handle_who, NULL},
    {HTTP_GET, "/internal", handle_internal, NULL},
    {HTTP_GET, "/nothing", handle_nothing, NULL},
    {HTTP_GET, "/ra", handle_who, "ra"},
    {HTTP_GET, "/both", handle_who, "admin ra"},
    {HTTP_GET, "/any", handle_who, "*"},
};

static const struct http_peer_name peers[] = {
    {"ra", "signet-ra"},
    {"admin", "signet-admin"},
};

static char reply[REPLY_MAX];

static void
start(struct http_parts *parts)
{
    http_parts_options(parts, routes, sizeof routes / sizeof routes[0]);
    http_parts_start(parts);
}

static size_t
talk(const struct http_parts *parts, const char *text)
{
    return http_parts_talk(parts->port, text, strlen(text), reply, sizeof reply,
                           WAIT_MS);
}

static void
assert_status(const char *line)
{
    if (strncmp(reply, line, strlen(line)) != 0)
        fail_msg("wanted %s, got %.60s", line, reply);
}

static void
a_request_reaches_its_handler_with_all_its_parts(void **state)
{
    struct http_parts parts;

    (void)state;
    start(&parts);
    (void)talk(&parts, "POST /echo/a%20b?x=1&q=c%2Bd HTTP/1.1\r\n" HOST
                       "X-TEST:  v \r\nContent-Length: 5\r\n"
                       "Connection: close\r\n\r\nhello");
    assert_status("HTTP/1.1 200 OK\r\n");
    assert_non_null(strstr(reply, "\r\n\r\na b,c+d,v,5\n"));
    assert_non_null(strstr(reply, "\r\nX-Echo: yes\r\n"));
    assert_non_null(strstr(reply, "\r\nX-Request-Id: "));
    assert_non_null(strstr(reply, "\r\nDate: "));
    assert_non_null(strstr(reply, "\r\nConnection: close\r\n"));
    (void)http_parts_stop(&parts);
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
    static char text[65536];
    struct http_parts parts;
    char word[32];
    const char *at;
    int i;

    (void)state;
    start(&parts);
    text[0] = '\0';
    for (i = 0; i < 200; i++)
        (void)snprintf(
            text + strlen(text), sizeof text - strlen(text),
            "POST /echo/%d HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nx", i);
    (void)strcat(text, LAST("/echo/last"));
    (void)talk(&parts, text);
    assert_int_equal(http_parts_count(reply, "HTTP/1.1 200 OK"), 201);
    at = reply;
    for (i = 0; i < 200; i++) {
        (void)snprintf(word, sizeof word, "\r\n\r\n%d,", i);
        at = strstr(at, word);
        assert_non_null(at);
    }
    assert_non_null(strstr(at, "\r\n\r\nlast,"));
    (void)http_parts_stop(&parts);
}

static void
a_client_that_closed_its_half_still_gets_its_answers(void **state)
{
    static const char text[] = GET("/echo/a") GET("/echo/b");
    struct http_parts parts;
    int fd;

    (void)state;
    start(&parts);
    fd = http_parts_connect(parts.port);
    assert_true(send(fd, text, sizeof text - 1, 0) == sizeof text - 1);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    memset(reply, 0, 4096);
    assert_true(recv(fd, reply, 4095, MSG_WAITALL) > 0);
    (void)close(fd);
    assert_non_null(strstr(reply, "\r\n\r\na,,-,0\n"));
    assert_non_null(strstr(reply, "\r\n\r\nb,,-,0\n"));
    (void)http_parts_stop(&parts);
}

static void
chunked_content_is_put_together_for_the_handler(void **state)
{
    struct http_parts parts;
    char out[4096];

    (void)state;
    start(&parts);
    assert_int_equal(
        http_parts_run(out, sizeof out,
                       "head -c 99000 /dev/zero | curl -sS -T - -X POST "
                       "http://127.0.0.1:%u/echo/c",
                       parts.port),
        0);
    assert_string_equal(out, "c,,-,99000\n");
    (void)http_parts_stop(&parts);
}

static void
a_client_that_expects_it_is_told_to_go_on(void **state)
{
    struct http_parts parts;
    char out[8192];

    (void)state;
    start(&parts);
    assert_int_equal(
        http_parts_run(out, sizeof out,
                       "curl -sS -v -H 'Expect: 100-continue' --data abc "
                       "http://127.0.0.1:%u/echo/c 2>&1",
                       parts.port),
        0);
    assert_non_null(strstr(out, "< HTTP/1.1 100 Continue"));
    assert_non_null(strstr(out, "c,,-,3\n"));
    (void)http_parts_stop(&parts);
}

static void
head_gives_what_get_would_without_content(void **state)
{
    struct http_parts parts;

    (void)state;
    start(&parts);
    (void)talk(&parts,
               "HEAD /long HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    assert_status("HTTP/1.1 200 OK\r\n");
    assert_non_null(strstr(reply, "\r\nContent-Length: 700000\r\n"));
    assert_string_equal(strstr(reply, "\r\n\r\n"), "\r\n\r\n");
    (void)http_parts_stop(&parts);
}

static void
long_answers_arrive_whole(void **state)
{
    struct http_parts parts;

    (void)state;
    start(&parts);
    assert_true(talk(&parts, LAST("/long")) > LONG_LEN);
    assert_int_equal(strlen(strstr(reply, "\r\n\r\n") + 4), LONG_LEN);
    (void)http_parts_stop(&parts);
}

static void
refusals_are_problem_documents(void **state)
{
    static const struct {
        const char *request, *status, *word;
    } cases[] = {
        {LAST("/nowhere"), "HTTP/1.1 404 Not Found\r\n", "\"status\":404"},
        {LAST("/echo/"), "HTTP/1.1 404 Not Found\r\n", "\"status\":404"},
        {LAST("/echo/a/b"), "HTTP/1.1 404 Not Found\r\n", "\"status\":404"},
        {LAST("/json"), "HTTP/1.1 405 Method Not Allowed\r\n",
         "\r\nAllow: POST\r\n"},
        {"PUT /echo/a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
         "HTTP/1.1 405 Method Not Allowed\r\n",
         "\r\nAllow: HEAD, GET, POST\r\n"},
        {"DELETE /health HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
         "HTTP/1.1 405 Method Not Allowed\r\n", "\r\nAllow: GET, HEAD\r\n"},
        {LAST("/%00"), "HTTP/1.1 400 Bad Request\r\n", "\"status\":400"},
        {LAST("/ra"), "HTTP/1.1 403 Forbidden\r\n", "\"status\":403"},
        {LAST("/internal"), "HTTP/1.1 500 Internal Server Error\r\n",
         "\"status\":500"},
        {LAST("/nothing"), "HTTP/1.1 500 Internal Server Error\r\n",
         "\"status\":500"},
        {"POST /json HTTP/1.1\r\n" HOST "Content-Length: 100001\r\n\r\n",
         "HTTP/1.1 413 Content Too Large\r\n", "\"status\":413"},
    };
    struct http_parts parts;
    size_t i;

    (void)state;
    start(&parts);
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)talk(&parts, cases[i].request);
        assert_status(cases[i].status);
        assert_non_null(strstr(reply, cases[i].word));
        assert_non_null(
            strstr(reply, "\r\nContent-Type: application/problem+json\r\n"));
        assert_non_null(strstr(reply, "\"request_id\":\""));
        assert_null(strstr(reply, "secret of the house"));
    }
    (void)http_parts_stop(&parts);
}

static void
json_of_the_wrong_kind_or_type_is_refused_with_the_reason(void **state)
{
    struct http_parts parts;
    char out[4096];

    (void)state;
    start(&parts);
#define POST_JSON(type, body)                                                  \
    assert_int_equal(                                                          \
        http_parts_run(out, sizeof out,                                        \
                       "curl -sS -w '%%{http_code}' -H 'Content-Type: " type   \
                       "' -d '" body "' http://127.0.0.1:%u/json",             \
                       parts.port),                                            \
        0)
    POST_JSON("application/json; charset=utf-8", "{\"a\":1}");
    assert_string_equal(out, "{\"a\":1}\n201");
    POST_JSON("application/json", "{\"a\":1,\"a\":2}");
    assert_non_null(strstr(out, "duplicate object key"));
    assert_non_null(strstr(out, "400"));
    POST_JSON("text/plain", "{\"a\":1}");
    assert_non_null(strstr(out, "send application/json"));
#undef POST_JSON
    (void)http_parts_stop(&parts);
}

/* The answer must arrive though more was sent than will ever be read. */
static void
too_much_content_is_answered_before_the_connection_ends(void **state)
{
    struct http_parts parts;
    char out[4096];

    (void)state;
    start(&parts);
    assert_int_equal(
        http_parts_run(out, sizeof out,
                       "head -c 5000000 /dev/zero | curl -sS -H Expect: -H "
                       "'Transfer-Encoding: chunked' --data-binary @- -o "
                       "/dev/null -w '%%{http_code}' "
                       "http://127.0.0.1:%u/echo/c",
                       parts.port),
        0);
    assert_string_equal(out, "413");
    (void)http_parts_stop(&parts);
}

static void
handle_upload(void *worker, const struct http_request *req,
              struct http_response *res)
{
    handle_echo(worker, req, res);
}

static const struct http_route upload_routes[] = {
    {HTTP_PUT, "/upload/{name}", handle_upload, NULL},
    {HTTP_PUT, "/echo/{name}", handle_echo, NULL},
};
static const struct http_upload uploads[] = {
    {handle_upload, 2000000, 5000},
};

static void
start_for_uploads(struct http_parts *parts)
{
    http_parts_options(parts, upload_routes, 2);
    parts->options.uploads = uploads;
    parts->options.upload_count = 1;
    parts->options.uploads_at_once = 1;
    http_parts_start(parts);
}

static void
put(const struct http_parts *parts, const char *path, int len,
    const char *status)
{
    char out[256];

    assert_int_equal(
        http_parts_run(out, sizeof out,
                       "head -c %d /dev/zero | curl -sS -H Expect: -T - -o "
                       "/dev/null -w '%%{http_code}' http://127.0.0.1:%u/%s",
                       len, parts->port, path),
        0);
    assert_string_equal(out, status);
}

static void
an_upload_may_be_longer_than_other_requests_but_not_endless(void **state)
{
    struct http_parts parts;

    (void)state;
    start_for_uploads(&parts);
    put(&parts, "upload/a", 2000000, "200");
    put(&parts, "upload/a", 2000001, "413");
    put(&parts, "upload/a", 2000000, "200");
    put(&parts, "echo/a", 100001, "413");
    (void)http_parts_stop(&parts);
}

static void
one_upload_too_many_is_answered_503_until_the_first_is_gone(void **state)
{
    static const char begun[] =
        "PUT /upload/a HTTP/1.1\r\n" HOST "Content-Length: 1000\r\n\r\nabc";
    struct http_parts parts;
    int fd;

    (void)state;
    start_for_uploads(&parts);
    fd = http_parts_connect(parts.port);
    assert_int_equal(send(fd, begun, sizeof begun - 1, 0), sizeof begun - 1);
    /* Until the server has seen the head of the first. */
    for (int i = 0; i < 100; i++) {
        (void)talk(&parts, "PUT /upload/b HTTP/1.1\r\n" HOST
                           "Connection: close\r\nContent-Length: 1\r\n\r\nx");
        if (strncmp(reply, "HTTP/1.1 503", 12) == 0)
            break;
    }
    assert_status("HTTP/1.1 503 ");
    put(&parts, "echo/a", 10, "200");
    (void)close(fd);
    for (int i = 0; i < 100; i++) {
        (void)talk(&parts, "PUT /upload/b HTTP/1.1\r\n" HOST
                           "Connection: close\r\nContent-Length: 1\r\n\r\nx");
        if (strncmp(reply, "HTTP/1.1 200", 12) == 0)
            break;
    }
    assert_status("HTTP/1.1 200 ");
    (void)http_parts_stop(&parts);
}

static void
octets_that_are_no_request_end_the_connection(void **state)
{
    static const char *const texts[] = {
        "GET / HTTP/1.1\n\n",
        "GET / HTTP/1.1\r\n\r\n" GET("/echo/smuggled"),
        "POST /echo/a HTTP/1.1\r\n" HOST "Content-Length: 1\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/echo/smuggled"),
        "POST /echo/a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
        "1 \r\na\r\n0\r\n\r\n" GET("/echo/smuggled"),
        "\x16\x03\x01\x02",
    };
    struct http_parts parts;
    size_t i;

    (void)state;
    start(&parts);
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        (void)talk(&parts, texts[i]);
        assert_status("HTTP/1.1 400 Bad Request\r\n");
        assert_int_equal(http_parts_count(reply, "HTTP/1.1"), 1);
        assert_null(strstr(reply, "smuggled,"));
    }
    (void)http_parts_stop(&parts);
}

static void
slow_heads_and_bodies_are_ended_by_their_deadlines(void **state)
{
    struct http_parts parts;
    int64_t began;

    (void)state;
    start(&parts);
    began = clock_monotonic_ms();
    (void)talk(&parts, "GET /echo/a HTTP/1.1\r\nHost:");
    assert_status("HTTP/1.1 408 Request Timeout\r\n");
    (void)talk(&parts,
               "POST /echo/a HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc");
    assert_status("HTTP/1.1 408 Request Timeout\r\n");
    assert_int_equal(talk(&parts, ""), 0); /* nothing said, nothing answered */
    assert_true(clock_monotonic_ms() - began >= 3 * 400);
    assert_true(clock_monotonic_ms() - began < WAIT_MS);
    (void)http_parts_stop(&parts);
}

static void
an_idle_connection_is_closed_without_a_word(void **state)
{
    struct http_parts parts;

    (void)state;
    start(&parts);
    (void)talk(&parts, GET("/echo/a"));
    assert_int_equal(http_parts_count(reply, "HTTP/1.1"), 1);
    assert_null(strstr(reply, "Connection: close"));
    (void)http_parts_stop(&parts);
}

static void
a_full_queue_is_answered_503_at_once(void **state)
{
    struct http_parts parts;
    int fds[6], i;

    (void)state;
    gate_set(false);
    start(&parts);
    for (i = 0; i < 6; i++) { /* two at work, then four that wait */
        fds[i] = http_parts_connect(parts.port);
        assert_true(send(fds[i], LAST("/hold"), strlen(LAST("/hold")), 0) > 0);
        if (i == 1)
            gate_wait_for(2);
    }
    for (i = 0; i < 100; i++) { /* until the four have been taken in */
        (void)talk(&parts, LAST("/metrics"));
        (void)talk(&parts, LAST("/echo/x"));
        if (strncmp(reply, "HTTP/1.1 503", 12) == 0)
            break;
    }
    assert_status("HTTP/1.1 503 Service Unavailable\r\n");
    assert_non_null(strstr(reply, "\r\nRetry-After: 1\r\n"));
    (void)talk(&parts, LAST("/metrics")); /* needs no worker */
    assert_status("HTTP/1.1 200 OK\r\n");
    gate_set(true);
    for (i = 0; i < 6; i++) {
        char answer[512] = "";
        ssize_t len = recv(fds[i], answer, sizeof answer - 1, MSG_WAITALL);

        assert_true(len > 0);
        assert_int_equal(strncmp(answer, "HTTP/1.1 200", 12), 0);
        (void)close(fds[i]);
    }
    (void)http_parts_stop(&parts);
}

static void
a_client_that_leaves_costs_nothing_but_its_answer(void **state)
{
    struct http_parts parts;
    int fd;

    (void)state;
    gate_set(false);
    start(&parts);
    fd = http_parts_connect(parts.port);
    assert_true(send(fd, GET("/hold"), strlen(GET("/hold")), 0) > 0);
    gate_wait_for(1);
    (void)shutdown(fd, SHUT_RDWR);
    (void)close(fd);
    gate_set(true);
    (void)talk(&parts, LAST("/echo/a"));
    assert_status("HTTP/1.1 200 OK\r\n");
    (void)http_parts_stop(&parts);
}

static void
one_connection_too_many_takes_the_place_of_the_longest_idle(void **state)
{
    struct http_parts parts;
    int fds[64], i;
    char octet;

    (void)state;
    http_parts_options(&parts, routes, sizeof routes / sizeof routes[0]);
    parts.options.header_timeout_ms = 60000;
    http_parts_start(&parts);
    for (i = 0; i < 64; i++)
        fds[i] = http_parts_connect(parts.port);
    (void)talk(&parts, LAST("/echo/a"));
    assert_status("HTTP/1.1 200 OK\r\n");
    assert_int_equal(recv(fds[0], &octet, 1, 0), 0); /* closed */
    for (i = 0; i < 64; i++)
        (void)close(fds[i]);
    (void)http_parts_stop(&parts);
}

static void
a_stop_answers_what_is_under_way_and_closes_the_idle(void **state)
{
    struct http_parts parts;
    int idle, busy;
    char answer[512] = "";

    (void)state;
    gate_set(false);
    http_parts_options(&parts, routes, sizeof routes / sizeof routes[0]);
    parts.options.header_timeout_ms = 60000;
    http_parts_start(&parts);
    idle = http_parts_connect(parts.port);
    busy = http_parts_connect(parts.port);
    assert_true(send(busy, GET("/hold"), strlen(GET("/hold")), 0) > 0);
    gate_wait_for(1);
    gate_set(true);
    assert_true(http_parts_stop(&parts) < 4000);
    assert_int_equal(recv(idle, answer, 1, 0), 0);
    assert_true(recv(busy, answer, sizeof answer - 1, MSG_WAITALL) > 0);
    assert_int_equal(strncmp(answer, "HTTP/1.1 200", 12), 0);
    (void)close(idle);
    (void)close(busy);
}

static bool is_well;
static bool is_startable;

static void *
worker_new(void *service, struct error *err)
{
    if (!is_startable) {
        (void)error_set(err, ERROR_BUSY, "no database");
        return NULL;
    }
    return service;
}

static bool
health(void *worker, json_t *out)
{
    assert_non_null(worker);
    json_set_text(out, "database", is_well ? "ok" : "away");
    return is_well;
}

static void
health_tells_each_part_and_503_when_one_fails(void **state)
{
    struct http_parts parts;

    (void)state;
    http_parts_options(&parts, routes, sizeof routes / sizeof routes[0]);
    parts.options.worker_new = worker_new;
    parts.options.service = &is_well;
    parts.options.health = health;
    parts.options.worker_count = 1;
    is_startable = false;
    http_parts_start(&parts);
    (void)talk(&parts, LAST("/health"));
    assert_status("HTTP/1.1 503 Service Unavailable\r\n");
    assert_non_null(strstr(reply, "\"worker\":\"no database\""));
    (void)talk(&parts, LAST("/echo/a"));
    assert_status("HTTP/1.1 503 Service Unavailable\r\n");
    (void)http_parts_stop(&parts);
    is_startable = true;
    is_well = true;
    http_parts_start(&parts);
    (void)talk(&parts, LAST("/health"));
    assert_status("HTTP/1.1 200 OK\r\n");
    assert_non_null(
        strstr(reply, "{\"parts\":{\"database\":\"ok\"},\"status\":\"ok\"}\n"));
    (void)http_parts_stop(&parts);
    is_well = false;
    http_parts_start(&parts);
    (void)talk(&parts, LAST("/health"));
    assert_status("HTTP/1.1 503 Service Unavailable\r\n");
    assert_non_null(strstr(reply, "\"status\":\"failing\""));
    (void)http_parts_stop(&parts);
}

static char folder[64];

static int
make_pki(void **state)
{
    (void)state;
    http_parts_pki(folder, sizeof folder);
    return 0;
}

static int
remove_pki(void **state)
{
    (void)state;
    http_parts_pki_remove(folder);
    return 0;
}

static void
start_tls_admitting(struct http_parts *parts,
                    enum http_client_certificate client,
                    bool (*admit)(void *worker, const struct http_request *req,
                                  struct error *err))
{
    static char certificate[128], key[128], trust[128];

    (void)snprintf(certificate, sizeof certificate, "%s/server.pem", folder);
    (void)snprintf(key, sizeof key, "%s/server.key", folder);
    (void)snprintf(trust, sizeof trust, "%s/root.pem", folder);
    http_parts_options(parts, routes, sizeof routes / sizeof routes[0]);
    parts->options.certificate_file = certificate;
    parts->options.key_file = key;
    parts->options.trust_file = trust;
    parts->options.client_certificate = client;
    parts->options.peers = peers;
    parts->options.peer_count = sizeof peers / sizeof peers[0];
    parts->options.admit = admit;
    /* A handshake under the thread sanitizer takes its time. */
    parts->options.header_timeout_ms = 5000;
    http_parts_start(parts);
}

static void
start_tls(struct http_parts *parts, enum http_client_certificate client)
{
    start_tls_admitting(parts, client, NULL);
}

/* curl's view of `path` as `client` (NULL: without certificate). */
static int
ask(const struct http_parts *parts, const char *client, const char *more,
    const char *path, char *out, size_t max)
{
    char identity[256] = "";

    if (client != NULL)
        (void)snprintf(identity, sizeof identity,
                       "--cert %s/%s.pem --key %s/%s.key", folder, client,
                       folder, client);
    return http_parts_run(out, max,
                          "curl -sS -w '%%{http_code}' --cacert %s/root.pem %s "
                          "%s https://127.0.0.1:%u%s 2>/dev/null",
                          folder, identity, more, parts->port, path);
}

static void
routes_admit_the_peers_they_name(void **state)
{
    struct http_parts parts;
    char out[1024];

    (void)state;
    start_tls(&parts, HTTP_CLIENT_OPTIONAL);
    assert_int_equal(ask(&parts, NULL, "", "/who", out, sizeof out), 0);
    assert_string_equal(out, "0  0\n200");
    assert_int_equal(ask(&parts, NULL, "", "/any", out, sizeof out), 0);
    assert_non_null(strstr(out, "403"));
    assert_int_equal(ask(&parts, "ra", "", "/ra", out, sizeof out), 0);
    assert_string_equal(out, "1 signet-ra 1\n200");
    assert_int_equal(ask(&parts, "ra", "", "/both", out, sizeof out), 0);
    assert_string_equal(out, "1 signet-ra 1\n200");
    assert_int_equal(ask(&parts, "other", "", "/ra", out, sizeof out), 0);
    assert_non_null(strstr(out, "403"));
    assert_int_equal(ask(&parts, "other", "", "/any", out, sizeof out), 0);
    assert_string_equal(out, "1 other 1\n200");
    (void)http_parts_stop(&parts);
}

/* Knows one of its peers, by more than the name. */
static bool
admit(void *worker, const struct http_request *req, struct error *err)
{
    (void)worker;
    assert_non_null(req->peer.certificate);
    return strcmp(req->path, "/both") == 0 ||
           error_set(err, ERROR_DENIED, "an impostor");
}

static void
a_peer_that_is_not_admitted_reaches_no_handler(void **state)
{
    struct http_parts parts;
    char out[1024];

    (void)state;
    start_tls_admitting(&parts, HTTP_CLIENT_OPTIONAL, admit);
    assert_int_equal(ask(&parts, "ra", "", "/both", out, sizeof out), 0);
    assert_string_equal(out, "1 signet-ra 1\n200");
    assert_int_equal(ask(&parts, "ra", "", "/ra", out, sizeof out), 0);
    assert_non_null(strstr(out, "an impostor"));
    assert_non_null(strstr(out, "403"));
    /* Routes for everybody do not ask. */
    assert_int_equal(ask(&parts, NULL, "", "/who", out, sizeof out), 0);
    assert_string_equal(out, "0  0\n200");
    (void)http_parts_stop(&parts);
}

static void
certificates_under_another_root_and_old_tls_get_no_connection(void **state)
{
    struct http_parts parts;
    char out[1024];

    (void)state;
    start_tls(&parts, HTTP_CLIENT_OPTIONAL);
    assert_int_not_equal(ask(&parts, "foreign", "", "/who", out, sizeof out),
                         0);
    assert_int_not_equal(
        ask(&parts, "ra", "--tls-max 1.1", "/who", out, sizeof out), 0);
    /* A server's certificate is none for a client. */
    assert_int_not_equal(ask(&parts, "server", "", "/who", out, sizeof out), 0);
    assert_int_equal(ask(&parts, "ra", "--tls-max 1.2", "/ra", out, sizeof out),
                     0);
    assert_string_equal(out, "1 signet-ra 1\n200");
    (void)http_parts_stop(&parts);
    start_tls(&parts, HTTP_CLIENT_REQUIRED);
    assert_int_not_equal(ask(&parts, NULL, "", "/who", out, sizeof out), 0);
    assert_int_equal(ask(&parts, "ra", "", "/ra", out, sizeof out), 0);
    (void)http_parts_stop(&parts);
}

/* Without a session id context the second handshake would fail. */
static void
a_resumed_session_is_still_the_same_peer(void **state)
{
    static const char *const versions[] = {"-tls1_2", "-tls1_3"};
    struct http_parts parts;
    char out[16384];
    size_t i;

    (void)state;
    start_tls(&parts, HTTP_CLIENT_REQUIRED);
    for (i = 0; i < 2; i++) {
        assert_int_equal(
            http_parts_run(
                out, sizeof out,
                "cd %s; for way in -sess_out -sess_in; do "
                "printf '"
                "GET /ra HTTP/1.1\\r\\nHost: a\\r\\nConnection: "
                "close\\r\\n\\r\\n' | openssl s_client -ign_eof -connect "
                "127.0.0.1:%u %s -CAfile root.pem -cert ra.pem -key ra.key "
                "$way session 2>&1; done",
                folder, parts.port, versions[i]),
            0);
        assert_int_equal(http_parts_count(out, "1 signet-ra 1"), 2);
        assert_int_equal(http_parts_count(out, "Reused, TLS"), 1);
    }
    (void)http_parts_stop(&parts);
}

static void
many_clients_at_once_are_all_answered(void **state)
{
    struct http_parts parts;
    char out[16384];

    (void)state;
    http_parts_options(&parts, routes, sizeof routes / sizeof routes[0]);
    parts.options.queue_max = 64;
    http_parts_start(&parts);
    assert_int_equal(http_parts_run(out, sizeof out,
                                    "curl -sS -Z --parallel-max 20 "
                                    "'http://127.0.0.1:%u/echo/[1-300]'",
                                    parts.port),
                     0);
    assert_int_equal(http_parts_count(out, ",,-,0\n"), 300);
    (void)http_parts_stop(&parts);
}

static void
files_and_addresses_that_are_wrong_are_told(void **state)
{
    struct http_server_options options = {
        .worker_count = 1, .connection_max = 1, .queue_max = 1};
    static const char *const addresses[] = {
        "",
        "127.0.0.1",
        ":80",
        "localhost:80",
        "::1:80",
        "[::1]",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:80x",
        "[127.0.0.1]:80",
    };
    struct http_server *server = NULL;
    struct http_parts parts;
    struct error err = {0};
    char busy[32];
    size_t i;

    (void)state;
    start(&parts);
    for (i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        options.listen = addresses[i];
        assert_false(http_server_new(parts.base, &options, &server, &err));
        assert_int_equal(err.code, ERROR_INPUT);
    }
    (void)snprintf(busy, sizeof busy, "127.0.0.1:%u", parts.port);
    options.listen = busy;
    assert_false(http_server_new(parts.base, &options, &server, &err));
    assert_int_equal(err.code, ERROR_BUSY);
    options.listen = "127.0.0.1:0";
    options.certificate_file = "/nonexistent.pem";
    assert_false(http_server_new(parts.base, &options, &server, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_non_null(strstr(err.what, "/nonexistent.pem"));
    (void)http_parts_stop(&parts);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_reaches_its_handler_with_all_its_parts),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_client_that_closed_its_half_still_gets_its_answers),
        cmocka_unit_test(chunked_content_is_put_together_for_the_handler),
        cmocka_unit_test(a_client_that_expects_it_is_told_to_go_on),
        cmocka_unit_test(head_gives_what_get_would_without_content),
        cmocka_unit_test(long_answers_arrive_whole),
        cmocka_unit_test(refusals_are_problem_documents),
        cmocka_unit_test(
            json_of_the_wrong_kind_or_type_is_refused_with_the_reason),
        cmocka_unit_test(
            too_much_content_is_answered_before_the_connection_ends),
        cmocka_unit_test(
            an_upload_may_be_longer_than_other_requests_but_not_endless),
        cmocka_unit_test(
            one_upload_too_many_is_answered_503_until_the_first_is_gone),
        cmocka_unit_test(octets_that_are_no_request_end_the_connection),
        cmocka_unit_test(slow_heads_and_bodies_are_ended_by_their_deadlines),
        cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
        cmocka_unit_test(a_full_queue_is_answered_503_at_once),
        cmocka_unit_test(a_client_that_leaves_costs_nothing_but_its_answer),
        cmocka_unit_test(
            one_connection_too_many_takes_the_place_of_the_longest_idle),
        cmocka_unit_test(a_stop_answers_what_is_under_way_and_closes_the_idle),
        cmocka_unit_test(health_tells_each_part_and_503_when_one_fails),
        cmocka_unit_test(routes_admit_the_peers_they_name),
        cmocka_unit_test(a_peer_that_is_not_admitted_reaches_no_handler),
        cmocka_unit_test(
            certificates_under_another_root_and_old_tls_get_no_connection),
        cmocka_unit_test(a_resumed_session_is_still_the_same_peer),
        cmocka_unit_test(many_clients_at_once_are_all_answered),
        cmocka_unit_test(files_and_addresses_that_are_wrong_are_told),
    };

    return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
