/* A recovered key as PKCS #12; see ca-core/kmc/pkcs12.h. */
#include "ca-core/kmc/pkcs12.h"

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>

static bool
draw_password(char password[PKCS12_PASSWORD_LEN + 1], struct error *err)
{
    static const char letters[33] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    uint8_t octets[PKCS12_PASSWORD_LEN];

    if (RAND_priv_bytes(octets, sizeof octets) != 1)
        return error_openssl(err, ERROR_INTERNAL, "draw a password");
    for (size_t i = 0; i < sizeof octets; i++)
        password[i] = letters[octets[i] % 32];
    password[PKCS12_PASSWORD_LEN] = '\0';
    OPENSSL_cleanse(octets, sizeof octets);
    return true;
}

/* The private key inside; one key and nothing after it. */
static bool
open_cms(const uint8_t *der, size_t len, X509 *recipient,
         EVP_PKEY *recipient_key, EVP_PKEY **out, struct error *err)
{
    const unsigned char *p = der, *q;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)len);
    BIO *clear = BIO_new(BIO_s_secmem());
    char *octets = NULL;
    long count = 0;

    if (cms != NULL && p == der + len && clear != NULL &&
        CMS_decrypt(cms, recipient_key, recipient, NULL, clear, CMS_BINARY) ==
            1)
        count = BIO_get_mem_data(clear, &octets);
    q = (const unsigned char *)octets;
    if (count > 0)
        *out = d2i_AutoPrivateKey(NULL, &q, count);
    if (*out != NULL && q != (const unsigned char *)octets + count) {
        EVP_PKEY_free(*out);
        *out = NULL;
    }
    BIO_free(clear);
    CMS_ContentInfo_free(cms);
    return *out != NULL || error_openssl(err, ERROR_INPUT,
                                         "no key that this recipient can open");
}

bool
pkcs12_make(const uint8_t *cms, size_t cms_len, X509 *recipient,
            EVP_PKEY *recipient_key, X509 *certificate, struct buf *out,
            char password[PKCS12_PASSWORD_LEN + 1], struct error *err)
{
    EVP_PKEY *key = NULL;
    PKCS12 *p12 = NULL;
    unsigned char *der = NULL;
    int len = 0;
    bool ok = false;

    if (!open_cms(cms, cms_len, recipient, recipient_key, &key, err))
        goto out;
    if (X509_check_private_key(certificate, key) != 1) {
        error_set(err, ERROR_INPUT, "the key is not that of this certificate");
        goto out;
    }
    if (!draw_password(password, err))
        goto out;
    p12 =
        PKCS12_create(password, NULL, key, certificate, NULL, NID_aes_256_cbc,
                      NID_aes_256_cbc, PKCS12_ITERATIONS, PKCS12_ITERATIONS, 0);
    if (p12 == NULL || (len = i2d_PKCS12(p12, &der)) <= 0)
        error_openssl(err, ERROR_INTERNAL, "make a PKCS #12");
    else
        ok = buf_add(out, der, (size_t)len) ||
             error_set(err, ERROR_INTERNAL, "the PKCS #12 is too long");
out:
    OPENSSL_free(der);
    PKCS12_free(p12);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return ok;
}
