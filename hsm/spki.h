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

/* CKA_EC_PARAMS for a new key of this type: the DER OID of the curve. */
const uint8_t *spki_curve(enum hsm_key_type type, size_t *len);

#endif
