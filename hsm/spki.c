/* Public keys as X.509 has them; see hsm/spki.h. */
#include "hsm/spki.h"

#include <assert.h>
#include <string.h>

#include "base/der.h"

static const uint8_t rsa_encryption[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                         0x0d, 0x01, 0x01, 0x01};
static const uint8_t ec_public_key[] = {0x2a, 0x86, 0x48, 0xce,
                                        0x3d, 0x02, 0x01};
static const uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48,
                               0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
/* PKCS #11 3.0, 2.3.5 also knows the curve by its name. */
static const uint8_t ed25519_name[] = {0x13, 0x0c, 'e', 'd', 'w', 'a', 'r',
                                       'd',  's',  '2', '5', '5', '1', '9'};

static const struct curve {
    enum hsm_key_type type;
    const uint8_t *params;
    size_t params_len;
    size_t point_len;
} curves[] = {
    {HSM_KEY_EC_P256, p256, sizeof p256, 65},
    {HSM_KEY_EC_P384, p384, sizeof p384, 97},
    {HSM_KEY_ED25519, ed25519, sizeof ed25519, 32},
    {HSM_KEY_ED25519, ed25519_name, sizeof ed25519_name, 32},
};

static bool
finish(struct buf *der, uint8_t *out, size_t *len, struct error *err)
{
    if (buf_is_full(der)) {
        buf_clear(der);
        return error_set(err, ERROR_INTERNAL, "public key too long");
    }
    memcpy(out, der->data, der->len);
    *len = der->len;
    buf_clear(der);
    return true;
}

bool
spki_rsa(const uint8_t *modulus, size_t modulus_len, const uint8_t *exponent,
         size_t exponent_len, enum hsm_key_type *type, uint8_t *out,
         size_t *len, struct error *err)
{
    struct buf key = BUF_INIT(HSM_SPKI_MAX);
    struct buf der = BUF_INIT(HSM_SPKI_MAX);
    size_t spki, algorithm, pair;

    for (; modulus_len > 0 && modulus[0] == 0; modulus_len--)
        modulus++;
    if (modulus_len == 256)
        *type = HSM_KEY_RSA_2048;
    else if (modulus_len == 384)
        *type = HSM_KEY_RSA_3072;
    else if (modulus_len == 512)
        *type = HSM_KEY_RSA_4096;
    else
        return error_set(err, ERROR_DENIED,
                         "RSA keys of %zu octets are not used here",
                         modulus_len);
    pair = der_begin(&key, DER_SEQUENCE);
    der_add_unsigned(&key, modulus, modulus_len);
    der_add_unsigned(&key, exponent, exponent_len);
    der_end(&key, pair);
    spki = der_begin(&der, DER_SEQUENCE);
    algorithm = der_begin(&der, DER_SEQUENCE);
    der_add_oid(&der, rsa_encryption, sizeof rsa_encryption);
    der_add_null(&der); /* RFC 3279, 2.3.1 */
    der_end(&der, algorithm);
    der_add_octet_bits(&der, key.data, key.len);
    der_end(&der, spki);
    buf_clear(&key);
    return finish(&der, out, len, err);
}

static const struct curve *
curve_find(const uint8_t *params, size_t len)
{
    size_t i;

    for (i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        if (curves[i].params_len == len &&
            memcmp(curves[i].params, params, len) == 0)
            return &curves[i];
    }
    return NULL;
}

bool
spki_ec(const uint8_t *params, size_t params_len, const uint8_t *point,
        size_t point_len, enum hsm_key_type *type, uint8_t *out, size_t *len,
        struct error *err)
{
    const struct curve *curve = curve_find(params, params_len);
    struct der in = {point, point_len};
    struct buf der = BUF_INIT(HSM_SPKI_MAX);
    struct der value = in;
    size_t spki, algorithm;

    if (curve == NULL)
        return error_set(err, ERROR_DENIED, "this curve is not used here");
    if (point_len != curve->point_len &&
        (!der_take(&in, DER_OCTET_STRING, &value) || in.len != 0))
        value.len = 0;
    if (value.len != curve->point_len)
        return error_set(err, ERROR_INTERNAL, "CKA_EC_POINT is no point");
    *type = curve->type;
    spki = der_begin(&der, DER_SEQUENCE);
    algorithm = der_begin(&der, DER_SEQUENCE);
    if (curve->type == HSM_KEY_ED25519) {
        (void)buf_add(&der, ed25519, sizeof ed25519);
    } else {
        der_add_oid(&der, ec_public_key, sizeof ec_public_key);
        (void)buf_add(&der, curve->params, curve->params_len);
    }
    der_end(&der, algorithm);
    der_add_octet_bits(&der, value.data, value.len);
    der_end(&der, spki);
    return finish(&der, out, len, err);
}

static bool
split_rsa(struct der bits, struct spki_parts *out)
{
    struct der pair, modulus, exponent;

    if (!der_take(&bits, DER_SEQUENCE, &pair) || bits.len != 0 ||
        !der_take_unsigned(&pair, &modulus) ||
        !der_take_unsigned(&pair, &exponent) || pair.len != 0 ||
        modulus.len > sizeof out->first || exponent.len > sizeof out->second)
        return false;
    memcpy(out->first, modulus.data, modulus.len);
    out->first_len = modulus.len;
    memcpy(out->second, exponent.data, exponent.len);
    out->second_len = exponent.len;
    return true;
}

static bool
split_ec(struct der params, struct der bits, struct spki_parts *out)
{
    if (params.len > sizeof out->first || bits.len > SPKI_POINT_MAX)
        return false;
    memcpy(out->first, params.data, params.len);
    out->first_len = params.len;
    out->second[0] = DER_OCTET_STRING;
    out->second[1] = (uint8_t)bits.len; /* below 128: one octet */
    memcpy(out->second + 2, bits.data, bits.len);
    out->second_len = bits.len + 2;
    return true;
}

bool
spki_split(const uint8_t *spki, size_t len, struct spki_parts *out,
           struct error *err)
{
    struct der in = {spki, len}, whole, algorithm, oid, bits;
    uint8_t again[HSM_SPKI_MAX];
    size_t again_len = 0;
    struct error unused = {0};
    bool is_rsa;

    if (!der_take(&in, DER_SEQUENCE, &whole) ||
        !der_take(&whole, DER_SEQUENCE, &algorithm) ||
        !der_take_oid(&algorithm, &oid) || !der_take_octet_bits(&whole, &bits))
        return error_set(err, ERROR_INPUT, "not a public key");
    is_rsa =
        der_equal(oid, (struct der){rsa_encryption, sizeof rsa_encryption});
    /* What else there is to judge, writing it again judges. */
    if (!(is_rsa ? split_rsa(bits, out) : split_ec(algorithm, bits, out)) ||
        !(is_rsa ? spki_rsa : spki_ec)(out->first, out->first_len, out->second,
                                       out->second_len, &out->type, again,
                                       &again_len, &unused) ||
        again_len != len || memcmp(again, spki, len) != 0)
        return error_set(err, ERROR_INPUT,
                         "not a public key of a kind that is used here");
    return true;
}

const uint8_t *
spki_curve(enum hsm_key_type type, size_t *len)
{
    const struct curve *curve = curves;

    while (curve->type != type) {
        curve++;
        assert(curve < curves + sizeof curves / sizeof curves[0]);
    }
    *len = curve->params_len;
    return curve->params;
}
