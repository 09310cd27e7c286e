/* A CA and a signer for the tests of ocsp/; see ocsp_parts.h. */
#include "tests/unit/ocsp_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/clock.h"

enum { SKEW_S = 300 };

#define MUST(condition)                                                        \
    do {                                                                       \
        if (!(condition))                                                      \
            fail(__LINE__, #condition);                                        \
    } while (0)

static _Noreturn void
fail(int line, const char *what)
{
    fprintf(stderr, "ocsp_parts.c:%d: %s\n", line, what);
    ERR_print_errors_fp(stderr);
    abort();
}

static void
add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    MUST(extension != NULL && X509_add_ext(x, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static X509 *
make_certificate(EVP_PKEY *key, const char *name, X509 *issuer,
                 EVP_PKEY *issuer_key, int64_t valid_s)
{
    static long serial = 1;
    X509 *x = X509_new();

    MUST(x != NULL && X509_set_version(x, X509_VERSION_3) == 1);
    MUST(ASN1_INTEGER_set(X509_get_serialNumber(x), serial++) == 1);
    MUST(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
                                    MBSTRING_UTF8, (const unsigned char *)name,
                                    -1, -1, 0) == 1);
    MUST(X509_set_issuer_name(
             x, X509_get_subject_name(issuer == NULL ? x : issuer)) == 1);
    MUST(X509_gmtime_adj(X509_getm_notBefore(x), -60) != NULL);
    MUST(X509_gmtime_adj(X509_getm_notAfter(x), valid_s) != NULL);
    MUST(X509_set_pubkey(x, key) == 1);
    if (issuer == NULL)
        add_extension(x, NID_basic_constraints, "critical,CA:TRUE");
    else {
        add_extension(x, NID_key_usage, "critical,digitalSignature");
        add_extension(x, NID_ext_key_usage, "OCSPSigning");
        add_extension(x, NID_id_pkix_OCSP_noCheck, "");
    }
    MUST(X509_sign(x, issuer_key, EVP_sha256()) > 0);
    return x;
}

static void
encode(X509 *x, struct buf *out)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);

    MUST(len > 0 && buf_add(out, der, (size_t)len));
    OPENSSL_free(der);
}

static void
encode_issuer(struct parts *parts)
{
    unsigned char *der = NULL;
    int len = i2d_X509_NAME(X509_get_subject_name(parts->ca), &der);

    MUST(len > 0 && buf_add(&parts->subject, der, (size_t)len));
    OPENSSL_free(der);
    der = NULL;
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(parts->ca), &der);
    MUST(len > 0 && buf_add(&parts->spki, der, (size_t)len));
    OPENSSL_free(der);
    encode(parts->ca, &parts->ca_der);
}

void
parts_renew_signer(struct parts *parts, int64_t signer_s)
{
    X509_free(parts->signer);
    parts->signer = make_certificate(parts->key->public_key, "OCSP signer",
                                     parts->ca, parts->ca_key, signer_s);
    buf_reset(&parts->signer_der);
    encode(parts->signer, &parts->signer_der);
}

void
parts_make(struct parts *parts, int64_t signer_s)
{
    static const struct buf empty = BUF_INIT(PARTS_DER_MAX);
    struct error err = {0};

    memset(parts, 0, sizeof *parts);
    parts->subject = parts->spki = parts->signer_spki = empty;
    parts->signer_der = parts->ca_der = empty;
    memset(parts->key_id, 0x5a, sizeof parts->key_id);
    soft_token_make(&parts->token);
    if (!hsm_open(&parts->token.options, &parts->hsm, &err) ||
        !hsm_key_generate(parts->hsm, HSM_KEY_EC_P256, "ocsp", parts->key_id,
                          sizeof parts->key_id, &parts->key, &err)) {
        fprintf(stderr, "%s (%s)\n", err.what, err.cause);
        abort();
    }
    MUST(buf_add(&parts->signer_spki, parts->key->spki, parts->key->spki_len));
    parts->ca_key = EVP_EC_gen("P-256");
    MUST(parts->ca_key != NULL);
    parts->ca =
        make_certificate(parts->ca_key, "Test CA", NULL, parts->ca_key, 86400);
    encode_issuer(parts);
    parts_renew_signer(parts, signer_s);
}

void
parts_remove(struct parts *parts)
{
    X509_free(parts->signer);
    X509_free(parts->ca);
    EVP_PKEY_free(parts->ca_key);
    buf_clear(&parts->subject);
    buf_clear(&parts->spki);
    buf_clear(&parts->signer_spki);
    buf_clear(&parts->signer_der);
    buf_clear(&parts->ca_der);
    hsm_close(parts->hsm);
    soft_token_remove(&parts->token);
}

static struct der
der_of(const struct buf *buf)
{
    return (struct der){buf->data, buf->len};
}

void
parts_responder(const struct parts *parts, struct ocsp_responder *responder)
{
    struct ocsp_authorities *list = ocsp_authorities_new(1);
    struct error err = {0};

    ocsp_responder_init(responder);
    responder->validity_s = 3600;
    responder->http_max_age_s = 300;
    atomic_store(&responder->synced_at, clock_now());
    MUST(ocsp_authority_init(&list->at[0], PARTS_ISSUER,
                             der_of(&parts->subject), der_of(&parts->spki),
                             &err));
    MUST(ocsp_signer_new(
        parts->hsm, (struct der){parts->key_id, sizeof parts->key_id},
        der_of(&parts->signer_spki), "ecdsa-sha256", der_of(&parts->signer_der),
        &list->at[0].signer, &err));
    list->at[0].is_delegated = true;
    list->at[0].revision = 1;
    ocsp_authorities_free(atomic_exchange(&responder->authorities, list));
}

void
parts_serial(unsigned n, uint8_t out[OCSP_INDEX_SERIAL_LEN])
{
    uint64_t z = (n + 1) * UINT64_C(0x9e3779b97f4a7c15);

    z ^= z >> 29;
    memcpy(out, &z, sizeof z);
    z *= UINT64_C(0xbf58476d1ce4e5b9);
    memcpy(out + sizeof z, &z, sizeof z);
    out[0] = (uint8_t)((out[0] & 0x7f) | 0x01);
}

void
parts_status(struct ocsp_responder *responder, unsigned n,
             enum ocsp_state state, uint8_t reason, int64_t at)
{
    const struct ocsp_status status = {
        .state = state, .reason = reason, .revoked_at = at};
    uint8_t serial[OCSP_INDEX_SERIAL_LEN];

    parts_serial(n, serial);
    ocsp_index_change(responder->index, PARTS_ISSUER, serial, &status);
}

static OCSP_CERTID *
cert_id(const struct parts *parts, const EVP_MD *hash, unsigned n)
{
    uint8_t serial[OCSP_INDEX_SERIAL_LEN];
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    OCSP_CERTID *id;

    parts_serial(n, serial);
    MUST(number != NULL && ASN1_STRING_set(number, serial, sizeof serial) == 1);
    id = OCSP_cert_id_new(hash, X509_get_subject_name(parts->ca),
                          X509_get0_pubkey_bitstr(parts->ca), number);
    ASN1_INTEGER_free(number);
    MUST(id != NULL);
    return id;
}

OCSP_REQUEST *
parts_request(const struct parts *parts, const EVP_MD *hash, unsigned from,
              unsigned count, bool has_nonce)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    unsigned n;

    MUST(request != NULL);
    for (n = from; n < from + count; n++)
        MUST(OCSP_request_add0_id(request, cert_id(parts, hash, n)) != NULL);
    if (has_nonce)
        MUST(OCSP_request_add1_nonce(request, NULL, 32) == 1);
    return request;
}

void
parts_request_der(const struct parts *parts, const EVP_MD *hash, unsigned from,
                  unsigned count, bool has_nonce, struct buf *out)
{
    OCSP_REQUEST *request = parts_request(parts, hash, from, count, has_nonce);
    unsigned char *der = NULL;
    int len = i2d_OCSP_REQUEST(request, &der);

    buf_reset(out);
    MUST(len > 0 && buf_add(out, der, (size_t)len));
    OPENSSL_free(der);
    OCSP_REQUEST_free(request);
}

static int
judge_basic(const struct parts *parts, OCSP_REQUEST *request,
            const EVP_MD *hash, unsigned n, OCSP_BASICRESP *basic, int *reason)
{
    X509_STORE *store = X509_STORE_new();
    OCSP_CERTID *id = cert_id(parts, hash, n);
    ASN1_GENERALIZEDTIME *revoked_at, *this_update, *next_update;
    int status = -1;

    MUST(store != NULL && X509_STORE_add_cert(store, parts->ca) == 1);
    if (OCSP_basic_verify(basic, NULL, store, 0) != 1 ||
        OCSP_resp_find_status(basic, id, &status, reason, &revoked_at,
                              &this_update, &next_update) != 1 ||
        OCSP_check_validity(this_update, next_update, SKEW_S, -1) != 1 ||
        next_update == NULL ||
        (request != NULL && OCSP_check_nonce(request, basic) != 1 &&
         OCSP_check_nonce(request, basic) != 2))
        status = -1;
    OCSP_CERTID_free(id);
    X509_STORE_free(store);
    ERR_clear_error();
    return status;
}

int
parts_verdict(const struct parts *parts, OCSP_REQUEST *request,
              const EVP_MD *hash, unsigned n, const void *der, size_t len,
              int *reason)
{
    const unsigned char *p = der;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)len);
    OCSP_BASICRESP *basic = NULL;
    int status = -1, ignored;

    if (response == NULL || p != (const unsigned char *)der + len)
        goto out;
    status = OCSP_response_status(response);
    if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        status = -100 - status;
        goto out;
    }
    status = -1;
    basic = OCSP_response_get1_basic(response);
    if (basic != NULL)
        status = judge_basic(parts, request, hash, n, basic,
                             reason == NULL ? &ignored : reason);
out:
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return status;
}
