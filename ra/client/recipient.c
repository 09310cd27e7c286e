/* RecipientInfos of a CMS file; see ra/client/recipient.h. */
#include "ra/client/recipient.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/x509v3.h>

enum { INFO_MAX = 512, KEK_MAX = 32 };

/* Content octets of OIDs. */
static const uint8_t oid_rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                  0x0d, 0x01, 0x01, 0x01};
static const uint8_t oid_oaep[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                   0x0d, 0x01, 0x01, 0x07};

/* dhSinglePass-stdDH-*kdf-scheme: RFC 5753, 7.1.4; RFC 5480 arcs. */
static const struct scheme {
    uint8_t oid[10];
    size_t len;
    const char *digest;
} schemes[] = {
    {{0x2b, 0x81, 0x05, 0x10, 0x86, 0x48, 0x3f, 0x00, 0x02}, 9, "SHA1"},
    {{0x2b, 0x81, 0x04, 0x01, 0x0b, 0x01}, 6, "SHA256"},
    {{0x2b, 0x81, 0x04, 0x01, 0x0b, 0x02}, 6, "SHA384"},
    {{0x2b, 0x81, 0x04, 0x01, 0x0b, 0x03}, 6, "SHA512"},
};

/* id-aes*-wrap: RFC 3565. */
static const struct wrap {
    uint8_t oid[9];
    const char *cipher;
    size_t key_len;
} wraps[] = {
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x05},
     "AES-128-WRAP",
     16},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x19},
     "AES-192-WRAP",
     24},
    {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d},
     "AES-256-WRAP",
     32},
};

static bool
is_oid(struct der oid, const uint8_t *other, size_t len)
{
    return oid.len == len && memcmp(oid.data, other, len) == 0;
}

/* ---- Reading
 * ------------------------------------------------------------------ */

/* IssuerAndSerialNumber's content. */
static bool
read_issuer_serial(struct der in, struct recipient *out)
{
    struct der_item issuer, serial;

    if (!der_next(&in, &issuer) || issuer.tag != DER_SEQUENCE ||
        !der_next(&in, &serial) || serial.tag != DER_INTEGER || in.len != 0)
        return false;
    out->issuer = issuer.whole;
    out->serial = serial.value;
    return true;
}

/* KeyTransRecipientInfo: RFC 5652, 6.2.1. */
static bool
read_transport(struct der in, struct recipient *out)
{
    struct der algorithm, oid, value;
    struct der_item rid;
    int64_t version;

    if (!der_take_small(&in, 2, &version) || !der_next(&in, &rid))
        return false;
    if (rid.tag == DER_SEQUENCE) {
        if (!read_issuer_serial(rid.value, out))
            return false;
    } else if (rid.tag == DER_CONTEXT(0))
        out->key_id = rid.value;
    else
        return false;
    if (!der_take(&in, DER_SEQUENCE, &algorithm) ||
        !der_take_oid(&algorithm, &oid) ||
        !der_take(&in, DER_OCTET_STRING, &value) || in.len != 0)
        return false;
    out->encrypted_key = value;
    out->is_oaep = is_oid(oid, oid_oaep, sizeof oid_oaep);
    /* Other hashes than SHA-1 stand in the parameters, and no device that we
     * know takes them. */
    return out->is_oaep ? algorithm.len == 0 ||
                              is_oid(algorithm, (const uint8_t *)"\x30\x00", 2)
                        : is_oid(oid, oid_rsa, sizeof oid_rsa);
}

/* OriginatorPublicKey: AlgorithmIdentifier, BIT STRING. */
static bool
read_originator(struct der in, struct recipient *out)
{
    struct der key, algorithm;

    return der_take(&in, DER_CONTEXT_CONSTRUCTED(1), &key) && in.len == 0 &&
           der_take(&key, DER_SEQUENCE, &algorithm) &&
           der_take_octet_bits(&key, &out->point) && key.len == 0;
}

static bool
read_agreement_algorithm(struct der in, struct recipient *out)
{
    struct der_item wrap;
    struct der oid;

    if (!der_take_oid(&in, &oid) || !der_next(&in, &wrap) ||
        wrap.tag != DER_SEQUENCE || in.len != 0)
        return false;
    out->wrap_algorithm = wrap.whole;
    out->kdf_digest = NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (is_oid(oid, schemes[i].oid, schemes[i].len))
            out->kdf_digest = schemes[i].digest;
    return true;
}

/* One RecipientEncryptedKey. */
static bool
read_encrypted_key(struct der in, struct recipient *out)
{
    struct der id;
    struct der_item rid;

    if (!der_next(&in, &rid) ||
        !der_take(&in, DER_OCTET_STRING, &out->encrypted_key) || in.len != 0)
        return false;
    if (rid.tag == DER_SEQUENCE)
        return read_issuer_serial(rid.value, out);
    id = rid.value; /* RecipientKeyIdentifier */
    return rid.tag == DER_CONTEXT_CONSTRUCTED(0) &&
           der_take(&id, DER_OCTET_STRING, &out->key_id);
}

/* KeyAgreeRecipientInfo: RFC 5652, 6.2.2; one recipient for each key in it. */
static bool
read_agreement(struct der in, struct recipient *out, size_t max, size_t *count)
{
    struct recipient shared = {.is_agreement = true};
    struct der originator, ukm, algorithm, keys, one;
    int64_t version;

    if (!der_take_small(&in, 3, &version) ||
        !der_take(&in, DER_CONTEXT_CONSTRUCTED(0), &originator) ||
        !der_take_optional(&in, DER_CONTEXT_CONSTRUCTED(1), &ukm) ||
        !der_take(&in, DER_SEQUENCE, &algorithm) ||
        !der_take(&in, DER_SEQUENCE, &keys) || in.len != 0 ||
        !read_agreement_algorithm(algorithm, &shared) ||
        (ukm.data != NULL && !der_take(&ukm, DER_OCTET_STRING, &shared.ukm)))
        return false;
    /* An originator known by certificate only: static keys, which nobody uses
     * for files. */
    if (!read_originator(originator, &shared) || shared.kdf_digest == NULL)
        return true;
    while (keys.len > 0 && *count < max) {
        out[*count] = shared;
        if (!der_take(&keys, DER_SEQUENCE, &one) ||
            !read_encrypted_key(one, &out[*count]))
            return false;
        (*count)++;
    }
    return keys.len == 0;
}

bool
recipients_parse(const uint8_t *set, size_t len,
                 struct recipient out[RECIPIENTS_MAX], size_t *count,
                 struct error *err)
{
    struct der in = {set, len};
    struct der infos;
    struct der_item info;

    *count = 0;
    if (!der_take(&in, DER_SET, &infos) || in.len != 0)
        return error_set(err, ERROR_INPUT, "the recipients are not in DER");
    while (infos.len > 0) {
        bool ok = der_next(&infos, &info);

        if (ok && *count == RECIPIENTS_MAX)
            return error_set(err, ERROR_INPUT, "more than %d recipients",
                             RECIPIENTS_MAX);
        if (ok && info.tag == DER_SEQUENCE) {
            memset(&out[*count], 0, sizeof out[*count]);
            /* One that is encrypted in a way we cannot is not for us. */
            *count += read_transport(info.value, &out[*count]) ? 1 : 0;
        } else if (ok && info.tag == DER_CONTEXT_CONSTRUCTED(1))
            ok = read_agreement(info.value, out, RECIPIENTS_MAX, count);
        if (!ok)
            return error_set(err, ERROR_INPUT, "a recipient is malformed");
    }
    return true;
}

bool
recipient_is_for(const struct recipient *recipient, const uint8_t *der,
                 size_t len)
{
    const unsigned char *p = der;
    X509 *cert = d2i_X509(NULL, &p, (long)len);
    unsigned char *issuer = NULL;
    const ASN1_INTEGER *serial;
    const ASN1_OCTET_STRING *key_id;
    bool is = false;
    int issuer_len;

    if (cert == NULL)
        return false;
    if (recipient->key_id.data != NULL) {
        key_id = X509_get0_subject_key_id(cert);
        is = key_id != NULL &&
             (size_t)ASN1_STRING_length(key_id) == recipient->key_id.len &&
             memcmp(ASN1_STRING_get0_data(key_id), recipient->key_id.data,
                    recipient->key_id.len) == 0;
    } else {
        unsigned char *number = NULL;
        int number_len;

        serial = X509_get0_serialNumber(cert);
        issuer_len = i2d_X509_NAME(X509_get_issuer_name(cert), &issuer);
        number_len = i2d_ASN1_INTEGER(serial, &number);
        is = issuer_len > 0 && number_len > 2 &&
             (size_t)issuer_len == recipient->issuer.len &&
             memcmp(issuer, recipient->issuer.data, (size_t)issuer_len) == 0 &&
             (size_t)number_len - 2 == recipient->serial.len &&
             memcmp(number + 2, recipient->serial.data,
                    recipient->serial.len) == 0;
        OPENSSL_free(number);
        OPENSSL_free(issuer);
    }
    X509_free(cert);
    return is;
}

/* ---- Opening
 * --------------------------------------------------------------------- */

/* ECC-CMS-SharedInfo: RFC 5753, 7.2. */
static bool
shared_info(const struct recipient *r, size_t kek_len, struct buf *out)
{
    uint8_t bits[4] = {0, 0, (uint8_t)(kek_len * 8 >> 8),
                       (uint8_t)(kek_len * 8)};
    size_t mark = der_begin(out, DER_SEQUENCE);
    size_t inner;

    (void)buf_add(out, r->wrap_algorithm.data, r->wrap_algorithm.len);
    if (r->ukm.data != NULL) {
        inner = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
        der_add(out, DER_OCTET_STRING, r->ukm.data, r->ukm.len);
        der_end(out, inner);
    }
    inner = der_begin(out, DER_CONTEXT_CONSTRUCTED(2));
    der_add(out, DER_OCTET_STRING, bits, sizeof bits);
    der_end(out, inner);
    der_end(out, mark);
    return !buf_is_full(out);
}

/* ANSI X9.63 key derivation: SEC 1, 3.6.1. */
static bool
derive_kek(const struct recipient *r, const uint8_t *secret, size_t secret_len,
           uint8_t *kek, size_t kek_len, struct error *err)
{
    struct buf info = BUF_INIT(INFO_MAX);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_X963KDF, NULL);
    EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[4];
    bool ok = ctx != NULL && shared_info(r, kek_len, &info);

    if (ok) {
        params[0] = OSSL_PARAM_construct_utf8_string(
            OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)r->kdf_digest, 0);
        params[1] = OSSL_PARAM_construct_octet_string(
            OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, secret_len);
        params[2] = OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO,
                                                      info.data, info.len);
        params[3] = OSSL_PARAM_construct_end();
        ok = EVP_KDF_derive(ctx, kek, kek_len, params) == 1;
    }
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    buf_clear(&info);
    return ok || error_openssl(err, ERROR_INTERNAL, "key derivation");
}

/* AES key wrap: RFC 3394. */
static bool
unwrap(const char *name, const uint8_t *kek, struct der wrapped, uint8_t *out,
       size_t *len, struct error *err)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int got = 0, rest = 0;
    bool ok = false;

    if (cipher == NULL || ctx == NULL) {
        error_openssl(err, ERROR_INTERNAL, "%s", name);
        goto out;
    }
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (wrapped.len < 16 || wrapped.len > CONTENT_KEY_MAX + 8 ||
        EVP_DecryptInit_ex2(ctx, cipher, kek, NULL, NULL) != 1 ||
        EVP_DecryptUpdate(ctx, out, &got, wrapped.data, (int)wrapped.len) !=
            1 ||
        EVP_DecryptFinal_ex(ctx, out + got, &rest) != 1) {
        error_openssl(err, ERROR_INPUT, "the content key does not open");
        goto out;
    }
    *len = (size_t)(got + rest);
    ok = true;
out:
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return ok;
}

static const struct wrap *
wrap_of(struct der algorithm)
{
    struct der in, oid;

    if (!der_take(&algorithm, DER_SEQUENCE, &in) || !der_take_oid(&in, &oid))
        return NULL;
    for (size_t i = 0; i < sizeof wraps / sizeof *wraps; i++)
        if (is_oid(oid, wraps[i].oid, sizeof wraps[i].oid))
            return &wraps[i];
    return NULL;
}

static bool
open_agreement(const struct recipient *r, struct hsm_device *device,
               const struct hsm_device_key *key, uint8_t *out, size_t *len,
               struct error *err)
{
    const struct wrap *wrap = wrap_of(r->wrap_algorithm);
    uint8_t secret[HSM_DECRYPTED_MAX], kek[KEK_MAX];
    size_t secret_len = 0;
    bool ok;

    if (wrap == NULL)
        return error_set(err, ERROR_INPUT,
                         "the content key is wrapped in a way not known here");
    ok = hsm_device_derive(device, key, r->point.data, r->point.len, secret,
                           &secret_len, err) &&
         derive_kek(r, secret, secret_len, kek, wrap->key_len, err) &&
         unwrap(wrap->cipher, kek, r->encrypted_key, out, len, err);
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(kek, sizeof kek);
    return ok;
}

bool
recipient_open(const struct recipient *recipient, struct hsm_device *device,
               const struct hsm_device_key *key, uint8_t *out, size_t *len,
               struct error *err)
{
    uint8_t opened[HSM_DECRYPTED_MAX];
    size_t opened_len = 0;
    bool ok;

    if (recipient->is_agreement)
        return open_agreement(recipient, device, key, out, len, err);
    ok = hsm_device_decrypt(
        device, key, recipient->is_oaep, recipient->encrypted_key.data,
        recipient->encrypted_key.len, opened, &opened_len, err);
    if (ok && opened_len > CONTENT_KEY_MAX)
        ok = error_set(err, ERROR_INPUT, "the content key is too long");
    if (ok) {
        memcpy(out, opened, opened_len);
        *len = opened_len;
    }
    OPENSSL_cleanse(opened, sizeof opened);
    return ok;
}
