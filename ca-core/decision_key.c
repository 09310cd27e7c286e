/* Keys of credentials; see ca-core/decision_key.h. */
#include "ca-core/decision_key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/webauthn.h"

static bool
read_time(const ASN1_TIME *time, int64_t *out)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    return clock_join(&(struct clock_date){tm.tm_year + 1900, tm.tm_mon + 1,
                                           tm.tm_mday, tm.tm_hour, tm.tm_min,
                                           tm.tm_sec},
                      out);
}

/* Keys that api_verify() knows. */
static bool
can_sign(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "EC") || EVP_PKEY_is_a(key, "RSA") ||
           EVP_PKEY_is_a(key, "ED25519");
}

static bool
read_certificate(const uint8_t *certificate, size_t len,
                 struct decision_key *out, struct error *err)
{
    const unsigned char *p = certificate;
    X509 *x509 = d2i_X509(NULL, &p, (long)len);
    bool ok = false;

    if (x509 == NULL || p != certificate + len) {
        error_openssl(err, ERROR_INPUT, "not exactly one certificate");
        goto out;
    }
    out->key = X509_get_pubkey(x509);
    if (out->key == NULL || !can_sign(out->key)) {
        error_openssl(err, ERROR_INPUT, "no key that signs decisions");
        goto out;
    }
    if (!read_time(X509_get0_notBefore(x509), &out->not_before) ||
        !read_time(X509_get0_notAfter(x509), &out->not_after)) {
        error_openssl(err, ERROR_INPUT, "unreadable certificate");
        goto out;
    }
    ok = hash_sha256(certificate, len, out->id, err);
out:
    X509_free(x509);
    return ok;
}

static bool
read_passkey(const struct api_credential *credential, struct decision_key *out,
             struct error *err)
{
    if (!webauthn_origin_fits(credential->origin, credential->rp_id))
        return error_set(err, ERROR_INPUT,
                         "origin %s is no page that may use RP ID %s",
                         credential->origin, credential->rp_id);
    if (!webauthn_key_parse(credential->public_key, credential->public_key_len,
                            &out->key, err) ||
        !hash_sha256(credential->raw_id, credential->raw_id_len, out->id, err))
        return false;
    out->rp_id = base_text_copy(credential->rp_id);
    out->origin = base_text_copy(credential->origin);
    out->not_after = DECISION_NO_END;
    return true;
}

bool
decision_key_make(const struct api_credential *credential,
                  struct decision_key *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    if (credential->kind == API_CREDENTIAL_X509
            ? read_certificate(credential->certificate,
                               credential->certificate_len, out, err)
            : read_passkey(credential, out, err))
        return true;
    decision_key_clear(out);
    return false;
}

bool
decision_key_read(enum api_credential_kind kind, const uint8_t *data,
                  size_t len, struct decision_key *out, struct error *err)
{
    struct api_credential credential = {
        .kind = kind, .certificate = data, .certificate_len = len};
    void *owned[3] = {NULL};
    json_t *json = NULL;
    bool ok = kind == API_CREDENTIAL_X509 ||
              (json_parse_object(data, len, &json, err) &&
               api_credential_parse(json, &credential, owned, err));

    ok = ok && (credential.kind == kind ||
                error_set(err, ERROR_INPUT, "a credential of another kind"));
    if (ok)
        ok = decision_key_make(&credential, out, err);
    else
        memset(out, 0, sizeof *out);
    for (size_t i = 0; i < 3; i++)
        free(owned[i]);
    json_decref(json);
    return ok;
}

void
decision_key_clear(struct decision_key *key)
{
    EVP_PKEY_free(key->key);
    free(key->rp_id);
    free(key->origin);
    memset(key, 0, sizeof *key);
}

bool
decision_key_encode(const struct api_credential *credential, struct buf *out,
                    struct error *err)
{
    json_t *json;
    bool ok;

    if (credential->kind == API_CREDENTIAL_X509)
        return buf_add(out, credential->certificate,
                       credential->certificate_len) ||
               error_set(err, ERROR_INPUT, "the credential is too long");
    json = api_credential_json(credential);
    ok = json_canonical(json, out, err);
    json_decref(json);
    return ok;
}

bool
decision_key_kind(const char *name, enum api_credential_kind *out,
                  struct error *err)
{
    for (int kind = API_CREDENTIAL_X509; kind <= API_CREDENTIAL_PASSKEY; kind++)
        if (strcmp(name, api_credential_kind_name(
                             (enum api_credential_kind)kind)) == 0) {
            *out = (enum api_credential_kind)kind;
            return true;
        }
    return error_set(err, ERROR_INTERNAL, "a credential of kind '%s'", name);
}

struct api_verifier
decision_key_verifier(const struct decision_key *key)
{
    return (struct api_verifier){key->key, key->rp_id, key->origin};
}
