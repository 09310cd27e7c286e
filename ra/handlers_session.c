/*
 * Logging in, being logged in, logging out: ra/session.h. A log-in that fails
 * has one answer, whatever was wrong with it, and takes the same work.
 */
#include "ra/handlers_session.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "ra/session.h"

enum { SESSIONS_MAX = 200 };

void
handle_static(void *arg, const struct http_request *req,
              struct http_response *res)
{
    const struct ra_worker *worker = arg;

    static_answer(worker->ra->files, req, res);
}

/* ---- Answers ---------------------------------------------------------------
 */

static bool
may_log_in(struct ra_worker *worker, const struct http_request *req,
           struct http_response *res)
{
    int64_t now_ms = clock_monotonic_ms();

    if (throttle_admits(worker->ra->logins, req->peer.address, now_ms) &&
        throttle_admits(worker->ra->challenges, req->peer.address, now_ms))
        return true;
    http_reply_problem(res, req->id, 429,
                       "too many log-ins from this address failed: wait a "
                       "minute");
    http_response_header(res, "Retry-After", "60");
    return false;
}

/* The one answer to every log-in that fails by its own fault. */
static void
reply_refused(struct ra_worker *worker, const struct http_request *req,
              struct http_response *res, const char *event,
              const struct error *err)
{
    if (err->code == ERROR_BUSY || err->code == ERROR_INTERNAL) {
        http_reply_error(res, req, event, err);
        return;
    }
    throttle_failed(worker->ra->logins, req->peer.address,
                    clock_monotonic_ms());
    log_event(LOG_LEVEL_WARN, event, LOG_TEXT("address", req->peer.address),
              LOG_TEXT("why", err->what));
    http_reply_problem(res, req->id, 401,
                       "this opens nothing here, or not any more");
}

static json_t *
session_json(const struct db_session *session,
             const struct review_officer *officer, const struct config *config)
{
    json_t *out = json_object();
    json_t *roles;

    json_set_text(out, "kind", officer != NULL ? "officer" : "account");
    json_set_text(out, "subject", session->subject);
    json_set_text(out, "language", session->language);
    json_set_hex(out, "csrf", session->csrf, sizeof session->csrf);
    json_set_time(out, "expires_at", session->expires_at);
    json_set_int(out, "idle_s", session_idle_s(config, session->is_officer));
    if (officer == NULL)
        return out;
    json_set_text(out, "name", officer->name);
    json_set_hex(out, "credential_id", session->credential_id, 32);
    json_set_bytes(out, "raw_id", officer->passkey.raw_id,
                   officer->passkey.raw_id_len);
    json_set_text(out, "rp_id", officer->passkey.rp_id);
    roles = json_array();
    for (enum api_role role = 0; role < API_ROLE_COUNT; role++)
        if (officer->has_role[role])
            json_array_append_new(roles, json_string(api_role_name(role)));
    json_object_set_new(out, "roles", roles);
    return out;
}

static void
reply_session(struct http_response *res, struct ra_worker *worker,
              const struct db_session *session,
              const struct review_officer *officer,
              char secret[SESSION_SECRET_LEN + 1])
{
    http_reply_json(res, 201,
                    session_json(session, officer, worker->ra->config));
    session_cookie_set(res, secret);
    OPENSSL_cleanse(secret, SESSION_SECRET_LEN);
    log_event(LOG_LEVEL_INFO, "session.opened",
              LOG_TEXT("kind", officer != NULL ? "officer" : "account"),
              LOG_TEXT("subject", session->subject));
}

/* ---- Accounts ----------------------------------------------------------- */

static bool
ticket_log_in(struct ra_worker *worker, const struct http_request *req,
              char secret[SESSION_SECRET_LEN + 1], struct db_session *out,
              struct error *err)
{
    static const char *const names[] = {"ticket", NULL};
    char account[DB_ACCOUNT_NAME_MAX + 1];
    char language[3];
    json_t *body = NULL;
    const char *ticket;
    int64_t now = clock_now();
    bool ok =
        http_json(req, &body, err) && json_only(body, names, err) &&
        json_get_text(body, "ticket", 128, &ticket, err) &&
        session_ticket_use(worker->db, ticket, now, account, language, err) &&
        session_open(worker->db, worker->ra->config, req, account, NULL,
                     language, now, secret, out, err);

    json_decref(body);
    return ok;
}

void
handle_session_ticket(void *arg, const struct http_request *req,
                      struct http_response *res)
{
    struct ra_worker *worker = arg;
    char secret[SESSION_SECRET_LEN + 1];
    struct db_session session;
    struct error err = {0};

    if (caller_is_forged(req, res) || !may_log_in(worker, req, res))
        return;
    if (ticket_log_in(worker, req, secret, &session, &err))
        reply_session(res, worker, &session, NULL, secret);
    else
        reply_refused(worker, req, res, "session.ticket_refused", &err);
}

/* ---- Officers ----------------------------------------------------------- */

/* A challenge is bound to the browser that asked for it. */
static bool
challenge_make(struct ra_worker *worker, const struct http_request *req,
               json_t **out, struct error *err)
{
    uint8_t challenge[SESSION_CHALLENGE_LEN];
    uint8_t hash[32], browser[32];
    char subject[2 * sizeof browser + 1];
    char rp_id[WEBAUTHN_RP_ID_MAX + 1];
    const char *origin;
    int64_t expires_at = clock_now() + SESSION_CHALLENGE_S;

    if (!session_origin(worker->ra->config, &origin, rp_id, err) ||
        !session_browser(req, browser, err))
        return false;
    if (RAND_bytes(challenge, sizeof challenge) != 1)
        return error_openssl(err, ERROR_INTERNAL, "no randomness");
    text_hex(browser, sizeof browser, subject);
    if (!hash_sha256(challenge, sizeof challenge, hash, err) ||
        !db_ticket_add(worker->db, hash, "passkey-login", subject, expires_at,
                       err))
        return false;
    *out = json_object();
    json_set_bytes(*out, "challenge", challenge, sizeof challenge);
    json_set_text(*out, "rp_id", rp_id);
    json_set_time(*out, "expires_at", expires_at);
    return true;
}

void
handle_session_passkey_options(void *arg, const struct http_request *req,
                               struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct error err = {0};
    json_t *out = NULL;

    if (caller_is_forged(req, res) || !may_log_in(worker, req, res))
        return;
    throttle_failed(worker->ra->challenges, req->peer.address,
                    clock_monotonic_ms());
    if (challenge_make(worker, req, &out, &err))
        http_reply_json(res, 201, out);
    else
        http_reply_error(res, req, "session.challenge", &err);
}

struct proof {
    struct buf challenge, authenticator_data, client_data, signature;
    uint8_t credential_id[32];
};

static bool
proof_read(const struct http_request *req, struct proof *out, struct error *err)
{
    static const char *const names[] = {"challenge",   "credential_id",
                                        "client_data", "authenticator_data",
                                        "signature",   NULL};
    json_t *body = NULL;
    const char *text;
    size_t len;
    bool ok = http_json(req, &body, err) && json_only(body, names, err) &&
              json_get_bytes(body, "challenge", SESSION_CHALLENGE_LEN,
                             &out->challenge, err) &&
              json_get_bytes(body, "authenticator_data",
                             WEBAUTHN_AUTHENTICATOR_DATA_MAX,
                             &out->authenticator_data, err) &&
              json_get_bytes(body, "client_data", WEBAUTHN_CLIENT_DATA_MAX,
                             &out->client_data, err) &&
              json_get_bytes(body, "signature", WEBAUTHN_SIGNATURE_MAX,
                             &out->signature, err) &&
              json_get_text(body, "credential_id", 64, &text, err);

    if (ok && (!text_unhex(text, out->credential_id, sizeof out->credential_id,
                           &len) ||
               len != sizeof out->credential_id))
        ok = error_set(err, ERROR_INPUT, "credential_id: 64 hex digits");
    json_decref(body);
    return ok;
}

static void
proof_clear(struct proof *proof)
{
    buf_clear(&proof->challenge);
    buf_clear(&proof->authenticator_data);
    buf_clear(&proof->client_data);
    buf_clear(&proof->signature);
}

/* Used up whatever comes of it: a challenge is answered once. */
static bool
challenge_use(struct ra_worker *worker, const struct http_request *req,
              const struct proof *proof, int64_t now, struct error *err)
{
    char subject[DB_TICKET_SUBJECT_MAX + 1];
    uint8_t hash[32], browser[32];
    char expected[2 * sizeof browser + 1];

    if (!hash_sha256(proof->challenge.data, proof->challenge.len, hash, err) ||
        !session_browser(req, browser, err) ||
        !db_ticket_use(worker->db, hash, "passkey-login", now, subject, err))
        return false;
    text_hex(browser, sizeof browser, expected);
    return strcmp(subject, expected) == 0 ||
           error_set(err, ERROR_DENIED, "a challenge of another browser");
}

/* Nobody's key, the base point of P-256 (SEC 2, 2.4.2) as a COSE_Key: a passkey
 * that nobody has is verified like one that somebody has. */
static const uint8_t nobody_key[] = {
    0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20, 0x6b,
    0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5,
    0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33,
    0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x22, 0x58,
    0x20, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7,
    0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b,
    0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};

static bool
passkey_verify(struct ra_worker *worker, const struct proof *proof,
               const struct officer_passkey *passkey, struct error *err)
{
    char rp_id[WEBAUTHN_RP_ID_MAX + 1];
    const char *origin;
    bool is_known = passkey->public_key_len > 0;
    EVP_PKEY *key = NULL;
    struct webauthn_assertion assertion = {
        proof->authenticator_data.data, proof->authenticator_data.len,
        proof->client_data.data,        proof->client_data.len,
        proof->signature.data,          proof->signature.len,
    };
    struct webauthn_scene scene = {
        .rp_id = rp_id,
        .challenge = proof->challenge.data,
        .challenge_len = proof->challenge.len,
    };
    bool ok;

    if (!session_origin(worker->ra->config, &origin, rp_id, err) ||
        !webauthn_key_parse(
            is_known ? passkey->public_key : nobody_key,
            is_known ? passkey->public_key_len : sizeof nobody_key, &key, err))
        return false;
    scene.origin = origin;
    ok = webauthn_verify(key, &assertion, &scene, NULL, err);
    EVP_PKEY_free(key);
    if (ok && !is_known)
        ok = error_set(err, ERROR_DENIED, "not a passkey");
    return ok;
}

static bool
passkey_log_in(struct ra_worker *worker, const struct http_request *req,
               char secret[SESSION_SECRET_LEN + 1], struct db_session *out,
               struct review_officer *officer, struct error *err)
{
    struct proof proof = {
        .challenge = BUF_INIT(SESSION_CHALLENGE_LEN),
        .authenticator_data = BUF_INIT(WEBAUTHN_AUTHENTICATOR_DATA_MAX),
        .client_data = BUF_INIT(WEBAUTHN_CLIENT_DATA_MAX),
        .signature = BUF_INIT(WEBAUTHN_SIGNATURE_MAX),
    };
    static const struct officer_passkey nobody;
    struct error unknown = {0};
    int64_t now = clock_now();
    bool is_known;
    bool ok = false;

    if (!proof_read(req, &proof, err) ||
        !challenge_use(worker, req, &proof, now, err))
        goto out;
    is_known =
        officer_by_credential(worker->ra->officers, worker->ca,
                              proof.credential_id, now, officer, &unknown);
    if (!is_known && unknown.code != ERROR_DENIED) {
        *err = unknown;
        goto out;
    }
    if (!passkey_verify(worker, &proof, is_known ? &officer->passkey : &nobody,
                        err))
        goto out;
    ok = session_open(worker->db, worker->ra->config, req, officer->officer_id,
                      officer->credential_id, "zh", now, secret, out, err);
out:
    proof_clear(&proof);
    return ok;
}

void
handle_session_passkey(void *arg, const struct http_request *req,
                       struct http_response *res)
{
    struct ra_worker *worker = arg;
    char secret[SESSION_SECRET_LEN + 1];
    struct review_officer officer = {0};
    struct db_session session;
    struct error err = {0};

    if (caller_is_forged(req, res) || !may_log_in(worker, req, res))
        return;
    if (passkey_log_in(worker, req, secret, &session, &officer, &err))
        reply_session(res, worker, &session, &officer, secret);
    else
        reply_refused(worker, req, res, "session.passkey_refused", &err);
}

/* ---- The session itself ------------------------------------------------- */

void
handle_session_show(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;

    if (!caller_get(worker, req, res, &caller))
        return;
    if (!caller.has_session)
        http_reply_problem(res, req->id, 404, "there is no session");
    else
        http_reply_json(
            res, 200,
            session_json(&caller.session,
                         caller.kind == CALLER_OFFICER ? &caller.officer : NULL,
                         worker->ra->config));
}

void
handle_session_end(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    bool is_ended = false;

    if (!caller_get(worker, req, res, &caller))
        return;
    if (!caller.has_session) {
        http_reply_problem(res, req->id, 404, "there is no session");
        return;
    }
    if (!db_session_end(worker->db, caller.session.id_hash, clock_now(),
                        &is_ended, &err)) {
        http_reply_error(res, req, "session.end", &err);
        return;
    }
    log_event(LOG_LEVEL_INFO, "session.ended",
              LOG_TEXT("subject", caller.session.subject));
    http_reply_bytes(res, 204, NULL, "", 0);
    session_cookie_clear(res);
}

/* ---- All sessions ------------------------------------------------------- */

static bool
is_administrator(const struct caller *caller)
{
    return caller_has_role(caller, API_ROLE_BUSINESS_ADMINISTRATOR);
}

void
handle_session_list(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct db_session *list = base_alloc(SESSIONS_MAX * sizeof *list);
    struct caller caller;
    struct error err = {0};
    size_t count = 0;
    json_t *items;
    json_t *out;

    if (!caller_get(worker, req, res, &caller))
        goto out;
    if (!db_session_list(worker->db, caller.kind == CALLER_OFFICER,
                         is_administrator(&caller) ? NULL
                                                   : caller_name(&caller),
                         clock_now(), SESSIONS_MAX, list, &count, &err)) {
        http_reply_error(res, req, "session.list", &err);
        goto out;
    }
    items = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *item = json_object();

        json_set_hex(item, "id", list[i].id_hash, sizeof list[i].id_hash);
        json_set_text(item, "subject", list[i].subject);
        json_set_time(item, "made_at", list[i].made_at);
        json_set_time(item, "seen_at", list[i].seen_at);
        json_set_time(item, "expires_at", list[i].expires_at);
        json_object_set_new(
            item, "is_this",
            json_boolean(memcmp(list[i].id_hash, caller.session.id_hash, 32) ==
                         0));
        json_array_append_new(items, item);
    }
    out = json_object();
    json_object_set_new(out, "sessions", items);
    http_reply_json(res, 200, out);
out:
    free(list);
}

static bool
end_other(struct ra_worker *worker, const struct http_request *req,
          const struct caller *caller, struct error *err)
{
    struct db_session session;
    uint8_t hash[32];
    size_t len;
    bool is_known = false;

    if (!text_unhex(http_param(req, "id"), hash, sizeof hash, &len) ||
        len != sizeof hash)
        return error_set(err, ERROR_NOT_FOUND, "there is no such session");
    if (!db_session_find(worker->db, hash, &is_known, &session, err))
        return false;
    /* Somebody else's is none, but for an administrator of officers. */
    if (!is_known || session.is_officer != (caller->kind == CALLER_OFFICER) ||
        (strcmp(session.subject, caller_name(caller)) != 0 &&
         !is_administrator(caller)))
        return error_set(err, ERROR_NOT_FOUND, "there is no such session");
    log_event(LOG_LEVEL_INFO, "session.ended",
              LOG_TEXT("subject", session.subject),
              LOG_TEXT("by", caller_name(caller)));
    return db_session_end(worker->db, hash, clock_now(), &is_known, err);
}

void
handle_session_end_other(void *arg, const struct http_request *req,
                         struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};

    if (!caller_get(worker, req, res, &caller))
        return;
    if (end_other(worker, req, &caller, &err))
        http_reply_bytes(res, 204, NULL, "", 0);
    else
        http_reply_error(res, req, "session.end", &err);
}
