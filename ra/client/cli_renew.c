/*
 * signet-key renew: docs/devices.md, "The client". The new pair is made in the
 * device, the orders are signed with the present key, and after payment the new
 * certificate is installed and confirmed with the new key. What was done stands
 * as notes on the device, each written once: the request, the signatures, and
 * that the RA has them. Repeated, it goes on.
 */
#include "ra/client/delivery.h"

#include <string.h>

#include <openssl/crypto.h>

#include "base/json.h"
#include "base/text.h"

enum { LABEL_MAX = SERVICE_NUMBER_MAX + 24, STATEMENT_MAX = 2048 };

struct renewal {
    struct online online;
    const char *number;
    char code[HSM_PIN_MAX + 1];
    struct hsm_device_key transport;
    json_t *request;    /* note: {"csr"} */
    json_t *signatures; /* note: {"decided_at", "signatures"} */
};

static void
label_of(const struct renewal *run, const char *what, char out[LABEL_MAX])
{
    (void)snprintf(out, LABEL_MAX, "renewal/%s/%s", run->number, what);
}

static bool
note_find(struct renewal *run, const char *what, json_t **out,
          struct error *err)
{
    char label[LABEL_MAX];

    label_of(run, what, label);
    return holding_note_find(run->online.device, label, out, err);
}

static bool
note_put(struct renewal *run, const char *what, const json_t *note,
         struct error *err)
{
    char label[LABEL_MAX];

    label_of(run, what, label);
    return holding_note_put(run->online.device, label, note, err);
}

static bool
code_get(struct renewal *run, struct error *err)
{
    return run->code[0] != '\0' ||
           client_code(run->online.client, "配对码（页面）",
                       "Code shown on the page", run->code, err);
}

/* ---- The request and what is signed
 * ---------------------------------------- */

static bool
request_make(struct renewal *run, struct error *err)
{
    struct online *online = &run->online;
    struct buf csr = BUF_INIT(SERVICE_CSR_MAX);
    struct hsm_device_key key;
    bool ok;

    if (run->request != NULL)
        return true;
    client_say(online->client, "正在介质内生成新密钥……",
               "The device is making the new key ...");
    ok = holding_pair(online->device, online->type, run->number, &key, err) &&
         service_csr(online->device, &key, online->info.serial, &csr, err);
    if (ok) {
        run->request = json_object();
        json_set_bytes(run->request, "csr", csr.data, csr.len);
        ok = note_put(run, "request", run->request, err);
    }
    buf_clear(&csr);
    return ok;
}

/* The second key, if there is to be one, comes wrapped for this device and for
 * no other: who could name another transport key could read what the holder's
 * partners encrypt. */
static bool
encryption_is(const struct renewal *run, const json_t *order)
{
    static const char *const names[] = {"profile", "key_type", "transport",
                                        NULL};
    const json_t *encryption = json_object_get(order, "encryption");
    struct buf transport = BUF_INIT(HSM_SPKI_MAX);
    struct error unused = {0};
    bool ok = encryption == NULL ||
              (json_only(encryption, names, &unused) &&
               json_get_bytes(encryption, "transport", HSM_SPKI_MAX, &transport,
                              &unused) &&
               transport.len == run->transport.spki_len &&
               memcmp(transport.data, run->transport.spki, transport.len) == 0);

    buf_clear(&transport);
    return ok;
}

/* The new certificate for our request, or the end of the old one in its place.
 * An RA in wrong hands would have a second renewal signed, for its own key. */
static bool
order_is(const struct renewal *run, size_t i, const json_t *order)
{
    const char *kind = json_string_value(json_object_get(order, "kind"));
    const char *csr = json_string_value(json_object_get(order, "csr"));
    const char *reason = json_string_value(json_object_get(order, "reason"));
    const char *own = json_string_value(json_object_get(run->request, "csr"));

    if (kind == NULL)
        return false;
    if (i == 0)
        return strcmp(kind, "renew") == 0 && csr != NULL && own != NULL &&
               strcmp(csr, own) == 0 && encryption_is(run, order);
    return strcmp(kind, "revoke") == 0 && reason != NULL &&
           strcmp(reason, "superseded") == 0;
}

/* What the RA says to sign is this order and nothing else. */
static bool
order_check(struct renewal *run, size_t i, const json_t *one, struct error *err)
{
    static const char *const purposes[] = {"issue", "supersede"};
    static const char *const names[] = {"decided_at", "digest",  "order_id",
                                        "step",       "verdict", NULL};
    const char *purpose, *text, *order_id, *signed_id, *verdict, *hex;
    char digest_hex[65];
    uint8_t digest[32];
    json_t *order, *statement = NULL;
    bool ok =
        json_get_text(one, "purpose", 16, &purpose, err) &&
        json_get_text(one, "order_id", TEXT_UUID_LEN, &order_id, err) &&
        json_get_object(one, "order", &order, err) &&
        json_get_text(one, "statement", STATEMENT_MAX, &text, err) &&
        json_parse_object((const uint8_t *)text, strlen(text), &statement,
                          err) &&
        json_only(statement, names, err) &&
        json_get_text(statement, "digest", 64, &hex, err) &&
        json_get_text(statement, "order_id", TEXT_UUID_LEN, &signed_id, err) &&
        json_get_text(statement, "verdict", 16, &verdict, err) &&
        json_digest(order, digest, err);

    if (ok) {
        text_hex(digest, sizeof digest, digest_hex);
        ok = strcmp(purpose, purposes[i]) == 0 &&
             strcmp(hex, digest_hex) == 0 && strcmp(order_id, signed_id) == 0 &&
             strcmp(verdict, "approve") == 0 && order_is(run, i, order);
        if (!ok)
            error_set(err, ERROR_INTERNAL,
                      "what the service wants signed is not this renewal");
    }
    json_decref(statement);
    return ok;
}

static bool
order_sign(struct renewal *run, const struct hsm_device_key *key, size_t i,
           const json_t *one, json_t *list, struct error *err)
{
    const char *text, *order_id;
    uint8_t signature[HSM_SIGNATURE_MAX];
    size_t len = 0;
    json_t *out;

    if (!order_check(run, i, one, err) ||
        !json_get_text(one, "statement", STATEMENT_MAX, &text, err) ||
        !json_get_text(one, "order_id", TEXT_UUID_LEN, &order_id, err) ||
        !hsm_device_sign(run->online.device, key, hsm_scheme_default(key->type),
                         (const uint8_t *)text, strlen(text), signature, &len,
                         err))
        return false;
    out = json_object();
    json_set_text(out, "order_id", order_id);
    json_set_bytes(out, "signature", signature, len);
    json_array_append_new(list, out);
    return true;
}

/* A device that was made before there were pairs has none: then no order names
 * one. */
static bool
transport_find(struct renewal *run, struct error *err)
{
    if (hsm_device_transport_key(run->online.device, &run->transport, err))
        return true;
    run->transport.spki_len = 0;
    if (err->code != ERROR_NOT_FOUND)
        return false;
    *err = (struct error){0};
    return true;
}

/* The signatures with the key of the present certificate, noted. */
static bool
orders_sign(struct renewal *run, const json_t *asked, struct error *err)
{
    struct holding_wanted wanted = {NULL, NULL};
    struct hsm_device_key key;
    uint8_t credential[32];
    json_t *list = json_array();
    json_t *note = json_object();
    const char *decided_at, *hex;
    json_t *orders;
    size_t len = 0;
    bool ok = json_get_text(asked, "decided_at", 32, &decided_at, err) &&
              json_get_text(asked, "credential_id", 64, &hex, err) &&
              json_get_array(asked, "orders", &orders, err);

    if (ok && (!text_unhex(hex, credential, sizeof credential, &len) ||
               len != sizeof credential || json_array_size(orders) != 2))
        ok = error_set(err, ERROR_INTERNAL, "the answer is not two orders");
    wanted.sha256 = credential;
    ok = ok && transport_find(run, err) &&
         holding_present(run->online.device, &wanted, &key, err);
    for (size_t i = 0; ok && i < 2; i++)
        ok = order_sign(run, &key, i, json_array_get(orders, i), list, err);
    if (ok) {
        json_set_text(note, "decided_at", decided_at);
        json_object_set(note, "signatures", list);
        ok = note_put(run, "signatures", note, err);
    }
    json_decref(list);
    if (!ok) {
        json_decref(note);
        return false;
    }
    json_decref(run->signatures);
    run->signatures = note;
    return true;
}

static bool
orders_ask(struct renewal *run, struct error *err)
{
    char path[SERVICE_PATH_MAX];
    json_t *answer = NULL;
    json_t *body = json_object();
    bool ok = service_path("renewals", run->number, "request", path, err);

    json_set_text(body, "code", run->code);
    json_object_set(body, "csr", json_object_get(run->request, "csr"));
    client_say(run->online.client, "正在用现有证书签署续期……",
               "Signing the renewal with the present certificate ...");
    ok = ok && service_post(run->online.service, path, body, &answer, err) &&
         orders_sign(run, answer, err);
    json_decref(body);
    json_decref(answer);
    return ok;
}

static bool
signatures_send(struct renewal *run, struct error *err)
{
    char path[SERVICE_PATH_MAX];
    json_t *answer = NULL;
    json_t *body = json_copy(run->signatures);
    json_t *sent = json_object();
    bool ok = service_path("renewals", run->number, "signature", path, err);

    json_set_text(body, "code", run->code);
    ok = ok && service_post(run->online.service, path, body, &answer, err) &&
         note_put(run, "sent", sent, err);
    json_decref(sent);
    json_decref(body);
    json_decref(answer);
    return ok;
}

/* Signatures that were made may have arrived or not: they are sent again. If
 * they are not what counts any more, all is signed anew. */
static bool
sign_and_send(struct renewal *run, struct error *err)
{
    if (!code_get(run, err))
        return false;
    if (run->signatures != NULL) {
        if (signatures_send(run, err))
            return true;
        if (err->code != ERROR_CONFLICT && err->code != ERROR_DENIED)
            return false;
        *err = (struct error){0};
    }
    return online_login(&run->online, err) && request_make(run, err) &&
           orders_ask(run, err) && signatures_send(run, err);
}

/* ---- What came of it
 * ------------------------------------------------------- */

static bool
install_and_confirm(struct renewal *run, const json_t *order, struct error *err)
{
    struct online *online = &run->online;
    uint8_t id[SERVICE_ID_LEN];
    struct delivery delivery = {.number = ""};
    struct hsm_device_key key;
    json_t *answer = NULL;
    const char *state = "";
    bool found = false;
    bool ok = online_install(online, run->number, order, err) &&
              (!holding_has_encryption(order) ||
               delivery_take(online, run->number, order, &delivery, err)) &&
              service_key_id(run->number, id, err) &&
              hsm_device_pair_find(online->device, id, sizeof id, &found, &key,
                                   err) &&
              (found ||
               error_set(err, ERROR_NOT_FOUND, "the new key is not there")) &&
              online_call(online, &key, "renewals", run->number, "installed",
                          "installed", NULL, &answer, err) &&
              json_get_text(answer, "state", 32, &state, err);

    if (ok) {
        online_tell(online, run->number, state);
        client_say(online->client, "续期完成：新证书已写入介质 %s",
                   "Renewed: the new certificate is on device %s",
                   online->info.serial);
        delivery_tell(online, &delivery);
    }
    json_decref(answer);
    return ok;
}

static bool
order_look(struct renewal *run, json_t **order, const char **state,
           struct error *err)
{
    json_t *first =
        json_array_get(json_object_get(run->signatures, "signatures"), 0);
    const char *order_id;

    return json_get_text(first, "order_id", TEXT_UUID_LEN, &order_id, err) &&
           online_order(&run->online, order_id, order, err) &&
           json_get_text(*order, "state", 16, state, err);
}

static bool
conclude(struct renewal *run, const json_t *order, const char *state,
         struct error *err)
{
    if (strcmp(state, "done") == 0)
        return install_and_confirm(run, order, err);
    if (strcmp(state, "refused") == 0)
        return online_refused(order, err);
    online_tell(&run->online, run->number,
                strcmp(state, "open") == 0 ? "signed" : state);
    client_say(run->online.client,
               "续期已签署。请在页面完成支付，然后再次运行本命令安装新证书",
               "The renewal is signed. Pay for it in the page, then run this "
               "again to install the certificate");
    return true;
}

static bool
go_on(struct renewal *run, struct error *err)
{
    json_t *sent = NULL;
    json_t *order = NULL;
    const char *state = "";
    bool ok = note_find(run, "request", &run->request, err) &&
              note_find(run, "signatures", &run->signatures, err) &&
              note_find(run, "sent", &sent, err);

    if (ok && (run->signatures == NULL || sent == NULL))
        ok = sign_and_send(run, err);
    ok = ok && order_look(run, &order, &state, err) &&
         conclude(run, order, state, err);
    json_decref(sent);
    json_decref(order);
    return ok;
}

static bool
run_renew(struct client *client, struct error *err)
{
    struct renewal run = {.number = ""};
    bool ok = online_begin(client, 1, 1, &run.online, err);

    if (ok) {
        run.number = client->argv[0];
        ok = strlen(run.number) <= SERVICE_NUMBER_MAX
                 ? go_on(&run, err)
                 : error_set(err, ERROR_INPUT, "no number of a case");
    }
    json_decref(run.request);
    json_decref(run.signatures);
    OPENSSL_cleanse(run.code, sizeof run.code);
    online_end(&run.online);
    return ok;
}

const struct client_verb client_renew_verbs[] = {
    {"renew", "CASE [--key-type TYPE] [--wait SECONDS]",
     "续期：签署、支付后安装新证书",
     "signs a renewal and, once it is paid, installs the certificate",
     run_renew},
    {NULL, NULL, NULL, NULL, NULL},
};
