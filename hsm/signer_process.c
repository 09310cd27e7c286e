/* Starting a signer process; see hsm/signer_process.h. */
#include "hsm/signer_process.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hsm/login.h"

enum { CHILD_SOCKET = 3, PATH_LEN_MAX = 4096 };

static void
arguments(const struct hsm_options *options, const char *argv[14])
{
    size_t n = 0;

    argv[n++] = options->signer_path;
    argv[n++] = "--module";
    argv[n++] = options->module;
    argv[n++] = "--token";
    argv[n++] = options->token;
    argv[n++] = "--pin-file";
    argv[n++] = options->pin_file;
    argv[n++] = "--lock-dir";
    argv[n++] = options->lock_dir;
    if (options->serial != NULL) {
        argv[n++] = "--serial";
        argv[n++] = options->serial;
    }
    if (options->use_session_copy)
        argv[n++] = "--session-copy";
    argv[n] = NULL;
}

/* posix_spawn, not fork: safe in a process with threads. The child gets
 * nothing but its socket and the standard streams. */
static int
spawn(const struct hsm_options *options, int socket, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    const char *argv[14];
    sigset_t none, all;
    int rc;

    arguments(options, argv);
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF);
    rc = posix_spawn_file_actions_adddup2(&actions, socket, CHILD_SOCKET);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(&actions,
                                                      CHILD_SOCKET + 1);
    if (rc == 0)
        rc = posix_spawn(pid, options->signer_path, &actions, &attributes,
                         (char *const *)(uintptr_t)argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return rc;
}

bool
signer_process_start(const struct hsm_options *options, pid_t *pid, int *fd,
                     struct error *err)
{
    int pair[2];
    int rc;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return error_errno(err, ERROR_BUSY, "socketpair");
    rc = spawn(options, pair[1], pid);
    (void)close(pair[1]);
    if (rc != 0) {
        (void)close(pair[0]);
        errno = rc;
        return error_errno(
            err, rc == ENOENT || rc == EACCES ? ERROR_INPUT : ERROR_BUSY,
            "cannot start %s", options->signer_path);
    }
    *fd = pair[0];
    return true;
}

static int64_t
in_ns(const struct timespec *at)
{
    return (int64_t)at->tv_sec * 1000000000 + at->tv_nsec;
}

void
signer_pin_state(const struct hsm_options *options,
                 struct signer_pin_state *out)
{
    struct buf path = BUF_INIT(PATH_LEN_MAX);
    struct stat info;

    memset(out, 0, sizeof *out);
    if (options->pin_file != NULL && stat(options->pin_file, &info) == 0) {
        out->dev = info.st_dev;
        out->inode = info.st_ino;
        out->len = info.st_size;
        out->mtime_ns = in_ns(&info.st_mtim);
        out->ctime_ns = in_ns(&info.st_ctim);
    }
    login_path(options, LOGIN_MARK_SUFFIX, &path);
    out->is_marked = access(buf_text(&path), F_OK) == 0;
    buf_clear(&path);
}

bool
signer_pin_changed(const struct signer_pin_state *before,
                   const struct signer_pin_state *now)
{
    return before->dev != now->dev || before->inode != now->inode ||
           before->len != now->len || before->mtime_ns != now->mtime_ns ||
           before->ctime_ns != now->ctime_ns ||
           (before->is_marked && !now->is_marked);
}
