/* Subject public keys; see ca-core/public_key.h. */
#include "ca-core/public_key.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "base/hash.h"

enum { RSA_EXPONENT_MAX = 32 }; /* octets: below 2^256, CABF BR 6.1.6 */

static const uint8_t oid_rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                  0x0d, 0x01, 0x01, 0x01};
static const uint8_t oid_ec[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
static const uint8_t oid_p256[] = {0x2a, 0x86, 0x48, 0xce,
                                   0x3d, 0x03, 0x01, 0x07};
static const uint8_t oid_p384[] = {0x2b, 0x81, 0x04, 0x00, 0x22};
static const uint8_t oid_ed25519[] = {0x2b, 0x65, 0x70};

static bool
is_oid(struct der oid, const uint8_t *content, size_t len)
{
    return oid.len == len && memcmp(oid.data, content, len) == 0;
}

/* The three parts of a SubjectPublicKeyInfo; `parameters` has tag 0 when there
 * are none. */
static bool
take_parts(struct der spki, struct der *oid, struct der_item *parameters,
           struct der *key)
{
    struct der body, algorithm;

    memset(parameters, 0, sizeof *parameters);
    if (!der_take(&spki, DER_SEQUENCE, &body) || spki.len != 0 ||
        !der_take(&body, DER_SEQUENCE, &algorithm) ||
        !der_take_octet_bits(&body, key) || body.len != 0 ||
        !der_take_oid(&algorithm, oid))
        return false;
    return algorithm.len == 0 ||
           (der_next(&algorithm, parameters) && algorithm.len == 0);
}

static bool
key_from_data(const char *algorithm, OSSL_PARAM *params, EVP_PKEY **out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, algorithm, NULL);
    bool ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
              EVP_PKEY_fromdata(ctx, out, EVP_PKEY_PUBLIC_KEY, params) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool
rsa_type(struct der modulus, enum hsm_key_type *out)
{
    if (modulus.len == 0 || modulus.data[0] < 0x80)
        return false; /* the top bit makes the size */
    switch (modulus.len) {
    case 256:
        *out = HSM_KEY_RSA_2048;
        return true;
    case 384:
        *out = HSM_KEY_RSA_3072;
        return true;
    case 512:
        *out = HSM_KEY_RSA_4096;
        return true;
    default:
        return false;
    }
}

static bool
rsa_make(struct public_key *key)
{
    BIGNUM *n = BN_bin2bn(key->rsa_n.data, (int)key->rsa_n.len, NULL);
    BIGNUM *e = BN_bin2bn(key->rsa_e.data, (int)key->rsa_e.len, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    bool ok = n != NULL && e != NULL && build != NULL &&
              OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
              OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1 &&
              (params = OSSL_PARAM_BLD_to_param(build)) != NULL &&
              key_from_data("RSA", params, &key->key);

    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(e);
    BN_free(n);
    return ok;
}

static bool
rsa_parse(struct der bits, const struct der_item *parameters,
          struct public_key *out, struct error *err)
{
    struct der body;

    /* RFC 3279, 2.3.1: the parameters MUST be NULL. */
    if (parameters->tag != DER_NULL || parameters->value.len != 0)
        return error_set(err, ERROR_INPUT, "RSA key: parameters are not NULL");
    if (!der_take(&bits, DER_SEQUENCE, &body) || bits.len != 0 ||
        !der_take_unsigned(&body, &out->rsa_n) ||
        !der_take_unsigned(&body, &out->rsa_e) || body.len != 0)
        return error_set(err, ERROR_INPUT, "not an RSA public key in DER");
    if (!rsa_type(out->rsa_n, &out->type))
        return error_set(err, ERROR_INPUT,
                         "RSA key of an unsupported size (2048, 3072 and 4096 "
                         "bits are supported)");
    if (out->rsa_e.len > RSA_EXPONENT_MAX)
        return error_set(err, ERROR_INPUT,
                         "RSA key: exponent of 2^256 or more");
    if (!rsa_make(out))
        return error_openssl(err, ERROR_INPUT, "not a usable RSA key");
    return true;
}

static bool
ec_parse(struct der bits, const struct der_item *parameters,
         struct public_key *out, struct error *err)
{
    OSSL_PARAM params[3];
    const char *group;
    size_t field;

    if (parameters->tag == DER_OID &&
        is_oid(parameters->value, oid_p256, sizeof oid_p256)) {
        out->type = HSM_KEY_EC_P256;
        group = "P-256";
        field = 32;
    } else if (parameters->tag == DER_OID &&
               is_oid(parameters->value, oid_p384, sizeof oid_p384)) {
        out->type = HSM_KEY_EC_P384;
        group = "P-384";
        field = 48;
    } else {
        return error_set(err, ERROR_INPUT,
                         "EC key on an unsupported curve (P-256 and P-384 are "
                         "supported)");
    }
    /* RFC 5480, 2.2: uncompressed MUST be supported; one form, so that one key
     * has one SPKI. */
    if (bits.len != 1 + 2 * field || bits.data[0] != 0x04)
        return error_set(err, ERROR_INPUT,
                         "EC key: not an uncompressed point of its curve");
    out->point = bits;
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 (char *)(uintptr_t)group, 0);
    params[1] = OSSL_PARAM_construct_octet_string(
        OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)bits.data, bits.len);
    params[2] = OSSL_PARAM_construct_end();
    if (!key_from_data("EC", params, &out->key))
        return error_openssl(err, ERROR_INPUT,
                             "EC key: the point is not on its curve");
    return true;
}

static bool
ed25519_parse(struct der bits, const struct der_item *parameters,
              struct public_key *out, struct error *err)
{
    OSSL_PARAM params[2];

    if (parameters->tag != 0) /* RFC 8410, 3: MUST be absent */
        return error_set(err, ERROR_INPUT, "Ed25519 key with parameters");
    if (bits.len != 32)
        return error_set(err, ERROR_INPUT, "Ed25519 key is not 32 octets");
    out->type = HSM_KEY_ED25519;
    out->point = bits;
    params[0] = OSSL_PARAM_construct_octet_string(
        OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)bits.data, bits.len);
    params[1] = OSSL_PARAM_construct_end();
    if (!key_from_data("ED25519", params, &out->key))
        return error_openssl(err, ERROR_INPUT, "not a usable Ed25519 key");
    return true;
}

bool
public_key_parse(struct der spki, struct public_key *out, struct error *err)
{
    struct der_item parameters;
    struct der oid, bits;
    bool ok;

    memset(out, 0, sizeof *out);
    if (spki.len > PUBLIC_KEY_SPKI_MAX ||
        !take_parts(spki, &oid, &parameters, &bits))
        return error_set(err, ERROR_INPUT, "not a public key in DER");
    ERR_clear_error();
    if (is_oid(oid, oid_rsa, sizeof oid_rsa))
        ok = rsa_parse(bits, &parameters, out, err);
    else if (is_oid(oid, oid_ec, sizeof oid_ec))
        ok = ec_parse(bits, &parameters, out, err);
    else if (is_oid(oid, oid_ed25519, sizeof oid_ed25519))
        ok = ed25519_parse(bits, &parameters, out, err);
    else
        return error_set(err, ERROR_INPUT,
                         "public key of an unsupported algorithm (RSA, EC and "
                         "Ed25519 are supported)");
    if (!ok)
        public_key_clear(out);
    return ok;
}

void
public_key_clear(struct public_key *key)
{
    EVP_PKEY_free(key->key);
    memset(key, 0, sizeof *key);
}

bool
public_key_id(struct der spki, uint8_t out[PUBLIC_KEY_ID_LEN],
              struct error *err)
{
    uint8_t digest[PUBLIC_KEY_DIGEST_LEN];
    struct der_item parameters;
    struct der oid, bits;

    if (!take_parts(spki, &oid, &parameters, &bits))
        return error_set(err, ERROR_INPUT, "not a public key in DER");
    if (!hash_sha256(bits.data, bits.len, digest, err))
        return false;
    memcpy(out, digest, PUBLIC_KEY_ID_LEN);
    return true;
}

bool
public_key_digest(struct der spki, uint8_t out[PUBLIC_KEY_DIGEST_LEN],
                  struct error *err)
{
    return hash_sha256(spki.data, spki.len, out, err);
}
