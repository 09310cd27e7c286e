/* A whole service in a child process: how it starts, is told to stop, and
 * ends. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>
#include <poll.h>

#include "base/buf.h"
#include "base/service.h"

static char folder[] = "/tmp/signet-service-XXXXXX";
static char config_file[64], socket_path[64];
static int notified = -1;

/* What the child's service does, set before the fork. */
static enum error_code start_code;
static bool stop_hangs;

static bool
start(const struct config *config, struct event_base *base, void **state,
      struct error *err)
{
    struct rlimit core;

    (void)base;
    if (start_code != ERROR_NONE)
        return error_set(err, start_code, "told to fail");
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0 ||
        prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return error_set(err, ERROR_INTERNAL, "a core could be written");
    (void)raise(SIGPIPE); /* must not end us */
    *state = base_text_copy(config_text(config, "log.level"));
    return true;
}

static void
stop(void *state, void (*done)(void *), void *arg)
{
    (void)state;
    if (!stop_hangs)
        done(arg);
}

static const struct service service = {"signet-test", "A service for tests.",
                                       start, stop, free};

static pid_t
run_service(const char *option, const char *value)
{
    char *argv[] = {(char *)(uintptr_t) "signet-test",
                    (char *)(uintptr_t)option, (char *)(uintptr_t)value, NULL};
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

        (void)dup2(null, STDERR_FILENO);
        (void)dup2(null, STDOUT_FILENO);
        /* Not exit(): what the test framework holds is not the child's. */
        _exit(service_main(value == NULL ? 2 : 3, argv, &service));
    }
    return pid;
}

static int
status_of(pid_t pid)
{
    int status = 0;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
wait_for_notice(const char *wanted)
{
    struct pollfd wait = {.fd = notified, .events = POLLIN};
    char text[64] = "";

    assert_int_equal(poll(&wait, 1, 10000), 1);
    assert_true(recv(notified, text, sizeof text - 1, 0) > 0);
    assert_string_equal(text, wanted);
}

static int
prepare(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(config_file, sizeof config_file, "%s/x.conf", folder);
    (void)snprintf(socket_path, sizeof socket_path, "%s/notify", folder);
    file = fopen(config_file, "we");
    assert_non_null(file);
    assert_true(fputs("log.level = warn\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    notified = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(notified >= 0);
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", socket_path);
    assert_int_equal(bind(notified, (struct sockaddr *)&at, sizeof at), 0);
    return setenv("NOTIFY_SOCKET", socket_path, 1);
}

static int
clean_up(void **state)
{
    (void)state;
    (void)close(notified);
    (void)unlink(socket_path);
    (void)unlink(config_file);
    return rmdir(folder);
}

static void
a_service_says_when_it_is_ready_and_stops_when_told(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT};
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        pid_t pid = run_service("--config", config_file);

        wait_for_notice("READY=1");
        assert_int_equal(kill(pid, signals[i]), 0);
        wait_for_notice("STOPPING=1");
        assert_int_equal(status_of(pid), 0);
    }
}

static void
a_second_signal_ends_a_stop_that_takes_too_long(void **state)
{
    pid_t pid;

    (void)state;
    stop_hangs = true;
    pid = run_service("--config", config_file);
    stop_hangs = false;
    wait_for_notice("READY=1");
    assert_int_equal(kill(pid, SIGTERM), 0);
    wait_for_notice("STOPPING=1");
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0); /* it does hang */
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(status_of(pid), 0);
}

static void
a_start_that_a_restart_cannot_heal_ends_with_ex_config(void **state)
{
    (void)state;
    start_code = ERROR_INPUT;
    assert_int_equal(status_of(run_service("--config", config_file)),
                     EX_CONFIG);
    start_code = ERROR_DENIED;
    assert_int_equal(status_of(run_service("--config", config_file)),
                     EX_CONFIG);
    start_code = ERROR_BUSY;
    assert_int_equal(status_of(run_service("--config", config_file)),
                     EX_SOFTWARE);
    start_code = ERROR_NONE;
    assert_int_equal(status_of(run_service("--config", "/nonexistent")),
                     EX_CONFIG);
}

static void
wrong_use_is_told_from_questions(void **state)
{
    (void)state;
    assert_int_equal(status_of(run_service("--help", NULL)), 0);
    assert_int_equal(status_of(run_service("--version", NULL)), 0);
    assert_int_equal(status_of(run_service("--nonsense", NULL)), EX_USAGE);
    assert_int_equal(status_of(run_service("--conf", config_file)), EX_USAGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_says_when_it_is_ready_and_stops_when_told),
        cmocka_unit_test(a_second_signal_ends_a_stop_that_takes_too_long),
        cmocka_unit_test(
            a_start_that_a_restart_cannot_heal_ends_with_ex_config),
        cmocka_unit_test(wrong_use_is_told_from_questions),
    };

    return cmocka_run_group_tests(tests, prepare, clean_up);
}
