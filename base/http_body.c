/* Content by either framing; see base/http_body.h. */
#include "base/http_body.h"

#include <event2/buffer.h>

void
http_body_begin(struct http_body *body, const struct http_head *head)
{
    *body = (struct http_body){.is_chunked = head->is_chunked,
                               .left = head->content_length};
}

static void
take_plain(struct http_body *body, struct evbuffer *input, struct buf *out)
{
    while (body->left > 0 && evbuffer_get_length(input) > 0) {
        size_t len = evbuffer_get_contiguous_space(input);

        if (len > body->left)
            len = (size_t)body->left;
        (void)buf_add(out, evbuffer_pullup(input, (ev_ssize_t)len), len);
        (void)evbuffer_drain(input, len);
        body->left -= len;
    }
}

/* MORE: all that has come is taken. */
static enum http_parse_result
take_chunked(struct http_body *body, struct evbuffer *input, struct buf *out)
{
    enum http_parse_result result = HTTP_PARSE_MORE;
    struct http_span piece;
    size_t used = 1;

    while (result == HTTP_PARSE_MORE && used > 0) {
        size_t len = evbuffer_get_length(input);
        size_t contiguous = evbuffer_get_contiguous_space(input);

        /* Enough for any line in one piece, content without copying. */
        if (contiguous < 2 * HTTP_CHUNK_LINE_MAX)
            contiguous = 2 * HTTP_CHUNK_LINE_MAX;
        if (len > contiguous)
            len = contiguous;
        result = http_parse_chunk(&body->chunked,
                                  evbuffer_pullup(input, (ev_ssize_t)len), len,
                                  &piece, &used);
        (void)buf_add(out, piece.data, piece.len);
        (void)evbuffer_drain(input, used);
    }
    return result;
}

enum http_parse_result
http_body_take(struct http_body *body, struct evbuffer *input, struct buf *out)
{
    if (body->is_chunked)
        return take_chunked(body, input, out);
    take_plain(body, input, out);
    return body->left == 0 ? HTTP_PARSE_DONE : HTTP_PARSE_MORE;
}
