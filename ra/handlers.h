/*
 * The RA's HTTPS API (docs/openapi.yaml): requests to business and back. Who
 * calls: ra/caller.h.
 */
#ifndef RA_HANDLERS_H
#define RA_HANDLERS_H

#include "base/http.h"
#include "db/account.h"
#include "ra/ca_client.h"
#include "ra/caller.h"
#include "ra/case_apply.h"
#include "ra/officer.h"
#include "ra/static.h"
#include "ra/throttle.h"

/* What all workers share. */
struct ra {
    const struct config *config;
    struct db_options db; /* every worker's connection borrows it */
    struct officer_register *officers;
    struct throttle *throttle;
    struct throttle *logins;     /* of passkeys and tickets: stricter */
    struct throttle *challenges; /* each one asked for is a row */
    struct static_files *files;  /* of the pages; NULL: none */
    struct business business;    /* const once the service runs */
};

/* One worker's own. */
struct ra_worker {
    struct ra *ra;
    struct db *db;
    struct ca_client *ca;
    const struct business *business;
};

/* Fills in what the workers need; the caller frees it with ra_clear(). */
void ra_init(struct ra *ra, const struct config *config);
void ra_clear(struct ra *ra);

/* For http_server_options; `service` is struct ra. */
void *ra_worker_new(void *service, struct error *err);
void ra_worker_free(void *worker);
bool ra_health(void *worker, json_t *out);

extern const struct http_route ra_routes[];
extern const size_t ra_route_count;

/* ---- For the files of handlers ------------------------------------------- */

/* The page that a list request asks for: `after`, `limit` and `state`. */
enum {
    PAGE_LIMIT_MAX = 100,
    PAGE_LIMIT_DEFAULT = 50,
    PAGE_AFTER_MAX = 64,
    PAGE_STATE_MAX = 23,
};
struct page {
    char after[PAGE_AFTER_MAX + 1];
    size_t limit;
    char state[PAGE_STATE_MAX + 1]; /* "": any */
};
/* Of cases; and of what else has states: `is_state` knows their names. */
bool page_parse(const struct http_request *req, struct page *out,
                struct error *err) MUST_CHECK;
bool page_parse_of(const struct http_request *req,
                   bool (*is_state)(const char *name), struct page *out,
                   struct error *err) MUST_CHECK;

/* Whether the query names this parameter, with a value or without. */
bool query_has(const struct http_request *req, const char *name);

http_handler handle_account_create;
http_handler handle_account_list;

#endif
