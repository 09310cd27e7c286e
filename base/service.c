/* The frame of every service; see base/service.h. */
#include "base/service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/thread.h>

#include "base/log.h"

struct run {
    const struct service *service;
    struct event_base *base;
    void *state;
    bool is_stopping;
};

static void
print_help(const struct service *service)
{
    printf("usage: %s --config FILE\n       %s --help | --version\n\n%s\n",
           service->name, service->name, service->help);
}

/* Secrets in memory stay out of core files and of other processes' reach. */
static bool
protect(struct error *err)
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) != 0 ||
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return error_errno(err, ERROR_INTERNAL, "cannot forbid core files");
    /* A peer that went away is an error of write(), not our death. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return error_errno(err, ERROR_INTERNAL, "cannot ignore SIGPIPE");
    return true;
}

/* sd_notify(3) without the library: one datagram to the supervisor. */
static void
notify(const char *message)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    socklen_t len;
    int fd;

    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, strlen(path));
    len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@') /* the abstract name space */
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (sendto(fd, message, strlen(message), MSG_NOSIGNAL,
               (struct sockaddr *)&to, len) < 0)
        log_event(LOG_LEVEL_WARN, "service.notify",
                  LOG_TEXT("cause", strerror(errno)));
    (void)close(fd);
}

static void
on_stopped(void *arg)
{
    struct run *run = arg;

    (void)event_base_loopbreak(run->base);
}

/* The first signal asks for a graceful stop, the second does not wait. */
static void
on_signal(evutil_socket_t signal_number, short what, void *arg)
{
    struct run *run = arg;

    (void)what;
    log_event(LOG_LEVEL_INFO, "service.stopping",
              LOG_INT("signal", (int64_t)signal_number));
    if (run->is_stopping) {
        on_stopped(run);
        return;
    }
    run->is_stopping = true;
    notify("STOPPING=1");
    run->service->stop(run->state, on_stopped, run);
}

static bool
run_loop(struct run *run, struct error *err)
{
    struct event *term = evsignal_new(run->base, SIGTERM, on_signal, run);
    struct event *interrupt = evsignal_new(run->base, SIGINT, on_signal, run);
    bool ok = false;

    if (term == NULL || interrupt == NULL || event_add(term, NULL) != 0 ||
        event_add(interrupt, NULL) != 0) {
        (void)error_set(err, ERROR_INTERNAL, "cannot wait for signals");
        goto out;
    }
    log_event(LOG_LEVEL_INFO, "service.ready",
              LOG_TEXT("version", SIGNET_VERSION));
    notify("READY=1");
    if (event_base_dispatch(run->base) < 0)
        (void)error_set(err, ERROR_INTERNAL, "the event loop failed");
    else
        ok = true;
out:
    if (term != NULL)
        event_free(term);
    if (interrupt != NULL)
        event_free(interrupt);
    return ok;
}

static bool
run_service(const struct config *config, const struct service *service,
            struct error *err)
{
    struct run run = {.service = service};
    bool ok = false;

    if (!protect(err))
        return false;
    if (evthread_use_pthreads() != 0 || (run.base = event_base_new()) == NULL)
        return error_set(err, ERROR_INTERNAL, "cannot make an event loop");
    if (service->start(config, run.base, &run.state, err)) {
        ok = run_loop(&run, err);
        service->free(run.state);
    }
    event_base_free(run.base);
    return ok;
}

static enum log_level
level_of(const char *name)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    size_t i = 0;

    while (strcmp(names[i], name) != 0)
        i++;
    return (enum log_level)i;
}

int
service_main(int argc, char **argv, const struct service *service)
{
    struct config *config = NULL;
    struct error err = {0};
    bool ok;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        print_help(service);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("%s %s\n", service->name, SIGNET_VERSION);
        return 0;
    }
    if (argc != 3 || strcmp(argv[1], "--config") != 0) {
        print_help(service);
        return EX_USAGE;
    }
    log_open(service->name, LOG_LEVEL_INFO);
    ok = config_load(argv[2], &config, &err);
    if (ok) {
        log_open(service->name, level_of(config_text(config, "log.level")));
        ok = run_service(config, service, &err);
    }
    if (!ok)
        log_failure("service.failed", &err);
    else
        log_event(LOG_LEVEL_INFO, "service.stopped",
                  LOG_TEXT("version", SIGNET_VERSION));
    config_free(config);
    if (ok)
        return 0;
    return err.code == ERROR_INPUT || err.code == ERROR_DENIED ? EX_CONFIG
                                                               : EX_SOFTWARE;
}
