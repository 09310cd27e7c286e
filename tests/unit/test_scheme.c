/* The table of signature schemes against OpenSSL's own encoders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "hsm/scheme.h"

static const uint8_t message[] = "what is to be signed";

static void
names_lead_back_to_what_they_name(void **state)
{
    enum hsm_key_type type;
    enum hsm_scheme scheme;
    int i;

    (void)state;
    for (i = 0; i < HSM_SCHEME_COUNT; i++) {
        assert_true(
            hsm_scheme_find(hsm_scheme_name((enum hsm_scheme)i), &scheme));
        assert_int_equal(scheme, i);
    }
    for (i = 0; i < HSM_KEY_TYPE_COUNT; i++) {
        assert_true(
            hsm_key_type_find(hsm_key_type_name((enum hsm_key_type)i), &type));
        assert_int_equal(type, i);
        assert_true(hsm_scheme_fits(hsm_scheme_default(type), type));
    }
    assert_false(hsm_scheme_find("ecdsa-sha1", &scheme));
    assert_false(hsm_scheme_find("", &scheme));
    assert_false(hsm_key_type_find("rsa-1024", &type));
}

static void
a_curve_takes_only_its_own_digest(void **state)
{
    (void)state;
    assert_true(hsm_scheme_fits(HSM_ECDSA_SHA256, HSM_KEY_EC_P256));
    assert_true(hsm_scheme_fits(HSM_ECDSA_SHA384, HSM_KEY_EC_P384));
    assert_false(hsm_scheme_fits(HSM_ECDSA_SHA384, HSM_KEY_EC_P256));
    assert_false(hsm_scheme_fits(HSM_ECDSA_SHA256, HSM_KEY_EC_P384));
    assert_false(hsm_scheme_fits(HSM_ED25519, HSM_KEY_EC_P256));
    assert_true(hsm_scheme_fits(HSM_RSA_PSS_SHA512, HSM_KEY_RSA_4096));
}

static EVP_PKEY *
make_key(enum hsm_scheme scheme)
{
    EVP_PKEY *key = scheme == HSM_ED25519
                        ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                    : scheme == HSM_ECDSA_SHA256 ? EVP_EC_gen("P-256")
                    : scheme == HSM_ECDSA_SHA384 ? EVP_EC_gen("P-384")
                                                 : EVP_RSA_gen(2048);

    assert_non_null(key);
    return key;
}

/* Signs an X.509 structure with OpenSSL and gives back its algorithm, TBS and
 * signature. */
static X509_REQ *
sign_request(enum hsm_scheme scheme, EVP_PKEY *key)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    X509_REQ *request = X509_REQ_new();
    EVP_PKEY_CTX *key_ctx = NULL;

    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    assert_int_equal(
        EVP_DigestSignInit(ctx, &key_ctx, hsm_scheme_digest(scheme), NULL, key),
        1);
    if (hsm_scheme_is_pss(scheme)) {
        assert_int_equal(
            EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(
            EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, RSA_PSS_SALTLEN_DIGEST),
            1);
    }
    assert_true(X509_REQ_sign_ctx(request, ctx) > 0);
    EVP_MD_CTX_free(ctx);
    return request;
}

static void
algorithms_are_what_openssl_writes_and_verify_what_it_signs(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < HSM_SCHEME_COUNT; i++) {
        enum hsm_scheme scheme = (enum hsm_scheme)i, parsed;
        EVP_PKEY *key = make_key(scheme);
        X509_REQ *request = sign_request(scheme, key);
        const ASN1_BIT_STRING *signature;
        const X509_ALGOR *algorithm;
        unsigned char *der = NULL, *tbs = NULL;
        const uint8_t *ours;
        struct error err = {0};
        int der_len, tbs_len;
        uint8_t broken[600];
        size_t len;

        X509_REQ_get0_signature(request, &signature, &algorithm);
        der_len = i2d_X509_ALGOR(algorithm, &der);
        ours = hsm_scheme_algorithm(scheme, &len);
        assert_int_equal(der_len, len);
        assert_memory_equal(der, ours, len);
        assert_true(hsm_scheme_parse(der, len, &parsed));
        assert_int_equal(parsed, scheme);
        assert_false(hsm_scheme_parse(der, len - 1, &parsed));
        tbs_len = i2d_re_X509_REQ_tbs(request, &tbs);
        assert_true(tbs_len > 0);
        assert_true(hsm_scheme_verify(
            scheme, key, tbs, (size_t)tbs_len, ASN1_STRING_get0_data(signature),
            (size_t)ASN1_STRING_length(signature), &err));
        memcpy(broken, ASN1_STRING_get0_data(signature),
               (size_t)ASN1_STRING_length(signature));
        broken[ASN1_STRING_length(signature) - 1] ^= 1;
        assert_false(
            hsm_scheme_verify(scheme, key, tbs, (size_t)tbs_len, broken,
                              (size_t)ASN1_STRING_length(signature), &err));
        assert_int_equal(err.code, ERROR_INPUT);
        OPENSSL_free(der);
        OPENSSL_free(tbs);
        X509_REQ_free(request);
        EVP_PKEY_free(key);
    }
}

static void
a_key_of_another_kind_verifies_nothing(void **state)
{
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    uint8_t signature[64] = {0};
    struct error err = {0};

    (void)state;
    assert_false(hsm_scheme_verify(HSM_RSA_PKCS1_SHA256, ec, message,
                                   sizeof message, signature, sizeof signature,
                                   &err));
    assert_int_equal(err.code, ERROR_INPUT);
    assert_false(hsm_scheme_verify(HSM_ED25519, ec, message, sizeof message,
                                   signature, sizeof signature, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    EVP_PKEY_free(ec);
}

static void
a_digest_of_another_length_is_refused(void **state)
{
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    uint8_t digest[48] = {0}, signature[64] = {0};
    struct error err = {0};

    (void)state;
    assert_false(hsm_scheme_verify_digest(HSM_ECDSA_SHA256, ec, digest,
                                          sizeof digest, signature,
                                          sizeof signature, &err));
    assert_int_equal(err.code, ERROR_INPUT);
    EVP_PKEY_free(ec);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_back_to_what_they_name),
        cmocka_unit_test(a_curve_takes_only_its_own_digest),
        cmocka_unit_test(
            algorithms_are_what_openssl_writes_and_verify_what_it_signs),
        cmocka_unit_test(a_key_of_another_kind_verifies_nothing),
        cmocka_unit_test(a_digest_of_another_length_is_refused),
    };

    return cmocka_run_group_tests_name("scheme", tests, NULL, NULL);
}
