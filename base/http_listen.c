/* Addresses to listen on; see base/http_listen.h. */
#include "base/http_listen.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool
http_listen_address(const char *text, struct sockaddr_storage *out,
                    socklen_t *len, struct error *err)
{
    const struct addrinfo hints = {
        .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
        .ai_socktype = SOCK_STREAM,
    };
    const char *colon = strrchr(text, ':');
    struct addrinfo *found = NULL;
    size_t host_len = colon == NULL ? 0 : (size_t)(colon - text);
    bool is_bracketed =
        host_len > 2 && text[0] == '[' && text[host_len - 1] == ']';
    char host[64];
    int64_t port;

    if (is_bracketed) {
        text++;
        host_len -= 2;
    }
    /* An IPv6 address without brackets would have its end taken for a port. */
    if (host_len == 0 || host_len >= sizeof host ||
        (memchr(text, ':', host_len) != NULL) != is_bracketed ||
        !text_int64(colon + 1, 0, 65535, &port))
        goto bad;
    (void)snprintf(host, sizeof host, "%.*s", (int)host_len, text);
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        goto bad;
    memcpy(out, found->ai_addr, found->ai_addrlen);
    *len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
bad:
    return error_set(err, ERROR_INPUT,
                     "\"%s\" is no numeric address and port to listen on",
                     is_bracketed ? text - 1 : text);
}
