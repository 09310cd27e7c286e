/*
 * A token's public key attributes as DER SubjectPublicKeyInfo: RFC 3279 (RSA),
 * 5480 (EC), 8410 (Ed25519). Pure. Internal to hsm/.
 */
#ifndef HSM_SPKI_H
#define HSM_SPKI_H

#include <stddef.h>
#include <stdint.h>

#include "hsm/hsm.h"

enum { SPKI_MODULUS_MAX = 512, SPKI_POINT_MAX = 97 };

/* `out` holds HSM_SPKI_MAX octets. Big-endian numbers, leading zeros allowed.
 * A size that we do not use is ERROR_DENIED. */
bool spki_rsa(const uint8_t *modulus, size_t modulus_len,
              const uint8_t *exponent, size_t exponent_len,
              enum hsm_key_type *type, uint8_t *out, size_t *len,
              struct error *err) MUST_CHECK;

/* CKA_EC_PARAMS (DER) and CKA_EC_POINT: a DER OCTET STRING, or, as some tokens
 * have it, the bare point. */
bool spki_ec(const uint8_t *params, size_t params_len, const uint8_t *point,
             size_t point_len, enum hsm_key_type *type, uint8_t *out,
             size_t *len, struct error *err) MUST_CHECK;

/* The attributes again, of a key that spki_rsa() or spki_ec() would write with
 * the same octets; anything else is ERROR_INPUT. */
struct spki_parts {
    enum hsm_key_type type;
    /* RSA: modulus and exponent. EC: CKA_EC_PARAMS, and CKA_EC_POINT as a DER
     * OCTET STRING. */
    uint8_t first[SPKI_MODULUS_MAX];
    size_t first_len;
    uint8_t second[SPKI_POINT_MAX + 2];
    size_t second_len;
};
bool spki_split(const uint8_t *spki, size_t len, struct spki_parts *out,
                struct error *err) MUST_CHECK;

/* CKA_EC_PARAMS for a new key of this type: the DER OID of the curve. */
const uint8_t *spki_curve(enum hsm_key_type type, size_t *len);

#endif
