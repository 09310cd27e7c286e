/* PKCS #10 walked as DER; see ca-core/csr.h. */
#include "ca-core/csr.h"

#include <string.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "hsm/scheme.h"

/* What the signature is over, and the signature. */
struct parts {
    struct der info;      /* CertificationRequestInfo, whole */
    struct der algorithm; /* AlgorithmIdentifier, whole */
    struct der signature;
};

static bool
take_outer(struct der in, struct parts *out)
{
    struct der body;
    struct der_item item;

    if (!der_take(&in, DER_SEQUENCE, &body) || in.len != 0)
        return false;
    if (!der_next(&body, &item) || item.tag != DER_SEQUENCE)
        return false;
    out->info = item.whole;
    if (!der_next(&body, &item) || item.tag != DER_SEQUENCE)
        return false;
    out->algorithm = item.whole;
    return der_take_octet_bits(&body, &out->signature) && body.len == 0;
}

/* The form of a Name, whatever it says. */
static bool
take_name(struct der *in)
{
    struct der rdns, set, pair, oid;
    struct der_item value;

    if (!der_take(in, DER_SEQUENCE, &rdns))
        return false;
    while (rdns.len > 0) {
        if (!der_take(&rdns, DER_SET, &set) || set.len == 0)
            return false;
        while (set.len > 0)
            if (!der_take(&set, DER_SEQUENCE, &pair) ||
                !der_take_oid(&pair, &oid) || !der_next(&pair, &value) ||
                pair.len != 0)
                return false;
    }
    return true;
}

/* [0] IMPLICIT SET OF Attribute. RFC 2986 has it always there, empty or not;
 * some makers leave an empty one out, and nothing in it is used. */
static bool
take_attributes(struct der *in)
{
    struct der attributes, attribute, oid, values;

    if (!der_take_optional(in, DER_CONTEXT_CONSTRUCTED(0), &attributes))
        return false;
    while (attributes.len > 0)
        if (!der_take(&attributes, DER_SEQUENCE, &attribute) ||
            !der_take_oid(&attribute, &oid) ||
            !der_take(&attribute, DER_SET, &values) || values.len == 0 ||
            attribute.len != 0)
            return false;
    return true;
}

static bool
take_info(struct der info, struct der *spki)
{
    struct der body;
    struct der_item item;
    int64_t version;

    if (!der_take(&info, DER_SEQUENCE, &body) ||
        !der_take_small(&body, 0, &version) || /* v1(0): RFC 2986, 4.1 */
        !take_name(&body) || !der_next(&body, &item) ||
        item.tag != DER_SEQUENCE)
        return false;
    *spki = item.whole;
    return take_attributes(&body) && body.len == 0;
}

bool
csr_parse(const uint8_t *der, size_t len, struct csr *out, struct error *err)
{
    struct parts parts;
    enum hsm_scheme scheme;

    memset(out, 0, sizeof *out);
    if (len > CSR_MAX_LEN)
        return error_set(err, ERROR_INPUT, "request too long: %zu octets", len);
    if (!take_outer((struct der){der, len}, &parts) ||
        !take_info(parts.info, &out->spki))
        return error_set(err, ERROR_INPUT,
                         "not exactly one PKCS #10 request in DER");
    if (!public_key_parse(out->spki, &out->key, err))
        return error_wrap(err, "request");
    if (!hsm_scheme_parse(parts.algorithm.data, parts.algorithm.len, &scheme) ||
        !hsm_scheme_is_of(scheme, out->key.type)) {
        error_set(err, ERROR_INPUT,
                  "request signed with an algorithm that is unsupported or not "
                  "its key's");
        goto fail;
    }
    /* RFC 2986, section 3: the signature proves possession of the key. */
    if (!hsm_scheme_verify(scheme, out->key.key, parts.info.data,
                           parts.info.len, parts.signature.data,
                           parts.signature.len, err)) {
        error_set(err, ERROR_INPUT, "request not signed by its own key");
        goto fail;
    }
    return true;
fail:
    csr_clear(out);
    return false;
}

static EVP_PKEY *
make_key(enum hsm_key_type type)
{
    switch (type) {
    case HSM_KEY_RSA_2048:
        return EVP_RSA_gen(2048);
    case HSM_KEY_RSA_3072:
        return EVP_RSA_gen(3072);
    case HSM_KEY_RSA_4096:
        return EVP_RSA_gen(4096);
    case HSM_KEY_EC_P384:
        return EVP_EC_gen("P-384");
    case HSM_KEY_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    default:
        return EVP_EC_gen("P-256");
    }
}

bool
csr_make_up(enum hsm_key_type type, struct buf *out, struct error *err)
{
    EVP_PKEY *key = make_key(type);
    X509_REQ *request = X509_REQ_new();
    unsigned char *der = NULL;
    int len = -1;
    bool ok;

    if (key != NULL && request != NULL &&
        X509_REQ_set_pubkey(request, key) == 1 &&
        X509_REQ_sign(request, key,
                      hsm_scheme_digest(hsm_scheme_default(type))) > 0)
        len = i2d_X509_REQ(request, &der);
    ok = len > 0 && buf_add(out, der, (size_t)len);
    if (!ok)
        error_openssl(err, ERROR_INTERNAL, "make a request up");
    OPENSSL_free(der);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return ok;
}

void
csr_clear(struct csr *csr)
{
    public_key_clear(&csr->key);
    memset(csr, 0, sizeof *csr);
}
