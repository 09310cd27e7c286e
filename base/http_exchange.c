/* Requests and answers as copies; see base/http_exchange.h. */
#include "base/http_exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

static void
draw_id(char out[HTTP_REQUEST_ID_LEN + 1])
{
    uint8_t octet[HTTP_REQUEST_ID_LEN / 2];
    ssize_t len = getrandom(octet, sizeof octet, 0);

    assert(len == sizeof octet); /* cannot fail for so few once booted */
    text_hex(octet, sizeof octet, out);
}

/* Appends a text with its NUL to the exchange's memory. */
static const char *
keep(char **at, const char *data, size_t len)
{
    char *text = *at;

    memcpy(text, data, len);
    text[len] = '\0';
    *at += len + 1;
    return text;
}

static size_t
memory_needed(const struct http_head *head, const char *path,
              const struct http_route_match *match)
{
    size_t size = strlen(path) + 1 + head->query.len + 1;
    size_t i;

    for (i = 0; i < head->field_count; i++)
        size += head->field[i].name.len + head->field[i].value.len + 2;
    for (i = 0; match != NULL && i < match->param_count; i++)
        size += match->name[i].len + match->value[i].len + 2;
    return size;
}

static void
copy_head(struct http_exchange *exchange, const struct http_head *head,
          const char *path, const struct http_route_match *match)
{
    struct http_request *req = &exchange->request;
    char *at;
    size_t i;

    at = exchange->memory = base_alloc(memory_needed(head, path, match));
    req->method = head->method;
    req->path = keep(&at, path, strlen(path));
    req->query = keep(&at, head->query.data, head->query.len);
    for (i = 0; i < head->field_count; i++) {
        const struct http_field *field = &head->field[i];
        char *p = at;

        req->header[i].name = keep(&at, field->name.data, field->name.len);
        for (; *p != '\0'; p++)
            if (*p >= 'A' && *p <= 'Z')
                *p = (char)(*p | 0x20);
        req->header[i].value = keep(&at, field->value.data, field->value.len);
    }
    req->header_count = head->field_count;
    if (match == NULL)
        return;
    exchange->route = match->route;
    for (i = 0; i < match->param_count; i++) {
        req->param[i].name = keep(&at, match->name[i].data, match->name[i].len);
        req->param[i].value =
            keep(&at, match->value[i].data, match->value[i].len);
    }
    req->param_count = match->param_count;
}

struct http_exchange *
http_exchange_new(const struct http_head *head, const char *path,
                  const struct http_route_match *match,
                  const struct http_peer *peer, size_t body_max)
{
    struct http_exchange *exchange = base_alloc(sizeof *exchange);
    struct http_request *req = &exchange->request;

    exchange->begun_us = clock_now_us();
    exchange->body.limit = body_max;
    draw_id(req->id);
    req->peer = *peer;
    if (peer->certificate != NULL) {
        exchange->certificate =
            base_copy(peer->certificate, peer->certificate_len);
        req->peer.certificate = exchange->certificate;
    }
    req->path = req->query = "";
    if (head != NULL) {
        exchange->is_persistent = head->is_persistent;
        copy_head(exchange, head, path, match);
    }
    return exchange;
}

void
http_exchange_free(struct http_exchange *exchange)
{
    if (exchange == NULL)
        return;
    if (exchange->uploads != NULL)
        (*exchange->uploads)--;
    http_response_clear(&exchange->response);
    /* Requests may hold activation codes and personal data. */
    buf_cleanse(&exchange->body);
    free(exchange->memory);
    free(exchange->certificate);
    free(exchange);
}

static bool
has_context(const struct http_server_options *options, void **context,
            struct error *err)
{
    if (*context != NULL || options->worker_new == NULL)
        return true;
    *context = options->worker_new(options->service, err);
    return *context != NULL;
}

static void
run_health(const struct http_server_options *options, void *worker,
           struct http_response *res, const struct error *failed)
{
    json_t *parts = json_object();
    json_t *answer = json_object();
    bool is_healthy = false;

    if (failed != NULL)
        json_set_text(parts, "worker", failed->what);
    else
        is_healthy = options->health == NULL || options->health(worker, parts);
    json_set_text(answer, "status", is_healthy ? "ok" : "failing");
    (void)json_object_set_new(answer, "parts", parts);
    http_reply_json(res, is_healthy ? 200 : 503, answer);
}

void
http_exchange_run(const struct http_server_options *options, void **context,
                  struct http_exchange *exchange)
{
    const struct http_request *req = &exchange->request;
    struct http_response *res = &exchange->response;
    struct error err = {0};
    bool is_ready;
    void *worker;

    log_request_set(req->id);
    is_ready = has_context(options, context, &err);
    worker = options->worker_new == NULL ? options->service : *context;
    if (exchange->is_health) {
        run_health(options, worker, res, is_ready ? NULL : &err);
    } else if (!is_ready) {
        http_reply_error(res, req, "worker.start", &err);
    } else if (exchange->route->peers != NULL && options->admit != NULL &&
               !options->admit(worker, req, &err)) {
        http_reply_error(res, req, "http.peer", &err);
    } else {
        exchange->route->handle(worker, req, res);
        if (res->status == 0) {
            (void)error_set(&err, ERROR_INTERNAL, "no answer was made");
            http_reply_error(res, req, "http.handler", &err);
        }
    }
    log_request_set(NULL);
}

/* RFC 9110, 5.6.7: the one form to send. */
static void
add_date(struct buf *out)
{
    time_t now = (time_t)clock_now();
    char text[64];
    struct tm tm;

    (void)gmtime_r(&now, &tm);
    (void)strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    (void)buf_addf(out, "Date: %s\r\n", text);
}

void
http_exchange_format(const struct http_exchange *exchange, const char *standing,
                     bool is_persistent, struct buf *out)
{
    const struct http_response *res = &exchange->response;
    /* RFC 9110, 8.6: these have no content and say no length. */
    bool is_empty = res->status == 204 || res->status == 304;

    (void)buf_addf(out, "HTTP/1.1 %d %s\r\n", res->status,
                   http_status_phrase(res->status));
    add_date(out);
    if (res->content_type != NULL && !is_empty)
        (void)buf_addf(out, "Content-Type: %s\r\n", res->content_type);
    if (!is_empty)
        (void)buf_addf(out, "Content-Length: %zu\r\n", res->body.len);
    (void)buf_addf(out, "X-Request-Id: %s\r\n", exchange->request.id);
    /* Answers are for the one who asked, and are what they say they are. */
    if (strcasestr(buf_text(&res->headers), "Cache-Control:") == NULL)
        (void)buf_add_text(out, "Cache-Control: no-store\r\n");
    (void)buf_add_text(out, "X-Content-Type-Options: nosniff\r\n");
    if (standing != NULL)
        (void)buf_add_text(out, standing);
    (void)buf_add(out, buf_text(&res->headers), res->headers.len);
    if (!is_persistent)
        (void)buf_add_text(out, "Connection: close\r\n");
    (void)buf_add_text(out, "\r\n");
}
