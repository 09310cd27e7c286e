/*
 * One request and its answer on their way between loop and worker: everything
 * is a copy, so that neither needs the other's memory.
 */
#ifndef BASE_HTTP_EXCHANGE_H
#define BASE_HTTP_EXCHANGE_H

#include "base/http_route.h"
#include "base/worker.h"

struct http_connection;

struct http_exchange {
    struct worker_job job; /* stays first: the pool hands it back */
    struct http_exchange *next_done;
    struct http_connection *connection; /* the loop's; NULL once it is gone */
    const struct http_route *route;     /* NULL: ours or refused */
    bool is_health;
    bool is_persistent;
    int64_t begun_us; /* monotonic would do; only differences are used */
    struct http_request request;
    struct http_response response;
    struct buf body; /* of the request; request.body shows it when whole */
    size_t *uploads; /* the server's count that this one is part of, or NULL */
    char *memory;    /* path, query, headers, parameters */
    uint8_t *certificate;
};

/* Copies what a head says. `path` is decoded; `match` may be NULL. With `head`
 * NULL it is the place for an answer to octets that were no request. */
struct http_exchange *http_exchange_new(const struct http_head *head,
                                        const char *path,
                                        const struct http_route_match *match,
                                        const struct http_peer *peer,
                                        size_t body_max);
/* On the loop's thread, or when there is no loop any more. */
void http_exchange_free(struct http_exchange *exchange);

/* On a worker: makes the thread's context if it has none, and calls the
 * handler, or asks for health. Afterwards there is a response. */
void http_exchange_run(const struct http_server_options *options,
                       void **context, struct http_exchange *exchange);

/* The head of the answer up to and with the blank line. `standing` are header
 * lines that every answer has, or NULL. */
void http_exchange_format(const struct http_exchange *exchange,
                          const char *standing, bool is_persistent,
                          struct buf *out);

#endif
