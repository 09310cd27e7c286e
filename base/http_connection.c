/*
 * One connection: handshake, head, body, worker, answer, and again. One request
 * at a time, so pipelined ones are answered in order and wait in a bounded
 * input buffer; each phase has a deadline. All on the loop's thread.
 */
#include "base/http_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>

#include "base/clock.h"
#include "base/http_access.h"
#include "base/http_body.h"
#include "base/http_tls.h"
#include "base/metrics.h"

enum {
    INPUT_MAX = 65536, /* octets read ahead; a head always fits */
    LINGER_MS = 2000,  /* for the client to read our last words */
    ANSWER_HEAD_MAX = 65536,
};

enum phase {
    HANDSHAKE,
    IDLE, /* nothing of the next request has come */
    HEAD,
    BODY,
    WORKING,
    WRITING,
    LINGERING,
};

struct http_connection {
    struct http_server *server;
    struct http_connection *next, **link;
    struct bufferevent *stream;
    struct event *timer;
    enum phase phase;
    int64_t phase_until_ms;
    bool is_input_ended;   /* the client has sent all it will */
    bool is_persistent;    /* after the present answer */
    struct http_peer peer; /* its certificate is `certificate` */
    uint8_t *certificate;
    struct http_exchange *exchange; /* from head to answer; else NULL */
    struct http_body body;
};

static void
enter(struct http_connection *connection, enum phase phase, int64_t limit_ms)
{
    struct timeval limit = {.tv_sec = limit_ms / 1000,
                            .tv_usec = limit_ms % 1000 * 1000};

    connection->phase = phase;
    connection->phase_until_ms = clock_monotonic_ms() + limit_ms;
    (void)evtimer_add(connection->timer, &limit);
}

/* What a handler does has limits of its own. */
static void
enter_working(struct http_connection *connection)
{
    connection->phase = WORKING;
    (void)evtimer_del(connection->timer);
}

void
http_connection_free(struct http_connection *connection)
{
    struct http_server *server = connection->server;

    if (connection->exchange != NULL && connection->phase == WORKING)
        connection->exchange->connection = NULL; /* the worker has it */
    else
        http_exchange_free(connection->exchange);
    *connection->link = connection->next;
    if (connection->next != NULL)
        connection->next->link = connection->link;
    event_free(connection->timer);
    bufferevent_free(connection->stream);
    ERR_clear_error(); /* what a broken handshake left */
    free(connection->certificate);
    free(connection);
    server->connection_count--;
    http_access_connections(-1);
    http_server_connection_gone(server);
}

static void
release_body(const void *data, size_t len, void *arg)
{
    (void)data;
    (void)len;
    free(arg);
}

/* Sends the answer of the connection's exchange. */
static void
answer(struct http_connection *connection, bool is_persistent)
{
    struct http_exchange *exchange = connection->exchange;
    struct evbuffer *output = bufferevent_get_output(connection->stream);
    struct buf head = BUF_INIT(ANSWER_HEAD_MAX);
    uint8_t *body;
    size_t len;

    http_access_answered(exchange);
    connection->is_persistent =
        is_persistent && !connection->server->is_stopping;
    http_exchange_format(exchange, connection->server->options->headers,
                         connection->is_persistent, &head);
    (void)evbuffer_add(output, buf_text(&head), head.len);
    buf_clear(&head);
    if (exchange->request.method != HTTP_HEAD &&
        exchange->response.body.len > 0) {
        body = buf_take(&exchange->response.body, &len);
        (void)evbuffer_add_reference(output, body, len, release_body, body);
    }
    connection->exchange = NULL;
    http_exchange_free(exchange);
    enter(connection, WRITING, connection->server->options->body_timeout_ms);
}

static const char *
detail_of(int status)
{
    switch (status) {
    case 400:
        return "the path is malformed";
    case 403:
        return "the peer may not call this";
    case 404:
        return "there is nothing at this path";
    case 405:
        return "the path does not take this method";
    case 408:
        return "the request did not come in time";
    case 413:
        return "the content is too long";
    default:
        return "too many requests wait already";
    }
}

/* Answers the exchange with a problem. The connection ends when the rest of
 * the request is not worth reading. `allow` goes with 405. */
static void
refuse(struct http_connection *connection, int status, const char *allow,
       bool is_persistent)
{
    struct http_exchange *exchange = connection->exchange;

    http_reply_problem(&exchange->response, exchange->request.id, status,
                       detail_of(status));
    if (status == 405)
        http_response_header(&exchange->response, "Allow", allow);
    answer(connection, is_persistent);
}

/* Answers octets that are no request, and ends the connection: where the next
 * request would begin is not known. */
static void
refuse_octets(struct http_connection *connection, int status,
              const char *detail)
{
    struct http_exchange *exchange =
        http_exchange_new(NULL, "", NULL, &connection->peer, 0);

    http_reply_problem(&exchange->response, exchange->request.id, status,
                       detail);
    connection->exchange = exchange;
    answer(connection, false);
}

void
http_connection_answer(struct http_exchange *take_exchange)
{
    if (take_exchange->connection == NULL) {
        http_access_answered(
            take_exchange); /* done, though nobody waits for it */
        http_exchange_free(take_exchange);
        return;
    }
    answer(take_exchange->connection, take_exchange->is_persistent);
}

/* The request is whole: to the workers, or to us. */
static void
dispatch(struct http_connection *connection)
{
    struct http_exchange *exchange = connection->exchange;
    struct buf text = BUF_INIT(1024 * 1024);

    exchange->request.body = exchange->body.data;
    exchange->request.body_len = exchange->body.len;
    if (exchange->route == NULL && !exchange->is_health) {
        metrics_format(&text);
        http_reply_take(&exchange->response, 200,
                        "text/plain; version=0.0.4; charset=utf-8", &text);
        answer(connection, exchange->is_persistent);
        return;
    }
    enter_working(connection);
    if (!worker_pool_add(connection->server->pool, &exchange->job))
        refuse(connection, 503, NULL, exchange->is_persistent);
}

/* Where the request goes; 200, or the status of a refusal. */
static int
find_target(struct http_connection *connection, const struct http_head *head,
            const char *path, struct http_route_match *match, bool *is_health)
{
    const struct http_server_options *options = connection->server->options;
    bool is_own;
    int status;

    *is_health = strcmp(path, "/health") == 0;
    is_own = *is_health || strcmp(path, "/metrics") == 0;
    if (is_own) {
        match->route = NULL;
        match->param_count = 0;
        (void)snprintf(match->allow, sizeof match->allow, "GET, HEAD");
        return head->method == HTTP_GET || head->method == HTTP_HEAD ? 200
                                                                     : 405;
    }
    status = http_route_find(options->routes, options->route_count,
                             head->method, path, match);
    if (status != 200)
        return status;
    return http_route_allows(match->route, options->peers, options->peer_count,
                             &connection->peer)
               ? 200
               : 403;
}

/* NULL when the route takes no more than others. */
static const struct http_upload *
find_upload(const struct http_server_options *options,
            const struct http_route *route)
{
    for (size_t i = 0; route != NULL && i < options->upload_count; i++)
        if (options->uploads[i].handle == route->handle)
            return &options->uploads[i];
    return NULL;
}

static void
begin_body(struct http_connection *connection, const struct http_head *head,
           int64_t timeout_ms)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct evbuffer *input = bufferevent_get_input(connection->stream);

    http_body_begin(&connection->body, head);
    /* RFC 9110, 10.1.1: not needed when the body is already coming. */
    if (head->expects_continue && evbuffer_get_length(input) == 0)
        (void)bufferevent_write(connection->stream, go_on, sizeof go_on - 1);
    enter(connection, BODY, timeout_ms);
}

static void
begin_request(struct http_connection *connection, const struct http_head *head)
{
    struct http_server *server = connection->server;
    const struct http_server_options *options = server->options;
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    bool has_body = head->is_chunked || head->content_length > 0;
    const struct http_upload *upload;
    struct http_route_match match = {0};
    size_t body_max = options->body_max;
    char path[HTTP_TARGET_MAX + 1];
    bool is_health = false;
    int status = 400;

    if (http_span_decode(head->path, path, sizeof path))
        status = find_target(connection, head, path, &match, &is_health);
    else
        path[0] = '\0';
    upload = status == 200 ? find_upload(options, match.route) : NULL;
    if (upload != NULL)
        body_max = upload->body_max;
    if (status == 200 && head->content_length > body_max)
        status = 413;
    else if (upload != NULL && server->uploads >= options->uploads_at_once)
        status = 503;
    connection->exchange = http_exchange_new(
        head, path, status == 200 ? &match : NULL, &connection->peer, body_max);
    if (status == 200 && upload != NULL) {
        connection->exchange->uploads = &server->uploads;
        server->uploads++;
    }
    connection->exchange->connection = connection;
    connection->exchange->is_health = is_health;
    /* `head` points into the input: nothing of it is read from here on but
     * numbers. */
    (void)evbuffer_drain(input, head->len);
    if (status == 200 && has_body) {
        begin_body(connection, head,
                   upload != NULL ? upload->body_timeout_ms
                                  : options->body_timeout_ms);
    } else if (status == 200) {
        dispatch(connection);
    } else {
        refuse(connection, status, match.allow,
               head->is_persistent && !has_body);
    }
}

/* False when more octets are needed, or the connection is gone. */
static bool
advance_head(struct http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    size_t len = evbuffer_get_length(input);
    struct http_head head;

    if (len > HTTP_HEAD_MAX)
        len = HTTP_HEAD_MAX;
    switch (
        http_parse_head(evbuffer_pullup(input, (ev_ssize_t)len), len, &head)) {
    case HTTP_PARSE_DONE:
        begin_request(connection, &head);
        return true;
    case HTTP_PARSE_BAD:
        refuse_octets(connection, head.status, head.reason);
        return true;
    case HTTP_PARSE_MORE:
        break;
    }
    if (connection->is_input_ended)
        http_connection_free(connection);
    else if (len > 0 && connection->phase == IDLE)
        enter(connection, HEAD, connection->server->options->header_timeout_ms);
    return false;
}

static bool
advance_body(struct http_connection *connection)
{
    enum http_parse_result result = http_body_take(
        &connection->body, bufferevent_get_input(connection->stream),
        &connection->exchange->body);

    if (result == HTTP_PARSE_BAD) {
        http_exchange_free(connection->exchange);
        refuse_octets(connection, 400, "the chunked content is malformed");
    } else if (buf_is_full(&connection->exchange->body)) {
        refuse(connection, 413, NULL, false);
    } else if (result == HTTP_PARSE_DONE) {
        dispatch(connection);
    } else {
        if (connection->is_input_ended)
            http_connection_free(connection);
        return false;
    }
    return true;
}

/* Takes the input as far as it goes. The connection may be gone afterwards. */
static void
advance(struct http_connection *connection)
{
    for (;;) {
        switch (connection->phase) {
        case IDLE:
        case HEAD:
            if (!advance_head(connection))
                return;
            break;
        case BODY:
            if (!advance_body(connection))
                return;
            break;
        default:
            return;
        }
    }
}

static void
on_readable(struct bufferevent *stream, void *arg)
{
    struct http_connection *connection = arg;
    struct evbuffer *input = bufferevent_get_input(stream);

    if (connection->phase == LINGERING)
        (void)evbuffer_drain(input, evbuffer_get_length(input));
    else
        advance(connection);
}

/* Says that nothing more will come, and waits a little for the client to do
 * the same: closing at once with octets unread would reset the connection and
 * take our answer with it (RFC 9112, 9.6). */
static void
linger(struct http_connection *connection)
{
    struct evbuffer *input = bufferevent_get_input(connection->stream);
    SSL *tls = bufferevent_openssl_get_ssl(connection->stream);

    if (connection->is_input_ended) {
        http_connection_free(connection);
        return;
    }
    if (tls != NULL) {
        (void)SSL_shutdown(tls);
        ERR_clear_error();
    }
    (void)shutdown(bufferevent_getfd(connection->stream), SHUT_WR);
    enter(connection, LINGERING, LINGER_MS);
    (void)evbuffer_drain(input, evbuffer_get_length(input));
}

static void
on_written(struct bufferevent *stream, void *arg)
{
    struct http_connection *connection = arg;

    /* libevent also calls when it starts, and after "100 Continue". */
    if (connection->phase != WRITING ||
        evbuffer_get_length(bufferevent_get_output(stream)) > 0)
        return;
    if (!connection->is_persistent || connection->server->is_stopping) {
        linger(connection);
        return;
    }
    enter(connection, IDLE, connection->server->options->idle_timeout_ms);
    advance(connection);
}

static void
on_event(struct bufferevent *stream, short what, void *arg)
{
    struct http_connection *connection = arg;
    SSL *tls = bufferevent_openssl_get_ssl(stream);

    if ((what & BEV_EVENT_CONNECTED) != 0) {
        http_tls_peer(tls, &connection->peer, &connection->certificate);
        enter(connection, IDLE, connection->server->options->header_timeout_ms);
        advance(connection);
        return;
    }
    /* A client of plain HTTP may close its half and still want its answer. */
    if ((what & BEV_EVENT_EOF) != 0 && tls == NULL &&
        (connection->phase == WORKING || connection->phase == WRITING)) {
        connection->is_input_ended = true;
        return;
    }
    http_connection_free(connection);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
    struct http_connection *connection = arg;

    (void)fd;
    (void)what;
    if (connection->phase == HEAD)
        refuse_octets(connection, 408, detail_of(408));
    else if (connection->phase == BODY)
        refuse(connection, 408, NULL, false);
    else
        http_connection_free(connection);
}

/* Whoever has kept us waiting longest for a request goes. */
static bool
make_room(struct http_server *server)
{
    struct http_connection *connection, *oldest = NULL;

    for (connection = server->connections; connection != NULL;
         connection = connection->next)
        if (connection->phase != WORKING && connection->phase != WRITING &&
            (oldest == NULL ||
             connection->phase_until_ms <= oldest->phase_until_ms))
            oldest = connection;
    if (oldest == NULL)
        return false;
    http_connection_free(oldest);
    return true;
}

static struct bufferevent *
stream_new(struct http_server *server, evutil_socket_t take_fd)
{
    enum { FLAGS = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS };
    struct bufferevent *stream;
    SSL *tls;

    if (server->tls == NULL) {
        stream = bufferevent_socket_new(server->base, take_fd, FLAGS);
    } else {
        tls = SSL_new(server->tls);
        stream = tls == NULL ? NULL
                             : bufferevent_openssl_socket_new(
                                   server->base, take_fd, tls,
                                   BUFFEREVENT_SSL_ACCEPTING, FLAGS);
        if (stream == NULL)
            SSL_free(tls);
    }
    if (stream == NULL)
        (void)evutil_closesocket(take_fd);
    return stream;
}

void
http_connection_new(struct http_server *server, evutil_socket_t take_fd,
                    const char *address)
{
    struct http_connection *connection;
    struct bufferevent *stream;
    int on = 1;

    if (server->connection_count >= server->options->connection_max &&
        !make_room(server)) {
        (void)evutil_closesocket(take_fd);
        return;
    }
    (void)setsockopt(take_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if ((stream = stream_new(server, take_fd)) == NULL)
        return;
    connection = base_alloc(sizeof *connection);
    connection->server = server;
    connection->stream = stream;
    connection->timer = evtimer_new(server->base, on_deadline, connection);
    if (connection->timer == NULL)
        abort(); /* no memory: see base/buf.h */
    (void)snprintf(connection->peer.address, sizeof connection->peer.address,
                   "%s", address);
    connection->next = server->connections;
    connection->link = &server->connections;
    if (connection->next != NULL)
        connection->next->link = &connection->next;
    server->connections = connection;
    server->connection_count++;
    http_access_connections(1);
    bufferevent_setcb(stream, on_readable, on_written, on_event, connection);
    bufferevent_setwatermark(stream, EV_READ, 0, INPUT_MAX);
    enter(connection, server->tls == NULL ? IDLE : HANDSHAKE,
          server->options->header_timeout_ms);
    (void)bufferevent_enable(stream, EV_READ | EV_WRITE);
}

void
http_connection_close_idle(struct http_server *server)
{
    struct http_connection *connection = server->connections;

    while (connection != NULL) {
        struct http_connection *next = connection->next;

        if (connection->phase == IDLE || connection->phase == HANDSHAKE)
            http_connection_free(connection);
        connection = next;
    }
}
