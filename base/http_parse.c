/* Reading request heads and chunked bodies; see base/http_parse.h. */
#include "base/http_parse.h"

#include <string.h>

/* What an octet may be part of. */
enum {
    TOKEN = 1,  /* RFC 9110, 5.6.2: tchar */
    VALUE = 2,  /* 5.5: field-vchar, SP, HTAB; obs-text too */
    TARGET = 4, /* RFC 3986: pchar, '/', '?'; '%' is looked at on its own */
    HOST = 8,   /* RFC 3986, 3.2.2 and a port */
    HEX = 16,
};

#define ANY (TOKEN | VALUE | TARGET | HOST)

static const uint8_t octet_class[256] = {
    ['0' ... '9'] = ANY | HEX,
    ['A' ... 'F'] = ANY | HEX,
    ['G' ... 'Z'] = ANY,
    ['a' ... 'f'] = ANY | HEX,
    ['g' ... 'z'] = ANY,
    ['!'] = ANY,
    ['$'] = ANY,
    ['%'] = ANY,
    ['&'] = ANY,
    ['\''] = ANY,
    ['*'] = ANY,
    ['+'] = ANY,
    ['-'] = ANY,
    ['.'] = ANY,
    ['_'] = ANY,
    ['~'] = ANY,
    ['#'] = TOKEN | VALUE,
    ['^'] = TOKEN | VALUE,
    ['`'] = TOKEN | VALUE,
    ['|'] = TOKEN | VALUE,
    ['('] = VALUE | TARGET | HOST,
    [')'] = VALUE | TARGET | HOST,
    [','] = VALUE | TARGET | HOST,
    [':'] = VALUE | TARGET | HOST,
    [';'] = VALUE | TARGET | HOST,
    ['='] = VALUE | TARGET | HOST,
    ['/'] = VALUE | TARGET,
    ['?'] = VALUE | TARGET,
    ['@'] = VALUE | TARGET,
    ['['] = VALUE | HOST,
    [']'] = VALUE | HOST,
    ['\t'] = VALUE,
    [' '] = VALUE,
    ['"'] = VALUE,
    ['<'] = VALUE,
    ['>'] = VALUE,
    ['\\'] = VALUE,
    ['{'] = VALUE,
    ['}'] = VALUE,
    [0x80 ... 0xff] = VALUE,
};

/* What the fields of one request say about framing and routing. */
struct framing {
    unsigned host_count;
    bool has_length;
    bool has_coding;
    bool is_old; /* HTTP/1.0 */
};

static enum http_parse_result
bad(struct http_head *head, int status, const char *reason)
{
    head->status = status;
    head->reason = reason;
    return HTTP_PARSE_BAD;
}

static bool
is_all(struct http_span span, uint8_t class)
{
    size_t i;

    for (i = 0; i < span.len; i++)
        if ((octet_class[(uint8_t)span.data[i]] & class) == 0)
            return false;
    return span.len > 0;
}

/* Whether no control character but HTAB is in a value. Eight octets at a time:
 * most of a head is values of fields that nobody reads. */
static bool
is_value(struct http_span span)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = UINT64_C(0x8080808080808080);
    size_t i = 0;

    while (i + 8 <= span.len) {
        uint64_t x, below, del;

        memcpy(&x, span.data + i, 8);
        below = (x - ones * 0x20) & ~x & tops;
        del = ((x ^ ones * 0x7f) - ones) & ~(x ^ ones * 0x7f) & tops;
        if ((below | del) != 0)
            break; /* a control, perhaps HTAB: look closely */
        i += 8;
    }
    for (; i < span.len; i++)
        if ((octet_class[(uint8_t)span.data[i]] & VALUE) == 0)
            return false;
    return true;
}

/* The path and query of an origin-form target, every octet judged. */
static bool
read_target(struct http_span target, struct http_head *head)
{
    const char *question = NULL;
    size_t i;

    for (i = 0; i < target.len; i++) {
        char c = target.data[i];

        if ((octet_class[(uint8_t)c] & TARGET) == 0)
            return false;
        if (c == '%' &&
            (i + 2 >= target.len ||
             !is_all((struct http_span){target.data + i + 1, 2}, HEX)))
            return false;
        if (c == '?' && question == NULL)
            question = target.data + i;
    }
    head->path = target;
    head->query = (struct http_span){target.data + target.len, 0};
    if (question != NULL) {
        head->path.len = (size_t)(question - target.data);
        head->query.data = question + 1;
        head->query.len = target.len - head->path.len - 1;
    }
    return true;
}

/* RFC 9112, 3.2.2: a server must take the absolute form too. The authority is
 * judged and then means nothing, because we serve one host. */
static bool
read_absolute_target(struct http_span target, struct http_head *head)
{
    static const char *const schemes[] = {"http://", "https://"};
    struct http_span authority, rest;
    size_t i, len;

    for (i = 0; i < 2; i++) {
        len = strlen(schemes[i]);
        if (target.len > len &&
            http_span_is((struct http_span){target.data, len}, schemes[i]))
            break;
    }
    if (i == 2)
        return false;
    authority = (struct http_span){target.data + len, 0};
    while (len + authority.len < target.len &&
           authority.data[authority.len] != '/' &&
           authority.data[authority.len] != '?')
        authority.len++;
    rest.data = authority.data + authority.len;
    rest.len = target.len - len - authority.len;
    if (!is_all(authority, HOST) || !read_target(rest, head))
        return false;
    if (head->path.len == 0)
        head->path = (struct http_span){"/", 1};
    return true;
}

static bool
read_method(struct http_span name, enum http_method *method)
{
    /* Methods are case-sensitive: RFC 9110, 9.1. */
    static const char *const names[HTTP_METHOD_COUNT] = {
        [HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
        [HTTP_PUT] = "PUT", [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
    };
    size_t i;

    for (i = 0; i < HTTP_METHOD_COUNT; i++)
        if (strlen(names[i]) == name.len &&
            memcmp(names[i], name.data, name.len) == 0) {
            *method = (enum http_method)i;
            return true;
        }
    return false;
}

/* RFC 9112, 3: method SP target SP version, each SP exactly one. */
static enum http_parse_result
read_request_line(const char *line, size_t len, struct http_head *head,
                  struct framing *framing)
{
    const char *end = line + len;
    const char *first = memchr(line, ' ', len);
    struct http_span method, target, version;

    if (first == NULL || len < 9)
        return bad(head, 400, "the request line has no three parts");
    method = (struct http_span){line, (size_t)(first - line)};
    version = (struct http_span){end - 8, 8};
    if (!is_all(method, TOKEN) || end[-9] != ' ' || end - 9 <= first ||
        memcmp(version.data, "HTTP/", 5) != 0 || version.data[6] != '.' ||
        version.data[5] < '0' || version.data[5] > '9' ||
        version.data[7] < '0' || version.data[7] > '9')
        return bad(head, 400, "the request line is malformed");
    if (version.data[5] != '1')
        return bad(head, 505, "only HTTP/1.1 is spoken here");
    framing->is_old = version.data[7] == '0';
    if (!read_method(method, &head->method))
        return bad(head, 501, "the method is not known here");
    target = (struct http_span){first + 1, (size_t)(end - 9 - first - 1)};
    if (target.len > HTTP_TARGET_MAX)
        return bad(head, 414, "the target is too long");
    if (target.len == 0 ||
        !(target.data[0] == '/' ? read_target(target, head)
                                : read_absolute_target(target, head)))
        return bad(head, 400, "the target is malformed");
    return HTTP_PARSE_DONE;
}

/* RFC 9112, 6.3: digits and nothing else, once. */
static enum http_parse_result
read_length(struct http_span value, struct http_head *head,
            struct framing *framing)
{
    uint64_t n = 0;
    size_t i;

    if (framing->has_length || value.len == 0)
        return bad(head, 400, "Content-Length is not one number");
    for (i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return bad(head, 400, "Content-Length is not one number");
        if (n > UINT64_MAX / 100)
            return bad(head, 413, "Content-Length is beyond all measure");
        n = n * 10 + (uint64_t)(value.data[i] - '0');
    }
    framing->has_length = true;
    head->content_length = n;
    return HTTP_PARSE_DONE;
}

static void
read_connection(struct http_span value, struct http_head *head)
{
    const char *end = value.data + value.len;
    const char *p = value.data;

    while (p < end) {
        const char *comma = memchr(p, ',', (size_t)(end - p));

        if (comma == NULL)
            comma = end;
        if (http_span_is(http_span_trim(p, comma), "close"))
            head->is_persistent = false;
        p = comma + 1;
    }
}

/* The fields that say how to go on; all others wait for the handler. */
static enum http_parse_result
read_field(struct http_field field, struct http_head *head,
           struct framing *framing)
{
    switch (field.name.len) {
    case 4:
        if (!http_span_is(field.name, "host"))
            break;
        framing->host_count++;
        if (!is_all(field.value, HOST))
            return bad(head, 400, "Host is malformed");
        break;
    case 6:
        if (!http_span_is(field.name, "expect") || framing->is_old)
            break;
        if (!http_span_is(field.value, "100-continue"))
            return bad(head, 417, "the expectation is not known here");
        head->expects_continue = true;
        break;
    case 10:
        if (http_span_is(field.name, "connection"))
            read_connection(field.value, head);
        break;
    case 12:
        if (http_span_is(field.name, "content-type"))
            head->content_type = field.value;
        break;
    case 14:
        if (http_span_is(field.name, "content-length"))
            return read_length(field.value, head, framing);
        break;
    case 16:
        /* Octets that we would not decode are not what the sender means. */
        if (http_span_is(field.name, "content-encoding") &&
            !http_span_is(field.value, "identity"))
            return bad(head, 415, "send the content without encoding");
        break;
    case 17:
        if (!http_span_is(field.name, "transfer-encoding"))
            break;
        if (framing->has_coding || framing->is_old)
            return bad(head, 400, "Transfer-Encoding is out of place");
        if (!http_span_is(field.value, "chunked"))
            return bad(head, 501, "the transfer coding is not known here");
        framing->has_coding = true;
        break;
    default:
        break;
    }
    return HTTP_PARSE_DONE;
}

/* RFC 9112, 5: name, colon at once, value. `line` ends before CRLF. */
static enum http_parse_result
read_field_line(const char *line, size_t len, struct http_head *head,
                struct framing *framing)
{
    const char *colon = memchr(line, ':', len);
    struct http_field field;

    if (*line == ' ' || *line == '\t')
        return bad(head, 400, "a header is folded"); /* 5.2 */
    if (colon == NULL)
        return bad(head, 400, "a header has no colon");
    field.name = (struct http_span){line, (size_t)(colon - line)};
    field.value = http_span_trim(colon + 1, line + len);
    if (!is_all(field.name, TOKEN))
        return bad(head, 400, "a header's name is malformed");
    if (!is_value(field.value))
        return bad(head, 400, "a header holds a control character");
    if (head->field_count == HTTP_HEADERS_MAX)
        return bad(head, 431, "too many headers");
    head->field[head->field_count++] = field;
    return read_field(field, head, framing);
}

/* What only the whole head shows. */
static enum http_parse_result
judge(struct http_head *head, const struct framing *framing)
{
    /* RFC 9112, 3.2: exactly one Host. */
    if (framing->host_count > 1 ||
        (framing->host_count == 0 && !framing->is_old))
        return bad(head, 400, "there is not exactly one Host");
    /* 6.1: both framings together are how requests are smuggled. */
    if (framing->has_length && framing->has_coding)
        return bad(head, 400, "both Content-Length and Transfer-Encoding");
    head->is_chunked = framing->has_coding;
    if (framing->is_old)
        head->is_persistent = false;
    return HTTP_PARSE_DONE;
}

/* A head that has not ended yet: what is wrong with it can be known early. */
static enum http_parse_result
judge_part(const char *line, const char *end, bool is_request_line,
           bool has_room, struct http_head *head)
{
    if (is_request_line) {
        if (line < end && *line != '\r' &&
            (octet_class[(uint8_t)*line] & TOKEN) == 0)
            return bad(head, 400, "this is not HTTP");
        if (end - line > HTTP_TARGET_MAX + 32)
            return bad(head, 414, "the target is too long");
    }
    if (!has_room)
        return bad(head, 431, "the head is too long");
    return HTTP_PARSE_MORE;
}

enum http_parse_result
http_parse_head(const uint8_t *data, size_t len, struct http_head *head)
{
    const char *line = (const char *)data;
    const char *end;
    struct framing framing = {0};
    bool is_request_line = true;
    enum http_parse_result result = HTTP_PARSE_DONE;

    if (len == 0)
        return HTTP_PARSE_MORE;
    end = line + (len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX);
    head->field_count = 0;
    head->content_type = (struct http_span){line, 0};
    head->content_length = 0;
    head->expects_continue = false;
    head->is_persistent = true;
    /* RFC 9112, 2.2: one empty line before a request is passed over. */
    if (len >= 2 && line[0] == '\r' && line[1] == '\n')
        line += 2;
    while (result == HTTP_PARSE_DONE) {
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        size_t line_len;

        if (feed == NULL)
            return judge_part(line, end, is_request_line, len < HTTP_HEAD_MAX,
                              head);
        if (feed == line || feed[-1] != '\r')
            return bad(head, 400, "a line does not end in CRLF");
        line_len = (size_t)(feed - 1 - line);
        if (is_request_line) {
            result = read_request_line(line, line_len, head, &framing);
        } else if (line_len == 0) {
            head->len = (size_t)(feed + 1 - (const char *)data);
            return judge(head, &framing);
        } else {
            result = read_field_line(line, line_len, head, &framing);
        }
        is_request_line = false;
        line = feed + 1;
    }
    return result;
}
