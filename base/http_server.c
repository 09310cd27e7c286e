/* Listening, workers and the stop; see base/http_server.h. */
#include "base/http_server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/listener.h>

#include "base/http_access.h"
#include "base/http_connection.h"
#include "base/http_listen.h"
#include "base/http_tls.h"
#include "base/log.h"

enum {
    PAUSE_MS = 100,
    BACKLOG = 1024,
    KEY_MAX = 64, /* of a setting */
    HEADER_TIMEOUT_MS = 10000,
    BODY_TIMEOUT_MS = 30000,
    IDLE_TIMEOUT_MS = 60000,
};

/* On a worker. */
static void
run_job(void *owner, void **context, struct worker_job *job)
{
    struct http_exchange *exchange = (struct http_exchange *)job;
    struct http_server *server = owner;

    http_exchange_run(server->options, context, exchange);
    (void)pthread_mutex_lock(&server->done_lock);
    exchange->next_done = server->done;
    server->done = exchange;
    (void)pthread_mutex_unlock(&server->done_lock);
    event_active(server->done_event, EV_READ, 0);
}

static struct http_exchange *
take_done(struct http_server *server)
{
    struct http_exchange *done;

    (void)pthread_mutex_lock(&server->done_lock);
    done = server->done;
    server->done = NULL;
    (void)pthread_mutex_unlock(&server->done_lock);
    return done;
}

static void
on_done(evutil_socket_t fd, short what, void *arg)
{
    struct http_exchange *done = take_done(arg), *next;

    (void)fd;
    (void)what;
    for (; done != NULL; done = next) {
        next = done->next_done;
        http_connection_answer(done);
    }
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
          struct sockaddr *from, int from_len, void *arg)
{
    char address[64] = "";

    (void)listener;
    (void)from_len;
    if (from->sa_family == AF_INET)
        (void)evutil_inet_ntop(AF_INET, &((struct sockaddr_in *)from)->sin_addr,
                               address, sizeof address);
    else if (from->sa_family == AF_INET6)
        (void)evutil_inet_ntop(AF_INET6,
                               &((struct sockaddr_in6 *)from)->sin6_addr,
                               address, sizeof address);
    http_connection_new(arg, fd, address);
}

/* Out of descriptors, most likely: asking again at once would spin. */
static void
on_accept_failed(struct evconnlistener *listener, void *arg)
{
    struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
    struct http_server *server = arg;

    log_event(LOG_LEVEL_ERROR, "http.accept",
              LOG_TEXT("cause", strerror(errno)));
    (void)evconnlistener_disable(listener);
    (void)evtimer_add(server->listener_pause, &pause);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = arg;

    (void)fd;
    (void)what;
    if (server->listener != NULL)
        (void)evconnlistener_enable(server->listener);
}

static void
on_stop_over(evutil_socket_t fd, short what, void *arg)
{
    struct http_server *server = arg;

    (void)fd;
    (void)what;
    if (server->stopped != NULL) {
        void (*stopped)(void *) = server->stopped;

        server->stopped = NULL;
        stopped(server->stopped_arg);
    }
}

void
http_server_connection_gone(struct http_server *server)
{
    /* From the loop, not from inside whatever freed the connection. */
    if (server->is_stopping && server->connection_count == 0)
        event_active(server->stop_event, EV_TIMEOUT, 0);
}

/* Frees an exchange that no worker holds any more, with its connection. */
static void
abandon(struct http_exchange *exchange)
{
    if (exchange->connection != NULL)
        http_connection_free(exchange->connection);
    http_exchange_free(exchange);
}

static bool
listen_on(struct http_server *server, struct error *err)
{
    const char *listen = server->options->listen;
    struct sockaddr_storage at = {0};
    socklen_t len;

    if (!http_listen_address(listen, &at, &len, err))
        return false;
    server->listener = evconnlistener_new_bind(
        server->base, on_accept, server,
        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
        BACKLOG, (struct sockaddr *)&at, (int)len);
    if (server->listener == NULL)
        return error_errno(err, ERROR_BUSY, "cannot listen on %s", listen);
    evconnlistener_set_error_cb(server->listener, on_accept_failed);
    return true;
}

static bool
start(struct http_server *server, struct error *err)
{
    const struct http_server_options *options = server->options;
    const struct worker_options workers = {
        .name = "http-worker",
        .thread_count = options->worker_count,
        .queue_max = options->queue_max,
        .run = run_job,
        .context_free = options->worker_free,
        .owner = server,
    };

    if (options->certificate_file != NULL &&
        !http_tls_server(options, &server->tls, err))
        return false;
    server->done_event = event_new(server->base, -1, 0, on_done, server);
    server->listener_pause = evtimer_new(server->base, on_pause_over, server);
    server->stop_event = evtimer_new(server->base, on_stop_over, server);
    if (server->done_event == NULL || server->listener_pause == NULL ||
        server->stop_event == NULL)
        return error_set(err, ERROR_INTERNAL, "cannot make events");
    return listen_on(server, err) &&
           worker_pool_new(&workers, &server->pool, err);
}

static const char *
key_of(const char *name, const char *what, char out[KEY_MAX])
{
    (void)snprintf(out, KEY_MAX, "%s.%s", name, what);
    return out;
}

void
http_server_configure(const struct config *config, const char *name,
                      struct http_server_options *out)
{
    char key[KEY_MAX];

    out->listen = config_text(config, key_of(name, "listen", key));
    out->certificate_file =
        config_path(config, key_of(name, "certificate_file", key));
    out->key_file = config_path(config, key_of(name, "key_file", key));
    out->trust_file = config_path(config, "tls.trust_file");
    out->worker_count =
        (size_t)config_int(config, key_of(name, "workers", key));
    out->header_timeout_ms = HEADER_TIMEOUT_MS;
    out->body_timeout_ms = BODY_TIMEOUT_MS;
    out->idle_timeout_ms = IDLE_TIMEOUT_MS;
}

bool
http_server_new(struct event_base *base,
                const struct http_server_options *options,
                struct http_server **out, struct error *err)
{
    struct http_server *server = base_alloc(sizeof *server);

    assert(options->connection_max > 0 && options->worker_count > 0);
    http_access_register();
    server->base = base;
    server->options = options;
    (void)pthread_mutex_init(&server->done_lock, NULL);
    if (!start(server, err)) {
        http_server_free(server);
        return false;
    }
    *out = server;
    return true;
}

uint16_t
http_server_port(const struct http_server *server)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;

    if (server->listener == NULL ||
        getsockname(evconnlistener_get_fd(server->listener),
                    (struct sockaddr *)&at, &len) != 0)
        return 0;
    if (at.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&at)->sin6_port);
    return ntohs(((struct sockaddr_in *)&at)->sin_port);
}

void
http_server_stop(struct http_server *server, int64_t timeout_ms,
                 void (*done)(void *), void *arg)
{
    struct timeval limit = {.tv_sec = timeout_ms / 1000,
                            .tv_usec = timeout_ms % 1000 * 1000};

    server->is_stopping = true;
    server->stopped = done;
    server->stopped_arg = arg;
    evconnlistener_free(server->listener);
    server->listener = NULL;
    (void)evtimer_add(server->stop_event, &limit);
    http_connection_close_idle(server);
    http_server_connection_gone(server);
}

void
http_server_free(struct http_server *server)
{
    struct http_exchange *exchange, *next;
    struct worker_job *waiting;

    if (server == NULL)
        return;
    if (server->listener != NULL)
        evconnlistener_free(server->listener);
    waiting = worker_pool_free(server->pool);
    /* Exchanges that no worker holds any more: some finished, some waiting. */
    for (exchange = server->done; exchange != NULL; exchange = next) {
        next = exchange->next_done;
        abandon(exchange);
    }
    while (waiting != NULL) {
        exchange = (struct http_exchange *)waiting;
        waiting = waiting->next;
        abandon(exchange);
    }
    server->is_stopping = false; /* nobody is to be told */
    while (server->connections != NULL)
        http_connection_free(server->connections);
    if (server->done_event != NULL)
        event_free(server->done_event);
    if (server->listener_pause != NULL)
        event_free(server->listener_pause);
    if (server->stop_event != NULL)
        event_free(server->stop_event);
    SSL_CTX_free(server->tls);
    (void)pthread_mutex_destroy(&server->done_lock);
    free(server);
}
