/*
 * HTTPS calls between our services and from the command line (libcurl).
 */
#ifndef BASE_HTTP_CLIENT_H
#define BASE_HTTP_CLIENT_H

#include <jansson.h>

#include "base/http.h"

struct http_client_options {
    const char *base_url;         /* "https://127.0.0.1:8443" */
    const char *trust_file;       /* PEM; NULL: plain HTTP only */
    const char *certificate_file; /* PEM; NULL: none */
    const char *key_file;
    const char *bearer; /* Authorization: Bearer; NULL: none */
    int64_t timeout_ms; /* whole exchange */
    size_t body_max;
};

struct http_client; /* for one thread; keeps its connection */

struct http_answer {
    int status;
    bool is_sent; /* after a failure: the other side may have got it */
    char content_type[128];
    char etag[128];
    char wanted[256]; /* the header that was asked for; "" if there is none */
    struct buf body;
};

/* A call in all its parts; what is NULL or 0 is not sent. */
struct http_call {
    enum http_method method;
    const char *path;
    const char *content_type;
    const void *body;
    size_t body_len;
    const char *const *headers; /* further lines, "Name: value"; ends in NULL */
    const char *wanted_header;  /* of the answer, in lower case */
};

bool http_client_new(const struct http_client_options *options,
                     struct http_client **out, struct error *err) MUST_CHECK;
void http_client_free(struct http_client *client);

/* One exchange. Any status is a success here. ERROR_BUSY when nothing answered,
 * ERROR_INTERNAL when the other side is not who it should be or answers too
 * much. No proxy, no redirection. The caller clears the answer, after a failure
 * too. */
bool http_client_call(struct http_client *client, enum http_method method,
                      const char *path, const char *content_type,
                      const void *body, size_t body_len,
                      struct http_answer *answer, struct error *err) MUST_CHECK;
bool http_client_exchange(struct http_client *client,
                          const struct http_call *call,
                          struct http_answer *answer,
                          struct error *err) MUST_CHECK;
void http_answer_clear(struct http_answer *answer);

/* The error that a status of 400 or more stands for: its code from the status,
 * `what` from the problem document's detail, if there is one. Returns false. */
bool http_answer_error(const struct http_answer *answer, struct error *err);

/* JSON both ways. A status of 400 or more becomes an error: its code from the
 * status, `what` from the problem document's detail. `body` may be NULL; an
 * answer without content gives an empty object. The caller owns `out`. */
bool http_client_json(struct http_client *client, enum http_method method,
                      const char *path, const json_t *body, json_t **out,
                      struct error *err) MUST_CHECK;

#endif
