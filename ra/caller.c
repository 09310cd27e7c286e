/* Who calls: ra/caller.h. */
#include "ra/caller.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "ra/account.h"
#include "ra/handlers.h"
#include "ra/session.h"

/* One answer for no credential, a malformed one and an unknown one (RFC 6750,
 * 3; without its error attribute, which would tell them apart). */
static void
reply_unknown(struct http_response *res, const struct http_request *req)
{
    http_reply_problem(res, req->id, 401,
                       "a session, an account's token or an officer's "
                       "certificate is needed");
    http_response_header(res, "WWW-Authenticate", "Bearer realm=\"signet-ra\"");
}

static bool
changes_something(const struct http_request *req)
{
    return req->method != HTTP_GET && req->method != HTTP_HEAD;
}

bool
caller_is_forged(const struct http_request *req, struct http_response *res)
{
    const char *site = http_header(req, "sec-fetch-site");

    if (!changes_something(req) || site == NULL ||
        strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0)
        return false;
    log_event(LOG_LEVEL_WARN, "caller.forged",
              LOG_TEXT("address", req->peer.address));
    http_reply_problem(res, req->id, 403, "sent from another site's page");
    return true;
}

/* ---- By token -------------------------------------------------------------
 */

static bool
may_try(struct ra_worker *worker, const struct http_request *req,
        struct http_response *res)
{
    if (throttle_admits(worker->ra->throttle, req->peer.address,
                        clock_monotonic_ms()))
        return true;
    http_reply_problem(res, req->id, 429,
                       "too many credentials from this address opened nothing");
    http_response_header(res, "Retry-After", "1");
    return false;
}

static void
refuse(struct ra_worker *worker, const struct http_request *req,
       struct http_response *res)
{
    throttle_failed(worker->ra->throttle, req->peer.address,
                    clock_monotonic_ms());
    log_event(LOG_LEVEL_INFO, "caller.unknown",
              LOG_TEXT("address", req->peer.address));
    reply_unknown(res, req);
}

static bool
caller_by_token(struct ra_worker *worker, const struct http_request *req,
                struct http_response *res, struct caller *out)
{
    uint8_t hash[ACCOUNT_HASH_LEN];
    bool is_known = false;
    struct error err = {0};

    if (!may_try(worker, req, res))
        return false;
    if (account_token_read(req, hash) &&
        !db_account_by_token(worker->db, hash, &is_known, &out->account,
                             &err)) {
        http_reply_error(res, req, "caller.account", &err);
        return false;
    }
    if (!is_known)
        refuse(worker, req, res);
    out->kind = CALLER_ACCOUNT;
    return is_known;
}

/* ---- By session ------------------------------------------------------------
 */

/* The header X-Signet-CSRF against the session's token. */
static bool
is_meant(const struct http_request *req, const struct db_session *session)
{
    const char *text = http_header(req, "x-signet-csrf");
    uint8_t token[sizeof session->csrf];
    size_t len;

    return text != NULL && text_unhex(text, token, sizeof token, &len) &&
           len == sizeof token &&
           CRYPTO_memcmp(token, session->csrf, sizeof token) == 0;
}

/* A cookie that came with another browser was stolen: it opens nothing any
 * more, there or here. */
static void
end_stolen(struct ra_worker *worker, const struct http_request *req,
           const struct db_session *session, int64_t now)
{
    bool is_ended = false;
    struct error err = {0};

    log_event(LOG_LEVEL_WARN, "session.other_browser",
              LOG_TEXT("subject", session->subject),
              LOG_TEXT("address", req->peer.address));
    if (!db_session_end(worker->db, session->id_hash, now, &is_ended, &err))
        log_failure("session.end", &err);
}

static bool
session_find(struct ra_worker *worker, const struct http_request *req,
             const uint8_t hash[32], int64_t now, struct db_session *out,
             bool *is_open, struct error *err)
{
    uint8_t browser[32];
    bool is_known = false;
    enum session_verdict verdict;

    *is_open = false;
    if (!session_browser(req, browser, err) ||
        !db_session_find(worker->db, hash, &is_known, out, err))
        return false;
    if (!is_known)
        return true;
    verdict = session_judge(
        out, browser, session_idle_s(worker->ra->config, out->is_officer), now);
    if (verdict == SESSION_OTHER_BROWSER)
        end_stolen(worker, req, out, now);
    if (verdict != SESSION_OPEN)
        return true;
    *is_open = true;
    return now < out->seen_at + SESSION_SEEN_EVERY_S ||
           db_session_seen(worker->db, hash, now, err);
}

/* The session's officer or account as they are now: an officer who was
 * dismissed has no session any more. */
static bool
subject_find(struct ra_worker *worker, struct caller *out, int64_t now,
             bool *is_there, struct error *err)
{
    struct db_session *session = &out->session;

    if (!session->is_officer) {
        out->kind = CALLER_ACCOUNT;
        out->account = session->account;
        *is_there = session->account.account[0] != '\0';
        return true;
    }
    out->kind = CALLER_OFFICER;
    if (officer_by_credential(worker->ra->officers, worker->ca,
                              session->credential_id, now, &out->officer,
                              err)) {
        *is_there = strcmp(out->officer.officer_id, session->subject) == 0;
        return true;
    }
    *is_there = false;
    return err->code == ERROR_DENIED;
}

static bool
caller_by_session(struct ra_worker *worker, const struct http_request *req,
                  struct http_response *res, bool is_hash_known,
                  const uint8_t hash[32], struct caller *out)
{
    int64_t now = clock_now();
    bool is_open = false;
    struct error err = {0};

    if (is_hash_known &&
        (!session_find(worker, req, hash, now, &out->session, &is_open, &err) ||
         (is_open && !subject_find(worker, out, now, &is_open, &err)))) {
        http_reply_error(res, req, "caller.session", &err);
        return false;
    }
    /* Only who shows nothing good is slowed: people behind one address have
     * sessions of their own. */
    if (!is_open) {
        if (may_try(worker, req, res)) {
            refuse(worker, req, res);
            session_cookie_clear(res);
        }
        return false;
    }
    if (changes_something(req) && !is_meant(req, &out->session)) {
        log_event(LOG_LEVEL_WARN, "caller.forged",
                  LOG_TEXT("subject", out->session.subject));
        http_reply_problem(res, req->id, 403,
                           "the header X-Signet-CSRF of this session is "
                           "missing: load the page again");
        return false;
    }
    out->has_session = true;
    return true;
}

/* ---- By certificate ---------------------------------------------------------
 */

static bool
caller_by_certificate(struct ra_worker *worker, const struct http_request *req,
                      struct http_response *res, struct caller *out)
{
    struct error err = {0};
    bool is_service = false;

    if (strcmp(req->peer.common_name, CALLER_PLATFORM_NAME) == 0) {
        /* Applicants choose names too: the register says whose it is. */
        if (ca_client_is_service(worker->ca, req->peer.certificate,
                                 req->peer.certificate_len, &is_service,
                                 &err)) {
            out->kind = CALLER_PLATFORM;
            if (is_service)
                return true;
            error_set(&err, ERROR_DENIED,
                      "the client certificate is no valid one of a service");
        }
        http_reply_error(res, req, "caller.platform", &err);
        return false;
    }
    if (!officer_find(worker->ra->officers, worker->ca, req->peer.certificate,
                      req->peer.certificate_len, clock_now(), &out->officer,
                      &err)) {
        http_reply_error(res, req, "caller.officer", &err);
        return false;
    }
    out->kind = CALLER_OFFICER;
    return true;
}

/* ---- Anybody ------------------------------------------------------------ */

bool
caller_get(struct ra_worker *worker, const struct http_request *req,
           struct http_response *res, struct caller *out)
{
    uint8_t hash[32];
    bool has_cookie;
    bool is_hash_known;

    memset(out, 0, sizeof *out);
    /* Certificates are sent by browsers unasked, as cookies are. */
    if (caller_is_forged(req, res))
        return false;
    is_hash_known = session_cookie_read(req, &has_cookie, hash);
    if (has_cookie)
        return caller_by_session(worker, req, res, is_hash_known, hash, out);
    if (http_header(req, "authorization") != NULL)
        return caller_by_token(worker, req, res, out);
    if (req->peer.is_authenticated && req->peer.certificate != NULL)
        return caller_by_certificate(worker, req, res, out);
    reply_unknown(res, req);
    return false;
}

static bool
caller_of_kind(struct ra_worker *worker, const struct http_request *req,
               struct http_response *res, struct caller *out,
               enum caller_kind kind)
{
    static const char *const names[] = {"accounts", "officers",
                                        "the host platform"};
    struct error err = {0};

    if (!caller_get(worker, req, res, out))
        return false;
    if (out->kind == kind)
        return true;
    error_set(&err, ERROR_DENIED, "this is for %s", names[kind]);
    http_reply_error(res, req, "caller.kind", &err);
    return false;
}

bool
caller_account(struct ra_worker *worker, const struct http_request *req,
               struct http_response *res, struct caller *out)
{
    return caller_of_kind(worker, req, res, out, CALLER_ACCOUNT);
}

bool
caller_officer(struct ra_worker *worker, const struct http_request *req,
               struct http_response *res, struct caller *out)
{
    return caller_of_kind(worker, req, res, out, CALLER_OFFICER);
}

bool
caller_platform(struct ra_worker *worker, const struct http_request *req,
                struct http_response *res, struct caller *out)
{
    return caller_of_kind(worker, req, res, out, CALLER_PLATFORM);
}

bool
caller_has_role(const struct caller *caller, enum api_role role)
{
    return caller->kind == CALLER_OFFICER && caller->officer.has_role[role];
}

bool
caller_with_role(struct ra_worker *worker, const struct http_request *req,
                 struct http_response *res, unsigned roles, struct caller *out)
{
    char names[200] = "";
    struct error err = {0};

    if (!caller_officer(worker, req, res, out))
        return false;
    for (enum api_role role = 0; role < API_ROLE_COUNT; role++) {
        size_t len = strlen(names);

        if ((roles & 1u << role) == 0)
            continue;
        if (out->officer.has_role[role])
            return true;
        (void)snprintf(names + len, sizeof names - len, "%s%s",
                       len > 0 ? ", " : "", api_role_name(role));
    }
    error_set(&err, ERROR_DENIED, "this is for officers with the role %s",
              names);
    http_reply_error(res, req, "caller.role", &err);
    return false;
}

const char *
caller_name(const struct caller *caller)
{
    switch (caller->kind) {
    case CALLER_ACCOUNT:
        return caller->account.account;
    case CALLER_OFFICER:
        return caller->officer.officer_id;
    case CALLER_PLATFORM:
        break;
    }
    return "platform";
}
