/* Issuers and their delegated signers; see ocsp/authority.h. */
#include "ocsp/authority.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "base/clock.h"

/* Here the simple call is right: once for each new issuer or certificate. */
static bool
hash_into(enum ocsp_hash hash, struct der data, uint8_t *out, struct error *err)
{
    const char *name = hash == OCSP_HASH_SHA1 ? "SHA1" : "SHA256";

    if (EVP_Q_digest(NULL, name, NULL, data.data, data.len, out, NULL) != 1)
        return error_openssl(err, ERROR_INTERNAL, "cannot hash with %s", name);
    return true;
}

/* subjectPublicKey's content octets. */
static bool
key_bits(struct der spki, struct der *bits, struct error *err)
{
    struct der body, algorithm;

    if (!der_take(&spki, DER_SEQUENCE, &body) || spki.len != 0 ||
        !der_take(&body, DER_SEQUENCE, &algorithm) ||
        !der_take_octet_bits(&body, bits) || body.len != 0)
        return error_set(err, ERROR_INPUT, "not a SubjectPublicKeyInfo");
    return true;
}

bool
ocsp_authority_init(struct ocsp_authority *authority, int32_t issuer_id,
                    struct der name, struct der spki, struct error *err)
{
    enum ocsp_hash hash;
    struct der bits;

    memset(authority, 0, sizeof *authority);
    authority->issuer_id = issuer_id;
    if (!key_bits(spki, &bits, err))
        return false;
    for (hash = 0; hash < OCSP_HASH_COUNT; hash++)
        if (!hash_into(hash, name, authority->name_hash[hash], err) ||
            !hash_into(hash, bits, authority->key_hash[hash], err))
            return false;
    return true;
}

const struct ocsp_authority *
ocsp_authority_find(const struct ocsp_authorities *list,
                    const struct ocsp_cert_id *id)
{
    size_t len = ocsp_hash_len(id->hash), i;
    const struct ocsp_authority *a;

    if (id->hash == OCSP_HASH_OTHER)
        return NULL;
    for (i = 0; i < list->count; i++) {
        a = &list->at[i];
        if (memcmp(a->key_hash[id->hash], id->key_hash.data, len) == 0 &&
            memcmp(a->name_hash[id->hash], id->name_hash.data, len) == 0)
            return a;
    }
    return NULL;
}

/* What a client will check of the certificate, and what must match the key. */
static bool
read_certificate(struct ocsp_signer *signer, struct der certificate,
                 struct der spki, struct error *err)
{
    const unsigned char *p = certificate.data;
    unsigned char *encoded = NULL;
    X509 *x = d2i_X509(NULL, &p, (long)certificate.len);
    struct tm before, after;
    bool ok = false;
    int len;

    if (x == NULL || p != certificate.data + certificate.len) {
        error_openssl(err, ERROR_INPUT, "not exactly one certificate");
        goto out;
    }
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &encoded);
    if (len < 0 || (size_t)len != spki.len ||
        memcmp(encoded, spki.data, spki.len) != 0) {
        error_set(err, ERROR_INPUT, "certificate is for another key");
        goto out;
    }
    if ((X509_get_extension_flags(x) & EXFLAG_XKUSAGE) == 0 ||
        (X509_get_extended_key_usage(x) & XKU_OCSP_SIGN) == 0) {
        error_set(err, ERROR_INPUT, "certificate is not for OCSPSigning");
        goto out;
    }
    if (ASN1_TIME_to_tm(X509_get0_notBefore(x), &before) != 1 ||
        ASN1_TIME_to_tm(X509_get0_notAfter(x), &after) != 1) {
        error_openssl(err, ERROR_INPUT, "certificate with unreadable dates");
        goto out;
    }
    signer->not_before = timegm(&before);
    signer->not_after = timegm(&after);
    ok = true;
out:
    OPENSSL_free(encoded);
    X509_free(x);
    return ok;
}

bool
ocsp_signer_new(struct hsm *hsm, struct der key_id, struct der spki,
                const char *scheme, struct der certificate,
                struct ocsp_signer **out, struct error *err)
{
    struct ocsp_signer *signer = base_alloc(sizeof *signer);
    struct der bits;

    atomic_init(&signer->refs, 1);
    if (!key_bits(spki, &bits, err) ||
        !hash_into(OCSP_HASH_SHA1, bits, signer->key_hash, err) ||
        !read_certificate(signer, certificate, spki, err) ||
        !hsm_key_get(hsm, key_id.data, key_id.len, &signer->key, err))
        goto fail;
    if (signer->key->spki_len != spki.len ||
        memcmp(signer->key->spki, spki.data, spki.len) != 0) {
        error_set(err, ERROR_INPUT, "the token's key is another one");
        goto fail;
    }
    if (!hsm_scheme_find(scheme, &signer->scheme) ||
        !hsm_scheme_fits(signer->scheme, signer->key->type)) {
        error_set(err, ERROR_INPUT, "scheme %s is not for this key", scheme);
        goto fail;
    }
    signer->certificate = base_copy(certificate.data, certificate.len);
    signer->certificate_len = certificate.len;
    *out = signer;
    return true;
fail:
    free(signer);
    return false;
}

struct ocsp_signer *
ocsp_signer_ref(struct ocsp_signer *signer)
{
    atomic_fetch_add_explicit(&signer->refs, 1, memory_order_relaxed);
    return signer;
}

void
ocsp_signer_unref(struct ocsp_signer *signer)
{
    if (signer == NULL || atomic_fetch_sub(&signer->refs, 1) != 1)
        return;
    free(signer->certificate);
    free(signer);
}

struct ocsp_authorities *
ocsp_authorities_new(size_t count)
{
    struct ocsp_authorities *list =
        base_alloc(sizeof *list + count * sizeof list->at[0]);

    list->count = count;
    return list;
}

void
ocsp_authorities_free(struct ocsp_authorities *list)
{
    size_t i;

    if (list == NULL)
        return;
    for (i = 0; i < list->count; i++)
        ocsp_signer_unref(list->at[i].signer);
    free(list);
}
