/* signet-ra: the registration authority's service. */
#include <stdlib.h>

#include "base/http_server.h"
#include "base/log.h"
#include "base/service.h"
#include "ra/case_send.h"
#include "ra/handlers.h"
#include "ra/handlers_document.h"
#include "ra/jobs.h"
#include "ra/notice_sender.h"
#include "ra/refund.h"

enum { CONNECTION_MAX = 1024 };

struct state {
    struct ra ra;
    struct http_server_options options;
    struct http_upload upload; /* documents */
    struct http_server *server;
    struct definitions *definitions;
    struct jobs *jobs;
};

static void
ra_free(void *arg)
{
    struct state *state = arg;

    jobs_stop(state->jobs);
    http_server_free(state->server);
    vault_free(state->ra.business.vault);
    ra_clear(&state->ra);
    definitions_free(state->definitions);
    free(state);
}

static void
options_fill(struct state *state, const struct config *config)
{
    state->upload = (struct http_upload){
        .handle = handle_document_add,
        .body_max = (size_t)config_int(config, "ra.upload_max"),
        .body_timeout_ms = config_int(config, "ra.upload_timeout_s") * 1000,
    };
    state->options = (struct http_server_options){
        /* Officers bring one, applicants do not. */
        .client_certificate = HTTP_CLIENT_OPTIONAL,
        .routes = ra_routes,
        .route_count = ra_route_count,
        .headers = static_headers,
        .queue_max = (size_t)config_int(config, "ra.queue"),
        .body_max = (size_t)config_int(config, "ra.body_max"),
        .uploads = &state->upload,
        .upload_count = 1,
        .uploads_at_once = (size_t)config_int(config, "ra.uploads"),
        .connection_max = CONNECTION_MAX,
        .worker_new = ra_worker_new,
        .worker_free = ra_worker_free,
        .service = &state->ra,
        .health = ra_health,
    };
    http_server_configure(config, "ra", &state->options);
}

/* The businesses, which workers and jobs read. */
static bool
businesses_load(struct state *state, const struct config *config,
                struct error *err)
{
    if (!definitions_load(config_path(config, "ra.business_dir"),
                          config_path(config, "schema_dir"),
                          &state->definitions, err))
        return false;
    state->ra.business.definitions = state->definitions;
    return true;
}

/* Before any thread: the token is open for this moment alone. */
static bool
vault_fill(struct state *state, const struct config *config, struct error *err)
{
    struct db *db = NULL;
    bool ok = db_open(&state->ra.db, &db, err) &&
              vault_new(config, db, &state->ra.business.vault, err);

    db_close(db);
    return ok;
}

static bool
ra_start(const struct config *config, struct event_base *base, void **out,
         struct error *err)
{
    static const char *const needed[] = {"db.ra",
                                         "tls.trust_file",
                                         "ra.listen",
                                         "ra.certificate_file",
                                         "ra.key_file",
                                         "ra.ca_url",
                                         "ra.client_certificate_file",
                                         "ra.client_key_file",
                                         NULL};
    struct state *state;

    if (!config_require(config, needed, err))
        return false;
    state = base_alloc(sizeof *state);
    ra_init(&state->ra, config);
    payment_metrics();
    case_send_metrics();
    notice_metrics();
    options_fill(state, config);
    if (!vault_fill(state, config, err) ||
        !businesses_load(state, config, err) ||
        !static_load(config_path(config, "ra.web_dir"), &state->ra.files,
                     err) ||
        !http_server_new(base, &state->options, &state->server, err) ||
        !jobs_start(config, &state->ra.business, &state->ra.db, &state->jobs,
                    err)) {
        ra_free(state);
        return false;
    }
    log_event(LOG_LEVEL_INFO, "ra.listening",
              LOG_INT("port", http_server_port(state->server)));
    *out = state;
    return true;
}

static void
ra_stop(void *arg, void (*done)(void *), void *done_arg)
{
    struct state *state = arg;

    http_server_stop(state->server, HTTP_STOP_TIMEOUT_MS, done, done_arg);
}

int
main(int argc, char **argv)
{
    static const struct service service = {
        .name = "signet-ra",
        .help = "The registration authority: accounts, applications, reviews.",
        .start = ra_start,
        .stop = ra_stop,
        .free = ra_free,
    };

    return service_main(argc, argv, &service);
}
