/* Shares of the PIN; see ca-core/kmc/share.h. */
#include "ca-core/kmc/share.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "base/hash.h"

static bool
check_of(const uint8_t *pin, uint8_t out[SHARE_CHECK_LEN], struct error *err)
{
    uint8_t digest[HASH_LEN];
    bool ok = hash_sha256(pin, HSM_RECOVERY_PIN_LEN, digest, err);

    memcpy(out, digest, SHARE_CHECK_LEN);
    OPENSSL_cleanse(digest, sizeof digest);
    return ok;
}

bool
share_split(const char pin[HSM_RECOVERY_PIN_LEN + 1], unsigned needed,
            unsigned count, struct share *shares, struct error *err)
{
    uint8_t secret[SHARE_SECRET_LEN];
    uint8_t parts[SHAMIR_PLACES_MAX * SHARE_SECRET_LEN];
    bool ok;

    memcpy(secret, pin, HSM_RECOVERY_PIN_LEN);
    ok = check_of(secret, secret + HSM_RECOVERY_PIN_LEN, err) &&
         shamir_split(secret, sizeof secret, needed, count, parts, err);
    for (unsigned i = 0; ok && i < count; i++) {
        shares[i].octet[0] = (uint8_t)(i + 1);
        memcpy(shares[i].octet + 1, parts + i * SHARE_SECRET_LEN,
               SHARE_SECRET_LEN);
    }
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(parts, sizeof parts);
    return ok;
}

bool
share_join(const struct share *shares, unsigned count,
           char pin[HSM_RECOVERY_PIN_LEN + 1], struct error *err)
{
    uint8_t parts[SHAMIR_PLACES_MAX * SHARE_SECRET_LEN];
    uint8_t places[SHAMIR_PLACES_MAX], secret[SHARE_SECRET_LEN];
    uint8_t check[SHARE_CHECK_LEN];
    bool ok = false;

    if (count < 2 || count > SHAMIR_PLACES_MAX)
        return error_set(err, ERROR_INPUT, "%u shares are no shares", count);
    for (unsigned i = 0; i < count; i++) {
        places[i] = shares[i].octet[0];
        memcpy(parts + i * SHARE_SECRET_LEN, shares[i].octet + 1,
               SHARE_SECRET_LEN);
    }
    if (shamir_join(places, parts, count, SHARE_SECRET_LEN, secret, err) &&
        check_of(secret, check, err)) {
        ok = CRYPTO_memcmp(check, secret + HSM_RECOVERY_PIN_LEN,
                           sizeof check) == 0 ||
             error_set(err, ERROR_DENIED,
                       "these shares do not give the PIN of the recovery "
                       "token: one is wrong, or of another splitting");
        if (ok) {
            memcpy(pin, secret, HSM_RECOVERY_PIN_LEN);
            pin[HSM_RECOVERY_PIN_LEN] = '\0';
        }
    }
    OPENSSL_cleanse(parts, sizeof parts);
    OPENSSL_cleanse(secret, sizeof secret);
    return ok;
}

bool
share_envelop(const void *data, size_t len, X509 *certificate, struct buf *out,
              struct error *err)
{
    BIO *in = BIO_new_mem_buf(data, (int)len);
    STACK_OF(X509) *to = sk_X509_new_null();
    CMS_ContentInfo *cms = NULL;
    unsigned char *der = NULL;
    int der_len = 0;
    bool ok = false;

    if (in != NULL && to != NULL && sk_X509_push(to, certificate) > 0 &&
        (cms = CMS_encrypt(to, in, EVP_aes_256_cbc(), CMS_BINARY)) != NULL)
        der_len = i2d_CMS_ContentInfo(cms, &der);
    if (der_len > 0)
        ok = buf_add(out, der, (size_t)der_len) ||
             error_set(err, ERROR_INTERNAL, "a message too long");
    else
        error_openssl(err, ERROR_INPUT, "encrypt for this certificate");
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    sk_X509_free(to);
    BIO_free(in);
    return ok;
}

bool
share_open(const uint8_t *cms_der, size_t len, X509 *certificate, EVP_PKEY *key,
           struct share *out, struct error *err)
{
    const unsigned char *p = cms_der;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)len);
    BIO *to = BIO_new(BIO_s_secmem());
    char *data = NULL;
    bool ok = false;

    if (cms == NULL || to == NULL ||
        CMS_decrypt(cms, key, certificate, NULL, to, CMS_BINARY) != 1 ||
        BIO_get_mem_data(to, &data) != SHARE_LEN) {
        error_openssl(err, ERROR_DENIED,
                      "the share does not open with this key");
        goto out;
    }
    memcpy(out->octet, data, SHARE_LEN);
    ok = true;
out:
    BIO_free(to);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return ok;
}
