/*
 * The static files of portal and console (ra/web/README.md): read once when
 * the service starts, answered from memory with an entity tag (RFC 9110,
 * 8.8.3), never anything that was not there at the start. Nothing of a
 * request's path reaches the file system.
 */
#ifndef RA_STATIC_H
#define RA_STATIC_H

#include "base/http.h"

enum {
    STATIC_FILE_MAX = 512 * 1024, /* octets */
    STATIC_FILES_MAX = 200,
    STATIC_NAME_MAX = 64,
};

struct static_files; /* immutable once loaded; shared by all threads */

/*
 * Header lines that every answer of the service has. Pages run no script and
 * no style but ours, are framed by nobody, and tell nobody where they were
 * (W3C CSP 3, Fetch, HTML; RFC 6797).
 */
extern const char static_headers[];

/* Reads the folders web, portal and console under `folder`. ERROR_INPUT names a
 * file that has no business there; ERROR_NOT_FOUND a folder that is missing. */
bool static_load(const char *folder, struct static_files **out,
                 struct error *err) MUST_CHECK;
void static_free(struct static_files *files); /* NULL is nothing */

/* Answers GET of "/web/NAME", "/portal/", "/portal/NAME" and so on; "/portal"
 * and "/" are sent on to the folder. 404 for what there is not. */
void static_answer(const struct static_files *files,
                   const struct http_request *req, struct http_response *res);

#endif
