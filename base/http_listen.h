/* "127.0.0.1:8443" and "[::1]:0" as socket addresses. */
#ifndef BASE_HTTP_LISTEN_H
#define BASE_HTTP_LISTEN_H

#include <sys/socket.h>

#include "base/error.h"

/* A numeric address and a port, nothing looked up; port 0 lets the system
 * choose. ERROR_INPUT. */
bool http_listen_address(const char *text, struct sockaddr_storage *out,
                         socklen_t *len, struct error *err) MUST_CHECK;

#endif
