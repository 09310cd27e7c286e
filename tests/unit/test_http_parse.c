/* Reading requests: what is taken, and every way in which it is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/http_parse.h"

#define HOST "Host: ca.example\r\n"

/* A heap copy without anything behind it, so that a sanitizer sees a read past
 * the end. */
static enum http_parse_result
parse(const char *text, size_t len, struct http_head *head)
{
    uint8_t *copy = malloc(len + 1);
    enum http_parse_result result;

    assert_non_null(copy);
    copy = realloc(copy, len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    result = http_parse_head(copy, len, head);
    free(copy);
    return result;
}

static void
assert_refused(const char *text, int status)
{
    struct http_head head = {0};

    if (parse(text, strlen(text), &head) != HTTP_PARSE_BAD ||
        head.status != status)
        fail_msg("not refused with %d but %d: %s", status, head.status, text);
    assert_non_null(head.reason);
}

static void
assert_span(struct http_span span, const char *text)
{
    assert_int_equal(span.len, strlen(text));
    assert_memory_equal(span.data, text, span.len);
}

static void
a_post_is_read_to_its_last_octet(void **state)
{
    static const char text[] = "POST /v1/orders?dry=1 HTTP/1.1\r\n" HOST
                               "content-TYPE:  application/json \t\r\n"
                               "Content-Length: 5\r\n\r\nhello";
    struct http_head head;

    (void)state;
    assert_int_equal(
        http_parse_head((const uint8_t *)text, sizeof text - 1, &head),
        HTTP_PARSE_DONE);
    assert_int_equal(head.method, HTTP_POST);
    assert_span(head.path, "/v1/orders");
    assert_span(head.query, "dry=1");
    assert_int_equal(head.field_count, 3);
    assert_span(head.field[0].name, "Host");
    assert_span(head.content_type, "application/json");
    assert_int_equal(head.content_length, 5);
    assert_false(head.is_chunked);
    assert_true(head.is_persistent);
    assert_memory_equal(text + head.len, "hello", 5);
}

static void
every_prefix_of_a_request_wants_more(void **state)
{
    static const char text[] = "GET /x HTTP/1.1\r\n" HOST "A: b\r\n\r\n";
    struct http_head head;
    size_t len;

    (void)state;
    for (len = 0; len < sizeof text - 1; len++)
        assert_int_equal(parse(text, len, &head), HTTP_PARSE_MORE);
    assert_int_equal(parse(text, len, &head), HTTP_PARSE_DONE);
    assert_int_equal(head.len, len);
}

static void
what_follows_a_request_is_left_for_the_next(void **state)
{
    static const char one[] = "GET /x HTTP/1.1\r\n" HOST "\r\n";
    static const char two[] = "GET /x HTTP/1.1\r\n" HOST "\r\n\0garbage";
    struct http_head head;

    (void)state;
    assert_int_equal(parse(two, sizeof two - 1, &head), HTTP_PARSE_DONE);
    assert_int_equal(head.len, sizeof one - 1);
}

static void
one_empty_line_before_a_request_is_passed_over(void **state)
{
    static const char one[] = "\r\nGET / HTTP/1.1\r\n" HOST "\r\n";
    struct http_head head;

    (void)state;
    assert_int_equal(parse(one, sizeof one - 1, &head), HTTP_PARSE_DONE);
    assert_int_equal(head.len, sizeof one - 1);
    assert_refused("\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", 400);
}

static void
an_absolute_target_gives_its_path(void **state)
{
    static const struct {
        const char *target, *path, *query;
    } cases[] = {
        {"http://ca.example/v1/x?y", "/v1/x", "y"},
        {"HTTPS://ca.example:8443", "/", ""},
        {"http://[::1]:80?q=/", "/", "q=/"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_head head;
        char text[256];

        (void)snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n" HOST "\r\n",
                       cases[i].target);
        assert_int_equal(
            http_parse_head((const uint8_t *)text, strlen(text), &head),
            HTTP_PARSE_DONE);
        assert_span(head.path, cases[i].path);
        assert_span(head.query, cases[i].query);
    }
    assert_refused("GET http:///x HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET ftp://a/x HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET http://a@b/x HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET a:80 HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET * HTTP/1.1\r\n" HOST "\r\n", 400);
}

static void
a_malformed_request_line_is_refused(void **state)
{
    (void)state;
    assert_refused("GET /\r\n\r\n", 400); /* HTTP/0.9 */
    assert_refused("GET  / HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET /  HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET / x HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused(" GET / HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET / http/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET / HTTP/1.1 \r\n" HOST "\r\n", 400);
    assert_refused("GET / HTTP/11\r\n" HOST "\r\n", 400);
    assert_refused("G(T / HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("\x16\x03\x01", 400); /* a TLS client hello, at once */
    assert_refused("GET / HTTP/2.0\r\n" HOST "\r\n", 505);
    assert_refused("GET / HTTP/0.9\r\n" HOST "\r\n", 505);
    assert_refused("get / HTTP/1.1\r\n" HOST "\r\n", 501);
    assert_refused("TRACE / HTTP/1.1\r\n" HOST "\r\n", 501);
    assert_refused("CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 501);
}

static void
octets_that_no_target_may_hold_are_refused(void **state)
{
    static const char bad[] = "\x01\x7f\x80\xff\"<>\\^`{|}#";
    size_t i;

    (void)state;
    for (i = 0; bad[i] != '\0'; i++) {
        char text[64];

        (void)snprintf(text, sizeof text, "GET /a%cb HTTP/1.1\r\n" HOST "\r\n",
                       bad[i]);
        assert_refused(text, 400);
    }
    assert_refused("GET /% HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET /%4 HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET /%4g HTTP/1.1\r\n" HOST "\r\n", 400);
    assert_refused("GET /?%zz HTTP/1.1\r\n" HOST "\r\n", 400);
}

static void
a_line_without_crlf_is_refused(void **state)
{
    (void)state;
    assert_refused("GET / HTTP/1.1\n" HOST "\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\nHost: a\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "A: b\rC: d\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\r\n" HOST "\r\n", 400);
}

static void
malformed_headers_are_refused(void **state)
{
    struct http_head head;
    static const char nul[] = "GET / HTTP/1.1\r\n" HOST "A: b\0c\r\n\r\n";

    (void)state;
    assert_refused("GET / HTTP/1.1\r\n" HOST "A : b\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "A\t: b\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST ": b\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "A b\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "A: b\r\n c\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "A: b\x01\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "A: 12345678\x7f\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "A: \t12345678\x1f\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST "\xc3\xa4: b\r\n\r\n", 400);
    assert_int_equal(parse(nul, sizeof nul - 1, &head), HTTP_PARSE_BAD);
    assert_int_equal(head.status, 400);
}

static void
tabs_and_octets_above_127_may_stand_in_values(void **state)
{
    static const char text[] =
        "GET / HTTP/1.1\r\n" HOST "A: b\tc d e f g h i j\xc3\xa4\r\n\r\n";
    struct http_head head;

    (void)state;
    assert_int_equal(
        http_parse_head((const uint8_t *)text, sizeof text - 1, &head),
        HTTP_PARSE_DONE);
    assert_span(head.field[1].value, "b\tc d e f g h i j\xc3\xa4");
}

static void
there_must_be_exactly_one_host(void **state)
{
    struct http_head head;
    static const char old[] = "GET / HTTP/1.0\r\n\r\n";

    (void)state;
    assert_refused("GET / HTTP/1.1\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400);
    assert_refused("GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400);
    assert_int_equal(parse(old, sizeof old - 1, &head), HTTP_PARSE_DONE);
}

static void
framing_that_two_readers_could_read_differently_is_refused(void **state)
{
#define POST "POST / HTTP/1.1\r\n" HOST
    (void)state;
    assert_refused(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
                        "\r\n",
                   400);
    assert_refused(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"
                        "\r\n",
                   400);
    assert_refused(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400);
    assert_refused(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400);
    assert_refused(POST "Content-Length: 5, 5\r\n\r\n", 400);
    assert_refused(POST "Content-Length: +5\r\n\r\n", 400);
    assert_refused(POST "Content-Length: -5\r\n\r\n", 400);
    assert_refused(POST "Content-Length: 0x5\r\n\r\n", 400);
    assert_refused(POST "Content-Length: 5 5\r\n\r\n", 400);
    assert_refused(POST "Content-Length:\r\n\r\n", 400);
    assert_refused(POST "Content-Length: 18446744073709551617\r\n\r\n", 413);
    assert_refused(POST "Transfer-Encoding: xchunked\r\n\r\n", 501);
    assert_refused(POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501);
    assert_refused(POST "Transfer-Encoding: identity\r\n\r\n", 501);
    assert_refused(POST "Transfer-Encoding: chunked\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n",
                   400);
    assert_refused("POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n"
                   "\r\n",
                   400);
#undef POST
}

static void
encoded_content_and_unknown_expectations_are_refused(void **state)
{
    (void)state;
    assert_refused("POST / HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\n\r\n",
                   415);
    assert_refused("POST / HTTP/1.1\r\n" HOST "Expect: a-miracle\r\n\r\n", 417);
}

static void
connections_end_when_asked_or_when_old(void **state)
{
    static const struct {
        const char *text;
        bool is_persistent;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: disclose\r\n\r\n", true},
        {"GET / HTTP/1.1\r\n" HOST "Connection: Close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: te , close,x\r\n\r\n", false},
        {"GET / HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n", false},
    };
    struct http_head head;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(cases[i].text, strlen(cases[i].text), &head),
                         HTTP_PARSE_DONE);
        assert_int_equal(head.is_persistent, cases[i].is_persistent);
    }
}

static void
heads_beyond_their_bounds_are_refused_before_they_end(void **state)
{
    char *text = calloc(1, HTTP_HEAD_MAX + 65536);
    struct http_head head;
    size_t i;

    (void)state;
    assert_non_null(text);
    (void)strcpy(text, "GET /");
    memset(text + 5, 'a', HTTP_TARGET_MAX + 64);
    assert_refused(text, 414);
    (void)strcpy(text, "GET / HTTP/1.1\r\n" HOST "A: ");
    memset(text + strlen(text), 'b', HTTP_HEAD_MAX);
    assert_refused(text, 431);
    (void)strcpy(text, "GET / HTTP/1.1\r\n" HOST);
    for (i = 1; i < HTTP_HEADERS_MAX; i++)
        (void)strcat(text, "A: b\r\n");
    (void)strcat(text, "\r\n");
    assert_int_equal(parse(text, strlen(text), &head), HTTP_PARSE_DONE);
    assert_int_equal(head.field_count, HTTP_HEADERS_MAX);
    text[strlen(text) - 2] = '\0';
    (void)strcat(text, "A: b\r\n\r\n");
    assert_refused(text, 431);
    free(text);
}

/* Feeds a chunked body in steps of `step` octets. */
static enum http_parse_result
unchunk(const char *text, size_t step, char *out, size_t *rest)
{
    struct http_chunked chunked = {0};
    enum http_parse_result result = HTTP_PARSE_MORE;
    size_t len = strlen(text), from = 0, to = 0, n = 0;

    while (result == HTTP_PARSE_MORE && (to < len || from < to)) {
        struct http_span piece;
        size_t used;

        result = http_parse_chunk(&chunked, (const uint8_t *)text + from,
                                  to - from, &piece, &used);
        memcpy(out + n, piece.data, piece.len);
        n += piece.len;
        from += used;
        if (used == 0 && to == len)
            break;
        if (used == 0)
            to = to + step < len ? to + step : len;
    }
    out[n] = '\0';
    *rest = len - from;
    return result;
}

static void
chunks_give_their_content_in_steps_of_any_size(void **state)
{
    static const char text[] = "5\r\nhello\r\n00B;ext=\"1\"\r\n, world -- \r\n"
                               "0\r\nTrailer: x\r\n\r\nGET";
    char out[64];
    size_t step, rest;

    (void)state;
    for (step = 1; step <= sizeof text; step++) {
        assert_int_equal(unchunk(text, step, out, &rest), HTTP_PARSE_DONE);
        assert_string_equal(out, "hello, world -- ");
        assert_true(rest <= 3);
    }
}

static void
malformed_chunks_are_refused(void **state)
{
    static const char *const texts[] = {
        "zz\r\n",          "\r\nabc",           "-1\r\n",
        "+1\r\na\r\n",     "0x1\r\na\r\n",      " 1\r\na\r\n",
        "1 \r\na\r\n",     "1\na\r\n",          "1\r\nab\r\n",
        "1\r\na\n",        "1\r\na\rb",         "ffffffffffffffff1\r\na",
        "1;\x01\r\na\r\n", "0\r\nno colon\r\n", "0\r\nA: b\n\r\n",
    };
    char out[64];
    size_t i, rest;

    (void)state;
    for (i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (unchunk(texts[i], 64, out, &rest) != HTTP_PARSE_BAD)
            fail_msg("taken: %s", texts[i]);
}

static void
chunks_that_are_mostly_waste_are_refused(void **state)
{
    struct http_chunked chunked = {0};
    enum http_parse_result result = HTTP_PARSE_MORE;
    char line[HTTP_CHUNK_LINE_MAX + 1];
    size_t i, used;
    struct http_span piece;

    (void)state;
    (void)memset(line, 'e', sizeof line);
    (void)memcpy(line, "1;", 2);
    assert_int_equal(http_parse_chunk(&chunked, (const uint8_t *)line,
                                      sizeof line, &piece, &used),
                     HTTP_PARSE_BAD); /* a line that does not end */
    memcpy(line + 200, "\r\na\r\n", 5);
    for (i = 0; i < 1000 && result == HTTP_PARSE_MORE; i++) {
        size_t from = 0;

        while (from < 205 && result == HTTP_PARSE_MORE) {
            result = http_parse_chunk(&chunked, (const uint8_t *)line + from,
                                      205 - from, &piece, &used);
            from += used;
        }
    }
    assert_int_equal(result, HTTP_PARSE_BAD);
    assert_true(i < 2 * HTTP_CHUNK_WASTE_MAX / 200);
}

static void
percent_decoding_gives_text_that_fits_or_nothing(void **state)
{
    char out[8];

#define DECODE(text)                                                           \
    http_span_decode((struct http_span){text, strlen(text)}, out, sizeof out)
    (void)state;
    assert_true(DECODE("a%2Fb%c3%A4"));
    assert_string_equal(out, "a/b\xc3\xa4");
    assert_true(DECODE("1234567"));
    assert_false(DECODE("12345678"));
    assert_false(DECODE("%00"));
    assert_false(DECODE("%0a"));
    assert_false(DECODE("%7f"));
    assert_false(DECODE("%"));
    assert_false(DECODE("%4"));
    assert_false(DECODE("%4x"));
    /* RFC 3986, 2.5: octets of text are UTF-8. The database takes no other. */
    assert_false(DECODE("%ff"));
    assert_false(DECODE("a%c3%28"));
    assert_false(DECODE("%c0%af"));
    assert_false(DECODE("%ed%a0%80"));
#undef DECODE
}

static void
media_types_are_compared_without_case_and_parameters(void **state)
{
#define IS(value)                                                              \
    http_span_media_type_is((struct http_span){value, strlen(value)},          \
                            "application/json")
    (void)state;
    assert_true(IS("application/json"));
    assert_true(IS("Application/JSON ; charset=utf-8"));
    assert_false(IS("application/jsonx"));
    assert_false(IS("application/jso"));
    assert_false(IS(""));
#undef IS
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_post_is_read_to_its_last_octet),
        cmocka_unit_test(every_prefix_of_a_request_wants_more),
        cmocka_unit_test(what_follows_a_request_is_left_for_the_next),
        cmocka_unit_test(one_empty_line_before_a_request_is_passed_over),
        cmocka_unit_test(an_absolute_target_gives_its_path),
        cmocka_unit_test(a_malformed_request_line_is_refused),
        cmocka_unit_test(octets_that_no_target_may_hold_are_refused),
        cmocka_unit_test(a_line_without_crlf_is_refused),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(tabs_and_octets_above_127_may_stand_in_values),
        cmocka_unit_test(there_must_be_exactly_one_host),
        cmocka_unit_test(
            framing_that_two_readers_could_read_differently_is_refused),
        cmocka_unit_test(encoded_content_and_unknown_expectations_are_refused),
        cmocka_unit_test(connections_end_when_asked_or_when_old),
        cmocka_unit_test(heads_beyond_their_bounds_are_refused_before_they_end),
        cmocka_unit_test(chunks_give_their_content_in_steps_of_any_size),
        cmocka_unit_test(malformed_chunks_are_refused),
        cmocka_unit_test(chunks_that_are_mostly_waste_are_refused),
        cmocka_unit_test(percent_decoding_gives_text_that_fits_or_nothing),
        cmocka_unit_test(media_types_are_compared_without_case_and_parameters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
