/*
 * The server on its socket: OCSP by GET and POST, what HTTP may do to it, the
 * cache against the index, and a token that goes away.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "ocsp/server.h"
#include "tests/unit/ocsp_parts.h"

enum { ANSWER_MAX = 2 * 1024 * 1024, WAIT_MS = 10000, CONNECTIONS = 200 };

static struct parts parts;
static struct ocsp_responder responder;
static struct ocsp_signer_pool *pool;
static struct ocsp_server *server;
static struct sockaddr_in address;

static void
publish_files(void)
{
    struct ocsp_published *list = ocsp_published_new(8);
    struct ocsp_published_maker maker = {
        list, atomic_load(&responder.published), clock_now()};
    const struct ocsp_published_crl crl = {"test", 4, maker.now - 10,
                                           maker.now + 1000};
    static uint8_t big[1024 * 1024];

    ocsp_published_add_certificate(
        &maker, "test", (struct der){parts.ca_der.data, parts.ca_der.len},
        86400);
    ocsp_published_add_crl(&maker, &crl, (struct der){big, sizeof big}, 300);
    ocsp_published_free(atomic_exchange(&responder.published, list));
}

static int
start(void **state)
{
    const struct ocsp_server_options options = {
        .listen = "127.0.0.1:0",
        .thread_count = 2,
        .connection_max = CONNECTIONS,
        .cache_entries = 1024,
    };
    struct error err = {0};
    const char *colon;

    (void)state;
    parts_make(&parts, 7 * 86400);
    parts_responder(&parts, &responder);
    parts_status(&responder, 0, OCSP_STATE_VALID, 0, 0);
    parts_status(&responder, 1, OCSP_STATE_REVOKED, 4, 1700000000);
    publish_files();
    pool = ocsp_signer_pool_new(&responder, parts.hsm, 2, 256, 1024);
    assert_true(ocsp_server_new(&options, &responder, pool, &server, &err));
    assert_true(ocsp_signer_pool_start(pool, &err));
    assert_true(ocsp_server_start(server, &err));
    colon = strrchr(ocsp_server_address(server), ':');
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)atoi(colon + 1));
    return 0;
}

static int
stop(void **state)
{
    (void)state;
    ocsp_server_stop(server);
    ocsp_signer_pool_stop(pool);
    ocsp_server_free(server);
    ocsp_signer_pool_free(pool);
    ocsp_responder_clear(&responder);
    parts_remove(&parts);
    return 0;
}

/* ---- A client ---------------------------------------------------------- */

static int
dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address),
                     0);
    return fd;
}

static void
say(int fd, const void *data, size_t len)
{
    assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void
say_text(int fd, const char *text)
{
    say(fd, text, strlen(text));
}

struct heard {
    uint8_t data[ANSWER_MAX];
    size_t len; /* in data */
    int status; /* of the answer at the start; 0: none */
    size_t head_len, body_len;
};

static struct heard heard;

/* More octets; false at the end of the connection. */
static bool
hear_more(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    ssize_t n;

    assert_int_equal(poll(&wait, 1, WAIT_MS), 1);
    assert_true(heard.len < sizeof heard.data);
    n = recv(fd, heard.data + heard.len, sizeof heard.data - heard.len, 0);
    if (n <= 0)
        return false;
    heard.len += (size_t)n;
    return true;
}

static const char *
header(const char *name)
{
    static char value[512];
    char line[64];
    const char *p, *end;

    (void)snprintf(line, sizeof line, "\r\n%s: ", name);
    p = memmem(heard.data, heard.head_len, line, strlen(line));
    if (p == NULL)
        return "";
    p += strlen(line);
    end = strstr(p, "\r\n");
    (void)snprintf(value, sizeof value, "%.*s", (int)(end - p), p);
    return value;
}

/* Drops the answer at the start. */
static void
forget(void)
{
    size_t used = heard.head_len + heard.body_len;

    memmove(heard.data, heard.data + used, heard.len - used);
    heard.len -= used;
    heard.status = 0;
    heard.head_len = heard.body_len = 0;
}

/* One whole answer. False when the connection ends first. */
static bool
hear(int fd, bool is_head)
{
    const uint8_t *end;

    forget();
    while ((end = memmem(heard.data, heard.len, "\r\n\r\n", 4)) == NULL)
        if (!hear_more(fd))
            return false;
    heard.head_len = (size_t)(end - heard.data) + 4;
    heard.status = atoi((const char *)heard.data + strlen("HTTP/1.1 "));
    heard.body_len = is_head ? 0 : (size_t)atoi(header("Content-Length"));
    while (heard.len < heard.head_len + heard.body_len)
        if (!hear_more(fd))
            return false;
    return true;
}

static void
clear_heard(void)
{
    heard.len = heard.head_len = heard.body_len = 0;
    heard.status = 0;
}

static void
hang_up(int fd)
{
    clear_heard();
    (void)close(fd);
}

static bool
is_closed(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char c;

    return poll(&wait, 1, WAIT_MS) == 1 && recv(fd, &c, 1, 0) <= 0;
}

static void
post_der(int fd, const struct buf *der)
{
    char head[256];
    int len = snprintf(head, sizeof head,
                       "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: "
                       "application/ocsp-request\r\nContent-Length: %zu\r\n"
                       "\r\n",
                       der->len);

    say(fd, head, (size_t)len);
    say(fd, der->data, der->len);
}

/* The path of a GET for `der`, with everything encoded that may be. */
static void
get_path(const struct buf *der, struct buf *out)
{
    struct buf base64 = BUF_INIT(PARTS_DER_MAX);
    size_t i;

    text_base64(der->data, der->len, &base64);
    for (i = 0; i < base64.len; i++)
        if (strchr("+/=", base64.data[i]) != NULL)
            buf_addf(out, "%%%02X", base64.data[i]);
        else
            buf_add_byte(out, base64.data[i]);
    buf_clear(&base64);
}

static int
verdict(const EVP_MD *hash, unsigned n)
{
    return parts_verdict(&parts, NULL, hash, n, heard.data + heard.head_len,
                         heard.body_len, NULL);
}

static int
ask_post(int fd, const EVP_MD *hash, unsigned n)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX);

    parts_request_der(&parts, hash, n, 1, false, &der);
    post_der(fd, &der);
    assert_true(hear(fd, false));
    assert_int_equal(heard.status, 200);
    buf_clear(&der);
    return verdict(hash, n);
}

static void
get_with(int fd, const char *method, unsigned n, const char *lines)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX), text = BUF_INIT(PARTS_DER_MAX);

    parts_request_der(&parts, EVP_sha1(), n, 1, false, &der);
    buf_addf(&text, "%s /ocsp/", method);
    get_path(&der, &text);
    buf_addf(&text, " HTTP/1.1\r\nHost: x\r\n%s\r\n", lines);
    say(fd, text.data, text.len);
    buf_clear(&text);
    buf_clear(&der);
}

/* A request in text, the status of its answer. */
static int
status_of(const char *request)
{
    int fd = dial(), status;

    say_text(fd, request);
    assert_true(hear(fd, false));
    status = heard.status;
    hang_up(fd);
    return status;
}

/* ---- OCSP -------------------------------------------------------------- */

static void
post_and_get_answer_the_same(void **state)
{
    char etag[128];
    int fd = dial();

    (void)state;
    assert_int_equal(ask_post(fd, EVP_sha1(), 0), V_OCSP_CERTSTATUS_GOOD);
    (void)snprintf(etag, sizeof etag, "%s", header("ETag"));
    assert_int_equal(strlen(etag), REPLY_ETAG_LEN);
    assert_string_equal(header("Content-Type"), "application/ocsp-response");
    get_with(fd, "GET", 0, "");
    assert_true(hear(fd, false));
    assert_int_equal(heard.status, 200);
    assert_int_equal(verdict(EVP_sha1(), 0), V_OCSP_CERTSTATUS_GOOD);
    assert_string_equal(header("ETag"), etag); /* one signature for both */
    assert_int_equal(ask_post(fd, EVP_sha256(), 1), V_OCSP_CERTSTATUS_REVOKED);
    hang_up(fd);
}

static void
a_cached_answer_has_the_headers_of_the_lightweight_profile(void **state)
{
    int fd = dial();

    (void)state;
    get_with(fd, "GET", 0, "");
    assert_true(hear(fd, false));
    assert_string_equal(header("Cache-Control"),
                        "max-age=300, public, no-transform, must-revalidate");
    assert_int_equal(strlen(header("Last-Modified")), 29);
    assert_int_equal(strlen(header("Expires")), 29);
    assert_int_equal(strlen(header("Date")), 29);
    hang_up(fd);
}

static void
who_has_the_answer_already_gets_304(void **state)
{
    char lines[256];
    int fd = dial();

    (void)state;
    get_with(fd, "GET", 0, "");
    assert_true(hear(fd, false));
    (void)snprintf(lines, sizeof lines, "If-None-Match: %s\r\n",
                   header("ETag"));
    get_with(fd, "GET", 0, lines);
    assert_true(hear(fd, true));
    assert_int_equal(heard.status, 304);
    get_with(fd, "GET", 0, "If-None-Match: \"another\"\r\n");
    assert_true(hear(fd, false));
    assert_int_equal(heard.status, 200);
    hang_up(fd);
}

/* Each thread has its own cache, and signatures of ECDSA differ. */
static void
all_threads_give_one_certificate_the_same_answer(void **state)
{
    char etag[128] = "";
    int fd, i;

    (void)state;
    parts_status(&responder, 70, OCSP_STATE_VALID, 0, 0);
    for (i = 0; i < 20; i++) {
        fd = dial();
        assert_int_equal(ask_post(fd, EVP_sha1(), 70), V_OCSP_CERTSTATUS_GOOD);
        if (i == 0)
            (void)snprintf(etag, sizeof etag, "%s", header("ETag"));
        assert_string_equal(header("ETag"), etag);
        hang_up(fd);
    }
}

static void
head_has_the_length_and_no_body(void **state)
{
    int fd = dial();

    (void)state;
    get_with(fd, "HEAD", 0, "");
    assert_true(hear(fd, true));
    assert_int_equal(heard.status, 200);
    assert_true(atoi(header("Content-Length")) > 500);
    assert_int_equal(ask_post(fd, EVP_sha1(), 0), V_OCSP_CERTSTATUS_GOOD);
    hang_up(fd);
}

static void
base64_may_stand_at_the_root_after_a_slash_too_many_and_unencoded(void **state)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX), base64 = BUF_INIT(PARTS_DER_MAX);
    static const char *const prefix[] = {"/", "//", "/ocsp/", "/ocsp//"};
    struct buf text = BUF_INIT(PARTS_DER_MAX);
    int fd = dial();
    size_t i;

    (void)state;
    parts_request_der(&parts, EVP_sha256(), 0, 1, false, &der);
    text_base64(der.data, der.len, &base64);
    for (i = 0; i < sizeof prefix / sizeof prefix[0]; i++) {
        buf_reset(&text);
        buf_addf(&text, "GET %s%s HTTP/1.1\r\nHost: x\r\n\r\n", prefix[i],
                 buf_text(&base64));
        say(fd, text.data, text.len);
        assert_true(hear(fd, false));
        assert_int_equal(verdict(EVP_sha256(), 0), V_OCSP_CERTSTATUS_GOOD);
    }
    hang_up(fd);
    buf_clear(&der);
    buf_clear(&base64);
    buf_clear(&text);
}

static void
a_nonce_is_signed_live_and_not_kept(void **state)
{
    OCSP_REQUEST *request = parts_request(&parts, EVP_sha1(), 0, 1, true);
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    unsigned char *p = NULL;
    int len = i2d_OCSP_REQUEST(request, &p), fd = dial();

    (void)state;
    buf_add(&der, p, (size_t)len);
    post_der(fd, &der);
    assert_true(hear(fd, false));
    assert_int_equal(parts_verdict(&parts, request, EVP_sha1(), 0,
                                   heard.data + heard.head_len, heard.body_len,
                                   NULL),
                     V_OCSP_CERTSTATUS_GOOD);
    assert_string_equal(header("Cache-Control"), "no-store");
    OPENSSL_free(p);
    OCSP_REQUEST_free(request);
    buf_clear(&der);
    hang_up(fd);
}

static void
a_revocation_shows_in_the_next_answer_and_so_does_a_release(void **state)
{
    int fd = dial(), i;

    (void)state;
    parts_status(&responder, 10, OCSP_STATE_VALID, 0, 0);
    for (i = 0; i < 3; i++) {
        assert_int_equal(ask_post(fd, EVP_sha1(), 10), V_OCSP_CERTSTATUS_GOOD);
        parts_status(&responder, 10, OCSP_STATE_HELD, 6, 1700000000 + i);
        assert_int_equal(ask_post(fd, EVP_sha1(), 10),
                         V_OCSP_CERTSTATUS_REVOKED);
        parts_status(&responder, 10, OCSP_STATE_VALID, 0, 0);
    }
    parts_status(&responder, 10, OCSP_STATE_REVOKED, 1, 1700000009);
    assert_int_equal(ask_post(fd, EVP_sha1(), 10), V_OCSP_CERTSTATUS_REVOKED);
    hang_up(fd);
}

static void
a_serial_never_issued_is_unknown_and_good_once_issued(void **state)
{
    int fd = dial();

    (void)state;
    assert_int_equal(ask_post(fd, EVP_sha1(), 20), V_OCSP_CERTSTATUS_UNKNOWN);
    assert_string_equal(header("Cache-Control"), "no-store");
    parts_status(&responder, 20, OCSP_STATE_VALID, 0, 0);
    assert_int_equal(ask_post(fd, EVP_sha1(), 20), V_OCSP_CERTSTATUS_GOOD);
    hang_up(fd);
}

static void
garbage_is_malformed_and_a_foreign_issuer_unauthorized(void **state)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    int fd = dial();

    (void)state;
    buf_add_text(&der, "not DER at all");
    post_der(fd, &der);
    assert_true(hear(fd, false));
    assert_int_equal(verdict(EVP_sha1(), 0), -100 - OCSP_MALFORMED_REQUEST);
    buf_reset(&der);
    post_der(fd, &der); /* nothing at all */
    assert_true(hear(fd, false));
    assert_int_equal(verdict(EVP_sha1(), 0), -100 - OCSP_MALFORMED_REQUEST);
    parts_request_der(&parts, EVP_sha1(), 0, 1, false, &der);
    der.data[30] ^= 1;
    post_der(fd, &der);
    assert_true(hear(fd, false));
    assert_int_equal(verdict(EVP_sha1(), 0), -100 - OCSP_UNAUTHORIZED);
    say_text(fd, "GET /ocsp/%25%25 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(hear(fd, false));
    assert_int_equal(verdict(EVP_sha1(), 0), -100 - OCSP_MALFORMED_REQUEST);
    hang_up(fd);
    buf_clear(&der);
}

/* ---- HTTP -------------------------------------------------------------- */

static void
pipelined_requests_are_answered_in_order(void **state)
{
    enum { COUNT = 60 };
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    struct buf text = BUF_INIT(COUNT * PARTS_DER_MAX);
    int fd = dial();
    unsigned n;

    (void)state;
    /* Known, unknown (signed on another thread), with files in between. */
    for (n = 0; n < COUNT; n++) {
        parts_request_der(&parts, EVP_sha1(), n % 3 == 0 ? 0 : 100 + n, 1,
                          false, &der);
        buf_addf(&text,
                 "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: "
                 "application/ocsp-request\r\nContent-Length: %zu\r\n\r\n",
                 der.len);
        buf_add(&text, der.data, der.len);
        if (n % 5 == 0)
            buf_add_text(&text, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    say(fd, text.data, text.len);
    for (n = 0; n < COUNT; n++) {
        assert_true(hear(fd, false));
        assert_int_equal(verdict(EVP_sha1(), n % 3 == 0 ? 0 : 100 + n),
                         n % 3 == 0 ? V_OCSP_CERTSTATUS_GOOD
                                    : V_OCSP_CERTSTATUS_UNKNOWN);
        if (n % 5 == 0) {
            assert_true(hear(fd, false));
            assert_int_equal(heard.status, 404);
        }
    }
    hang_up(fd);
    buf_clear(&text);
    buf_clear(&der);
}

static void
a_request_may_come_octet_by_octet(void **state)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX), text = BUF_INIT(PARTS_DER_MAX);
    int fd = dial();
    size_t i;

    (void)state;
    parts_request_der(&parts, EVP_sha1(), 0, 1, false, &der);
    buf_addf(&text,
             "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: "
             "application/ocsp-request\r\nContent-Length: %zu\r\n\r\n",
             der.len);
    buf_add(&text, der.data, der.len);
    for (i = 0; i < text.len; i++) {
        say(fd, text.data + i, 1);
        if (i % 16 == 0)
            usleep(500);
    }
    assert_true(hear(fd, false));
    assert_int_equal(verdict(EVP_sha1(), 0), V_OCSP_CERTSTATUS_GOOD);
    hang_up(fd);
    buf_clear(&text);
    buf_clear(&der);
}

static void
a_chunked_body_is_put_together(void **state)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX), text = BUF_INIT(PARTS_DER_MAX);
    int fd = dial(), round;
    size_t i;

    (void)state;
    parts_request_der(&parts, EVP_sha1(), 0, 1, false, &der);
    buf_add_text(&text, "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: "
                        "application/ocsp-request\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n");
    for (i = 0; i < der.len; i += 20) {
        size_t len = der.len - i < 20 ? der.len - i : 20;

        buf_addf(&text, "%zx\r\n", len);
        buf_add(&text, der.data + i, len);
        buf_add_text(&text, "\r\n");
    }
    buf_add_text(&text, "0\r\n\r\n");
    for (round = 0; round < 2; round++) {
        say(fd, text.data, text.len / 2);
        usleep(20000);
        say(fd, text.data + text.len / 2, text.len - text.len / 2);
        assert_true(hear(fd, false));
        assert_int_equal(verdict(EVP_sha1(), 0), V_OCSP_CERTSTATUS_GOOD);
    }
    hang_up(fd);
    buf_clear(&text);
    buf_clear(&der);
}

static void
a_peer_that_waits_for_100_is_told_to_go_on(void **state)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    char head[256];
    int fd = dial(), len;

    (void)state;
    parts_request_der(&parts, EVP_sha1(), 0, 1, false, &der);
    len = snprintf(head, sizeof head,
                   "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: "
                   "application/ocsp-request\r\nExpect: 100-continue\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   der.len);
    say(fd, head, (size_t)len);
    assert_true(hear(fd, true));
    assert_int_equal(heard.status, 100);
    say(fd, der.data, der.len);
    assert_true(hear(fd, false));
    assert_int_equal(verdict(EVP_sha1(), 0), V_OCSP_CERTSTATUS_GOOD);
    hang_up(fd);
    buf_clear(&der);
}

static void
http_1_0_and_close_end_the_connection(void **state)
{
    int fd = dial();

    (void)state;
    get_with(fd, "GET", 0, "Connection: close\r\n");
    assert_true(hear(fd, false));
    assert_int_equal(verdict(EVP_sha1(), 0), V_OCSP_CERTSTATUS_GOOD);
    assert_string_equal(header("Connection"), "close");
    assert_true(is_closed(fd));
    hang_up(fd);
    fd = dial();
    say_text(fd, "GET /metrics HTTP/1.0\r\n\r\n");
    assert_true(hear(fd, false));
    assert_int_equal(heard.status, 200);
    assert_true(is_closed(fd));
    hang_up(fd);
}

static void
what_is_not_offered_is_refused_by_the_right_status(void **state)
{
    (void)state;
    assert_int_equal(status_of("PUT /ocsp HTTP/1.1\r\nHost: x\r\n"
                               "Content-Length: 0\r\n\r\n"),
                     405);
    assert_int_equal(status_of("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n"), 405);
    assert_int_equal(status_of("POST /crl/test.crl HTTP/1.1\r\nHost: x\r\n"
                               "Content-Length: 0\r\n\r\n"),
                     405);
    assert_int_equal(status_of("POST /ocsp HTTP/1.1\r\nHost: x\r\n"
                               "Content-Type: text/plain\r\n"
                               "Content-Length: 1\r\n\r\nx"),
                     415);
    assert_int_equal(status_of("GET /none HTTP/1.1\r\nHost: x\r\n\r\n"), 404);
    assert_int_equal(status_of("GET /crl/../ca/x HTTP/1.1\r\nHost: x\r\n\r\n"),
                     404);
    assert_int_equal(status_of("BREW / HTTP/1.1\r\nHost: x\r\n\r\n"), 501);
    assert_int_equal(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
    assert_int_equal(status_of("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), 505);
    assert_int_equal(status_of("POST /ocsp HTTP/1.1\r\nHost: x\r\n"
                               "Content-Length: 65537\r\n\r\n"),
                     413);
}

static void
a_body_longer_than_its_length_says_is_another_request(void **state)
{
    int fd = dial();

    (void)state;
    say_text(fd, "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: "
                 "application/ocsp-request\r\nContent-Length: 1\r\n\r\n0XX\r\n"
                 "\r\n");
    assert_true(hear(fd, false));
    assert_int_equal(verdict(EVP_sha1(), 0), -100 - OCSP_MALFORMED_REQUEST);
    assert_true(hear(fd, false));
    assert_int_equal(heard.status, 400);
    assert_true(is_closed(fd));
    hang_up(fd);
}

/* openssl ocsp hangs for good on this (performance.md, 2.4). */
static void
connections_that_say_nothing_cost_nobody_anything(void **state)
{
    enum { COUNT = 300 };
    int fd[COUNT], asking, i;

    (void)state;
    for (i = 0; i < COUNT; i++)
        hang_up(dial());
    asking = dial();
    /* More than may be open: the idle ones make room for each other. */
    for (i = 0; i < COUNT; i++) {
        fd[i] = dial();
        if (i % 50 == 0)
            assert_int_equal(ask_post(asking, EVP_sha1(), 0),
                             V_OCSP_CERTSTATUS_GOOD);
    }
    for (i = 0; i < COUNT; i++)
        hang_up(fd[i]);
    hang_up(asking);
}

static void
a_peer_that_leaves_while_its_answer_is_signed_is_forgotten(void **state)
{
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    int fd;
    unsigned n;

    (void)state;
    for (n = 0; n < 50; n++) {
        parts_request_der(&parts, EVP_sha1(), 500 + n, 1, true, &der);
        fd = dial();
        post_der(fd, &der);
        hang_up(fd);
    }
    fd = dial();
    assert_int_equal(ask_post(fd, EVP_sha1(), 0), V_OCSP_CERTSTATUS_GOOD);
    hang_up(fd);
    buf_clear(&der);
}

/* ---- Files, health ----------------------------------------------------- */

static void
crls_and_certificates_are_served_as_files(void **state)
{
    char lines[256];
    int fd = dial();

    (void)state;
    say_text(fd, "GET /ca/test.cer HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(hear(fd, false));
    assert_string_equal(header("Content-Type"), "application/pkix-cert");
    assert_int_equal(heard.body_len, parts.ca_der.len);
    assert_memory_equal(heard.data + heard.head_len, parts.ca_der.data,
                        parts.ca_der.len);
    say_text(fd, "GET /ca/test.pem HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(hear(fd, false));
    assert_memory_equal(heard.data + heard.head_len,
                        "-----BEGIN CERTIFICATE-----\n", 28);
    /* Longer than the socket takes at once. */
    say_text(fd, "GET /crl/test.crl HTTP/1.1\r\nHost: x\r\n\r\n");
    usleep(100000);
    assert_true(hear(fd, false));
    assert_int_equal(heard.body_len, 1024 * 1024);
    assert_string_equal(header("Content-Type"), "application/pkix-crl");
    (void)snprintf(lines, sizeof lines,
                   "GET /crl/test.crl HTTP/1.1\r\nHost: x\r\n"
                   "If-None-Match: %s\r\n\r\n",
                   header("ETag"));
    say_text(fd, lines);
    assert_true(hear(fd, true));
    assert_int_equal(heard.status, 304);
    hang_up(fd);
}

static void
a_file_that_is_replaced_while_it_is_sent_arrives_whole(void **state)
{
    int fd = dial();

    (void)state;
    say_text(fd, "GET /crl/test.crl HTTP/1.1\r\nHost: x\r\n\r\n");
    usleep(50000);
    {
        struct ocsp_published *old =
            atomic_exchange(&responder.published, ocsp_published_new(0));

        ocsp_grace_wait(responder.grace);
        ocsp_published_free(old);
    }
    assert_true(hear(fd, false));
    assert_int_equal(heard.body_len, 1024 * 1024);
    hang_up(fd);
    publish_files();
}

static void
health_and_metrics_tell_how_it_is(void **state)
{
    int fd = dial();

    (void)state;
    atomic_store(&responder.synced_at, clock_now());
    say_text(fd, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(hear(fd, false));
    assert_int_equal(heard.status, 200);
    assert_non_null(memmem(heard.data, heard.len, "\"signer\":\"ok\"", 13));
    atomic_store(&responder.synced_at, clock_now() - 60);
    say_text(fd, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(hear(fd, false));
    assert_int_equal(heard.status, 503);
    atomic_store(&responder.synced_at, clock_now());
    say_text(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(hear(fd, false));
    assert_non_null(memmem(heard.data, heard.len,
                           "signet_ocsp_answers_total{kind=\"cached\"}", 40));
    hang_up(fd);
}

/* ---- What goes away ---------------------------------------------------- */

/* The token as hsm.h has it when it is away: every call fails after a while. */
static _Atomic bool is_token_away;

bool __real_hsm_sign(struct hsm *hsm, const struct hsm_key *key,
                     enum hsm_scheme scheme, const uint8_t *message,
                     size_t message_len, uint8_t *signature,
                     size_t *signature_len, struct error *err);
bool __wrap_hsm_sign(struct hsm *hsm, const struct hsm_key *key,
                     enum hsm_scheme scheme, const uint8_t *message,
                     size_t message_len, uint8_t *signature,
                     size_t *signature_len, struct error *err);

bool
__wrap_hsm_sign(struct hsm *hsm, const struct hsm_key *key,
                enum hsm_scheme scheme, const uint8_t *message,
                size_t message_len, uint8_t *signature, size_t *signature_len,
                struct error *err)
{
    if (!atomic_load(&is_token_away))
        return __real_hsm_sign(hsm, key, scheme, message, message_len,
                               signature, signature_len, err);
    usleep(200000);
    return error_set(err, ERROR_BUSY, "the token is away");
}

static void
a_lost_token_is_try_later_for_new_answers_and_nothing_for_cached(void **state)
{
    int fd = dial();

    (void)state;
    assert_int_equal(ask_post(fd, EVP_sha1(), 0), V_OCSP_CERTSTATUS_GOOD);
    atomic_store(&is_token_away, true);
    assert_int_equal(ask_post(fd, EVP_sha1(), 30), -100 - OCSP_TRY_LATER);
    assert_int_equal(ask_post(fd, EVP_sha1(), 0), V_OCSP_CERTSTATUS_GOOD);
    say_text(fd, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(hear(fd, false));
    assert_int_equal(heard.status, 503);
    atomic_store(&is_token_away, false);
    assert_int_equal(ask_post(fd, EVP_sha1(), 30), V_OCSP_CERTSTATUS_UNKNOWN);
    hang_up(fd);
}

/* The queue of 256 holds more tries of 200 ms than anybody should wait for. */
static void
nobody_waits_long_behind_a_lost_token(void **state)
{
    enum { COUNT = 60 };
    struct buf der = BUF_INIT(PARTS_DER_MAX);
    int fd[COUNT], i;
    int64_t since;

    (void)state;
    atomic_store(&is_token_away, true);
    since = clock_monotonic_ms();
    for (i = 0; i < COUNT; i++) {
        parts_request_der(&parts, EVP_sha1(), 600 + (unsigned)i, 1, true, &der);
        fd[i] = dial();
        post_der(fd[i], &der);
    }
    for (i = 0; i < COUNT; i++) {
        assert_true(hear(fd[i], false));
        assert_int_equal(verdict(EVP_sha1(), 0), -100 - OCSP_TRY_LATER);
        hang_up(fd[i]);
    }
    assert_true(clock_monotonic_ms() - since < 5000);
    atomic_store(&is_token_away, false);
    buf_clear(&der);
}

/* While the token is away the old answer serves until it ends: what is past
 * half its life is signed anew beside, not before, the answer. */
static void
an_answer_past_half_its_life_is_served_and_signed_anew(void **state)
{
    char etag[128];
    int fd = dial(), i;

    (void)state;
    parts_status(&responder, 40, OCSP_STATE_VALID, 0, 0);
    atomic_store(&responder.synced_at,
                 clock_now() - responder.validity_s * 3 / 4);
    assert_int_equal(ask_post(fd, EVP_sha1(), 40), V_OCSP_CERTSTATUS_GOOD);
    (void)snprintf(etag, sizeof etag, "%s", header("ETag"));
    atomic_store(&is_token_away, true);
    atomic_store(&responder.synced_at, clock_now());
    assert_int_equal(ask_post(fd, EVP_sha1(), 40), V_OCSP_CERTSTATUS_GOOD);
    assert_string_equal(header("ETag"), etag);
    atomic_store(&is_token_away, false);
    parts_status(&responder, 41, OCSP_STATE_VALID, 0, 0);
    atomic_store(&responder.synced_at,
                 clock_now() - responder.validity_s * 3 / 4);
    assert_int_equal(ask_post(fd, EVP_sha1(), 41), V_OCSP_CERTSTATUS_GOOD);
    (void)snprintf(etag, sizeof etag, "%s", header("ETag"));
    atomic_store(&responder.synced_at, clock_now());
    for (i = 0; i < 100 && strcmp(header("ETag"), etag) == 0; i++) {
        assert_int_equal(ask_post(fd, EVP_sha1(), 41), V_OCSP_CERTSTATUS_GOOD);
        usleep(10000);
    }
    assert_string_not_equal(header("ETag"), etag);
    hang_up(fd);
}

/* Puts a list in place in which the CA has this signer (one reference), or
 * none; returns the signer of the old one with a reference. */
static struct ocsp_signer *
replace_signer(struct ocsp_signer *take_signer, uint64_t revision)
{
    struct ocsp_authorities *old = atomic_load(&responder.authorities);
    struct ocsp_authorities *list = ocsp_authorities_new(1);
    struct ocsp_signer *before = old->at[0].signer;

    if (before != NULL)
        (void)ocsp_signer_ref(before);
    list->at[0] = old->at[0];
    list->at[0].signer = take_signer;
    list->at[0].revision = revision;
    atomic_store(&responder.authorities, list);
    ocsp_grace_wait(responder.grace);
    ocsp_authorities_free(old);
    return before;
}

static void
without_a_certificate_to_sign_with_it_is_try_later(void **state)
{
    struct ocsp_signer *signer;
    int fd = dial();

    (void)state;
    assert_int_equal(ask_post(fd, EVP_sha1(), 0), V_OCSP_CERTSTATUS_GOOD);
    signer = replace_signer(NULL, 2);
    assert_int_equal(ask_post(fd, EVP_sha1(), 0), -100 - OCSP_TRY_LATER);
    assert_null(replace_signer(signer, 3));
    assert_int_equal(ask_post(fd, EVP_sha1(), 0), V_OCSP_CERTSTATUS_GOOD);
    hang_up(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(post_and_get_answer_the_same),
        cmocka_unit_test(
            a_cached_answer_has_the_headers_of_the_lightweight_profile),
        cmocka_unit_test(who_has_the_answer_already_gets_304),
        cmocka_unit_test(all_threads_give_one_certificate_the_same_answer),
        cmocka_unit_test(head_has_the_length_and_no_body),
        cmocka_unit_test(
            base64_may_stand_at_the_root_after_a_slash_too_many_and_unencoded),
        cmocka_unit_test(a_nonce_is_signed_live_and_not_kept),
        cmocka_unit_test(
            a_revocation_shows_in_the_next_answer_and_so_does_a_release),
        cmocka_unit_test(a_serial_never_issued_is_unknown_and_good_once_issued),
        cmocka_unit_test(
            garbage_is_malformed_and_a_foreign_issuer_unauthorized),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_request_may_come_octet_by_octet),
        cmocka_unit_test(a_chunked_body_is_put_together),
        cmocka_unit_test(a_peer_that_waits_for_100_is_told_to_go_on),
        cmocka_unit_test(http_1_0_and_close_end_the_connection),
        cmocka_unit_test(what_is_not_offered_is_refused_by_the_right_status),
        cmocka_unit_test(a_body_longer_than_its_length_says_is_another_request),
        cmocka_unit_test(connections_that_say_nothing_cost_nobody_anything),
        cmocka_unit_test(
            a_peer_that_leaves_while_its_answer_is_signed_is_forgotten),
        cmocka_unit_test(crls_and_certificates_are_served_as_files),
        cmocka_unit_test(
            a_file_that_is_replaced_while_it_is_sent_arrives_whole),
        cmocka_unit_test(health_and_metrics_tell_how_it_is),
        cmocka_unit_test(
            a_lost_token_is_try_later_for_new_answers_and_nothing_for_cached),
        cmocka_unit_test(nobody_waits_long_behind_a_lost_token),
        cmocka_unit_test(
            an_answer_past_half_its_life_is_served_and_signed_anew),
        cmocka_unit_test(without_a_certificate_to_sign_with_it_is_try_later),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
