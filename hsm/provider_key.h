/*
 * What the provider's key management and its signatures share. Internal to
 * hsm/.
 */
#ifndef HSM_PROVIDER_KEY_H
#define HSM_PROVIDER_KEY_H

#include <openssl/core_dispatch.h>

#include "hsm/provider.h"

#define PROVIDER_NAME "signet"
/* The one parameter that a token's key is made from: a pointer to a struct
 * provider_handle. */
#define PROVIDER_PARAM_HANDLE "signet-key"

struct provider_handle {
    struct hsm *hsm;
    const struct hsm_key *key;
};

/* A key of the provider: a token's, or a public key that OpenSSL brought here
 * to compare (handle.key is then NULL). */
struct provider_key {
    const char *type; /* "RSA", "EC", "ED25519" */
    struct provider_handle handle;
    EVP_PKEY *public_key; /* of the default provider; counted */
};

extern const OSSL_DISPATCH provider_rsa_keys[];
extern const OSSL_DISPATCH provider_ec_keys[];
extern const OSSL_DISPATCH provider_ed25519_keys[];
extern const OSSL_DISPATCH provider_hashing_signatures[]; /* RSA, ECDSA */
extern const OSSL_DISPATCH provider_ed25519_signatures[];

/* The digest's name that this key signs with unless told otherwise. */
const char *provider_default_digest(const struct provider_key *key);

#endif
