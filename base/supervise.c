/* The supervisor of a state folder; see base/supervise.h. */
#include "base/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_LAST_MS = 2000,
    STEADY_MS = 2000,          /* up this long: the next death starts afresh */
    CONFIG_BACKOFF_MS = 30000, /* after EX_CONFIG: a person must act */
    EX_CONFIG_STATUS = 78,
    READY_TRIES = 300,
    READY_WAIT_MS = 100,
    STOP_WAIT_MS = 20000,
    TICK_MS = 1000,
};

struct child {
    const struct supervised *service;
    pid_t pid; /* 0: down */
    int64_t started_at;
    int64_t started_ms;
    int64_t next_ms; /* when to start again */
    int64_t backoff_ms;
    int restarts;
};

static void
path_in(char out[PATH_MAX], const char *folder, const char *name)
{
    (void)snprintf(out, PATH_MAX, "%s/%s", folder, name);
}

static void
write_status(const char *folder, const struct child *children, size_t count)
{
    struct buf text = BUF_INIT(65536);
    char path[PATH_MAX];
    struct error err = {0};
    size_t i;

    for (i = 0; i < count; i++)
        (void)buf_addf(&text, "%s %ld %lld %d\n", children[i].service->name,
                       (long)children[i].pid, (long long)children[i].started_at,
                       children[i].restarts);
    path_in(path, folder, "run/supervisor.status");
    if (!text_file_write(path, buf_text(&text), text.len, 0644, &err))
        log_failure("supervisor.status", &err);
    buf_clear(&text);
}

/* In the child: never returns. */
static void
become(const char *folder, const struct supervised *service)
{
    char name[PATH_MAX], path[PATH_MAX];
    sigset_t none;
    int log_fd, null_fd;

    (void)setpgid(0, 0); /* a terminal's ^C is for the supervisor to judge */
    /* Nobody would start them again or stop them without us. */
    (void)prctl(PR_SET_PDEATHSIG, service->stop_signal);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)snprintf(name, sizeof name, "log/%s.log", service->name);
    path_in(path, folder, name);
    log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0640);
    null_fd = open("/dev/null", O_RDONLY);
    if (log_fd < 0 || null_fd < 0 || dup2(null_fd, 0) < 0 ||
        dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0)
        _exit(EX_CONFIG_STATUS);
    (void)close(log_fd);
    (void)close(null_fd);
    execv(service->argv[0], (char *const *)service->argv);
    _exit(EX_CONFIG_STATUS);
}

static void
start_child(const char *folder, struct child *child)
{
    pid_t pid = fork();

    if (pid == 0)
        become(folder, child->service);
    if (pid < 0) {
        child->next_ms = clock_monotonic_ms() + BACKOFF_LAST_MS;
        return;
    }
    child->pid = pid;
    child->started_at = clock_now();
    child->started_ms = clock_monotonic_ms();
    log_event(LOG_LEVEL_INFO, "service.started",
              LOG_TEXT("name", child->service->name), LOG_INT("pid", pid));
}

/* Runs a short command; true when it ends with 0. */
static bool
command_succeeds(const char *const *argv)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        int fd = open("/dev/null", O_WRONLY);

        if (fd >= 0) {
            (void)dup2(fd, 1);
            (void)dup2(fd, 2);
        }
        execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static void
sleep_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000};

    (void)nanosleep(&t, NULL);
}

static void
wait_until_ready(const struct child *child)
{
    int tries;

    if (child->service->ready == NULL)
        return;
    for (tries = 0; tries < READY_TRIES; tries++) {
        if (command_succeeds(child->service->ready))
            return;
        sleep_ms(READY_WAIT_MS);
    }
    log_event(LOG_LEVEL_WARN, "service.slow",
              LOG_TEXT("name", child->service->name));
}

static void
note_death(struct child *child, int status)
{
    int64_t now = clock_monotonic_ms();
    bool is_config =
        WIFEXITED(status) && WEXITSTATUS(status) == EX_CONFIG_STATUS;

    log_event(LOG_LEVEL_ERROR, "service.died",
              LOG_TEXT("name", child->service->name),
              LOG_INT("pid", child->pid),
              LOG_INT("status", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
              LOG_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0));
    child->pid = 0;
    child->restarts++;
    if (now - child->started_ms > STEADY_MS || child->backoff_ms == 0)
        child->backoff_ms = BACKOFF_FIRST_MS;
    else if (child->backoff_ms < BACKOFF_LAST_MS)
        child->backoff_ms *= 2;
    child->next_ms = now + (is_config ? CONFIG_BACKOFF_MS : child->backoff_ms);
}

/* True when something died. */
static bool
reap(struct child *children, size_t count)
{
    bool any = false;
    int status;
    pid_t pid;
    size_t i;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (i = 0; i < count; i++)
            if (children[i].pid == pid) {
                note_death(&children[i], status);
                any = true;
            }
    return any;
}

/* True when something was started. */
static bool
start_due(const char *folder, struct child *children, size_t count)
{
    int64_t now = clock_monotonic_ms();
    bool any = false;
    size_t i;

    for (i = 0; i < count; i++)
        if (children[i].pid == 0 && now >= children[i].next_ms) {
            start_child(folder, &children[i]);
            any = true;
        }
    return any;
}

/* How long until something is due, at most TICK_MS. */
static int64_t
next_wait_ms(const struct child *children, size_t count)
{
    int64_t now = clock_monotonic_ms(), wait = TICK_MS;
    size_t i;

    for (i = 0; i < count; i++)
        if (children[i].pid == 0 && children[i].next_ms - now < wait)
            wait = children[i].next_ms > now ? children[i].next_ms - now : 1;
    return wait;
}

/* In reverse order, so that the database goes last and everybody can finish. */
static void
stop_all(struct child *children, size_t count)
{
    size_t i = count;

    while (i-- > 0) {
        int64_t deadline = clock_monotonic_ms() + STOP_WAIT_MS;

        if (children[i].pid == 0)
            continue;
        (void)kill(children[i].pid, children[i].service->stop_signal);
        while (waitpid(children[i].pid, NULL, WNOHANG) == 0) {
            if (clock_monotonic_ms() > deadline) {
                (void)kill(children[i].pid, SIGKILL);
                (void)waitpid(children[i].pid, NULL, 0);
                break;
            }
            sleep_ms(20);
        }
        log_event(LOG_LEVEL_INFO, "service.stopped",
                  LOG_TEXT("name", children[i].service->name));
        children[i].pid = 0;
    }
}

static void
watch(const char *folder, struct child *children, size_t count,
      const sigset_t *signals)
{
    for (;;) {
        int64_t wait_ms = next_wait_ms(children, count);
        struct timespec wait = {wait_ms / 1000, (wait_ms % 1000) * 1000000};
        int signal_number = sigtimedwait(signals, NULL, &wait);
        bool is_changed;

        if (signal_number == SIGTERM || signal_number == SIGINT)
            return;
        is_changed = reap(children, count);
        if (start_due(folder, children, count))
            is_changed = true;
        if (is_changed)
            write_status(folder, children, count);
    }
}

/* The lock is held as long as the process lives. */
static bool
take_lock(const char *folder, struct error *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_MAX], text[32];
    int fd, len;

    path_in(path, folder, "run/supervisor.pid");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_errno(err, ERROR_INTERNAL, "cannot open %s", path);
    if (fcntl(fd, F_SETLK, &lock) != 0) {
        (void)close(fd);
        return error_set(err, ERROR_CONFLICT,
                         "another supervisor keeps %s running", folder);
    }
    len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || write(fd, text, (size_t)len) != len)
        return error_errno(err, ERROR_INTERNAL, "cannot write %s", path);
    return true;
}

pid_t
supervise_holder(const char *folder)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_MAX];
    int fd;

    path_in(path, folder, "run/supervisor.pid");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
        lock.l_pid = 0;
    (void)close(fd);
    return lock.l_pid;
}

bool
supervise_run(const char *folder, const struct supervised *services,
              size_t count, struct error *err)
{
    struct child *children;
    sigset_t signals;
    size_t i;

    if (!take_lock(folder, err))
        return false;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    children = base_alloc(count * sizeof *children);
    for (i = 0; i < count; i++) {
        children[i].service = &services[i];
        start_child(folder, &children[i]);
        wait_until_ready(&children[i]);
    }
    write_status(folder, children, count);
    watch(folder, children, count, &signals);
    stop_all(children, count);
    write_status(folder, children, count);
    free(children);
    return true;
}
