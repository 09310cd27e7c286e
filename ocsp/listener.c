/* The listening socket of a loop; see ocsp/connection.h. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/util.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/http_listen.h"
#include "base/log.h"
#include "ocsp/connection.h"

enum { BACKLOG = 4096, ACCEPT_MAX = 64 };

void
ocsp_listener_switch(struct ocsp_loop *loop, bool is_on)
{
    if (loop->listener == NULL || is_on == loop->is_listening)
        return;
    loop->is_listening = is_on;
    if (is_on ? event_add(loop->listener, NULL) : event_del(loop->listener))
        abort();
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ocsp_connection_readable(arg);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ocsp_connection_writable(arg);
}

static void
connection_open(struct ocsp_loop *loop, int fd)
{
    static const int on = 1;
    struct ocsp_connection *c = TAILQ_FIRST(&loop->unused);

    if (c != NULL)
        TAILQ_REMOVE(&loop->unused, c, link);
    else
        c = base_alloc(sizeof *c);
    memset(c, 0, sizeof *c);
    c->loop = loop;
    c->fd = fd;
    c->deadline = DEADLINE_NONE;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (event_assign(&c->read, loop->base, fd, EV_READ | EV_PERSIST,
                     on_readable, c) != 0 ||
        event_assign(&c->write, loop->base, fd, EV_WRITE | EV_PERSIST,
                     on_writable, c) != 0 ||
        event_add(&c->read, NULL) != 0)
        abort(); /* only memory can fail it */
    loop->stats.connections++;
    loop->stats.accepted++;
    ocsp_connection_deadline(c, DEADLINE_IDLE);
}

/* Room for a new connection: the one idle for longest makes it, if it had a
 * moment to say something. */
static bool
evict(struct ocsp_loop *loop)
{
    struct ocsp_connection *c = TAILQ_FIRST(&loop->list[DEADLINE_IDLE]);

    if (c == NULL || clock_monotonic_ms() - c->since_ms < LOOP_EVICT_MS)
        return false;
    ocsp_connection_close(c);
    loop->stats.evicted++;
    return true;
}

void
ocsp_listener_ready(evutil_socket_t listener, short what, void *arg)
{
    struct ocsp_loop *loop = arg;
    int fd, i;

    (void)what;
    for (i = 0; i < ACCEPT_MAX; i++) {
        if (loop->stats.connections >= loop->connection_max && !evict(loop)) {
            ocsp_listener_switch(loop, false); /* until one is closed */
            return;
        }
        fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            connection_open(loop, fd);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
            errno == ENOMEM) {
            log_event(LOG_LEVEL_WARN, "ocsp.accept",
                      LOG_TEXT("cause", strerror(errno)));
            if (!evict(loop))
                ocsp_listener_switch(loop, false);
            return;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return;
        /* Otherwise the peer has gone again: accept(2), Error handling. */
    }
}

bool
ocsp_listener_bind(struct ocsp_loop *loop, const char *address,
                   struct error *err)
{
    static const int on = 1;
    struct sockaddr_storage to;
    socklen_t len, got = sizeof to;
    char host[INET6_ADDRSTRLEN];
    const void *ip;
    int fd, port;

    if (!http_listen_address(address, &to, &len, err))
        return false;
    fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    loop->listener_fd = fd;
    if (fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&to, len) != 0 ||
        listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&to, &got) != 0)
        return error_errno(err, ERROR_INPUT, "cannot listen at %s", address);
    if (to.ss_family == AF_INET6) {
        ip = &((struct sockaddr_in6 *)&to)->sin6_addr;
        port = ntohs(((struct sockaddr_in6 *)&to)->sin6_port);
    } else {
        ip = &((struct sockaddr_in *)&to)->sin_addr;
        port = ntohs(((struct sockaddr_in *)&to)->sin_port);
    }
    if (evutil_inet_ntop(to.ss_family, ip, host, sizeof host) == NULL)
        return error_set(err, ERROR_INTERNAL, "an address without a name");
    (void)evutil_snprintf(loop->address, sizeof loop->address,
                          to.ss_family == AF_INET6 ? "[%s]:%d" : "%s:%d", host,
                          port);
    return true;
}
