/*
 * Signature schemes: their names, X.509 AlgorithmIdentifiers and digests.
 * RFC 4055 (RSA), 5758 (ECDSA), 8410 (Ed25519).
 */
#ifndef HSM_SCHEME_H
#define HSM_SCHEME_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "base/buf.h"

enum hsm_scheme {
    HSM_RSA_PKCS1_SHA256,
    HSM_RSA_PKCS1_SHA384,
    HSM_RSA_PKCS1_SHA512,
    HSM_RSA_PSS_SHA256, /* salt as long as the digest, MGF1 the same hash */
    HSM_RSA_PSS_SHA384,
    HSM_RSA_PSS_SHA512,
    HSM_ECDSA_SHA256,
    HSM_ECDSA_SHA384,
    HSM_ED25519,
    HSM_SCHEME_COUNT,
};

enum hsm_key_type {
    HSM_KEY_RSA_2048,
    HSM_KEY_RSA_3072,
    HSM_KEY_RSA_4096,
    HSM_KEY_EC_P256,
    HSM_KEY_EC_P384,
    HSM_KEY_ED25519,
    HSM_KEY_TYPE_COUNT,
};

enum { HSM_SIGNATURE_MAX = 512 };

/* "ecdsa-sha256", "rsa-3072": names in XML, configuration and messages. */
const char *hsm_scheme_name(enum hsm_scheme scheme);
bool hsm_scheme_find(const char *name, enum hsm_scheme *out) MUST_CHECK;
const char *hsm_key_type_name(enum hsm_key_type type);
bool hsm_key_type_find(const char *name, enum hsm_key_type *out) MUST_CHECK;

/* What a key of this type signs with unless told otherwise. */
enum hsm_scheme hsm_scheme_default(enum hsm_key_type type);
bool hsm_scheme_fits(enum hsm_scheme scheme, enum hsm_key_type type);
/* What a signature by others may be made with: any digest of the key's family
 * (openssl req signs for P-384 with SHA-256 unless told otherwise). */
bool hsm_scheme_is_of(enum hsm_scheme scheme, enum hsm_key_type type);

/* The whole DER AlgorithmIdentifier; static storage. */
const uint8_t *hsm_scheme_algorithm(enum hsm_scheme scheme, size_t *len);
/* The scheme of a DER AlgorithmIdentifier (the whole SEQUENCE). */
bool hsm_scheme_parse(const uint8_t *der, size_t len,
                      enum hsm_scheme *out) MUST_CHECK;

/* The digest, fetched once; NULL for Ed25519, which hashes by itself. */
const EVP_MD *hsm_scheme_digest(enum hsm_scheme scheme);

/* RSASSA-PSS, as opposed to RSASSA-PKCS1-v1_5 and all that is not RSA. */
bool hsm_scheme_is_pss(enum hsm_scheme scheme);

/* Checks a signature in X.509 form with a public key that is ready. A wrong
 * signature, or a key of another kind, is ERROR_INPUT. */
bool hsm_scheme_verify(enum hsm_scheme scheme, EVP_PKEY *key,
                       const uint8_t *message, size_t message_len,
                       const uint8_t *signature, size_t signature_len,
                       struct error *err) MUST_CHECK;

/* As hsm_scheme_verify(), over the digest of the message: not for Ed25519. */
bool hsm_scheme_verify_digest(enum hsm_scheme scheme, EVP_PKEY *key,
                              const uint8_t *digest, size_t digest_len,
                              const uint8_t *signature, size_t signature_len,
                              struct error *err) MUST_CHECK;

#endif
