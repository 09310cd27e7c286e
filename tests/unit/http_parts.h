/* A server on a thread of its own, certificates, and raw clients for tests. */
#ifndef TESTS_UNIT_HTTP_PARTS_H
#define TESTS_UNIT_HTTP_PARTS_H

#include <pthread.h>

#include "base/http_server.h"

struct http_parts {
    struct event_base *base;
    struct http_server *server;
    struct http_server_options options; /* fill before the start */
    pthread_t thread;
    uint16_t port;
};

/* Options with short deadlines, two workers and room for four more requests. */
void http_parts_options(struct http_parts *parts,
                        const struct http_route *routes, size_t count);
void http_parts_start(struct http_parts *parts);
/* Stops gracefully; milliseconds that it took. */
int64_t http_parts_stop(struct http_parts *parts);

/* A new folder under /tmp with root.pem, and NAME.pem and NAME.key of `server`
 * (127.0.0.1), `ra` (CN signet-ra), `other` (CN other), and of `foreign` (CN
 * signet-ra under another root). Made by openssl(1). */
void http_parts_pki(char *folder, size_t max);
void http_parts_pki_remove(const char *folder);

/* Connects, sends, and reads until the server closes or `wait_ms` passed.
 * Octets read; `out` gets a NUL. */
size_t http_parts_talk(uint16_t port, const char *data, size_t len, char *out,
                       size_t max, int wait_ms);
int http_parts_connect(uint16_t port);

/* Runs a shell command; its standard output. Returns its exit status. */
int http_parts_run(char *out, size_t max, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* How often `word` is in `text`. */
size_t http_parts_count(const char *text, const char *word);

#endif
