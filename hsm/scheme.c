/*
 * Signature schemes as one table; see hsm/scheme.h. RFC 4055, 5758, 8410.
 */
#include "hsm/scheme.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rsa.h>

enum family { FAMILY_RSA, FAMILY_EC, FAMILY_ED25519 };
enum hash { HASH_SHA256, HASH_SHA384, HASH_SHA512, HASH_COUNT, HASH_NONE };

/* RFC 4055, 5: sha*WithRSAEncryption with NULL parameters. */
static const uint8_t rsa_sha256[] = {0x30, 0x0d, 0x06, 0x09, 0x2a,
                                     0x86, 0x48, 0x86, 0xf7, 0x0d,
                                     0x01, 0x01, 0x0b, 0x05, 0x00};
static const uint8_t rsa_sha384[] = {0x30, 0x0d, 0x06, 0x09, 0x2a,
                                     0x86, 0x48, 0x86, 0xf7, 0x0d,
                                     0x01, 0x01, 0x0c, 0x05, 0x00};
static const uint8_t rsa_sha512[] = {0x30, 0x0d, 0x06, 0x09, 0x2a,
                                     0x86, 0x48, 0x86, 0xf7, 0x0d,
                                     0x01, 0x01, 0x0d, 0x05, 0x00};

/* RFC 4055, 3.1: hash, MGF1 with the same hash, salt; trailer by default. The
 * hash is the last octet of 2.16.840.1.101.3.4.2.x. */
#define PSS(hash, salt)                                                        \
    {                                                                          \
        0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,      \
            0x01, 0x0a, 0x30, 0x34, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60,  \
            0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, (hash), 0x05, 0x00,      \
            0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,  \
            0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48,  \
            0x01, 0x65, 0x03, 0x04, 0x02, (hash), 0x05, 0x00, 0xa2, 0x03,      \
            0x02, 0x01, (salt)                                                 \
    }
static const uint8_t pss_sha256[] = PSS(1, 32);
static const uint8_t pss_sha384[] = PSS(2, 48);
static const uint8_t pss_sha512[] = PSS(3, 64);

/* RFC 5758, 3.2 and RFC 8410, 3: parameters absent. */
static const uint8_t ecdsa_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                       0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t ecdsa_sha384[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                       0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
static const uint8_t ed25519[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};

static const struct scheme_row {
    const char *name;
    enum family family;
    enum hash hash;
    bool is_pss;
    const uint8_t *algorithm;
    size_t algorithm_len;
} schemes[HSM_SCHEME_COUNT] = {
    [HSM_RSA_PKCS1_SHA256] = {"rsa-pkcs1-sha256", FAMILY_RSA, HASH_SHA256,
                              false, rsa_sha256, sizeof rsa_sha256},
    [HSM_RSA_PKCS1_SHA384] = {"rsa-pkcs1-sha384", FAMILY_RSA, HASH_SHA384,
                              false, rsa_sha384, sizeof rsa_sha384},
    [HSM_RSA_PKCS1_SHA512] = {"rsa-pkcs1-sha512", FAMILY_RSA, HASH_SHA512,
                              false, rsa_sha512, sizeof rsa_sha512},
    [HSM_RSA_PSS_SHA256] = {"rsa-pss-sha256", FAMILY_RSA, HASH_SHA256, true,
                            pss_sha256, sizeof pss_sha256},
    [HSM_RSA_PSS_SHA384] = {"rsa-pss-sha384", FAMILY_RSA, HASH_SHA384, true,
                            pss_sha384, sizeof pss_sha384},
    [HSM_RSA_PSS_SHA512] = {"rsa-pss-sha512", FAMILY_RSA, HASH_SHA512, true,
                            pss_sha512, sizeof pss_sha512},
    [HSM_ECDSA_SHA256] = {"ecdsa-sha256", FAMILY_EC, HASH_SHA256, false,
                          ecdsa_sha256, sizeof ecdsa_sha256},
    [HSM_ECDSA_SHA384] = {"ecdsa-sha384", FAMILY_EC, HASH_SHA384, false,
                          ecdsa_sha384, sizeof ecdsa_sha384},
    [HSM_ED25519] = {"ed25519", FAMILY_ED25519, HASH_NONE, false, ed25519,
                     sizeof ed25519},
};

static const struct key_type_row {
    const char *name;
    enum family family;
    enum hsm_scheme scheme;
} key_types[HSM_KEY_TYPE_COUNT] = {
    [HSM_KEY_RSA_2048] = {"rsa-2048", FAMILY_RSA, HSM_RSA_PKCS1_SHA256},
    [HSM_KEY_RSA_3072] = {"rsa-3072", FAMILY_RSA, HSM_RSA_PKCS1_SHA256},
    [HSM_KEY_RSA_4096] = {"rsa-4096", FAMILY_RSA, HSM_RSA_PKCS1_SHA256},
    [HSM_KEY_EC_P256] = {"ec-p256", FAMILY_EC, HSM_ECDSA_SHA256},
    [HSM_KEY_EC_P384] = {"ec-p384", FAMILY_EC, HSM_ECDSA_SHA384},
    [HSM_KEY_ED25519] = {"ed25519", FAMILY_ED25519, HSM_ED25519},
};

static pthread_once_t digests_once = PTHREAD_ONCE_INIT;
static EVP_MD *digests[HASH_COUNT]; /* kept for the life of the process */

static void
fetch_digests(void)
{
    digests[HASH_SHA256] = EVP_MD_fetch(NULL, "SHA256", NULL);
    digests[HASH_SHA384] = EVP_MD_fetch(NULL, "SHA384", NULL);
    digests[HASH_SHA512] = EVP_MD_fetch(NULL, "SHA512", NULL);
    assert(digests[HASH_SHA256] != NULL && digests[HASH_SHA384] != NULL &&
           digests[HASH_SHA512] != NULL);
}

const char *
hsm_scheme_name(enum hsm_scheme scheme)
{
    assert(scheme < HSM_SCHEME_COUNT);
    return schemes[scheme].name;
}

bool
hsm_scheme_find(const char *name, enum hsm_scheme *out)
{
    size_t i;

    for (i = 0; i < HSM_SCHEME_COUNT; i++) {
        if (strcmp(schemes[i].name, name) == 0) {
            *out = (enum hsm_scheme)i;
            return true;
        }
    }
    return false;
}

const char *
hsm_key_type_name(enum hsm_key_type type)
{
    assert(type < HSM_KEY_TYPE_COUNT);
    return key_types[type].name;
}

bool
hsm_key_type_find(const char *name, enum hsm_key_type *out)
{
    size_t i;

    for (i = 0; i < HSM_KEY_TYPE_COUNT; i++) {
        if (strcmp(key_types[i].name, name) == 0) {
            *out = (enum hsm_key_type)i;
            return true;
        }
    }
    return false;
}

enum hsm_scheme
hsm_scheme_default(enum hsm_key_type type)
{
    assert(type < HSM_KEY_TYPE_COUNT);
    return key_types[type].scheme;
}

bool
hsm_scheme_is_of(enum hsm_scheme scheme, enum hsm_key_type type)
{
    assert(scheme < HSM_SCHEME_COUNT && type < HSM_KEY_TYPE_COUNT);
    return schemes[scheme].family == key_types[type].family;
}

bool
hsm_scheme_fits(enum hsm_scheme scheme, enum hsm_key_type type)
{
    if (!hsm_scheme_is_of(scheme, type))
        return false;
    /* RFC 5480, 4: a digest as strong as the curve, so one for each. */
    return schemes[scheme].family != FAMILY_EC ||
           scheme == key_types[type].scheme;
}

const uint8_t *
hsm_scheme_algorithm(enum hsm_scheme scheme, size_t *len)
{
    assert(scheme < HSM_SCHEME_COUNT);
    *len = schemes[scheme].algorithm_len;
    return schemes[scheme].algorithm;
}

bool
hsm_scheme_parse(const uint8_t *der, size_t len, enum hsm_scheme *out)
{
    size_t i;

    for (i = 0; i < HSM_SCHEME_COUNT; i++) {
        if (schemes[i].algorithm_len == len &&
            memcmp(schemes[i].algorithm, der, len) == 0) {
            *out = (enum hsm_scheme)i;
            return true;
        }
    }
    return false;
}

const EVP_MD *
hsm_scheme_digest(enum hsm_scheme scheme)
{
    enum hash hash;

    assert(scheme < HSM_SCHEME_COUNT);
    (void)pthread_once(&digests_once, fetch_digests);
    hash = schemes[scheme].hash;
    return hash == HASH_NONE ? NULL : digests[hash];
}

bool
hsm_scheme_is_pss(enum hsm_scheme scheme)
{
    assert(scheme < HSM_SCHEME_COUNT);
    return schemes[scheme].is_pss;
}

/* The key has the family that the scheme wants; otherwise OpenSSL would verify
 * by whatever the key is for. */
static bool
key_fits(const struct scheme_row *row, const EVP_PKEY *key)
{
    switch (row->family) {
    case FAMILY_RSA:
        return EVP_PKEY_is_a(key, "RSA") ||
               (row->is_pss && EVP_PKEY_is_a(key, "RSA-PSS"));
    case FAMILY_EC:
        return EVP_PKEY_is_a(key, "EC");
    case FAMILY_ED25519:
        break;
    }
    return EVP_PKEY_is_a(key, "ED25519");
}

static bool
verify_set_up(const struct scheme_row *row, const EVP_MD *md, EVP_PKEY_CTX *ctx)
{
    if (EVP_PKEY_verify_init(ctx) != 1)
        return false;
    if (row->family != FAMILY_RSA)
        return true; /* ECDSA takes the digest as it is */
    if (EVP_PKEY_CTX_set_rsa_padding(ctx, row->is_pss ? RSA_PKCS1_PSS_PADDING
                                                      : RSA_PKCS1_PADDING) != 1)
        return false;
    if (EVP_PKEY_CTX_set_signature_md(ctx, md) != 1)
        return false;
    return !row->is_pss ||
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool
hsm_scheme_verify_digest(enum hsm_scheme scheme, EVP_PKEY *key,
                         const uint8_t *digest, size_t digest_len,
                         const uint8_t *signature, size_t signature_len,
                         struct error *err)
{
    const EVP_MD *md = hsm_scheme_digest(scheme);
    const struct scheme_row *row = &schemes[scheme];
    EVP_PKEY_CTX *ctx = NULL;
    bool ok = false;

    ERR_clear_error();
    if (md == NULL || digest_len != (size_t)EVP_MD_get_size(md) ||
        !key_fits(row, key))
        return error_set(err, ERROR_INPUT, "this key does not sign with %s",
                         row->name);
    if ((ctx = EVP_PKEY_CTX_new(key, NULL)) == NULL ||
        !verify_set_up(row, md, ctx)) {
        error_openssl(err, ERROR_INTERNAL, "cannot verify with %s", row->name);
        goto out;
    }
    if (EVP_PKEY_verify(ctx, signature, signature_len, digest, digest_len) !=
        1) {
        error_openssl(err, ERROR_INPUT, "the signature does not verify");
        goto out;
    }
    ok = true;
out:
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool
verify_whole(const struct scheme_row *row, EVP_PKEY *key,
             const uint8_t *message, size_t message_len,
             const uint8_t *signature, size_t signature_len, struct error *err)
{
    EVP_MD_CTX *ctx = NULL;
    bool ok = false;

    ERR_clear_error();
    if (!key_fits(row, key))
        return error_set(err, ERROR_INPUT, "this key does not sign with %s",
                         row->name);
    if ((ctx = EVP_MD_CTX_new()) == NULL ||
        EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) != 1) {
        error_openssl(err, ERROR_INTERNAL, "cannot verify with %s", row->name);
        goto out;
    }
    if (EVP_DigestVerify(ctx, signature, signature_len, message, message_len) !=
        1) {
        error_openssl(err, ERROR_INPUT, "the signature does not verify");
        goto out;
    }
    ok = true;
out:
    EVP_MD_CTX_free(ctx);
    return ok;
}

bool
hsm_scheme_verify(enum hsm_scheme scheme, EVP_PKEY *key, const uint8_t *message,
                  size_t message_len, const uint8_t *signature,
                  size_t signature_len, struct error *err)
{
    const EVP_MD *md = hsm_scheme_digest(scheme);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;

    if (md == NULL)
        return verify_whole(&schemes[scheme], key, message, message_len,
                            signature, signature_len, err);
    if (EVP_Digest(message, message_len, digest, &digest_len, md, NULL) != 1)
        return error_openssl(err, ERROR_INTERNAL, "cannot hash");
    return hsm_scheme_verify_digest(scheme, key, digest, digest_len, signature,
                                    signature_len, err);
}
