/* Routes, callers and accounts: ra/handlers.h. */
#include "ra/handlers.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "db/sql_ra.h"
#include "ra/account.h"

enum {
    CONNECT_TIMEOUT_S = 3,
    STATEMENT_TIMEOUT_MS = 5000,
};

/* ---- Workers ------------------------------------------------------------- */

void
ra_init(struct ra *ra, const struct config *config)
{
    *ra = (struct ra){
        .config = config,
        .db = {.connection = config_text(config, "db.ra"),
               .statements = db_ra_statements,
               .statement_count = DB_RA_STATEMENT_COUNT,
               .connect_timeout_s = CONNECT_TIMEOUT_S,
               .statement_timeout_ms = STATEMENT_TIMEOUT_MS},
        .officers = officer_register_new(),
        .throttle = throttle_new(THROTTLE_FAILURES_MAX, THROTTLE_REFILL_MS),
        .logins = throttle_new(THROTTLE_LOGINS_MAX, THROTTLE_LOGINS_REFILL_MS),
        .challenges = throttle_new(THROTTLE_FAILURES_MAX, THROTTLE_REFILL_MS),
        .business = {.config = config},
    };
}

void
ra_clear(struct ra *ra)
{
    officer_register_free(ra->officers);
    throttle_free(ra->throttle);
    throttle_free(ra->logins);
    throttle_free(ra->challenges);
    static_free(ra->files);
}

void *
ra_worker_new(void *service, struct error *err)
{
    struct ra *ra = service;
    struct ra_worker *worker = base_alloc(sizeof *worker);

    worker->ra = ra;
    worker->business = &ra->business;
    if (!db_open(&ra->db, &worker->db, err) ||
        !ca_client_new(ra->config, &worker->ca, err)) {
        ra_worker_free(worker);
        return NULL;
    }
    return worker;
}

void
ra_worker_free(void *arg)
{
    struct ra_worker *worker = arg;

    if (worker == NULL)
        return;
    ca_client_free(worker->ca);
    db_close(worker->db);
    free(worker);
}

bool
ra_health(void *arg, json_t *out)
{
    struct ra_worker *worker = arg;
    struct db_account unused[1];
    size_t count;
    struct error err = {0};
    bool ok = db_account_list(worker->db, "", 1, unused, &count, &err);

    /* signet-ca being away stops reviews, not this service: applications are
     * taken, and orders wait. */
    json_set_text(out, "database", ok ? "ok" : error_code_name(err.code));
    return ok;
}

/* Whether a query has a parameter of this name, well-formed or not. */
bool
query_has(const struct http_request *req, const char *name)
{
    size_t len = strlen(name);
    const char *at = req->query;

    while (at != NULL && *at != '\0') {
        if (strncmp(at, name, len) == 0 &&
            (at[len] == '=' || at[len] == '&' || at[len] == '\0'))
            return true;
        at = strchr(at, '&');
        at = at == NULL ? NULL : at + 1;
    }
    return false;
}

bool
page_parse_of(const struct http_request *req,
              bool (*is_state)(const char *name), struct page *out,
              struct error *err)
{
    char limit[8];
    int64_t number = PAGE_LIMIT_DEFAULT;

    out->after[0] = '\0';
    if (query_has(req, "after") &&
        !http_query(req, "after", out->after, sizeof out->after))
        return error_set(err, ERROR_INPUT, "after: not the end of a page");
    if (query_has(req, "limit") &&
        (!http_query(req, "limit", limit, sizeof limit) ||
         !text_int64(limit, 1, PAGE_LIMIT_MAX, &number)))
        return error_set(err, ERROR_INPUT, "limit: 1 to %d", PAGE_LIMIT_MAX);
    out->limit = (size_t)number;
    out->state[0] = '\0';
    if (query_has(req, "state") &&
        (!http_query(req, "state", out->state, sizeof out->state) ||
         !is_state(out->state)))
        return error_set(err, ERROR_INPUT, "state: there is none of this name");
    return true;
}

static bool
is_case_state(const char *name)
{
    enum case_state unused;

    return case_state_find(name, &unused);
}

bool
page_parse(const struct http_request *req, struct page *out, struct error *err)
{
    return page_parse_of(req, is_case_state, out, err);
}

/* ---- Accounts ------------------------------------------------------------ */

static bool
account_make(struct ra_worker *worker, const struct http_request *req,
             const struct caller *caller, json_t **out, struct error *err)
{
    static const char *const names[] = {"account", NULL};
    char token[ACCOUNT_TOKEN_LEN + 1] = "";
    uint8_t hash[ACCOUNT_HASH_LEN];
    json_t *body = NULL;
    const char *account;
    bool ok = false;

    if (!caller->officer.has_role[API_ROLE_BUSINESS_ADMINISTRATOR])
        return error_set(err, ERROR_DENIED,
                         "accounts are opened by business administrators");
    if (!http_json(req, &body, err) || !json_only(body, names, err) ||
        !json_get_text(body, "account", ACCOUNT_NAME_MAX, &account, err) ||
        !account_name_check(account, err) ||
        !account_token_draw(token, hash, err) ||
        !account_open(worker->db, account, hash, caller->officer.officer_id,
                      clock_now(), err))
        goto out;
    log_event(LOG_LEVEL_INFO, "account.created", LOG_TEXT("account", account),
              LOG_TEXT("officer", caller->officer.officer_id));
    *out = json_object();
    json_set_text(*out, "account", account);
    json_set_text(*out, "token", token); /* the only time it is seen */
    ok = true;
out:
    OPENSSL_cleanse(token, sizeof token);
    json_decref(body);
    return ok;
}

void
handle_account_create(void *arg, const struct http_request *req,
                      struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_officer(worker, req, res, &caller))
        return;
    if (!account_make(worker, req, &caller, &out, &err)) {
        http_reply_error(res, req, "account.create", &err);
        return;
    }
    http_reply_json(res, 201, out);
    http_response_header(res, "Cache-Control", "no-store");
}

void
handle_account_list(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct db_account account[PAGE_LIMIT_MAX];
    struct caller caller;
    struct page page;
    struct error err = {0};
    size_t count = 0;
    json_t *list;
    json_t *out;

    if (!caller_officer(worker, req, res, &caller))
        return;
    if (!page_parse(req, &page, &err) ||
        !db_account_list(worker->db, page.after, page.limit, account, &count,
                         &err)) {
        http_reply_error(res, req, "account.list", &err);
        return;
    }
    list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_object();

        json_set_text(one, "account", account[i].account);
        if (account[i].created_by[0] != '\0')
            json_set_text(one, "created_by", account[i].created_by);
        json_set_time(one, "created_at", account[i].created_at);
        json_array_append_new(list, one);
    }
    out = json_object();
    json_object_set_new(out, "accounts", list);
    if (count == page.limit)
        json_set_text(out, "next", account[count - 1].account);
    http_reply_json(res, 200, out);
}
