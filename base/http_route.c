/* Paths to handlers; see base/http_route.h. */
#include "base/http_route.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *
http_method_name(enum http_method method)
{
    static const char *const names[HTTP_METHOD_COUNT] = {
        [HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD",   [HTTP_POST] = "POST",
        [HTTP_PUT] = "PUT", [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
    };

    return names[method];
}

/* Compares segment by segment; a {name} takes one that is not empty. */
static bool
path_matches(const char *pattern, const char *path,
             struct http_route_match *match)
{
    match->param_count = 0;
    while (*pattern == '/' && *path == '/') {
        size_t want = strcspn(++pattern, "/");
        size_t have = strcspn(++path, "/");

        if (want > 2 && pattern[0] == '{' && pattern[want - 1] == '}') {
            size_t i = match->param_count++;

            assert(i < HTTP_PARAMS_MAX);
            if (have == 0)
                return false;
            match->name[i] = (struct http_span){pattern + 1, want - 2};
            match->value[i] = (struct http_span){path, have};
        } else if (want != have || memcmp(pattern, path, want) != 0) {
            return false;
        }
        pattern += want;
        path += have;
    }
    return *pattern == '\0' && *path == '\0';
}

static void
allow_add(char *allow, enum http_method method)
{
    size_t len = strlen(allow);

    if (strstr(allow, http_method_name(method)) == NULL)
        (void)snprintf(allow + len, HTTP_ALLOW_MAX - len, "%s%s",
                       len > 0 ? ", " : "", http_method_name(method));
}

int
http_route_find(const struct http_route *routes, size_t count,
                enum http_method method, const char *path,
                struct http_route_match *out)
{
    enum http_method wanted = method == HTTP_HEAD ? HTTP_GET : method;
    size_t i;

    out->allow[0] = '\0';
    for (i = 0; i < count; i++) {
        if (!path_matches(routes[i].path, path, out))
            continue;
        out->route = &routes[i];
        if (routes[i].method == wanted)
            return 200;
        if (routes[i].method == HTTP_GET)
            allow_add(out->allow, HTTP_HEAD);
        allow_add(out->allow, routes[i].method);
    }
    out->route = NULL;
    return out->allow[0] == '\0' ? 404 : 405;
}

/* The certificate's name of the peer that routes call `word`. */
static bool
is_peer(const char *word, size_t len, const struct http_peer_name *peers,
        size_t peer_count, const char *common_name)
{
    size_t i;

    for (i = 0; i < peer_count; i++)
        if (strlen(peers[i].name) == len &&
            memcmp(peers[i].name, word, len) == 0 &&
            strcmp(peers[i].common_name, common_name) == 0)
            return true;
    return false;
}

bool
http_route_allows(const struct http_route *route,
                  const struct http_peer_name *peers, size_t peer_count,
                  const struct http_peer *peer)
{
    const char *word = route->peers;

    if (word == NULL)
        return true;
    if (!peer->is_authenticated)
        return false;
    if (strcmp(word, "*") == 0)
        return true;
    while (*word != '\0') {
        size_t len = strcspn(word, " ");

        if (is_peer(word, len, peers, peer_count, peer->common_name))
            return true;
        word += len;
        word += *word == ' ';
    }
    return false;
}
