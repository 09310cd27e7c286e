/* What handlers read and how they reply; see base/http.h. */
#include "base/http.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/http_parse.h"
#include "base/json.h"
#include "base/log.h"

enum {
    BODY_MAX = 256 * 1024 * 1024, /* of a response: our own making */
    HEADERS_MAX_LEN = 16384,
};

const char *
http_header(const struct http_request *req, const char *name)
{
    size_t i;

    for (i = 0; i < req->header_count; i++)
        if (strcmp(req->header[i].name, name) == 0)
            return req->header[i].value;
    return NULL;
}

const char *
http_param(const struct http_request *req, const char *name)
{
    size_t i;

    for (i = 0; i < req->param_count; i++)
        if (strcmp(req->param[i].name, name) == 0)
            return req->param[i].value;
    assert(false && "a parameter that the route does not have");
    return "";
}

bool
http_query(const struct http_request *req, const char *name, char *out,
           size_t max)
{
    const char *p = req->query;
    size_t name_len = strlen(name);

    while (*p != '\0') {
        size_t len = strcspn(p, "&");

        if (len > name_len && p[name_len] == '=' &&
            memcmp(p, name, name_len) == 0) {
            struct http_span value = {p + name_len + 1, len - name_len - 1};

            return http_span_decode(value, out, max);
        }
        p += len;
        p += *p == '&';
    }
    return false;
}

bool
http_media_type_is(const struct http_request *req, const char *type)
{
    const char *value = http_header(req, "content-type");
    struct http_span span = {value, value == NULL ? 0 : strlen(value)};

    return value != NULL && http_span_media_type_is(span, type);
}

bool
http_json(const struct http_request *req, json_t **out, struct error *err)
{
    if (!http_media_type_is(req, "application/json"))
        return error_set(err, ERROR_INPUT, "send application/json");
    if (req->body_len == 0)
        return error_set(err, ERROR_INPUT, "the body is empty");
    return json_parse_object(req->body, req->body_len, out, err);
}

static void
begin(struct http_response *res, int status, const char *type)
{
    res->status = status;
    res->content_type = type;
    buf_clear(&res->headers);
    buf_clear(&res->body);
    res->headers.limit = HEADERS_MAX_LEN;
    res->body.limit = BODY_MAX;
}

void
http_reply_bytes(struct http_response *res, int status, const char *type,
                 const void *data, size_t len)
{
    begin(res, status, type);
    (void)buf_add(&res->body, data, len);
}

void
http_reply_text(struct http_response *res, int status, const char *text)
{
    http_reply_bytes(res, status, "text/plain; charset=utf-8", text,
                     strlen(text));
}

void
http_reply_take(struct http_response *res, int status, const char *type,
                struct buf *body)
{
    begin(res, status, type);
    res->body.data = body->data;
    res->body.len = body->len;
    res->body.cap = body->cap;
    body->data = NULL;
    body->len = body->cap = 0;
}

static void
reply_json(struct http_response *res, int status, const char *type,
           json_t *take_object)
{
    char *text = json_dumps(take_object, JSON_COMPACT | JSON_SORT_KEYS);

    json_decref(take_object);
    assert(text != NULL); /* we made the object: it is valid */
    http_reply_bytes(res, status, type, text, strlen(text));
    (void)buf_add_byte(&res->body, '\n');
    free(text);
}

void
http_reply_json(struct http_response *res, int status, json_t *take_object)
{
    reply_json(res, status, "application/json", take_object);
}

int
http_status_of(enum error_code code)
{
    switch (code) {
    case ERROR_INPUT:
        return 400;
    case ERROR_DENIED:
        return 403;
    case ERROR_NOT_FOUND:
        return 404;
    case ERROR_CONFLICT:
        return 409;
    case ERROR_BUSY:
        return 503;
    case ERROR_NONE:
    case ERROR_INTERNAL:
        break;
    }
    return 500;
}

const char *
http_status_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    size_t i;

    for (i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Unnamed";
}

void
http_reply_problem(struct http_response *res, const char *request_id,
                   int status, const char *detail)
{
    json_t *problem = json_object();

    json_set_text(problem, "type", "about:blank");
    json_set_text(problem, "title", http_status_phrase(status));
    json_set_int(problem, "status", status);
    if (detail != NULL)
        json_set_text(problem, "detail", detail);
    json_set_text(problem, "request_id", request_id);
    reply_json(res, status, "application/problem+json", problem);
    if (status == 503)
        http_response_header(res, "Retry-After", "1");
}

void
http_reply_error(struct http_response *res, const struct http_request *req,
                 const char *event, const struct error *err)
{
    int status = http_status_of(err->code);

    log_failure(event, err);
    /* The machine's troubles are not the requester's business. */
    http_reply_problem(res, req->id, status, status < 500 ? err->what : NULL);
}

void
http_response_header(struct http_response *res, const char *name,
                     const char *value)
{
    /* A line end in a value would begin a header of somebody else's. */
    assert(strpbrk(value, "\r\n") == NULL);
    if (res->headers.limit == 0)
        res->headers.limit = HEADERS_MAX_LEN;
    (void)buf_addf(&res->headers, "%s: %s\r\n", name, value);
}

void
http_response_clear(struct http_response *res)
{
    buf_clear(&res->headers);
    buf_clear(&res->body);
    res->status = 0;
    res->content_type = NULL;
}
