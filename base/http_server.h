/*
 * The TLS back end of HTTP: a libevent loop owns every connection; requests
 * are copied to a bounded pool of workers; responses return in order.
 * Serves /health and /metrics by itself.
 */
#ifndef BASE_HTTP_SERVER_H
#define BASE_HTTP_SERVER_H

#include "base/config.h"
#include "base/http.h"

struct event_base;
struct http_server;

/* Clients known by the CN of their certificate: "ra" for "signet-ra". */
struct http_peer_name {
    const char *name;        /* as routes call it */
    const char *common_name; /* as the certificate calls it */
};

enum http_client_certificate {
    HTTP_CLIENT_NONE,     /* not asked for */
    HTTP_CLIENT_OPTIONAL, /* asked for; verified if sent */
    HTTP_CLIENT_REQUIRED,
};

/* A handler whose requests may be longer than those of others, and take longer
 * to come. */
struct http_upload {
    http_handler *handle;
    size_t body_max;
    int64_t body_timeout_ms;
};

struct http_server_options {
    const char *listen;           /* "127.0.0.1:8443", "[::1]:0" */
    const char *certificate_file; /* PEM chain, leaf first; NULL: plain HTTP */
    const char *key_file;
    const char *trust_file; /* PEM: roots for client certificates */
    enum http_client_certificate client_certificate;
    const struct http_peer_name *peers;
    size_t peer_count;
    const struct http_route *routes;
    size_t route_count;
    const char *headers; /* lines, each ending in CRLF, that every answer has;
                            NULL: none */

    size_t worker_count;
    size_t queue_max; /* waiting requests; one more is answered 503 */
    size_t body_max;  /* octets */
    const struct http_upload *uploads;
    size_t upload_count;
    size_t uploads_at_once; /* from head to answer; one more is answered 503 */
    size_t connection_max;
    int64_t header_timeout_ms; /* whole head of a request */
    int64_t body_timeout_ms;   /* whole body */
    int64_t idle_timeout_ms;   /* between requests */

    /* Each worker thread has one context: its database connection and so on.
     * worker_new runs on the worker's thread before its first request; if it
     * fails the request is answered from the error and it is tried again at
     * the next. NULL: handlers get `service` itself. */
    void *(*worker_new)(void *service, struct error *err);
    void (*worker_free)(void *worker);
    void *service;

    /* Whether the one who asks for a route with `peers` is who its certificate
     * says; runs on a worker before the handler, which does not run when it is
     * false. NULL: chain and name are enough. */
    bool (*admit)(void *worker, const struct http_request *req,
                  struct error *err);

    /* Fills `out` with "ok" or a problem per part; NULL: always healthy.
     * Runs on a worker. */
    bool (*health)(void *worker, json_t *out);
};

/* What the services have alike: settings NAME.listen, NAME.certificate_file,
 * NAME.key_file, NAME.workers and tls.trust_file, and how long a slow client is
 * waited for. Texts are borrowed from `config`. */
void http_server_configure(const struct config *config, const char *name,
                           struct http_server_options *out);

/* Binds and listens. `options` and what it points to are borrowed for the
 * server's life. `base` must have been made after evthread_use_pthreads():
 * workers wake it. ERROR_INPUT when an address or a file is wrong, ERROR_BUSY
 * when the address is taken. */
bool http_server_new(struct event_base *base,
                     const struct http_server_options *options,
                     struct http_server **out, struct error *err) MUST_CHECK;

/* The port that the system chose, when the options asked for 0. */
uint16_t http_server_port(const struct http_server *server);

enum { HTTP_STOP_TIMEOUT_MS = 10000 }; /* of the services */

/* Stops accepting, answers what is under way, closes idle connections; the
 * loop's other events go on. `done` is called on the loop when nothing is
 * left or after `timeout_ms`. */
void http_server_stop(struct http_server *server, int64_t timeout_ms,
                      void (*done)(void *), void *arg);

/* After the loop has ended. NULL is nothing. */
void http_server_free(struct http_server *server);

#endif
