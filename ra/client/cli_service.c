/*
 * signet-key activate, prove, install-seal: docs/devices.md, "The client".
 *
 * Activation is repeatable at every point: the pair's CKA_ID is made from the
 * case's number, and before the request is sent for the first time it stands
 * as a note on the device, so that it is the same from whatever computer.
 */
#include "ra/client/delivery.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"

#define NOTE "activation"

enum { CHALLENGE_MAX = 128, SERIAL_HEX_MAX = 64 };

/* ---- activate
 * ------------------------------------------------------------- */

struct activation {
    struct online online;
    struct hsm_device_key own;
    char code[HSM_PIN_MAX + 1];
    json_t *note;         /* {"number", "order_id", "csr"}, or NULL */
    const char *number;   /* of the note */
    const char *order_id; /* of the note */
};

static bool
note_take(struct activation *run, json_t *take_note, struct error *err)
{
    json_decref(run->note);
    run->note = take_note;
    return take_note == NULL ||
           (json_get_text(run->note, "number", SERVICE_NUMBER_MAX, &run->number,
                          err) &&
            json_get_text(run->note, "order_id", TEXT_UUID_LEN, &run->order_id,
                          err));
}

/* The device comes with the PIN for transport, and gets the holder's before it
 * makes his key. If that was done before, it is what he types. */
static bool
first_pin(struct online *online, struct error *err)
{
    char pin[HSM_PIN_MAX + 1] = "";
    bool is_set = false;
    bool ok;

    if (!online->info.has_pin)
        return error_set(err, ERROR_CONFLICT,
                         "this device was not personalised: it has no PIN");
    client_say(online->client, "请设置介质密码",
               "Now choose the PIN of the device");
    ok = client_new_pin(online->client, pin, err);
    /* A try is taken by it: not the last one. */
    if (ok && !online->info.is_final_try) {
        is_set =
            hsm_device_set_pin(online->device, ONLINE_TRANSPORT_PIN, pin, err);
        ok = is_set || err->code == ERROR_DENIED;
        if (!is_set && ok)
            *err = (struct error){0};
    }
    if (ok && !hsm_device_login(online->device, pin, err)) {
        ok = false;
        if (err->code == ERROR_DENIED && !is_set)
            error_set(err, ERROR_DENIED,
                      "the device has another PIN than the one it was sent "
                      "with: if you did not set it, somebody opened the "
                      "device; do not use it, and tell customer service");
    }
    OPENSSL_cleanse(pin, sizeof pin);
    online->is_logged_in = ok;
    return ok;
}

static bool
activation_login(struct online *online, const char *number, struct error *err)
{
    uint8_t id[SERVICE_ID_LEN];
    bool is_made = false;

    /* A key was made under the holder's PIN: it is set. */
    return online->is_logged_in ||
           (service_key_id(number, id, err) &&
            hsm_device_is_public_there(online->device, id, sizeof id, &is_made,
                                       err) &&
            (is_made ? online_login(online, err) : first_pin(online, err)));
}

/* Pair and request, noted on the device. */
static bool
request_make(struct activation *run, const char *number, const char *order_id,
             struct error *err)
{
    struct online *online = &run->online;
    struct buf csr = BUF_INIT(SERVICE_CSR_MAX);
    struct hsm_device_key key;
    json_t *note = NULL;
    bool ok;

    client_say(online->client, "正在介质内生成密钥……",
               "The device is making the key ...");
    ok = holding_pair(online->device, online->type, number, &key, err) &&
         service_csr(online->device, &key, online->info.serial, &csr, err);
    if (ok) {
        note = json_object();
        json_set_text(note, "number", number);
        json_set_text(note, "order_id", order_id);
        json_set_bytes(note, "csr", csr.data, csr.len);
        ok = holding_note_put(online->device, NOTE, note, err);
    }
    buf_clear(&csr);
    if (!ok) {
        json_decref(note);
        return false;
    }
    return note_take(run, note, err);
}

/* Which order it is, by the code. */
static bool
order_open(struct activation *run, json_t **out, struct error *err)
{
    struct online *online = &run->online;
    json_t *body = NULL;
    bool ok = client_code(online->client, "激活码（短信）",
                          "Activation code (text message)", run->code, err) &&
              service_call(online->device, &run->own, online->info.serial,
                           "activate", "", &body, err);

    if (ok) {
        json_set_text(body, "code", run->code);
        ok = service_post(online->service, "/v1/client/activations", body, out,
                          err);
    }
    json_decref(body);
    return ok;
}

static bool
request_send(struct activation *run, struct error *err)
{
    struct online *online = &run->online;
    struct buf csr = BUF_INIT(SERVICE_CSR_MAX);
    char path[SERVICE_PATH_MAX];
    uint8_t hash[HASH_LEN];
    json_t *statement = json_object();
    json_t *body = json_object();
    json_t *answer = NULL;
    bool ok = json_get_bytes(run->note, "csr", SERVICE_CSR_MAX, &csr, err) &&
              hash_sha256(csr.data, csr.len, hash, err) &&
              service_path("activations", run->order_id, NULL, path, err);

    if (ok) {
        json_set_hex(statement, "csr_sha256", hash, sizeof hash);
        json_set_text(statement, "device", online->info.serial);
        json_set_text(statement, "order_id", run->order_id);
        json_set_text(body, "code", run->code);
        json_set_text(body, "device", online->info.serial);
        json_set_bytes(body, "csr", csr.data, csr.len);
        ok = service_sign(online->device, &run->own, statement, body,
                          "device_signature", err) &&
             service_post(online->service, path, body, &answer, err);
    }
    json_decref(statement);
    json_decref(body);
    json_decref(answer);
    buf_clear(&csr);
    return ok;
}

/* What is not sent yet, or was refused: code, PIN, key, request. */
static bool
activation_begin(struct activation *run, struct error *err)
{
    json_t *order = NULL;
    const char *number, *order_id;
    bool ok =
        order_open(run, &order, err) &&
        json_get_text(order, "number", SERVICE_NUMBER_MAX, &number, err) &&
        json_get_text(order, "id", TEXT_UUID_LEN, &order_id, err) &&
        activation_login(&run->online, number, err) &&
        (run->note == NULL || strcmp(run->order_id, order_id) == 0 ||
         note_take(run, NULL, err)) &&
        (run->note != NULL || request_make(run, number, order_id, err)) &&
        request_send(run, err);

    json_decref(order);
    return ok;
}

/* *state is the order's, "" when there is none by this note. */
static bool
note_state(struct activation *run, json_t **order, const char **state,
           struct error *err)
{
    json_t *note = NULL;

    *state = "";
    *order = NULL;
    if (!holding_note_find(run->online.device, NOTE, &note, err) ||
        !note_take(run, note, err))
        return false;
    if (run->note == NULL)
        return true;
    if (online_order(&run->online, run->order_id, order, err))
        return json_get_text(*order, "state", 16, state, err);
    if (err->code != ERROR_NOT_FOUND)
        return false;
    *err = (struct error){0};
    return note_take(run, NULL, err);
}

static bool
activation_end(struct activation *run, const json_t *order, const char *state,
               struct error *err)
{
    struct delivery delivery = {.number = ""};

    if (strcmp(state, "refused") == 0)
        return online_refused(order, err);
    if (strcmp(state, "done") != 0)
        return error_set(err, ERROR_BUSY,
                         "the certificate is not issued yet: repeat the "
                         "command in a while; nothing is lost");
    if (!online_install(&run->online, run->number, order, err) ||
        (holding_has_encryption(order) &&
         !delivery_take(&run->online, run->number, order, &delivery, err)))
        return false;
    online_tell(&run->online, run->number, state);
    client_say(run->online.client, "激活完成：业务 %s，证书已写入介质 %s",
               "Activated: case %s, the certificate is on device %s",
               run->number, run->online.info.serial);
    delivery_tell(&run->online, &delivery);
    return true;
}

static bool
run_activate(struct client *client, struct error *err)
{
    struct activation run = {.note = NULL};
    struct online *online = &run.online;
    json_t *order = NULL;
    const char *state = "";
    bool ok = online_begin(client, 0, 0, online, err) &&
              hsm_device_own_key(online->device, &run.own, err) &&
              note_state(&run, &order, &state, err);

    if (ok && strcmp(state, "done") != 0 && strcmp(state, "waiting") != 0) {
        json_decref(order);
        order = NULL;
        ok = activation_begin(&run, err) &&
             online_order(online, run.order_id, &order, err) &&
             json_get_text(order, "state", 16, &state, err);
    }
    ok = ok && activation_end(&run, order, state, err);
    json_decref(order);
    json_decref(run.note);
    OPENSSL_cleanse(run.code, sizeof run.code);
    online_end(online);
    return ok;
}

/* ---- prove
 * ---------------------------------------------------------------- */

static bool
challenge_get(struct online *online, const char *code, json_t **out,
              struct error *err)
{
    json_t *body = json_object();
    const char *device = NULL;
    bool ok;

    json_set_text(body, "code", code);
    ok = service_post(online->service, "/v1/client/challenges", body, out,
                      err) &&
         json_find_text(*out, "device", 64, &device, err);
    json_decref(body);
    if (ok && device != NULL && strcmp(device, online->info.serial) != 0)
        return error_set(err, ERROR_CONFLICT,
                         "the certificate of this case is on device %s, and "
                         "this one is %s",
                         device, online->info.serial);
    return ok;
}

static bool
proof_send(struct online *online, const char *code, const json_t *challenge,
           const char **number, struct error *err)
{
    struct holding_wanted wanted = {0};
    struct hsm_device_key key;
    json_t *statement = json_object();
    json_t *body = json_object();
    json_t *certificate = NULL, *answer = NULL;
    const char *text;
    bool ok =
        json_get_text(challenge, "number", SERVICE_NUMBER_MAX, number, err) &&
        json_get_text(challenge, "challenge", CHALLENGE_MAX, &text, err) &&
        json_get_object(challenge, "certificate", &certificate, err) &&
        json_get_text(certificate, "serial", SERIAL_HEX_MAX, &wanted.serial,
                      err) &&
        online_login(online, err) &&
        holding_present(online->device, &wanted, &key, err);

    if (ok) {
        json_set_text(statement, "challenge", text);
        json_set_text(statement, "device", online->info.serial);
        json_set_text(statement, "number", *number);
        json_set_text(body, "code", code);
        json_set_text(body, "device", online->info.serial);
        ok = service_sign(online->device, &key, statement, body, "signature",
                          err) &&
             service_post(online->service, "/v1/client/proofs", body, &answer,
                          err);
    }
    json_decref(statement);
    json_decref(body);
    json_decref(answer);
    return ok;
}

static bool
run_prove(struct client *client, struct error *err)
{
    char code[HSM_PIN_MAX + 1] = "";
    struct online online;
    json_t *challenge = NULL;
    const char *number = "";
    bool ok = online_begin(client, 0, 0, &online, err) &&
              client_code(client, "配对码（页面）", "Code shown on the page",
                          code, err) &&
              challenge_get(&online, code, &challenge, err) &&
              proof_send(&online, code, challenge, &number, err);

    if (ok) {
        online_tell(&online, number, "proved");
        client_say(client, "业务 %s：介质与证书已验证，请回到页面",
                   "Case %s: device and certificate are proved; go on in "
                   "the page",
                   number);
    }
    OPENSSL_cleanse(code, sizeof code);
    json_decref(challenge);
    online_end(&online);
    return ok;
}

/* ---- install-seal
 * --------------------------------------------------------- */

/* The seal's octets go into the device as they are, for programs that stamp
 * documents: application "signet-key", label "seal/NUMBER". One that the RA
 * does not know of is taken out again. */
static bool
seal_install(struct online *online, const struct hsm_device_key *key,
             const char *number, const struct buf *seal, json_t **answer,
             struct error *err)
{
    char label[SERVICE_NUMBER_MAX + 8];
    struct error unused = {0};

    (void)snprintf(label, sizeof label, "seal/%s", number);
    if (!hsm_device_data_put(online->device, label, seal->data, seal->len, err))
        return false;
    if (online_call(online, key, "seals", number, "installed", "installed",
                    NULL, answer, err))
        return true;
    if ((err->code == ERROR_DENIED || err->code == ERROR_NOT_FOUND ||
         err->code == ERROR_CONFLICT) &&
        !hsm_device_data_remove(online->device, label, &unused))
        error_wrap(err, "the seal is still on the device");
    return false;
}

static bool
run_install_seal(struct client *client, struct error *err)
{
    static const struct holding_wanted newest = {NULL, NULL};
    struct buf seal = BUF_INIT(HSM_DEVICE_DATA_MAX);
    struct online online;
    struct hsm_device_key key;
    json_t *answer = NULL;
    const char *state = "";
    bool ok = online_begin(client, 2, 2, &online, err);
    const char *number = ok ? client->argv[0] : "";

    if (ok && strlen(number) > SERVICE_NUMBER_MAX)
        ok = error_set(err, ERROR_INPUT, "no number of a case");
    ok = ok &&
         text_file_read(client->argv[1], HSM_DEVICE_DATA_MAX, &seal, err) &&
         online_login(&online, err) &&
         holding_present(online.device, &newest, &key, err) &&
         seal_install(&online, &key, number, &seal, &answer, err) &&
         json_get_text(answer, "state", 32, &state, err);
    if (ok) {
        online_tell(&online, number, state);
        client_say(client, "业务 %s：电子印章已写入介质",
                   "Case %s: the seal is on the device", number);
    }
    json_decref(answer);
    buf_clear(&seal);
    online_end(&online);
    return ok;
}

const struct client_verb client_service_verbs[] = {
    {"activate", "[--key-type TYPE] [--wait SECONDS]",
     "激活介质：设置密码，生成密钥，写入证书",
     "activates the device: PIN, key, certificate", run_activate},
    {"prove", "", "验证介质与证书（页面上的配对码）",
     "proves device and certificate (code of the page)", run_prove},
    {"install-seal", "CASE FILE", "写入电子印章",
     "puts an electronic seal into the device", run_install_seal},
    {NULL, NULL, NULL, NULL, NULL},
};
