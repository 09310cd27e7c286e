/* Cookies and tickets as a browser sends them: what is taken for one of ours is
 * 64 hex digits, alone, under its own name. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ra/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char name[] = SESSION_COOKIE "=";
    struct http_request req = {.path = "/", .query = ""};
    struct error err = {0};
    uint8_t hash[32];
    bool has_cookie;
    char *text = malloc(len + 1);
    const char *at;

    memcpy(text, data, len);
    text[len] = '\0';
    req.header[0] = (struct http_header){"cookie", text};
    req.header_count = 1;
    if (session_cookie_read(&req, &has_cookie, hash)) {
        assert(has_cookie);
        at = strstr(text, name);
        assert(at != NULL);
        at += sizeof name - 1;
        assert(strspn(at, "0123456789abcdef") == SESSION_SECRET_LEN);
        assert(at[SESSION_SECRET_LEN] == ';' || at[SESSION_SECRET_LEN] == '\0');
    } else if (has_cookie) {
        assert(strstr(text, name) != NULL);
    }
    if (session_ticket_hash(text, hash, &err))
        assert(strlen(text) == SESSION_SECRET_LEN);
    else
        assert(err.code == ERROR_NOT_FOUND);
    free(text);
    return 0;
}
