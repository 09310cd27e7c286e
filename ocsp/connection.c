/* Requests and answers of one connection; see ocsp/connection.h. */
#include "ocsp/connection.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"

/* Reads no more until what is under way is done. */
static void
pause_reading(struct ocsp_connection *c, enum ocsp_connection_state state,
              enum deadline deadline)
{
    if (c->state == CONNECTION_READING)
        (void)event_del(&c->read);
    c->state = state;
    ocsp_connection_deadline(c, deadline);
}

/* The peer of a refused request may still be sending; closing at once would
 * reset the connection and could take the answer from it (RFC 9112, 9.6). */
static void
drain(struct ocsp_connection *c)
{
    (void)shutdown(c->fd, SHUT_WR);
    if (c->state != CONNECTION_READING && event_add(&c->read, NULL) != 0)
        abort();
    c->state = CONNECTION_DRAINING;
    ocsp_connection_deadline(c, DEADLINE_DRAIN);
}

static void
after_answer(struct ocsp_connection *c)
{
    if (c->is_bad)
        drain(c);
    else if (c->is_last)
        ocsp_connection_close(c);
}

/* `more`: another answer follows at once, so the packet may wait for it. */
static void
put(struct ocsp_connection *c, struct ocsp_reply *reply, bool more)
{
    ssize_t n = send(c->fd, reply->data, reply->len,
                     MSG_NOSIGNAL | (more ? MSG_MORE : 0));

    c->is_corked = more;
    if (n == (ssize_t)reply->len) {
        after_answer(c);
        return;
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        ocsp_connection_close(c);
        return;
    }
    c->out = ocsp_reply_ref(reply);
    c->out_at = n < 0 ? 0 : (size_t)n;
    pause_reading(c, CONNECTION_WRITING, DEADLINE_WRITE);
    if (event_add(&c->write, NULL) != 0)
        abort();
}

static void
answer(struct ocsp_connection *c, struct ocsp_reply *reply, bool more)
{
    struct ocsp_reply *variant;

    if (!c->is_last && !c->is_head) {
        put(c, reply, more);
        return;
    }
    variant = ocsp_reply_variant(reply, c->is_last, c->is_head);
    put(c, variant, more && !c->is_last);
    ocsp_reply_unref(variant);
}

static void
refuse(struct ocsp_connection *c, int status)
{
    c->is_last = c->is_bad = true;
    c->is_head = false;
    answer(c, c->loop->service->refuse(c->loop->thread, status), false);
}

static void
serve(struct ocsp_connection *c, const struct http_head *head,
      const uint8_t *body, size_t body_len, bool more)
{
    const struct ocsp_loop_request request = {head, body, body_len};
    struct ocsp_reply *reply;

    c->need = c->body_len = c->chunked_at = 0;
    c->is_continued = false;
    c->is_last = !head->is_persistent || c->loop->is_stopping;
    c->is_head = head->method == HTTP_HEAD;
    reply = c->loop->service->handle(c->loop->thread, &request, &c->wait);
    if (reply == NULL)
        pause_reading(c, CONNECTION_WAITING, DEADLINE_ANSWER);
    else
        answer(c, reply, more);
}

/* RFC 9110, 10.1.1: the peer waits before it sends the body. */
static void
continue_once(struct ocsp_connection *c, const struct http_head *head)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (!head->expects_continue || c->is_continued)
        return;
    c->is_continued = true;
    if (send(c->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL) != sizeof go_on - 1)
        ocsp_connection_close(c);
}

/* A chunked body is decoded where it lies: the content moves down to the end
 * of the head, over the chunk lines. Returns the octets of the whole request,
 * 0 when it is not complete. */
static size_t
take_chunked(struct ocsp_connection *c, const struct http_head *head,
             uint8_t *data, size_t len)
{
    enum http_parse_result result;
    struct http_span piece;
    size_t used;

    if (c->chunked_at == 0) {
        memset(&c->chunked, 0, sizeof c->chunked);
        c->chunked_at = head->len;
    }
    do {
        result = http_parse_chunk(&c->chunked, data + c->chunked_at,
                                  len - c->chunked_at, &piece, &used);
        if (result == HTTP_PARSE_BAD ||
            c->body_len + piece.len > LOOP_BODY_MAX) {
            refuse(c, result == HTTP_PARSE_BAD ? 400 : 413);
            return len;
        }
        memmove(data + head->len + c->body_len, piece.data, piece.len);
        c->body_len += piece.len;
        c->chunked_at += used;
    } while (result == HTTP_PARSE_MORE && used > 0);
    if (result == HTTP_PARSE_MORE) {
        continue_once(c, head);
        return 0;
    }
    used = c->chunked_at;
    serve(c, head, data + head->len, c->body_len, used < len);
    return used;
}

/* The first request of `data`: its octets, or 0 when it is not complete. */
static size_t
take_request(struct ocsp_connection *c, uint8_t *data, size_t len)
{
    struct http_head head;
    size_t whole;

    if (len < c->need)
        return 0;
    switch (http_parse_head(data, len, &head)) {
    case HTTP_PARSE_MORE:
        return 0;
    case HTTP_PARSE_BAD:
        refuse(c, head.status);
        return len;
    case HTTP_PARSE_DONE:
        break;
    }
    if (head.is_chunked)
        return take_chunked(c, &head, data, len);
    if (head.content_length > LOOP_BODY_MAX) {
        refuse(c, 413);
        return len;
    }
    whole = head.len + (size_t)head.content_length;
    if (len < whole) {
        c->need = whole;
        continue_once(c, &head);
        return 0;
    }
    serve(c, &head, data + head.len, (size_t)head.content_length, len > whole);
    return whole;
}

/* Answers all complete requests; returns the octets that are done with. */
static size_t
take_requests(struct ocsp_connection *c, uint8_t *data, size_t len)
{
    size_t at = 0, used;

    while (c->state == CONNECTION_READING && at < len) {
        used = take_request(c, data + at, len - at);
        if (used == 0)
            break;
        at += used;
    }
    /* What was held back for an answer that did not follow goes now. */
    if (c->is_corked && c->state != CONNECTION_CLOSED) {
        static const int on = 1;

        c->is_corked = false;
        (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return at;
}

/* Keeps what is left of `data` for later; it may lie in c->in itself. */
static void
keep(struct ocsp_connection *c, const uint8_t *data, size_t len)
{
    if (len == 0) {
        free(c->in);
        c->in = NULL;
        c->in_len = c->in_cap = 0;
        return;
    }
    if (c->in == NULL) {
        c->in_cap = len < 4096 ? 4096 : len;
        c->in = base_alloc(c->in_cap);
    }
    memmove(c->in, data, len);
    c->in_len = len;
}

static void
set_reading_deadline(struct ocsp_connection *c)
{
    /* The request's time runs from its first octet, not from its last. */
    if (c->in_len == 0)
        ocsp_connection_deadline(c, DEADLINE_IDLE);
    else if (c->deadline != DEADLINE_REQUEST)
        ocsp_connection_deadline(c, DEADLINE_REQUEST);
}

static void
take_input(struct ocsp_connection *c, uint8_t *data, size_t len)
{
    size_t used = take_requests(c, data, len);

    if (c->state == CONNECTION_CLOSED)
        return;
    if (used > 0 && c->deadline == DEADLINE_REQUEST)
        ocsp_connection_deadline(c, DEADLINE_IDLE);
    keep(c, data + used, len - used);
    if (c->state == CONNECTION_READING)
        set_reading_deadline(c);
}

/* Room behind what is kept: a whole request always fits. */
static void
make_room(struct ocsp_connection *c)
{
    if (c->in_cap - c->in_len >= LOOP_SCRATCH / 8)
        return;
    c->in_cap = 2 * c->in_cap + LOOP_SCRATCH / 8;
    c->in = realloc(c->in, c->in_cap);
    if (c->in == NULL)
        abort();
}

void
ocsp_connection_readable(struct ocsp_connection *c)
{
    uint8_t *data = c->loop->scratch;
    size_t room = sizeof c->loop->scratch;
    ssize_t n;

    if (c->in != NULL && c->state == CONNECTION_READING) {
        make_room(c);
        data = c->in + c->in_len;
        room = c->in_cap - c->in_len;
    }
    n = recv(c->fd, data, room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        ocsp_connection_close(c);
        return;
    }
    if (c->state == CONNECTION_DRAINING)
        return;
    if (c->in == NULL)
        take_input(c, data, (size_t)n);
    else {
        c->in_len += (size_t)n;
        take_input(c, c->in, c->in_len);
    }
}

/* The answer has gone: on to the requests that came meanwhile. */
static void
resume(struct ocsp_connection *c)
{
    c->state = CONNECTION_READING;
    if (event_add(&c->read, NULL) != 0)
        abort();
    if (c->in != NULL)
        take_input(c, c->in, c->in_len);
    else
        ocsp_connection_deadline(c, DEADLINE_IDLE);
}

void
ocsp_connection_writable(struct ocsp_connection *c)
{
    ssize_t n;

    assert(c->state == CONNECTION_WRITING);
    n = send(c->fd, c->out->data + c->out_at, c->out->len - c->out_at,
             MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        ocsp_connection_close(c);
        return;
    }
    c->out_at += (size_t)n;
    if (c->out_at < c->out->len) {
        ocsp_connection_deadline(c, DEADLINE_WRITE);
        return;
    }
    ocsp_reply_unref(c->out);
    c->out = NULL;
    (void)event_del(&c->write);
    after_answer(c);
    if (c->state == CONNECTION_WRITING)
        resume(c);
}

void
ocsp_connection_answer(struct ocsp_connection *c, struct ocsp_reply *reply)
{
    assert(c->state == CONNECTION_WAITING);
    answer(c, reply, false);
    if (c->state == CONNECTION_WAITING)
        resume(c);
}
