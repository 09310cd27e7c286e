/* Officers and their cases: ra/officer_case.h. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "ra/handlers_session.h"
#include "ra/officer_case.h"
#include "ra/session.h"

enum { CASES_MAX = 200 };

/* ---- The register ------------------------------------------------------- */

/* Names are for all who work together; who has which credential is for those
 * who administer or audit. */
static json_t *
officer_short(const json_t *row)
{
    static const char *const names[] = {"officer_id", "name", "roles", "state"};
    json_t *out = json_object();

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)json_object_set(out, names[i], json_object_get(row, names[i]));
    return out;
}

void
handle_officer_list(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *rows = NULL;
    json_t *row;
    json_t *items;
    json_t *out;
    size_t i;
    bool sees_all;

    if (!caller_officer(worker, req, res, &caller))
        return;
    if (!officer_rows(worker->ra->officers, worker->ca, &rows, &err)) {
        http_reply_error(res, req, "officer.list", &err);
        return;
    }
    sees_all =
        caller_has_one_of(&caller, 1u << API_ROLE_BUSINESS_ADMINISTRATOR |
                                       1u << API_ROLE_AUDITOR |
                                       1u << API_ROLE_AUDIT_ADMINISTRATOR);
    items = json_array();
    json_array_foreach(rows, i, row)
    {
        json_array_append_new(items,
                              sees_all ? json_incref(row) : officer_short(row));
    }
    json_decref(rows);
    out = json_object();
    json_object_set_new(out, "officers", items);
    http_reply_json(res, 200, out);
}

/* ---- Cases -------------------------------------------------------------- */

static bool
administrator(struct ra_worker *worker, const struct http_request *req,
              struct http_response *res, struct caller *out)
{
    return caller_with_role(worker, req, res,
                            1u << API_ROLE_BUSINESS_ADMINISTRATOR, out);
}

static bool
case_open(struct ra_worker *worker, const struct http_request *req,
          const struct caller *caller, json_t **out, struct error *err)
{
    static const char *const names[] = {"kind",       "name",  "person",
                                        "officer_id", "roles", NULL};
    struct officer_case_new what = {0};
    char id[TEXT_UUID_LEN + 1];
    char ticket[SESSION_SECRET_LEN + 1];
    char url[WEBAUTHN_ORIGIN_MAX + SESSION_SECRET_LEN + 64];
    char rp_id[WEBAUTHN_RP_ID_MAX + 1];
    const char *origin;
    json_t *roles = NULL;
    json_t *body = NULL;
    json_t *rows = NULL;
    int64_t now = clock_now();
    int64_t expires_at =
        now + config_int(worker->ra->config, "ra.invitation_s");
    bool ok = false;

    if (!session_origin(worker->ra->config, &origin, rp_id, err) ||
        !http_json(req, &body, err) || !json_only(body, names, err) ||
        !json_get_text(body, "kind", 32, &what.kind, err) ||
        !json_find_text(body, "name", OFFICER_CASE_NAME_MAX, &what.name, err) ||
        !json_find_text(body, "person", OFFICER_CASE_NAME_MAX, &what.person,
                        err) ||
        !json_find_text(body, "officer_id", TEXT_UUID_LEN, &what.officer_id,
                        err) ||
        !json_find_array(body, "roles", &roles, err) ||
        !officer_rows(worker->ra->officers, worker->ca, &rows, err))
        goto out;
    what.roles = roles;
    if (!officer_case_open(worker->db, rows, &what, caller->officer.officer_id,
                           now, expires_at, id, ticket, err))
        goto out;
    log_event(LOG_LEVEL_INFO, "officer_case.opened", LOG_TEXT("id", id),
              LOG_TEXT("kind", what.kind),
              LOG_TEXT("officer", caller->officer.officer_id));
    *out = json_object();
    json_set_text(*out, "id", id);
    if (ticket[0] != '\0') {
        (void)snprintf(url, sizeof url, "%s/console/#/invitation/%s", origin,
                       ticket);
        json_set_text(*out, "url", url); /* the only time it is seen */
        json_set_time(*out, "expires_at", expires_at);
    }
    ok = true;
out:
    json_decref(rows);
    json_decref(body);
    return ok;
}

void
handle_officer_case_create(void *arg, const struct http_request *req,
                           struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!administrator(worker, req, res, &caller))
        return;
    if (case_open(worker, req, &caller, &out, &err))
        http_reply_json(res, 201, out);
    else
        http_reply_error(res, req, "officer_case.open", &err);
}

static bool
list_add(const struct db_result *result, void *arg, struct error *err)
{
    struct db_officer_case row;

    if (!db_officer_case_read(result, 0, &row, err))
        return false;
    json_array_append_new(arg, officer_case_json(&row, false));
    return true;
}

void
handle_officer_case_list(void *arg, const struct http_request *req,
                         struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *items;
    json_t *out;

    if (!caller_with_role(worker, req, res,
                          1u << API_ROLE_BUSINESS_ADMINISTRATOR |
                              1u << API_ROLE_AUDITOR |
                              1u << API_ROLE_AUDIT_ADMINISTRATOR,
                          &caller))
        return;
    items = json_array();
    if (!db_officer_case_list(worker->db, CASES_MAX, list_add, items, &err)) {
        json_decref(items);
        http_reply_error(res, req, "officer_case.list", &err);
        return;
    }
    out = json_object();
    json_object_set_new(out, "cases", items);
    http_reply_json(res, 200, out);
}

void
handle_officer_case_show(void *arg, const struct http_request *req,
                         struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct db_officer_case row;
    struct caller caller;
    struct error err = {0};

    if (!administrator(worker, req, res, &caller))
        return;
    if (!db_officer_case_get(worker->db, http_param(req, "id"), &row, &err)) {
        http_reply_error(res, req, "officer_case.show", &err);
        return;
    }
    http_reply_json(res, 200, officer_case_json(&row, true));
    db_officer_case_clear(&row);
}

/* ---- For who was invited ------------------------------------------------ */

/* An invitation is guessed as little as a session is. */
static bool
may_try(struct ra_worker *worker, const struct http_request *req,
        struct http_response *res)
{
    if (caller_is_forged(req, res))
        return false;
    if (throttle_admits(worker->ra->logins, req->peer.address,
                        clock_monotonic_ms()))
        return true;
    http_reply_problem(res, req->id, 429,
                       "too many attempts from this address: wait a minute");
    http_response_header(res, "Retry-After", "60");
    return false;
}

static void
reply_attempt(struct ra_worker *worker, const struct http_request *req,
              struct http_response *res, const char *event,
              const struct error *err)
{
    if (err->code == ERROR_NOT_FOUND)
        throttle_failed(worker->ra->logins, req->peer.address,
                        clock_monotonic_ms());
    http_reply_error(res, req, event, err);
}

static bool
invitation_read(struct ra_worker *worker, const struct http_request *req,
                json_t **out, struct error *err)
{
    static const char *const names[] = {"ticket", NULL};
    char rp_id[WEBAUTHN_RP_ID_MAX + 1];
    uint8_t challenge[32];
    const char *origin;
    const char *ticket;
    struct db_officer_case row = {0};
    json_t *body = NULL;
    json_t *user;
    bool ok = session_origin(worker->ra->config, &origin, rp_id, err) &&
              http_json(req, &body, err) && json_only(body, names, err) &&
              json_get_text(body, "ticket", 128, &ticket, err) &&
              officer_case_invited(worker->db, ticket, clock_now(), challenge,
                                   &row, err);

    if (ok) {
        *out = officer_case_json(&row, false);
        user = json_object();
        json_set_text(user, "id", row.officer_id);
        json_set_text(user, "name", row.name);
        json_object_set_new(*out, "user", user);
        json_set_text(*out, "rp_id", rp_id);
        json_set_bytes(*out, "challenge", challenge, sizeof challenge);
    }
    db_officer_case_clear(&row);
    json_decref(body);
    return ok;
}

void
handle_officer_case_invitation(void *arg, const struct http_request *req,
                               struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct error err = {0};
    json_t *out = NULL;

    if (!may_try(worker, req, res))
        return;
    if (invitation_read(worker, req, &out, &err))
        http_reply_json(res, 200, out);
    else
        reply_attempt(worker, req, res, "officer_case.invitation", &err);
}

static bool
credential_take(struct ra_worker *worker, const struct http_request *req,
                struct error *err)
{
    static const char *const names[] = {"ticket", "attestation_object",
                                        "client_data", NULL};
    struct buf attestation = BUF_INIT(WEBAUTHN_ATTESTATION_MAX);
    struct buf client_data = BUF_INIT(WEBAUTHN_CLIENT_DATA_MAX);
    char rp_id[WEBAUTHN_RP_ID_MAX + 1];
    const char *origin;
    const char *ticket;
    json_t *body = NULL;
    bool ok = session_origin(worker->ra->config, &origin, rp_id, err) &&
              http_json(req, &body, err) && json_only(body, names, err) &&
              json_get_text(body, "ticket", 128, &ticket, err) &&
              json_get_bytes(body, "attestation_object",
                             WEBAUTHN_ATTESTATION_MAX, &attestation, err) &&
              json_get_bytes(body, "client_data", WEBAUTHN_CLIENT_DATA_MAX,
                             &client_data, err) &&
              officer_case_credential(worker->db, http_param(req, "id"), ticket,
                                      &attestation, &client_data, rp_id, origin,
                                      clock_now(), err);

    json_decref(body);
    buf_clear(&attestation);
    buf_clear(&client_data);
    return ok;
}

void
handle_officer_case_credential(void *arg, const struct http_request *req,
                               struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct error err = {0};
    json_t *out;

    if (!may_try(worker, req, res))
        return;
    if (!credential_take(worker, req, &err)) {
        reply_attempt(worker, req, res, "officer_case.credential", &err);
        return;
    }
    log_event(LOG_LEVEL_INFO, "officer_case.ready",
              LOG_TEXT("id", http_param(req, "id")));
    out = json_object();
    json_set_text(out, "state", "ready");
    http_reply_json(res, 200, out);
}

/* ---- Deciding ----------------------------------------------------------- */

static bool
decide(struct ra_worker *worker, const struct http_request *req,
       const struct caller *caller, const char **state, struct error *err)
{
    const char *id = http_param(req, "id");
    struct api_decision decision;
    struct error later = {0};
    json_t *body = NULL;
    bool ok =
        http_json(req, &body, err) &&
        api_decision_parse(body, &decision, err) &&
        officer_case_decide(worker->db, id, &caller->officer,
                            req->peer.certificate, req->peer.certificate_len,
                            &decision, clock_now(), state, err);

    json_decref(body);
    if (!ok)
        return false;
    log_event(LOG_LEVEL_INFO, "officer_case.decided", LOG_TEXT("id", id),
              LOG_TEXT("officer", caller->officer.officer_id));
    if (strcmp(*state, "sending") != 0)
        return true;
    /* The approval stands whatever comes of this: the job sends again. */
    if (!officer_case_send(worker->db, worker->ca, id, clock_now(), state,
                           &later))
        log_failure("officer_case.send", &later);
    officer_forget(worker->ra->officers);
    return true;
}

void
handle_officer_case_decide(void *arg, const struct http_request *req,
                           struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    const char *state = NULL;
    json_t *out;

    if (!administrator(worker, req, res, &caller))
        return;
    if (!decide(worker, req, &caller, &state, &err)) {
        http_reply_error(res, req, "officer_case.decide", &err);
        return;
    }
    out = json_object();
    json_set_text(out, "state", state);
    http_reply_json(res, 200, out);
}

void
handle_officer_case_withdraw(void *arg, const struct http_request *req,
                             struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};

    if (!administrator(worker, req, res, &caller))
        return;
    if (officer_case_withdraw(worker->db, http_param(req, "id"), clock_now(),
                              &err))
        http_reply_bytes(res, 204, NULL, "", 0);
    else
        http_reply_error(res, req, "officer_case.withdraw", &err);
}
