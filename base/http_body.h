/* The content of a request on its way from the input to a buffer. */
#ifndef BASE_HTTP_BODY_H
#define BASE_HTTP_BODY_H

#include "base/http_parse.h"

struct evbuffer;

struct http_body {
    bool is_chunked;
    uint64_t left; /* not chunked: octets still to come */
    struct http_chunked chunked;
};

void http_body_begin(struct http_body *body, const struct http_head *head);

/* Takes what has come of the content. DONE: it is whole, what follows it stays
 * in `input`. MORE: `input` holds nothing that could be taken. `out` tells when
 * its limit was exceeded (buf_is_full()). */
enum http_parse_result http_body_take(struct http_body *body,
                                      struct evbuffer *input,
                                      struct buf *out) MUST_CHECK;

#endif
