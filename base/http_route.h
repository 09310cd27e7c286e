/* Which handler a request goes to, and who may call it: pure functions. */
#ifndef BASE_HTTP_ROUTE_H
#define BASE_HTTP_ROUTE_H

#include "base/http_parse.h"
#include "base/http_server.h"

enum { HTTP_ALLOW_MAX = 64 };

struct http_route_match {
    const struct http_route *route;
    struct http_span name[HTTP_PARAMS_MAX];  /* inside route->path */
    struct http_span value[HTTP_PARAMS_MAX]; /* inside the path */
    size_t param_count;
    char allow[HTTP_ALLOW_MAX]; /* 405: the methods that there are */
};

/* The first route of the table that takes path and method; HEAD goes to GET's.
 * 200, 404 or 405. */
int http_route_find(const struct http_route *routes, size_t count,
                    enum http_method method, const char *path,
                    struct http_route_match *out) MUST_CHECK;

/* Whether the peer is one that the route lists. */
bool http_route_allows(const struct http_route *route,
                       const struct http_peer_name *peers, size_t peer_count,
                       const struct http_peer *peer) MUST_CHECK;

const char *http_method_name(enum http_method method);

#endif
