/*
 * Request heads and chunked bodies: what is taken lies inside the input, and
 * the same octets in pieces give the same as at once.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_span(struct http_span span, const uint8_t *data, size_t len)
{
    const char *from = (const char *)data;

    assert(span.len == 0 ||
           (span.data >= from && span.data + span.len <= from + len));
}

static void
check_head(const struct http_head *head, const uint8_t *data, size_t len)
{
    char path[HTTP_TARGET_MAX + 1];
    size_t i;

    assert(head->len <= len && head->len <= HTTP_HEAD_MAX);
    assert(head->field_count <= HTTP_HEADERS_MAX);
    assert(!head->is_chunked || head->content_length == 0);
    assert(head->path.len > 0 && head->path.data[0] == '/');
    check_span(head->query, data, head->len);
    for (i = 0; i < head->field_count; i++) {
        check_span(head->field[i].name, data, head->len);
        check_span(head->field[i].value, data, head->len);
        assert(memchr(head->field[i].value.data, '\n',
                      head->field[i].value.len) == NULL);
    }
    if (http_span_decode(head->path, path, sizeof path))
        assert(strlen(path) <= head->path.len);
}

/* Octets of content; BAD and MORE are told by `result`. */
static size_t
unchunk(const uint8_t *data, size_t len, size_t step, uint8_t *out,
        enum http_parse_result *result)
{
    struct http_chunked chunked = {0};
    size_t from = 0, to = 0, n = 0;

    *result = HTTP_PARSE_MORE;
    while (*result == HTTP_PARSE_MORE) {
        struct http_span piece;
        size_t used;

        *result =
            http_parse_chunk(&chunked, data + from, to - from, &piece, &used);
        assert(used <= to - from && piece.len <= used);
        memcpy(out + n, piece.data, piece.len);
        n += piece.len;
        from += used;
        if (used == 0 && to == len)
            break;
        if (used == 0)
            to = step < len - to ? to + step : len;
    }
    return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct http_head head, part;
    enum http_parse_result whole, stepped;
    uint8_t *one, *two;
    size_t from = 0, i, one_len, two_len;

    if (len == 0)
        return 0;
    if (http_parse_head(data, len, &head) == HTTP_PARSE_DONE) {
        check_head(&head, data, len);
        /* No prefix of a whole head is whole or wrong. */
        for (i = 1; i < head.len; i += 1 + head.len / 64)
            assert(http_parse_head(data, i, &part) == HTTP_PARSE_MORE);
        from = head.len;
    }
    one = malloc(len);
    two = malloc(len);
    assert(one != NULL && two != NULL);
    one_len = unchunk(data + from, len - from, len, one, &whole);
    two_len = unchunk(data + from, len - from, 1 + len / 7, two, &stepped);
    /* A line too long may be known later when it comes in pieces. */
    if (whole == HTTP_PARSE_DONE)
        assert(stepped == HTTP_PARSE_DONE && one_len == two_len &&
               memcmp(one, two, one_len) == 0);
    free(one);
    free(two);
    return 0;
}
