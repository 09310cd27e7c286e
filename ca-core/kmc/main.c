/* signet-kmc: the key management centre's service. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/http_server.h"
#include "base/log.h"
#include "base/service.h"
#include "ca-core/kmc/handlers.h"
#include "ca-core/kmc/jobs.h"
#include "db/sql_kmc.h"

enum {
    CONNECTION_MAX = 256,
    BODY_MAX = 65536,
    QUEUE_MAX = 256,
    CONNECT_TIMEOUT_S = 3,
    STATEMENT_TIMEOUT_MS = 30000,
};

struct state {
    struct kmc_service service;
    struct hsm *hsm;
    struct http_server_options options;
    struct http_server *server;
};

static void
kmc_free(void *arg)
{
    struct state *state = arg;

    http_server_free(state->server);
    kmc_jobs_free(state->service.jobs);
    kmc_pool_free(state->service.pool);
    holding_free(state->service.holding);
    hsm_escrow_close(state->service.escrow);
    hsm_close(state->hsm);
    free(state);
}

/* Both in this process: content keys of the standby pool live in one session,
 * and an answer needs the very session that made the pair. */
static bool
open_token(struct state *state, const struct config *config, struct error *err)
{
    struct hsm_options options = {
        .module = config_path(config, "hsm.module"),
        .token = config_text(config, "hsm.kgen.token"),
        .pin_file = config_path(config, "hsm.kgen.pin_file"),
        .lock_dir = config_path(config, "hsm.lock_dir"),
        .use_session_copy = config_bool(config, "hsm.session_copy"),
    };

    return hsm_open(&options, &state->hsm, err) &&
           mark_open(state->hsm, false, &state->service.mark, err) &&
           hsm_escrow_open(&options, &state->service.escrow, err);
}

/* "rsa-2048 ec-p256" */
static bool
read_types(const char *text, bool is_kept[HSM_KEY_TYPE_COUNT],
           struct error *err)
{
    while (*text != '\0') {
        char name[16];
        size_t len = strcspn(text, " ");
        enum hsm_key_type type;

        (void)snprintf(name, sizeof name, "%.*s", (int)len, text);
        if (!hsm_key_type_find(name, &type) || !hsm_escrow_takes(type))
            return error_set(err, ERROR_INPUT,
                             "kmc.standby_types: %s is none of rsa-2048, "
                             "rsa-3072, ec-p256",
                             name);
        is_kept[type] = true;
        text += len;
        text += strspn(text, " ");
    }
    return true;
}

static bool
load_settings(struct state *state, const struct config *config,
              struct error *err)
{
    struct kmc_service *service = &state->service;
    struct kmc_pool_options pool = {
        .escrow = service->escrow,
        .min = (size_t)config_int(config, "kmc.standby_min"),
        .max = (size_t)config_int(config, "kmc.standby_max"),
    };

    if (pool.min > pool.max)
        return error_set(err, ERROR_INPUT,
                         "kmc.standby_min is more than kmc.standby_max");
    if (!read_types(config_text(config, "kmc.standby_types"), pool.is_kept,
                    err))
        return false;
    service->db = (struct db_options){
        .connection = config_text(config, "db.kmc"),
        .statements = db_kmc_statements,
        .statement_count = DB_KMC_STATEMENT_COUNT,
        .connect_timeout_s = CONNECT_TIMEOUT_S,
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
    };
    service->recovery = (struct recovery_options){
        .program = config_path(config, "kmc.recovery_path"),
        .module = config_path(config, "hsm.module"),
        .token = config_text(config, "hsm.krec.token"),
        .lock_dir = config_path(config, "hsm.lock_dir"),
    };
    service->case_s = config_int(config, "kmc.case_s");
    service->is_cms_open = config_bool(config, "kmc.cms_delivery");
    kmc_pool_new(&pool, &service->pool);
    holding_new(&service->holding);
    return true;
}

static void
options_fill(struct state *state, const struct config *config)
{
    state->options = (struct http_server_options){
        .client_certificate = HTTP_CLIENT_REQUIRED,
        .routes = kmc_routes,
        .route_count = kmc_route_count,
        .queue_max = QUEUE_MAX,
        .body_max = BODY_MAX,
        .connection_max = CONNECTION_MAX,
        .worker_new = kmc_worker_new,
        .worker_free = kmc_worker_free,
        .service = &state->service,
        .health = kmc_health,
    };
    http_server_configure(config, "kmc", &state->options);
}

static bool
kmc_start(const struct config *config, struct event_base *base, void **out,
          struct error *err)
{
    static const char *const needed[] = {
        "db.kmc",     "hsm.kgen.pin_file",    "tls.trust_file",
        "kmc.listen", "kmc.certificate_file", "kmc.key_file",
        NULL};
    struct state *state;

    if (!config_require(config, needed, err))
        return false;
    state = base_alloc(sizeof *state);
    options_fill(state, config);
    if (!open_token(state, config, err) || !load_settings(state, config, err) ||
        !kmc_jobs_new(&state->service, &state->service.jobs, err) ||
        !http_server_new(base, &state->options, &state->server, err)) {
        /* A KMC without its record key waits for `signet kmc init`. */
        if (err->code == ERROR_NOT_FOUND)
            err->code = ERROR_INPUT;
        kmc_free(state);
        return false;
    }
    log_event(LOG_LEVEL_INFO, "kmc.listening",
              LOG_INT("port", http_server_port(state->server)));
    *out = state;
    return true;
}

static void
kmc_stop(void *arg, void (*done)(void *), void *done_arg)
{
    struct state *state = arg;

    http_server_stop(state->server, HTTP_STOP_TIMEOUT_MS, done, done_arg);
}

/* Operators' shares come in JSON. */
static void
free_cleansed(void *p)
{
    if (p != NULL)
        OPENSSL_cleanse(p, malloc_usable_size(p));
    free(p);
}

int
main(int argc, char **argv)
{
    static const struct service service = {
        .name = "signet-kmc",
        .help = "The key management centre: escrow and recovery of holders' "
                "encryption keys.",
        .start = kmc_start,
        .stop = kmc_stop,
        .free = kmc_free,
    };

    json_set_alloc_funcs(malloc, free_cleansed);
    return service_main(argc, argv, &service);
}
