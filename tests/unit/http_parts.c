/* See http_parts.h. */
#include "tests/unit/http_parts.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <event2/thread.h>

#include "base/clock.h"

void
http_parts_options(struct http_parts *parts, const struct http_route *routes,
                   size_t count)
{
    *parts = (struct http_parts){
        .options = {.listen = "127.0.0.1:0",
                    .routes = routes,
                    .route_count = count,
                    .worker_count = 2,
                    .queue_max = 4,
                    .body_max = 100000,
                    .connection_max = 64,
                    .header_timeout_ms = 400,
                    .body_timeout_ms = 400,
                    .idle_timeout_ms = 400},
    };
}

static void *
run_loop(void *arg)
{
    (void)event_base_dispatch(arg);
    return NULL;
}

void
http_parts_start(struct http_parts *parts)
{
    struct error err = {0};

    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(evthread_use_pthreads(), 0);
    parts->base = event_base_new();
    assert_non_null(parts->base);
    if (!http_server_new(parts->base, &parts->options, &parts->server, &err))
        fail_msg("%s (%s)", err.what, err.cause);
    parts->port = http_server_port(parts->server);
    assert_int_equal(
        pthread_create(&parts->thread, NULL, run_loop, parts->base), 0);
}

static void
break_loop(void *arg)
{
    (void)event_base_loopbreak(arg);
}

static void
stop_on_loop(evutil_socket_t fd, short what, void *arg)
{
    struct http_parts *parts = arg;

    (void)fd;
    (void)what;
    http_server_stop(parts->server, 5000, break_loop, parts->base);
}

int64_t
http_parts_stop(struct http_parts *parts)
{
    const struct timeval at_once = {0};
    int64_t began = clock_monotonic_ms();

    assert_int_equal(event_base_once(parts->base, -1, EV_TIMEOUT, stop_on_loop,
                                     parts, &at_once),
                     0);
    assert_int_equal(pthread_join(parts->thread, NULL), 0);
    began = clock_monotonic_ms() - began;
    http_server_free(parts->server);
    event_base_free(parts->base);
    return began;
}

int
http_parts_connect(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

size_t
http_parts_talk(uint16_t port, const char *data, size_t len, char *out,
                size_t max, int wait_ms)
{
    int64_t until = clock_monotonic_ms() + wait_ms;
    int fd = http_parts_connect(port);
    size_t n = 0;

    /* The server may close before it has everything: that is its right. */
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

        if (sent <= 0)
            break;
        data += sent;
        len -= (size_t)sent;
    }
    while (n + 1 < max && clock_monotonic_ms() < until) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t got;

        if (poll(&wait, 1, (int)(until - clock_monotonic_ms())) <= 0)
            break;
        got = recv(fd, out + n, max - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    out[n] = '\0';
    (void)close(fd);
    return n;
}

int
http_parts_run(char *out, size_t max, const char *format, ...)
{
    char command[4096];
    va_list args;
    size_t len;
    int status;
    FILE *pipe;

    va_start(args, format);
    (void)vsnprintf(command, sizeof command, format, args);
    va_end(args);
    pipe = popen(command, "re");
    assert_non_null(pipe);
    len = fread(out, 1, max - 1, pipe);
    out[len] = '\0';
    while (fgetc(pipe) != EOF) /* so that the command can end */
        continue;
    status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void
http_parts_pki(char *folder, size_t max)
{
    static const char script[] =
        "set -e; cd %s; key() { openssl ecparam -genkey -name prime256v1 "
        "-noout -out $1.key; };"
        "root() { key $1; openssl req -x509 -new -key $1.key -subj /CN=$1 "
        "-days 2 -addext basicConstraints=critical,CA:TRUE -out $1.pem; };"
        "leaf() { key $2; printf '%%b' \"$4\" >$2.ext; openssl req -new -key "
        "$2.key "
        "-subj /CN=$3 | openssl x509 -req -CA $1.pem -CAkey $1.key "
        "-CAcreateserial -days 2 -extfile $2.ext -out $2.pem; };"
        "root root; root elsewhere;"
        "leaf root server server "
        "'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=serverAuth';"
        "leaf root ra signet-ra extendedKeyUsage=clientAuth;"
        "leaf root other other extendedKeyUsage=clientAuth;"
        "leaf elsewhere foreign signet-ra extendedKeyUsage=clientAuth";
    char command[2048], out[4096];

    (void)snprintf(folder, max, "/tmp/signet-http-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(command, sizeof command, script, folder);
    if (http_parts_run(out, sizeof out, "(%s) 2>&1", command) != 0)
        fail_msg("%s", out);
}

void
http_parts_pki_remove(const char *folder)
{
    char out[256];

    (void)http_parts_run(out, sizeof out, "rm -r %s", folder);
}

size_t
http_parts_count(const char *text, const char *word)
{
    size_t count = 0;

    while ((text = strstr(text, word)) != NULL) {
        count++;
        text += strlen(word);
    }
    return count;
}
