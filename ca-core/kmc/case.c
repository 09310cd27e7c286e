/* Cases of recovery; see ca-core/kmc/case.h. */
#include "ca-core/kmc/case.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/clock.h"

enum { TARGET_MIN_BITS = 2048, TARGET_MAX_BITS = 4096 };

static const char *const kind_names[KMC_KIND_COUNT] = {
    "customer", "judicial", "rotation", "verification"};
static const char *const delivery_names[KMC_DELIVERY_COUNT] = {"token", "cms",
                                                               "none"};
static const char *const role_names[KMC_ROLE_COUNT] = {
    "ca", "operator", "ra-officer", "audit-administrator"};

const char *
kmc_kind_name(enum kmc_kind kind)
{
    return kind_names[kind];
}

const char *
kmc_role_name(enum kmc_role role)
{
    return role_names[role];
}

static bool
find(const char *const *names, int count, const char *name, int *out)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) {
            *out = i;
            return true;
        }
    return false;
}

bool
kmc_role_find(const char *name, enum kmc_role *out)
{
    int role = 0;
    bool ok = find(role_names, KMC_ROLE_COUNT, name, &role);

    *out = (enum kmc_role)role;
    return ok;
}

/* ---- The request -----------------------------------------------------------
 */

/* A member of text into an array; absent is "". */
static bool
take_text(const json_t *json, const char *name, size_t max, char *out,
          struct error *err)
{
    const char *text;

    out[0] = '\0';
    if (!json_find_text(json, name, max - 1, &text, err))
        return false;
    if (text != NULL)
        (void)snprintf(out, max, "%s", text);
    return true;
}

static bool
take_uuid(const char *text, char out[TEXT_UUID_LEN + 1], struct error *err)
{
    if (text == NULL || !text_is_uuid(text))
        return error_set(err, ERROR_INPUT, "not a UUID");
    memcpy(out, text, TEXT_UUID_LEN + 1);
    return true;
}

static bool
take_keys(const json_t *json, struct kmc_request *out, struct error *err)
{
    json_t *array;

    if (!json_get_array(json, "keys", &array, err))
        return false;
    out->key_count = json_array_size(array);
    if (out->key_count == 0 || out->key_count > KMC_CASE_KEYS_MAX)
        return error_set(err, ERROR_INPUT, "keys: 1 to %d", KMC_CASE_KEYS_MAX);
    for (size_t i = 0; i < out->key_count; i++) {
        if (!take_uuid(json_string_value(json_array_get(array, i)),
                       out->keys[i], err))
            return error_wrap(err, "keys");
        for (size_t j = 0; j < i; j++)
            if (strcmp(out->keys[i], out->keys[j]) == 0)
                return error_set(err, ERROR_INPUT, "keys: one is there twice");
    }
    return true;
}

/* For token delivery an RSA key that hsm/escrow.h wraps for, so that no case is
 * approved in vain; for CMS a certificate. */
static bool
take_target(const json_t *json, struct kmc_request *out, struct error *err)
{
    struct buf target = BUF_INIT(KMC_TARGET_MAX);
    const unsigned char *p;
    EVP_PKEY *key = NULL;
    X509 *x509 = NULL;
    bool ok = false;

    if (!json_get_bytes(json, "target", KMC_TARGET_MAX, &target, err))
        return false;
    p = target.data;
    if (out->delivery == KMC_TO_TOKEN)
        ok = (key = d2i_PUBKEY(NULL, &p, (long)target.len)) != NULL &&
             EVP_PKEY_is_a(key, "RSA") == 1 &&
             EVP_PKEY_get_bits(key) >= TARGET_MIN_BITS &&
             EVP_PKEY_get_bits(key) <= TARGET_MAX_BITS;
    else
        ok = (x509 = d2i_X509(NULL, &p, (long)target.len)) != NULL;
    ok = ok && p == target.data + target.len;
    if (ok) {
        memcpy(out->target, target.data, target.len);
        out->target_len = target.len;
    }
    EVP_PKEY_free(key);
    X509_free(x509);
    buf_clear(&target);
    ERR_clear_error();
    return ok || error_set(err, ERROR_INPUT, "target: not %s",
                           out->delivery == KMC_TO_TOKEN
                               ? "the SubjectPublicKeyInfo of an RSA key of "
                                 "2048 to 4096 bits"
                               : "a certificate");
}

static bool
take_recovery(const json_t *json, struct kmc_request *out, struct error *err)
{
    const char *delivery;
    int number;

    if (!take_keys(json, out, err) ||
        !take_text(json, "holder", sizeof out->holder, out->holder, err) ||
        !take_text(json, "document", sizeof out->document, out->document,
                   err) ||
        !json_get_text(json, "delivery", 8, &delivery, err))
        return false;
    if (out->holder[0] == '\0' || out->document[0] == '\0')
        return error_set(err, ERROR_INPUT,
                         "holder and document (its number) are needed");
    if (!find(delivery_names, KMC_NO_DELIVERY, delivery, &number))
        return error_set(err, ERROR_INPUT, "delivery: token or cms");
    out->delivery = (enum kmc_delivery)number;
    return take_target(json, out, err);
}

static bool
take_request(const json_t *json, struct kmc_request *out, struct error *err)
{
    const char *id, *kind;
    int number;

    *out = (struct kmc_request){.delivery = KMC_NO_DELIVERY};
    if (!json_get_text(json, "case", TEXT_UUID_LEN, &id, err) ||
        !take_uuid(id, out->id, err) ||
        !json_get_text(json, "kind", 16, &kind, err) ||
        !take_text(json, "requester", sizeof out->requester, out->requester,
                   err) ||
        !take_text(json, "reason", sizeof out->reason, out->reason, err))
        return false;
    if (!find(kind_names, KMC_KIND_COUNT, kind, &number))
        return error_set(err, ERROR_INPUT, "kind: %s is none", kind);
    out->kind = (enum kmc_kind)number;
    if (out->reason[0] == '\0')
        return error_set(err, ERROR_INPUT, "a reason is needed");
    if (out->kind == KMC_CUSTOMER || out->kind == KMC_JUDICIAL)
        return take_recovery(json, out, err);
    return (json_object_get(json, "keys") == NULL &&
            json_object_get(json, "holder") == NULL &&
            json_object_get(json, "document") == NULL &&
            json_object_get(json, "delivery") == NULL &&
            json_object_get(json, "target") == NULL) ||
           error_set(err, ERROR_INPUT,
                     "a %s is about all keys and delivers none", kind);
}

bool
kmc_request_parse(const json_t *json, struct kmc_request *out,
                  struct error *err)
{
    static const char *const names[] = {
        "case", "kind",   "reason",   "document", "requester",
        "keys", "holder", "delivery", "target",   NULL};

    return json_only(json, names, err) && take_request(json, out, err);
}

bool
kmc_body_encode(const struct kmc_request *request, int64_t opened_at,
                int64_t expires_at, struct buf *out, struct error *err)
{
    json_t *json = json_object();
    bool ok;

    json_set_text(json, "case", request->id);
    json_set_text(json, "kind", kind_names[request->kind]);
    json_set_text(json, "requester", request->requester);
    json_set_text(json, "reason", request->reason);
    json_set_time(json, "opened_at", opened_at);
    json_set_time(json, "expires_at", expires_at);
    if (request->key_count > 0) {
        json_t *keys = json_array();

        for (size_t i = 0; i < request->key_count; i++)
            json_array_append_new(keys, json_string(request->keys[i]));
        json_object_set_new(json, "keys", keys);
        json_set_text(json, "holder", request->holder);
        json_set_text(json, "document", request->document);
        json_set_text(json, "delivery", delivery_names[request->delivery]);
        json_set_bytes(json, "target", request->target, request->target_len);
    }
    ok = json_canonical(json, out, err);
    json_decref(json);
    return ok;
}

bool
kmc_body_parse(const uint8_t *body, size_t len, struct kmc_request *out,
               struct error *err)
{
    json_t *json = NULL;
    bool ok = json_parse_object(body, len, &json, err) &&
              take_request(json, out, err);

    json_decref(json);
    return ok;
}

/* ---- Who decides -----------------------------------------------------------
 */

bool
kmc_may_open(enum kmc_kind kind, enum kmc_role role)
{
    switch (kind) {
    case KMC_CUSTOMER:
        return role != KMC_AUDIT_ADMINISTRATOR;
    default: /* 司法取证 too: recovery at the centre itself, through no CA or RA
              */
        return role == KMC_OPERATOR;
    }
}

/* Which role besides the operators has to agree. */
static bool
needs(enum kmc_kind kind, enum kmc_role role)
{
    return role == KMC_OPERATOR ||
           (role == KMC_RA_OFFICER && kind == KMC_CUSTOMER) ||
           (role == KMC_AUDIT_ADMINISTRATOR && kind == KMC_JUDICIAL);
}

bool
kmc_may_decide(const struct db_kmc_case *c, enum kmc_role role,
               const char *party, int64_t now, struct error *err)
{
    int kind;

    if (!find(kind_names, KMC_KIND_COUNT, c->kind, &kind) ||
        !needs((enum kmc_kind)kind, role))
        return error_set(err, ERROR_DENIED, "a %s case is none for an %s",
                         c->kind, role_names[role]);
    if (strcmp(c->requester, party) == 0 || strcmp(c->opened_by, party) == 0)
        return error_set(err, ERROR_DENIED,
                         "who asked for a recovery does not decide on it");
    if (strcmp(c->state, "open") != 0 && strcmp(c->state, "approved") != 0)
        return error_set(err, ERROR_CONFLICT, "the case is %s", c->state);
    return now < c->expires_at ||
           error_set(err, ERROR_CONFLICT, "the time of the case is over");
}

bool
kmc_is_approved(enum kmc_kind kind, const struct db_kmc_approval *approvals,
                size_t count, int32_t needed)
{
    int32_t given[KMC_ROLE_COUNT] = {0};

    for (size_t i = 0; i < count; i++) {
        enum kmc_role role;

        if (strcmp(approvals[i].verdict, "approve") != 0)
            return false;
        if (kmc_role_find(approvals[i].step, &role))
            given[role]++;
    }
    return needed >= 2 && given[KMC_OPERATOR] >= needed &&
           (!needs(kind, KMC_RA_OFFICER) || given[KMC_RA_OFFICER] > 0) &&
           (!needs(kind, KMC_AUDIT_ADMINISTRATOR) ||
            given[KMC_AUDIT_ADMINISTRATOR] > 0);
}

bool
kmc_statement_encode(const char *case_id, const uint8_t digest[32],
                     const char *party, const char *step, const char *verdict,
                     int64_t decided_at, struct buf *out, struct error *err)
{
    json_t *json = json_object();
    bool ok;

    json_set_text(json, "case", case_id);
    json_set_hex(json, "digest", digest, 32);
    json_set_text(json, "party", party);
    json_set_text(json, "step", step);
    json_set_text(json, "verdict", verdict);
    json_set_time(json, "decided_at", decided_at);
    ok = json_canonical(json, out, err);
    json_decref(json);
    return ok;
}

bool
kmc_statement_verify(const struct buf *statement, const uint8_t *certificate,
                     size_t certificate_len, const uint8_t *signature,
                     size_t signature_len, struct error *err)
{
    const unsigned char *p = certificate;
    X509 *x509 = d2i_X509(NULL, &p, (long)certificate_len);
    EVP_PKEY *key = x509 == NULL ? NULL : X509_get0_pubkey(x509);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_pure = key != NULL && EVP_PKEY_is_a(key, "ED25519") == 1;
    bool ok = key != NULL && ctx != NULL &&
              EVP_DigestVerifyInit_ex(ctx, NULL, is_pure ? NULL : "SHA256",
                                      NULL, NULL, key, NULL) == 1 &&
              EVP_DigestVerify(ctx, signature, signature_len, statement->data,
                               statement->len) == 1;

    EVP_MD_CTX_free(ctx);
    X509_free(x509);
    ERR_clear_error();
    return ok || error_set(err, ERROR_DENIED,
                           "the signature is not over this statement");
}
