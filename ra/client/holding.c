/* What a device holds for its holder; see ra/client/holding.h. */
#include "ra/client/holding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/hash.h"
#include "base/json.h"
#include "hsm/escrow.h"

bool
holding_pair(struct hsm_device *device, enum hsm_key_type type,
             const char *number, struct hsm_device_key *out, struct error *err)
{
    uint8_t id[SERVICE_ID_LEN];
    bool found = false;

    if (!service_key_id(number, id, err) ||
        !hsm_device_pair_find(device, id, sizeof id, &found, out, err))
        return false;
    return found ||
           hsm_device_generate(device, type, number, id, sizeof id, out, err);
}

/* ---- Notes
 * ---------------------------------------------------------------- */

bool
holding_note_find(struct hsm_device *device, const char *label, json_t **out,
                  struct error *err)
{
    struct buf text = BUF_INIT(HSM_DEVICE_DATA_MAX);
    struct error unused = {0};
    bool found = false;
    bool ok = hsm_device_data_find(device, label, &found, &text, err);

    *out = NULL;
    if (ok && found && !json_parse_object(text.data, text.len, out, &unused))
        *out = NULL;
    buf_clear(&text);
    return ok;
}

bool
holding_note_put(struct hsm_device *device, const char *label,
                 const json_t *note, struct error *err)
{
    struct buf text = BUF_INIT(HSM_DEVICE_DATA_MAX);
    bool ok = json_canonical(note, &text, err) &&
              hsm_device_data_put(device, label, text.data, text.len, err);

    buf_clear(&text);
    return ok;
}

/* ---- Certificates
 * --------------------------------------------------------- */

const struct hsm_device_key *
holding_key_of(const struct hsm_device_key *keys, size_t count, X509 *cert)
{
    unsigned char *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
    const struct hsm_device_key *found = NULL;

    for (size_t i = 0; len > 0 && i < count; i++)
        if (keys[i].spki_len == (size_t)len &&
            memcmp(keys[i].spki, spki, (size_t)len) == 0)
            found = &keys[i];
    OPENSSL_free(spki);
    return found;
}

bool
holding_encrypts(X509 *cert)
{
    return (X509_get_key_usage(cert) & (KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT |
                                        KU_DATA_ENCIPHERMENT)) != 0;
}

/* The issuer's certificate goes in as well: a program that signs with the
 * device finds the chain. Its CKA_ID is its key identifier. */
static bool
install_issuer(struct hsm_device *device, const json_t *one, struct error *err)
{
    struct buf der = BUF_INIT(SERVICE_CERTIFICATE_MAX);
    const unsigned char *p;
    const ASN1_OCTET_STRING *ski;
    X509 *cert = NULL;
    bool ok = json_get_bytes(one, "issuer_certificate", SERVICE_CERTIFICATE_MAX,
                             &der, err);

    p = der.data;
    if (ok && (cert = d2i_X509(NULL, &p, (long)der.len)) == NULL)
        ok = error_openssl(err, ERROR_INPUT, "the issuer's certificate");
    if (ok && (ski = X509_get0_subject_key_id(cert)) != NULL &&
        ASN1_STRING_length(ski) > 0 && ASN1_STRING_length(ski) <= HSM_ID_MAX)
        ok = hsm_device_add_certificate(device, der.data, der.len, "issuer",
                                        ASN1_STRING_get0_data(ski),
                                        (size_t)ASN1_STRING_length(ski), err);
    X509_free(cert);
    buf_clear(&der);
    return ok;
}

/* One of ours, and the one above it, beside the key of this id. */
static bool
install_beside(struct hsm_device *device, const json_t *one,
               const struct buf *der, const char *label, const uint8_t *id,
               size_t id_len, struct error *err)
{
    return install_issuer(device, one, err) &&
           hsm_device_add_certificate(device, der->data, der->len, label, id,
                                      id_len, err);
}

/* Reads the member of `one` that is a certificate; the caller frees both. */
static bool
certificate_read(const json_t *one, const char *name, struct buf *der,
                 X509 **cert, struct error *err)
{
    const unsigned char *p;

    if (!json_get_bytes(one, name, SERVICE_CERTIFICATE_MAX, der, err))
        return false;
    p = der->data;
    *cert = d2i_X509(NULL, &p, (long)der->len);
    return (*cert != NULL && p == der->data + der->len) ||
           error_openssl(err, ERROR_INPUT, "the certificate");
}

static bool
install_one(struct hsm_device *device, const char *number, const json_t *one,
            struct error *err)
{
    struct buf der = BUF_INIT(SERVICE_CERTIFICATE_MAX);
    struct hsm_device_key key;
    uint8_t id[SERVICE_ID_LEN];
    X509 *cert = NULL;
    bool found = false;
    bool ok = certificate_read(one, "certificate", &der, &cert, err) &&
              service_key_id(number, id, err) &&
              hsm_device_pair_find(device, id, sizeof id, &found, &key, err);

    if (ok && (!found || holding_key_of(&key, 1, cert) == NULL))
        ok = error_set(err, ERROR_CONFLICT,
                       "the certificate of case %s is for another key than "
                       "the one on this device",
                       number);
    ok = ok && install_beside(device, one, &der, number, id, sizeof id, err);
    X509_free(cert);
    buf_clear(&der);
    return ok;
}

bool
holding_install(struct hsm_device *device, const char *number,
                const json_t *answer, size_t *count, struct error *err)
{
    json_t *list;
    json_t *one;
    size_t i;

    *count = 0;
    if (!json_get_array(answer, "certificates", &list, err))
        return false;
    json_array_foreach(list, i, one)
    {
        int64_t pair = 0;

        if (!json_get_int(one, "pair", 1, 2, &pair, err))
            return false;
        if (pair != 1)
            continue;
        if (!install_one(device, number, one, err))
            return false;
        (*count)++;
    }
    return *count > 0 ||
           error_set(err, ERROR_INTERNAL, "the answer holds no certificate");
}

/* ---- The other half of a pair
 * ---------------------------------------------- */

/* The certificate of pair 2; NULL: none. */
static const json_t *
encryption_of(const json_t *answer)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(answer, "certificates"), i, one)
    {
        if (json_integer_value(json_object_get(one, "pair")) == 2)
            return one;
    }
    return NULL;
}

bool
holding_has_encryption(const json_t *answer)
{
    return encryption_of(answer) != NULL;
}

/* *id is where the key of this certificate is, on every device. */
static bool
imported_id(X509 *cert, uint8_t id[HSM_DEVICE_IMPORTED_ID_LEN],
            struct error *err)
{
    unsigned char *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
    bool ok = len > 0 ? hsm_device_imported_id(spki, (size_t)len, id, err)
                      : error_openssl(err, ERROR_INPUT, "key of a certificate");

    OPENSSL_free(spki);
    return ok;
}

bool
holding_install_encryption(struct hsm_device *device, const char *number,
                           const json_t *answer, struct error *err)
{
    const json_t *one = encryption_of(answer);
    struct buf der = BUF_INIT(SERVICE_CERTIFICATE_MAX);
    uint8_t id[HSM_DEVICE_IMPORTED_ID_LEN];
    char label[HSM_LABEL_MAX + 1];
    X509 *cert = NULL;
    bool is_there = false;
    bool ok;

    if (one == NULL)
        return true;
    ok = certificate_read(one, "certificate", &der, &cert, err) &&
         imported_id(cert, id, err) &&
         hsm_device_is_public_there(device, id, sizeof id, &is_there, err);
    if (ok && !is_there)
        ok = error_set(err, ERROR_NOT_FOUND,
                       "the encryption key of case %s is not on this device",
                       number);
    (void)snprintf(label, sizeof label, HOLDING_ENCRYPTION "%s", number);
    ok = ok && install_beside(device, one, &der, label, id, sizeof id, err);
    X509_free(cert);
    buf_clear(&der);
    return ok;
}

static bool
install_earlier(struct hsm_device *device, const json_t *one,
                const struct hsm_device_key *key, const char *label,
                struct error *err)
{
    struct buf der = BUF_INIT(SERVICE_CERTIFICATE_MAX);
    X509 *cert = NULL;
    bool ok = certificate_read(one, "der", &der, &cert, err);

    if (ok && holding_key_of(key, 1, cert) == NULL)
        ok = error_set(err, ERROR_INPUT,
                       "an earlier certificate is for another key than the one "
                       "it came with");
    ok = ok && hsm_device_add_certificate(device, der.data, der.len, label,
                                          key->id, key->id_len, err);
    X509_free(cert);
    buf_clear(&der);
    return ok;
}

bool
holding_take_key(struct hsm_device *device, const char *label,
                 const json_t *one, struct error *err)
{
    struct buf spki = BUF_INIT(HSM_SPKI_MAX);
    struct buf wrapped = BUF_INIT(HSM_ESCROW_WRAPPED_MAX);
    struct buf content_key = BUF_INIT(HSM_ESCROW_CONTENT_KEY_MAX);
    struct hsm_device_key key;
    const json_t *certificate;
    size_t i;
    bool ok =
        json_get_bytes(one, "spki", HSM_SPKI_MAX, &spki, err) &&
        json_get_bytes(one, "wrapped", HSM_ESCROW_WRAPPED_MAX, &wrapped, err) &&
        json_get_bytes(one, "content_key", HSM_ESCROW_CONTENT_KEY_MAX,
                       &content_key, err);

    if (ok) {
        const struct hsm_device_delivery delivery = {
            content_key.data, content_key.len, wrapped.data,
            wrapped.len,      spki.data,       spki.len};

        ok = hsm_device_import(device, &delivery, label, &key, err);
    }
    json_array_foreach(json_object_get(one, "certificates"), i, certificate)
    {
        ok = ok && install_earlier(device, certificate, &key, label, err);
    }
    buf_clear(&spki);
    buf_clear(&wrapped);
    buf_clear(&content_key);
    return ok;
}

/* ---- Which is the present one
 * --------------------------------------------- */

struct search {
    struct hsm_device_key key[HSM_DEVICE_KEYS_MAX];
    size_t key_count;
    const struct holding_wanted *wanted;
    const struct hsm_device_key *found;
    X509 *best;
};

static bool
has_serial(X509 *cert, const char *hex)
{
    BIGNUM *is = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    BIGNUM *wanted = NULL;
    bool same = is != NULL && BN_hex2bn(&wanted, hex) == (int)strlen(hex) &&
                BN_cmp(is, wanted) == 0;

    BN_free(is);
    BN_free(wanted);
    return same;
}

static bool
is_wanted(struct search *search, X509 *cert, const uint8_t *der, size_t len)
{
    const struct holding_wanted *wanted = search->wanted;
    uint8_t hash[HASH_LEN];
    struct error unused = {0};

    if (wanted->sha256 != NULL)
        return hash_sha256(der, len, hash, &unused) &&
               memcmp(hash, wanted->sha256, sizeof hash) == 0;
    if (wanted->serial != NULL)
        return has_serial(cert, wanted->serial);
    return (X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE) != 0 &&
           X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
           X509_cmp_current_time(X509_get0_notAfter(cert)) > 0 &&
           (search->best == NULL ||
            ASN1_TIME_compare(X509_get0_notBefore(cert),
                              X509_get0_notBefore(search->best)) > 0);
}

static bool
search_each(const uint8_t *der, size_t len, void *arg, struct error *err)
{
    struct search *search = arg;
    const unsigned char *p = der;
    X509 *cert = d2i_X509(NULL, &p, (long)len);
    const struct hsm_device_key *key = NULL;

    (void)err;
    ERR_clear_error(); /* what is no certificate is not looked for */
    if (cert != NULL)
        key = holding_key_of(search->key, search->key_count, cert);
    if (key != NULL && is_wanted(search, cert, der, len)) {
        X509_free(search->best);
        search->best = cert;
        search->found = key;
        return true;
    }
    X509_free(cert);
    return true;
}

bool
holding_present(struct hsm_device *device, const struct holding_wanted *wanted,
                struct hsm_device_key *out, struct error *err)
{
    struct search *search = base_alloc(sizeof *search);
    bool ok;

    search->wanted = wanted;
    ok = hsm_device_keys(device, search->key, &search->key_count, err) &&
         hsm_device_certificates(device, search_each, search, err);
    if (ok && search->found == NULL)
        ok = error_set(err, ERROR_NOT_FOUND,
                       "this device holds no certificate that the case is "
                       "about, with its key");
    if (ok)
        *out = *search->found;
    X509_free(search->best);
    free(search);
    return ok;
}
