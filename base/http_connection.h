/* What http_server.c and http_connection.c share: the loop's side of HTTP. */
#ifndef BASE_HTTP_CONNECTION_H
#define BASE_HTTP_CONNECTION_H

#include <pthread.h>

#include <event2/util.h>
#include <openssl/ssl.h>

#include "base/http_exchange.h"

struct event;
struct evconnlistener;

struct http_server {
    const struct http_server_options *options; /* borrowed */
    struct event_base *base;                   /* borrowed */
    SSL_CTX *tls;                              /* NULL: plain HTTP */
    struct evconnlistener *listener;
    struct event *listener_pause; /* accepts again after a failure */
    struct worker_pool *pool;
    struct http_connection *connections; /* newest first */
    size_t connection_count;
    size_t uploads; /* exchanges of http_upload handlers */

    pthread_mutex_t done_lock;  /* of `done` */
    struct http_exchange *done; /* answered by workers */
    struct event *done_event;   /* wakes the loop for them */

    bool is_stopping;
    struct event *stop_event; /* the deadline of the stop, or "at once" */
    void (*stopped)(void *);
    void *stopped_arg;
};

/* Takes an accepted socket. When there are too many connections the one that
 * has kept us waiting longest makes room. */
void http_connection_new(struct http_server *server, evutil_socket_t take_fd,
                         const char *address);
void http_connection_free(struct http_connection *connection);

/* An exchange came back from its worker, or its job could not be queued. Its
 * connection may be gone. */
void http_connection_answer(struct http_exchange *take_exchange);

/* Closes those between two requests. */
void http_connection_close_idle(struct http_server *server);

/* In http_server.c: a connection has gone. */
void http_server_connection_gone(struct http_server *server);

#endif
