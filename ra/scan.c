/* Starting signet-scan and hearing it out: ra/scan.h. */
#include "ra/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    READ_AT_ONCE = 65536,
    TURN_S = 2, /* to wait for one's turn, on a thread that others want */
};

/* How many this process examines just now, and how many wait for their turn:
 * memory and processors are its host's, not the cluster's. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t left;
    int64_t under_way;
    int64_t waiting;
} turn = {.lock = PTHREAD_MUTEX_INITIALIZER, .left = PTHREAD_COND_INITIALIZER};

/* False when there are `most` already and none of them leaves soon, or as many
 * wait. */
static bool
turn_take(int64_t most)
{
    struct timespec until;
    int rc = 0;
    bool ok;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += TURN_S;
    (void)pthread_mutex_lock(&turn.lock);
    if (turn.under_way >= most && turn.waiting < most) {
        turn.waiting++;
        while (turn.under_way >= most && rc == 0)
            rc = pthread_cond_timedwait(&turn.left, &turn.lock, &until);
        turn.waiting--;
    }
    if ((ok = turn.under_way < most))
        turn.under_way++;
    (void)pthread_mutex_unlock(&turn.lock);
    return ok;
}

static void
turn_leave(void)
{
    (void)pthread_mutex_lock(&turn.lock);
    turn.under_way--;
    (void)pthread_cond_signal(&turn.left);
    (void)pthread_mutex_unlock(&turn.lock);
}

struct child {
    pid_t pid;
    int exit_fd; /* readable once it has ended */
    int out_fd;  /* its answer; not blocking */
};

/* The file as a descriptor that nobody changes any more. */
static bool
file_in_memory(const uint8_t *data, size_t len, int *out, struct error *err)
{
    int fd = memfd_create("upload", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return error_errno(err, ERROR_BUSY, "memfd_create");
    while (len > 0) {
        ssize_t done = write(fd, data, len);

        if (done <= 0) {
            error_errno(err, ERROR_BUSY, "no memory for an upload");
            goto failed;
        }
        data += done;
        len -= (size_t)done;
    }
    if (fcntl(fd, F_ADD_SEALS,
              F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0 ||
        lseek(fd, 0, SEEK_SET) != 0) {
        error_errno(err, ERROR_INTERNAL, "seal an upload");
        goto failed;
    }
    *out = fd;
    return true;
failed:
    (void)close(fd);
    return false;
}

/* As hsm/signer_process.c: nothing of ours goes along but the file and the pipe
 * for the answer. A group of its own, so that whatever it starts is killed with
 * it. */
static int
spawn(const char *path, const char *cpu_s, int in, int out, pid_t *pid)
{
    const char *const argv[] = {path, cpu_s, NULL};
    char *const environment[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int rc;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP);
    rc = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO,
                                              "/dev/null", O_WRONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(&actions,
                                                      STDERR_FILENO + 1);
    if (rc == 0)
        rc = posix_spawn(pid, path, &actions, &attributes,
                         (char *const *)(uintptr_t)argv, environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return rc;
}

/* It and all that it started are gone afterwards. */
static int
child_end(struct child *child)
{
    int status = -1;

    /* Before it is waited for, its number and its group are still its own. */
    (void)kill(-child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (child->exit_fd >= 0)
        (void)close(child->exit_fd);
    (void)close(child->out_fd);
    return status;
}

static bool
child_start(const struct config *config, int in, struct child *out,
            struct error *err)
{
    const char *path = config_path(config, "ra.scan_path");
    char cpu_s[24];
    int ends[2];
    int rc;

    (void)snprintf(cpu_s, sizeof cpu_s, "%lld",
                   (long long)config_int(config, "ra.scan_timeout_s"));
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_errno(err, ERROR_BUSY, "pipe");
    rc = spawn(path, cpu_s, in, ends[1], &out->pid);
    (void)close(ends[1]);
    if (rc != 0) {
        (void)close(ends[0]);
        errno = rc;
        return error_errno(err, ERROR_BUSY, "cannot start %s", path);
    }
    out->out_fd = ends[0];
    out->exit_fd = (int)syscall(SYS_pidfd_open, out->pid, 0);
    if (out->exit_fd < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        error_errno(err, ERROR_BUSY, "watch %s", path);
        (void)child_end(out);
        return false;
    }
    return true;
}

/* What there is to read now. False at the end, or when it says too much. */
static bool
take(int fd, struct buf *answer)
{
    uint8_t piece[READ_AT_ONCE];
    ssize_t got;

    while ((got = read(fd, piece, sizeof piece)) > 0)
        if (!buf_add(answer, piece, (size_t)got))
            return false;
    return got < 0 && (errno == EAGAIN || errno == EINTR);
}

/* Until it has ended, time is up, or it says too much. */
static void
hear(const struct child *child, int64_t until_ms, struct buf *answer,
     bool *is_late)
{
    struct pollfd on[] = {{.fd = child->exit_fd, .events = POLLIN},
                          {.fd = child->out_fd, .events = POLLIN}};
    int64_t left;

    *is_late = false;
    while ((left = until_ms - clock_monotonic_ms()) > 0) {
        if (poll(on, 2, (int)left) < 0 && errno != EINTR)
            break;
        if (on[1].revents != 0 && !take(child->out_fd, answer))
            on[1].fd = -1; /* poll() passes over it */
        if (buf_is_full(answer))
            return;
        if (on[0].revents != 0) {
            (void)take(child->out_fd, answer);
            return;
        }
    }
    *is_late = true;
}

/* However the file brought it to this, the file cannot be read. */
static bool
broke(const char *how, int64_t number, size_t len, struct error *err)
{
    log_event(LOG_LEVEL_WARN, "scan.broken", LOG_TEXT("how", how),
              LOG_INT("number", number), LOG_INT("len", (int64_t)len));
    return error_set(err, ERROR_INPUT,
                     "文件无法读取，请重新扫描 / the file cannot be read; scan "
                     "the page again");
}

static bool
examine(const struct config *config, int in, size_t len, struct scan *out,
        struct error *err)
{
    int64_t until_ms =
        clock_monotonic_ms() + config_int(config, "ra.scan_timeout_s") * 1000;
    struct buf answer = BUF_INIT(SCAN_ANSWER_MAX);
    struct child child;
    bool is_late;
    bool ok = false;
    int status;

    if (!child_start(config, in, &child, err))
        return false;
    hear(&child, until_ms, &answer, &is_late);
    status = child_end(&child);
    if (is_late)
        broke("late", config_int(config, "ra.scan_timeout_s"), len, err);
    else if (buf_is_full(&answer))
        broke("long answer", (int64_t)answer.len, len, err);
    else if (WIFSIGNALED(status))
        broke("signal", WTERMSIG(status), len, err);
    else if (WEXITSTATUS(status) == SCAN_NO_JAIL)
        error_set(err, ERROR_INTERNAL,
                  "signet-scan could not put up its walls: seccomp or "
                  "Landlock is there and refuses");
    else if (WEXITSTATUS(status) != 0)
        broke("status", WEXITSTATUS(status), len, err);
    else
        ok = scan_wire_parse(answer.data, answer.len, out, err);
    buf_clear(&answer);
    return ok;
}

bool
scan_examine(const struct config *config, const uint8_t *data, size_t len,
             struct scan *out, struct error *err)
{
    int in = -1;
    bool ok = false;

    memset(out, 0, sizeof *out);
    if (len == 0)
        return error_set(err, ERROR_INPUT, "文件为空 / the file is empty");
    if (len > SCAN_FILE_MAX)
        return error_set(err, ERROR_INPUT,
                         "文件过大，最多 %d MB / the file is larger than %d MB",
                         SCAN_FILE_MAX >> 20, SCAN_FILE_MAX >> 20);
    if (!turn_take(config_int(config, "ra.scan_max")))
        return error_set(err, ERROR_BUSY,
                         "too many uploads are examined just now");
    if (file_in_memory(data, len, &in, err)) {
        ok = examine(config, in, len, out, err);
        (void)close(in);
    }
    turn_leave();
    return ok;
}

void
scan_clear(struct scan *scan)
{
    buf_cleanse(&scan->jpegs);
    memset(scan, 0, sizeof *scan);
}
