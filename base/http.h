/*
 * HTTP/1.1 as values (RFC 9110, 9112): what a handler gets and what it gives.
 * A handler is a function from request to response; sockets, TLS and deadlines
 * are elsewhere (http_parse.h, http_server.h).
 */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_METHOD_COUNT,
};

enum { HTTP_HEADERS_MAX = 64, HTTP_PARAMS_MAX = 4, HTTP_REQUEST_ID_LEN = 32 };

struct http_header {
    const char *name; /* lower case */
    const char *value;
};

/* Who is at the other end of a TLS connection, verified or nobody. */
struct http_peer {
    char address[64];
    bool is_authenticated;      /* a client certificate, chain verified */
    char common_name[129];      /* its CN; empty otherwise */
    const uint8_t *certificate; /* its DER; NULL otherwise */
    size_t certificate_len;
};

struct http_param {
    const char *name;
    const char *value;
};

struct http_request {
    enum http_method method;
    const char *path;  /* percent-decoded, NUL-free, begins with '/' */
    const char *query; /* raw, without '?'; "" if none */
    struct http_header header[HTTP_HEADERS_MAX];
    size_t header_count;
    const uint8_t *body; /* NULL when empty */
    size_t body_len;
    struct http_peer peer;
    char id[HTTP_REQUEST_ID_LEN + 1]; /* ours, hex, one for each request */
    struct http_param param[HTTP_PARAMS_MAX]; /* {name} parts of the route */
    size_t param_count;
};

struct http_response {
    int status;               /* 0 until a reply function ran */
    const char *content_type; /* static; NULL: none */
    struct buf headers;       /* further header lines, each ending in CRLF */
    struct buf body;
};

typedef void http_handler(void *worker, const struct http_request *req,
                          struct http_response *res);

/* A route: path parts in braces match one segment: "/v1/orders/{id}". */
struct http_route {
    enum http_method method;
    const char *path;
    http_handler *handle;
    const char *peers; /* names in http_server_options.peers that may call,
                          separated by ' '; "*": any authenticated peer;
                          NULL: anybody */
};

/* The value of a header (lower-case name) or NULL. */
const char *http_header(const struct http_request *req, const char *name);

/* The value of a {name} of the route; never NULL for a name in the route. */
const char *http_param(const struct http_request *req, const char *name);

/* Percent-decoded value of a query parameter into `out`; false if absent, too
 * long or malformed. */
bool http_query(const struct http_request *req, const char *name, char *out,
                size_t max) MUST_CHECK;

/* Whether the Content-Type, without parameters, is `type`. */
bool http_media_type_is(const struct http_request *req, const char *type);

/* The body as one JSON object, strictly (base/json.h). ERROR_INPUT. The caller
 * owns the result. */
bool http_json(const struct http_request *req, json_t **out,
               struct error *err) MUST_CHECK;

/* Replies. The last one wins. */
void http_reply_text(struct http_response *res, int status, const char *text);
void http_reply_bytes(struct http_response *res, int status, const char *type,
                      const void *data, size_t len);
/* `body` is emptied: its octets become the response's. */
void http_reply_take(struct http_response *res, int status, const char *type,
                     struct buf *body);
void http_reply_json(struct http_response *res, int status,
                     json_t *take_object);
/* A problem document (RFC 9457): status from the one table of codes, `what`
 * shown for the requester's own errors, only the request id for ours; 503 gets
 * Retry-After. Logs the failure as `event`. */
void http_reply_error(struct http_response *res, const struct http_request *req,
                      const char *event, const struct error *err);
/* The same shape for a refusal that is no struct error; nothing is logged.
 * `detail` may be NULL. */
void http_reply_problem(struct http_response *res, const char *request_id,
                        int status, const char *detail);
/* After the reply, which begins anew. A line end in `value` is a defect. */
void http_response_header(struct http_response *res, const char *name,
                          const char *value);
void http_response_clear(struct http_response *res);

/* The one mapping from error code to status. */
int http_status_of(enum error_code code);

/* "Not Found" for 404: RFC 9110, 15. */
const char *http_status_phrase(int status);

#endif
