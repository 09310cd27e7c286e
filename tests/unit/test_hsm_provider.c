/* Stock OpenSSL calls with token keys; `openssl` and stock keys judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "hsm/provider.h"
#include "tests/unit/soft_token.h"

static struct soft_token token;
static struct hsm *hsm;
static const struct hsm_key *keys[HSM_KEY_TYPE_COUNT];

#define MUST(call)                                                             \
    do {                                                                       \
        if (!(call))                                                           \
            fail_msg("%s: %s (%s)", #call, err.what, err.cause);               \
    } while (0)

/* OpenSSL's word for it, when there is one. */
#define OPENSSL(call)                                                          \
    do {                                                                       \
        ERR_clear_error();                                                     \
        if ((call) <= 0) {                                                     \
            ERR_print_errors_fp(stderr);                                       \
            fail_msg("%s", #call);                                             \
        }                                                                      \
    } while (0)

static int
set_up(void **state)
{
    struct error err = {0};
    size_t i;

    (void)state;
    soft_token_make(&token);
    if (!hsm_open(&token.options, &hsm, &err))
        goto failed;
    for (i = 0; i < HSM_KEY_TYPE_COUNT; i++) {
        uint8_t id = (uint8_t)(0x10 + i);
        bool ok;

        if (i == HSM_KEY_ED25519)
            soft_token_ignore_leaks(true);
        ok = hsm_key_generate(hsm, (enum hsm_key_type)i, "provider", &id, 1,
                              &keys[i], &err);
        if (i == HSM_KEY_ED25519)
            soft_token_ignore_leaks(false);
        if (!ok)
            goto failed;
    }
    return 0;
failed:
    print_error("%s (%s)\n", err.what, err.cause);
    return 1;
}

static int
tear_down(void **state)
{
    (void)state;
    hsm_close(hsm);
    soft_token_remove(&token);
    return 0;
}

static EVP_PKEY *
provider_key(enum hsm_key_type type)
{
    struct error err = {0};
    EVP_PKEY *key = NULL;

    MUST(hsm_provider_key(hsm, keys[type], NULL, &key, &err));
    return key;
}

static const EVP_MD *
digest_of(enum hsm_key_type type)
{
    return hsm_scheme_digest(hsm_scheme_default(type));
}

/* A self-signed certificate of the token's key, by X509_sign_ctx(). */
static X509 *
make_certificate(EVP_PKEY *key, const EVP_MD *md, bool is_pss)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    X509 *certificate = X509_new();
    EVP_PKEY_CTX *key_ctx = NULL;
    X509_NAME *name;

    OPENSSL(X509_set_version(certificate, X509_VERSION_3));
    OPENSSL(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7));
    name = X509_get_subject_name(certificate);
    OPENSSL(X509_NAME_add_entry_by_txt(
        name, "CN", MBSTRING_ASC, (const unsigned char *)"token", -1, -1, 0));
    OPENSSL(X509_set_issuer_name(certificate, name));
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    OPENSSL(X509_set_pubkey(certificate, key));
    OPENSSL(EVP_DigestSignInit(ctx, &key_ctx, md, NULL, key));
    if (is_pss) {
        OPENSSL(EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING));
        OPENSSL(
            EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, RSA_PSS_SALTLEN_DIGEST));
    }
    if (EVP_PKEY_is_a(key, "ED25519"))
        soft_token_ignore_leaks(true);
    OPENSSL(X509_sign_ctx(certificate, ctx));
    if (EVP_PKEY_is_a(key, "ED25519"))
        soft_token_ignore_leaks(false);
    EVP_MD_CTX_free(ctx);
    return certificate;
}

static void
certificates_signed_with_every_key_type_verify(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < HSM_KEY_TYPE_COUNT; i++) {
        EVP_PKEY *key = provider_key((enum hsm_key_type)i);
        X509 *certificate =
            make_certificate(key, digest_of((enum hsm_key_type)i), false);

        OPENSSL(X509_verify(certificate, keys[i]->public_key));
        OPENSSL(X509_verify(certificate, key)); /* by the provider itself */
        OPENSSL(X509_check_private_key(certificate, key));
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
}

static void
a_pss_certificate_names_its_parameters(void **state)
{
    EVP_PKEY *key = provider_key(HSM_KEY_RSA_3072);
    X509 *certificate =
        make_certificate(key, digest_of(HSM_KEY_RSA_3072), true);
    const X509_ALGOR *algorithm;
    unsigned char *der = NULL;
    const uint8_t *ours;
    size_t len;
    int der_len;

    (void)state;
    OPENSSL(X509_verify(certificate, keys[HSM_KEY_RSA_3072]->public_key));
    X509_get0_signature(NULL, &algorithm, certificate);
    der_len = i2d_X509_ALGOR(algorithm, &der);
    ours = hsm_scheme_algorithm(HSM_RSA_PSS_SHA256, &len);
    assert_int_equal(der_len, len);
    assert_memory_equal(der, ours, len);
    OPENSSL_free(der);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void
a_request_proves_possession_of_a_token_key(void **state)
{
    EVP_PKEY *key = provider_key(HSM_KEY_EC_P384);
    X509_REQ *request = X509_REQ_new();

    (void)state;
    OPENSSL(X509_REQ_set_pubkey(request, key));
    OPENSSL(X509_REQ_sign(request, key, NULL)); /* the curve's own digest */
    OPENSSL(X509_REQ_verify(request, keys[HSM_KEY_EC_P384]->public_key));
    X509_REQ_free(request);
    EVP_PKEY_free(key);
}

static void
cms_signed_with_a_token_key_verifies(void **state)
{
    static const enum hsm_key_type types[] = {HSM_KEY_RSA_2048, HSM_KEY_EC_P256,
                                              HSM_KEY_EC_P384};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof types / sizeof types[0]; i++) {
        EVP_PKEY *key = provider_key(types[i]);
        X509 *certificate = make_certificate(key, digest_of(types[i]), false);
        BIO *in = BIO_new_mem_buf("a protocol", -1);
        CMS_ContentInfo *cms = CMS_sign(certificate, key, NULL, in, CMS_BINARY);
        unsigned char *der = NULL;
        const unsigned char *p;
        int len;

        if (cms == NULL)
            ERR_print_errors_fp(stderr);
        assert_non_null(cms);
        OPENSSL(len = i2d_CMS_ContentInfo(cms, &der));
        OPENSSL(CMS_verify(cms, NULL, NULL, NULL, NULL,
                           CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY));
        CMS_ContentInfo_free(cms);
        p = der;
        cms = d2i_CMS_ContentInfo(NULL, &p, len);
        OPENSSL(CMS_verify(cms, NULL, NULL, NULL, NULL,
                           CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY));
        CMS_ContentInfo_free(cms);
        OPENSSL_free(der);
        BIO_free(in);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
}

static SSL_CTX *
tls_context(const SSL_METHOD *method, int version, X509 *certificate,
            EVP_PKEY *key)
{
    SSL_CTX *ctx = SSL_CTX_new(method);

    assert_non_null(ctx);
    OPENSSL(SSL_CTX_set_min_proto_version(ctx, version));
    OPENSSL(SSL_CTX_set_max_proto_version(ctx, version));
    OPENSSL(SSL_CTX_use_certificate(ctx, certificate));
    OPENSSL(SSL_CTX_use_PrivateKey(ctx, key));
    OPENSSL(SSL_CTX_check_private_key(ctx));
    OPENSSL(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), certificate));
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       NULL);
    return ctx;
}

/* Both sides in one thread, over a pair of BIOs. */
static void
shake_hands(SSL_CTX *server_ctx, SSL_CTX *client_ctx)
{
    SSL *server = SSL_new(server_ctx), *client = SSL_new(client_ctx);
    BIO *one, *other;
    int i, c = 0, s = 0;

    OPENSSL(BIO_new_bio_pair(&one, 0, &other, 0));
    SSL_set_bio(server, one, one);
    SSL_set_bio(client, other, other);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    ERR_clear_error();
    for (i = 0; i < 50 && (c != 1 || s != 1); i++) {
        c = SSL_do_handshake(client);
        s = SSL_do_handshake(server);
    }
    if (c != 1 || s != 1)
        ERR_print_errors_fp(stderr);
    assert_int_equal(c, 1);
    assert_int_equal(s, 1);
    assert_int_equal(SSL_get_verify_result(client), X509_V_OK);
    assert_int_equal(SSL_get_verify_result(server), X509_V_OK);
    SSL_free(server);
    SSL_free(client);
}

static void
tls_is_spoken_with_token_keys_on_both_sides(void **state)
{
    static const enum hsm_key_type types[] = {HSM_KEY_RSA_2048, HSM_KEY_EC_P256,
                                              HSM_KEY_ED25519};
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    size_t i, v;

    (void)state;
    for (i = 0; i < sizeof types / sizeof types[0]; i++) {
        EVP_PKEY *key = provider_key(types[i]);
        X509 *certificate = make_certificate(key, digest_of(types[i]), false);

        for (v = 0; v < 2; v++) {
            SSL_CTX *server =
                tls_context(TLS_server_method(), versions[v], certificate, key);
            SSL_CTX *client =
                tls_context(TLS_client_method(), versions[v], certificate, key);

            if (types[i] == HSM_KEY_ED25519)
                soft_token_ignore_leaks(true);
            shake_hands(server, client);
            if (types[i] == HSM_KEY_ED25519)
                soft_token_ignore_leaks(false);
            SSL_CTX_free(server);
            SSL_CTX_free(client);
        }
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
}

static void
a_digest_that_the_key_does_not_take_is_refused(void **state)
{
    EVP_PKEY *key = provider_key(HSM_KEY_EC_P256);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    (void)state;
    assert_true(EVP_DigestSignInit(ctx, NULL, EVP_sha512(), NULL, key) <= 0);
    assert_true(EVP_DigestSignInit(ctx, NULL, EVP_sha1(), NULL, key) <= 0);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();
}

static void
another_salt_than_the_digests_length_is_refused(void **state)
{
    EVP_PKEY *key = provider_key(HSM_KEY_RSA_2048);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_ctx = NULL;

    (void)state;
    OPENSSL(EVP_DigestSignInit(ctx, &key_ctx, EVP_sha256(), NULL, key));
    OPENSSL(EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_PKCS1_PSS_PADDING));
    OPENSSL(EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, 32));
    assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, 20) <= 0);
    assert_true(EVP_PKEY_CTX_set_rsa_padding(key_ctx, RSA_NO_PADDING) <= 0);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    ERR_clear_error();
}

static void
the_private_part_is_not_exported(void **state)
{
    EVP_PKEY *key = provider_key(HSM_KEY_EC_P256);
    BIO *out = BIO_new(BIO_s_mem());
    OSSL_PARAM *params = NULL;

    (void)state;
    assert_true(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params) <= 0);
    assert_true(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) <=
                0);
    OPENSSL(PEM_write_bio_PUBKEY(out, key));
    BIO_free(out);
    EVP_PKEY_free(key);
    ERR_clear_error();
}

static void
software_keys_are_made_by_openssl_as_before(void **state)
{
    EVP_PKEY *token_key = provider_key(HSM_KEY_EC_P256);
    EVP_PKEY *ec = EVP_EC_gen("P-256"), *rsa = EVP_RSA_gen(2048);
    EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    X509 *certificate;

    (void)state;
    assert_non_null(ec);
    assert_non_null(rsa);
    assert_non_null(ed);
    certificate = make_certificate(ec, EVP_sha256(), false);
    OPENSSL(X509_verify(certificate, ec));
    assert_int_not_equal(X509_check_private_key(certificate, token_key), 1);
    X509_free(certificate);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ed);
    EVP_PKEY_free(token_key);
    ERR_clear_error();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_signed_with_every_key_type_verify),
        cmocka_unit_test(a_pss_certificate_names_its_parameters),
        cmocka_unit_test(a_request_proves_possession_of_a_token_key),
        cmocka_unit_test(cms_signed_with_a_token_key_verifies),
        cmocka_unit_test(tls_is_spoken_with_token_keys_on_both_sides),
        cmocka_unit_test(a_digest_that_the_key_does_not_take_is_refused),
        cmocka_unit_test(another_salt_than_the_digests_length_is_refused),
        cmocka_unit_test(the_private_part_is_not_exported),
        cmocka_unit_test(software_keys_are_made_by_openssl_as_before),
    };

    return cmocka_run_group_tests_name("hsm_provider", tests, set_up,
                                       tear_down);
}
