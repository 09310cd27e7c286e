/* What a device holds for its holder; see ra/client/holding.h. */
#include "ra/client/holding.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/hash.h"
#include "base/json.h"

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

static bool
install_one(struct hsm_device *device, const char *number, const json_t *one,
            struct error *err)
{
    struct buf der = BUF_INIT(SERVICE_CERTIFICATE_MAX);
    struct hsm_device_key key;
    const unsigned char *p;
    uint8_t id[SERVICE_ID_LEN];
    X509 *cert = NULL;
    bool found = false;
    bool ok = json_get_bytes(one, "certificate", SERVICE_CERTIFICATE_MAX, &der,
                             err) &&
              service_key_id(number, id, err) &&
              hsm_device_pair_find(device, id, sizeof id, &found, &key, err);

    p = der.data;
    if (ok && (cert = d2i_X509(NULL, &p, (long)der.len)) == NULL)
        ok = error_openssl(err, ERROR_INPUT, "the certificate");
    if (ok && (!found || holding_key_of(&key, 1, cert) == NULL))
        ok = error_set(err, ERROR_CONFLICT,
                       "the certificate of case %s is for another key than "
                       "the one on this device",
                       number);
    ok = ok && install_issuer(device, one, err) &&
         hsm_device_add_certificate(device, der.data, der.len, number, id,
                                    sizeof id, err);
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
