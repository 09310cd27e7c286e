/* A private SoftHSM; see tests/unit/soft_token.h. */
#include "tests/unit/soft_token.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

#include "base/text.h"

void
soft_token_ignore_leaks(bool is_on)
{
#if defined(__SANITIZE_ADDRESS__)
    if (is_on)
        __lsan_disable();
    else
        __lsan_enable();
#else
    (void)is_on;
#endif
}

static void
must(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

int
soft_token_run(const char *const *argv)
{
    posix_spawn_file_actions_t quiet;
    int status = -1;
    pid_t pid;

    (void)posix_spawn_file_actions_init(&quiet);
    (void)posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    must(posix_spawnp(&pid, argv[0], &quiet, NULL,
                      (char *const *)(uintptr_t)argv, environ) == 0,
         argv[0]);
    (void)posix_spawn_file_actions_destroy(&quiet);
    must(waitpid(pid, &status, 0) == pid, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

void
soft_token_add(const struct soft_token *token, const char *label)
{
    const char *const init[] = {
        "softhsm2-util", "--init-token", "--free",   "--label",  label,
        "--pin",         SOFT_TOKEN_PIN, "--so-pin", "12345678", NULL};

    (void)token;
    must(soft_token_run(init) == 0, "softhsm2-util");
}

void
soft_token_make(struct soft_token *token)
{
    char path[160], conf[512];
    struct error err = {0};

    memset(token, 0, sizeof *token);
    (void)strcpy(token->folder, "/tmp/signet-token-XXXXXX");
    must(mkdtemp(token->folder) != NULL, "mkdtemp");
    (void)snprintf(token->tokens, sizeof token->tokens, "%s/tokens",
                   token->folder);
    (void)snprintf(token->lock_dir, sizeof token->lock_dir, "%s/lock",
                   token->folder);
    (void)snprintf(token->pin_file, sizeof token->pin_file, "%s/pin",
                   token->folder);
    (void)snprintf(path, sizeof path, "%s/softhsm2.conf", token->folder);
    (void)snprintf(conf, sizeof conf,
                   "directories.tokendir = %s\n"
                   "objectstore.backend = file\nlog.level = ERROR\n",
                   token->tokens);
    must(mkdir(token->tokens, 0700) == 0, "mkdir");
    must(text_file_write(path, conf, strlen(conf), 0600, &err) &&
             text_file_write(token->pin_file, SOFT_TOKEN_PIN "\n",
                             sizeof SOFT_TOKEN_PIN, 0600, &err),
         err.what);
    must(setenv("SOFTHSM2_CONF", path, 1) == 0, "setenv");
    soft_token_add(token, "test");
    token->options = (struct hsm_options){
        .module = SOFT_TOKEN_MODULE,
        .token = "test",
        .pin_file = token->pin_file,
        .lock_dir = token->lock_dir,
        .signer_path = BINARY_DIR "/bin/signet-signer",
        .use_session_copy = true,
    };
}

void
soft_token_spoil(struct soft_token *token)
{
    must(setenv("P11FAULT_MODULE", SOFT_TOKEN_MODULE, 1) == 0 &&
             setenv("P11FAULT_FOLDER", token->folder, 1) == 0,
         "setenv");
    token->options.module = BINARY_DIR "/bin/softhsm-fault.so";
}

void
soft_token_rules(const struct soft_token *token, const char *rules)
{
    struct error err = {0};
    char path[160];

    (void)snprintf(path, sizeof path, "%s/rules", token->folder);
    if (rules == NULL)
        (void)unlink(path);
    else
        must(text_file_write(path, rules, strlen(rules), 0600, &err), err.what);
}

long
soft_token_calls(const struct soft_token *token, int call)
{
    long counts[SOFT_TOKEN_CALL_COUNT] = {0};
    struct buf file = BUF_INIT(sizeof counts);
    struct error err = {0};
    char path[160];
    long all = 0;
    int i;

    (void)snprintf(path, sizeof path, "%s/counts", token->folder);
    must(text_file_read(path, sizeof counts, &file, &err) &&
             file.len == sizeof counts,
         err.what);
    memcpy(counts, file.data, sizeof counts);
    buf_clear(&file);
    for (i = 0; i < SOFT_TOKEN_CALL_COUNT; i++)
        all += counts[i];
    return call < 0 ? all : counts[call];
}

void
soft_token_remove(struct soft_token *token)
{
    const char *const rm[] = {"rm", "-rf", token->folder, NULL};

    (void)soft_token_run(rm);
}
