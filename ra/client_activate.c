/* Activation by the holder's client: ra/client.h. */
#include "ra/client_internal.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "db/client.h"
#include "ra/case_order.h"

/* The case that this device is for; false with client_denied() for everything
 * that a stranger could ask. The caller clears both, whatever is returned. */
static bool
case_of_device(struct db *db, const char *serial, struct db_device *device,
               struct db_case *row, struct error *err)
{
    struct error why = {0};

    if (!device_serial_check(serial, err))
        return false;
    if (!db_device_get(db, serial, false, device, &why))
        return client_unknown(err, &why);
    if (device->number == NULL || device->spki == NULL)
        return client_denied(err);
    if (!db_case_get(db, device->number, false, row, err))
        return false;
    return (row->device != NULL && strcmp(row->device, serial) == 0) ||
           client_denied(err);
}

/* What a case is before its device may be activated. */
static bool
allowed_check(const struct db_case *row, const struct db_device *device,
              struct error *err)
{
    if (strcmp(row->state, "activation-allowed") != 0)
        return error_set(err, ERROR_CONFLICT,
                         "a case that is %s is not to be activated",
                         row->state);
    return strcmp(device->state, "shipped") == 0 ||
           strcmp(device->state, "delivered") == 0 ||
           error_set(err, ERROR_CONFLICT,
                     "a device that is %s is not to be activated",
                     device->state);
}

static bool
try_code(const struct business *business, struct db *db, const char *number,
         const char *code, int64_t at, struct error *err)
{
    bool is_right = false;

    return code_try(db, business->vault, number, CODE_ACTIVATION, code, at,
                    &is_right, err) &&
           (is_right || client_denied(err));
}

bool
client_activation_open(const struct business *business, struct db *db,
                       const struct client_call *call, const char *code,
                       json_t **out, struct error *err)
{
    struct db_device device = {0};
    struct db_case row = {0};
    struct buf statement = BUF_INIT(CLIENT_STATEMENT_MAX);
    bool ok = false;

    if (!client_call_statement(call, &statement, err) ||
        !case_of_device(db, call->device, &device, &row, err))
        goto out;
    if (!device_verify(device.spki, device.spki_len, statement.data,
                       statement.len, call->signature, call->signature_len,
                       err)) {
        client_denied(err);
        goto out;
    }
    if (!allowed_check(&row, &device, err) ||
        !try_code(business, db, row.number, code, call->at, err))
        goto out;
    if (row.order_id == NULL) {
        error_set(err, ERROR_INTERNAL, "case %s has no order", row.number);
        goto out;
    }
    *out = json_object();
    json_set_text(*out, "id", row.order_id);
    json_set_text(*out, "number", row.number);
    json_set_text(*out, "unit_name", row.unit_name);
    json_set_text(*out, "device", device.serial);
    ok = true;
out:
    buf_clear(&statement);
    db_device_clear(&device);
    db_case_clear(&row);
    return ok;
}

/* ---- The request -----------------------------------------------------------
 */

/* A request for another key than the device's own: that one never gets a
 * certificate. */
static bool
csr_check(const uint8_t *der, size_t len, const struct db_device *device,
          struct error *err)
{
    X509_REQ *req = NULL;
    unsigned char *spki = NULL;
    int spki_len;
    bool ok;

    if (!client_csr_parse(der, len, &req, err))
        return false;
    spki_len = i2d_PUBKEY(X509_REQ_get0_pubkey(req), &spki);
    ok = spki_len != (int)device->spki_len ||
         memcmp(spki, device->spki, device->spki_len) != 0 ||
         error_set(err, ERROR_INPUT, "csr: the device's own key stays its own");
    OPENSSL_free(spki);
    X509_REQ_free(req);
    return ok;
}

static bool
signature_check(const struct client_activation *activation,
                const struct db_device *device, struct error *err)
{
    struct buf statement = BUF_INIT(CLIENT_STATEMENT_MAX);
    bool ok = api_completion_encode(activation->device, activation->csr,
                                    activation->csr_len, activation->order_id,
                                    &statement, err) &&
              device_verify(device->spki, device->spki_len, statement.data,
                            statement.len, activation->signature,
                            activation->signature_len, err);

    buf_clear(&statement);
    return ok;
}

/* Whether the order went with this very request already. ERROR_CONFLICT when it
 * went with another. */
static bool
is_sent(struct db *db, const struct client_activation *activation, bool *out,
        struct error *err)
{
    struct db_case_order order = {0};
    json_t *envelope = NULL;
    struct buf csr = BUF_INIT(CLIENT_CSR_MAX);
    struct error why = {0};
    bool ok = false;

    *out = false;
    if (!db_corder_get(db, activation->order_id, &order, &why))
        return why.code == ERROR_NOT_FOUND ||
               error_set(err, why.code, "%s", why.what);
    if (strcmp(order.state, "queued") != 0 && strcmp(order.state, "done") != 0)
        ok = true;
    else if (json_parse_object(order.envelope, order.envelope_len, &envelope,
                               err) &&
             json_get_bytes(envelope, "csr", CLIENT_CSR_MAX, &csr, err)) {
        *out = csr.len == activation->csr_len &&
               memcmp(csr.data, activation->csr, csr.len) == 0;
        ok =
            *out || error_set(err, ERROR_CONFLICT,
                              "this activation was begun with another request");
    }
    json_decref(envelope);
    buf_clear(&csr);
    db_corder_clear(&order);
    return ok;
}

struct activate_run {
    const struct client_activation *activation;
    const struct db_device *device;
};

/* The caller's part of the transition: the code is spent, the order complete.
 */
static bool
activate_change(struct db *db, struct db_case *row, void *arg,
                struct error *err)
{
    struct activate_run *run = arg;
    const struct client_activation *activation = run->activation;
    struct case_completion completion = {
        .device = activation->device,
        .spki = run->device->spki,
        .spki_len = run->device->spki_len,
        .csr = activation->csr,
        .csr_len = activation->csr_len,
        .signature = activation->signature,
        .signature_len = activation->signature_len,
    };

    /* Judged again with the row locked: what was looked at may have changed. */
    if (row->order_id == NULL ||
        strcmp(row->order_id, activation->order_id) != 0 ||
        row->device == NULL || strcmp(row->device, activation->device) != 0)
        return error_set(err, ERROR_CONFLICT, "the case changed meanwhile");
    return code_spend(db, row->number, CODE_ACTIVATION, activation->at, err) &&
           case_order_complete(db, row, &completion, activation->at, err);
}

bool
client_activate(const struct business *business, struct db *db,
                const struct client_activation *activation, struct error *err)
{
    struct db_device device = {0};
    struct db_case row = {0};
    struct activate_run run = {activation, &device};
    struct case_act act = {.event = CASE_ACTIVATE,
                           .who = CASE_BY_HOLDER,
                           .actor = "holder",
                           .at = activation->at,
                           .known = {.code_is_right = true},
                           .change = activate_change,
                           .arg = &run};
    bool is_again = false;
    bool ok = false;

    if (!case_of_device(db, activation->device, &device, &row, err))
        goto out;
    if (row.order_id == NULL ||
        strcmp(row.order_id, activation->order_id) != 0 ||
        !signature_check(activation, &device, err)) {
        client_denied(err);
        goto out;
    }
    if (!csr_check(activation->csr, activation->csr_len, &device, err) ||
        !is_sent(db, activation, &is_again, err))
        goto out;
    if (is_again) {
        ok = true;
        goto out;
    }
    if (!allowed_check(&row, &device, err) ||
        !try_code(business, db, row.number, activation->code, activation->at,
                  err))
        goto out;
    act.number = row.number;
    ok = case_apply(business, db, &act, NULL, err);
out:
    db_device_clear(&device);
    db_case_clear(&row);
    return ok;
}

/* ---- What became of it -----------------------------------------------------
 */

static bool
certificate_each(const struct db_result *row, void *arg, struct error *err)
{
    json_t *list = arg;
    struct db_holder holder;
    json_t *one;

    if (!db_holder_read(row, 0, &holder, err))
        return false;
    one = json_object();
    json_set_int(one, "pair", holder.pair);
    json_set_text(one, "issuer", holder.issuer);
    json_set_hex(one, "serial", holder.serial, DB_HOLDER_SERIAL_LEN);
    json_set_bytes(one, "certificate", holder.der, holder.der_len);
    json_set_bytes(one, "issuer_certificate", holder.issuer_der,
                   holder.issuer_der_len);
    json_array_append_new(list, one);
    return true;
}

/* State and problem of the order itself; "open" before a device completed it.
 */
static bool
order_state(struct db *db, const char *order_id, json_t *out, struct error *err)
{
    struct db_case_order order = {0};
    struct error why = {0};

    if (!db_corder_get(db, order_id, &order, &why)) {
        json_set_text(out, "state", "open");
        return why.code == ERROR_NOT_FOUND ||
               error_set(err, why.code, "%s", why.what);
    }
    json_set_text(out, "state",
                  strcmp(order.state, "queued") == 0    ? "waiting"
                  : strcmp(order.state, "waiting") == 0 ? "open"
                                                        : order.state);
    if (order.problem != NULL && strcmp(order.state, "refused") == 0)
        json_set_text(out, "problem", order.problem);
    db_corder_clear(&order);
    return true;
}

bool
client_order_status(struct db *db, const char *order_id, json_t **out,
                    struct error *err)
{
    char number[DB_CASE_NUMBER_MAX + 1] = "";
    json_t *list = json_array();
    bool ok = false;

    *out = json_object();
    if (!text_is_uuid(order_id)) {
        error_set(err, ERROR_NOT_FOUND, "there is no such order");
        goto out;
    }
    if (!db_client_case_of_order(db, order_id, number, sizeof number, err))
        goto out;
    if (number[0] == '\0') {
        error_set(err, ERROR_NOT_FOUND, "there is no such order");
        goto out;
    }
    json_set_text(*out, "id", order_id);
    json_set_text(*out, "number", number);
    if (!order_state(db, order_id, *out, err) ||
        !db_holder_of_case(db, number, certificate_each, list, err))
        goto out;
    if (json_array_size(list) > 0)
        json_object_set(*out, "certificates", list);
    ok = true;
out:
    json_decref(list);
    if (!ok) {
        json_decref(*out);
        *out = NULL;
    }
    return ok;
}
