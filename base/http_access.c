/* The access log and its metrics; see base/http_access.h. */
#include "base/http_access.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

static struct metric connections = {
    .name = "signet_http_connections",
    .help = "Connections open now.",
    .is_gauge = true,
};

static struct metric_duration durations = {
    .name = "signet_http_request_duration_seconds",
    .help = "From the end of a request's head to its answer.",
};

static struct metric requests[] = {
    {.name = "signet_http_requests_total",
     .labels = "class=\"2xx\"",
     .help = "Requests answered, by class of status."},
    {.name = "signet_http_requests_total", .labels = "class=\"3xx\""},
    {.name = "signet_http_requests_total", .labels = "class=\"4xx\""},
    {.name = "signet_http_requests_total", .labels = "class=\"5xx\""},
};

void
http_access_register(void)
{
    size_t i;

    metric_register(&connections);
    for (i = 0; i < sizeof requests / sizeof requests[0]; i++)
        metric_register(&requests[i]);
    metric_duration_register(&durations);
}

void
http_access_answered(const struct http_exchange *exchange)
{
    const struct http_request *req = &exchange->request;
    int status = exchange->response.status;
    int64_t us = clock_now_us() - exchange->begun_us;
    bool is_own = exchange->route == NULL && status < 400;

    metric_add(&requests[status < 300   ? 0
                         : status < 400 ? 1
                         : status < 500 ? 2
                                        : 3],
               1);
    metric_duration_add(&durations, us);
    log_request_set(req->id);
    /* Supervisors ask for health all the time: no line for that. */
    log_event(is_own ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "http.request",
              LOG_TEXT("method", http_method_name(req->method)),
              LOG_TEXT("path", req->path), LOG_INT("status", status),
              LOG_INT("ms", us / 1000), LOG_TEXT("from", req->peer.address),
              LOG_TEXT("peer", req->peer.common_name));
    log_request_set(NULL);
}

void
http_access_connections(int64_t change)
{
    metric_add(&connections, change);
}
