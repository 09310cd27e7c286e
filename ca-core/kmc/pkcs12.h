/*
 * A recovered key as PKCS #12 (RFC 7292), for programs that take nothing else:
 * made by whoever the CMS of an answer is for, at his own desk. From then on
 * the key is guarded by the password alone, so that is drawn, not chosen.
 */
#ifndef CA_CORE_KMC_PKCS12_H
#define CA_CORE_KMC_PKCS12_H

#include <openssl/x509.h>

#include "base/buf.h"

enum {
    PKCS12_PASSWORD_LEN = 24,   /* letters and digits without look-alikes: 120
                                   bits */
    PKCS12_ITERATIONS = 600000, /* of PBKDF2 with HMAC-SHA256 */
    PKCS12_FILE_MAX = 65536,
};

/* Opens the key (CMS EnvelopedData of PKCS #8) with the recipient's and puts it
 * with its certificate into a PKCS #12 under PBES2 (AES-256), the password of
 * which is drawn. ERROR_INPUT: the CMS is for somebody else, or the key of
 * another certificate. `out` has a limit of PKCS12_FILE_MAX; the caller
 * cleanses both. */
bool pkcs12_make(const uint8_t *cms, size_t cms_len, X509 *recipient,
                 EVP_PKEY *recipient_key, X509 *certificate, struct buf *out,
                 char password[PKCS12_PASSWORD_LEN + 1],
                 struct error *err) MUST_CHECK;

#endif
