/*
 * `service supervise`, `service status` and `service ports`: what the launcher
 * needs to keep a state folder running and to say how it is.
 */
#include "base/cli_service.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/http_client.h"
#include "base/log.h"
#include "base/supervise.h"
#include "base/text.h"

enum {
    HEALTH_TIMEOUT_MS = 3000,
    HEALTH_MAX = 65536,
    PORTS_MAX = 16,
    SERVICES_MAX = 6
};

static int
run_supervise(struct cli *cli)
{
    bool is_wrong = false;
    const char *folder = cli_option(cli, "--state", &is_wrong);
    const char *programs = cli_option(cli, "--programs", &is_wrong);
    const char *postgres = cli_option(cli, "--postgres", &is_wrong);
    const char *outside = cli_option(cli, "--outside", &is_wrong);
    bool has_kmc = cli_flag(cli, "--kmc");
    char kmc[PATH_MAX], config[PATH_MAX], ca[PATH_MAX], ra[PATH_MAX],
        ocsp[PATH_MAX];
    char server[PATH_MAX], ready[PATH_MAX], data[PATH_MAX], run[PATH_MAX];
    struct error err = {0};

    if (is_wrong || folder == NULL || programs == NULL || postgres == NULL ||
        !cli_rest(cli, 0))
        return 2;
    (void)snprintf(config, sizeof config, "%s/signet.conf", folder);
    (void)snprintf(ca, sizeof ca, "%s/signet-ca", programs);
    (void)snprintf(kmc, sizeof kmc, "%s/signet-kmc", programs);
    (void)snprintf(ra, sizeof ra, "%s/signet-ra", programs);
    (void)snprintf(ocsp, sizeof ocsp, "%s/signet-ocsp", programs);
    (void)snprintf(server, sizeof server, "%s/postgres", postgres);
    (void)snprintf(ready, sizeof ready, "%s/pg_isready", postgres);
    (void)snprintf(data, sizeof data, "%s/pg", folder);
    (void)snprintf(run, sizeof run, "%s/run", folder);
    {
        const char *const server_argv[] = {server, "-D", data, NULL};
        const char *const ready_argv[] = {
            ready, "-q", "-h", run, "-U", "signet_owner", "-d", "signet", NULL};
        const char *const ca_argv[] = {ca, "--config", config, NULL};
        const char *const ra_argv[] = {ra, "--config", config, NULL};
        const char *const ocsp_argv[] = {ocsp, "--config", config, NULL};
        const char *const kmc_argv[] = {kmc, "--config", config, NULL};
        const char *const outside_argv[] = {outside, NULL};
        struct supervised services[SERVICES_MAX] = {
            /* SIGINT is PostgreSQL's fast shutdown. */
            {"postgresql", server_argv, ready_argv, SIGINT},
            {"signet-ca", ca_argv, NULL, SIGTERM},
            {"signet-ocsp", ocsp_argv, NULL, SIGTERM},
            {"signet-ra", ra_argv, NULL, SIGTERM},
        };
        size_t count = 4;

        if (has_kmc)
            services[count++] =
                (struct supervised){"signet-kmc", kmc_argv, NULL, SIGTERM};
        /* What a demonstration has in place of the outside world. */
        if (outside != NULL)
            services[count++] = (struct supervised){
                "outside-world", outside_argv, NULL, SIGTERM};
        log_open("supervisor", LOG_LEVEL_INFO);
        if (!supervise_run(folder, services, count, &err))
            return cli_fail(cli, &err);
    }
    return 0;
}

struct health {
    bool is_healthy;
    char text[128];
};

static void
ask_health(const struct config *config, const char *url, bool is_tls,
           struct health *out)
{
    struct http_client_options options = {
        .base_url = url,
        .trust_file = is_tls ? config_path(config, "tls.trust_file") : NULL,
        .certificate_file =
            is_tls ? config_path(config, "cli.certificate_file") : NULL,
        .key_file = is_tls ? config_path(config, "cli.key_file") : NULL,
        .timeout_ms = HEALTH_TIMEOUT_MS,
        .body_max = HEALTH_MAX,
    };
    struct http_client *client = NULL;
    struct http_answer answer = {0};
    struct error err = {0};

    out->is_healthy = false;
    if (!http_client_new(&options, &client, &err) ||
        !http_client_call(client, HTTP_GET, "/health", NULL, NULL, 0, &answer,
                          &err)) {
        (void)snprintf(out->text, sizeof out->text, "no answer: %.100s",
                       err.what);
    } else {
        out->is_healthy = answer.status == 200;
        (void)snprintf(out->text, sizeof out->text, "%s",
                       out->is_healthy ? "healthy" : "unhealthy");
    }
    http_answer_clear(&answer);
    http_client_free(client);
}

/* What a service answers and where it listens. */
static bool
service_health(const struct config *config, const char *name,
               struct health *health, char *where, size_t where_max)
{
    if (strcmp(name, "signet-ca") == 0) {
        (void)snprintf(where, where_max, "%s",
                       config_text(config, "cli.ca_url"));
        ask_health(config, where, true, health);
    } else if (strcmp(name, "signet-kmc") == 0) {
        (void)snprintf(where, where_max, "%s",
                       config_text(config, "cli.kmc_url"));
        ask_health(config, where, true, health);
    } else if (strcmp(name, "signet-ra") == 0) {
        (void)snprintf(where, where_max, "%s",
                       config_text(config, "cli.ra_url"));
        ask_health(config, where, true, health);
    } else if (strcmp(name, "signet-ocsp") == 0) {
        (void)snprintf(where, where_max, "%s",
                       config_text(config, "publish.url"));
        ask_health(config, where, false, health);
    } else {
        (void)snprintf(where, where_max, "socket in run/");
        health->is_healthy = true; /* the services' health speaks for it */
        (void)snprintf(health->text, sizeof health->text, "running");
    }
    return health->is_healthy;
}

static bool
show_service(const struct config *config, const char *line)
{
    struct health health = {0};
    char name[64], where[256], since[CLOCK_TEXT_LEN + 1] = "-";
    long long started_at;
    long pid;
    int restarts;

    if (sscanf(line, "%63s %ld %lld %d", name, &pid, &started_at, &restarts) !=
        4)
        return false;
    if (pid == 0) {
        printf("%-12s  down      -        -                     %8d  -\n", name,
               restarts);
        return false;
    }
    (void)service_health(config, name, &health, where, sizeof where);
    clock_format(started_at, since);
    printf("%-12s  %-8s  %-7ld  %s  %8d  %s\n", name,
           health.is_healthy ? health.text : "UNWELL", pid, since, restarts,
           where);
    if (!health.is_healthy)
        printf("              %s\n", health.text);
    return health.is_healthy;
}

static int
run_status(struct cli *cli)
{
    bool is_wrong = false, is_well = true;
    const char *folder = cli_option(cli, "--state", &is_wrong);
    struct buf text = BUF_INIT(65536);
    struct error err = {0};
    char path[PATH_MAX];
    char *line, *rest;

    if (is_wrong || folder == NULL || !cli_rest(cli, 0))
        return 2;
    if (supervise_holder(folder) == 0) {
        printf("nothing runs in %s\n", folder);
        return 1;
    }
    (void)snprintf(path, sizeof path, "%s/run/supervisor.status", folder);
    if (!text_file_read(path, text.limit, &text, &err)) {
        buf_clear(&text);
        return cli_fail(cli, &err);
    }
    printf("service       health    process  since                 restarts"
           "  listens\n");
    rest = (char *)text.data;
    while (rest != NULL && (line = strtok_r(rest, "\n", &rest)) != NULL)
        if (!show_service(cli->config, line))
            is_well = false;
    buf_clear(&text);
    return is_well ? 0 : 1;
}

/* Ports that are free now, all held open until all are known, so that no two
 * are the same. */
static int
run_ports(struct cli *cli)
{
    int fds[PORTS_MAX];
    int64_t count;
    int status = 0;
    int i, opened = 0;

    if (!cli_rest(cli, 1) || !text_int64(cli->argv[0], 1, PORTS_MAX, &count))
        return 2;
    for (i = 0; i < (int)count && status == 0; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof at;

        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fds[i] < 0 || bind(fds[i], (struct sockaddr *)&at, len) != 0 ||
            getsockname(fds[i], (struct sockaddr *)&at, &len) != 0)
            status = 1;
        else
            printf("%d\n", ntohs(at.sin_port));
        opened++;
    }
    for (i = 0; i < opened; i++)
        if (fds[i] >= 0)
            (void)close(fds[i]);
    return status;
}

const struct cli_verb service_verbs[] = {
    {"service supervise", "--state DIR --programs DIR --postgres DIR",
     "keep the services of a state folder running", false, run_supervise},
    {"service status", "--state DIR",
     "show each service, its health and where it listens", true, run_status},
    {"service ports", "COUNT", "print free TCP ports of 127.0.0.1", false,
     run_ports},
    {NULL, NULL, NULL, false, NULL},
};
