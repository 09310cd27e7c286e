/* signet-ca: the CA core's service. */
#include <stdlib.h>

#include "base/http_server.h"
#include "base/log.h"
#include "base/service.h"
#include "ca-core/handlers.h"
#include "ca-core/jobs.h"
#include "db/sql_ca.h"

enum {
    CONNECTION_MAX = 1024,
    CONNECT_TIMEOUT_S = 3,
    DAY_S = 86400,
    STATEMENT_TIMEOUT_MS = 30000, /* an order of 10,000 certificates fits */
};

static const struct http_peer_name peers[] = {
    {"ra", "signet-ra"},
    {"admin", "signet-admin"},
    {"auditor", "signet-auditor"},
};

struct state {
    struct ca_service service;
    struct http_server_options options;
    struct http_server *server;
    struct jobs *jobs;
};

/* Whoever waits for the writer goes first. */
static void
ca_free(void *arg)
{
    struct state *state = arg;

    http_server_free(state->server);
    jobs_free(state->jobs);
    issue_free(state->service.issue);
    issuers_free(state->service.issuers);
    hsm_close(state->service.hsm);
    profile_set_clear(&state->service.profiles);
    free(state);
}

static bool
open_token(struct ca_service *service, const struct config *config,
           struct error *err)
{
    struct hsm_options options = {
        .module = config_path(config, "hsm.module"),
        .token = config_text(config, "hsm.ca.token"),
        .pin_file = config_path(config, "hsm.ca.pin_file"),
        .lock_dir = config_path(config, "hsm.lock_dir"),
        .signer_count = (size_t)config_int(config, "hsm.ca.signers"),
        .signer_path = config_path(config, "hsm.signer_path"),
        .use_session_copy = config_bool(config, "hsm.session_copy"),
    };

    service->token = options.token;
    return hsm_open(&options, &service->hsm, err);
}

static bool
load_settings(struct ca_service *service, const struct config *config,
              struct error *err)
{
    service->config = config;
    service->db = (struct db_options){
        .connection = config_text(config, "db.ca"),
        .statements = db_ca_statements,
        .statement_count = DB_CA_STATEMENT_COUNT,
        .connect_timeout_s = CONNECT_TIMEOUT_S,
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
    };
    service->world = (struct order_world){
        .profiles = &service->profiles,
        .publish_url = config_text(config, "publish.url"),
        .clock_tolerance_s = config_int(config, "ca.clock_tolerance_s"),
        .activation_max_s =
            config_int(config, "ca.activation_max_days") * DAY_S,
        .passkey_origins = config_text(config, "ca.passkey_origins"),
    };
    if (!escrow_options_load(config, &service->escrow, err))
        return false;
    service->world.makes_pairs = service->escrow.url != NULL;
    return profile_set_load(config_path(config, "ca.profiles_dir"),
                            config_path(config, "schema_dir"),
                            &service->profiles, err) &&
           crl_schedule_load(config, &service->crl, err);
}

static bool
start_writer(struct ca_service *service, const struct config *config,
             struct error *err)
{
    struct issue_options options = {
        .db = &service->db,
        .signer_count = (size_t)config_int(config, "hsm.ca.signers"),
        .queue_max = (size_t)config_int(config, "ca.queue"),
        .clock_tolerance_s = service->world.clock_tolerance_s,
    };

    issuers_new(service->hsm, service->token, &service->issuers);
    options.issuers = service->issuers;
    return issue_new(&options, &service->issue, err);
}

static void
options_fill(struct state *state, const struct config *config)
{
    state->options = (struct http_server_options){
        .client_certificate = HTTP_CLIENT_REQUIRED,
        .peers = peers,
        .peer_count = sizeof peers / sizeof *peers,
        .routes = ca_routes,
        .route_count = ca_route_count,
        .queue_max = (size_t)config_int(config, "ca.queue"),
        .body_max = API_BODY_MAX,
        .connection_max = CONNECTION_MAX,
        .worker_new = ca_worker_new,
        .worker_free = ca_worker_free,
        .service = &state->service,
        .admit = ca_worker_admit,
        .health = ca_health,
    };
    http_server_configure(config, "ca", &state->options);
}

static bool
ca_start(const struct config *config, struct event_base *base, void **out,
         struct error *err)
{
    static const char *const needed[] = {"db.ca",
                                         "hsm.ca.pin_file",
                                         "tls.trust_file",
                                         "ca.listen",
                                         "ca.certificate_file",
                                         "ca.key_file",
                                         "publish.url",
                                         NULL};
    struct state *state;

    if (!config_require(config, needed, err))
        return false;
    state = base_alloc(sizeof *state);
    options_fill(state, config);
    /* The signer processes are made before any thread is. */
    if (!load_settings(&state->service, config, err) ||
        !open_token(&state->service, config, err) ||
        !start_writer(&state->service, config, err) ||
        !jobs_new(&state->service, &state->jobs, err) ||
        !http_server_new(base, &state->options, &state->server, err)) {
        ca_free(state);
        return false;
    }
    log_event(LOG_LEVEL_INFO, "ca.listening",
              LOG_INT("port", http_server_port(state->server)));
    *out = state;
    return true;
}

static void
ca_stop(void *arg, void (*done)(void *), void *done_arg)
{
    struct state *state = arg;

    http_server_stop(state->server, HTTP_STOP_TIMEOUT_MS, done, done_arg);
}

int
main(int argc, char **argv)
{
    static const struct service service = {
        .name = "signet-ca",
        .help = "The CA core: orders in, certificates out, CRLs, the log.",
        .start = ca_start,
        .stop = ca_stop,
        .free = ca_free,
    };

    return service_main(argc, argv, &service);
}
