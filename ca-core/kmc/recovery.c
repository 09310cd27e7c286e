/* signet-kmc's side of the recovery process; see ca-core/kmc/recovery.h. */
#include "ca-core/kmc/recovery.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ca-core/kmc/frame.h"

enum {
    ANSWER_TIMEOUT_S = 60, /* an RSA-3072 key on a slow token */
    END_WAIT_US = 2000,
    END_TRIES = 1500, /* three seconds */
};

struct recovery {
    pid_t pid;
    int fd;
};

extern char **environ;

static bool
start(const struct recovery_options *options, int theirs, pid_t *pid,
      struct error *err)
{
    char *const argv[] = {(char *)(uintptr_t)options->program,
                          (char *)(uintptr_t)options->module,
                          (char *)(uintptr_t)options->token,
                          (char *)(uintptr_t)options->lock_dir, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int rc;

    sigemptyset(&none);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    (void)posix_spawn_file_actions_adddup2(&actions, theirs, RECOVERY_FD);
    rc = posix_spawn(pid, options->program, &actions, &attributes, argv,
                     environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    errno = rc;
    return rc == 0 ||
           error_errno(err, ERROR_INTERNAL, "start %s", options->program);
}

/* One question and its answer; `out` gets the field of the answer. */
static bool
ask(struct recovery *recovery, const struct frame *question, struct buf *out,
    struct error *err)
{
    struct buf data = BUF_INIT(FRAME_MAX);
    struct frame answer;
    bool is_end, ok = false;

    if (!frame_write(recovery->fd, question, err) ||
        !frame_read(recovery->fd, &data, &answer, &is_end, err)) {
        if (err->code != ERROR_INTERNAL)
            err->code = ERROR_BUSY;
        (void)error_wrap(err, "recovery process");
    } else if (answer.verb == FRAME_FAILED && answer.count == 2 &&
               answer.field[0].len == 1 &&
               answer.field[0].data[0] <= ERROR_INTERNAL) {
        (void)error_set(err, (enum error_code)answer.field[0].data[0], "%.*s",
                        (int)answer.field[1].len,
                        (const char *)answer.field[1].data);
    } else if (answer.verb != FRAME_DONE ||
               answer.count != (out != NULL ? 1U : 0U)) {
        (void)error_set(err, ERROR_INTERNAL,
                        "the recovery process answers what was not asked");
    } else {
        ok = out == NULL ||
             buf_add(out, answer.field[0].data, answer.field[0].len) ||
             error_set(err, ERROR_INTERNAL, "answer too long");
    }
    buf_cleanse(&data);
    return ok;
}

bool
recovery_open(const struct recovery_options *options,
              const struct share *shares, unsigned count, struct recovery **out,
              struct error *err)
{
    struct timeval limit = {.tv_sec = ANSWER_TIMEOUT_S};
    struct recovery *recovery = base_alloc(sizeof *recovery);
    struct frame hello = {.verb = FRAME_OPEN, .count = count};
    int ends[2] = {-1, -1};
    bool ok = false;

    recovery->fd = -1;
    if (count > SHAMIR_PLACES_MAX) {
        (void)error_set(err, ERROR_INPUT, "%u shares", count);
        goto out;
    }
    for (unsigned i = 0; i < count; i++)
        hello.field[i] = (struct frame_field){shares[i].octet, SHARE_LEN};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        (void)error_errno(err, ERROR_INTERNAL, "socket pair");
        goto out;
    }
    recovery->fd = ends[0];
    /* dup2() onto itself would leave it closed at exec. */
    if (ends[1] == RECOVERY_FD) {
        ends[1] = fcntl(ends[1], F_DUPFD_CLOEXEC, RECOVERY_FD + 1);
        (void)close(RECOVERY_FD);
    }
    if (setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) !=
            0 ||
        !start(options, ends[1], &recovery->pid, err))
        goto out;
    (void)close(ends[1]);
    ends[1] = -1;
    ok = ask(recovery, &hello, NULL, err);
out:
    if (ends[1] >= 0)
        (void)close(ends[1]);
    if (ok)
        *out = recovery;
    else
        recovery_close(recovery);
    return ok;
}

void
recovery_close(struct recovery *recovery)
{
    int tries = 0;

    if (recovery == NULL)
        return;
    if (recovery->fd >= 0)
        (void)close(recovery->fd);
    /* It ends when its socket closes; by force if it does not. */
    while (recovery->pid > 0 && waitpid(recovery->pid, NULL, WNOHANG) == 0) {
        if (tries++ == END_TRIES)
            (void)kill(recovery->pid, SIGKILL);
        (void)usleep(END_WAIT_US);
    }
    free(recovery);
}

static struct frame
about(enum frame_verb verb, const struct hsm_recovery_blob *blob)
{
    return (struct frame){
        .verb = (uint8_t)verb,
        .count = 4,
        .field = {{blob->id, blob->id_len},
                  {blob->content_key, blob->content_key_len},
                  {blob->wrapped, blob->wrapped_len},
                  {blob->spki, blob->spki_len}},
    };
}

bool
recovery_make_key(struct recovery *recovery, const uint8_t *id, size_t id_len,
                  struct buf *spki, struct error *err)
{
    struct frame question = {
        .verb = FRAME_MAKE_KEY, .count = 1, .field = {{id, id_len}}};

    return ask(recovery, &question, spki, err);
}

bool
recovery_rewrap(struct recovery *recovery, const struct hsm_recovery_blob *blob,
                const uint8_t *target_spki, size_t target_spki_len,
                struct buf *out, struct error *err)
{
    struct frame question = {
        .verb = FRAME_REWRAP,
        .count = 3,
        .field = {{blob->id, blob->id_len},
                  {blob->content_key, blob->content_key_len},
                  {target_spki, target_spki_len}},
    };

    return ask(recovery, &question, out, err);
}

bool
recovery_prove(struct recovery *recovery, const struct hsm_recovery_blob *blob,
               struct error *err)
{
    struct frame question = about(FRAME_PROVE, blob);

    return ask(recovery, &question, NULL, err);
}

bool
recovery_envelop(struct recovery *recovery,
                 const struct hsm_recovery_blob *blob,
                 const uint8_t *certificate, size_t certificate_len,
                 struct buf *out, struct error *err)
{
    struct frame question = about(FRAME_ENVELOP, blob);

    question.field[question.count++] =
        (struct frame_field){certificate, certificate_len};
    return ask(recovery, &question, out, err);
}
