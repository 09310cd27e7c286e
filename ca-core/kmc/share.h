/*
 * Shares of the PIN of `krec`: what is split is the PIN and eight octets of its
 * digest, so that a share that is wrong, or of another splitting, is found
 * before the token counts a wrong PIN. Each share lies as CMS EnvelopedData
 * (RFC 5652, 6) for its operator's certificate.
 */
#ifndef CA_CORE_KMC_SHARE_H
#define CA_CORE_KMC_SHARE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"
#include "ca-core/kmc/shamir.h"
#include "hsm/escrow.h"

enum {
    SHARE_CHECK_LEN = 8,
    SHARE_SECRET_LEN = HSM_RECOVERY_PIN_LEN + SHARE_CHECK_LEN,
    SHARE_LEN = 1 + SHARE_SECRET_LEN, /* the place, then the octets */
    SHARE_CMS_MAX = 8192,
};

struct share {
    uint8_t octet[SHARE_LEN];
};

bool share_split(const char pin[HSM_RECOVERY_PIN_LEN + 1], unsigned needed,
                 unsigned count, struct share *shares,
                 struct error *err) MUST_CHECK;

/* Any m of them. ERROR_DENIED: they do not give a PIN. The caller cleanses
 * `pin`. */
bool share_join(const struct share *shares, unsigned count,
                char pin[HSM_RECOVERY_PIN_LEN + 1],
                struct error *err) MUST_CHECK;

/* CMS EnvelopedData (AES-256, RSA or ECDH) of `data` for a certificate. */
bool share_envelop(const void *data, size_t len, X509 *certificate,
                   struct buf *out, struct error *err) MUST_CHECK;

/* The operator's side. ERROR_DENIED: not for this key. */
bool share_open(const uint8_t *cms, size_t len, X509 *certificate,
                EVP_PKEY *key, struct share *out, struct error *err) MUST_CHECK;

#endif
