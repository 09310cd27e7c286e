/* Loops, sockets and deadlines; see ocsp/loop.h. */
#include "ocsp/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "ocsp/connection.h"

static const int64_t deadline_ms[DEADLINE_COUNT] = {
    LOOP_IDLE_MS, LOOP_REQUEST_MS, LOOP_WRITE_MS, LOOP_DRAIN_MS,
    LOOP_ANSWER_MS};

void
ocsp_connection_deadline(struct ocsp_connection *c, enum deadline deadline)
{
    if (c->deadline != DEADLINE_NONE)
        TAILQ_REMOVE(&c->loop->list[c->deadline], c, link);
    c->deadline = deadline;
    if (deadline == DEADLINE_NONE)
        return;
    c->since_ms = clock_monotonic_ms();
    TAILQ_INSERT_TAIL(&c->loop->list[deadline], c, link);
}

static void
leave_list(struct ocsp_loop_wait *wait)
{
    if (wait->link == NULL)
        return;
    *wait->link = wait->next;
    if (wait->next != NULL)
        wait->next->link = wait->link;
    wait->link = NULL;
}

void
ocsp_connection_close(struct ocsp_connection *c)
{
    struct ocsp_loop *loop = c->loop;

    if (c->state == CONNECTION_CLOSED)
        return;
    ocsp_connection_deadline(c, DEADLINE_NONE);
    leave_list(&c->wait);
    (void)event_del(&c->read);
    (void)event_del(&c->write);
    (void)close(c->fd);
    ocsp_reply_unref(c->out);
    free(c->in);
    c->out = NULL;
    c->in = NULL;
    c->state = CONNECTION_CLOSED;
    loop->stats.connections--;
    if (!loop->is_stopping)
        ocsp_listener_switch(loop, true); /* there is room now */
    /* Whoever called us may still look at the state: not freed here. */
    TAILQ_INSERT_TAIL(&loop->unused, c, link);
}

static void
close_idle(struct ocsp_loop *loop)
{
    struct ocsp_connection *c;

    while ((c = TAILQ_FIRST(&loop->list[DEADLINE_IDLE])) != NULL)
        ocsp_connection_close(c);
}

static void
begin_stop(struct ocsp_loop *loop)
{
    if (loop->is_stopping)
        return;
    loop->is_stopping = true;
    loop->stop_at_ms = clock_monotonic_ms() + LOOP_STOP_MS;
    ocsp_listener_switch(loop, false);
    (void)close(loop->listener_fd);
    loop->listener_fd = -1;
}

static void
end_if_stopped(struct ocsp_loop *loop)
{
    if (!loop->is_stopping)
        return;
    close_idle(loop); /* also those that were answered since */
    if (loop->stats.connections == 0 ||
        clock_monotonic_ms() >= loop->stop_at_ms)
        (void)event_base_loopbreak(loop->base);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct ocsp_loop *loop = arg;
    uint64_t count;

    (void)what;
    if (read((int)fd, &count, sizeof count) < 0 && errno != EAGAIN)
        abort();
    loop->service->woken(loop->thread);
    if (atomic_load(&loop->is_stop_asked))
        begin_stop(loop);
    end_if_stopped(loop);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct ocsp_loop *loop = arg;
    int64_t now = clock_monotonic_ms();
    struct ocsp_connection *c;
    enum deadline d;

    (void)fd;
    (void)what;
    for (d = 0; d < DEADLINE_COUNT; d++)
        while ((c = TAILQ_FIRST(&loop->list[d])) != NULL &&
               now - c->since_ms >= deadline_ms[d]) {
            ocsp_connection_close(c);
            loop->stats.expired += d != DEADLINE_IDLE;
        }
    if (!loop->is_stopping)
        ocsp_listener_switch(loop, true);
    loop->service->tick(loop->thread);
    end_if_stopped(loop);
}

static bool
make_events(struct ocsp_loop *loop, struct error *err)
{
    const struct timeval every = {0, LOOP_TICK_MS * 1000};
    struct event_config *config = event_config_new();

    /* Each loop is one thread's. No epoll changelist: it would take a
     * descriptor off after its close(), when another thread may have it. */
    if (config != NULL &&
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
        loop->base = event_base_new_with_config(config);
    if (config != NULL)
        event_config_free(config);
    if (loop->base == NULL)
        return error_set(err, ERROR_INTERNAL, "cannot make an event base");
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0)
        return error_errno(err, ERROR_INTERNAL, "cannot make an eventfd");
    loop->listener = event_new(loop->base, loop->listener_fd,
                               EV_READ | EV_PERSIST, ocsp_listener_ready, loop);
    loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST,
                           on_wake, loop);
    loop->tick = event_new(loop->base, -1, EV_PERSIST, on_tick, loop);
    if (loop->listener == NULL || loop->wake == NULL || loop->tick == NULL ||
        event_add(loop->wake, NULL) != 0 || event_add(loop->tick, &every) != 0)
        return error_set(err, ERROR_INTERNAL, "cannot add events");
    ocsp_listener_switch(loop, true);
    return true;
}

bool
ocsp_loop_new(const char *listen, size_t connection_max,
              const struct ocsp_loop_service *service, void *thread,
              struct ocsp_loop **out, struct error *err)
{
    struct ocsp_loop *loop = base_alloc(sizeof *loop);
    size_t i;

    loop->service = service;
    loop->thread = thread;
    loop->connection_max = connection_max;
    loop->listener_fd = loop->wake_fd = -1;
    for (i = 0; i < DEADLINE_COUNT; i++)
        TAILQ_INIT(&loop->list[i]);
    TAILQ_INIT(&loop->unused);
    if (!ocsp_listener_bind(loop, listen, err) || !make_events(loop, err)) {
        ocsp_loop_free(loop);
        return false;
    }
    *out = loop;
    return true;
}

const char *
ocsp_loop_address(const struct ocsp_loop *loop)
{
    return loop->address;
}

static void *
run(void *arg)
{
    struct ocsp_loop *loop = arg;

    if (event_base_dispatch(loop->base) < 0)
        abort();
    return NULL;
}

bool
ocsp_loop_start(struct ocsp_loop *loop, struct error *err)
{
    int failed = pthread_create(&loop->thread_id, NULL, run, loop);

    if (failed != 0) {
        errno = failed;
        return error_errno(err, ERROR_INTERNAL, "cannot start a thread");
    }
    return true;
}

void
ocsp_loop_wake(struct ocsp_loop *loop)
{
    static const uint64_t one = 1;

    /* A full counter (EAGAIN) wakes as well. */
    if (write(loop->wake_fd, &one, sizeof one) < 0 && errno != EAGAIN)
        abort();
}

void
ocsp_loop_stop(struct ocsp_loop *loop)
{
    atomic_store(&loop->is_stop_asked, true);
    ocsp_loop_wake(loop);
}

void
ocsp_loop_join(struct ocsp_loop *loop)
{
    if (pthread_join(loop->thread_id, NULL) != 0)
        abort();
}

void
ocsp_loop_free(struct ocsp_loop *loop)
{
    struct ocsp_connection *c;
    size_t i;

    if (loop == NULL)
        return;
    for (i = 0; i < DEADLINE_COUNT; i++)
        while ((c = TAILQ_FIRST(&loop->list[i])) != NULL)
            ocsp_connection_close(c);
    while ((c = TAILQ_FIRST(&loop->unused)) != NULL) {
        TAILQ_REMOVE(&loop->unused, c, link);
        free(c);
    }
    if (loop->listener != NULL)
        event_free(loop->listener);
    if (loop->wake != NULL)
        event_free(loop->wake);
    if (loop->tick != NULL)
        event_free(loop->tick);
    if (loop->base != NULL)
        event_base_free(loop->base);
    if (loop->listener_fd >= 0)
        (void)close(loop->listener_fd);
    if (loop->wake_fd >= 0)
        (void)close(loop->wake_fd);
    free(loop);
}

void
ocsp_loop_wait_add(struct ocsp_loop_wait **list, struct ocsp_loop_wait *wait)
{
    assert(wait->link == NULL);
    wait->next = *list;
    wait->link = list;
    if (wait->next != NULL)
        wait->next->link = &wait->next;
    *list = wait;
}

void
ocsp_loop_answer(struct ocsp_loop_wait *wait, struct ocsp_reply *reply)
{
    struct ocsp_connection *c =
        (struct ocsp_connection *)((char *)wait -
                                   offsetof(struct ocsp_connection, wait));

    leave_list(wait);
    ocsp_connection_answer(c, reply);
}

struct ocsp_loop_stats
ocsp_loop_stats(const struct ocsp_loop *loop)
{
    return loop->stats;
}
