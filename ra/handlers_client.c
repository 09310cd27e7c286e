/* The holder's client over HTTP: ra/handlers_client.h. */
#include "ra/handlers_client.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "ra/case_send.h"
#include "ra/client.h"
#include "ra/handlers_client_internal.h"

/* ---- What all have in common -----------------------------------------------
 */

/* A call that is refused counts against its address, as a token that opens
 * nothing: who guesses codes is slowed. */
static void
reply_refused(struct ra_worker *worker, const struct http_request *req,
              struct http_response *res, const char *event,
              const struct error *err)
{
    if (err->code == ERROR_DENIED || err->code == ERROR_NOT_FOUND)
        throttle_failed(worker->ra->throttle, req->peer.address,
                        clock_monotonic_ms());
    http_reply_error(res, req, event, err);
}

/* Whether this address may try now; else the answer is written. A page of
 * another site may not either. */
static bool
client_admitted(struct ra_worker *worker, const struct http_request *req,
                struct http_response *res)
{
    if (caller_is_forged(req, res))
        return false;
    if (throttle_admits(worker->ra->throttle, req->peer.address,
                        clock_monotonic_ms()))
        return true;
    http_reply_problem(res, req->id, 429,
                       "too many calls from this address opened nothing");
    http_response_header(res, "Retry-After", "1");
    return false;
}

void
client_reply_secret(struct http_response *res, int status, json_t *take_object)
{
    http_reply_json(res, status, take_object);
    http_response_header(res, "Cache-Control", "no-store");
}

/* What is due at the CA goes now, not at the next turn of the job. */
static void
send_now(struct ra_worker *worker)
{
    struct ra_job job = {.db = worker->db,
                         .ca = worker->ca,
                         .business = worker->business,
                         .config = worker->ra->config};
    struct error err = {0};

    if (!case_send_job(&job, clock_now(), &err))
        log_failure("case.send", &err);
}

/* {"device", "signed_at", "signature"} and what else `names` allows. The
 * signature's octets are `signature`'s. */
static bool
call_read(const json_t *body, const char *const *names, const char *action,
          const char *number, struct buf *signature, struct client_call *out,
          struct error *err)
{
    memset(out, 0, sizeof *out);
    out->action = action;
    out->number = number;
    out->at = clock_now();
    if (!json_only(body, names, err) ||
        !json_get_text(body, "device", DB_DEVICE_SERIAL_MAX, &out->device,
                       err) ||
        !json_get_time(body, "signed_at", &out->signed_at, err) ||
        !json_get_bytes(body, "signature", CLIENT_SIGNATURE_MAX, signature,
                        err))
        return false;
    out->signature = signature->data;
    out->signature_len = signature->len;
    return true;
}

json_t *
client_state_json(const char *number, enum case_state state)
{
    json_t *out = json_object();

    json_set_text(out, "number", number);
    json_set_text(out, "state", case_state_name(state));
    return out;
}

/* ---- Proofs ----------------------------------------------------------------
 */

void
handle_client_challenge(void *arg, const struct http_request *req,
                        struct http_response *res)
{
    static const char *const names[] = {"code", NULL};
    struct ra_worker *worker = arg;
    const char *code;
    struct error err = {0};
    json_t *body = NULL;
    json_t *out = NULL;

    if (!client_admitted(worker, req, res))
        return;
    if (!http_json(req, &body, &err) || !json_only(body, names, &err) ||
        !json_get_text(body, "code", CLIENT_CODE_TEXT_MAX, &code, &err) ||
        !client_challenge(worker->business, worker->db, code, clock_now(), &out,
                          &err))
        reply_refused(worker, req, res, "client.challenge", &err);
    else
        http_reply_json(res, 200, out);
    json_decref(body);
}

void
handle_client_proof(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    static const char *const names[] = {"code", "device", "signature", NULL};
    struct ra_worker *worker = arg;
    struct buf signature = BUF_INIT(CLIENT_SIGNATURE_MAX);
    char number[DB_CASE_NUMBER_MAX + 1];
    struct client_proof proof = {.at = clock_now()};
    struct error err = {0};
    json_t *body = NULL;
    json_t *out;

    if (!client_admitted(worker, req, res))
        return;
    if (!http_json(req, &body, &err) || !json_only(body, names, &err) ||
        !json_get_text(body, "code", CLIENT_CODE_TEXT_MAX, &proof.code, &err) ||
        !json_get_text(body, "device", DB_DEVICE_SERIAL_MAX, &proof.device,
                       &err) ||
        !json_get_bytes(body, "signature", CLIENT_SIGNATURE_MAX, &signature,
                        &err))
        goto failed;
    proof.signature = signature.data;
    proof.signature_len = signature.len;
    if (!client_prove(worker->business, worker->db, &proof, number, &err))
        goto failed;
    out = json_object();
    json_set_text(out, "number", number);
    json_object_set_new(out, "is_proved", json_true());
    http_reply_json(res, 200, out);
    goto out;
failed:
    reply_refused(worker, req, res, "client.proof", &err);
out:
    buf_clear(&signature);
    json_decref(body);
}

/* ---- Activation ------------------------------------------------------------
 */

void
handle_client_activation_open(void *arg, const struct http_request *req,
                              struct http_response *res)
{
    static const char *const names[] = {"code", "device", "signed_at",
                                        "signature", NULL};
    struct ra_worker *worker = arg;
    struct buf signature = BUF_INIT(CLIENT_SIGNATURE_MAX);
    struct client_call call;
    const char *code;
    struct error err = {0};
    json_t *body = NULL;
    json_t *out = NULL;

    if (!client_admitted(worker, req, res))
        return;
    if (!http_json(req, &body, &err) ||
        !call_read(body, names, "activate", "", &signature, &call, &err) ||
        !json_get_text(body, "code", CLIENT_CODE_TEXT_MAX, &code, &err) ||
        !client_activation_open(worker->business, worker->db, &call, code, &out,
                                &err))
        reply_refused(worker, req, res, "client.activation", &err);
    else
        http_reply_json(res, 200, out);
    buf_clear(&signature);
    json_decref(body);
}

/* 202 while the CA works on it, 200 at the end. */
static void
reply_status(struct ra_worker *worker, const struct http_request *req,
             struct http_response *res, const char *order_id)
{
    struct error err = {0};
    json_t *out = NULL;
    const char *state;

    if (!client_order_status(worker->db, order_id, &out, &err)) {
        reply_refused(worker, req, res, "client.activation", &err);
        return;
    }
    state = json_string_value(json_object_get(out, "state"));
    http_reply_json(res, strcmp(state, "waiting") == 0 ? 202 : 200, out);
}

void
handle_client_activate(void *arg, const struct http_request *req,
                       struct http_response *res)
{
    static const char *const names[] = {"code", "device", "csr",
                                        "device_signature", NULL};
    struct ra_worker *worker = arg;
    struct buf csr = BUF_INIT(CLIENT_CSR_MAX);
    struct buf signature = BUF_INIT(CLIENT_SIGNATURE_MAX);
    struct client_activation activation = {.order_id = http_param(req, "id"),
                                           .at = clock_now()};
    struct error err = {0};
    json_t *body = NULL;

    if (!client_admitted(worker, req, res))
        return;
    if (!http_json(req, &body, &err) || !json_only(body, names, &err) ||
        !json_get_text(body, "code", CLIENT_CODE_TEXT_MAX, &activation.code,
                       &err) ||
        !json_get_text(body, "device", DB_DEVICE_SERIAL_MAX, &activation.device,
                       &err) ||
        !json_get_bytes(body, "csr", CLIENT_CSR_MAX, &csr, &err) ||
        !json_get_bytes(body, "device_signature", CLIENT_SIGNATURE_MAX,
                        &signature, &err))
        goto failed;
    activation.csr = csr.data;
    activation.csr_len = csr.len;
    activation.signature = signature.data;
    activation.signature_len = signature.len;
    if (!client_activate(worker->business, worker->db, &activation, &err))
        goto failed;
    send_now(worker);
    reply_status(worker, req, res, activation.order_id);
    goto out;
failed:
    reply_refused(worker, req, res, "client.activation", &err);
out:
    buf_clear(&csr);
    buf_clear(&signature);
    json_decref(body);
}

void
handle_client_activation_show(void *arg, const struct http_request *req,
                              struct http_response *res)
{
    struct ra_worker *worker = arg;

    if (client_admitted(worker, req, res))
        reply_status(worker, req, res, http_param(req, "id"));
}

/* ---- Renewal ---------------------------------------------------------------
 */

void
handle_client_renewal_request(void *arg, const struct http_request *req,
                              struct http_response *res)
{
    static const char *const names[] = {"code", "csr", NULL};
    struct ra_worker *worker = arg;
    struct buf csr = BUF_INIT(CLIENT_CSR_MAX);
    struct client_renewal renewal = {.number = http_param(req, "number"),
                                     .at = clock_now()};
    struct error err = {0};
    json_t *body = NULL;
    json_t *out = NULL;

    if (!client_admitted(worker, req, res))
        return;
    if (!http_json(req, &body, &err) || !json_only(body, names, &err) ||
        !json_get_text(body, "code", CLIENT_CODE_TEXT_MAX, &renewal.code,
                       &err) ||
        !json_get_bytes(body, "csr", CLIENT_CSR_MAX, &csr, &err))
        goto failed;
    renewal.csr = csr.data;
    renewal.csr_len = csr.len;
    if (!client_renewal_request(worker->business, worker->db, &renewal, &out,
                                &err))
        goto failed;
    client_reply_secret(res, 200, out);
    goto out;
failed:
    reply_refused(worker, req, res, "client.renewal", &err);
out:
    buf_clear(&csr);
    json_decref(body);
}

/* [{"order_id", "signature"}, the same], in the order of the request's answer.
 */
static bool
signatures_read(const json_t *body, struct buf octets[2],
                struct client_signatures *out, struct error *err)
{
    static const char *const names[] = {"code", "decided_at", "signatures",
                                        NULL};
    static const char *const members[] = {"order_id", "signature", NULL};
    json_t *list;

    if (!json_only(body, names, err) ||
        !json_get_text(body, "code", CLIENT_CODE_TEXT_MAX, &out->code, err) ||
        !json_get_time(body, "decided_at", &out->decided_at, err) ||
        !json_get_array(body, "signatures", &list, err))
        return false;
    if (json_array_size(list) != 2)
        return error_set(err, ERROR_INPUT, "signatures: of both orders");
    for (size_t i = 0; i < 2; i++) {
        json_t *one = json_array_get(list, i);

        if (!json_is_object(one))
            return error_set(err, ERROR_INPUT, "signatures: objects");
        if (!json_only(one, members, err) ||
            !json_get_text(one, "order_id", TEXT_UUID_LEN, &out->at[i].order_id,
                           err) ||
            !json_get_bytes(one, "signature", CLIENT_SIGNATURE_MAX, &octets[i],
                            err))
            return error_wrap(err, "signatures[%zu]", i);
        out->at[i].signature = octets[i].data;
        out->at[i].signature_len = octets[i].len;
    }
    return true;
}

void
handle_client_renewal_sign(void *arg, const struct http_request *req,
                           struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct buf octets[2] = {BUF_INIT(CLIENT_SIGNATURE_MAX),
                            BUF_INIT(CLIENT_SIGNATURE_MAX)};
    struct client_signatures signatures = {.number = http_param(req, "number"),
                                           .now = clock_now()};
    enum case_state to;
    struct error err = {0};
    json_t *body = NULL;

    if (!client_admitted(worker, req, res))
        return;
    if (!http_json(req, &body, &err) ||
        !signatures_read(body, octets, &signatures, &err) ||
        !client_renewal_sign(worker->business, worker->db, &signatures, &to,
                             &err)) {
        reply_refused(worker, req, res, "client.renewal", &err);
    } else {
        send_now(worker);
        http_reply_json(res, 200, client_state_json(signatures.number, to));
    }
    buf_clear(&octets[0]);
    buf_clear(&octets[1]);
    json_decref(body);
}

/* ---- Calls signed by a key -------------------------------------------------
 */

typedef bool client_step(const struct business *business, struct db *db,
                         const struct client_call *call, const json_t *body,
                         enum case_state *to, struct error *err);

/* One of the calls that end in a state of the case. */
static void
handle_step(struct ra_worker *worker, const struct http_request *req,
            struct http_response *res, const char *action,
            const char *const *names, client_step *step)
{
    struct buf signature = BUF_INIT(CLIENT_SIGNATURE_MAX);
    struct client_call call;
    enum case_state to;
    struct error err = {0};
    json_t *body = NULL;

    if (!client_admitted(worker, req, res))
        return;
    if (!http_json(req, &body, &err) ||
        !call_read(body, names, action, http_param(req, "number"), &signature,
                   &call, &err) ||
        !step(worker->business, worker->db, &call, body, &to, &err))
        reply_refused(worker, req, res, "client.call", &err);
    else
        http_reply_json(res, 200, client_state_json(call.number, to));
    buf_clear(&signature);
    json_decref(body);
}

static const char *const call_names[] = {"device", "signed_at", "signature",
                                         NULL};

static bool
step_renewal_installed(const struct business *business, struct db *db,
                       const struct client_call *call, const json_t *body,
                       enum case_state *to, struct error *err)
{
    (void)body;
    return client_renewal_installed(business, db, call, to, err);
}

void
handle_client_renewal_installed(void *arg, const struct http_request *req,
                                struct http_response *res)
{
    handle_step(arg, req, res, "installed", call_names, step_renewal_installed);
    if (res->status == 200)
        send_now(arg);
}

void
handle_client_recovery_begin(void *arg, const struct http_request *req,
                             struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct buf signature = BUF_INIT(CLIENT_SIGNATURE_MAX);
    char number[DB_CASE_NUMBER_MAX + 1];
    struct client_call call;
    enum case_state to;
    struct error err = {0};
    json_t *body = NULL;

    if (!client_admitted(worker, req, res))
        return;
    if (!http_json(req, &body, &err) ||
        !call_read(body, call_names, "recover", "", &signature, &call, &err) ||
        !client_recovery_begin(worker->business, worker->db, &call, number, &to,
                               &err))
        reply_refused(worker, req, res, "client.recovery", &err);
    else
        http_reply_json(res, 200, client_state_json(number, to));
    buf_clear(&signature);
    json_decref(body);
}

static bool
step_seal_installed(const struct business *business, struct db *db,
                    const struct client_call *call, const json_t *body,
                    enum case_state *to, struct error *err)
{
    (void)body;
    return client_seal_installed(business, db, call, to, err);
}

void
handle_client_seal_installed(void *arg, const struct http_request *req,
                             struct http_response *res)
{
    handle_step(arg, req, res, "installed", call_names, step_seal_installed);
}

static bool
step_unlock_code(const struct business *business, struct db *db,
                 const struct client_call *call, const json_t *body,
                 enum case_state *to, struct error *err)
{
    bool is_locked;

    return json_find_bool(body, "is_locked", false, &is_locked, err) &&
           client_unlock_code(business, db, call, is_locked, to, err);
}

void
handle_client_unlock_code(void *arg, const struct http_request *req,
                          struct http_response *res)
{
    static const char *const names[] = {"device", "signed_at", "signature",
                                        "is_locked", NULL};

    handle_step(arg, req, res, "code", names, step_unlock_code);
}

static bool
step_unlock_verify(const struct business *business, struct db *db,
                   const struct client_call *call, const json_t *body,
                   enum case_state *to, struct error *err)
{
    const char *code;

    return json_get_text(body, "code", CLIENT_CODE_TEXT_MAX, &code, err) &&
           client_unlock_verify(business, db, call, code, to, err);
}

void
handle_client_unlock_verify(void *arg, const struct http_request *req,
                            struct http_response *res)
{
    static const char *const names[] = {"device", "signed_at", "signature",
                                        "code", NULL};

    handle_step(arg, req, res, "verify", names, step_unlock_verify);
}

static bool
step_unlock_done(const struct business *business, struct db *db,
                 const struct client_call *call, const json_t *body,
                 enum case_state *to, struct error *err)
{
    (void)body;
    return client_unlock_done(business, db, call, to, err);
}

void
handle_client_unlock_done(void *arg, const struct http_request *req,
                          struct http_response *res)
{
    handle_step(arg, req, res, "done", call_names, step_unlock_done);
}

static bool
step_unlock_failed(const struct business *business, struct db *db,
                   const struct client_call *call, const json_t *body,
                   enum case_state *to, struct error *err)
{
    const char *reason;

    return json_get_text(body, "reason", CLIENT_REASON_MAX, &reason, err) &&
           client_unlock_failed(business, db, call, reason, to, err);
}

void
handle_client_unlock_failed(void *arg, const struct http_request *req,
                            struct http_response *res)
{
    static const char *const names[] = {"device", "signed_at", "signature",
                                        "reason", NULL};

    handle_step(arg, req, res, "failed", names, step_unlock_failed);
}

void
handle_client_unlock_release(void *arg, const struct http_request *req,
                             struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct buf signature = BUF_INIT(CLIENT_SIGNATURE_MAX);
    char pin[MAKING_PIN_LEN + 1] = "";
    char next[MAKING_PIN_LEN + 1] = "";
    struct client_call call;
    struct error err = {0};
    json_t *body = NULL;
    json_t *out;

    if (!client_admitted(worker, req, res))
        return;
    if (!http_json(req, &body, &err) ||
        !call_read(body, call_names, "administrator-pin",
                   http_param(req, "number"), &signature, &call, &err) ||
        !client_unlock_release(worker->business, worker->db, &call, pin, next,
                               &err)) {
        reply_refused(worker, req, res, "client.unlock", &err);
    } else {
        out = json_object();
        json_set_text(out, "admin_pin", pin);
        json_set_text(out, "next_admin_pin", next);
        client_reply_secret(res, 200, out);
    }
    OPENSSL_cleanse(pin, sizeof pin);
    OPENSSL_cleanse(next, sizeof next);
    buf_clear(&signature);
    json_decref(body);
}

/* ---- Keys ------------------------------------------------------------------
 */

void
handle_client_keys(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    static const char *const names[] = {"device", "number", "signed_at",
                                        "signature", NULL};
    struct ra_worker *worker = arg;
    struct buf signature = BUF_INIT(CLIENT_SIGNATURE_MAX);
    struct client_call call;
    const char *number = "";
    struct error err = {0};
    json_t *body = NULL;
    json_t *out = NULL;

    if (!client_admitted(worker, req, res))
        return;
    if (!http_json(req, &body, &err) ||
        !json_get_text(body, "number", DB_CASE_NUMBER_MAX, &number, &err) ||
        !call_read(body, names, "keys", number, &signature, &call, &err) ||
        !client_keys(worker->business, worker->db, worker->ca, &call, &out,
                     &err))
        reply_refused(worker, req, res, "client.keys", &err);
    else
        client_reply_secret(res, 200, out);
    buf_clear(&signature);
    json_decref(body);
}

void
handle_client_keys_received(void *arg, const struct http_request *req,
                            struct http_response *res)
{
    static const char *const names[] = {"action",    "device",    "number",
                                        "signed_at", "signature", NULL};
    struct ra_worker *worker = arg;
    struct buf signature = BUF_INIT(CLIENT_SIGNATURE_MAX);
    struct client_call call;
    const char *action = "";
    const char *number = "";
    enum case_state to;
    struct error err = {0};
    json_t *body = NULL;

    if (!client_admitted(worker, req, res))
        return;
    if (!http_json(req, &body, &err) ||
        !json_get_text(body, "action", 16, &action, &err) ||
        !json_get_text(body, "number", DB_CASE_NUMBER_MAX, &number, &err))
        goto failed;
    if (strcmp(action, "received") != 0 && strcmp(action, "recovered") != 0) {
        error_set(&err, ERROR_INPUT, "action: received or recovered");
        goto failed;
    }
    if (!call_read(body, names, action, number, &signature, &call, &err) ||
        !client_keys_received(worker->business, worker->db, worker->ca, &call,
                              &to, &err))
        goto failed;
    http_reply_json(res, 200, client_state_json(number, to));
    goto out;
failed:
    reply_refused(worker, req, res, "client.keys", &err);
out:
    buf_clear(&signature);
    json_decref(body);
}
