/*
 * HTTP/1.1 requests as octets (RFC 9112): pure functions over a range, without
 * allocation; results point into the range. What two readers could frame
 * differently is refused: both lengths, two lengths, a folded line, a bare LF,
 * a space before the colon, an unknown coding.
 */
#ifndef BASE_HTTP_PARSE_H
#define BASE_HTTP_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include "base/http.h"

enum {
    HTTP_HEAD_MAX = 16384,  /* octets of request line and fields */
    HTTP_TARGET_MAX = 8192, /* octets; RFC 9112, 3 asks for 8000 */
    HTTP_CHUNK_LINE_MAX = 256,
    HTTP_CHUNK_WASTE_MAX = 8192, /* extensions and trailers of one body */
};

/* Octets inside the parsed range: borrowed, no NUL follows. */
struct http_span {
    const char *data;
    size_t len;
};

struct http_field {
    struct http_span name;  /* as sent: letters of either case */
    struct http_span value; /* without white space around it */
};

enum http_parse_result {
    HTTP_PARSE_MORE, /* well so far: call again with more octets */
    HTTP_PARSE_DONE,
    HTTP_PARSE_BAD, /* answer with `status` and close */
};

struct http_head {
    int status; /* HTTP_PARSE_BAD: 400, 413, 414, 415, 417, 431, 501 or 505 */
    const char *reason; /* HTTP_PARSE_BAD: what is wrong, static */
    enum http_method method;
    struct http_span path;  /* as sent, percent-encoded; begins with '/' */
    struct http_span query; /* without '?'; empty if none */
    struct http_field field[HTTP_HEADERS_MAX];
    size_t field_count;
    struct http_span content_type; /* empty if none */
    uint64_t content_length;       /* 0 if none; not yet judged as too long */
    size_t len;                    /* octets of the head, blank line included */
    bool is_chunked;               /* content_length is then 0 */
    bool is_persistent;            /* HTTP/1.1 without "close" */
    bool expects_continue;
};

/*
 * Reads one request head from the start of `data`. On HTTP_PARSE_DONE every
 * member is set and the body begins at data + head->len. On HTTP_PARSE_BAD only
 * status and reason are. On HTTP_PARSE_MORE nothing is; the next call begins
 * anew, which HTTP_HEAD_MAX bounds.
 */
enum http_parse_result http_parse_head(const uint8_t *data, size_t len,
                                       struct http_head *head) MUST_CHECK;

/* Where in a chunked body the reader stands; zero it before the body. */
struct http_chunked {
    uint64_t left; /* octets of the present chunk still to come */
    size_t waste;  /* octets of extensions and trailers so far */
    int state;
};

/*
 * Takes the next step in a chunked body: `*used` octets of `data` are done
 * with, and `piece` (possibly empty) is content among them. DONE: the body is
 * complete and the next request begins at data + *used. MORE: go on with what
 * is left after *used; when *used is 0, more octets are needed first. BAD: 400.
 */
enum http_parse_result http_parse_chunk(struct http_chunked *chunked,
                                        const uint8_t *data, size_t len,
                                        struct http_span *piece,
                                        size_t *used) MUST_CHECK;

/* Whether `span` is `text` (lower case), in letters of either case. */
bool http_span_is(struct http_span span, const char *text);

/* From `data` up to `end`, without spaces and tabs at either side. */
struct http_span http_span_trim(const char *data, const char *end);

/* The media type without parameters. */
bool http_span_media_type_is(struct http_span content_type, const char *type);

/* Percent-decodes into `out` with a NUL. False when a triplet is malformed, a
 * control character or what is not UTF-8 comes out, or it does not fit. */
bool http_span_decode(struct http_span span, char *out, size_t max) MUST_CHECK;

#endif
