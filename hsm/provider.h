/*
 * Token keys for OpenSSL: a provider in this process, on top of the seam, so
 * that stock calls (X509_sign_ctx, X509_REQ_sign, CMS_sign, TLS on either side)
 * sign with a token's key. No engine, no deprecated method table.
 *
 * It signs and verifies with the schemes of hsm/scheme.h: a PSS salt as long as
 * the digest, MGF1 with the same hash, each curve with its digest. What it
 * signs is checked before it is released (hsm_sign_checked()).
 */
#ifndef HSM_PROVIDER_H
#define HSM_PROVIDER_H

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "hsm/hsm.h"

/*
 * The pair as an EVP_PKEY of `libctx` (NULL: the default one), where the
 * provider is loaded the first time. The caller frees `out`, before `hsm` is
 * closed: the key works through it. Its private part cannot be exported.
 */
bool hsm_provider_key(struct hsm *hsm, const struct hsm_key *key,
                      OSSL_LIB_CTX *libctx, EVP_PKEY **out,
                      struct error *err) MUST_CHECK;

#endif
