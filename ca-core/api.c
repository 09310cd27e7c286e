/*
 * Names, decisions, envelopes and answers of the core's messages; the order
 * itself is in api_order.c.
 */
#include "ca-core/api.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/webauthn.h"

static const char *const kind_names[API_KIND_COUNT] = {"issue",
                                                       "renew",
                                                       "rekey",
                                                       "reissue",
                                                       "change",
                                                       "hold",
                                                       "release",
                                                       "revoke",
                                                       "enroll-officer",
                                                       "dismiss-officer",
                                                       "enroll-credential",
                                                       "recover"};

static const char *const attribute_names[API_ATTRIBUTE_COUNT] = {
    "country",
    "state",
    "locality",
    "street",
    "organization",
    "organization_identifier",
    "organizational_unit",
    "title",
    "surname",
    "given_name",
    "serial_number",
    "common_name",
    "email"};

static const char *const role_names[API_ROLE_COUNT] = {
    "business-administrator", "first-reviewer",  "second-reviewer", "maker",
    "intake-clerk",           "finance",         "kmc-operator",    "auditor",
    "audit-administrator",    "customer-service"};

static const char *const step_names[API_STEP_COUNT] = {
    "entry",          "first-review",          "second-review",
    "administration", "second-administration", "making",
    "holder"};

static const char *const verdict_names[API_VERDICT_COUNT] = {
    "approve", "return", "reject", "supplement"};

static const char *const credential_kind_names[] = {"x509", "passkey"};

static const struct {
    enum api_reason reason;
    const char *name; /* as RFC 5280, 5.3.1 spells it */
} reasons[] = {
    {API_REASON_UNSPECIFIED, "unspecified"},
    {API_REASON_KEY_COMPROMISE, "keyCompromise"},
    {API_REASON_AFFILIATION_CHANGED, "affiliationChanged"},
    {API_REASON_SUPERSEDED, "superseded"},
    {API_REASON_CESSATION_OF_OPERATION, "cessationOfOperation"},
    {API_REASON_CERTIFICATE_HOLD, "certificateHold"},
    {API_REASON_PRIVILEGE_WITHDRAWN, "privilegeWithdrawn"},
};
enum { REASON_COUNT = sizeof reasons / sizeof *reasons };

static const char *const state_names[] = {"recorded", "done", "failed"};

const char *
api_kind_name(enum api_kind kind)
{
    return kind_names[kind];
}

const char *
api_attribute_name(enum api_attribute attribute)
{
    return attribute_names[attribute];
}

const char *
api_role_name(enum api_role role)
{
    return role_names[role];
}

const char *
api_step_name(enum api_step step)
{
    return step_names[step];
}

const char *
api_verdict_name(enum api_verdict verdict)
{
    return verdict_names[verdict];
}

const char *
api_credential_kind_name(enum api_credential_kind kind)
{
    return credential_kind_names[kind];
}

const char *
api_reason_name(enum api_reason reason)
{
    for (size_t i = 0; i < REASON_COUNT; i++)
        if (reasons[i].reason == reason)
            return reasons[i].name;
    assert(false && "no such reason");
    return NULL;
}

bool
api_reason_find(const char *name, enum api_reason *out)
{
    for (size_t i = 0; i < REASON_COUNT; i++)
        if (strcmp(reasons[i].name, name) == 0) {
            *out = reasons[i].reason;
            return true;
        }
    return false;
}

static bool
find_name(const char *name, const char *const *names, int count, int *out)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) {
            *out = i;
            return true;
        }
    return false;
}

bool
api_kind_find(const char *name, enum api_kind *out)
{
    int i;

    if (!find_name(name, kind_names, API_KIND_COUNT, &i))
        return false;
    *out = (enum api_kind)i;
    return true;
}

bool
api_role_find(const char *name, enum api_role *out)
{
    int i;

    if (!find_name(name, role_names, API_ROLE_COUNT, &i))
        return false;
    *out = (enum api_role)i;
    return true;
}

bool
api_step_find(const char *name, enum api_step *out)
{
    int i;

    if (!find_name(name, step_names, API_STEP_COUNT, &i))
        return false;
    *out = (enum api_step)i;
    return true;
}

bool
api_verdict_find(const char *name, enum api_verdict *out)
{
    int i;

    if (!find_name(name, verdict_names, API_VERDICT_COUNT, &i))
        return false;
    *out = (enum api_verdict)i;
    return true;
}

bool
api_order_digest(const json_t *order, uint8_t out[32], struct error *err)
{
    return json_digest(order, out, err);
}

/* ---- Signatures -------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256, *sha384; /* fetched once: performance.md, 4 */

static void
fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    sha384 = EVP_MD_fetch(NULL, "SHA384", NULL);
}

/* The digest that a key of this kind signs with; NULL for Ed25519. */
static bool
choose_digest(const EVP_PKEY *key, const EVP_MD **out)
{
    (void)pthread_once(&once, fetch);
    if (EVP_PKEY_is_a(key, "ED25519"))
        *out = NULL;
    else if (EVP_PKEY_is_a(key, "EC"))
        *out = EVP_PKEY_get_bits(key) > 256 ? sha384 : sha256;
    else if (EVP_PKEY_is_a(key, "RSA"))
        *out = sha256;
    else
        return false;
    return true;
}

bool
api_sign(EVP_PKEY *key, const uint8_t *data, size_t len,
         uint8_t out[API_SIGNATURE_MAX], size_t *out_len, struct error *err)
{
    EVP_MD_CTX *context;
    const EVP_MD *digest;
    bool ok;

    if (!choose_digest(key, &digest))
        return error_set(err, ERROR_INPUT, "no key that signs decisions");
    context = EVP_MD_CTX_new();
    if (context == NULL)
        abort();
    *out_len = API_SIGNATURE_MAX;
    ok = EVP_DigestSignInit(context, NULL, digest, NULL, key) == 1 &&
         EVP_DigestSign(context, out, out_len, data, len) == 1;
    EVP_MD_CTX_free(context);
    return ok || error_openssl(err, ERROR_INTERNAL, "cannot sign");
}

bool
api_verify(EVP_PKEY *key, const uint8_t *data, size_t len,
           const uint8_t *signature, size_t signature_len, struct error *err)
{
    EVP_MD_CTX *context;
    const EVP_MD *digest;
    bool ok;

    if (!choose_digest(key, &digest))
        return error_set(err, ERROR_DENIED, "no key that signs decisions");
    context = EVP_MD_CTX_new();
    if (context == NULL)
        abort();
    ok = EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1 &&
         EVP_DigestVerify(context, signature, signature_len, data, len) == 1;
    EVP_MD_CTX_free(context);
    return ok || error_openssl(err, ERROR_DENIED, "not signed by this key");
}

/* ---- The decision ------------------------------------------------------ */

static void
set_device(json_t *object, const struct api_device *device)
{
    json_t *named = json_object();

    json_set_text(named, "serial", device->serial);
    json_set_hex(named, "spki_sha256", device->spki_sha256, 32);
    json_object_set_new(object, "device", named);
}

/* The members that are signed and sent alike. */
static void
set_signed(json_t *object, const struct api_decision *decision)
{
    json_set_text(object, "step", step_names[decision->step]);
    if (decision->step != API_STEP_HOLDER)
        json_set_text(object, "officer_id", decision->officer_id);
    json_set_time(object, "decided_at", decision->decided_at);
    json_set_text(object, "verdict", verdict_names[decision->verdict]);
    if (decision->verdict != API_APPROVE)
        json_set_text(object, "remark", decision->remark);
    if (decision->step == API_STEP_MAKING)
        set_device(object, &decision->device);
}

bool
api_statement_encode(const struct api_decision *decision, const char *order_id,
                     const uint8_t digest[32], struct buf *out,
                     struct error *err)
{
    json_t *statement = json_object();
    bool ok;

    set_signed(statement, decision);
    json_set_hex(statement, "digest", digest, 32);
    json_set_text(statement, "order_id", order_id);
    ok = json_canonical(statement, out, err);
    json_decref(statement);
    return ok;
}

bool
api_device_serial_is(const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t len = strlen(text);

    return len >= 4 && len <= API_DEVICE_MAX && text[0] != '-' &&
           strspn(text, letters) == len;
}

static bool
read_device_serial(const json_t *object, const char *name,
                   char out[API_DEVICE_MAX + 1], struct error *err)
{
    const char *serial;

    if (!json_get_text(object, name, API_DEVICE_MAX, &serial, err))
        return false;
    if (!api_device_serial_is(serial))
        return error_set(err, ERROR_INPUT,
                         "\"%s\" is no serial number of a device", name);
    memcpy(out, serial, strlen(serial) + 1);
    return true;
}

/* The one form of a hash that is signed: lower-case hex. */
static bool
read_sha256(const json_t *object, const char *name, uint8_t out[32],
            struct error *err)
{
    const char *text;
    char again[65];
    size_t len;

    if (!json_get_text(object, name, 64, &text, err))
        return false;
    if (!text_unhex(text, out, 32, &len) || len != 32)
        return error_set(err, ERROR_INPUT, "\"%s\" is no SHA-256 in hex", name);
    text_hex(out, 32, again);
    return strcmp(text, again) == 0 ||
           error_set(err, ERROR_INPUT, "\"%s\" is not in lower case", name);
}

static bool
read_device(const json_t *object, struct api_decision *out, struct error *err)
{
    static const char *const names[] = {"serial", "spki_sha256", NULL};
    json_t *device;

    if (!json_find_object(object, "device", &device, err))
        return false;
    if ((device != NULL) != (out->step == API_STEP_MAKING))
        return error_set(err, ERROR_INPUT,
                         device != NULL ? "only step making names a device"
                                        : "step making names a \"device\"");
    if (device == NULL)
        return true;
    return (json_only(device, names, err) &&
            read_device_serial(device, "serial", out->device.serial, err) &&
            read_sha256(device, "spki_sha256", out->device.spki_sha256, err)) ||
           error_wrap(err, "device");
}

static bool
read_verdict(const json_t *object, struct api_decision *out, struct error *err)
{
    const char *verdict, *remark;
    size_t count;

    if (!json_get_text(object, "verdict", 16, &verdict, err) ||
        !json_find_text(object, "remark", API_REMARK_MAX, &remark, err))
        return false;
    if (!api_verdict_find(verdict, &out->verdict))
        return error_set(err, ERROR_INPUT,
                         "verdict: approve, return, reject or supplement");
    if (out->verdict == API_APPROVE && remark != NULL)
        return error_set(err, ERROR_INPUT, "remark: an approval has none");
    if (out->verdict != API_APPROVE &&
        (remark == NULL || !text_utf8(remark, strlen(remark), &count) ||
         count == 0))
        return error_set(err, ERROR_INPUT,
                         "remark: the applicant must learn why");
    if (remark != NULL)
        memcpy(out->remark, remark, strlen(remark) + 1);
    return true;
}

static bool
read_who(const json_t *object, struct api_decision *out, struct error *err)
{
    const char *step, *officer_id;

    if (!json_get_text(object, "step", 32, &step, err) ||
        !json_find_text(object, "officer_id", TEXT_UUID_LEN, &officer_id, err))
        return false;
    if (!api_step_find(step, &out->step))
        return error_set(err, ERROR_INPUT, "no step of a decision: '%s'", step);
    if ((officer_id == NULL) != (out->step == API_STEP_HOLDER))
        return error_set(err, ERROR_INPUT,
                         officer_id == NULL
                             ? "\"officer_id\" is missing"
                             : "step holder has no \"officer_id\"");
    if (officer_id == NULL)
        return true;
    if (!text_is_uuid(officer_id))
        return error_set(err, ERROR_INPUT, "\"officer_id\" is no UUID");
    memcpy(out->officer_id, officer_id, sizeof out->officer_id);
    return true;
}

/* A base64 member of at most `max` octets into the decision. */
static bool
read_into(const json_t *object, const char *name, uint8_t *out, size_t max,
          size_t *len, struct error *err)
{
    struct buf octets = BUF_INIT(max);
    bool ok = json_get_bytes(object, name, max, &octets, err);

    if (ok && octets.len > 0)
        memcpy(out, octets.data, octets.len);
    *len = octets.len;
    buf_clear(&octets);
    return ok;
}

static bool
read_signature(const json_t *object, struct api_decision *out,
               struct error *err)
{
    bool has_data = json_object_get(object, "authenticator_data") != NULL;
    bool has_client = json_object_get(object, "client_data") != NULL;

    if (!read_into(object, "signature", out->signature, sizeof out->signature,
                   &out->signature_len, err))
        return false;
    if (has_data != has_client)
        return error_set(err, ERROR_INPUT,
                         "\"authenticator_data\" and \"client_data\" go "
                         "together");
    if (!has_data)
        return true;
    if (!read_into(object, "authenticator_data", out->authenticator_data,
                   sizeof out->authenticator_data, &out->authenticator_data_len,
                   err) ||
        !read_into(object, "client_data", out->client_data,
                   sizeof out->client_data, &out->client_data_len, err))
        return false;
    return (out->authenticator_data_len > 0 && out->client_data_len > 0) ||
           error_set(err, ERROR_INPUT, "an assertion without octets");
}

bool
api_decision_parse(const json_t *object, struct api_decision *out,
                   struct error *err)
{
    static const char *const names[] = {"step",
                                        "officer_id",
                                        "credential_id",
                                        "decided_at",
                                        "verdict",
                                        "remark",
                                        "device",
                                        "signature",
                                        "client_data",
                                        "authenticator_data",
                                        NULL};

    memset(out, 0, sizeof *out);
    return json_only(object, names, err) && read_who(object, out, err) &&
           read_sha256(object, "credential_id", out->credential_id, err) &&
           json_get_time(object, "decided_at", &out->decided_at, err) &&
           read_verdict(object, out, err) && read_device(object, out, err) &&
           read_signature(object, out, err);
}

json_t *
api_decision_json(const struct api_decision *decision)
{
    json_t *object = json_object();

    set_signed(object, decision);
    json_set_hex(object, "credential_id", decision->credential_id, 32);
    json_set_bytes(object, "signature", decision->signature,
                   decision->signature_len);
    if (decision->client_data_len > 0) {
        json_set_bytes(object, "authenticator_data",
                       decision->authenticator_data,
                       decision->authenticator_data_len);
        json_set_bytes(object, "client_data", decision->client_data,
                       decision->client_data_len);
    }
    return object;
}

static bool
verify_passkey(const struct api_decision *decision, const struct buf *statement,
               const struct api_verifier *verifier, struct error *err)
{
    uint8_t challenge[HASH_LEN];
    struct webauthn_scene scene = {verifier->rp_id, verifier->origin, challenge,
                                   sizeof challenge};
    struct webauthn_assertion assertion = {
        decision->authenticator_data, decision->authenticator_data_len,
        decision->client_data,        decision->client_data_len,
        decision->signature,          decision->signature_len,
    };

    if (!hash_sha256(statement->data, statement->len, challenge, err))
        return false;
    if (webauthn_verify(verifier->key, &assertion, &scene, NULL, err))
        return true;
    /* Whatever it is, it is no signature over this statement. */
    if (err != NULL && err->code == ERROR_INPUT)
        err->code = ERROR_DENIED;
    return false;
}

bool
api_decision_verify(const struct api_decision *decision, const char *order_id,
                    const uint8_t digest[32],
                    const struct api_verifier *verifier, struct error *err)
{
    struct buf statement = BUF_INIT(API_STATEMENT_MAX);
    const char *step = step_names[decision->step];
    bool is_passkey = verifier->rp_id != NULL;
    bool ok = false;

    if (is_passkey != (decision->client_data_len > 0))
        return error_set(err, ERROR_DENIED,
                         "the signature of step %s is of another kind than the "
                         "credential",
                         step);
    if (!api_statement_encode(decision, order_id, digest, &statement, err))
        goto out;
    ok = is_passkey
             ? verify_passkey(decision, &statement, verifier, err)
             : api_verify(verifier->key, statement.data, statement.len,
                          decision->signature, decision->signature_len, err);
    if (!ok)
        error_wrap(err, "the signature of step %s is not over this order",
                   step);
out:
    buf_clear(&statement);
    return ok;
}

bool
api_decision_sign(struct api_decision *decision, const char *order_id,
                  const uint8_t digest[32], const uint8_t *certificate,
                  size_t certificate_len, EVP_PKEY *key, struct error *err)
{
    struct buf statement = BUF_INIT(API_STATEMENT_MAX);
    bool ok =
        hash_sha256(certificate, certificate_len, decision->credential_id,
                    err) &&
        api_statement_encode(decision, order_id, digest, &statement, err) &&
        api_sign(key, statement.data, statement.len, decision->signature,
                 &decision->signature_len, err);

    decision->authenticator_data_len = decision->client_data_len = 0;
    buf_clear(&statement);
    return ok;
}

/* ---- What a device adds ------------------------------------------------ */

bool
api_completion_encode(const char *serial, const uint8_t *csr, size_t csr_len,
                      const char *order_id, struct buf *out, struct error *err)
{
    json_t *object;
    uint8_t digest[HASH_LEN];
    bool ok;

    if (!hash_sha256(csr, csr_len, digest, err))
        return false;
    object = json_object();
    json_set_hex(object, "csr_sha256", digest, sizeof digest);
    json_set_text(object, "device", serial);
    json_set_text(object, "order_id", order_id);
    ok = json_canonical(object, out, err);
    json_decref(object);
    return ok;
}

bool
api_transport_encode(const char *serial, const uint8_t *transport,
                     size_t transport_len, struct buf *out, struct error *err)
{
    json_t *object;
    uint8_t digest[HASH_LEN];
    bool ok;

    if (!hash_sha256(transport, transport_len, digest, err))
        return false;
    object = json_object();
    json_set_text(object, "device", serial);
    json_set_hex(object, "transport_sha256", digest, sizeof digest);
    ok = json_canonical(object, out, err);
    json_decref(object);
    return ok;
}

void
api_completion_set(json_t *object, const struct api_completion *completion)
{
    json_t *device = json_object();

    json_set_text(device, "serial", completion->serial);
    json_set_bytes(device, "spki", completion->spki, completion->spki_len);
    json_object_set_new(object, "device", device);
    json_set_bytes(object, "csr", completion->csr, completion->csr_len);
    json_set_bytes(object, "device_signature", completion->signature,
                   completion->signature_len);
    if (completion->transport == NULL)
        return;
    json_set_bytes(object, "transport", completion->transport,
                   completion->transport_len);
    json_set_bytes(object, "transport_signature",
                   completion->transport_signature,
                   completion->transport_signature_len);
}

/* Octets that the completion owns. */
static bool
read_owned(const json_t *object, const char *name, size_t max, uint8_t **out,
           size_t *len, struct error *err)
{
    struct buf octets = BUF_INIT(max);

    if (!json_get_bytes(object, name, max, &octets, err)) {
        buf_clear(&octets);
        return false;
    }
    if (octets.len == 0)
        return error_set(err, ERROR_INPUT, "\"%s\" is empty", name);
    *out = buf_take(&octets, len);
    return true;
}

/* Of a pair; both or neither. */
static bool
find_transport(const json_t *object, struct api_completion *out,
               struct error *err)
{
    if (json_object_get(object, "transport") == NULL &&
        json_object_get(object, "transport_signature") == NULL)
        return true;
    return read_into(object, "transport_signature", out->transport_signature,
                     sizeof out->transport_signature,
                     &out->transport_signature_len, err) &&
           read_owned(object, "transport", API_DEVICE_SPKI_MAX, &out->transport,
                      &out->transport_len, err);
}

static bool
has_any(const json_t *object, const char *const *names)
{
    for (; *names != NULL; names++)
        if (json_object_get(object, *names) != NULL)
            return true;
    return false;
}

bool
api_completion_find(const json_t *object, struct api_completion *out,
                    struct error *err)
{
    static const char *const all[] = {
        "device", "csr", "device_signature", "transport", "transport_signature",
        NULL};
    static const char *const names[] = {"serial", "spki", NULL};
    json_t *device;

    memset(out, 0, sizeof *out);
    if (!has_any(object, all))
        return true;
    if (!json_find_object(object, "device", &device, err))
        return false;
    if (device == NULL)
        return error_set(err, ERROR_INPUT, "\"device\" is missing");
    if (!json_only(device, names, err) ||
        !read_device_serial(device, "serial", out->serial, err) ||
        !read_owned(device, "spki", API_DEVICE_SPKI_MAX, &out->spki,
                    &out->spki_len, err))
        return error_wrap(err, "device");
    return read_into(object, "device_signature", out->signature,
                     sizeof out->signature, &out->signature_len, err) &&
           read_owned(object, "csr", API_CSR_MAX, &out->csr, &out->csr_len,
                      err) &&
           find_transport(object, out, err);
}

void
api_completion_clear(struct api_completion *completion)
{
    free(completion->spki);
    free(completion->csr);
    free(completion->transport);
    completion->spki = completion->csr = completion->transport = NULL;
}

/* ---- The envelope ------------------------------------------------------ */

static bool
read_decisions(const json_t *decisions, struct api_envelope *out,
               struct error *err)
{
    if (json_array_size(decisions) > API_DECISIONS_MAX)
        return error_set(err, ERROR_INPUT, "more than %d decisions",
                         API_DECISIONS_MAX);
    for (size_t i = 0; i < json_array_size(decisions); i++) {
        const json_t *item = json_array_get(decisions, i);

        if (!json_is_object(item))
            return error_set(err, ERROR_INPUT, "decisions[%zu] is no object",
                             i);
        if (!api_decision_parse(item, &out->decision[i], err))
            return error_wrap(err, "decisions[%zu]", i);
        out->decision_count = i + 1;
    }
    return true;
}

bool
api_envelope_parse(json_t *object, struct api_envelope *out, struct error *err)
{
    static const char *const names[] = {
        "order",     "decisions",           "device", "csr", "device_signature",
        "transport", "transport_signature", NULL};
    json_t *order, *decisions = NULL;

    memset(out, 0, sizeof *out);
    if (!json_only(object, names, err) ||
        !json_get_object(object, "order", &order, err) ||
        !json_find_array(object, "decisions", &decisions, err) ||
        !read_decisions(decisions, out, err) ||
        !api_completion_find(object, &out->completion, err) ||
        !api_order_parse(order, &out->order, err))
        return false;
    return out->completion.csr == NULL || out->order->activation_until != 0 ||
           error_set(err, ERROR_INPUT,
                     "only an order with activation is completed by a device");
}

void
api_envelope_clear(struct api_envelope *envelope)
{
    api_order_free(envelope->order);
    api_completion_clear(&envelope->completion);
    envelope->order = NULL;
    envelope->decision_count = 0;
}

/* ---- The answer -------------------------------------------------------- */

static bool
read_serial(const json_t *object, uint8_t out[API_SERIAL_LEN],
            struct error *err)
{
    const char *serial;
    size_t len;

    if (!json_get_text(object, "serial", (size_t)2 * API_SERIAL_LEN, &serial,
                       err))
        return false;
    if (!text_unhex(serial, out, API_SERIAL_LEN, &len) || len != API_SERIAL_LEN)
        return error_set(err, ERROR_INPUT, "serial is malformed");
    return true;
}

static bool
read_certificates(const json_t *array, struct api_answer *out,
                  struct error *err)
{
    size_t count = json_array_size(array);

    out->certificate = base_alloc(count * sizeof *out->certificate);
    for (size_t i = 0; i < count; i++) {
        struct api_answer_certificate *c = &out->certificate[i];
        const json_t *item = json_array_get(array, i);
        struct buf der = BUF_INIT(API_CERTIFICATE_MAX);

        if (!json_get_text(item, "issuer", API_NAME_MAX, &c->issuer, err) ||
            !read_serial(item, c->serial, err) ||
            !json_get_bytes(item, "der", API_CERTIFICATE_MAX, &der, err)) {
            buf_clear(&der);
            return error_wrap(err, "certificates[%zu]", i);
        }
        c->der = buf_take(&der, &c->der_len);
        out->certificate_count = i + 1;
    }
    return true;
}

static bool
read_changes(const json_t *array, struct api_answer *out, struct error *err)
{
    size_t count = json_array_size(array);

    out->change = base_alloc(count * sizeof *out->change);
    for (size_t i = 0; i < count; i++) {
        struct api_answer_change *c = &out->change[i];
        const json_t *item = json_array_get(array, i);

        if (!json_get_text(item, "issuer", API_NAME_MAX, &c->issuer, err) ||
            !read_serial(item, c->serial, err) ||
            !json_get_text(item, "state", 16, &c->state, err))
            return error_wrap(err, "revoked[%zu]", i);
        out->change_count = i + 1;
    }
    return true;
}

static bool
read_answer(const json_t *object, struct api_answer *out, struct error *err)
{
    const char *order_id, *state, *kind = NULL;
    json_t *certificates = NULL, *changes = NULL, *key, *recovery;
    int chosen;

    if (!json_get_text(object, "order_id", TEXT_UUID_LEN, &order_id, err) ||
        !json_get_text(object, "state", 16, &state, err) ||
        !json_find_text(object, "kind", 32, &kind, err) ||
        !json_find_text(object, "problem", 2048, &out->problem, err) ||
        !json_find_array(object, "certificates", &certificates, err) ||
        !json_find_array(object, "revoked", &changes, err) ||
        !json_find_object(object, "key", &key, err) ||
        !json_find_object(object, "recovery", &recovery, err))
        return false;
    out->key = key;
    out->recovery = recovery;
    if (!text_is_uuid(order_id) || !find_name(state, state_names, 3, &chosen) ||
        (kind != NULL && !api_kind_find(kind, &out->kind)))
        return error_set(err, ERROR_INPUT, "malformed");
    memcpy(out->order_id, order_id, sizeof out->order_id);
    out->state = (enum api_state)chosen;
    return read_certificates(certificates, out, err) &&
           read_changes(changes, out, err);
}

bool
api_answer_parse(json_t *object, struct api_answer *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    out->json = json_incref(object);
    if (read_answer(object, out, err))
        return true;
    api_answer_clear(out);
    return error_wrap(err, "answer");
}

void
api_answer_clear(struct api_answer *answer)
{
    for (size_t i = 0; i < answer->certificate_count; i++)
        free(answer->certificate[i].der);
    free(answer->certificate);
    free(answer->change);
    json_decref(answer->json);
    memset(answer, 0, sizeof *answer);
}
