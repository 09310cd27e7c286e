/*
 * Subject public keys: DER walked by hand, the key made by EVP_PKEY_fromdata().
 * OpenSSL's decoder costs as much as five signatures and takes process-wide
 * locks (performance.md, 4), so it is not used.
 */
#ifndef CA_CORE_PUBLIC_KEY_H
#define CA_CORE_PUBLIC_KEY_H

#include <openssl/evp.h>

#include "base/der.h"
#include "hsm/scheme.h"

enum {
    PUBLIC_KEY_ID_LEN = 20,
    PUBLIC_KEY_DIGEST_LEN = 32,
    PUBLIC_KEY_SPKI_MAX = 1024, /* octets; RSA-4096 has 550 */
};

struct public_key {
    enum hsm_key_type type;
    EVP_PKEY *key;    /* owned */
    struct der rsa_n; /* modulus without sign octet; RSA only. Borrowed */
    struct der rsa_e; /* exponent, likewise */
    struct der point; /* 04 || X || Y, or Ed25519's 32 octets. Borrowed */
};

/* Exactly one SubjectPublicKeyInfo of a type of hsm/scheme.h: RFC 3279, 2.3.1
 * (NULL parameters), 5480 (named curve, uncompressed point, on the curve) and
 * 8410 (no parameters). Anything else is ERROR_INPUT. `spki` must outlive
 * `out`; clear it with public_key_clear(). */
bool public_key_parse(struct der spki, struct public_key *out,
                      struct error *err) MUST_CHECK;
void public_key_clear(struct public_key *key); /* zeroed is nothing */

/* The key identifier of certificates: the first 160 bits of SHA-256 over the
 * subjectPublicKey's content octets (RFC 7093, section 2, method 1). `spki`
 * has been parsed before. */
bool public_key_id(struct der spki, uint8_t out[PUBLIC_KEY_ID_LEN],
                   struct error *err) MUST_CHECK;

/* SHA-256 over the whole SPKI: how keys are known in the database. */
bool public_key_digest(struct der spki, uint8_t out[PUBLIC_KEY_DIGEST_LEN],
                       struct error *err) MUST_CHECK;

#endif
