/*
 * signet-ocsp: answers OCSP and serves CRLs and CA certificates over plain
 * HTTP. The order of start: signer processes before any thread, listeners
 * before the database is asked, so that a database that is away at start is
 * answered tryLater instead of nothing.
 */
#include <stdlib.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/service.h"
#include "ocsp/follower.h"
#include "ocsp/server.h"
#include "ocsp/signer.h"

enum { FILES_BESIDE_CONNECTIONS = 256 };

struct state {
    struct ocsp_responder responder;
    struct hsm *hsm;
    struct ocsp_signer_pool *pool;
    struct ocsp_follower *follower;
    struct ocsp_server *server;
};

static bool
open_token(const struct config *config, struct hsm **out, struct error *err)
{
    const struct hsm_options options = {
        .module = config_path(config, "hsm.module"),
        .token = config_text(config, "hsm.ocsp.token"),
        .pin_file = config_path(config, "hsm.ocsp.pin_file"),
        .lock_dir = config_path(config, "hsm.lock_dir"),
        .signer_count = (size_t)config_int(config, "hsm.ocsp.signers"),
        .signer_path = config_path(config, "hsm.signer_path"),
        .use_session_copy = config_bool(config, "hsm.session_copy"),
    };

    return hsm_open(&options, out, err);
}

/* A descriptor for each connection; what the system refuses shows up as
 * connections that are evicted early. */
static void
allow_files(int64_t connections)
{
    struct rlimit limit;
    rlim_t want = (rlim_t)connections + FILES_BESIDE_CONNECTIONS;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
        return;
    limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
    if (limit.rlim_cur < want || setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_event(LOG_LEVEL_WARN, "ocsp.few_files",
                  LOG_INT("limit", (int64_t)limit.rlim_cur),
                  LOG_INT("wanted", (int64_t)want));
}

static void
service_free(void *arg)
{
    struct state *state = arg;

    ocsp_follower_free(state->follower);
    ocsp_signer_pool_stop(state->pool);
    ocsp_server_free(state->server);
    ocsp_signer_pool_free(state->pool);
    ocsp_responder_clear(&state->responder);
    hsm_close(state->hsm);
    free(state);
}

static bool
make_parts(struct state *state, const struct config *config, struct error *err)
{
    const struct ocsp_server_options server = {
        .listen = config_text(config, "ocsp.listen"),
        .thread_count = (size_t)config_int(config, "ocsp.threads"),
        .connection_max = (size_t)config_int(config, "ocsp.connections"),
        .cache_entries = (size_t)config_int(config, "ocsp.cache_entries"),
    };
    const struct ocsp_follower_options follower = {
        .connection = config_text(config, "db.ocsp"),
        .poll_ms = config_int(config, "ocsp.poll_ms"),
    };

    state->responder.validity_s = config_int(config, "ocsp.answer_validity_s");
    state->responder.http_max_age_s = config_int(config, "ocsp.http_max_age_s");
    state->responder.is_extended_revoked =
        config_bool(config, "ocsp.extended_revoked");
    state->pool =
        ocsp_signer_pool_new(&state->responder, state->hsm,
                             (size_t)config_int(config, "hsm.ocsp.signers"),
                             (size_t)config_int(config, "ocsp.queue"),
                             (size_t)config_int(config, "ocsp.cache_entries"));
    state->follower =
        ocsp_follower_new(&follower, &state->responder, state->hsm);
    return ocsp_server_new(&server, &state->responder, state->pool,
                           &state->server, err);
}

static bool
service_start(const struct config *config, struct event_base *base, void **out,
              struct error *err)
{
    static const char *const needed[] = {"db.ocsp", "hsm.ocsp.pin_file",
                                         "ocsp.listen", NULL};
    struct state *state;

    (void)base; /* signals alone: the loops have their own */
    if (!config_require(config, needed, err))
        return false;
    state = base_alloc(sizeof *state);
    ocsp_responder_init(&state->responder);
    allow_files(config_int(config, "ocsp.connections"));
    if (!open_token(config, &state->hsm, err) ||
        !make_parts(state, config, err) ||
        !ocsp_signer_pool_start(state->pool, err) ||
        !ocsp_server_start(state->server, err) ||
        !ocsp_follower_start(state->follower, err)) {
        if (state->server != NULL)
            ocsp_server_stop(state->server);
        service_free(state);
        return false;
    }
    log_event(LOG_LEVEL_INFO, "ocsp.listening",
              LOG_TEXT("address", ocsp_server_address(state->server)));
    *out = state;
    return true;
}

/* Bounded by LOOP_STOP_MS; the main loop has nothing else to do. */
static void
service_stop(void *arg, void (*done)(void *), void *done_arg)
{
    struct state *state = arg;

    ocsp_server_stop(state->server);
    done(done_arg);
}

int
main(int argc, char **argv)
{
    static const struct service service = {
        .name = "signet-ocsp",
        .help = "Answers OCSP requests and serves CRLs and CA certificates.",
        .start = service_start,
        .stop = service_stop,
        .free = service_free,
    };

    return service_main(argc, argv, &service);
}
