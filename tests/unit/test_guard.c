/* The guard of SoftHSM's token.object, up to the kills that it is there for. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>

#include <openssl/rand.h>

#include "base/clock.h"
#include "base/text.h"
#include "hsm/guard.h"
#include "hsm/signer_process.h"
#include "tests/unit/soft_token.h"

enum { KILLS = 320 };

static struct soft_token token;
static char object[512]; /* path of its token.object */

#define MUST(call)                                                             \
    do {                                                                       \
        if (!(call))                                                           \
            fail_msg("%s: %s (%s)", #call, err.what, err.cause);               \
    } while (0)

static void
find_object(void)
{
    DIR *dir = opendir(token.tokens);
    struct dirent *entry;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.')
            (void)snprintf(object, sizeof object, "%s/%s/token.object",
                           token.tokens, entry->d_name);
    }
    closedir(dir);
}

static int
set_up(void **state)
{
    (void)state;
    soft_token_make(&token);
    find_object();
    return mkdir(token.lock_dir, 0700);
}

static int
tear_down(void **state)
{
    (void)state;
    soft_token_remove(&token);
    return 0;
}

static void
read_object(struct buf *out)
{
    struct error err = {0};

    buf_reset(out);
    MUST(text_file_read(object, out->limit, out, &err));
}

static void
cut_object(off_t len)
{
    assert_int_equal(truncate(object, len), 0);
}

static void
open_and_close(void)
{
    struct error err = {0};
    struct hsm *hsm = NULL;

    MUST(hsm_open(&token.options, &hsm, &err));
    MUST(hsm_healthy(hsm, NULL, &err));
    hsm_close(hsm);
}

static void
the_store_is_where_softhsm2_conf_says(void **state)
{
    struct buf store = BUF_INIT(4096);
    struct error err = {0};

    (void)state;
    MUST(guard_token_dir(&store, &err));
    assert_string_equal(buf_text(&store), token.tokens);
    buf_clear(&store);
}

static void
a_damaged_token_object_is_put_back_whatever_is_left_of_it(void **state)
{
    struct buf whole = BUF_INIT(65536), now = BUF_INIT(65536);
    struct error err = {0};
    off_t len;

    (void)state;
    MUST(guard_check(&token.options, &err));
    read_object(&whole);
    for (len = 0; len < (off_t)whole.len; len += 4) {
        cut_object(len);
        MUST(guard_check(&token.options, &err));
        read_object(&now);
        assert_int_equal(now.len, whole.len);
        assert_memory_equal(now.data, whole.data, whole.len);
    }
    buf_clear(&whole);
    buf_clear(&now);
}

static void
a_token_emptied_by_a_killed_login_can_be_used_again(void **state)
{
    (void)state;
    open_and_close();
    cut_object(0);
    open_and_close();
}

static void
the_copy_follows_a_changed_pin(void **state)
{
    const char *const change[] = {
        "pkcs11-tool",  "--module",  SOFT_TOKEN_MODULE, "--token-label",
        "test",         "--login",   "--pin",           SOFT_TOKEN_PIN,
        "--change-pin", "--new-pin", "another-pin-1",   NULL};
    const char *const back[] = {
        "pkcs11-tool",  "--module",  SOFT_TOKEN_MODULE, "--token-label",
        "test",         "--login",   "--pin",           "another-pin-1",
        "--change-pin", "--new-pin", SOFT_TOKEN_PIN,    NULL};
    struct error err = {0};

    (void)state;
    open_and_close();
    assert_int_equal(soft_token_run(change), 0);
    MUST(text_file_write(token.pin_file, "another-pin-1", 13, 0600, &err));
    open_and_close();
    cut_object(0);
    open_and_close();
    assert_int_equal(soft_token_run(back), 0);
    MUST(text_file_write(token.pin_file, SOFT_TOKEN_PIN, strlen(SOFT_TOKEN_PIN),
                         0600, &err));
    open_and_close();
}

static void
other_modules_are_left_alone(void **state)
{
    struct hsm_options options = token.options;
    struct buf now = BUF_INIT(65536);
    struct error err = {0};

    (void)state;
    MUST(guard_check(&token.options, &err));
    cut_object(0);
    options.module = "/usr/lib/vendor/libcryptoki.so";
    MUST(guard_check(&options, &err));
    read_object(&now);
    assert_int_equal(now.len, 0);
    MUST(guard_check(&token.options, &err));
    read_object(&now);
    assert_int_not_equal(now.len, 0);
    buf_clear(&now);
}

static void
another_token_is_not_restored_under_our_lock(void **state)
{
    struct hsm_options options = token.options;
    struct buf now = BUF_INIT(65536);
    struct error err = {0};

    (void)state;
    MUST(guard_check(&token.options, &err));
    cut_object(0);
    options.token = "other";
    MUST(guard_check(&options, &err));
    read_object(&now);
    assert_int_equal(now.len, 0);
    MUST(guard_check(&token.options, &err));
    buf_clear(&now);
}

/* What a check for another token logs meanwhile, as text. */
static bool
check_for_other_logs(const char *event)
{
    struct hsm_options options = token.options;
    struct error err = {0};
    FILE *file = tmpfile();
    int kept = dup(2);
    char text[4096];
    size_t len;

    options.token = "other";
    assert_non_null(file);
    assert_true(kept >= 0 && dup2(fileno(file), 2) == 2);
    MUST(guard_check(&options, &err));
    assert_int_equal(dup2(kept, 2), 2);
    (void)close(kept);
    rewind(file);
    len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    (void)fclose(file);
    return strstr(text, event) != NULL;
}

static void
token_in_the_middle_of_another_ones_login_is_no_alarm(void **state)
{
    struct buf whole = BUF_INIT(65536);
    struct error err = {0};
    char command[600];
    pid_t pid;

    (void)state;
    read_object(&whole);
    /* Its copy tells whose it is. */
    MUST(guard_check(&token.options, &err));
    cut_object(0);
    assert_false(check_for_other_logs("hsm.token-damaged"));
    /* Without one, its owner is given the time that a login takes. */
    (void)snprintf(command, sizeof command, "rm -f '%s'/*.token-object",
                   token.lock_dir);
    assert_int_equal(system(command), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct timespec login = {0, 40 * 1000000L};

        (void)nanosleep(&login, NULL);
        _exit(text_file_write(object, whole.data, whole.len, 0600, &err) ? 0
                                                                         : 1);
    }
    assert_false(check_for_other_logs("hsm.token-damaged"));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    /* What stays damaged is told. */
    cut_object(0);
    assert_true(check_for_other_logs("hsm.token-damaged"));
    MUST(text_file_write(object, whole.data, whole.len, 0600, &err));
    buf_clear(&whole);
}

static void
only_old_empty_key_files_are_removed(void **state)
{
    struct utimbuf old = {.actime = 1000, .modtime = 1000};
    char fresh[600], stale[600];
    struct error err = {0};

    (void)state;
    (void)snprintf(fresh, sizeof fresh, "%.*s/fresh.object",
                   (int)(strrchr(object, '/') - object), object);
    (void)snprintf(stale, sizeof stale, "%.*s/stale.object",
                   (int)(strrchr(object, '/') - object), object);
    MUST(text_file_write(fresh, "", 0, 0600, &err));
    MUST(text_file_write(stale, "", 0, 0600, &err));
    assert_int_equal(utime(stale, &old), 0);
    MUST(guard_check(&token.options, &err));
    assert_int_equal(access(fresh, F_OK), 0);
    assert_int_not_equal(access(stale, F_OK), 0);
    assert_int_equal(unlink(fresh), 0);
}

/* Starts a signer and kills it somewhere on its way through the login. */
static void
kill_one_login(int64_t longest_us)
{
    struct timespec pause = {0};
    struct error err = {0};
    uint32_t draw = 0;
    pid_t pid;
    int fd;

    assert_int_equal(RAND_bytes((unsigned char *)&draw, sizeof draw), 1);
    MUST(signer_process_start(&token.options, &pid, &fd, &err));
    pause.tv_nsec = (long)(draw % (uint32_t)longest_us) * 1000;
    (void)nanosleep(&pause, NULL);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    (void)close(fd);
}

/* The first word of a signer: logged in. */
static void
assert_logged_in(int fd)
{
    struct buf in = BUF_INIT(SIGNER_FRAME_MAX);
    struct signer_reply reply;
    struct error err = {0};

    MUST(signer_receive(fd, &in, clock_monotonic_ms() + 30000, &err));
    assert_true(signer_reply_parse(in.data + SIGNER_FRAME_HEAD,
                                   in.len - SIGNER_FRAME_HEAD, &reply));
    if (reply.error.code != ERROR_NONE)
        fail_msg("%s (%s)", reply.error.what, reply.error.cause);
    buf_clear(&in);
}

/* How long a signer takes until it is logged in. */
static int64_t
time_one_login(void)
{
    int64_t before = clock_now_us();
    struct error err = {0};
    int64_t took;
    pid_t pid;
    int fd;

    MUST(signer_process_start(&token.options, &pid, &fd, &err));
    assert_logged_in(fd);
    took = clock_now_us() - before;
    (void)close(fd);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return took;
}

/* feasibility.md, 0.2: without the lock one start in ten fails. */
static void
processes_that_start_together_all_log_in(void **state)
{
    struct error err = {0};
    pid_t pids[8];
    int fds[8];
    int i, round;

    (void)state;
    for (round = 0; round < 5; round++) {
        for (i = 0; i < 8; i++)
            MUST(signer_process_start(&token.options, &pids[i], &fds[i], &err));
        for (i = 0; i < 8; i++) {
            assert_logged_in(fds[i]);
            (void)close(fds[i]);
            assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
        }
    }
}

/* feasibility.md, B5: without the guard about one token in 50 is lost. */
static void
no_kill_during_a_login_loses_the_token(void **state)
{
    int64_t took = time_one_login();
    int i;

    (void)state;
    for (i = 0; i < KILLS; i++) {
        kill_one_login(took + took / 4);
        if (i % 20 == 19)
            took = time_one_login();
    }
    open_and_close();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_is_where_softhsm2_conf_says),
        cmocka_unit_test(
            a_damaged_token_object_is_put_back_whatever_is_left_of_it),
        cmocka_unit_test(a_token_emptied_by_a_killed_login_can_be_used_again),
        cmocka_unit_test(the_copy_follows_a_changed_pin),
        cmocka_unit_test(other_modules_are_left_alone),
        cmocka_unit_test(another_token_is_not_restored_under_our_lock),
        cmocka_unit_test(token_in_the_middle_of_another_ones_login_is_no_alarm),
        cmocka_unit_test(only_old_empty_key_files_are_removed),
        cmocka_unit_test(processes_that_start_together_all_log_in),
        cmocka_unit_test(no_kill_during_a_login_loses_the_token),
    };

    return cmocka_run_group_tests_name("guard", tests, set_up, tear_down);
}
