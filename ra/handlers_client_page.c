/* What the account's page does for the client: ra/handlers_client.h. */
#include "ra/handlers_client.h"

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/json.h"
#include "ra/client.h"
#include "ra/handlers_client_internal.h"

void
handle_client_code(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    struct ra_worker *worker = arg;
    char code[CODE_MAX + 1] = "";
    int64_t expires_at;
    struct caller caller;
    struct error err = {0};
    json_t *out;

    if (!caller_account(worker, req, res, &caller))
        return;
    if (!client_code_make(worker->business, worker->db, caller.account.account,
                          http_param(req, "number"), clock_now(), code,
                          &expires_at, &err)) {
        http_reply_error(res, req, "client.code", &err);
        return;
    }
    out = json_object();
    json_set_text(out, "code", code);
    json_set_time(out, "expires_at", expires_at);
    client_reply_secret(res, 201, out);
    OPENSSL_cleanse(code, sizeof code);
}

void
handle_activation_code(void *arg, const struct http_request *req,
                       struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct case_act act = {.number = http_param(req, "number"),
                           .event = CASE_SEND_CODE,
                           .who = CASE_BY_APPLICANT,
                           .at = clock_now()};
    enum case_state to;
    struct error err = {0};

    if (!caller_account(worker, req, res, &caller))
        return;
    act.actor = act.account = caller.account.account;
    if (!case_apply(worker->business, worker->db, &act, &to, &err))
        http_reply_error(res, req, "activation.code", &err);
    else
        http_reply_json(res, 200, client_state_json(act.number, to));
}

void
handle_handler_code(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    const char *number = http_param(req, "number");
    struct caller caller;
    struct error err = {0};
    json_t *out;

    if (!caller_account(worker, req, res, &caller))
        return;
    if (!client_handler_code(worker->business, worker->db,
                             caller.account.account, number, clock_now(),
                             &err)) {
        http_reply_error(res, req, "handler.code", &err);
        return;
    }
    out = json_object();
    json_set_text(out, "number", number);
    json_set_time(out, "expires_at",
                  clock_now() + code_life_s(CODE_HANDLER_CHANGE));
    http_reply_json(res, 200, out);
}

void
handle_handler_confirm(void *arg, const struct http_request *req,
                       struct http_response *res)
{
    static const char *const names[] = {"code", NULL};
    struct ra_worker *worker = arg;
    const char *number = http_param(req, "number");
    const char *code;
    struct caller caller;
    struct error err = {0};
    json_t *body = NULL;
    json_t *out;

    if (!caller_account(worker, req, res, &caller))
        return;
    if (!http_json(req, &body, &err) || !json_only(body, names, &err) ||
        !json_get_text(body, "code", CLIENT_CODE_TEXT_MAX, &code, &err) ||
        !client_handler_confirm(worker->business, worker->db,
                                caller.account.account, number, code,
                                clock_now(), &err)) {
        http_reply_error(res, req, "handler.confirm", &err);
    } else {
        out = json_object();
        json_set_text(out, "number", number);
        json_object_set_new(out, "is_confirmed", json_true());
        http_reply_json(res, 200, out);
    }
    json_decref(body);
}
