/* Requests to their answers; see ocsp/server.h. */
#include "ocsp/server.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "ocsp/desk.h"
#include "ocsp/health.h"
#include "ocsp/target.h"

struct server_thread {
    struct ocsp_server *server;
    struct ocsp_loop *loop;
    struct ocsp_desk desk;
    uint64_t told[DESK_COUNT]; /* of desk.count, in the metrics already */
    struct ocsp_loop_stats stats_told;
    bool is_started;
};

struct ocsp_server {
    struct ocsp_responder *responder;
    struct ocsp_signer_pool *pool;
    size_t thread_count;
    struct server_thread thread[];
};

static struct metric answers[DESK_COUNT] = {
    [DESK_CACHED] = {.name = "signet_ocsp_answers_total",
                     .labels = "kind=\"cached\"",
                     .help = "OCSP requests answered."},
    [DESK_SIGNED] = {.name = "signet_ocsp_answers_total",
                     .labels = "kind=\"signed\""},
    [DESK_NOT_MODIFIED] = {.name = "signet_ocsp_answers_total",
                           .labels = "kind=\"not-modified\""},
    [DESK_MALFORMED] = {.name = "signet_ocsp_answers_total",
                        .labels = "kind=\"malformed\""},
    [DESK_UNAUTHORIZED] = {.name = "signet_ocsp_answers_total",
                           .labels = "kind=\"unauthorized\""},
    [DESK_TRY_LATER] = {.name = "signet_ocsp_answers_total",
                        .labels = "kind=\"try-later\""},
};
static struct metric connections_open = {.name = "signet_ocsp_connections",
                                         .help = "Connections open now.",
                                         .is_gauge = true};
static struct metric connections_accepted = {
    .name = "signet_ocsp_connections_total", .help = "Connections accepted."};
static struct metric connections_evicted = {
    .name = "signet_ocsp_connections_evicted_total",
    .help = "Idle connections closed to make room."};
static struct metric connections_expired = {
    .name = "signet_ocsp_connections_expired_total",
    .help = "Connections closed because a deadline had passed."};

static struct ocsp_reply *
text(struct ocsp_desk *desk, int status, const char *line, const char *body)
{
    return ocsp_desk_hold(desk, ocsp_reply_new_with(status,
                                                    "text/plain; charset=utf-8",
                                                    line, body, strlen(body)));
}

static struct ocsp_reply *
not_found(struct ocsp_desk *desk)
{
    return text(desk, 404, "", "not found\n");
}

static struct ocsp_reply *
refuse(void *arg, int status)
{
    struct server_thread *thread = arg;

    return text(&thread->desk, status, "", "request refused\n");
}

static bool
begins(struct http_span path, const char *prefix)
{
    size_t len = strlen(prefix);

    return path.len >= len && memcmp(path.data, prefix, len) == 0;
}

static bool
is(struct http_span path, const char *whole)
{
    return path.len == strlen(whole) && begins(path, whole);
}

static struct ocsp_reply *
post(struct server_thread *thread, const struct ocsp_loop_request *request,
     struct ocsp_loop_wait *wait)
{
    struct http_span path = request->head->path;

    if (!is(path, "/ocsp") && !is(path, "/") && !is(path, "/ocsp/"))
        return text(&thread->desk, 405, "Allow: GET, HEAD\r\n",
                    "ask with GET\n");
    if (!http_span_media_type_is(request->head->content_type,
                                 "application/ocsp-request"))
        return text(&thread->desk, 415, "", "send application/ocsp-request\n");
    return ocsp_desk_ask(&thread->desk,
                         (struct der){request->body, request->body_len},
                         request->head, wait);
}

/* RFC 6960, A.1: {url}/{base64}. Clients that add a slash to a URL that ends
 * in one are understood: base64 of a SEQUENCE never begins with a slash. */
static struct ocsp_reply *
get_ocsp(struct server_thread *thread, const struct ocsp_loop_request *request,
         struct ocsp_loop_wait *wait, size_t prefix_len)
{
    struct http_span path = request->head->path;
    uint8_t der[TARGET_DER_MAX];
    size_t len;

    path.data += prefix_len;
    path.len -= prefix_len;
    while (path.len > 0 && path.data[0] == '/') {
        path.data++;
        path.len--;
    }
    if (!ocsp_target_decode(path, der, &len))
        len = 0; /* an empty request is malformed too */
    return ocsp_desk_ask(&thread->desk, (struct der){der, len}, request->head,
                         wait);
}

static struct ocsp_reply *
get_published(struct server_thread *thread, const struct http_head *head)
{
    struct ocsp_desk *desk = &thread->desk;
    const struct ocsp_published_item *item;
    struct ocsp_reply *reply = NULL;

    ocsp_grace_enter(desk->reader);
    item = ocsp_published_find(
        atomic_load_explicit(&desk->responder->published, memory_order_acquire),
        head->path);
    if (item != NULL)
        reply = ocsp_reply_ref(item->reply);
    ocsp_grace_leave(desk->reader);
    if (reply == NULL)
        return not_found(desk);
    (void)ocsp_desk_hold(desk, reply);
    return ocsp_desk_conditional(desk, reply, head);
}

static void tell(struct server_thread *thread);

static struct ocsp_reply *
get(struct server_thread *thread, const struct ocsp_loop_request *request,
    struct ocsp_loop_wait *wait)
{
    struct http_span path = request->head->path;
    struct ocsp_server *server = thread->server;

    if (begins(path, "/ocsp/"))
        return get_ocsp(thread, request, wait, strlen("/ocsp/"));
    if (begins(path, "/crl/") || begins(path, "/ca/"))
        return get_published(thread, request->head);
    if (is(path, "/health"))
        return ocsp_desk_hold(&thread->desk,
                              ocsp_health_reply(server->responder,
                                                thread->desk.reader,
                                                server->pool, clock_now()));
    if (is(path, "/metrics")) {
        tell(thread);
        return ocsp_desk_hold(&thread->desk, ocsp_health_metrics_reply());
    }
    /* At the root: 'M' begins the base64 of every SEQUENCE. */
    if (begins(path, "/M") || begins(path, "//M"))
        return get_ocsp(thread, request, wait, 1);
    return not_found(&thread->desk);
}

static struct ocsp_reply *
handle(void *arg, const struct ocsp_loop_request *request,
       struct ocsp_loop_wait *wait)
{
    struct server_thread *thread = arg;

    switch (request->head->method) {
    case HTTP_POST:
        return post(thread, request, wait);
    case HTTP_GET:
    case HTTP_HEAD:
        return get(thread, request, wait);
    default:
        return text(&thread->desk, 405, "Allow: GET, HEAD, POST\r\n",
                    "ask with GET or POST\n");
    }
}

static void
woken(void *arg)
{
    struct server_thread *thread = arg;

    ocsp_desk_collect(&thread->desk);
}

static void
add_difference(struct metric *metric, uint64_t now, uint64_t *told)
{
    metric_add(metric, (int64_t)(now - *told));
    *told = now;
}

/* What this thread has counted since the last time goes to the metrics. */
static void
tell(struct server_thread *thread)
{
    struct ocsp_loop_stats now = ocsp_loop_stats(thread->loop);
    struct ocsp_loop_stats *told = &thread->stats_told;
    size_t i;

    for (i = 0; i < DESK_COUNT; i++)
        add_difference(&answers[i], thread->desk.count[i], &thread->told[i]);
    metric_add(&connections_open,
               (int64_t)now.connections - (int64_t)told->connections);
    told->connections = now.connections;
    add_difference(&connections_accepted, now.accepted, &told->accepted);
    add_difference(&connections_evicted, now.evicted, &told->evicted);
    add_difference(&connections_expired, now.expired, &told->expired);
}

static void
tick(void *arg)
{
    struct server_thread *thread = arg;

    ocsp_desk_refresh(&thread->desk);
    tell(thread);
}

static const struct ocsp_loop_service loop_service = {
    .handle = handle, .woken = woken, .tick = tick, .refuse = refuse};

static void
register_metrics(void)
{
    size_t i;

    for (i = 0; i < DESK_COUNT; i++)
        metric_register(&answers[i]);
    metric_register(&connections_open);
    metric_register(&connections_accepted);
    metric_register(&connections_evicted);
    metric_register(&connections_expired);
}

bool
ocsp_server_new(const struct ocsp_server_options *options,
                struct ocsp_responder *responder, struct ocsp_signer_pool *pool,
                struct ocsp_server **out, struct error *err)
{
    size_t n = options->thread_count, i;
    struct ocsp_server *server =
        base_alloc(sizeof *server + n * sizeof server->thread[0]);
    const char *listen = options->listen;
    struct server_thread *thread;

    register_metrics();
    server->responder = responder;
    server->pool = pool;
    for (i = 0; i < n; i++) {
        thread = &server->thread[i];
        thread->server = server;
        if (!ocsp_loop_new(listen, 1 + options->connection_max / n,
                           &loop_service, thread, &thread->loop, err)) {
            ocsp_server_free(server);
            return false;
        }
        server->thread_count++;
        ocsp_desk_init(&thread->desk, responder, pool, options->cache_entries);
        thread->desk.loop = thread->loop;
        listen = ocsp_server_address(server); /* the port that was chosen */
    }
    *out = server;
    return true;
}

const char *
ocsp_server_address(const struct ocsp_server *server)
{
    return ocsp_loop_address(server->thread[0].loop);
}

bool
ocsp_server_start(struct ocsp_server *server, struct error *err)
{
    size_t i;

    for (i = 0; i < server->thread_count; i++) {
        if (!ocsp_loop_start(server->thread[i].loop, err))
            return false;
        server->thread[i].is_started = true;
    }
    return true;
}

void
ocsp_server_stop(struct ocsp_server *server)
{
    size_t i;

    for (i = 0; i < server->thread_count; i++)
        if (server->thread[i].is_started)
            ocsp_loop_stop(server->thread[i].loop);
    for (i = 0; i < server->thread_count; i++)
        if (server->thread[i].is_started) {
            ocsp_loop_join(server->thread[i].loop);
            server->thread[i].is_started = false;
        }
}

void
ocsp_server_free(struct ocsp_server *server)
{
    size_t i;

    if (server == NULL)
        return;
    for (i = 0; i < server->thread_count; i++) {
        /* Connections first: they leave the lists of those who wait. */
        ocsp_loop_free(server->thread[i].loop);
        ocsp_desk_clear(&server->thread[i].desk);
    }
    free(server);
}
