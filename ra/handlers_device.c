/* Devices over HTTP: ra/handlers_device.h. */
#include "ra/handlers_device.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "ra/device.h"
#include "ra/intake.h"
#include "ra/making.h"

enum {
    MODEL_MAX = 64,
    BATCH_MAX = 64,
    STOCK_MAX = 1000,
    REMARK_MAX = 500,
    MAKER = 1u << API_ROLE_MAKER,
    STOREKEEPER = MAKER | 1u << API_ROLE_BUSINESS_ADMINISTRATOR,
    CLERK = 1u << API_ROLE_INTAKE_CLERK | 1u << API_ROLE_MAKER |
            1u << API_ROLE_BUSINESS_ADMINISTRATOR,
    READER = CLERK | 1u << API_ROLE_FIRST_REVIEWER |
             1u << API_ROLE_SECOND_REVIEWER | 1u << API_ROLE_CUSTOMER_SERVICE |
             1u << API_ROLE_AUDITOR,
};

/* ---- Stock -----------------------------------------------------------------
 */

static bool
device_each(const struct db_result *row, void *arg, struct error *err)
{
    json_t *list = arg;
    struct db_device device;

    if (!db_device_read(row, 0, &device, err))
        return false;
    json_array_append_new(list, device_json(&device));
    return true;
}

static bool
is_device_state(const char *name)
{
    enum device_state unused;

    return device_state_find(name, &unused);
}

void
handle_device_list(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct page page;
    struct error err = {0};
    json_t *list = NULL;
    json_t *out;

    if (!caller_with_role(worker, req, res, READER, &caller))
        return;
    list = json_array();
    if (!page_parse_of(req, is_device_state, &page, &err) ||
        !db_device_list(worker->db, page.state[0] == '\0' ? NULL : page.state,
                        page.after, page.limit, device_each, list, &err)) {
        json_decref(list);
        http_reply_error(res, req, "device.list", &err);
        return;
    }
    out = json_object();
    json_object_set(out, "devices", list);
    if (json_array_size(list) == page.limit)
        json_object_set(
            out, "next",
            json_object_get(json_array_get(list, page.limit - 1), "serial"));
    json_decref(list);
    http_reply_json(res, 200, out);
}

static bool
stock_read(const json_t *body, const char **model, const char **batch,
           const char *serial[STOCK_MAX], size_t *count, struct error *err)
{
    static const char *const names[] = {"batch", "model", "serials", NULL};
    json_t *serials;
    size_t i;
    json_t *one;

    if (!json_only(body, names, err) ||
        !json_get_text(body, "model", MODEL_MAX, model, err) ||
        !json_get_text(body, "batch", BATCH_MAX, batch, err) ||
        !json_get_array(body, "serials", &serials, err))
        return false;
    *count = json_array_size(serials);
    if (*count == 0 || *count > STOCK_MAX)
        return error_set(err, ERROR_INPUT, "serials: 1 to %d", STOCK_MAX);
    if ((*model)[0] == '\0')
        return error_set(err, ERROR_INPUT, "model: empty");
    json_array_foreach(serials, i, one)
    {
        if (!json_is_string(one))
            return error_set(err, ERROR_INPUT, "serials: texts");
        serial[i] = json_string_value(one);
        if (!device_serial_check(serial[i], err))
            return error_wrap(err, "serials[%zu]", i);
    }
    return true;
}

void
handle_device_stock(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    struct ra_worker *worker = arg;
    const char *serial[STOCK_MAX];
    const char *model;
    const char *batch;
    size_t count = 0;
    int64_t added = 0;
    struct caller caller;
    struct error err = {0};
    json_t *body = NULL;
    json_t *out;

    if (!caller_with_role(worker, req, res, STOREKEEPER, &caller))
        return;
    if (!http_json(req, &body, &err) ||
        !stock_read(body, &model, &batch, serial, &count, &err) ||
        !db_device_stock(worker->db, serial, count, model, batch, clock_now(),
                         &added, &err)) {
        http_reply_error(res, req, "device.stock", &err);
    } else {
        log_event(LOG_LEVEL_INFO, "device.stocked", LOG_INT("count", added),
                  LOG_TEXT("officer", caller.officer.officer_id));
        out = json_object();
        json_set_int(out, "added", added);
        json_set_int(out, "known", (int64_t)count - added);
        http_reply_json(res, 201, out);
    }
    json_decref(body);
}

/* ---- For a case ------------------------------------------------------------
 */

static bool
case_device_json(struct ra_worker *worker, const char *number, json_t **out,
                 struct error *err)
{
    struct db_case row = {0};
    struct making_device device;
    bool ok;

    if (!db_case_get(worker->db, number, false, &row, err))
        return false;
    ok = making_device(worker->db, &row, &device, err);
    if (ok && device.serial[0] == '\0')
        ok = error_set(err, ERROR_NOT_FOUND,
                       "no device is allocated to this case");
    if (ok) {
        *out = json_object();
        json_set_text(*out, "serial", device.serial);
        json_set_text(*out, "state", device_state_name(device.state));
        if (device.has_key)
            json_set_hex(*out, "spki_sha256", device.spki_sha256,
                         sizeof device.spki_sha256);
        json_object_set_new(*out, "is_signed", json_boolean(device.is_signed));
    }
    db_case_clear(&row);
    return ok;
}

void
handle_device_show(void *arg, const struct http_request *req,
                   struct http_response *res)
{
    struct ra_worker *worker = arg;
    struct caller caller;
    struct error err = {0};
    json_t *out = NULL;

    if (!caller_with_role(worker, req, res, READER, &caller))
        return;
    if (!case_device_json(worker, http_param(req, "number"), &out, &err))
        http_reply_error(res, req, "device.show", &err);
    else
        http_reply_json(res, 200, out);
}

void
handle_device_allocate(void *arg, const struct http_request *req,
                       struct http_response *res)
{
    static const char *const names[] = {"serial", NULL};
    struct ra_worker *worker = arg;
    const char *number = http_param(req, "number");
    const char *serial;
    struct caller caller;
    struct error err = {0};
    json_t *body = NULL;
    json_t *out = NULL;

    if (!caller_with_role(worker, req, res, MAKER, &caller))
        return;
    if (!http_json(req, &body, &err) || !json_only(body, names, &err) ||
        !json_get_text(body, "serial", DB_DEVICE_SERIAL_MAX, &serial, &err) ||
        !making_allocate(worker->business, worker->db, number, serial,
                         caller.officer.officer_id, clock_now(), &err) ||
        !case_device_json(worker, number, &out, &err))
        http_reply_error(res, req, "device.allocate", &err);
    else
        http_reply_json(res, 200, out);
    json_decref(body);
}

void
handle_device_personalise(void *arg, const struct http_request *req,
                          struct http_response *res)
{
    static const char *const names[] = {"spki", "proof", "transport",
                                        "transport_signature", NULL};
    struct ra_worker *worker = arg;
    struct buf spki = BUF_INIT(MAKING_SPKI_MAX);
    struct buf proof = BUF_INIT(MAKING_SIGNATURE_MAX);
    struct buf transport = BUF_INIT(MAKING_SPKI_MAX);
    struct buf vouched = BUF_INIT(MAKING_SIGNATURE_MAX);
    char pin[MAKING_PIN_LEN + 1] = "";
    struct making_request request = {.serial = http_param(req, "serial"),
                                     .at = clock_now()};
    struct caller caller;
    struct error err = {0};
    json_t *body = NULL;
    json_t *out;

    if (!caller_with_role(worker, req, res, MAKER, &caller))
        return;
    request.officer_id = caller.officer.officer_id;
    if (!http_json(req, &body, &err) || !json_only(body, names, &err) ||
        !json_get_bytes(body, "spki", MAKING_SPKI_MAX, &spki, &err) ||
        !json_get_bytes(body, "proof", MAKING_SIGNATURE_MAX, &proof, &err) ||
        !json_get_bytes(body, "transport", MAKING_SPKI_MAX, &transport, &err) ||
        !json_get_bytes(body, "transport_signature", MAKING_SIGNATURE_MAX,
                        &vouched, &err)) {
        http_reply_error(res, req, "device.personalise", &err);
        goto out;
    }
    request.spki = spki.data;
    request.spki_len = spki.len;
    request.proof = proof.data;
    request.proof_len = proof.len;
    request.transport = transport.data;
    request.transport_len = transport.len;
    request.transport_signature = vouched.data;
    request.transport_signature_len = vouched.len;
    if (!making_personalise(worker->business, worker->db, &request, pin,
                            &err)) {
        http_reply_error(res, req, "device.personalise", &err);
        goto out;
    }
    log_event(LOG_LEVEL_INFO, "device.personalised",
              LOG_TEXT("device", request.serial),
              LOG_TEXT("officer", request.officer_id));
    out = json_object();
    json_set_text(out, "serial", request.serial);
    json_set_text(out, "admin_pin", pin);
    http_reply_json(res, 200, out);
    http_response_header(res, "Cache-Control", "no-store");
out:
    OPENSSL_cleanse(pin, sizeof pin);
    buf_clear(&spki);
    buf_clear(&proof);
    buf_clear(&transport);
    buf_clear(&vouched);
    json_decref(body);
}

/* ---- What becomes of one ---------------------------------------------------
 */

struct state_run {
    const char *serial;
    enum device_state to;
    const char *officer_id;
    int64_t at;
};

static bool
state_run(struct db *db, void *arg, struct error *err)
{
    struct state_run *run = arg;
    struct device_act act = {.serial = run->serial,
                             .to = run->to,
                             .who = DEVICE_BY_CLERK,
                             .actor = run->officer_id,
                             .at = run->at};

    return device_move(db, &act, err);
}

static bool
state_change(struct ra_worker *worker, const char *serial, const char *to,
             const struct caller *caller, struct error *err)
{
    struct state_run run = {.serial = serial,
                            .officer_id = caller->officer.officer_id,
                            .at = clock_now()};

    if (!device_serial_check(serial, err))
        return false;
    if (!device_state_find(to, &run.to) ||
        (run.to != DEVICE_RETURNED && run.to != DEVICE_LOST &&
         run.to != DEVICE_DESTROYED))
        return error_set(err, ERROR_INPUT, "to: returned, lost or destroyed");
    /* That a case waits for its device is only known there. */
    if (run.to == DEVICE_RETURNED)
        return intake_device_back(worker->db, serial, run.officer_id, run.at,
                                  err);
    return db_transaction(worker->db, state_run, &run, err);
}

void
handle_device_state(void *arg, const struct http_request *req,
                    struct http_response *res)
{
    static const char *const names[] = {"to", "remark", NULL};
    struct ra_worker *worker = arg;
    const char *serial = http_param(req, "serial");
    const char *to;
    const char *remark;
    struct db_device device = {0};
    struct caller caller;
    struct error err = {0};
    json_t *body = NULL;

    if (!caller_with_role(worker, req, res, CLERK, &caller))
        return;
    if (!http_json(req, &body, &err) || !json_only(body, names, &err) ||
        !json_get_text(body, "to", DB_DEVICE_STATE_MAX, &to, &err) ||
        !json_find_text(body, "remark", REMARK_MAX, &remark, &err) ||
        !state_change(worker, serial, to, &caller, &err) ||
        !db_device_get(worker->db, serial, false, &device, &err)) {
        http_reply_error(res, req, "device.state", &err);
    } else {
        log_event(LOG_LEVEL_INFO, "device.moved", LOG_TEXT("device", serial),
                  LOG_TEXT("to", to),
                  LOG_TEXT("officer", caller.officer.officer_id),
                  LOG_TEXT("remark", remark == NULL ? "" : remark));
        http_reply_json(res, 200, device_json(&device));
    }
    db_device_clear(&device);
    json_decref(body);
}
