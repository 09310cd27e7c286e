/* Keys, requests and certificates for the tests of the RA. What goes wrong
 * here ends the test program. */
#ifndef TESTS_UNIT_RA_PARTS_H
#define TESTS_UNIT_RA_PARTS_H

#include <openssl/evp.h>

#include "base/buf.h"

/* A new key: "P-256", "P-384", "ED25519" or "RSA". The caller frees. */
EVP_PKEY *parts_key(const char *kind);

/* A PKCS #10 request signed with the key, DER. `out` is given empty. */
void parts_csr(EVP_PKEY *key, struct buf *out);

/* A certificate for the key, signed with itself, valid for a day. */
void parts_certificate(EVP_PKEY *key, struct buf *out);

/* DER between BEGIN and END lines. The caller clears `out`. */
void parts_pem(const char *label, const struct buf *der, struct buf *out);

#endif
