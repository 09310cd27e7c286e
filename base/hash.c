/* SHA-256 by OpenSSL; see base/hash.h. */
#include "base/hash.h"

#include <pthread.h>

#include <openssl/evp.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;

static void
fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

bool
hash_sha256(const void *data, size_t len, uint8_t out[HASH_LEN],
            struct error *err)
{
    EVP_MD_CTX *ctx;
    bool ok;

    (void)pthread_once(&once, fetch);
    ctx = EVP_MD_CTX_new();
    ok = ctx != NULL && sha256 != NULL &&
         EVP_DigestInit_ex2(ctx, sha256, NULL) == 1 &&
         EVP_DigestUpdate(ctx, data, len) == 1 &&
         EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok || error_openssl(err, ERROR_INTERNAL, "SHA-256 failed");
}
