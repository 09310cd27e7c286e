/*
 * Names, decisions, envelopes and answers of the core's messages; the order
 * itself is in api_order.c.
 */
#include "ca-core/api.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[API_KIND_COUNT] = {
    "issue", "renew",   "rekey",  "reissue",        "change",
    "hold",  "release", "revoke", "enroll-officer", "dismiss-officer"};

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
    "business-administrator", "first-reviewer", "second-reviewer", "maker",
    "intake-clerk",           "finance",        "kmc-operator",    "auditor",
    "audit-administrator"};

static const char *const step_names[API_STEP_COUNT] = {
    "entry", "first-review", "second-review", "administration",
    "second-administration"};

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
api_order_digest(const json_t *order, uint8_t out[32], struct error *err)
{
    return json_digest(order, out, err);
}

/* ---- The decision ------------------------------------------------------ */

bool
api_statement_encode(const struct api_decision *decision, const char *order_id,
                     const uint8_t digest[32], struct buf *out,
                     struct error *err)
{
    json_t *statement = json_object();
    bool ok;

    json_set_time(statement, "decided_at", decision->decided_at);
    json_set_hex(statement, "digest", digest, 32);
    json_set_text(statement, "officer_id", decision->officer_id);
    json_set_text(statement, "order_id", order_id);
    json_set_text(statement, "step", step_names[decision->step]);
    json_set_text(statement, "verdict", "approve");
    ok = json_canonical(statement, out, err);
    json_decref(statement);
    return ok;
}

bool
api_decision_parse(const json_t *object, struct api_decision *out,
                   struct error *err)
{
    static const char *const names[] = {
        "step",      "officer_id", "credential_id", "decided_at", "verdict",
        "signature", NULL};
    struct buf signature = BUF_INIT(API_SIGNATURE_MAX);
    const char *step, *officer_id, *credential_id, *verdict;
    size_t len;
    bool ok = false;

    if (!json_only(object, names, err) ||
        !json_get_text(object, "step", 32, &step, err) ||
        !json_get_text(object, "officer_id", TEXT_UUID_LEN, &officer_id, err) ||
        !json_get_text(object, "credential_id", 64, &credential_id, err) ||
        !json_get_time(object, "decided_at", &out->decided_at, err) ||
        !json_get_text(object, "verdict", 16, &verdict, err) ||
        !json_get_bytes(object, "signature", API_SIGNATURE_MAX, &signature,
                        err))
        goto out;
    if (!api_step_find(step, &out->step)) {
        error_set(err, ERROR_INPUT, "no step of a decision: '%s'", step);
        goto out;
    }
    if (!text_is_uuid(officer_id) ||
        !text_unhex(credential_id, out->credential_id, 32, &len) || len != 32) {
        error_set(err, ERROR_INPUT, "officer_id or credential_id is malformed");
        goto out;
    }
    if (strcmp(verdict, "approve") != 0) {
        error_set(err, ERROR_INPUT, "an order carries approvals only");
        goto out;
    }
    memcpy(out->officer_id, officer_id, sizeof out->officer_id);
    if (signature.len > 0)
        memcpy(out->signature, signature.data, signature.len);
    out->signature_len = signature.len;
    ok = true;
out:
    buf_clear(&signature);
    return ok;
}

json_t *
api_decision_json(const struct api_decision *decision)
{
    json_t *object = json_object();

    json_set_text(object, "step", step_names[decision->step]);
    json_set_text(object, "officer_id", decision->officer_id);
    json_set_hex(object, "credential_id", decision->credential_id, 32);
    json_set_time(object, "decided_at", decision->decided_at);
    json_set_text(object, "verdict", "approve");
    json_set_bytes(object, "signature", decision->signature,
                   decision->signature_len);
    return object;
}

/* The digest that a key of this kind signs with; NULL for Ed25519. */
static bool
digest_name(EVP_PKEY *key, const char **out, struct error *err)
{
    if (EVP_PKEY_is_a(key, "ED25519"))
        *out = NULL;
    else if (EVP_PKEY_is_a(key, "EC"))
        *out = EVP_PKEY_get_bits(key) > 256 ? "SHA384" : "SHA256";
    else if (EVP_PKEY_is_a(key, "RSA"))
        *out = "SHA256";
    else
        return error_set(err, ERROR_INPUT, "no key that signs decisions");
    return true;
}

bool
api_decision_sign(struct api_decision *decision, const char *order_id,
                  const uint8_t digest[32], const uint8_t *certificate,
                  size_t certificate_len, EVP_PKEY *key, struct error *err)
{
    struct buf statement = BUF_INIT(4096);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const char *name;
    unsigned id_len = 0;
    bool ok = false;

    decision->signature_len = sizeof decision->signature;
    if (context == NULL)
        abort();
    if (!digest_name(key, &name, err) ||
        !api_statement_encode(decision, order_id, digest, &statement, err))
        goto out;
    if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(context, certificate, certificate_len) != 1 ||
        EVP_DigestFinal_ex(context, decision->credential_id, &id_len) != 1 ||
        EVP_MD_CTX_reset(context) != 1 ||
        EVP_DigestSignInit_ex(context, NULL, name, NULL, NULL, key, NULL) !=
            1 ||
        EVP_DigestSign(context, decision->signature, &decision->signature_len,
                       statement.data, statement.len) != 1) {
        error_openssl(err, ERROR_INTERNAL, "cannot sign the decision");
        goto out;
    }
    ok = true;
out:
    EVP_MD_CTX_free(context);
    buf_clear(&statement);
    return ok;
}

/* ---- The envelope ------------------------------------------------------ */

bool
api_envelope_parse(json_t *object, struct api_envelope *out, struct error *err)
{
    static const char *const names[] = {"order", "decisions", NULL};
    json_t *order, *decisions = NULL;

    memset(out, 0, sizeof *out);
    if (!json_only(object, names, err) ||
        !json_get_object(object, "order", &order, err) ||
        !json_find_array(object, "decisions", &decisions, err))
        return false;
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
    return api_order_parse(order, &out->order, err);
}

void
api_envelope_clear(struct api_envelope *envelope)
{
    api_order_free(envelope->order);
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
    json_t *certificates = NULL, *changes = NULL;
    int chosen;

    if (!json_get_text(object, "order_id", TEXT_UUID_LEN, &order_id, err) ||
        !json_get_text(object, "state", 16, &state, err) ||
        !json_find_text(object, "kind", 32, &kind, err) ||
        !json_find_text(object, "problem", 2048, &out->problem, err) ||
        !json_find_array(object, "certificates", &certificates, err) ||
        !json_find_array(object, "revoked", &changes, err))
        return false;
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
